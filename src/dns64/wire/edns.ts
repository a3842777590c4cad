/** The OPT record (RFC 6891 §6.1) at the end of a message, and its options. */
import { Type } from './numbers.js';

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
  word(out, at + 1, Type.OPT);
  word(out, at + 3, opt.udpBytes);
  out[at + 5] = opt.upperRcode;
  out[at + 6] = 0;
  word(out, at + 7, opt.dnssecOk ? 0x8000 : 0);
  word(out, at + 9, optionBytes);
  return at + OPT_BYTES;
}

/** Writes an option's head; its data follow. Returns where these begin. */
export function writeOption(out: Uint8Array, at: number, code: number, dataBytes: number): number {
  word(out, at, code);
  word(out, at + 2, dataBytes);
  return at + 4;
}

function word(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}
