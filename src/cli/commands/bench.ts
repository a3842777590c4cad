/** `platypus bench siit|nat64 MEASUREMENT… --v6 [NS:]DEV --v4 [NS:]DEV …` */
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { type Measurement, runBench, STATEFUL, STATELESS } from '../../bench/bench.js';
import { runClear } from '../../bench/clear.js';
import { DESTINATION_PORTS, openEngine, parseMac, parseSide, range, SOURCE_PORTS } from '../../bench/engine.js';
import { ceilingText, deviationsOf, FIGURE_COLUMNS, type Report, RFC_SIZES } from '../../bench/report.js';
import type { Direction, Traffic } from '../../bench/trial.js';
import { parseAddress, parsePortRange, parsePrefix } from '../../config/address.js';
import { errors } from '../../errors.js';
import { embed } from '../../explain/rfc6052.js';
import type { TesterSide } from '../../native/addon.js';
import { createOutput, type Io } from '../io.js';
import { readWhole } from '../options.js';
import { createTable } from '../table.js';
import { packageVersion } from '../version.js';

interface Options {
  v6: string;
  v4: string;
  mac6?: string;
  mac4?: string;
  pool6: { address: string; length: number };
  pool4?: string;
  client6: string;
  clients: number;
  server4: string;
  servers: number;
  clientPorts: Ports;
  serverPorts: Ports;
  protocol: 'udp' | 'icmp';
  flows: number;
  maxFlows: number;
  size: number[];
  direction: Direction;
  duration: number;
  runs: number;
  lossTolerance: number;
  resolution: number;
  maxRate?: number;
  rate?: number;
  setupRate?: number;
  clear?: string;
  cpu?: readonly [number, number];
  quiet?: boolean;
  json?: boolean;
}

interface Ports {
  first: number;
  last: number;
}

const MOST_ADDRESSES = 1_048_576;
const MOST_FLOWS = 64_000_000;
const MOST_RATE = 100_000_000;
const LEAST_SIZE = 84;
const MOST_SIZE = 9216;

function readAddress(family: 4 | 6): (text: string) => string {
  return (text) => {
    const address = parseAddress(text);
    if (address?.family === family) return address.text;
    throw new InvalidArgumentError(`expected an IPv${family} address`);
  };
}

function readPool6(text: string): { address: string; length: number } {
  const prefix = parsePrefix(text);
  if (prefix?.family === 6 && [32, 40, 48, 56, 64, 96].includes(prefix.length)) return prefix;
  throw new InvalidArgumentError('expected an IPv6 prefix of length 32, 40, 48, 56, 64 or 96 (RFC 6052 §2.2)');
}

function readPorts(text: string): Ports {
  const ports = parsePortRange(text);
  if (ports === null) throw new InvalidArgumentError('expected a port or a range such as 1024-65535');
  return { first: ports.min, last: ports.max };
}

function readSizes(text: string): number[] {
  if (text === 'rfc8219') return RFC_SIZES;
  const sizes = text.split(',').map(Number);
  if (/^[\d,]+$/.test(text) && sizes.every((size) => size >= LEAST_SIZE && size <= MOST_SIZE))
    return [...new Set(sizes)];
  throw new InvalidArgumentError(
    `expected rfc8219, or frame sizes of the IPv6 side from ${LEAST_SIZE} to ${MOST_SIZE} such as 84,512,1518`,
  );
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d{1,4}(\.\d{1,3})?$/.test(text) && seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('expected seconds from 0.1 to 3600');
}

function readPercent(text: string): number {
  const percent = Number(text);
  if (/^\d{1,2}(\.\d+)?$/.test(text) && percent <= 50) return percent / 100;
  throw new InvalidArgumentError('expected a percentage from 0 to 50');
}

function readMacOption(text: string): string {
  if (parseMac(text) !== null) return text;
  throw new InvalidArgumentError('expected a link layer address such as 02:00:00:00:00:01');
}

function readCpus(text: string): readonly [number, number] {
  const [, send, receive] = /^(\d{1,3}),(\d{1,3})$/.exec(text) ?? [];
  if (send !== undefined && receive !== undefined) return [Number(send), Number(receive)];
  throw new InvalidArgumentError('expected two processors, for senders and for receivers, such as 0,1');
}

function portsOption(flags: string, description: string, ports: Ports): Option {
  return new Option(flags, description).argParser(readPorts).default(ports, `${ports.first}-${ports.last}`);
}

