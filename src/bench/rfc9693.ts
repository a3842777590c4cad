/**
 * RFC 9693: what is particular to a stateful translator. In phase 1 the initiator (IPv6) opens connections and the
 * responder (IPv4) writes down where they come from; only then can the responder send (phase 2). A connection counts as
 * established when an answer to it has come back to the initiator.
 */
import { errors } from '../errors.js';
import { type Bench, figure, LIMITED_SHARE } from './bench.js';
import { searchExponential, searchHighest } from './search.js';
import { type Outcome, runStreams, towardsV4, towardsV6 } from './trial.js';

const SETUP_SHARE = 0.2;
const SETUP_MOST = 50_000;
const SETUP_TRIES = 4;

function setupRateOf(bench: Bench, frameBytes: number): number {
  const { setupRate } = bench.options;
  return setupRate ?? Math.max(1, Math.min(SETUP_MOST, Math.floor(bench.ceilingOf(frameBytes, '6to4') * SETUP_SHARE)));
}

/** Sends one frame of each flow from the initiator at a rate; the responder records them. */
function openFlows(bench: Bench, frameBytes: number, flows: number, rate: number, seed: number): Promise<Outcome> {
  const { engine, traffic, ends, signal } = bench;
  const offer = { direction: '6to4', frameBytes, rate, durationMs: durationMs(flows, rate), seed } as const;
  const forward = towardsV4({ ...traffic, flows }, ends, offer);
  return runStreams(engine, [{ ...forward, frames: flows, state: 'record' }], signal);
}

/** Answers each recorded flow once; true when all answers arrive: the connections are there. */
async function validate(bench: Bench, frameBytes: number, flows: number, rate: number): Promise<boolean> {
  const { engine, traffic, ends, signal } = bench;
  const offer = { direction: '4to6', frameBytes, rate, durationMs: durationMs(flows, rate) } as const;
  const back = towardsV6({ ...traffic, flows }, ends, offer);
  const outcome = await runStreams(engine, [{ ...back, frames: flows }], signal);
  return outcome.flows[0]?.received === flows;
}

const durationMs = (frames: number, rate: number): number => (frames / rate) * 1000;

/**
 * Phase 1 before a phase 2: every flow passes once, so that all are in both tables. Slower when some are lost. Rejects
 * with PLT_BENCH_FAILED when the device does not take them.
 */
export async function establish(bench: Bench, frameBytes: number): Promise<void> {
  const { flows } = bench.traffic;
  let rate = setupRateOf(bench, frameBytes);
  let arrived = 0;
  for (let attempt = 0; attempt < SETUP_TRIES; attempt++) {
    bench.engine.clearState();
    const outcome = await openFlows(bench, frameBytes, flows, rate, 1);
    arrived = outcome.flows[0]?.received ?? 0;
    if (arrived === flows) return;
    rate = Math.max(1, Math.floor(rate / 2));
  }
  throw errors.benchFailed(
    `${arrived} of ${flows} flows came through the device in phase 1, expected all (fewer --flows, or a lower --setup-rate)`,
  );
}

function needClear(bench: Bench, measurement: string): (signal?: AbortSignal) => Promise<number> {
  if (bench.clear !== null) return bench.clear;
  throw errors.benchFailed(`${measurement} needs an empty table before each trial, expected --clear COMMAND`);
}

async function empty(bench: Bench, measurement: string): Promise<number> {
  const ms = await needClear(bench, measurement)(bench.signal);
  bench.engine.clearState();
  return ms;
}

const smallest = (bench: Bench): number => Math.min(...bench.options.frameBytes);

/** Opens flows in an empty table, and asks for all of them back. */
async function established(
  bench: Bench,
  measurement: string,
  flows: number,
  rate: number,
  seed: number,
): Promise<{ pass: boolean; outcome: Outcome }> {
  const frameBytes = smallest(bench);
  await empty(bench, measurement);
  const outcome = await openFlows(bench, frameBytes, flows, rate, seed);
  const arrived = outcome.flows[0]?.received ?? 0;
  const setup = setupRateOf(bench, frameBytes);
  const pass =
    outcome.keptRate && arrived === flows && (await validate(bench, frameBytes, flows, Math.min(rate, setup)));
  bench.say(
    `${measurement}: ${flows} connections at ${rate}/s, ${arrived} arrived, ${pass ? 'all' : 'not all'} answered`,
  );
  return { pass, outcome };
}

