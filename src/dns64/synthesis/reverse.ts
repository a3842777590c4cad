/** Names under ip6.arpa that stand for synthetic addresses (RFC 6147 §5.3.1, RFC 3596 §2.5). */
import { knownName, labelsOf } from '../wire/name.js';
import { extract, type Pref64 } from './pref64.js';

const IP6_ARPA = knownName('ip6.arpa');
const NIBBLES = 32;
/** 32 labels of one octet, then ip6.arpa. */
const NAME_BYTES = NIBBLES * 2 + IP6_ARPA.length;

/** The IPv6 address of a reverse name in lower case; null for what is not one of 32 hexadecimal digits. */
export function addressOfReverse(name: Uint8Array): Uint8Array | null {
  if (name.length !== NAME_BYTES) return null;
  for (let i = 0; i < IP6_ARPA.length; i++) if (name[NIBBLES * 2 + i] !== IP6_ARPA[i]) return null;
  const address = new Uint8Array(16);
  for (let i = 0; i < NIBBLES; i++) {
    const digit = name[i * 2] === 1 ? nibble(name[i * 2 + 1] as number) : -1;
    if (digit < 0) return null;
    const octet = 15 - (i >> 1);
    address[octet] = (address[octet] as number) | (digit << ((i & 1) * 4));
  }
  return address;
}

function nibble(character: number): number {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  return character >= 0x61 && character <= 0x66 ? character - 0x57 : -1;
}

/** The IPv4 address that a reverse name stands for by one of the prefixes; null when it is no synthetic one. */
export function synthesisedFrom(name: Uint8Array, prefixes: readonly Pref64[]): Uint8Array | null {
  const address = addressOfReverse(name);
  if (address === null) return null;
  for (const prefix of prefixes) {
    const v4 = extract(prefix, address);
    if (v4 !== null) return v4;
  }
  return null;
}

/** `33.2.0.192.in-addr.arpa.` for 192.0.2.33 (RFC 1035 §3.5). */
export function reverseName4(v4: Uint8Array): Uint8Array {
  return knownName(`${[...v4].reverse().join('.')}.in-addr.arpa`);
}

/** The four octets of a name under in-addr.arpa with all its labels, or null. */
export function addressOfReverse4(name: Uint8Array): Uint8Array | null {
  const labels = labelsOf(name).map((label) => String.fromCharCode(...label));
  if (labels.length !== 6 || labels[4] !== 'in-addr' || labels[5] !== 'arpa') return null;
  const octets = labels.slice(0, 4).reverse();
  return octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256)
    ? Uint8Array.from(octets.map(Number))
    : null;
}
