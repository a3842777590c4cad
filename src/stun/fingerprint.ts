/** The checksum of FINGERPRINT (RFC 8489 §14.7): CRC-32 of ITU V.42. Node has one of its own from 20.15 on only. */
import { FINGERPRINT_XOR } from './numbers.js';

const REVERSED_POLYNOMIAL = 0xedb88320;

const TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let value = octet;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ REVERSED_POLYNOMIAL : value >>> 1;
  return value;
});

/** FINGERPRINT's value for a message whose octets before the attribute are these, with its length already counted. */
export function fingerprintOf(octets: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of octets) crc = (crc >>> 8) ^ (TABLE[(crc ^ octet) & 0xff] as number);
  return (~crc ^ FINGERPRINT_XOR) >>> 0;
}
