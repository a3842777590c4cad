/**
 * Addresses, prefixes and transport addresses as text and as numbers. `node:net` decides what is an address,
 * `ip-address` does the arithmetic and RFC 5952's text form. Functions answer null for text that is not what was asked.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { Address4, Address6 } from 'ip-address';

export type Family = 4 | 6;

export interface Address {
  family: Family;
  /** Dotted decimal, or RFC 5952. */
  text: string;
  value: bigint;
}

/** `first` and `last` are the lowest and highest address; `address` is what was written, host bits included. */
export interface Prefix {
  family: Family;
  address: string;
  length: number;
  first: bigint;
  last: bigint;
}

/** An address and a port (an identifier for ICMP), written `192.0.2.1#5000`. */
export interface TransportAddress {
  address: Address;
  port: number;
}

/** Ports, both inclusive. */
export interface PortRange {
  min: number;
  max: number;
}

const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);

/** Reads an IPv4 or IPv6 address (RFC 4291 §2.2); zones (`%eth0`) and IPv4 octets with leading zeros are refused. */
export function parseAddress(text: string): Address | null {
  if (isIPv4(text)) {
    const address = new Address4(text);
    return { family: 4, text: address.correctForm(), value: address.bigInt() };
  }
  if (isIPv6(text) && !text.includes('%')) {
    const value = new Address6(text).bigInt();
    return { family: 6, text: formatAddress(6, value), value };
  }
  return null;
}

/** Text of an address: dotted decimal, or RFC 5952. */
export function formatAddress(family: Family, value: bigint): string {
  return family === 4 ? Address4.fromBigInt(value).correctForm() : Address6.fromBigInt(value).correctForm();
}

/** The 4 or 16 octets of an address, in network order. */
export function octetsOf(value: bigint, family: Family): Uint8Array {
  const octets = new Uint8Array(bitsOf(family) / 8);
  let rest = value;
  for (let i = octets.length - 1; i >= 0; i--) {
    octets[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return octets;
}

/** Text of an address of 4 or 16 octets. */
export function octetsToText(octets: Uint8Array): string {
  const value = octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
  return formatAddress(octets.length === 4 ? 4 : 6, value);
}

/** Reads `address/length`; an address alone is a prefix of its full length. Host bits are kept in `address`. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const bits = bitsOf(address.family);
  const lengthText = slash < 0 ? String(bits) : text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(lengthText)) return null;
  const length = Number(lengthText);
  if (length > bits) return null;
  const hostBits = (1n << BigInt(bits - length)) - 1n;
  const first = (address.value | hostBits) ^ hostBits;
  return { family: address.family, address: address.text, length, first, last: first | hostBits };
}

/** `address/length`. */
export function formatPrefix(prefix: { address: string; length: number }): string {
  return `${prefix.address}/${prefix.length}`;
}

/** The prefix without the bits after its length, as `address/length`. */
export function networkOf(prefix: Prefix): string {
  return `${formatAddress(prefix.family, prefix.first)}/${prefix.length}`;
}

/** True when bits after the length are set. */
export function hasHostBits(prefix: Prefix): boolean {
  return parseAddress(prefix.address)?.value !== prefix.first;
}

/** True for an address of fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(address: { family: Family; value: bigint } | null): boolean {
  return address?.family === 6 && address.value >> 118n === 0x3fan;
}

/** Number of addresses. */
export function sizeOf(prefix: Prefix): bigint {
  return prefix.last - prefix.first + 1n;
}

/** True when the address lies in the prefix. */
export function contains(prefix: Prefix, address: Address): boolean {
  return prefix.family === address.family && prefix.first <= address.value && address.value <= prefix.last;
}

/** True when the prefixes share an address. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** Reads a port or an ICMP identifier, 0..65535. */
export function parsePort(text: string): number | null {
  if (!/^(0|[1-9]\d{0,4})$/.test(text)) return null;
  const port = Number(text);
  return port <= 65535 ? port : null;
}

/** Reads `1024-65535` or a single port. */
export function parsePortRange(text: string): PortRange | null {
  const [low = '', high, ...rest] = text.split('-');
  const min = parsePort(low);
  const max = high === undefined ? min : parsePort(high);
  if (min === null || max === null || rest.length > 0 || min > max) return null;
  return { min, max };
}

/** Reads `192.0.2.1#5000` or `2001:db8::1#80`. */
export function parseTransportAddress(text: string): TransportAddress | null {
  const hash = text.indexOf('#');
  if (hash < 0) return null;
  const address = parseAddress(text.slice(0, hash));
  const port = parsePort(text.slice(hash + 1));
  return address === null || port === null ? null : { address, port };
}

/** Reads `192.0.2.1#5000`, or an address alone, which then has the port `port`. */
export function parseAddressAndPort(text: string, port: number): TransportAddress | null {
  if (text.includes('#')) return parseTransportAddress(text);
  const address = parseAddress(text);
  return address === null ? null : { address, port };
}

/** `192.0.2.1#5000`. */
export function formatTransportAddress(address: string, port: number): string {
  return `${address}#${port}`;
}

/** What a filter on the command line or in a query may say: an address, a prefix, or a transport address. */
export interface AddressFilter {
  prefix: Prefix;
  port: number | null;
}

/** Reads `192.0.2.1`, `192.0.2.0/28` or `192.0.2.1#5000`. */
export function parseAddressFilter(text: string): AddressFilter | null {
  const hash = text.indexOf('#');
  const prefix = parsePrefix(hash < 0 ? text : text.slice(0, hash));
  if (prefix === null) return null;
  if (hash < 0) return { prefix, port: null };
  const port = parsePort(text.slice(hash + 1));
  return port === null ? null : { prefix, port };
}

/** A prefix written in this program, not by a person. Throws RangeError when it is none. */
export function knownPrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new RangeError(`not a prefix: ${text}`);
  return prefix;
}

/** RFC 6052 §2.1. */
export const WELL_KNOWN_PREFIX = '64:ff9b::/96';

/** True for what is longer than 64:ff9b::/96 and inside it (RFC 6052 §3.2). */
export function isPartOfWellKnown(prefix: Prefix): boolean {
  const wellKnown = knownPrefix(WELL_KNOWN_PREFIX);
  return prefix.length > wellKnown.length && prefix.first >= wellKnown.first && prefix.last <= wellKnown.last;
}

/** Blocks an address of which RFC 6052 §3.1 keeps out of the well-known prefix (RFC 5735 §3, RFC 6598). */
export const NON_GLOBAL4: readonly Prefix[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
].map(knownPrefix);

/** True when part of the IPv4 prefix is not global in the sense of RFC 6052 §3.1. */
export function touchesNonGlobal(prefix: Prefix): boolean {
  return NON_GLOBAL4.some((block) => overlaps(block, prefix));
}
