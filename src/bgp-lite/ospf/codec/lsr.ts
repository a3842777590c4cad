/** Link State Request packets: body after the header (RFC 2328 §A.3.4, RFC 5340 §A.3.4), one layout for both versions. */
import { viewOf } from './bytes.js';
import type { LsaName } from './lsa.js';

export const REQUEST_BYTES = 12;

export function writeLsr(names: readonly LsaName[]): Uint8Array {
  const bytes = new Uint8Array(names.length * REQUEST_BYTES);
  const view = viewOf(bytes);
  for (const [index, { type, id, advertiser }] of names.entries()) {
    const at = index * REQUEST_BYTES;
    view.setUint32(at, type);
    view.setUint32(at + 4, id);
    view.setUint32(at + 8, advertiser);
  }
  return bytes;
}

/** Null when the length does not fit. */
export function readLsr(body: Uint8Array): LsaName[] | null {
  if (body.length % REQUEST_BYTES !== 0) return null;
  const view = viewOf(body);
  const names: LsaName[] = [];
  for (let at = 0; at < body.length; at += REQUEST_BYTES) {
    names.push({ type: view.getUint32(at), id: view.getUint32(at + 4), advertiser: view.getUint32(at + 8) });
  }
  return names;
}
