/**
 * What an entry is: some fields in the machine's byte order, the message, and the offsets of its TTLs. Whoever holds a
 * handle reads it here, without making anything.
 */
import { type Answer, HEADER_BYTES } from './answer.js';
import { FOLDED, foldedWord } from './hash.js';
import { ALIGN } from './ring.js';

/** Bytes from an entry's start. The ring has the first word; the TTL offsets (uint16 each) follow the message, evenly. */
const HASH = 4;
const VIEW = 8;
const STORED_AT = 12;
const EXPIRES_AT = 16;
const STALE_UNTIL = 20;
const TYPE = 24;
const CLASS = 26;
const LENGTH = 28;
const TTL_COUNT = 30;
const HITS = 32;
const NAME_LENGTH = 34;
const KIND = 35;
const TOUCHED = 36;
const REFRESHING = 37;
const MESSAGE = 38;

const UINT16_MAX = 0xffff;
const UINT32_MAX = 0xffffffff;

/** `fresh` until expiry, then `stale` while it may be served for want of better (RFC 8767), then `dead`. */
export type Freshness = 'fresh' | 'stale' | 'dead';

/**
 * Entries by handle: an entry's offset in the arena. A handle is good until the next put, remove or clear, which may
 * move entries; whoever waits between two steps finds the entry anew. Times are whole seconds of one clock, uint32.
 */
export class Entries {
  /** The arena; the other views are of the same bytes. */
  protected readonly bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  /** Where the last copy went: a server has one buffer for replies, and making a view of it each time is garbage. */
  #out: Uint8Array;
  #outView: DataView;

  /** The arena is what follows `offset` in `buffer`, in whole units of ALIGN. */
  protected constructor(buffer: ArrayBuffer, offset: number) {
    const size = Math.floor((buffer.byteLength - offset) / ALIGN) * ALIGN;
    this.bytes = new Uint8Array(buffer, offset, size);
    this.#halves = new Uint16Array(buffer, offset, size / 2);
    this.#words = new Uint32Array(buffer, offset, size / 4);
    this.#view = new DataView(buffer, offset, size);
    this.#out = this.bytes;
    this.#outView = this.#view;
  }

  freshness(entry: number, now: number): Freshness {
    if (now < this.expiresAt(entry)) return 'fresh';
    return now < this.staleUntil(entry) ? 'stale' : 'dead';
  }

