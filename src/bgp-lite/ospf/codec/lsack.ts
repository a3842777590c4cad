/** Link State Acknowledgment packets: body after the header (RFC 2328 §A.3.6). */
import { joined } from './bytes.js';
import { readHeaders } from './dd.js';
import { type LsaHeader, writeLsaHeader } from './lsa.js';

export function writeLsack(version: 2 | 3, headers: readonly LsaHeader[]): Uint8Array {
  return joined(...headers.map((header) => writeLsaHeader(version, header)));
}

/** Null when the length does not fit. */
export function readLsack(version: 2 | 3, body: Uint8Array): LsaHeader[] | null {
  return readHeaders(version, body, 0);
}
