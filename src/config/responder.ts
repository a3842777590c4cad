/** The `responder` section: keys, defaults, and what is wrong between it and a translator beside it. */
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { contains, knownPrefix, networkOf, type Prefix, parseAddress } from './address.js';
import type { ConfigDiff } from './diff.js';
import { field, listOrOne, MAX_PREFIXES, prefix, section, wholeNumber } from './fields.js';
import type { Complaint } from './issues.js';

/** RFC 8489 §18.6, and the port beside it (RFC 5780 §6 wants two). */
const PORTS = [3478, 3479];

const NOT_A_HOST = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'].map(knownPrefix);

const hostAddress = field('an IPv4 address of this host such as 203.0.113.5', (value) => {
  const address = typeof value === 'string' ? parseAddress(value) : null;
  if (address === null || address.family !== 4) return null;
  return NOT_A_HOST.some((block) => contains(block, address)) ? null : address.text;
});

export const responderSection = section({
  listen: listOrOne(hostAddress, 1, 2, '1 or 2 IPv4 addresses of this host'),
  ports: listOrOne(wholeNumber(1, 65_535, 'a port'), 1, 2, '1 or 2 ports such as [3478, 3479]').default(PORTS),
  from: listOrOne(prefix(4), 1, MAX_PREFIXES, `1 to ${MAX_PREFIXES} IPv4 prefixes such as 192.0.2.0/28`)
    .nullable()
    .default(null),
  rateLimit: section({
    perSecond: wholeNumber(1, 100_000, 'answers a second of an address').default(200),
    burst: wholeNumber(1, 100_000, 'answers').default(400),
  }).prefault({}),
});

/** The `responder` section; `from` null stands for the pool4 of the `plat` section. */
export interface ResponderConfig extends z.output<typeof responderSection> {}

/** Everything wrong between the values; `pool4` is the translator's, null without a PLAT. */
export function checkResponder({ listen, ports, from }: ResponderConfig, pool4: readonly Prefix[] | null): Complaint[] {
  const complaints: Complaint[] = [];
  const complain = (path: Complaint['path'], message: string) =>
    complaints.push({ path: ['responder', ...path], message });
  if (from === null && pool4 === null) {
    complain(['from'], 'found none, expected prefixes: without a plat section there is no pool4 to take them from');
  }
  if (new Set(listen).size < listen.length) complain(['listen'], `found ${listen[0]} twice, expected two addresses`);
  if (new Set(ports).size < ports.length) complain(['ports'], `found ${ports[0]} twice, expected two ports`);
  for (const [index, text] of listen.entries()) {
    const address = parseAddress(text);
    const pool = (pool4 ?? []).find((prefix) => address !== null && contains(prefix, address));
    if (pool === undefined) continue;
    complain(
      ['listen', index],
      `found ${text}, expected an address outside pool4 ${networkOf(pool)}, whose packets are all the translator's`,
    );
  }
  return complaints;
}

/** Sentences about what is allowed but seldom meant. */
export function warnResponder({ from, listen }: ResponderConfig): string[] {
  const warnings: string[] = [];
  if (from?.some(({ length }) => length === 0)) {
    warnings.push('responder.from has 0.0.0.0/0: strangers can have answers sent to addresses that they forge');
  }
  if (listen.length === 1) {
    warnings.push(
      'responder.listen has one address: mapping and filtering are found out by ports alone (RFC 5780 §4.3 wants two addresses)',
    );
  }
  return warnings;
}

/** Compares the running section with a new one. */
export function diffResponder(running: ResponderConfig | undefined, next: ResponderConfig | undefined): ConfigDiff {
  const diff: ConfigDiff = { changes: [], refused: [] };
  if (running === undefined && next === undefined) return diff;
  if (running === undefined || next === undefined) {
    diff.refused.push('responder cannot come or go while running: restart to apply it');
    return diff;
  }
  for (const key of ['listen', 'ports'] as const) {
    if (isDeepStrictEqual(running[key], next[key])) continue;
    diff.refused.push(`responder.${key} cannot change while running (the sockets are open): restart to apply it`);
  }
  for (const key of ['from', 'rateLimit'] as const) {
    if (!isDeepStrictEqual(running[key], next[key])) diff.changes.push(`responder.${key} changed`);
  }
  return diff;
}
