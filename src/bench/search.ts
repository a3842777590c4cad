/** Searches for the highest number that a device passes. The trials decide; nothing here knows what is measured. */

export interface Search {
  /** Known to pass, or nothing is lower. Whole numbers. */
  low: number;
  high: number;
  /** True: `high` is known to fail. */
  failed?: boolean;
  /** The search ends when the answer is known to within this share of itself, and always to within 1. */
  resolution: number;
  passes(value: number): Promise<boolean>;
  /** What the last failing trial makes likely; it and the number above are tried before the middle. */
  likely?: () => number | null;
}

/**
 * The highest number that passed, `low` when none did. `high` itself is tried first (RFC 2544 §26.1: begin at the
 * highest rate), then the interval is halved.
 */
export async function searchHighest({
  low,
  high,
  failed = false,
  resolution,
  passes,
  likely,
}: Search): Promise<number> {
  if (high <= low) return low;
  if (!failed && (await passes(high))) return high;
  let pass = low;
  let fail = high;
  while (fail - pass > Math.max(1, Math.floor(pass * resolution))) {
    const guess = likely?.() ?? null;
    const guesses = guess === null ? [] : [guess, guess + 1];
    const middle = guesses.find((value) => value > pass && value < fail) ?? Math.floor((pass + fail) / 2);
    if (await passes(middle)) pass = middle;
    else fail = middle;
  }
  return pass;
}

/** Doubles from `start` until a number fails or `most` passes. `fail` is null when all passed; `pass` 0 when none. */
export async function searchExponential(
  start: number,
  most: number,
  passes: (value: number) => Promise<boolean>,
): Promise<{ pass: number; fail: number | null }> {
  let pass = 0;
  for (let value = Math.min(start, most); ; value = Math.min(value * 2, most)) {
    if (!(await passes(value))) return { pass, fail: value };
    pass = value;
    if (value === most) return { pass, fail: null };
  }
}