  /** Seconds since it was stored. */
  ageSeconds(entry: number, now: number): number {
    return Math.max(0, now - this.#word(entry + STORED_AT));
  }

  /** The second from which it is no longer fresh. */
  expiresAt(entry: number): number {
    return this.#word(entry + EXPIRES_AT);
  }

  /** The second from which it must not be served even for want of better. */
  staleUntil(entry: number): number {
    return this.#word(entry + STALE_UNTIL);
  }

  kind(entry: number): number {
    return this.bytes[entry + KIND] as number;
  }

  /** Bytes of its message. */
  length(entry: number): number {
    return this.#half(entry + LENGTH);
  }

  /** How often it was touched, up to 65535. */
  hits(entry: number): number {
    return this.#half(entry + HITS);
  }

  /** Counts a hit. When its space is wanted, it is spared once for it. */
  touch(entry: number): void {
    const hits = this.#half(entry + HITS);
    if (hits < UINT16_MAX) this.#halves[(entry + HITS) >> 1] = hits + 1;
    this.bytes[entry + TOUCHED] = 1;
  }

  /**
   * Copies the message to `out[outOffset ..]` and returns its length, or 0 and nothing written when it does not fit.
   * TTLs are less the entry's age (RFC 2308 §5), not below 0; from expiry on they are `staleTtl` (RFC 8767 §4).
   */
  copy(entry: number, out: Uint8Array, outOffset: number, now: number, staleTtl: number): number {
    const length = this.length(entry);
    if (outOffset < 0 || outOffset + length > out.length) return 0;
    const message = entry + MESSAGE;
    const reply = this.#viewOf(out);
    copyBytes(this.#view, message, reply, outOffset, length);

    const stale = now >= this.expiresAt(entry);
    const age = this.ageSeconds(entry, now);
    const offsets = ttlOffsetsAt(message, length);
    const end = offsets + 2 * this.#half(entry + TTL_COUNT);
    for (let at = offsets; at < end; at += 2) {
      const offset = this.#half(at);
      reply.setUint32(outOffset + offset, stale ? staleTtl : Math.max(0, this.#view.getUint32(message + offset) - age));
    }
    return length;
  }

  /** The message as it was put, in memory of its own. */
  message(entry: number): Uint8Array {
    const start = entry + MESSAGE;
    return this.bytes.slice(start, start + this.length(entry));
  }

  /** True for the first who asks, so that one refresh runs, until another answer takes its place. */
  beginRefresh(entry: number): boolean {
    if (this.bytes[entry + REFRESHING] === 1) return false;
    this.bytes[entry + REFRESHING] = 1;
    return true;
  }

  protected write(entry: number, hash: number, nameLength: number, answer: Answer): void {
    const { message, ttlOffsets } = answer;
    const expiresAt = Math.min(answer.now + answer.lifetimeSeconds, UINT32_MAX);
    this.#words[(entry + HASH) >> 2] = hash;
    this.#words[(entry + VIEW) >> 2] = answer.view;
    this.#words[(entry + STORED_AT) >> 2] = answer.now;
    this.#words[(entry + EXPIRES_AT) >> 2] = expiresAt;
    this.#words[(entry + STALE_UNTIL) >> 2] = Math.min(expiresAt + Math.max(0, answer.staleSeconds), UINT32_MAX);
    this.#halves[(entry + TYPE) >> 1] = answer.type;
    this.#halves[(entry + CLASS) >> 1] = answer.klass;
    this.#halves[(entry + LENGTH) >> 1] = message.length;
    this.#halves[(entry + TTL_COUNT) >> 1] = ttlOffsets.length;
    this.#halves[(entry + HITS) >> 1] = 0;
    this.bytes[entry + NAME_LENGTH] = nameLength;
    this.bytes[entry + KIND] = answer.kind;
    this.bytes[entry + TOUCHED] = 0;
    this.bytes[entry + REFRESHING] = 0;
    this.bytes.set(message, entry + MESSAGE);
    this.#halves.set(ttlOffsets, ttlOffsetsAt(entry + MESSAGE, message.length) >> 1);
  }

  /** Under which hash it is in the index. */
  protected hashOf(entry: number): number {
    return this.#word(entry + HASH) | 0;
  }

  /** True when it was touched since the last time it was asked this. */
  protected takeTouched(entry: number): boolean {
    const touched = this.bytes[entry + TOUCHED] === 1;
    this.bytes[entry + TOUCHED] = 0;
    return touched;
  }

  /** True when it is the entry for this question. */
  protected hasKey(
    entry: number,
    bytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    type: number,
    klass: number,
    view: number,
  ): boolean {
    return (
      this.#half(entry + TYPE) === type &&
      this.#half(entry + CLASS) === klass &&
      this.#word(entry + VIEW) === view >>> 0 &&
      this.bytes[entry + NAME_LENGTH] === nameLength &&
      this.#sameName(entry + MESSAGE + HEADER_BYTES, bytes, nameOffset, nameLength)
    );
  }

  /** For tests: the key, and what the entry takes in the ring. */
  protected describe(entry: number): { nameLength: number; type: number; klass: number; view: number; size: number } {
    return {
      nameLength: this.bytes[entry + NAME_LENGTH] as number,
      type: this.#half(entry + TYPE),
      klass: this.#half(entry + CLASS),
      view: this.#word(entry + VIEW),
      size: entrySize(this.length(entry), this.#half(entry + TTL_COUNT)),
    };
  }

  #sameName(stored: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const words = length & ~3;
    for (let index = 0; index < words; index += 4) {
      if (this.#view.getInt32(stored + index, true) !== foldedWord(bytes, offset + index)) return false;
    }
    for (let index = words; index < length; index++) {
      if (this.bytes[stored + index] !== FOLDED[bytes[offset + index] as number]) return false;
    }
    return true;
  }

  #viewOf(out: Uint8Array): DataView {
    if (out !== this.#out) {
      this.#out = out;
      this.#outView = new DataView(out.buffer, out.byteOffset, out.byteLength);
    }
    return this.#outView;
  }

  #word(at: number): number {
    return this.#words[at >> 2] as number;
  }

  #half(at: number): number {
    return this.#halves[at >> 1] as number;
  }
}

/** What an entry takes in the ring. */
export function entrySize(messageLength: number, ttlCount: number): number {
  const bytes = ttlOffsetsAt(MESSAGE, messageLength) + 2 * ttlCount;
  return Math.ceil(bytes / ALIGN) * ALIGN;
}

function ttlOffsetsAt(message: number, length: number): number {
  return message + length + (length & 1);
}

/**
 * By eight bytes, through views: set(subarray()) and Buffer.copy make an object each time, and byte by byte is four
 * times as slow.
 */
function copyBytes(from: DataView, start: number, to: DataView, at: number, length: number): void {
  let index = 0;
  for (const end = length - 7; index < end; index += 8) {
    to.setInt32(at + index, from.getInt32(start + index, true), true);
    to.setInt32(at + index + 4, from.getInt32(start + index + 4, true), true);
  }
  for (; index < length; index++) to.setUint8(at + index, from.getUint8(start + index));
}
