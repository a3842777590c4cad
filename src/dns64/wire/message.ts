/**
 * A whole message as records, for what comes from upstream. Names inside RDATA are written out, so that records can
 * move to other messages; what this program does not know stays byte for byte as it came (RFC 3597).
 */
import { lowerName, NameReader } from './name.js';
import { HEADER_BYTES, MAX_TTL_SECONDS, Option, Type } from './numbers.js';
import { wordAt } from './words.js';

export interface Question {
  /** As it came, letter case included. */
  name: Uint8Array;
  type: number;
  klass: number;
}

export interface Rr {
  name: Uint8Array;
  type: number;
  klass: number;
  /** At most MAX_TTL_SECONDS. */
  ttl: number;
  /** Without compression. */
  rdata: Uint8Array;
}

export interface Edns {
  udpBytes: number;
  dnssecOk: boolean;
  /** The first cookie option's data, or null (RFC 7873). */
  cookie: Uint8Array | null;
  /** Info-codes of the extended errors (RFC 8914). */
  extendedErrors: number[];
}

export interface Message {
  id: number;
  /** Header flags with the lower four bits cleared. */
  flags: number;
  /** With the OPT's upper bits (RFC 6891 §6.1.3). */
  rcode: number;
  question: Question | null;
  answer: Rr[];
  authority: Rr[];
  additional: Rr[];
  edns: Edns | null;
}

/** More than any honest answer within 64 KiB has. */
const MAX_RECORDS = 4096;

/** RDATA with names that may be compressed (RFC 3597 §4): octets before them, and how many. Octets may follow. */
const NAMES_INSIDE: Readonly<Record<number, readonly [before: number, names: number]>> = {
  [Type.NS]: [0, 1],
  3: [0, 1],
  4: [0, 1],
  [Type.CNAME]: [0, 1],
  [Type.SOA]: [0, 2],
  7: [0, 1],
  8: [0, 1],
  9: [0, 1],
  [Type.PTR]: [0, 1],
  14: [0, 2],
  [Type.MX]: [2, 1],
  17: [0, 2],
  18: [2, 1],
  21: [2, 1],
  24: [18, 1],
  26: [2, 2],
  30: [0, 1],
  [Type.SRV]: [6, 1],
  [Type.DNAME]: [0, 1],
};

/** One for all messages: what it read is copied out before the next is begun. */
const names = new NameReader();

/** Reads a message. Null for what is none: bad bounds, names or counts, two questions, two OPTs. */
export function readMessage(received: Uint8Array): Message | null {
  if (received.length < HEADER_BYTES) return null;
  // A Buffer's slice() would share its memory.
  const bytes = new Uint8Array(received.buffer, received.byteOffset, received.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  const counts = [view.getUint16(6), view.getUint16(8), view.getUint16(10)] as const;
  if (view.getUint16(4) > 1 || counts[0] + counts[1] + counts[2] > MAX_RECORDS) return null;

  let at = HEADER_BYTES;
  let question: Question | null = null;
  if (view.getUint16(4) === 1) {
    at = names.read(bytes, at);
    if (at < 0 || at + 4 > bytes.length) return null;
    question = { name: names.name(), type: view.getUint16(at), klass: view.getUint16(at + 2) };
    at += 4;
  }

  const sections: [Rr[], Rr[], Rr[]] = [[], [], []];
  let edns: (Edns & { upperRcode: number }) | null = null;
  for (const [section, count] of counts.entries()) {
    for (let i = 0; i < count; i++) {
      const fixed = names.read(bytes, at);
      if (fixed < 0 || fixed + 10 > bytes.length) return null;
      const type = view.getUint16(fixed);
      const start = fixed + 10;
      at = start + view.getUint16(fixed + 8);
      if (at > bytes.length) return null;
      if (type === Type.OPT) {
        if (edns !== null || section !== 2 || names.length !== 1) return null;
        edns = readOpt(bytes, view, fixed, at);
        if (edns === null) return null;
        continue;
      }
      const name = names.name();
      const rdata = plainRdata(bytes, start, at, type);
      if (rdata === null) return null;
      const ttl = Math.min(view.getUint32(fixed + 4), MAX_TTL_SECONDS);
      sections[section]?.push({ name, type, klass: view.getUint16(fixed + 2), ttl, rdata });
    }
  }
  const [answer, authority, additional] = sections;
  const rcode = (flags & 15) | ((edns?.upperRcode ?? 0) << 4);
  return { id: view.getUint16(0), flags: flags & ~15, rcode, question, answer, authority, additional, edns };
}

function readOpt(
  bytes: Uint8Array,
  view: DataView,
  fixed: number,
  end: number,
): (Edns & { upperRcode: number }) | null {
  const extendedErrors: number[] = [];
  let cookie: Uint8Array | null = null;
  let at = fixed + 10;
  while (at < end) {
    if (at + 4 > end) return null;
    const code = view.getUint16(at);
    const start = at + 4;
    at = start + view.getUint16(at + 2);
    if (at > end) return null;
    if (code === Option.COOKIE) cookie ??= bytes.slice(start, at);
    if (code === Option.EDE && at - start >= 2) extendedErrors.push(view.getUint16(start));
  }
  return {
    udpBytes: view.getUint16(fixed + 2),
    upperRcode: view.getUint8(fixed + 4),
    dnssecOk: (view.getUint8(fixed + 6) & 0x80) !== 0,
    cookie,
    extendedErrors,
  };
}

/** RDATA from `start` to `end` with its names written out; null when they do not fit. */
function plainRdata(message: Uint8Array, start: number, end: number, type: number): Uint8Array | null {
  const layout = NAMES_INSIDE[type];
  if (layout === undefined) return message.slice(start, end);
  const bytes = message.subarray(0, end);
  const [before, count] = layout;
  let at = start + before;
  if (at > bytes.length) return null;
  const parts = [bytes.subarray(start, at)];
  for (let i = 0; i < count; i++) {
    at = names.read(bytes, at);
    if (at < 0) return null;
    parts.push(names.name());
  }
  // A name is the end of all of these but SOA, with its five numbers, and SIG and NXT, whose tails are free.
  const rest = bytes.length - at;
  if (type === Type.SOA ? rest !== 20 : rest !== 0 && type !== 24 && type !== 30) return null;
  parts.push(bytes.subarray(at));
  return concat(parts);
}

/** The parts, one after the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The target of a CNAME, DNAME, NS or PTR, in lower case. */
export function targetOf(rr: Rr): Uint8Array {
  return lowerName(rr.rdata);
}

/** min(TTL of the SOA, its MINIMUM) (RFC 2308 §5); null for what is no SOA. */
export function negativeTtl(rr: Rr): number | null {
  if (rr.type !== Type.SOA || rr.rdata.length < 22) return null;
  const at = rr.rdata.length - 4;
  return Math.min(rr.ttl, wordAt(rr.rdata, at) * 0x10000 + wordAt(rr.rdata, at + 2));
}

/** The same of an authority section's SOA; null without one. */
export function denialTtl(authority: readonly Rr[]): number | null {
  for (const rr of authority) {
    const ttl = negativeTtl(rr);
    if (ttl !== null) return ttl;
  }
  return null;
}
