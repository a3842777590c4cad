/** Explicit address mappings (RFC 7757) as the configuration holds them, and the checks between many of them. */
import { EAM_ADD_BYTES, type EamRow } from '../native/addon.js';
import { formatAddress, knownPrefix, networkOf, type Prefix, WELL_KNOWN_PREFIX } from './address.js';
import { V4, V6 } from './eam-text.js';

export interface EamList {
  size: number;
  /** `size` records of EAM_ADD_BYTES. Null when the table in force was edited since, so that no list describes it. */
  records: Uint8Array | null;
}

/** No entries. */
export const EMPTY_EAMT: EamList = { size: 0, records: new Uint8Array() };

/** Elements that are handled between two yields, well below a millisecond. */
const STEP = 16_384;

/** The entry number `index`, as an operator writes it. */
export function entryAt(records: Uint8Array, index: number): EamRow {
  return { v4: textOf(records, index, 4), v6: textOf(records, index, 6) };
}

function textOf(records: Uint8Array, index: number, family: 4 | 6): string {
  const side = family === 4 ? V4 : V6;
  const at = index * EAM_ADD_BYTES + side.at;
  let value = 0n;
  for (const byte of records.subarray(at, at + side.bytes)) value = (value << 8n) | BigInt(byte);
  return `${formatAddress(family, value)}/${records[at + side.bytes]}`;
}

/** Two entries with the same prefix on one side; `index` is the later one. */
export interface Duplicate {
  side: 'v4' | 'v6';
  index: number;
  other: number;
  text: string;
}

export interface EamFindings {
  /** At most `maxDuplicates`. RFC 7757 §5: the way back would not be the way there. */
  duplicates: Duplicate[];
  /** One sentence at most. RFC 7757 §5. */
  warnings: string[];
}

/** Looks for identical and overlapping prefixes, on either side. */
export function* checkEntries(records: Uint8Array, maxDuplicates: number): Generator<void, EamFindings> {
  const duplicates: Duplicate[] = [];
  const inside = { v4: 0, v6: 0 };
  let first: string | null = null;
  for (const side of ['v4', 'v6'] as const) {
    const family = side === 'v4' ? 4 : 6;
    const columns = yield* columnsOf(records, side === 'v4' ? V4 : V6);
    const order = yield* sorted(columns);
    // In this order a prefix comes right before all that lie in it.
    let outer = order[0] ?? 0;
    yield* ranges(order.length - 1, (from, to) => {
      for (let rank = from + 1; rank <= to; rank++) {
        const index = order[rank] ?? 0;
        if (!covers(columns, outer, index)) {
          outer = index;
          continue;
        }
        const before = order[rank - 1] ?? 0;
        if (columns.lengths[before] === columns.lengths[index] && covers(columns, before, index)) {
          if (duplicates.length < maxDuplicates) {
            duplicates.push({ side, index, other: before, text: textOf(records, index, family) });
          }
          continue;
        }
        inside[side]++;
        first ??= `${textOf(records, index, family)} in ${textOf(records, outer, family)}`;
      }
    });
  }
  if (first === null) return { duplicates, warnings: [] };
  const counts = `${inside.v4} IPv4, ${inside.v6} IPv6, first ${first}`;
  const overlap = `EAM entries have prefixes that lie in others (${counts}): the longest prefix is taken (RFC 7757 §5)`;
  return { duplicates, warnings: [overlap] };
}

/** One side of all entries: addresses as words of 32 bits, most significant first, and lengths. */
interface Columns {
  words: Uint32Array[];
  lengths: Uint32Array;
}

/** From and to of ranges that make up `size`, with a yield after each. The loops over them are plain functions, which run faster than a generator. */
function* ranges(size: number, step: (from: number, to: number) => void): Generator<void, void> {
  for (let from = 0; from < size; from += STEP) {
    step(from, Math.min(size, from + STEP));
    yield;
  }
}

function* columnsOf(records: Uint8Array, { at, bytes }: { at: number; bytes: number }): Generator<void, Columns> {
  const size = records.length / EAM_ADD_BYTES;
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const words = Array.from({ length: bytes / 4 }, () => new Uint32Array(size));
  const lengths = new Uint32Array(size);
  yield* ranges(size, (from, to) => {
    for (const [word, column] of words.entries()) fill(column, view, at + word * 4, from, to);
    for (let index = from; index < to; index++) lengths[index] = records[index * EAM_ADD_BYTES + at + bytes] ?? 0;
  });
  return { words, lengths };
}

function fill(column: Uint32Array, view: DataView, at: number, from: number, to: number): void {
  for (let index = from; index < to; index++) column[index] = view.getUint32(index * EAM_ADD_BYTES + at);
}