/** RFC 9693: the highest rate at which all of N new connections are established, into an empty table each time. */
export async function measureEstablishment(bench: Bench): Promise<void> {
  const { options, traffic } = bench;
  const frameBytes = smallest(bench);
  const ceiling = bench.ceilingOf(frameBytes, '6to4');
  const high = Math.max(1, options.maxRate ?? ceiling);
  const values: number[] = [];
  let testerFailed = false;
  for (let run = 1; run <= options.runs; run++) {
    values.push(
      await searchHighest({
        low: 0,
        high,
        resolution: options.resolution,
        async passes(rate) {
          const { pass, outcome } = await established(bench, 'establishment', traffic.flows, rate, run);
          if (!outcome.keptRate || outcome.testerLost > 0) testerFailed = true;
          return pass;
        },
      }),
    );
  }
  figure(bench, {
    measurement: 'establishment',
    frameBytes,
    direction: '6to4',
    rate: null,
    unit: 'connections/s',
    values,
    limitedByTester: values.some((value) => value > ceiling * LIMITED_SHARE),
    notes: [
      `${traffic.flows} connections a trial`,
      ...(values.some((value) => value === high) ? ['the highest rate tried'] : []),
      ...(testerFailed ? ['the tester failed in some trials above this rate'] : []),
    ],
  });
}

/** RFC 9693: connections taken down a second: N of them by the clearing command, less what it takes with an empty table. */
export async function measureTearDown(bench: Bench): Promise<void> {
  const { options, traffic } = bench;
  const frameBytes = smallest(bench);
  const values: number[] = [];
  const notes = [`${traffic.flows} connections a trial`];
  for (let run = 1; run <= options.runs; run++) {
    await empty(bench, 'teardown');
    const idleMs = await empty(bench, 'teardown');
    await establish(bench, frameBytes);
    if (!(await validate(bench, frameBytes, traffic.flows, setupRateOf(bench, frameBytes)))) {
      throw errors.benchFailed('not all connections answer before the tear-down, expected all (fewer --flows)');
    }
    const fullMs = await empty(bench, 'teardown');
    bench.say(
      `teardown: ${traffic.flows} connections in ${fullMs.toFixed(1)} ms, an empty table in ${idleMs.toFixed(1)} ms`,
    );
    if (fullMs > idleMs) values.push((traffic.flows * 1000) / (fullMs - idleMs));
    else notes.push(`run ${run}: no slower than with an empty table, more --flows would tell`);
  }
  if (values.length === 0) {
    bench.say('teardown: no figure, clearing a full table took no longer than an empty one; try more --flows');
    return;
  }
  figure(bench, {
    measurement: 'teardown',
    frameBytes,
    direction: '6to4',
    rate: null,
    unit: 'connections/s',
    values,
    notes,
  });
}

/** RFC 9693: how many connections the table holds: doubled until one is missing, then the interval is halved. */
export async function measureCapacity(bench: Bench): Promise<void> {
  const { options } = bench;
  const frameBytes = smallest(bench);
  const rate = setupRateOf(bench, frameBytes);
  const values: number[] = [];
  const notes = [`opened at ${rate}/s`];
  for (let run = 1; run <= options.runs; run++) {
    let arrived: number | null = null;
    const holds = async (flows: number) => {
      // A frame lost on the way is no full table: half the rate decides.
      for (const slower of [1, 2]) {
        const offered = Math.max(1, Math.floor(rate / slower));
        const { pass, outcome } = await established(bench, 'capacity', flows, offered, run);
        if (pass) return true;
        arrived = outcome.flows[0]?.received ?? null;
      }
      return false;
    };
    const { pass, fail } = await searchExponential(options.capacity.start, options.capacity.most, holds);
    if (fail === null) {
      notes.push(`at least: the most that was tried (--max-flows ${options.capacity.most})`);
      values.push(pass);
      continue;
    }
    // A full table lets through as many as it holds, which is the first guess.
    values.push(
      await searchHighest({
        low: pass,
        high: fail,
        failed: true,
        resolution: options.resolution,
        passes: holds,
        likely: () => arrived,
      }),
    );
  }
  figure(bench, {
    measurement: 'capacity',
    frameBytes,
    direction: '6to4',
    rate: null,
    unit: 'connections',
    values,
    notes: [...new Set(notes)],
  });
}
