/** `platypus drain` and `platypus undrain` */
import { type Command, InvalidArgumentError } from 'commander';
import type { DrainStatus } from '../../bgp-lite/drain.js';
import { formatDuration, parseDurationSeconds } from '../../config/duration.js';
import type { ControlClient } from '../../control/client.js';
import { withClient } from '../command.js';
import type { Io } from '../io.js';
import { readWhole } from '../options.js';

interface Options {
  sessions?: number;
  timeout?: number;
  wait?: boolean;
  restart?: boolean;
  json?: boolean;
}

/** How often a waiting command looks, milliseconds. */
const LOOK_MS = 500;

function readTimeout(text: string): number {
  const seconds = parseDurationSeconds(text);
  if (seconds !== null && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError('expected a duration such as 300 or 5m, at most 24h');
}

function sentence(drain: DrainStatus): string {
  const left = drain.left === null ? '' : `, ${drain.left} sessions left`;
  if (drain.state === 'none') return 'no drain: prefixes are announced as usual once their hold time is over';
  if (drain.state === 'drained') {
    return `drained: everything is withdrawn (${drain.ended === 'sessions' ? 'few enough sessions' : 'time is over'}${left})`;
  }
  const until = `until ${drain.sessions} sessions are left or ${formatDuration(drain.timeoutMs / 1000)} are over`;
  return `draining: announced with lowered preference ${until}${left}`;
}

/** Adds the commands. */
export function addDrain(program: Command, io: Io): void {
  program
    .command('drain')
    .description('have neighbours prefer another way, wait until few sessions are left, then withdraw everything')
    .option(
      '--sessions <number>',
      'withdraw when so many are left; the file says it otherwise',
      readWhole(0, 0xffff_ffff),
    )
    .option('--timeout <duration>', 'withdraw after that time at the latest', readTimeout)
    .option('--wait', 'return when everything is withdrawn')
    .option('--json', 'print a JSON object')
    .action(async ({ sessions, timeout, wait, json }: Options, command: Command) => {
      await withClient(command, io, async (client, output) => {
        let drain = await client.request<DrainStatus>('POST', '/v1/drain', { body: { sessions, timeout } });
        while (wait === true && drain.state === 'draining') drain = await later(client);
        await output.line(json === true ? JSON.stringify(drain, null, 2) : sentence(drain));
      });
    });
  program
    .command('undrain')
    .description('take a drain back')
    .option('--json', 'print a JSON object')
    .action(async ({ json }: Options, command: Command) => {
      await withClient(command, io, async (client, output) => {
        const drain = await client.request<DrainStatus>('DELETE', '/v1/drain');
        await output.line(json === true ? JSON.stringify(drain, null, 2) : sentence(drain));
      });
    });
  program
    .command('plan-restart')
    .description('have the next stop within two minutes be a planned restart: neighbours keep our routes (RFC 4724)')
    .action(async (_options: unknown, command: Command) => {
      await withClient(command, io, async (client, output) => {
        await client.request('POST', '/v1/restart');
        await output.line('the next stop is a planned restart: neighbours keep the routes for their restart time');
      });
    });
}

async function later(client: ControlClient): Promise<DrainStatus> {
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  const { drain } = await client.request<{ drain: DrainStatus }>('GET', '/v1/neighbors');
  return drain;
}