/** Indexes of the entries by address, then by length; equal ones in their own order. A radix sort. */
function* sorted({ words, lengths }: Columns): Generator<void, Uint32Array> {
  const size = lengths.length;
  let order = new Uint32Array(size);
  for (let index = 0; index < size; index++) order[index] = index;
  let spare = new Uint32Array(size);
  const digits = [{ column: lengths, shift: 0 }];
  for (const column of words.toReversed()) digits.push({ column, shift: 0 }, { column, shift: DIGIT_BITS });
  const counts = new Uint32Array(2 ** DIGIT_BITS);
  for (const { column, shift } of digits) {
    counts.fill(0);
    yield* ranges(size, (from, to) => count(counts, column, shift, from, to));
    // All prefixes have the same digit here, as many have: nothing to sort.
    if (counts[((column[0] ?? 0) >>> shift) & DIGIT_MASK] === size) continue;
    let next = 0;
    for (let digit = 0; digit < counts.length; digit++) {
      const entries = counts[digit] ?? 0;
      counts[digit] = next;
      next += entries;
    }
    yield* ranges(size, (from, to) => scatter(order, spare, counts, column, shift, from, to));
    [order, spare] = [spare, order];
  }
  return order;
}

const DIGIT_BITS = 16;
const DIGIT_MASK = 0xffff;

function count(counts: Uint32Array, column: Uint32Array, shift: number, from: number, to: number): void {
  for (let index = from; index < to; index++) {
    const digit = ((column[index] ?? 0) >>> shift) & DIGIT_MASK;
    counts[digit] = (counts[digit] ?? 0) + 1;
  }
}

function scatter(
  order: Uint32Array,
  sink: Uint32Array,
  next: Uint32Array,
  column: Uint32Array,
  shift: number,
  from: number,
  to: number,
): void {
  for (let rank = from; rank < to; rank++) {
    const index = order[rank] ?? 0;
    const digit = ((column[index] ?? 0) >>> shift) & DIGIT_MASK;
    const place = next[digit] ?? 0;
    sink[place] = index;
    next[digit] = place + 1;
  }
}

/** True when the prefix `b` is a part of `a`; `b` is not shorter. */
function covers({ words, lengths }: Columns, a: number, b: number): boolean {
  let bits = lengths[a] ?? 0;
  for (const column of words) {
    if (bits <= 0) return true;
    const mask = bits >= 32 ? 0xffffffff : ~(0xffffffff >>> bits);
    if ((((column[a] ?? 0) ^ (column[b] ?? 0)) & mask) !== 0) return false;
    bits -= 32;
  }
  return true;
}

function sharesBits(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, bits: number): boolean {
  const whole = bits >> 3;
  for (let byte = 0; byte < whole; byte++) {
    if (a[aAt + byte] !== b[bAt + byte]) return false;
  }
  const mask = 0xff & ~(0xff >> (bits & 7));
  return mask === 0 || (((a[aAt + whole] ?? 0) ^ (b[bAt + whole] ?? 0)) & mask) === 0;
}

/** How many entries have an IPv6 prefix that overlaps the given one, and the first of them. */
function* countOverlaps(records: Uint8Array, prefix: Prefix): Generator<void, { count: number; first: number }> {
  const bytes = new Uint8Array(V6.bytes);
  for (let byte = 0; byte < V6.bytes; byte++) bytes[byte] = Number((prefix.first >> BigInt(120 - 8 * byte)) & 0xffn);
  let count = 0;
  let first = -1;
  for (let index = 0; (index + 1) * EAM_ADD_BYTES <= records.length; index++) {
    if (index % STEP === 0) yield;
    const at = index * EAM_ADD_BYTES + V6.at;
    const bits = Math.min(prefix.length, records[at + V6.bytes] ?? 0);
    if (!sharesBits(records, at, bytes, 0, bits)) continue;
    if (count++ === 0) first = index;
  }
  return { count, first };
}

/** Sentences about entries whose IPv6 side lies in a pool6 that should not number IPv6 hosts. */
export function* warnNumbering(records: Uint8Array, pool6: readonly Prefix[]): Generator<void, string[]> {
  const warnings: string[] = [];
  if (records.length === 0) return warnings;
  const wellKnown = knownPrefix(WELL_KNOWN_PREFIX);
  const wrong = yield* countOverlaps(records, wellKnown);
  if (wrong.count > 0) {
    const { v6 } = entryAt(records, wrong.first);
    warnings.push(
      `EAM entries number IPv6 hosts from ${WELL_KNOWN_PREFIX} (${wrong.count} of them, first ${v6}), which RFC 6052 §3.1 keeps for IPv4 servers: use a prefix of your own`,
    );
  }
  for (const prefix of pool6.slice(1)) {
    if (prefix.first === wellKnown.first) continue;
    const later = yield* countOverlaps(records, prefix);
    if (later.count === 0) continue;
    const { v6 } = entryAt(records, later.first);
    warnings.push(
      `EAM entries lie in ${networkOf(prefix)} (${later.count} of them, first ${v6}), which is not the first pool6: IPv4 addresses are shown in the first one, and both should use the same prefix (RFC 6052 §3.3)`,
    );
  }
  return warnings;
}
