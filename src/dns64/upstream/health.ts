/**
 * What is known of a server's speed and life: a smoothed round-trip time as TCP keeps it (RFC 6298 §2), and a mark for
 * servers that do not answer. The mark is short at first and never longer than 300 s (RFC 2308 §7.2).
 */

/** Where the time of an attempt is kept, milliseconds. */
export interface AttemptBounds {
  least: number;
  most: number;
}

/** Of a server that was not heard yet. */
const INITIAL_SRTT_MS = 400;
/** A server's time counts half after so long without a question: a slower one is tried again now and then. */
const HALF_LIFE_MS = 60_000;
const FAILURES_UNTIL_DEAD = 5;
const FIRST_DEAD_MS = 2_000;
const LONGEST_DEAD_MS = 300_000;

export class Health {
  srttMs: number | null = null;
  /** Marked: not asked but for probes, while others live. */
  dead = false;
  /** It has answered at least once. */
  heard = false;
  private varianceMs = 0;
  private failures = 0;
  private askedMs = Number.NEGATIVE_INFINITY;
  private deadForMs = 0;
  private deadUntilMs = 0;

  asked(now: number): void {
    this.askedMs = now;
  }

  /** An answer came; `rttMs` is null when it cannot be told which of two packets it answers (Karn, RFC 6298 §3). */
  answered(rttMs: number | null): void {
    this.heard = true;
    this.failures = 0;
    this.dead = false;
    this.deadForMs = 0;
    if (rttMs === null) return;
    if (this.srttMs === null) {
      this.srttMs = rttMs;
      this.varianceMs = rttMs / 2;
    } else {
      this.varianceMs += (Math.abs(this.srttMs - rttMs) - this.varianceMs) / 4;
      this.srttMs += (rttMs - this.srttMs) / 8;
    }
  }

  /** A question had no answer in its time, or could not be sent. */
  failed(now: number): void {
    this.failures++;
    // What was asked before the mark and fails after it says nothing new.
    if (this.dead ? now < this.deadUntilMs : this.failures < FAILURES_UNTIL_DEAD) return;
    this.dead = true;
    this.deadForMs = this.deadForMs === 0 ? FIRST_DEAD_MS : Math.min(this.deadForMs * 2, LONGEST_DEAD_MS);
    this.deadUntilMs = now + this.deadForMs;
  }

  /** True when a marked server may be asked again, to see whether it lives. */
  probeDue(now: number): boolean {
    return this.dead && now >= this.deadUntilMs;
  }

  /** How long an answer is waited for. */
  attemptMs(bounds: AttemptBounds): number {
    const wanted = (this.srttMs ?? INITIAL_SRTT_MS) + 4 * this.varianceMs;
    return Math.min(Math.max(wanted, bounds.least), bounds.most);
  }

  /** The smaller, the sooner it is asked. A server never asked comes first, and but once until it answered. */
  score(now: number): number {
    return (this.srttMs ?? INITIAL_SRTT_MS) * 2 ** ((this.askedMs - now) / HALF_LIFE_MS);
  }
}
