/** How many answers an address may have: a token bucket each, in a table of fixed size. */

export interface RateOptions {
  /** Answers a second that an address may have for good. */
  perSecond: number;
  /** Answers that it may have at once. */
  burst: number;
  /** Addresses that are remembered. */
  addresses: number;
}

export interface Rate {
  /** Takes one; false when there is none. `nowMs` is of a clock that only goes forward. */
  allow(address: string, nowMs: number): boolean;
}

/**
 * Who is not remembered has a full bucket. At most `addresses` are: the one that was longest without a question makes
 * room. Only addresses that are answered come here, whose packets strangers cannot forge: those of pool4 come by the
 * translator's device, connections have shaken hands, and addresses of `from` are the operator's to filter.
 */
export function createRate({ perSecond, burst, addresses }: RateOptions): Rate {
  /** When the bucket will be full again, milliseconds; in the order of the last question. */
  const fullAt = new Map<string, number>();
  const answerMs = 1000 / perSecond;
  return {
    allow(address, nowMs) {
      const full = Math.max(fullAt.get(address) ?? nowMs, nowMs);
      const allowed = full - nowMs + answerMs <= burst * answerMs;
      fullAt.delete(address);
      fullAt.set(address, allowed ? full + answerMs : full);
      if (fullAt.size > addresses) {
        const [longest] = fullAt.keys();
        if (longest !== undefined) fullAt.delete(longest);
      }
      return allowed;
    },
  };
}
