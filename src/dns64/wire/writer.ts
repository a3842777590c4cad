/** Writes a message: names compressed (RFC 1035 §4.1.4), and where its TTLs lie noted for the cache. */
import type { Rr } from './message.js';
import { nameKey, sameName } from './name.js';
import { HEADER_BYTES, Type } from './numbers.js';

/** A message without OPT, as the cache keeps it. */
export interface Written {
  bytes: Uint8Array;
  /** Offsets of the TTL fields, in the order of the records. */
  ttlOffsets: number[];
}

export interface Sections {
  answer: readonly Rr[];
  authority: readonly Rr[];
  additional: readonly Rr[];
}

/** Largest message (RFC 1035 §4.2.2). */
const MAX_BYTES = 65_535;
/** RFC 3597 §4: only the names of RFC 1035's types may be compressed inside RDATA. Octets before the names. */
const COMPRESSED: Readonly<Record<number, readonly [before: number, names: number]>> = {
  [Type.NS]: [0, 1],
  [Type.CNAME]: [0, 1],
  [Type.SOA]: [0, 2],
  [Type.PTR]: [0, 1],
  [Type.MX]: [2, 1],
};

/** Where messages are written; a larger one, before its names are compressed, has memory of its own. */
const scratch = new Uint8Array(MAX_BYTES);

class Writer {
  /** Where names and their ends begin that others may point to. */
  private readonly suffixes = new Map<string, number>();
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
    const key = nameKey(name);
    let label = 0;
    while ((name[label] ?? 0) > 0) {
      const suffix = label === 0 ? key : key.slice(label);
      const known = this.suffixes.get(suffix);
      if (known !== undefined) {
        this.word(0xc000 | known);
        return;
      }
      const length = (name[label] as number) + 1;
      if (this.at < 0x4000) this.suffixes.set(suffix, this.at);
      this.copy(name.subarray(label, label + length));
      label += length;
    }
    this.bytes[this.at++] = 0;
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
  const rrs = [...sections.answer, ...sections.authority, ...sections.additional];
  // A name takes at most what it takes uncompressed.
  const most = rrs.reduce((sum, rr) => sum + rr.name.length + 10 + rr.rdata.length, HEADER_BYTES + 259);
  const bytes = most > scratch.length ? new Uint8Array(most) : scratch;
  const writer = new Writer(bytes, question.name);
  writer.word(0);
  writer.word(flags);
  writer.word(1);
  for (const { length } of [sections.answer, sections.authority, sections.additional]) writer.word(length);
  writer.name(question.name);
  writer.word(question.type);
  writer.word(question.klass);
  const ttlOffsets = rrs.map((rr) => writer.record(rr));
  if (writer.position > MAX_BYTES) return null;
  return { bytes: bytes.slice(0, writer.position), ttlOffsets };
}
