/** The two checksums: of packets (RFC 1071) and of LSAs (RFC 905 annex B, as RFC 2328 §12.1.7 uses it). */
import { joined, setWord16, setWord32, viewOf, word16 } from './bytes.js';
import { LSA_HEADER_BYTES, OSPF_PROTOCOL } from './numbers.js';

/** One's complement sum of the parts as if they were one; each but the last has an even length. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    const view = viewOf(part);
    for (let at = 0; at + 1 < part.length; at += 2) sum += view.getUint16(at);
    if (part.length % 2 === 1) sum += view.getUint8(part.length - 1) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** IPv6 pseudo-header of an OSPF packet (RFC 8200 §8.1); addresses of 16 octets. */
export function pseudoHeader6(source: Uint8Array, destination: Uint8Array, length: number): Uint8Array {
  const tail = new Uint8Array(8);
  setWord32(tail, 0, length);
  tail[7] = OSPF_PROTOCOL;
  return joined(source, destination, tail);
}

/** Octets of the LSA header before its checksum, and where LS age ends. */
const CHECKSUM_AT = 16;
const AFTER_AGE = 2;

function fletcherSums(lsa: Uint8Array): [number, number] {
  let low = 0;
  let high = 0;
  for (let at = AFTER_AGE; at < lsa.length; ) {
    // So many octets cannot carry the sums past what a number holds exactly.
    const end = Math.min(lsa.length, at + 4096);
    for (; at < end; at++) {
      low += lsa[at] ?? 0;
      high += low;
    }
    low %= 255;
    high %= 255;
  }
  return [low, high];
}

/** True when the checksum of a whole LSA is right; zero never is (RFC 2328 §12.1.7). */
export function lsaChecksumHolds(lsa: Uint8Array): boolean {
  if (lsa.length < LSA_HEADER_BYTES || word16(lsa, CHECKSUM_AT) === 0) return false;
  const [low, high] = fletcherSums(lsa);
  return low === 0 && high === 0;
}

/** Writes the checksum into a whole LSA and returns it. */
export function setLsaChecksum(lsa: Uint8Array): number {
  setWord16(lsa, CHECKSUM_AT, 0);
  const [low, high] = fletcherSums(lsa);
  // Octets from the first of the checksum to the end of the LSA.
  const rest = lsa.length - CHECKSUM_AT;
  let first = ((rest - 1) * low - high) % 255;
  if (first <= 0) first += 255;
  let second = 510 - low - first;
  if (second > 255) second -= 255;
  setWord16(lsa, CHECKSUM_AT, (first << 8) | second);
  return word16(lsa, CHECKSUM_AT);
}
