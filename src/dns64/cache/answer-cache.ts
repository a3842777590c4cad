/**
 * The DNS64 server's cache of ready answers: whole DNS messages, found by the question as it stands in a received
 * packet and copied into the reply with their TTLs counted down. A hit allocates nothing.
 *
 * `answer.ts` says what may be kept, `hash.ts` keys the look-up, `slots.ts` is the index, `ring.ts` the memory,
 * `entries.ts` what an entry is; here entries come and go. All of it lives in one ArrayBuffer of the size given, index
 * first, and belongs to one thread.
 */

import { MAX_MESSAGE_BYTES } from '../wire/numbers.js';
import {
  type Answer,
  type CacheStats,
  HEADER_BYTES,
  MAX_NAME_BYTES,
  questionNameLength,
  ttlsInRecords,
} from './answer.js';
import { Entries, entrySize } from './entries.js';
import { type KeyHash, keyedHash } from './hash.js';
import { Ring } from './ring.js';
import { SLOT_BYTES, Slots } from './slots.js';

export type { Answer, CacheStats } from './answer.js';
export type { Freshness } from './entries.js';

const MIN_BYTES = 64 * 1024;
const MAX_BYTES = 1024 ** 3;

/**
 * One slot for so many bytes: with entries of 144 bytes, as two AAAA records or one SOA make them, a full arena leaves
 * the index half empty. It takes a tenth of the memory.
 */
const BYTES_PER_SLOT = 80;

/** The index is full at this load: entries of less than 120 bytes on average meet it before the arena is full. */
const MAX_LOAD = 0.6;

/** Touched entries that one put may move to the head. After these the oldest leaves, touched or not. */
const CHANCES_PER_PUT = 4;

/** No message takes more than this part of the arena, so that one answer cannot drive out the others. */
const LARGEST_PART = 64;

/** What find answers for a question that is not there. */
export const ABSENT = -1;

/** Answers by (name without ASCII case, type, class, view), bounded by bytes. */
export class AnswerCache extends Entries {
  /** The largest message that is kept: 1/64 of the arena, at most 65535 bytes. */
  readonly largestMessage: number;

  readonly #hash: KeyHash;
  readonly #slots: Slots;
  readonly #ring: Ring;
  readonly #maxEntries: number;
  #entries = 0;
  #inserted = 0;
  #replaced = 0;
  #evicted = 0;
  #expiredEvicted = 0;
  #refused = 0;

  /**
   * `bytes` is what arena and index take together, 64 KiB to 1 GiB. `seed` keys the hash: an integer from 0 to
   * 2^53 - 1 that clients cannot know. `hash` is for tests that want keys to collide. Throws RangeError.
   */
  constructor({ bytes, seed }: { bytes: number; seed: number }, hash: KeyHash = hashOfSeed(seed)) {
    if (!Number.isInteger(bytes) || bytes < MIN_BYTES || bytes > MAX_BYTES) {
      throw new RangeError(`a cache of ${bytes} bytes: expected an integer from ${MIN_BYTES} to ${MAX_BYTES}`);
    }
    const slots = Math.floor(bytes / BYTES_PER_SLOT);
    const buffer = new ArrayBuffer(bytes);
    super(buffer, slots * SLOT_BYTES);
    this.#hash = hash;
    this.#slots = new Slots(buffer, slots);
    this.#maxEntries = Math.floor(slots * MAX_LOAD);
    this.#ring = new Ring(this.bytes);
    this.largestMessage = Math.min(MAX_MESSAGE_BYTES, Math.floor(this.bytes.length / LARGEST_PART));
  }

  /**
   * Finds the entry for a question, whatever its age; returns its handle or ABSENT. The name stands at `nameOffset` of
   * a packet, uncompressed with its root label, in any letter case (RFC 4343); `nameLength` counts all of its bytes.
   */
  find(bytes: Uint8Array, nameOffset: number, nameLength: number, type: number, klass: number, view: number): number {
    if (nameLength < 1 || nameLength > MAX_NAME_BYTES) return ABSENT;
    if (nameOffset < 0 || nameOffset + nameLength > bytes.length) return ABSENT;
    const hash = this.#hash(bytes, nameOffset, nameLength, type, klass, view);
    return this.#findHashed(hash, bytes, nameOffset, nameLength, type, klass, view);
  }

