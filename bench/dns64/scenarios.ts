/** What is asked of each server in a round, and the figures that come of it. */
import type { Sample } from '../throughput/scenario.js';
import type { BenchHost } from './bench-host.js';
import { dnsperf, type Generator, type Load, type Names, ownGenerator } from './generators.js';
import { cpuSeconds } from './process-time.js';
import { type RunningServer, type Zone, zones } from './servers.js';

export interface RunOptions {
  seconds: number;
  names: number;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly generator: Generator;
  /** One run; the rounds are counted from 0. Rejects when there is no figure to tell. */
  run(bench: BenchHost, running: RunningServer, options: RunOptions, round: number): Promise<Sample[]>;
}

/** How many times the names of a cached run a cold one has: they are asked once, and the run is to last. */
const COLD_TIMES = 3;

/** The figures of a load that took the server so many CPU seconds. */
export function samplesOf({ asked, answered, wrong, lost, seconds }: Load, serverSeconds: number): Sample[] {
  if (answered === 0) throw new Error(`none of ${asked} questions was answered as it should be`);
  const percent = (count: number) => (asked === 0 ? 0 : (count / asked) * 100);
  return [
    { metric: 'rate', unit: 'answers/s', better: 'higher', value: answered / seconds },
    { metric: 'cpu', unit: 'µs/answer', better: 'lower', value: (serverSeconds / answered) * 1e6 },
    { metric: 'lost', unit: '%', better: 'lower', value: percent(lost) },
    { metric: 'wrong', unit: '%', better: 'lower', value: percent(wrong) },
  ];
}

async function measure(
  bench: BenchHost,
  { server, pid }: RunningServer,
  generator: Generator,
  names: Names,
  seconds: number | 'once',
): Promise<Sample[]> {
  const before = await cpuSeconds(pid);
  const load = await generator.run(bench, server, names, seconds);
  return samplesOf(load, (await cpuSeconds(pid)) - before);
}

function cached(what: string, zone: Zone, generator: Generator, title: string): Scenario {
  return {
    name: `cached-${what}-${generator.name}`,
    title,
    generator,
    async run(bench, running, { names: count, seconds }) {
      const names = { zone, first: 0, count };
      await ownGenerator.run(bench, running.server, names, 'once');
      return measure(bench, running, generator, names, seconds);
    },
  };
}

function cold(index: number, generator: Generator): Scenario {
  return {
    name: `cold-${generator.name}`,
    title: 'Names that have only A, each asked once, by way of the upstream server',
    generator,
    run(bench, running, { names }, round) {
      const count = names * COLD_TIMES;
      // Past those of the cached runs, and of all others of this kind.
      const first = names + (round * 2 + index) * count;
      return measure(bench, running, generator, { zone: zones.ipv4Only, first, count }, 'once');
    },
  };
}

const SYNTHETIC = 'AAAA of names that have only A, all in the cache';
const NATIVE = 'AAAA of names that have it, all in the cache';

export const scenarios: readonly Scenario[] = [
  cached('synthetic', zones.ipv4Only, dnsperf, SYNTHETIC),
  cached('synthetic', zones.ipv4Only, ownGenerator, SYNTHETIC),
  cached('native', zones.native, dnsperf, NATIVE),
  cached('native', zones.native, ownGenerator, NATIVE),
  cold(0, dnsperf),
  cold(1, ownGenerator),
];
