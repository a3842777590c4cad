/**
 * A ready message becomes the answer to one query, in place: id, flags and question of the query, an OPT where it had
 * one, and cut to what the client takes. Nothing is allocated.
 */
import { OPT_BYTES, writeOpt, writeOption } from './wire/edns.js';
import { skipName } from './wire/name.js';
import { Ede, Flag, HEADER_BYTES, Option } from './wire/numbers.js';
import { OPCODE, type Query } from './wire/query.js';
import { putWord, wordAt } from './wire/words.js';

/** Kinds of message, as bits: what the cache keeps beside it. */
export const Kind = {
  /** Has addresses of ours. */
  SYNTHETIC: 1,
  /** Past its time (RFC 8767). */
  STALE: 2,
  BOGUS: 4,
  /** Upstream did not answer in its time. */
  TIMED_OUT: 8,
  /** Upstream could not be reached. */
  UNREACHABLE: 16,
} as const;

/** What each tells those who speak EDNS (RFC 8914 §4). */
const EXTENDED_ERRORS: readonly (readonly [kind: number, code: number])[] = [
  [Kind.SYNTHETIC, Ede.FORGED_ANSWER],
  [Kind.STALE, Ede.STALE_ANSWER],
  [Kind.BOGUS, Ede.DNSSEC_BOGUS],
  [Kind.TIMED_OUT, Ede.NO_REACHABLE_AUTHORITY],
  [Kind.UNREACHABLE, Ede.NETWORK_ERROR],
];

/** Octets of a whole cookie option with its head (RFC 9018: 8 of the client, 16 of the server). */
export const COOKIE_OPTION_BYTES = 28;
const EDE_OPTION_BYTES = 6;

/** Writes the 24 octets of a cookie for the query at hand. */
export type WriteCookie = (out: Uint8Array, at: number) => void;

export interface Limits {
  /** Largest answer for this client on this transport. */
  bytes: number;
  /** What our OPT says that we take. */
  udpBytes: number;
}

/**
 * Finishes the message of `length` octets at `at`, with its RCODE. Returns the answer's length; `out` has room for
 * `limits.bytes` octets, and for `length`.
 */
export function finishAnswer(
  out: Uint8Array,
  at: number,
  length: number,
  query: Query,
  kind: number,
  limits: Limits,
  cookie: WriteCookie | null,
): number {
  writeHead(out, at, query, wordAt(out, at + 2), kind);
  copyQuestion(out, at, query);
  const options = query.edns ? optionBytes(kind, cookie) : 0;
  const opt = query.edns ? OPT_BYTES + options : 0;
  let end = length;
  if (end + opt > limits.bytes) end = shorten(out, at, length, query, limits.bytes - opt);
  return query.edns ? appendOpt(out, at, end, query, 0, kind, limits, options, cookie) : end;
}

/** Writes an answer without records. Extended RCODEs go to those who speak EDNS (RFC 6891 §6.1.3). */
export function writeError(
  out: Uint8Array,
  at: number,
  query: Query,
  rcode: number,
  kind: number,
  limits: Limits,
  cookie: WriteCookie | null,
): number {
  out.fill(0, at, at + HEADER_BYTES);
  writeHead(out, at, query, Flag.QR | Flag.RA | (rcode & 15), kind);
  let end = HEADER_BYTES;
  if (query.nameLength > 0) {
    putWord(out, at + 4, 1);
    copyQuestion(out, at, query);
    end += query.nameLength + 4;
  }
  if (!query.edns) return end;
  return appendOpt(out, at, end, query, rcode >> 4, kind, limits, optionBytes(kind, cookie), cookie);
}

/** The question as it was asked, letter case included (RFC 6147 §5.4). */
function copyQuestion(out: Uint8Array, at: number, { bytes, nameLength }: Query): void {
  const end = HEADER_BYTES + nameLength + 4;
  for (let i = HEADER_BYTES; i < end; i++) out[at + i] = bytes[i] as number;
}

function writeHead(out: Uint8Array, at: number, query: Query, stored: number, kind: number): void {
  // RFC 1035 §4.1.1: the opcode is copied too, which matters for those that are refused.
  let flags = stored | (query.flags & (OPCODE | Flag.RD | Flag.CD));
  // RFC 6840 §5.8: AD for those who know it; RFC 6147 §5.5: not on what was made up for those who do not validate.
  const asked = query.dnssecOk || ((query.flags & Flag.AD) !== 0 && (kind & Kind.SYNTHETIC) === 0);
  if (!asked) flags &= ~Flag.AD;
  putWord(out, at, query.id);
  putWord(out, at + 2, flags);
}

function optionBytes(kind: number, cookie: WriteCookie | null): number {
  let bytes = cookie === null ? 0 : COOKIE_OPTION_BYTES;
  for (let bits = kind; bits !== 0; bits &= bits - 1) bytes += EDE_OPTION_BYTES;
  return bytes;
}

function appendOpt(
  out: Uint8Array,
  at: number,
  length: number,
  query: Query,
  upperRcode: number,
  kind: number,
  { udpBytes }: Limits,
  options: number,
  cookie: WriteCookie | null,
): number {
  let end = writeOpt(out, at + length, { udpBytes, upperRcode, dnssecOk: query.dnssecOk }, options);
  if (cookie !== null) {
    end = writeOption(out, end, Option.COOKIE, COOKIE_OPTION_BYTES - 4);
    cookie(out, end);
    end += COOKIE_OPTION_BYTES - 4;
  }
  if (kind !== 0) {
    for (const [bit, code] of EXTENDED_ERRORS) if ((kind & bit) !== 0) end = writeEde(out, end, code);
  }
  putWord(out, at + 10, wordAt(out, at + 10) + 1);
  return end - at;
}

function writeEde(out: Uint8Array, at: number, code: number): number {
  return putWord(out, writeOption(out, at, Option.EDE, 2), code);
}

/** RFC 2181 §9: without the additional section, and without TC, when that is enough; else with TC and no records. */
function shorten(out: Uint8Array, at: number, length: number, query: Query, room: number): number {
  const question = HEADER_BYTES + query.nameLength + 4;
  const message = out.subarray(at, at + length);
  let end = question;
  const kept = wordAt(out, at + 6) + wordAt(out, at + 8);
  for (let i = 0; i < kept && end >= 0; i++) {
    const fixed = skipName(message, end);
    end = fixed < 0 || fixed + 10 > length ? -1 : fixed + 10 + wordAt(message, fixed + 8);
  }
  putWord(out, at + 10, 0);
  if (end >= 0 && end <= room) return end;
  putWord(out, at + 2, wordAt(out, at + 2) | Flag.TC);
  putWord(out, at + 6, 0);
  putWord(out, at + 8, 0);
  return question;
}
