/**
 * A benchmark from beginning to end: the tester's own ceiling first, then the measurements in the order asked for.
 *
 *     engine.ts   the traffic engine             rfc8219.ts  throughput, loss, latency, PDV
 *     trial.ts    one trial, and its outcome     rfc9693.ts  phase 1, establishment, tear-down, capacity
 *     search.ts   searches over trials           report.ts   figures as a table and as JSON
 */
import { errors } from '../errors.js';
import { type Engine, stream } from './engine.js';
import { measureLatency, measureLoss, measurePdv, measureThroughput } from './rfc8219.js';
import { measureCapacity, measureEstablishment, measureTearDown } from './rfc9693.js';
import { median, summarize } from './summary.js';
import { type Direction, type Ends, endsOf, type Traffic } from './trial.js';

export const STATELESS = ['throughput', 'loss', 'latency', 'pdv'] as const;
export const STATEFUL = [...STATELESS, 'establishment', 'teardown', 'capacity'] as const;
export type Measurement = (typeof STATEFUL)[number];

export interface BenchOptions {
  /** Frame sizes on the IPv6 side, with the FCS. */
  frameBytes: readonly number[];
  direction: Direction;
  durationMs: number;
  /** How often each measurement is repeated. */
  runs: number;
  /** Share of frames that may be lost in a passing trial; 0 is RFC 2544's definition of throughput. */
  lossTolerance: number;
  /** Searches end when the answer is known to within this share of itself. */
  resolution: number;
  /** Highest rate tried, frames a second; null: the tester's ceiling. */
  maxRate: number | null;
  /** Rate of loss, latency and PDV; null: the throughput, which is measured then (loss: the highest rate tried). */
  rate: number | null;
  /** Rate at which phase 1 fills the table (RFC 9693); null: a fifth of the ceiling, 50,000 at most. */
  setupRate: number | null;
  /** First and last size that the search for the table's capacity tries. */
  capacity: { start: number; most: number };
}

/** One line of the result. */
export interface Figure {
  measurement: string;
  frameBytes: number;
  direction: Direction;
  /** Offered load, frames a second in each direction; null where it is the result. */
  rate: number | null;
  unit: 'frames/s' | '%' | 'µs' | 'connections/s' | 'connections';
  /** One of each run. */
  values: number[];
  median: number;
  p1: number;
  p99: number;
  /** The tester may have been the limit, not the device. */
  limitedByTester: boolean;
  notes: string[];
}

export interface Ceiling {
  frameBytes: number;
  direction: Direction;
  /** What the tester sends and receives over a cable to itself; in each direction. */
  framesPerSecond: number;
}

/** What the measurements share. */
export interface Bench {
  engine: Engine;
  traffic: Traffic;
  ends: Ends;
  options: BenchOptions;
  ceilingOf(frameBytes: number, direction: Direction): number;
  /** Empties the device's table and answers how long that took, ms; null when nobody said how. */
  clear: ((signal?: AbortSignal) => Promise<number>) | null;
  /** Tells people what goes on. */
  say(text: string): void;
  found(figure: Figure): void;
  signal: AbortSignal | undefined;
}

export interface BenchSetup extends Omit<Bench, 'ends' | 'ceilingOf'> {
  /** Opens the tester's cable to itself. */
  openLoop(): Promise<Engine>;
  measurements: readonly Measurement[];
  /** Called with each ceiling, before any measurement. */
  ceiling(ceiling: Ceiling): void;
}

/** A result above this share of the tester's ceiling may be the tester's, not the device's. */
export const LIMITED_SHARE = 0.8;
const CEILING_MS = 1000;
const CEILING_RUNS = 3;