/** Adds the command. */
export function addBench(program: Command, io: Io): void {
  program
    .command('bench')
    .description('measure a translator between two interfaces (RFC 8219, RFC 9693), this one or any other')
    .addArgument(new Argument('<translator>', 'what stands between them').choices(['siit', 'nat64']))
    .addArgument(new Argument('<measurement...>', 'what to measure').choices([...STATEFUL, 'all']))
    .requiredOption('--v6 <[ns:]device>', 'interface towards IPv6')
    .requiredOption('--v4 <[ns:]device>', 'interface towards IPv4')
    .requiredOption('--pool6 <prefix>', 'the translator’s RFC 6052 prefix', readPool6)
    .option('--pool4 <address>', 'siit: IPv4 address of the first client; nat64: any address of pool4', readAddress(4))
    .requiredOption('--client6 <address>', 'first address of the IPv6 side, nobody’s own', readAddress(6))
    .option('--clients <number>', 'addresses from it on', readWhole(1, MOST_ADDRESSES), 1)
    .requiredOption('--server4 <address>', 'first address of the IPv4 side, nobody’s own', readAddress(4))
    .option('--servers <number>', 'addresses from it on', readWhole(1, MOST_ADDRESSES), 1)
    .option('--mac6 <address>', 'next hop on the IPv6 side; the kernel knows it otherwise', readMacOption)
    .option('--mac4 <address>', 'next hop on the IPv4 side', readMacOption)
    .option('--flows <number>', 'connections at a time', readWhole(1, MOST_FLOWS), 1000)
    .addOption(portsOption('--client-ports <range>', 'ports of the clients', SOURCE_PORTS))
    .addOption(portsOption('--server-ports <range>', 'ports of the servers', DESTINATION_PORTS))
    .addOption(new Option('--protocol <protocol>', 'what frames carry').choices(['udp', 'icmp']).default('udp'))
    .addOption(
      new Option('--size <bytes>', 'frame sizes of the IPv6 side with FCS, or rfc8219')
        .argParser(readSizes)
        .default([LEAST_SIZE], String(LEAST_SIZE)),
    )
    .addOption(new Option('--direction <way>', 'who sends').choices(['both', '6to4', '4to6']).default('both'))
    .option('--duration <seconds>', 'of a trial', readSeconds, 5)
    .option('--runs <number>', 'repetitions of each measurement', readWhole(1, 1000), 3)
    .option('--loss-tolerance <percent>', 'loss with which a trial still passes', readPercent, 0)
    .addOption(new Option('--resolution <percent>', 'how exact a search is').argParser(readPercent).default(0.01, '1'))
    .option('--max-rate <frames>', 'highest rate tried, frames/s; the tester’s ceiling', readWhole(1, MOST_RATE))
    .option('--rate <frames>', 'rate of loss, latency and pdv; the throughput', readWhole(1, MOST_RATE))
    .option('--setup-rate <frames>', 'rate at which connections are opened before a trial', readWhole(1, MOST_RATE))
    .option(
      '--max-flows <number>',
      'largest table the search for its capacity tries',
      readWhole(1, MOST_FLOWS),
      4_000_000,
    )
    .option('--clear <command>', 'shell command that empties the translator’s table')
    .option('--cpu <send,receive>', 'processors for the tester’s threads', readCpus)
    .option('--quiet', 'no progress on standard error')
    .option('--json', 'print one JSON object at the end')
    .action(async (translator: 'siit' | 'nat64', wanted: string[], options: Options) => {
      const stopping = new AbortController();
      const stop = () => stopping.abort();
      const forget = [io.onSignal('SIGINT', stop), io.onSignal('SIGTERM', stop)];
      try {
        await bench(io, translator, measurementsOf(translator, wanted, options), options, stopping.signal);
      } finally {
        for (const stopListening of forget) stopListening();
      }
    });
}

function measurementsOf(translator: 'siit' | 'nat64', wanted: readonly string[], options: Options): Measurement[] {
  const possible: readonly Measurement[] = translator === 'siit' ? STATELESS : STATEFUL;
  const stateful = wanted.find((name) => name !== 'all' && !possible.some((known) => known === name));
  if (stateful !== undefined) {
    throw errors.usage(`found ${stateful} of a stateless translator, expected ${STATELESS.join(', ')} or all`);
  }
  const chosen = possible.filter((name) => wanted.includes(name) || wanted.includes('all'));
  const clearing = chosen.find((name) => !STATELESS.some((known) => known === name));
  if (clearing !== undefined && options.clear === undefined) {
    throw errors.usage(`${clearing} needs an empty table before each trial, expected --clear COMMAND`);
  }
  return chosen;
}

