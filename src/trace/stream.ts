/**
 * A running trace: asks the dataplane for records and hands them on as lines of JSON until its time is over or its
 * reader goes away. However it ends, the dataplane traces no more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, PlatypusError } from '../errors.js';
import type { Dataplane, TraceFilter, TraceRecord } from '../native/addon.js';

/** A packet before and after, or why it was dropped. */
export interface TracedRecord {
  timeMs: number;
  /** The counter's name; null when the packet was translated. */
  reason: string | null;
  /** What the counter means. */
  explain: string | null;
  packets: { direction: 'in' | 'out'; length: number; hex: string }[];
}

/** A line of the answer to GET /v1/trace. */
export type TraceLine =
  | { start: { seconds: number; snap: number } }
  | TracedRecord
  /** Records that found no room, in the dataplane or on the way to a slow reader. */
  | { lost: number }
  | { end: 'time' }
  | { end: 'failed'; code: string; message: string };

export type TraceSource = Pick<Dataplane, 'trace' | 'readTrace'>;

export interface TraceRequest {
  filter: TraceFilter;
  seconds: number;
}

const POLL_MS = 50;

/** Runs a trace that `source.trace(filter)` has started. `write` answers false for a record it has no room for. */
export async function runTrace(
  source: TraceSource,
  { filter, seconds }: TraceRequest,
  explain: (reason: string) => string | null,
  write: (line: TraceLine) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const endsMs = performance.now() + seconds * 1000;
  write({ start: { seconds, snap: filter.snapBytes } });
  try {
    while (!signal.aborted) {
      const leftMs = endsMs - performance.now();
      if (leftMs > 0) await sleep(Math.min(POLL_MS, leftMs), null, { signal }).catch(() => null);
      const { records, lost } = await source.readTrace();
      const refused = records.filter((record) => !write(lineOfRecord(record, explain))).length;
      if (lost + refused > 0) write({ lost: lost + refused });
      if (leftMs <= 0) break;
    }
    write({ end: 'time' });
  } catch (error) {
    const code = error instanceof PlatypusError ? error.code : 'PLT_INTERNAL';
    write({ end: 'failed', code, message: messageOf(error) });
  } finally {
    // A dataplane that has stopped traces no more.
    await source.trace(null).catch(() => null);
  }
}

function lineOfRecord(
  { timeMs, reason, packets }: TraceRecord,
  explain: (reason: string) => string | null,
): TracedRecord {
  return {
    timeMs,
    reason,
    explain: reason === null ? null : explain(reason),
    packets: packets.map(({ direction, length, bytes }) => ({ direction, length, hex: bytes.toString('hex') })),
  };
}
