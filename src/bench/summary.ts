/** What several runs say together (RFC 8219 §7: the median, and the 1st and 99th percentile for the variation). */

export interface Summary {
  median: number;
  p1: number;
  p99: number;
}

/** The value below or at which `share` (0..1) of the values lie, by nearest rank. Throws RangeError for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new RangeError('no values');
  return found;
}

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half];
  if (upper === undefined) throw new RangeError('no values');
  const lower = sorted[half - 1];
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2;
}

/** Median, 1st and 99th percentile. Throws RangeError for none. */
export function summarize(values: readonly number[]): Summary {
  return { median: median(values), p1: percentile(values, 0.01), p99: percentile(values, 0.99) };
}
