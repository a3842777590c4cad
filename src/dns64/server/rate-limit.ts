/**
 * How many answers a client's prefix may have (RFC 5358 §4): a token bucket each, in a table of fixed size.
 *
 * A bucket is one number, the time at which it will be full again; the further ahead, the more the prefix has used. A
 * prefix may lie in one of the eight slots of one group, which a keyed hash names. One that is in none has a full
 * bucket, and takes the slot that is full, or will be first, so what is forgotten is the least that anybody in the
 * group has used. Two things follow for a flood of forged addresses, each of which takes a slot:
 *
 * - It starves nobody. Only packets from the prefix itself empty its bucket, and being forgotten fills it.
 * - A prefix at its limit is forgotten only while seven others in its group have used as much. Nobody outside knows
 *   who shares a group, so it takes a large part of the table at its limit at once: with a quarter of 65,536 slots one
 *   prefix in 220 has seven such neighbours. At 20 answers a second that is a flood of 330,000 packets a second.
 */
import { randomBytes } from 'node:crypto';
import { SipHash } from './siphash.js';

export interface RateLimitOptions {
  /** Answers per second that a prefix may have for good; 0 switches the limit off. */
  ratePerSecond: number;
  /** Answers that it may have at once, 1 at least. */
  burst: number;
  /** Bits that make clients one. */
  prefixLength4: number;
  prefixLength6: number;
  /** A power of two, 8 at least. */
  slots?: number;
}

const WAYS = 8;
const SLOTS = 65_536;
/** The four words of a prefix. */
const WORDS = 4;

export class RateLimit {
  /** Prefixes, with IPv4 as IPv4-mapped; zeros, an empty slot's, are also `::/n` with a full bucket. */
  private readonly prefixes: Int32Array;
  /** When the bucket is full, in packets and thousandths: milliseconds times the rate, which keeps it whole. */
  private readonly fullAt: Float64Array;
  private readonly groupMask: number;
  private readonly hash = new SipHash(randomBytes(16));
  /** The prefix that is looked for, as octets and as words. */
  private readonly octets = new Uint8Array(16);
  private readonly words = new Int32Array(this.octets.buffer);

  constructor(private readonly options: RateLimitOptions) {
    const slots = options.ratePerSecond === 0 ? WAYS : (options.slots ?? SLOTS);
    this.prefixes = new Int32Array(slots * WORDS);
    this.fullAt = new Float64Array(slots);
    this.groupMask = slots / WAYS - 1;
  }

  /** False: everybody is allowed everything, and need not be asked for. */
  get limits(): boolean {
    return this.options.ratePerSecond > 0;
  }

  /** Takes one answer from the bucket of the client's prefix; false when there is none. `nowMs` is of any clock. */
  allow(address: Uint8Array, family: 4 | 6, nowMs: number): boolean {
    const { ratePerSecond, burst } = this.options;
    if (!this.limits) return true;
    this.readPrefix(address, family);
    const slot = this.slot();
    const now = nowMs * ratePerSecond;
    const depth = burst * 1000;
    // A clock that was set back must not lock anybody out.
    const fullAt = Math.min(Math.max(this.fullAt[slot] as number, now), now + depth);
    const allowed = fullAt - now + 1000 <= depth;
    this.fullAt[slot] = allowed ? fullAt + 1000 : fullAt;
    return allowed;
  }

  private readPrefix(address: Uint8Array, family: 4 | 6): void {
    const { octets, words } = this;
    for (let i = 0; i < WORDS; i++) words[i] = 0;
    let at = 0;
    if (family === 4) {
      octets[10] = 0xff;
      octets[11] = 0xff;
      at = 12;
    }
    const bits = family === 4 ? this.options.prefixLength4 : this.options.prefixLength6;
    const whole = bits >> 3;
    for (let i = 0; i < whole; i++) octets[at + i] = address[i] as number;
    if ((bits & 7) > 0) octets[at + whole] = (address[whole] as number) & (0xff00 >> (bits & 7));
  }

  /** The prefix's slot; one is made its own when it has none. */
  private slot(): number {
    const { hash, octets, words, prefixes, fullAt } = this;
    hash.hash(octets, 16);
    const first = (hash.low & this.groupMask) * WAYS;
    let least = first;
    for (let slot = first; slot < first + WAYS; slot++) {
      const at = slot * WORDS;
      if (
        prefixes[at + 3] === words[3] &&
        prefixes[at + 1] === words[1] &&
        prefixes[at] === words[0] &&
        prefixes[at + 2] === words[2]
      ) {
        return slot;
      }
      if ((fullAt[slot] as number) < (fullAt[least] as number)) least = slot;
    }
    for (let i = 0; i < WORDS; i++) prefixes[least * WORDS + i] = words[i] as number;
    fullAt[least] = 0;
    return least;
  }
}
