/** LSA headers and whole LSAs, the same 20 octets in both versions (RFC 2328 §A.4.1, RFC 5340 §A.4.2). */
import { joined, setWord16, viewOf } from './bytes.js';
import { setLsaChecksum } from './checksum.js';
import { LSA_HEADER_BYTES, MAX_AGE_DIFF_SECONDS, MAX_AGE_SECONDS } from './numbers.js';

/** What names an LSA within its scope. `type` is 8 bits in version 2 and 16 in version 3. */
export interface LsaName {
  type: number;
  id: number;
  advertiser: number;
}

export interface LsaHeader extends LsaName {
  ageSeconds: number;
  /** Version 2 only: the octet before the type. */
  options: number;
  /** Signed. */
  sequence: number;
  checksum: number;
  /** Octets with the header. */
  length: number;
}

/** Text that is the same for the same LSA. */
export function lsaKey({ type, id, advertiser }: LsaName): string {
  return `${type} ${id} ${advertiser}`;
}

/** Reads a header at an offset of which 20 octets are there. */
export function readLsaHeader(version: 2 | 3, bytes: Uint8Array, at: number): LsaHeader {
  const view = viewOf(bytes);
  return {
    ageSeconds: view.getUint16(at),
    options: version === 2 ? view.getUint8(at + 2) : 0,
    type: version === 2 ? view.getUint8(at + 3) : view.getUint16(at + 2),
    id: view.getUint32(at + 4),
    advertiser: view.getUint32(at + 8),
    sequence: view.getInt32(at + 12),
    checksum: view.getUint16(at + 16),
    length: view.getUint16(at + 18),
  };
}

export function writeLsaHeader(version: 2 | 3, header: LsaHeader): Uint8Array {
  const bytes = new Uint8Array(LSA_HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint16(0, header.ageSeconds);
  view.setUint16(2, version === 2 ? (header.options << 8) | header.type : header.type);
  view.setUint32(4, header.id);
  view.setUint32(8, header.advertiser);
  view.setInt32(12, header.sequence);
  view.setUint16(16, header.checksum);
  view.setUint16(18, header.length);
  return bytes;
}

/** A whole LSA of age 0 with its checksum. */
export function buildLsa(
  version: 2 | 3,
  name: LsaName & { options: number; sequence: number },
  body: Uint8Array,
): Uint8Array {
  const length = LSA_HEADER_BYTES + body.length;
  const bytes = joined(writeLsaHeader(version, { ...name, ageSeconds: 0, checksum: 0, length }), body);
  setLsaChecksum(bytes);
  return bytes;
}

/** The LSA with another age, in new memory. */
export function withAge(lsa: Uint8Array, ageSeconds: number): Uint8Array {
  const bytes = lsa.slice();
  setWord16(bytes, 0, ageSeconds);
  return bytes;
}

/** Above 0 when `a` is the newer instance, below when `b` is, 0 when they are the same (RFC 2328 §13.1). */
export function compareInstances(
  a: Pick<LsaHeader, 'sequence' | 'checksum' | 'ageSeconds'>,
  b: Pick<LsaHeader, 'sequence' | 'checksum' | 'ageSeconds'>,
): number {
  if (a.sequence !== b.sequence) return a.sequence - b.sequence;
  if (a.checksum !== b.checksum) return a.checksum - b.checksum;
  const [deadA, deadB] = [a.ageSeconds >= MAX_AGE_SECONDS, b.ageSeconds >= MAX_AGE_SECONDS];
  if (deadA !== deadB) return deadA ? 1 : -1;
  return Math.abs(a.ageSeconds - b.ageSeconds) > MAX_AGE_DIFF_SECONDS ? b.ageSeconds - a.ageSeconds : 0;
}
