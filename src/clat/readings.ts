/** The CLAT's counters as `platypus stats` prints them. */
import type { ClatCounters } from '../native/addon.js';

const EXPLANATIONS: Readonly<Record<keyof ClatCounters, string>> = {
  advertisements: 'Router advertisements that were read.',
  advertisements_refused: 'Router advertisements that RFC 4861 §6.1.2 has hosts drop: hop limit, source, options.',
  prefixes_refused:
    'PREF64 options that RFC 8781 §4 has receivers ignore, for which there was no room, or which made room for another, and answers without a prefix that may be used.',
  routers_differ:
    'Router advertisements with other PREF64 prefixes than another router of the link has (RFC 8781 §5.2).',
  questions: 'Questions for ipv4only.arpa (RFC 7050), repetitions included.',
  answers: 'Answers to them.',
  answers_refused: 'Datagrams that were no answer to what was asked.',
  damped: 'Changes of the prefix that were held back, as the network changed its mind too often.',
  duplicates: 'Addresses that another host of the link had already (RFC 4862 §5.4).',
};

/** Named `clat.…`. */
export function clatReadings(counters: ClatCounters): { name: string; value: number; explain: string }[] {
  return (Object.keys(EXPLANATIONS) as (keyof ClatCounters)[]).map((key) => ({
    name: `clat.${key}`,
    value: counters[key],
    explain: EXPLANATIONS[key],
  }));
}
