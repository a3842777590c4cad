/** What the cache takes, and whether a message is of that form: its entries are read without any further look. */
import { FOLDED } from './hash.js';

export const HEADER_BYTES = 12;
const QUESTION_NUMBERS_BYTES = 4;
export const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
/** A record has an owner of one byte or more, then type, class, TTL and the length of its data. */
const SMALLEST_RECORD_BYTES = 11;

/** An answer to keep. */
export interface Answer {
  /** A header, one question whose name is uncompressed and in lower case, then records; no OPT. */
  message: Uint8Array;
  /** Where in the message the TTLs of its records are. */
  ttlOffsets: ArrayLike<number>;
  /** The question's type, or what the caller keys by in its place; uint16. */
  type: number;
  /** uint16. */
  klass: number;
  /** The policy for which the answer was made; uint32. */
  view: number;
  /** Of the caller's own meaning; uint8. */
  kind: number;
  /** Whole seconds of the caller's monotonic clock. */
  now: number;
  lifetimeSeconds: number;
  /** How long it may be served after its expiry. */
  staleSeconds: number;
}

export interface CacheStats {
  entries: number;
  /** Bytes of the entries there are, their own fields included. */
  usedBytes: number;
  /** What `usedBytes` can come to: the arena, without the index. */
  capacityBytes: number;
  /** Answers kept under a key that was not there. */
  inserted: number;
  /** Answers kept in place of another of the same key. */
  replaced: number;
  /** Entries that were still fresh when they gave way. */
  evicted: number;
  /** Entries that gave way after their expiry. */
  expiredEvicted: number;
  /** Answers not kept: too big, of no lifetime, or not of the form required. */
  refused: number;
}

const NO_BYTE = 256;

/** The length of the question's name, or 0 when it is not complete, compressed, too long, or not in lower case. */
export function questionNameLength(message: Uint8Array): number {
  let at = HEADER_BYTES;
  for (;;) {
    const label = message[at] ?? NO_BYTE;
    if (label > MAX_LABEL_BYTES) return 0;
    const next = at + 1 + label;
    if (next - HEADER_BYTES > MAX_NAME_BYTES || next + QUESTION_NUMBERS_BYTES > message.length) return 0;
    if (label === 0) return next - HEADER_BYTES;
    for (at++; at < next; at++) {
      if (message[at] !== FOLDED[message[at] as number]) return 0;
    }
  }
}

/** True when every TTL offset lies after the question and inside the message, and there are no more than records. */
export function ttlsInRecords({ message, ttlOffsets }: Answer, nameLength: number): boolean {
  if (ttlOffsets.length * SMALLEST_RECORD_BYTES > message.length) return false;
  const records = HEADER_BYTES + nameLength + QUESTION_NUMBERS_BYTES;
  for (let index = 0; index < ttlOffsets.length; index++) {
    const offset = ttlOffsets[index] as number;
    if (!(offset >= records && offset + 4 <= message.length)) return false;
  }
  return true;
}
