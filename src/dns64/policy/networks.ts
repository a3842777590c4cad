/** Longest-prefix match over a few prefixes, on octets: for clients, for IPv4 addresses to map, for exclusions. */
import { formatAddress, type Prefix } from '../../config/address.js';

interface Entry<Value> {
  octets: Uint8Array;
  length: number;
  value: Value;
}

/** Prefixes of both families with a value each. IPv4 addresses are four octets, IPv6 addresses sixteen. */
export class Networks<Value> {
  private readonly byFamily: Readonly<Record<4 | 6, Entry<Value>[]>>;

  constructor(entries: readonly (readonly [Prefix, Value])[]) {
    const of = (family: 4 | 6) =>
      entries
        .filter(([prefix]) => prefix.family === family)
        .map(([prefix, value]) => ({ octets: octetsOf(prefix.first, family), length: prefix.length, value }))
        .sort((a, b) => b.length - a.length);
    this.byFamily = { 4: of(4), 6: of(6) };
  }

  /** The value of the longest prefix that has the address at `at`, or null. */
  find(family: 4 | 6, bytes: Uint8Array, at = 0): Value | null {
    for (const entry of this.byFamily[family]) if (covers(entry, bytes, at)) return entry.value;
    return null;
  }
}

function covers({ octets, length }: { octets: Uint8Array; length: number }, bytes: Uint8Array, at: number): boolean {
  const whole = length >>> 3;
  for (let i = 0; i < whole; i++) if (octets[i] !== bytes[at + i]) return false;
  const rest = length & 7;
  return rest === 0 || (((octets[whole] as number) ^ (bytes[at + whole] as number)) & (0xff00 >>> rest) & 0xff) === 0;
}

/** The text of an address of 4 or 16 octets. */
export function octetsToText(octets: Uint8Array): string {
  const value = octets.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  return formatAddress(octets.length === 4 ? 4 : 6, value);
}

/** The octets of an address. */
export function octetsOf(value: bigint, family: 4 | 6): Uint8Array {
  const octets = new Uint8Array(family === 4 ? 4 : 16);
  let rest = value;
  for (let i = octets.length - 1; i >= 0; i--) {
    octets[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return octets;
}
