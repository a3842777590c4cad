/** Longest-prefix match over a few prefixes, on octets: for clients, for IPv4 addresses to map, for exclusions. */
import { octetsOf, type Prefix } from '../../config/address.js';

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

  /** The value of the longest prefix that has the address, or null. */
  find(family: 4 | 6, address: Uint8Array): Value | null {
    for (const entry of this.byFamily[family]) if (covers(entry, address)) return entry.value;
    return null;
  }
}

function covers({ octets, length }: { octets: Uint8Array; length: number }, address: Uint8Array): boolean {
  const whole = length >>> 3;
  for (let i = 0; i < whole; i++) if (octets[i] !== address[i]) return false;
  const rest = length & 7;
  return rest === 0 || (((octets[whole] as number) ^ (address[whole] as number)) & (0xff00 >>> rest) & 0xff) === 0;
}