  #findHashed(
    hash: number,
    bytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    type: number,
    klass: number,
    view: number,
  ): number {
    for (let slot = this.#slots.first(hash); slot >= 0; slot = this.#slots.next(slot, hash)) {
      const entry = this.#slots.entryAt(slot);
      if (this.hasKey(entry, bytes, nameOffset, nameLength, type, klass, view)) return entry;
    }
    return ABSENT;
  }

  /**
   * Keeps an answer in place of the one of the same key. False, and the one there stays, when the message is larger
   * than `largestMessage` or not as Answer says, or its lifetime is below a second (RFC 8767 §4: TTL 0 is for this
   * transaction only).
   */
  put(answer: Answer): boolean {
    const { message, type, klass, view, now } = answer;
    const nameLength = message.length <= this.largestMessage ? questionNameLength(message) : 0;
    if (!(answer.lifetimeSeconds >= 1) || nameLength === 0 || !ttlsInRecords(answer, nameLength)) {
      this.#refused++;
      return false;
    }
    const hash = this.#hash(message, HEADER_BYTES, nameLength, type, klass, view);
    const previous = this.#findHashed(hash, message, HEADER_BYTES, nameLength, type, klass, view);
    if (previous === ABSENT) {
      this.#inserted++;
    } else {
      this.#replaced++;
      this.remove(previous);
    }

    const entry = this.#claim(entrySize(message.length, answer.ttlOffsets.length), now);
    this.write(entry, hash, nameLength, answer);
    const displaced = this.#slots.insert(hash, entry);
    this.#entries++;
    if (displaced !== ABSENT) this.#evict(displaced, now);
    return true;
  }

  /** The same, but what was there before is gone also where the answer is not kept: it is what holds now. */
  replace(answer: Answer): void {
    if (this.put(answer)) return;
    const { message, type, klass, view } = answer;
    const previous = this.find(message, HEADER_BYTES, questionNameLength(message), type, klass, view);
    if (previous !== ABSENT) this.remove(previous);
  }

  remove(entry: number): void {
    this.#slots.remove(this.#slots.slotOf(entry, this.hashOf(entry)));
    this.#ring.free(entry);
    this.#entries--;
  }

  /** Forgets every entry; what was counted stays counted. */
  clear(): void {
    this.#slots.clear();
    this.#ring.clear();
    this.#entries = 0;
  }

  stats(): CacheStats {
    return {
      entries: this.#entries,
      usedBytes: this.#ring.liveBytes,
      capacityBytes: this.bytes.length,
      inserted: this.#inserted,
      replaced: this.#replaced,
      evicted: this.#evicted,
      expiredEvicted: this.#expiredEvicted,
      refused: this.#refused,
    };
  }

  /** For tests: throws when ring, index and counts do not tell the same. */
  check(): void {
    const sizes = this.#ring.check();
    const hashes = this.#slots.check();
    if (sizes.size !== this.#entries || hashes.size !== this.#entries) {
      throw new Error(`${sizes.size} entries in the ring, ${hashes.size} in the index, ${this.#entries} counted`);
    }
    if (this.#entries > this.#maxEntries) throw new Error(`${this.#entries} entries of ${this.#maxEntries}`);
    for (const [entry, size] of sizes) {
      const message = this.message(entry);
      const { nameLength, type, klass, view, size: expected } = this.describe(entry);
      const hash = this.#hash(message, HEADER_BYTES, nameLength, type, klass, view);
      if (hash !== this.hashOf(entry) || hash !== hashes.get(entry)) {
        throw new Error(`entry ${entry} is not in the index under its hash`);
      }
      if (this.find(message, HEADER_BYTES, nameLength, type, klass, view) !== entry) {
        throw new Error(`entry ${entry} is not found under its key`);
      }
      if (size !== expected) throw new Error(`entry ${entry} has ${size} bytes, expected ${expected}`);
    }
  }

  /** Memory for an entry; the oldest give way until there is enough, and a place in the index. */
  #claim(size: number, now: number): number {
    let chances = CHANCES_PER_PUT;
    for (;;) {
      const entry = this.#entries < this.#maxEntries ? this.#ring.claim(size) : ABSENT;
      if (entry >= 0) return entry;
      // There is one: an empty arena has room for the largest entry.
      const oldest = this.#ring.oldest();
      const slot = this.#slots.slotOf(oldest, this.hashOf(oldest));
      if (this.takeTouched(oldest) && now < this.expiresAt(oldest) && chances > 0) {
        chances--;
        this.#slots.move(slot, this.#ring.moveOldest());
      } else {
        this.#slots.remove(slot);
        this.#evict(oldest, now);
      }
    }
  }

  /** Counts and frees an entry that has left the index. */
  #evict(entry: number, now: number): void {
    if (now < this.expiresAt(entry)) this.#evicted++;
    else this.#expiredEvicted++;
    this.#ring.free(entry);
    this.#entries--;
  }
}

function hashOfSeed(seed: number): KeyHash {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`a seed of ${seed}: expected an integer from 0 to 2^53 - 1`);
  }
  return keyedHash(seed % 2 ** 32, Math.floor(seed / 2 ** 32));
}
