/**
 * The cache's memory: a log that runs round an arena. Records are written at the head, the oldest gives way at the tail,
 * what was freed between them is skipped when the tail comes to it. A record's first word is its size in bytes with
 * bit 0 set while it lives; where the end of the arena is too short for the next record, a dead one fills it.
 */

/** Sizes and places of records are multiples of it. */
export const ALIGN = 4;

const LIVE = 1;

/** Claims and frees records of an arena; what is in them after the first word is the owner's. */
export class Ring {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #capacity: number;
  #head = 0;
  #tail = 0;
  /** Bytes from tail to head: records that live, dead ones and fillers. It tells full from empty. */
  #occupied = 0;
  #live = 0;

  /** `bytes` is the arena, aligned to words, its length a multiple of ALIGN. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / ALIGN);
    this.#capacity = bytes.length;
  }

  /** Bytes of the records that live. */
  get liveBytes(): number {
    return this.#live;
  }

  /** Claims `size` bytes at the head. Returns the offset, or -1 when the tail has to give way first. */
  claim(size: number): number {
    if (this.#occupied === 0) {
      this.#head = 0;
      this.#tail = 0;
    }
    if (this.#wrapped) {
      if (this.#tail - this.#head < size) return -1;
    } else if (this.#capacity - this.#head < size) {
      const filler = this.#capacity - this.#head;
      this.#words[this.#head / ALIGN] = filler;
      this.#occupied += filler;
      this.#head = 0;
      if (this.#tail < size) return -1;
    }
    const offset = this.#head;
    this.#words[offset / ALIGN] = size | LIVE;
    this.#head = this.#after(offset, size);
    this.#occupied += size;
    this.#live += size;
    return offset;
  }

  /** The oldest record that lives, or -1. */
  oldest(): number {
    return this.#occupied > 0 ? this.#tail : -1;
  }

  /** The record at `offset` is dead. Its space is free for claims when it was the oldest, or else when it becomes so. */
  free(offset: number): void {
    const size = this.#sizeAt(offset);
    this.#words[offset / ALIGN] = size;
    this.#live -= size;
    this.#dropDead();
  }

  /** Moves the oldest record to the head, where there is always room for it; returns its new offset. */
  moveOldest(): number {
    const from = this.#tail;
    const size = this.#sizeAt(from);
    this.free(from);
    // The claim may overlap the record's own space, but only from below or in place: its bytes are there until copied.
    const to = this.claim(size);
    this.#bytes.copyWithin(to + ALIGN, from + ALIGN, from + size);
    return to;
  }

  clear(): void {
    this.#head = 0;
    this.#tail = 0;
    this.#occupied = 0;
    this.#live = 0;
  }

  /** For tests: walks from tail to head; returns size by offset of the records that live. Throws when lost. */
  check(): Map<number, number> {
    const found = new Map<number, number>();
    let at = this.#tail;
    let live = 0;
    let walked = 0;
    while (walked < this.#occupied) {
      const word = this.#words[at / ALIGN] as number;
      const size = word & ~LIVE;
      if (size < ALIGN || size % ALIGN !== 0 || at + size > this.#capacity) {
        throw new Error(`record at ${at} of ${size} bytes in an arena of ${this.#capacity}`);
      }
      if ((word & LIVE) !== 0) {
        found.set(at, size);
        live += size;
      }
      walked += size;
      at = this.#after(at, size);
    }
    if (walked !== this.#occupied || at !== this.#head || walked > this.#capacity) {
      throw new Error(`walked ${walked} bytes to ${at}, expected ${this.#occupied} to ${this.#head}`);
    }
    if (this.#occupied > 0 && !found.has(this.#tail)) throw new Error(`a dead record at the tail, ${this.#tail}`);
    if (live !== this.#live) throw new Error(`${live} bytes live, ${this.#live} counted`);
    return found;
  }

  /** The free bytes lie between head and tail, not at the end of the arena; so too when there are none. */
  get #wrapped(): boolean {
    return this.#head < this.#tail || (this.#head === this.#tail && this.#occupied > 0);
  }

  /** The tail goes on to a record that lives, or all is empty. */
  #dropDead(): void {
    while (this.#occupied > 0) {
      const word = this.#words[this.#tail / ALIGN] as number;
      if ((word & LIVE) !== 0) return;
      this.#tail = this.#after(this.#tail, word);
      this.#occupied -= word;
    }
  }

  #after(offset: number, size: number): number {
    const next = offset + size;
    return next === this.#capacity ? 0 : next;
  }

  #sizeAt(offset: number): number {
    return (this.#words[offset / ALIGN] as number) & ~LIVE;
  }
}
