/**
 * The addresses of RFC 6052 §2.2, to name the rule behind an address that the translator made. The translator itself
 * is in native/siit/prefix.cpp.
 */
import { formatAddress, parseAddress } from '../config/address.js';
import type { CorePrefix } from '../native/addon.js';

const mask = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** The IPv4 address inside an IPv6 address; null when the address is not in the prefix. */
export function extract(prefix: CorePrefix, address6: string): string | null {
  const value = numberOf(address6);
  const left = BigInt(128 - prefix.length);
  if (value >> left !== numberOf(prefix.address) >> left) return null;
  if (prefix.length === 96) return formatAddress(4, value & mask(32));
  // Bits 64 to 71 (the u-octet) are left out.
  const packed = ((value >> 64n) << 56n) | (value & mask(56));
  return formatAddress(4, (packed >> BigInt(120 - prefix.length - 32)) & mask(32));
}

/** The IPv6 address that stands for an IPv4 address. */
export function embed(prefix: CorePrefix, address4: string): string {
  const value = numberOf(prefix.address);
  const v4 = numberOf(address4);
  if (prefix.length === 96) return formatAddress(6, value | v4);
  const packed = v4 << BigInt(120 - prefix.length - 32);
  return formatAddress(6, value | ((packed >> 56n) << 64n) | (packed & mask(56)));
}

/** True when the prefix has the address; families that differ have nothing in common. */
export function covers(prefix: CorePrefix, address: string): boolean {
  const left = BigInt((address.includes(':') ? 128 : 32) - prefix.length);
  if (address.includes(':') !== prefix.address.includes(':') || left < 0n) return false;
  return numberOf(address) >> left === numberOf(prefix.address) >> left;
}

function numberOf(text: string): bigint {
  const address = parseAddress(text);
  if (address === null) throw new RangeError(`not an address: ${text}`);
  return address.value;
}
