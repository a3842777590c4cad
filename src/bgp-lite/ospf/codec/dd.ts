/** Database Description packets: body after the header (RFC 2328 §A.3.3, RFC 5340 §A.3.3). */
import { joined, viewOf } from './bytes.js';
import { type LsaHeader, readLsaHeader, writeLsaHeader } from './lsa.js';
import { LSA_HEADER_BYTES } from './numbers.js';

export interface DatabaseDescription {
  mtuBytes: number;
  options: number;
  /** `DdFlag`. */
  flags: number;
  /** 32 bits, unsigned. */
  sequence: number;
  headers: LsaHeader[];
}

export const DD_FIXED_BYTES = { 2: 8, 3: 12 } as const;

export function writeDd(version: 2 | 3, dd: DatabaseDescription): Uint8Array {
  const head = new Uint8Array(DD_FIXED_BYTES[version]);
  const view = viewOf(head);
  if (version === 2) {
    view.setUint16(0, dd.mtuBytes);
    view.setUint8(2, dd.options);
    view.setUint8(3, dd.flags);
    view.setUint32(4, dd.sequence);
  } else {
    view.setUint32(0, dd.options);
    view.setUint16(4, dd.mtuBytes);
    view.setUint8(7, dd.flags);
    view.setUint32(8, dd.sequence);
  }
  return joined(head, ...dd.headers.map((header) => writeLsaHeader(version, header)));
}

/** Null when the length does not fit. */
export function readDd(version: 2 | 3, body: Uint8Array): DatabaseDescription | null {
  const fixed = DD_FIXED_BYTES[version];
  if (body.length < fixed) return null;
  const headers = readHeaders(version, body, fixed);
  if (headers === null) return null;
  const view = viewOf(body);
  return version === 2
    ? {
        mtuBytes: view.getUint16(0),
        options: view.getUint8(2),
        flags: view.getUint8(3) & 7,
        sequence: view.getUint32(4),
        headers,
      }
    : {
        mtuBytes: view.getUint16(4),
        options: view.getUint32(0) & 0xffffff,
        flags: view.getUint8(7) & 7,
        sequence: view.getUint32(8),
        headers,
      };
}

/** LSA headers to the end of a body; null when they do not fill it. */
export function readHeaders(version: 2 | 3, body: Uint8Array, from: number): LsaHeader[] | null {
  if ((body.length - from) % LSA_HEADER_BYTES !== 0) return null;
  const headers: LsaHeader[] = [];
  for (let at = from; at < body.length; at += LSA_HEADER_BYTES) headers.push(readLsaHeader(version, body, at));
  return headers;
}
