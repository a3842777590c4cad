/** Unpredictable numbers, cheap enough for every query (RFC 5452 §9.2, RFC 4086). */
import { randomFillSync } from 'node:crypto';

export interface Random {
  /** 0..65535. */
  word(): number;
}

/** Words drawn from node:crypto at a time: a call for each would cost more than the query's own work. */
const WORDS = 4096;

/** A cryptographic generator with a buffer of its own. */
export function createRandom(): Random {
  const words = new Uint16Array(WORDS);
  let next = WORDS;
  return {
    word() {
      if (next === WORDS) {
        randomFillSync(words);
        next = 0;
      }
      return words[next++] as number;
    },
  };
}

/** 0..limit-1, each as likely as the others; `limit` is at most 65536. */
export function below(random: Random, limit: number): number {
  // The words above the last whole multiple would favour the small numbers.
  const whole = 65_536 - (65_536 % limit);
  for (;;) {
    const word = random.word();
    if (word < whole) return word % limit;
  }
}
