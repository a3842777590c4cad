/** The checksum of LSAs (RFC 905 annex B, as RFC 2328 §12.1.7 uses it). */
import { setWord16, word16 } from './bytes.js';
import { LSA_HEADER_BYTES } from './numbers.js';

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
