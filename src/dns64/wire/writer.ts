/** Writes a message: names compressed (RFC 1035 §4.1.4), and where its TTLs lie noted for the cache. */
import type { Rr } from './message.js';
import { lower, sameName } from './name.js';
import { HEADER_BYTES, MAX_MESSAGE_BYTES, MAX_NAME_BYTES, Type } from './numbers.js';
import { wordAt } from './words.js';

/** A message without OPT, as the cache keeps it. */
export interface Written {
  /** Of `writeMessage`: in memory that the next message is written to. */
  bytes: Uint8Array;
  /** Offsets of the TTL fields, in the order of the records. */
  ttlOffsets: number[];
}

export interface Sections {
  answer: readonly Rr[];
  authority: readonly Rr[];
  additional: readonly Rr[];
}

/** RFC 3597 §4: only the names of RFC 1035's types may be compressed inside RDATA. Octets before the names. */
const COMPRESSED: Readonly<Record<number, readonly [before: number, names: number]>> = {
  [Type.NS]: [0, 1],
  [Type.CNAME]: [0, 1],
  [Type.SOA]: [0, 2],
  [Type.PTR]: [0, 1],
  [Type.MX]: [2, 1],
};

/** Where messages are written; a larger one, before its names are compressed, has memory of its own. */
const scratch = new Uint8Array(MAX_MESSAGE_BYTES);
/** Where the labels of a name begin, and a hash of the name from there on. */
const labelAt = new Uint8Array(MAX_NAME_BYTES);
const hashFrom = new Int32Array(MAX_NAME_BYTES);
const MAX_LABEL_BYTES = 63;
/** The farthest that a pointer leads (RFC 1035 §4.1.4). */
const MAX_POINTER = 0x3fff;

class Writer {
  /** Where names and their ends stand that others may point to, by their hash. Of those with the same, the first. */
  private readonly suffixes = new Map<number, number>();
  private at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    /** The name that stands first, and that most records are about. */
    private readonly first: Uint8Array,
  ) {}

  get position(): number {
    return this.at;
  }

  word(value: number): void {
    this.bytes[this.at++] = value >>> 8;
    this.bytes[this.at++] = value;
  }

  copy(part: Uint8Array): void {
    this.bytes.set(part, this.at);
    this.at += part.length;
  }

  name(name: Uint8Array): void {
    if (this.at > HEADER_BYTES && name.length > 1 && sameName(name, this.first)) {
      this.word(0xc000 | HEADER_BYTES);
      return;
    }
    const labels = hashSuffixes(name);
    for (let i = 0; i < labels; i++) {
      const label = labelAt[i] as number;
      const hash = hashFrom[i] as number;
      const known = this.suffixes.get(hash);
      if (known === undefined) {
        if (this.at <= MAX_POINTER) this.suffixes.set(hash, this.at);
      } else if (this.isAt(known, name, label)) {
        this.word(0xc000 | known);
        return;
      }
      const end = label + (name[label] as number) + 1;
      for (let j = label; j < end; j++) this.bytes[this.at++] = name[j] as number;
    }
    this.bytes[this.at++] = 0;
  }

  /** Whether what was written at `position` is the name from `label` on. */
  private isAt(position: number, name: Uint8Array, label: number): boolean {
    const { bytes } = this;
    let from = position;
    let at = label;
    for (;;) {
      // Pointers go back, so this ends; beyond what is written lies what was there before.
      while (from < this.at && (bytes[from] as number) > MAX_LABEL_BYTES) from = wordAt(bytes, from) & MAX_POINTER;
      const length = name[at] as number;
      if (from >= this.at || bytes[from] !== length) return false;
      if (length === 0) return true;
      for (let i = 1; i <= length; i++) {
        if (lower(bytes[from + i] as number) !== lower(name[at + i] as number)) return false;
      }
      from += length + 1;
      at += length + 1;
    }
  }

  record(rr: Rr): number {
    this.name(rr.name);
    this.word(rr.type);
    this.word(rr.klass);
    const ttlOffset = this.at;
    this.word(rr.ttl >>> 16);
    this.word(rr.ttl & 0xffff);
    const lengthAt = this.at;
    this.at += 2;
    this.rdata(rr);
    const length = this.at - lengthAt - 2;
    this.bytes[lengthAt] = length >>> 8;
    this.bytes[lengthAt + 1] = length;
    return ttlOffset;
  }

  private rdata({ type, rdata }: Rr): void {
    const layout = COMPRESSED[type];
    if (layout === undefined) {
      this.copy(rdata);
      return;
    }
    const [before, names] = layout;
    let from = before;
    this.copy(rdata.subarray(0, from));
    for (let i = 0; i < names; i++) {
      let end = from;
      while ((rdata[end] ?? 0) > 0) end += (rdata[end] as number) + 1;
      this.name(rdata.subarray(from, end + 1));
      from = end + 1;
    }
    this.copy(rdata.subarray(from));
  }
}

/**
 * Writes a message with one question. `flags` include QR and the lower four bits of the RCODE; the id is 0. Null when it
 * does not fit 64 KiB.
 */
export function writeMessage(
  question: { name: Uint8Array; type: number; klass: number },
  flags: number,
  sections: Sections,
): Written | null {
  const parts = [sections.answer, sections.authority, sections.additional];
  // A name takes at most what it takes uncompressed.
  let most = HEADER_BYTES + 259;
  for (const rrs of parts) for (const rr of rrs) most += rr.name.length + 10 + rr.rdata.length;
  const bytes = most > scratch.length ? new Uint8Array(most) : scratch;
  const writer = new Writer(bytes, question.name);
  writer.word(0);
  writer.word(flags);
  writer.word(1);
  for (const { length } of parts) writer.word(length);
  writer.name(question.name);
  writer.word(question.type);
  writer.word(question.klass);
  const ttlOffsets: number[] = [];
  for (const rrs of parts) for (const rr of rrs) ttlOffsets.push(writer.record(rr));
  if (writer.position > MAX_MESSAGE_BYTES) return null;
  return { bytes: bytes.subarray(0, writer.position), ttlOffsets };
}

/** Fills `labelAt` and `hashFrom`; returns how many labels there are, without the root. */
function hashSuffixes(name: Uint8Array): number {
  let labels = 0;
  for (let at = 0; (name[at] ?? 0) > 0; at += (name[at] as number) + 1) labelAt[labels++] = at;
  let hash = 0;
  let end = name.length - 1;
  for (let i = labels - 1; i >= 0; i--) {
    const start = labelAt[i] as number;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ lower(name[at] as number), 0x01000193) + at - start;
    hashFrom[i] = hash;
    end = start;
  }
  return labels;
}
