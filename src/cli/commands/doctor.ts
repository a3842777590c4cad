/** `platypus doctor` */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { parseAddress, parseAddressAndPort } from '../../config/address.js';
import { DEFAULT_SOCKET } from '../../config/schema.js';
import { createClient } from '../../control/client.js';
import { fromCode } from '../../doctor/code.js';
import { checks, examine } from '../../doctor/doctor.js';
import { takeSurvey } from '../../doctor/survey/survey.js';
import { nothingSaid, reportLines } from '../../doctor/text.js';
import { errors } from '../../errors.js';
import type { Endpoint } from '../../stun/attributes.js';
import { STUN_PORT } from '../../stun/numbers.js';
import { chosenSocket } from '../command.js';
import { ExitWith } from '../exit.js';
import { createOutput, type Io, type Output } from '../io.js';
import { collect } from '../options.js';

interface Options {
  config?: string;
  uplink?: string[];
  resolver?: string[];
  responder?: Endpoint;
  only?: string[];
  json?: boolean;
  code?: string[];
  list?: boolean;
}

/** Beside 0, 1 (it could not look) and 2 (usage). */
const EXIT_WARNINGS = 3;
const EXIT_FAULTS = 4;

const MOST_MS = 60_000;

/** Adds the command. */
export function addDoctor(program: Command, io: Io): void {
  program
    .command('doctor')
    .description('look for what is wrong with IPv4 over this IPv6 network; needs root for some of it')
    .option('-c, --config <file>', 'file of the translator; that of the running one unless told')
    .option('--uplink <device>', 'device towards the network, that of the CLAT unless told; may be repeated', collect)
    .option('--resolver <address>', 'a further resolver to ask; may be repeated', readResolver)
    .option(
      '--responder <address>',
      'who answers behind the NAT64, with #port unless 3478; DNS is asked unless told',
      readResponder,
    )
    .option('--only <check>', 'name or number of a check; may be repeated', readCheck)
    .option('--json', 'print the report and all that was seen as a JSON object')
    .option('--code <code>', 'tell what a code from the phone stands for, and look at nothing', readCode)
    .option('--list', 'list the checks, and look at nothing')
    .addHelpText('after', '\nExit code: 0 nothing found, 3 warnings, 4 faults, 1 it could not look.')
    .action(async (options: Options, command: Command) => {
      const output = createOutput(io.stdout);
      if (options.code !== undefined) {
        if (options.code.length === 0) await output.line('nothing was found');
        else await listChecks(output, options.code);
        return;
      }
      if (options.list === true) {
        await listChecks(output, null);
        return;
      }
      await look(command, io, output, options);
    });
}

async function look(command: Command, io: Io, output: Output, options: Options): Promise<void> {
  const interrupted = new AbortController();
  const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(MOST_MS)]);
  const end = () => interrupted.abort(new Error('interrupted'));
  const forget = [io.onSignal('SIGINT', end), io.onSignal('SIGTERM', end)];
  try {
    const survey = await takeSurvey({
      addon: io.loadAddon(),
      client: createClient(chosenSocket(command, io) ?? DEFAULT_SOCKET, signal),
      file: options.config ?? null,
      uplinks: options.uplink ?? [],
      resolvers: options.resolver ?? [],
      responder: options.responder ?? null,
      signal,
    });
    const report = examine(survey, options.only);
    if (report.findings.length === 0) throw errors.usage(nothingSaid(survey, options.only ?? []));
    if (options.json) await output.line(JSON.stringify({ ...report, survey }, null, 2));
    else await output.line(reportLines(survey, report).join('\n'));
    if (report.counts.fault > 0) throw new ExitWith(EXIT_FAULTS);
    if (report.counts.warning > 0) throw new ExitWith(EXIT_WARNINGS);
  } finally {
    for (const stopListening of forget) stopListening();
  }
}

async function listChecks(output: Output, numbers: readonly string[] | null): Promise<void> {
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const number of numbers ?? checks.map((check) => check.number)) {
    const found = checks.find((check) => check.number === number);
    await output.line(
      found === undefined ? `${number} is of another version` : `${number} ${found.name.padEnd(width)}  ${found.title}`,
    );
  }
}

function readCode(text: string): string[] {
  const numbers = fromCode(text);
  if (numbers !== null) return numbers;
  throw new InvalidArgumentError('expected a code such as 0341-45: its last two digits do not fit the others');
}

function readResolver(text: string, before: string[] = []): string[] {
  if (parseAddress(text.split('%')[0] ?? '') !== null) return [...before, text];
  throw new InvalidArgumentError('expected an IPv4 or IPv6 address');
}

function readResponder(text: string): Endpoint {
  const parsed = parseAddressAndPort(text, STUN_PORT);
  if (parsed?.address.family === 4) return { address: parsed.address.text, port: parsed.port };
  throw new InvalidArgumentError('expected an IPv4 address such as 203.0.113.5 or 203.0.113.5#3478');
}

function readCheck(text: string, before: string[] = []): string[] {
  if (checks.some(({ name, number }) => name === text || number === text)) return [...before, text];
  throw new InvalidArgumentError('expected the name or number of a check: platypus doctor --list');
}
