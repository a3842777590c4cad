/**
 * The cache's index: open addressing with linear probing over pairs (entry, hash), no tombstones. No pair stands
 * PROBE_LIMIT or more slots after its home, so that a look-up is bounded whatever the names are.
 */

/**
 * A table at most 0.6 full has no run this long by chance below millions of entries, and an insertion that meets one
 * costs one other entry, no more.
 */
export const PROBE_LIMIT = 128;

const EMPTY = -1;

/** What an entry takes in the table, in bytes, for each of its slots. */
export const SLOT_BYTES = 8;

/** Maps 32-bit hashes to entries (numbers >= 0); several entries may have one hash. */
export class Slots {
  readonly #pairs: Int32Array;
  readonly #count: number;
  readonly #scale: number;

  /** Takes `count * SLOT_BYTES` bytes of `buffer` from its start. */
  constructor(buffer: ArrayBuffer, count: number) {
    this.#pairs = new Int32Array(buffer, 0, 2 * count);
    this.#count = count;
    this.#scale = count / 2 ** 32;
    this.clear();
  }

  /** The first slot of this hash, or -1. */
  first(hash: number): number {
    return this.#seek(hash, this.#home(hash), 0);
  }

  /** The next slot of the same hash after `slot`, or -1. */
  next(slot: number, hash: number): number {
    const distance = this.#distance(this.#home(hash), slot) + 1;
    return this.#seek(hash, this.#after(slot), distance);
  }

  /** The slot of this very entry; throws when it has none. */
  slotOf(entry: number, hash: number): number {
    let slot = this.first(hash);
    while (slot >= 0 && this.entryAt(slot) !== entry) slot = this.next(slot, hash);
    if (slot < 0) throw new Error(`entry ${entry} is not in the index`);
    return slot;
  }

  entryAt(slot: number): number {
    return this.#pairs[2 * slot] as number;
  }

  /** The entry in this slot has a new place. */
  move(slot: number, entry: number): void {
    this.#pairs[2 * slot] = entry;
  }

  /**
   * Adds a pair. Returns the entry that had to leave the table for it, or -1: where no slot is free within the limit,
   * the pair takes its home slot, which breaks nobody's run.
   */
  insert(hash: number, entry: number): number {
    const home = this.#home(hash);
    let slot = home;
    for (let distance = 0; distance < PROBE_LIMIT; distance++) {
      if (this.entryAt(slot) === EMPTY) {
        this.#set(slot, entry, hash);
        return EMPTY;
      }
      slot = this.#after(slot);
    }
    const displaced = this.entryAt(home);
    this.#set(home, entry, hash);
    return displaced;
  }

  /** Frees a slot, and moves those after it that would no longer be reached. */
  remove(slot: number): void {
    let hole = slot;
    for (let next = this.#after(hole); this.entryAt(next) !== EMPTY; next = this.#after(next)) {
      const hash = this.#hashAt(next);
      const home = this.#home(hash);
      if (this.#distance(home, next) < this.#distance(hole, next)) continue;
      this.#set(hole, this.entryAt(next), hash);
      hole = next;
    }
    this.#set(hole, EMPTY, 0);
  }

  clear(): void {
    this.#pairs.fill(EMPTY);
  }

  /** For tests: every entry with its hash. Throws when a pair cannot be reached from its home. */
  check(): Map<number, number> {
    const found = new Map<number, number>();
    for (let slot = 0; slot < this.#count; slot++) {
      const entry = this.entryAt(slot);
      if (entry === EMPTY) continue;
      const hash = this.#hashAt(slot);
      if (this.slotOf(entry, hash) !== slot) throw new Error(`entry ${entry} is in the index twice`);
      found.set(entry, hash);
    }
    return found;
  }

  #seek(hash: number, from: number, travelled: number): number {
    let slot = from;
    for (let distance = travelled; distance < PROBE_LIMIT; distance++) {
      if (this.entryAt(slot) === EMPTY) return EMPTY;
      if (this.#hashAt(slot) === hash) return slot;
      slot = this.#after(slot);
    }
    return EMPTY;
  }

  /** Where a hash belongs: its place among all hashes, scaled, so that the table need not be a power of two. */
  #home(hash: number): number {
    return ((hash >>> 0) * this.#scale) | 0;
  }

  #after(slot: number): number {
    return slot + 1 === this.#count ? 0 : slot + 1;
  }

  #distance(from: number, to: number): number {
    return to >= from ? to - from : to - from + this.#count;
  }

  #hashAt(slot: number): number {
    return this.#pairs[2 * slot + 1] as number;
  }

  #set(slot: number, entry: number, hash: number): void {
    this.#pairs[2 * slot] = entry;
    this.#pairs[2 * slot + 1] = hash;
  }
}
