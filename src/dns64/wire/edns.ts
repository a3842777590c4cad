/** The OPT record (RFC 6891 §6.1) at the end of a message, and its options. */
import { Type } from './numbers.js';
import { putWord } from './words.js';

/** What an OPT of ours says. */
export interface Opt {
  udpBytes: number;
  /** The RCODE's upper eight bits. */
  upperRcode: number;
  dnssecOk: boolean;
}

/** OPT without options. */
export const OPT_BYTES = 11;

/** Writes an OPT whose options were, or will be, written right behind it. Returns where these begin. */
export function writeOpt(out: Uint8Array, at: number, opt: Opt, optionBytes: number): number {
  out[at] = 0;
  putWord(out, at + 1, Type.OPT);
  putWord(out, at + 3, opt.udpBytes);
  out[at + 5] = opt.upperRcode;
  out[at + 6] = 0;
  putWord(out, at + 7, opt.dnssecOk ? 0x8000 : 0);
  putWord(out, at + 9, optionBytes);
  return at + OPT_BYTES;
}

/** Writes an option's head; its data follow. Returns where these begin. */
export function writeOption(out: Uint8Array, at: number, code: number, dataBytes: number): number {
  return putWord(out, putWord(out, at, code), dataBytes);
}
