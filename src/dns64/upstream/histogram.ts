/** How long answers took: counts in fixed buckets, each twice as wide as the one before. */

const FIRST_MS = 0.25;

/** Upper bounds of the buckets, milliseconds: 0.25, 0.5, … 16384. What is slower is in one bucket more. */
export const LATENCY_BOUNDS_MS: readonly number[] = Array.from({ length: 17 }, (_, i) => FIRST_MS * 2 ** i);

export class Histogram {
  /** One more than there are bounds. */
  readonly counts = new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0);
  sumMs = 0;

  add(milliseconds: number): void {
    const bucket = Math.ceil(Math.log2(milliseconds / FIRST_MS));
    const index = Math.min(Math.max(0, bucket), LATENCY_BOUNDS_MS.length);
    this.counts[index] = (this.counts[index] as number) + 1;
    this.sumMs += milliseconds;
  }
}
