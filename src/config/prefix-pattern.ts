/** Prefix lists: which prefixes a pattern such as `192.0.2.0/28 ge 28 le 32` means. */
import type { Prefix } from './address.js';
import type { PrefixPattern } from './announce.js';

/** True when one of the patterns contains the prefix and allows its length. */
export function matchesAny(patterns: readonly PrefixPattern[], prefix: Prefix): boolean {
  return patterns.some((pattern) => matches(pattern, prefix));
}

function matches({ prefix: { family, first, last }, ge, le }: PrefixPattern, prefix: Prefix): boolean {
  const inside = prefix.family === family && prefix.first >= first && prefix.last <= last;
  return inside && prefix.length >= ge && prefix.length <= le;
}
