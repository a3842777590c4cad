/** Prefix lists: `in P ge A le B` is each prefix inside P that is A to B bits long. */
import type { Family } from '../../config/address.js';
import type { PrefixPattern } from '../../config/announce.js';
import { lengthOf, type Nlri, nlriOf } from './nlri.js';

export type PrefixList = (family: Family, nlri: Nlri) => boolean;

/** Compiled once, so that a million prefixes that nobody asked for cost little. */
export function prefixList(patterns: readonly PrefixPattern[]): PrefixList {
  const compiled = patterns.map(({ prefix, ge, le }) => {
    const octets = nlriOf(prefix);
    const whole = prefix.length >> 3;
    const bits = prefix.length & 7;
    return {
      family: prefix.family,
      // A more specific prefix is longer; equal ones too match when ge says so.
      ge: Math.max(ge, prefix.length),
      le,
      whole: octets.slice(1, 1 + whole),
      shift: 8 - bits,
      last: bits === 0 ? null : octets.charCodeAt(1 + whole) >> (8 - bits),
    };
  });
  return (family, nlri) => {
    const length = lengthOf(nlri);
    return compiled.some((one) => {
      if (one.family !== family || length < one.ge || length > one.le) return false;
      if (!nlri.startsWith(one.whole, 1)) return false;
      return one.last === null || nlri.charCodeAt(1 + one.whole.length) >> one.shift === one.last;
    });
  };
}
