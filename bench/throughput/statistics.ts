/** Runs of one measurement, and two of them beside each other. */
import { median as medianOf } from '../../src/bench/summary.js';

export interface Spread {
  least: number;
  median: number;
  most: number;
  /** How many runs. */
  runs: number;
}

/** The middle of some numbers; of an even count the mean of the middle two. Undefined for none. */
export function median(numbers: readonly number[]): number | undefined {
  return numbers.length === 0 ? undefined : medianOf(numbers);
}

/** Least, median, most; undefined for no runs. */
export function spread(runs: readonly number[]): Spread | undefined {
  const middle = median(runs);
  if (middle === undefined) return undefined;
  return { least: Math.min(...runs), median: middle, most: Math.max(...runs), runs: runs.length };
}

/**
 * How many times `of` is `to`: round by round where both ran in the same rounds, so that a slow moment of the machine
 * meets both; else the ratio of the medians, as one run. Undefined where there is nothing to divide, and for what is
 * below 0: a cost net of more than there was.
 */
export function ratio(of: readonly number[], to: readonly number[]): Spread | undefined {
  if ([...of, ...to].some((value) => value < 0)) return undefined;
  if (of.length === to.length && to.every((value) => value !== 0)) {
    return spread(of.map((value, round) => value / (to[round] ?? Number.NaN)));
  }
  const [above, below] = [median(of), median(to)];
  return above === undefined || below === undefined || below === 0 ? undefined : spread([above / below]);
}
