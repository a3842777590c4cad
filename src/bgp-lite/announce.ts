/** Which prefixes a routing protocol may announce for a translator. */
import { formatAddress, isPartOfWellKnown, networkOf, type Prefix } from '../config/address.js';

const ALL4 = 1n << 32n;

/**
 * One IPv6 prefix for each given one, and the IPv4 addresses as the fewest prefixes, as text. Never a part of
 * 64:ff9b::/96 (RFC 6052 §3.2), and never a default route, which is not the translator's.
 */
export function announceable(prefixes: readonly Prefix[]): string[] {
  const networks6 = prefixes.filter((prefix) => prefix.family === 6 && !isPartOfWellKnown(prefix)).map(networkOf);
  const networks4 = aggregate4(prefixes.filter((prefix) => prefix.family === 4));
  return [...networks6, ...networks4].filter((network) => !network.endsWith('/0'));
}

/** The same addresses as the fewest prefixes, in their order. */
function aggregate4(prefixes: readonly Prefix[]): string[] {
  const sorted = [...prefixes].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const networks: string[] = [];
  let from = 0n;
  let to = 0n;
  for (const { first, last } of sorted) {
    if (first > to) {
      networks.push(...cover4(from, to));
      from = first;
      to = first;
    }
    if (last + 1n > to) to = last + 1n;
  }
  return [...networks, ...cover4(from, to)];
}

/** The prefixes of the addresses from `from` to `to`, without `to`. */
function* cover4(from: bigint, to: bigint): Generator<string> {
  for (let first = from; first < to; ) {
    // The largest block that begins here and ends in time.
    let size = first === 0n ? ALL4 : first & -first;
    while (first + size > to) size >>= 1n;
    yield `${formatAddress(4, first)}/${33 - size.toString(2).length}`;
    first += size;
  }
}
