/** Who is answered: a set of IPv4 prefixes. */
import { type Prefix, parseAddress } from '../config/address.js';

/** A test for addresses in any of the prefixes; others, and what is no IPv4 address, are strangers. */
export function createSources(prefixes: readonly Prefix[]): (address: string) => boolean {
  const ranges = prefixes
    .filter(({ family }) => family === 4)
    .map(({ first, last }) => ({ first: Number(first), last: Number(last) }))
    .sort((a, b) => a.first - b.first);
  // Joined, so that an address can only be in the range that begins last before it.
  const joined: typeof ranges = [];
  for (const range of ranges) {
    const before = joined.at(-1);
    if (before !== undefined && range.first <= before.last) before.last = Math.max(before.last, range.last);
    else joined.push({ ...range });
  }
  return (address) => {
    const read = parseAddress(address);
    if (read === null || read.family !== 4) return false;
    const value = Number(read.value);
    let low = 0;
    let high = joined.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((joined[middle] as { first: number }).first <= value) low = middle + 1;
      else high = middle;
    }
    const range = joined[low - 1];
    return range !== undefined && value <= range.last;
  };
}
