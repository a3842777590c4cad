/** What the configuration makes of the prefixes that are announced now: which, how and at what metric. */

import { networkOf, type Prefix, parsePrefix } from '../../config/address.js';
import type { OspfConfig, PrefixPattern } from '../../config/announce.js';
import type { Announcement } from '../announcement.js';
import { MAX_EXTERNAL_METRIC, MAX_LINK_METRIC } from './codec/numbers.js';

export interface AnnouncedPrefix {
  /** `address/length`, unique. */
  name: string;
  prefix: Prefix;
  metric: number;
}

export interface Announced {
  as: OspfConfig['as'];
  tag: number | null;
  prefixes: readonly AnnouncedPrefix[];
}

/** A router-LSA of version 2 holds so many stub links and stays within what IP can carry. */
export const MAX_PREFIXES = 1000;

const LINK_LOCAL = parsePrefix('fe80::/10');

const fits = ({ prefix: outer, ge, le }: PrefixPattern, prefix: Prefix): boolean =>
  outer.family === prefix.family &&
  outer.first <= prefix.first &&
  prefix.last <= outer.last &&
  prefix.length >= ge &&
  prefix.length <= le;

/** The announced prefixes of a family, in a fixed order; `left` is how many are too many. */
export function announcedOf(
  config: OspfConfig,
  announcements: readonly Announcement[],
  family: 4 | 6,
): { announced: Announced; left: number } {
  const most = config.as === 'stub' ? MAX_LINK_METRIC : MAX_EXTERNAL_METRIC;
  const byName = new Map<string, AnnouncedPrefix>();
  for (const { prefix, preference } of announcements) {
    if (prefix.family !== family) continue;
    if (config.prefixes !== null && !config.prefixes.some((pattern) => fits(pattern, prefix))) continue;
    // RFC 5340 §4.4.3.9: no link-local prefix leaves its link.
    if (LINK_LOCAL !== null && family === 6 && prefix.first >= LINK_LOCAL.first && prefix.first <= LINK_LOCAL.last)
      continue;
    const metric = Math.min(most, preference === 'lowered' ? config.loweredMetric : config.metric);
    const name = networkOf(prefix);
    byName.set(name, { name, prefix, metric });
  }
  const all = [...byName.values()].sort((a, b) => order(a.prefix, b.prefix));
  return {
    announced: { as: config.as, tag: config.tag, prefixes: all.slice(0, MAX_PREFIXES) },
    left: Math.max(0, all.length - MAX_PREFIXES),
  };
}

const order = (a: Prefix, b: Prefix): number => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.length - b.length);
