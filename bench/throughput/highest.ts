/** The highest rate that passes, in a fixed number of short trials, so that every peer takes equally long. */

export interface Highest {
  /** Rates to look between; they are tried neither of them. */
  least: number;
  most: number;
  /** Each halves what is left, on a scale of ratios: seven between 1 and 100 leave 4 %. */
  trials: number;
  /** The rate that was carried, or null when it was not. */
  carries(rate: number): Promise<number | null>;
}

/** What the best trial carried; null when none passed. */
export async function highest({ least, most, trials, carries }: Highest): Promise<number | null> {
  let [low, high] = [Math.log(least), Math.log(most)];
  let best: number | null = null;
  for (let trial = 0; trial < trials; ++trial) {
    const middle = (low + high) / 2;
    const carried = await carries(Math.round(Math.exp(middle)));
    if (carried === null) {
      high = middle;
    } else {
      low = middle;
      best = Math.max(best ?? 0, carried);
    }
  }
  return best;
}
