/** A query as it goes to an upstream server, and whether a reply is about it (RFC 5452 §9.1). */

import { OPT_BYTES, writeOpt, writeOption } from '../wire/edns.js';
import { lower } from '../wire/name.js';
import { Flag, HEADER_BYTES, Option } from '../wire/numbers.js';
import { putWord, wordAt } from '../wire/words.js';
import type { Random } from './random.js';

/** What is asked; the name is in lower case. */
export interface Ask {
  name: Uint8Array;
  type: number;
  klass: number;
  dnssecOk: boolean;
  checkingDisabled: boolean;
}

/** Largest reply over UDP, bytes: none is fragmented on a path of 1280 (RFC 6891 §6.2.5, RFC 9715). */
const UDP_BYTES = 1232;
/** RFC 1035 §4.2.2: the length in front of a message on a connection. */
export const LENGTH_BYTES = 2;
const QR_AND_OPCODE = 0xf8;
const IS_RESPONSE = 0x80;

/**
 * Writes a query behind `before` free bytes. `name` is the one of `ask` in the case that is sent; the OPT is our own
 * and has nothing of the client's (RFC 6891 §6.1.1). `cookie` is null for none, and counts only with EDNS.
 */
export function writeRequest(
  ask: Ask,
  name: Uint8Array,
  id: number,
  edns: boolean,
  cookie: Uint8Array | null,
  before: number,
): Buffer {
  const { length } = name;
  const optionBytes = cookie === null ? 0 : 4 + cookie.length;
  const bytes = Buffer.allocUnsafe(before + HEADER_BYTES + length + 4 + (edns ? OPT_BYTES + optionBytes : 0));
  let at = before;
  at = putWord(bytes, at, id);
  // RFC 6840 §5.7: AD asks to be told of validation, without the records of DO.
  at = putWord(bytes, at, Flag.RD | Flag.AD | (ask.checkingDisabled ? Flag.CD : 0));
  at = putWord(bytes, at, 1);
  at = putWord(bytes, at, 0);
  at = putWord(bytes, at, 0);
  at = putWord(bytes, at, edns ? 1 : 0);
  bytes.set(name, at);
  at = putWord(bytes, at + length, ask.type);
  at = putWord(bytes, at, ask.klass);
  if (edns) {
    at = writeOpt(bytes, at, { udpBytes: UDP_BYTES, upperRcode: 0, dnssecOk: ask.dnssecOk }, optionBytes);
    if (cookie !== null) bytes.set(cookie, writeOption(bytes, at, Option.COOKIE, cookie.length));
  }
  return bytes;
}

/** The name with each letter in a case drawn for it (draft-vixie-dnsext-dns0x20). */
export function mixCase(name: Uint8Array, random: Random): Uint8Array {
  const mixed = new Uint8Array(name.length);
  let bits = 1;
  for (let i = 0; i < name.length; i++) {
    const octet = name[i] as number;
    // The octets that count a label's length are below the letters.
    if (octet < 0x61 || octet > 0x7a) {
      mixed[i] = octet;
      continue;
    }
    if (bits === 1) bits = 0x10000 | random.word();
    mixed[i] = octet ^ ((bits & 1) << 5);
    bits >>>= 1;
  }
  return mixed;
}

/** How well a reply fits the question. */
export const Fit = {
  EXACT: 0,
  /** The same name in another letter case. */
  CASE: 1,
  /** An error without any question, as old servers send them. */
  BARE: 2,
  NONE: 3,
} as const;
export type Fit = (typeof Fit)[keyof typeof Fit];

/** Compares a reply's question with what was asked. The id is the caller's part. */
export function fitOf(reply: Uint8Array, name: Uint8Array, type: number, klass: number): Fit {
  if (reply.length < HEADER_BYTES || ((reply[2] as number) & QR_AND_OPCODE) !== IS_RESPONSE) return Fit.NONE;
  const questions = wordAt(reply, 4);
  if (questions === 0 && ((reply[3] as number) & 15) !== 0) return Fit.BARE;
  const end = HEADER_BYTES + name.length;
  if (questions !== 1 || reply.length < end + 4) return Fit.NONE;
  if (wordAt(reply, end) !== type || wordAt(reply, end + 2) !== klass) return Fit.NONE;
  let fit: Fit = Fit.EXACT;
  for (let i = 0; i < name.length; i++) {
    const ours = name[i] as number;
    const theirs = reply[HEADER_BYTES + i] as number;
    if (ours === theirs) continue;
    if (lower(ours) !== lower(theirs)) return Fit.NONE;
    fit = Fit.CASE;
  }
  return fit;
}

/** A message's id. */
export function idOf(message: Uint8Array): number {
  return wordAt(message, 0);
}
