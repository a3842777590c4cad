/**
 * A client's query, read once into an object that is used again for the next one: this is the path of every packet, so
 * nothing is allocated and no name is copied.
 */
import { skipName } from './name.js';
import { Flag, HEADER_BYTES, MAX_NAME_BYTES, Option, Type } from './numbers.js';
import { wordAt } from './words.js';

/** What is to be done with a packet. */
export const Verdict = {
  ANSWER: 0,
  /** Shorter than a header, or a response: silence (RFC 5625 §4.1, RFC 1035 §7.3). */
  SHORT: 1,
  RESPONSE: 2,
  /** Refused with that RCODE. */
  FORMERR: 3,
  NOTIMP: 4,
  BADVERS: 5,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Records beside the question that are looked at; a query has an OPT and perhaps a signature. */
const MAX_RECORDS = 8;
/** Bits of the header's second word. */
export const OPCODE = 0x7800;
const LEAST_UDP_BYTES = 512;

export class Query {
  bytes: Uint8Array = new Uint8Array(0);
  id = 0;
  flags = 0;
  /** The name is uncompressed at offset 12; 0 when the question was not read. */
  nameLength = 0;
  type = 0;
  klass = 0;
  edns = false;
  /** Largest answer over UDP that the client takes, 512 at least (RFC 6891 §6.2.3). */
  udpBytes = LEAST_UDP_BYTES;
  dnssecOk = false;
  /** Of the first cookie option's data in `bytes`; length 0 when there is none. */
  cookieOffset = 0;
  cookieLength = 0;
  private version = 0;

  /** Reads a packet. The fields hold what came before the fault when the verdict is a refusal. */
  read(bytes: Uint8Array): Verdict {
    this.bytes = bytes;
    this.nameLength = 0;
    this.edns = false;
    this.udpBytes = LEAST_UDP_BYTES;
    this.dnssecOk = false;
    this.cookieLength = 0;
    this.version = 0;
    if (bytes.length < HEADER_BYTES) return Verdict.SHORT;
    this.id = wordAt(bytes, 0);
    this.flags = wordAt(bytes, 2);
    if ((this.flags & Flag.QR) !== 0) return Verdict.RESPONSE;
    if ((this.flags & OPCODE) !== 0) return Verdict.NOTIMP;
    // RFC 9619: a QUERY has one question.
    if (wordAt(bytes, 4) !== 1) return Verdict.FORMERR;
    const records = wordAt(bytes, 6) + wordAt(bytes, 8) + wordAt(bytes, 10);
    let at = this.readQuestion();
    if (at < 0 || records > MAX_RECORDS) return Verdict.FORMERR;
    for (let i = 0; i < records; i++) {
      at = this.readRecord(at, i >= records - wordAt(bytes, 10));
      if (at < 0) return Verdict.FORMERR;
    }
    return this.version === 0 ? Verdict.ANSWER : Verdict.BADVERS;
  }

  private readQuestion(): number {
    const { bytes } = this;
    let at = HEADER_BYTES;
    // No compression: there is nothing before the question that a pointer could mean.
    for (;;) {
      const octet = bytes[at];
      if (octet === undefined || octet > 63) return -1;
      at += octet + 1;
      if (octet === 0) break;
    }
    if (at - HEADER_BYTES > MAX_NAME_BYTES || at + 4 > bytes.length) return -1;
    this.nameLength = at - HEADER_BYTES;
    this.type = wordAt(bytes, at);
    this.klass = wordAt(bytes, at + 2);
    return at + 4;
  }

  private readRecord(at: number, additional: boolean): number {
    const { bytes } = this;
    const root = bytes[at] === 0;
    const fixed = skipName(bytes, at);
    if (fixed < 0 || fixed + 10 > bytes.length) return -1;
    const end = fixed + 10 + wordAt(bytes, fixed + 8);
    if (end > bytes.length) return -1;
    if (wordAt(bytes, fixed) !== Type.OPT) return end;
    // RFC 6891 §6.1.1: one, of the root, in the additional section.
    if (this.edns || !root || !additional) return -1;
    this.edns = true;
    this.udpBytes = Math.max(LEAST_UDP_BYTES, wordAt(bytes, fixed + 2));
    this.version = bytes[fixed + 5] as number;
    this.dnssecOk = ((bytes[fixed + 6] as number) & 0x80) !== 0;
    return this.readOptions(fixed + 10, end) ? end : -1;
  }

  private readOptions(from: number, end: number): boolean {
    const { bytes } = this;
    let at = from;
    while (at < end) {
      if (at + 4 > end) return false;
      const length = wordAt(bytes, at + 2);
      if (at + 4 + length > end) return false;
      if (wordAt(bytes, at) === Option.COOKIE && this.cookieLength === 0) {
        // RFC 7873 §5.2.2: 8 octets of the client, or these and 8 to 32 of the server.
        if (length !== 8 && (length < 16 || length > 40)) return false;
        this.cookieOffset = at + 4;
        this.cookieLength = length;
      }
      at += 4 + length;
    }
    return true;
  }
}
