/**
 * Domain names (RFC 1035 §3.1) in wire form: labels with their length in front, a zero octet last. Letter case is
 * folded byte by byte, which leaves lengths alone: they are below `A`.
 */
import { MAX_NAME_BYTES } from './numbers.js';

const POINTER = 0xc0;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
/** A name has 127 labels at most, and no honest pointer leads to another one alone. */
const MAX_POINTERS = 127;

/** Where a name is folded, to be made a string at once. */
const folded = Buffer.alloc(MAX_NAME_BYTES);

/** The root. */
export const ROOT = Uint8Array.of(0);

/** ASCII lower case of one octet (RFC 4343). */
export function lower(octet: number): number {
  return octet >= UPPER_A && octet <= UPPER_Z ? octet | 0x20 : octet;
}

/** A copy in lower case. */
export function lowerName(name: Uint8Array): Uint8Array {
  const copy = new Uint8Array(name.length);
  for (let i = 0; i < name.length; i++) copy[i] = lower(name[i] as number);
  return copy;
}

/** Reads names one after the other into one buffer. */
export class NameReader {
  readonly bytes = new Uint8Array(MAX_NAME_BYTES);
  /** Octets of the name last read. */
  length = 0;

  /**
   * Reads the name at `at`, compressed or not (RFC 1035 §4.1.4). A pointer may only go before the labels that it ends,
   * and there are few of them, so a name is read in bounded time. Returns where the message goes on, or -1 for what is no
   * name.
   */
  read(message: Uint8Array, at: number): number {
    let position = at;
    let start = at;
    let next = -1;
    let length = 0;
    let pointers = 0;
    for (;;) {
      const octet = message[position];
      if (octet === undefined) return -1;
      if (octet < 0x40) {
        const end = position + octet + 1;
        if (end > message.length || length + octet + 1 > MAX_NAME_BYTES) return -1;
        for (let i = position; i < end; i++) this.bytes[length++] = message[i] as number;
        position = end;
        if (octet > 0) continue;
        this.length = length;
        return next < 0 ? position : next;
      }
      const low = message[position + 1];
      if (octet < POINTER || low === undefined) return -1;
      const target = ((octet & 0x3f) << 8) | low;
      if (target >= start || ++pointers > MAX_POINTERS) return -1;
      if (next < 0) next = position + 2;
      position = target;
      start = target;
    }
  }

  /** A copy of the name last read. */
  name(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

/** Where the message goes on after the name at `at`, without following a pointer; -1 when it runs past the end. */
export function skipName(message: Uint8Array, at: number): number {
  let position = at;
  for (;;) {
    const octet = message[position];
    if (octet === undefined) return -1;
    if (octet === 0) return position + 1;
    if (octet >= POINTER) return position + 2 <= message.length ? position + 2 : -1;
    if (octet >= 0x40 || position + octet - at >= MAX_NAME_BYTES) return -1;
    position += octet + 1;
  }
}

/** True when both names are the same without regard to case. */
export function sameName(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (lower(a[i] as number) !== lower(b[i] as number)) return false;
  return true;
}

/** True when `name` is `parent` or below it. */
export function isWithin(name: Uint8Array, parent: Uint8Array): boolean {
  let at = 0;
  while (name.length - at > parent.length) at += (name[at] as number) + 1;
  if (name.length - at !== parent.length) return false;
  for (let i = 0; i < parent.length; i++) {
    if (lower(name[at + i] as number) !== lower(parent[i] as number)) return false;
  }
  return true;
}

/** The name without its first label; null for the root. */
export function parentName(name: Uint8Array): Uint8Array | null {
  return name.length <= 1 ? null : name.subarray((name[0] as number) + 1);
}

/** Without the root. */
export function labelsOf(name: Uint8Array): Uint8Array[] {
  const labels: Uint8Array[] = [];
  for (let at = 0; (name[at] ?? 0) > 0; at += (name[at] as number) + 1) {
    labels.push(name.subarray(at + 1, at + 1 + (name[at] as number)));
  }
  return labels;
}

/** A string that is the same for names that are: for keys of maps. */
export function nameKey(name: Uint8Array): string {
  for (let i = 0; i < name.length; i++) folded[i] = lower(name[i] as number);
  return folded.toString('latin1', 0, name.length);
}

/** Presentation form with the final dot (RFC 1035 §5.1): `\.`, `\\` and `\DDD` for what is not printable. */
export function nameToText(name: Uint8Array): string {
  const labels = labelsOf(name).map((label) =>
    [...label]
      .map((octet) => {
        if (octet === 0x2e || octet === 0x5c) return `\\${String.fromCharCode(octet)}`;
        return octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : `\\${String(octet).padStart(3, '0')}`;
      })
      .join(''),
  );
  return `${labels.join('.')}.`;
}

/** Reads presentation form, with or without the final dot. Null for what is no name. */
export function nameFromText(text: string): Uint8Array | null {
  if (text === '.' || text === '') return text === '' ? null : ROOT;
  const octets: number[] = [];
  let label: number[] = [];
  const endLabel = () => {
    if (label.length === 0 || label.length > 63) return false;
    octets.push(label.length, ...label);
    label = [];
    return true;
  };
  for (const [part] of text.matchAll(/\\\d{3}|\\[^\d]|[\s\S]/gu)) {
    if (part === '.') {
      if (!endLabel()) return null;
    } else if (part.length === 4 && part.startsWith('\\')) {
      const octet = Number(part.slice(1));
      if (octet > 255) return null;
      label.push(octet);
    } else {
      const octet = part.codePointAt(part.length - 1) ?? 0;
      if (octet > 0x7e || octet < 0x21 || (part === '\\' && part.length === 1)) return null;
      label.push(octet);
    }
  }
  if (label.length > 0 && !endLabel()) return null;
  octets.push(0);
  return octets.length <= MAX_NAME_BYTES ? Uint8Array.from(octets) : null;
}

/** A name written in this program, not by a person. Throws RangeError when it is none. */
export function knownName(text: string): Uint8Array {
  const name = nameFromText(text);
  if (name === null) throw new RangeError(`not a domain name: ${text}`);
  return lowerName(name);
}