/** Runs a benchmark. Rejects with PLT_BENCH_FAILED, or PLT_ABORTED when the signal ends it. */
export async function runBench(setup: BenchSetup): Promise<void> {
  const { options, measurements } = setup;
  const ceilings = await measureCeilings(setup);
  const bench: Bench = {
    ...setup,
    ends: endsOf(setup.traffic),
    ceilingOf(frameBytes, direction) {
      const found = ceilings.find((row) => row.frameBytes === frameBytes && row.direction === direction);
      if (found === undefined) throw new RangeError('a ceiling that was not measured');
      return found.framesPerSecond;
    },
  };
  const throughputs = new Map<number, number>();
  const rateOf = async (frameBytes: number): Promise<number> => {
    const known = options.rate ?? throughputs.get(frameBytes);
    if (known !== undefined) return known;
    setup.say(`${frameBytes} bytes: the throughput first, since no rate was given`);
    const rate = await measureThroughput(bench, frameBytes);
    throughputs.set(frameBytes, rate);
    return rate;
  };
  for (const measurement of measurements) {
    if (measurement === 'establishment') await measureEstablishment(bench);
    else if (measurement === 'teardown') await measureTearDown(bench);
    else if (measurement === 'capacity') await measureCapacity(bench);
    else {
      for (const frameBytes of options.frameBytes) {
        if (measurement === 'throughput') throughputs.set(frameBytes, await measureThroughput(bench, frameBytes));
        if (measurement === 'loss') await measureLoss(bench, frameBytes);
        if (measurement === 'latency') await measureLatency(bench, frameBytes, await rateOf(frameBytes));
        if (measurement === 'pdv') await measurePdv(bench, frameBytes, await rateOf(frameBytes));
      }
    }
  }
}

/** What the tester can do by itself, for each size and direction that will be measured. */
async function measureCeilings(setup: BenchSetup): Promise<Ceiling[]> {
  const { options, measurements, signal } = setup;
  const wanted = new Map<string, Omit<Ceiling, 'framesPerSecond'>>();
  const want = (frameBytes: number, direction: Direction) =>
    wanted.set(`${frameBytes} ${direction}`, { frameBytes, direction });
  for (const frameBytes of options.frameBytes) want(frameBytes, options.direction);
  // Connections are opened by the IPv6 side alone.
  if (setup.traffic.stateful || measurements.some((name) => !isStateless(name))) {
    for (const frameBytes of options.frameBytes) want(frameBytes, '6to4');
  }
  const loop = await setup.openLoop();
  try {
    const ceilings: Ceiling[] = [];
    for (const { frameBytes, direction } of wanted.values()) {
      const rates: number[] = [];
      for (let run = 0; run < CEILING_RUNS; run++) {
        const streams = ([0, 1] as const)
          .filter((from) => direction === 'both' || (direction === '6to4') === (from === 0))
          .map((from) => loopStream(from, frameBytes, setup.traffic.flows, Math.min(CEILING_MS, options.durationMs)));
        const result = await loop.run({ streams }, signal);
        rates.push(
          Math.min(
            ...result.streams.map(({ received, elapsedNs }) => (elapsedNs === 0 ? 0 : (received * 1e9) / elapsedNs)),
          ),
        );
      }
      const ceiling = { frameBytes, direction, framesPerSecond: Math.floor(median(rates)) };
      if (ceiling.framesPerSecond === 0) throw errors.benchFailed('the tester receives nothing from itself');
      setup.ceiling(ceiling);
      ceilings.push(ceiling);
    }
    return ceilings;
  } finally {
    loop.close();
  }
}

function isStateless(name: Measurement): boolean {
  return (STATELESS as readonly string[]).includes(name);
}

// Over its own cable either side sends its family's frames to nobody.
function loopStream(from: 0 | 1, frameBytes: number, flows: number, durationMs: number) {
  const [source, destination] = from === 0 ? ['2001:db8::1', '2001:db8::2'] : ['192.0.2.1', '192.0.2.2'];
  return stream({
    from,
    sources: [source],
    destinations: [destination],
    frameBytes: [from === 0 ? frameBytes : frameBytes - 20],
    flows,
    durationMs,
  });
}

/** A figure of several runs. */
export function figure(
  bench: Bench,
  of: Pick<Figure, 'measurement' | 'frameBytes' | 'direction' | 'rate' | 'unit' | 'values'> & Partial<Figure>,
): void {
  bench.found({ limitedByTester: false, notes: [], ...summarize(of.values), ...of });
}
