/** What checks that need a responder have in common. */
import { type Check, type Finding, skipped } from '../check.js';
import type { ReachFacts } from '../probes/facts.js';

/** What these checks look at; null where nobody was asked, and why. */
export interface ReachSurvey {
  reach: ReachFacts | null;
  whyNotReached: string | null;
}

/** Without these IPv4 does not get as far as to a responder. */
const BEFORE = [
  ...['uplink', 'native-ipv4', 'nat64', 'clat', 'clat-address', 'clat-routes'],
  ...['forwarding', 'forward-policy'],
];

/** A check that has facts, or says why not. `after` as in Check, beside what all of them are after. */
export function reachCheck(
  number: string,
  name: string,
  title: string,
  examine: (reach: ReachFacts) => Finding | null,
  after: readonly string[] = [],
): Check<ReachSurvey> {
  return {
    number,
    name,
    title,
    after: [...BEFORE, ...after],
    examine({ reach, whyNotReached }) {
      if (reach === null) return [skipped(whyNotReached ?? 'no responder was asked')];
      const finding = examine(reach);
      return finding === null ? [] : [finding];
    },
  };
}

/** For checks that need more than the first packet. */
export const SILENT = skipped('the responder does not answer over UDP, see finding 42');
