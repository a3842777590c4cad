/** RFC 8219 §7: throughput, frame loss, latency and delay variation of a translator. */
import { type Bench, figure, LIMITED_SHARE } from './bench.js';
import { establish } from './rfc9693.js';
import { searchHighest } from './search.js';
import { lossOf, type Offer, type Outcome, passed, runOffer } from './trial.js';

/** One trial, after phase 1 where there is state. */
async function offer(bench: Bench, wanted: Omit<Offer, 'direction' | 'durationMs'>): Promise<Outcome> {
  const { engine, traffic, ends, options, signal } = bench;
  if (traffic.stateful) await establish(bench, wanted.frameBytes);
  const outcome = await runOffer(
    engine,
    traffic,
    ends,
    // RFC 4814 §4: any flow may be next; in turn they would please a cache.
    { ...wanted, order: 'random', direction: options.direction, durationMs: options.durationMs },
    signal,
  );
  if (outcome.testerLost > 0) bench.say(`  the tester itself lost ${outcome.testerLost} frames`);
  if (!outcome.keptRate) bench.say('  the tester could not keep this rate');
  if (outcome.remapped > 0) bench.say(`  ${outcome.remapped} frames came from another port than their flow had`);
  return outcome;
}

const describe = (outcome: Outcome): string =>
  outcome.flows.map(({ direction, sent, lost }) => `${direction} ${lost} of ${sent} lost`).join(', ');

/** The highest rate without loss (RFC 8219 §7.1, RFC 2544 §26.1). Returns the median of the runs, frames a second. */
export async function measureThroughput(bench: Bench, frameBytes: number): Promise<number> {
  const { options } = bench;
  const ceiling = bench.ceilingOf(frameBytes, options.direction);
  const high = Math.max(1, options.maxRate ?? ceiling);
  const values: number[] = [];
  let testerFailed = false;
  for (let run = 1; run <= options.runs; run++) {
    const found = await searchHighest({
      low: 0,
      high,
      resolution: options.resolution,
      async passes(rate) {
        const outcome = await offer(bench, { frameBytes, rate, seed: run });
        const pass = passed(outcome, options.lossTolerance);
        if (!outcome.keptRate || outcome.testerLost > 0) testerFailed = true;
        bench.say(`throughput ${frameBytes} bytes, run ${run}: ${rate} frames/s ${describe(outcome)}`);
        return pass;
      },
    });
    values.push(found);
  }
  const notes = [
    ...(testerFailed ? ['the tester failed in some trials above this rate'] : []),
    ...(values.some((value) => value === high) ? ['the highest rate tried'] : []),
    ...(options.lossTolerance > 0
      ? [`up to ${options.lossTolerance * 100} % lost, which is not the throughput of RFC 2544`]
      : []),
  ];
  const limitedByTester = values.some((value) => value > ceiling * LIMITED_SHARE);
  figure(bench, {
    measurement: 'throughput',
    frameBytes,
    direction: options.direction,
    rate: null,
    unit: 'frames/s',
    values,
    limitedByTester,
    notes,
  });
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Loss at falling rates until two in a row lose nothing (RFC 8219 §7.4, RFC 2544 §26.3). */
export async function measureLoss(bench: Bench, frameBytes: number): Promise<void> {
  const { options } = bench;
  const ceiling = bench.ceilingOf(frameBytes, options.direction);
  const high = options.rate ?? options.maxRate ?? ceiling;
  let clean = 0;
  for (let tenths = 10; tenths >= 1 && clean < 2; tenths--) {
    const rate = Math.max(1, Math.floor((high * tenths) / 10));
    const values: number[] = [];
    let limitedByTester = rate > ceiling * LIMITED_SHARE;
    for (let run = 1; run <= options.runs; run++) {
      const outcome = await offer(bench, { frameBytes, rate, seed: run });
      bench.say(`loss ${frameBytes} bytes, run ${run}: ${rate} frames/s ${describe(outcome)}`);
      if (!outcome.keptRate || outcome.testerLost > 0) limitedByTester = true;
      values.push(lossOf(outcome) * 100);
    }
    clean = values.every((value) => value === 0) ? clean + 1 : 0;
    figure(bench, {
      measurement: 'loss',
      frameBytes,
      direction: options.direction,
      rate,
      unit: '%',
      values,
      limitedByTester,
    });
  }
}

/** Runs trials with delays and reports parts of them, of each direction. */
async function measureDelays(
  bench: Bench,
  frameBytes: number,
  rate: number,
  name: string,
  parts: readonly (readonly [string, (flow: Outcome['flows'][number]) => number | null])[],
): Promise<void> {
  const { options } = bench;
  if (rate <= 0) {
    bench.say(`${name} ${frameBytes} bytes: not measured, no rate passes without loss`);
    return;
  }
  // RFC 8219 §7.2: frames are tagged in the second half of the stream; the first warms up.
  await offer(bench, { frameBytes, rate });
  const found = new Map<string, { direction: '6to4' | '4to6'; measurement: string; values: number[] }>();
  let lost = 0;
  let limitedByTester = rate > bench.ceilingOf(frameBytes, options.direction) * LIMITED_SHARE;
  for (let run = 1; run <= options.runs; run++) {
    const outcome = await offer(bench, { frameBytes, rate, delays: true, seed: run });
    bench.say(`${name} ${frameBytes} bytes, run ${run}: ${rate} frames/s ${describe(outcome)}`);
    if (!outcome.keptRate || outcome.testerLost > 0) limitedByTester = true;
    for (const flow of outcome.flows) {
      lost += flow.lost;
      for (const [measurement, part] of parts) {
        const value = flow.delays.count === 0 ? null : part(flow);
        if (value === null) continue;
        const key = `${flow.direction} ${measurement}`;
        const row = found.get(key) ?? { direction: flow.direction, measurement, values: [] };
        row.values.push(value / 1000);
        found.set(key, row);
      }
    }
  }
  const notes = lost > 0 ? [`${lost} frames were lost and have no delay`] : [];
  for (const row of found.values()) {
    figure(bench, { ...row, frameBytes, rate, unit: 'µs', limitedByTester, notes });
  }
}

/** Typical and worst-case latency: the median and the 99.9th percentile of all frames (RFC 8219 §7.2). */
export function measureLatency(bench: Bench, frameBytes: number, rate: number): Promise<void> {
  return measureDelays(bench, frameBytes, rate, 'latency', [
    ['latency, typical', ({ delays }) => delays.median],
    ['latency, worst case', ({ delays }) => delays.p999],
  ]);
}

/** PDV: the 99.9th percentile less the smallest delay (RFC 8219 §7.3.1); IPDV between frames sent in a row (§7.3.2). */
export function measurePdv(bench: Bench, frameBytes: number, rate: number): Promise<void> {
  return measureDelays(bench, frameBytes, rate, 'pdv', [
    ['pdv', ({ delays }) => delays.p999 - delays.least],
    ['ipdv, least', ({ delays }) => (delays.pairs === 0 ? null : delays.ipdvLeast)],
    ['ipdv, median', ({ delays }) => (delays.pairs === 0 ? null : delays.ipdvMedian)],
    ['ipdv, most', ({ delays }) => (delays.pairs === 0 ? null : delays.ipdvMost)],
  ]);
}
