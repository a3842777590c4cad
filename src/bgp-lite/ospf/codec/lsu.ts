/** Link State Update packets: body after the header (RFC 2328 §A.3.5, RFC 5340 §A.3.5). */
import { joined, setWord32, word16, word32 } from './bytes.js';
import { LSA_HEADER_BYTES } from './numbers.js';

export const LSU_FIXED_BYTES = 4;

export function writeLsu(lsas: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(LSU_FIXED_BYTES);
  setWord32(head, 0, lsas.length);
  return joined(head, ...lsas);
}

/** The whole LSAs, each a view into `body`; null when lengths do not fit. */
export function readLsu(body: Uint8Array): Uint8Array[] | null {
  if (body.length < LSU_FIXED_BYTES) return null;
  const count = word32(body, 0);
  const lsas: Uint8Array[] = [];
  let at = LSU_FIXED_BYTES;
  for (let index = 0; index < count; index++) {
    if (at + LSA_HEADER_BYTES > body.length) return null;
    const length = word16(body, at + 18);
    if (length < LSA_HEADER_BYTES || at + length > body.length) return null;
    lsas.push(body.subarray(at, at + length));
    at += length;
  }
  return at === body.length ? lsas : null;
}