function trafficOf(translator: 'siit' | 'nat64', options: Options): Traffic {
  const { client6, clients, server4, servers, flows, clientPorts, protocol } = options;
  const stateful = translator === 'nat64';
  if (options.pool4 === undefined && (!stateful || options.mac4 === undefined)) {
    throw errors.usage(
      stateful
        ? 'found no --pool4, expected an address of pool4 to find the way to the translator, or --mac4'
        : 'found no --pool4, expected the IPv4 address of the first client',
    );
  }
  // An echo has an identifier, which is the client's, and no other port.
  const serverPorts = protocol === 'icmp' ? { first: 0, last: 0 } : options.serverPorts;
  const portsOf = ({ first, last }: Ports) => last - first + 1;
  const most = clients * servers * portsOf(clientPorts) * portsOf(serverPorts);
  if (flows > most) {
    throw errors.usage(
      `found --flows ${flows}, expected at most ${most}: there are no more combinations of these addresses and ports`,
    );
  }
  const servers4 = range(server4, servers);
  return {
    stateful,
    protocol,
    clients6: range(client6, clients),
    clients4: stateful || options.pool4 === undefined ? [] : range(options.pool4, clients),
    servers4,
    servers6: servers4.map((address) => embed(options.pool6, address)),
    clientPorts,
    serverPorts,
    flows,
  };
}

function sideOf(option: string, text: string, destination: string, mac: string | undefined): TesterSide {
  const side = parseSide(text, destination, mac ?? null);
  if (side !== null) return side;
  throw errors.usage(`${option}: found "${text}", expected an interface such as eth0, or NAMESPACE:eth0`);
}

async function bench(
  io: Io,
  translator: 'siit' | 'nat64',
  measurements: readonly Measurement[],
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  const traffic = trafficOf(translator, options);
  const sides = [
    sideOf('--v6', options.v6, traffic.servers6[0] ?? '', options.mac6),
    sideOf('--v4', options.v4, options.pool4 ?? '', options.mac4),
  ] as const;
  const { clear } = options;
  const benchOptions = {
    frameBytes: options.size,
    direction: options.direction,
    durationMs: options.duration * 1000,
    runs: options.runs,
    lossTolerance: options.lossTolerance,
    resolution: options.resolution,
    maxRate: options.maxRate ?? null,
    rate: options.rate ?? null,
    setupRate: options.setupRate ?? null,
    capacity: { start: options.flows, most: Math.max(options.flows, options.maxFlows) },
  };
  const report: Report = {
    version: packageVersion(),
    translator,
    ceilings: [],
    deviations: deviationsOf(benchOptions, measurements),
    figures: [],
  };
  const output = createOutput(io.stdout);
  const table = createTable(FIGURE_COLUMNS);
  // Lines are printed as they are found, in order; a reader that went away does not end a measurement.
  const line = (text: string) => void output.line(text);
  const say = (text: string) => void (options.quiet === true || io.stderr.write(`${text}\n`));
  const print = (text: string) => (options.json === true ? say(text) : line(text));

  const addon = io.loadAddon();
  const cpus = options.cpu === undefined ? {} : { cpus: [options.cpu, options.cpu] };
  const needsTable = measurements.includes('capacity') ? benchOptions.capacity.most : traffic.flows;
  const engine = await openEngine(addon, { sides, ...cpus, stateFlows: traffic.stateful ? needsTable : 0 });
  try {
    for (const deviation of report.deviations) print(`not as the RFCs: ${deviation}`);
    await runBench({
      engine,
      openLoop: () => openEngine(addon, { sides: null, ...cpus }),
      traffic,
      options: benchOptions,
      measurements,
      clear: clear === undefined ? null : (stop) => runClear(clear, stop),
      say,
      signal,
      ceiling(found) {
        report.ceilings.push(found);
        print(ceilingText(found));
      },
      found(figure) {
        report.figures.push(figure);
        if (options.json !== true) line(table.lines([figure]).join('\n'));
      },
    });
  } finally {
    engine.close();
  }
  if (options.json === true) await output.line(JSON.stringify(report, null, 2));
}
