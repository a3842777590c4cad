import { expect, test } from 'vitest';
import type { TraceFilter } from '../../src/native/addon.js';
import { joinSources } from '../../src/trace/several.js';
import type { TraceSource } from '../../src/trace/stream.js';
import { createFakeTrace, TRANSLATED } from './source.js';

const FILTER: TraceFilter = { dropsOnly: false, snapBytes: 64 };
const at = (timeMs: number) => ({ ...TRANSLATED, timeMs });

test('records of several are told in the order of their time, and what is lost together', async () => {
  const [first, second] = [createFakeTrace(), createFakeTrace()];
  const joined = joinSources(() => [first, second]);
  await joined.trace(FILTER);
  first.records = [at(1), at(4)];
  second.records = [at(2)];
  first.lost = 1;
  second.lost = 2;
  const { records, lost } = await joined.readTrace();
  expect(records.map(({ timeMs }) => timeMs)).toEqual([1, 2, 4]);
  expect(lost).toBe(3);
});

test('the end is told to all', async () => {
  const [first, second] = [createFakeTrace(), createFakeTrace()];
  const joined = joinSources(() => [first, second]);
  await joined.trace(FILTER);
  await joined.trace(null);
  expect([first.calls, second.calls]).toEqual([
    [FILTER, null],
    [FILTER, null],
  ]);
});

test('one that comes is traced from then on, one that goes ends nothing', async () => {
  const [first, second] = [createFakeTrace(), createFakeTrace()];
  let now: TraceSource[] = [first];
  const joined = joinSources(() => now);
  await joined.trace(FILTER);
  now = [second];
  second.records = [at(7)];
  first.failure = new Error('closed');
  expect((await joined.readTrace()).records).toHaveLength(1);
  expect(second.calls).toEqual([FILTER]);
});

test('one that fails while it is there ends the trace', async () => {
  const first = createFakeTrace();
  const joined = joinSources(() => [first]);
  await joined.trace(FILTER);
  first.failure = new Error('no memory');
  await expect(joined.readTrace()).rejects.toThrow('no memory');
});
