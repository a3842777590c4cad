/** Checks between values that are each valid on their own, and warnings about what is allowed but seldom meant. */
import {
  contains,
  formatTransportAddress,
  knownPrefix,
  networkOf,
  overlaps,
  type Prefix,
  parseAddress,
  sizeOf,
  touchesNonGlobal,
  WELL_KNOWN_PREFIX,
} from './address.js';
import { MAX_POOL4_ADDRESSES } from './fields.js';
import type { Complaint } from './issues.js';
import type { PlatConfig, SiitSection } from './schema.js';

type Section = 'plat' | 'siit';

const NO_TRANSLATOR = 'another scenario: neither kind of translator can serve this one';

/** Everything wrong between the values of a `plat` section. Paths begin at `plat`. */
export function checkPlat(plat: PlatConfig): Complaint[] {
  const pool4 = plat.pool4.map((entry) => entry.prefix);
  return [
    ...checkTranslator('plat', plat),
    ...checkOverlaps('plat', 'pool4', pool4),
    ...checkPool4Size(plat),
    ...checkPool4Shares(plat),
    ...checkStaticBib(plat),
    ...checkScenario('plat', plat, PLAT_SCENARIOS),
  ];
}

/** What is wrong in either section. */
export function checkTranslator(section: Section, config: PlatConfig | SiitSection): Complaint[] {
  return [
    ...checkOverlaps(section, 'pool6', config.pool6),
    ...checkMtus(section, config),
    ...checkCpus(section, config),
    ...checkIcmpSources(section, config),
  ];
}

/** RFC 6144 §2: why a stateful translator does not serve these. */
const PLAT_SCENARIOS: ReadonlyMap<number, string> = new Map([
  [2, 'siit, or scenario 1, 3 or 5: connections come from the IPv4 Internet, which needs stateless translation'],
  [4, NO_TRANSLATOR],
  [6, 'siit, or scenario 1, 3 or 5: connections come from the IPv4 network, which needs stateless translation'],
  [7, NO_TRANSLATOR],
  [8, NO_TRANSLATOR],
]);

/** SIIT-FRM-01: `refused` says what to do instead of the scenarios that the section does not serve. */
export function checkScenario(
  section: Section,
  { scenario, pool6 }: PlatConfig | SiitSection,
  refused: ReadonlyMap<number, string>,
): Complaint[] {
  if (scenario === null) return [];
  const path = [section, 'scenario'];
  const expected = refused.get(scenario);
  if (expected !== undefined) return [{ path, message: `found ${scenario}, expected ${expected} (RFC 6144 §2)` }];
  if (scenario === 3 && usesWellKnown(pool6)) {
    return [
      {
        path,
        message: `found 3 with pool6 ${WELL_KNOWN_PREFIX}, expected a pool6 of your own: the IPv6 Internet must find this network by it (RFC 6052 §3.4)`,
      },
    ];
  }
  return [];
}

/** Complains about prefixes of a list that share addresses. */
export function checkOverlaps(section: Section, pool: 'pool4' | 'pool6', prefixes: readonly Prefix[]): Complaint[] {
  const complaints: Complaint[] = [];
  // Sorted by first address an overlap is always with the entry that reaches furthest so far.
  const sorted = prefixes.map((prefix, index) => ({ prefix, index }));
  sorted.sort((a, b) =>
    a.prefix.first < b.prefix.first ? -1 : a.prefix.first > b.prefix.first ? 1 : a.index - b.index,
  );
  let furthest = sorted[0];
  for (const entry of sorted.slice(1)) {
    if (furthest !== undefined && overlaps(furthest.prefix, entry.prefix)) {
      const [earlier, later] = furthest.index < entry.index ? [furthest, entry] : [entry, furthest];
      complaints.push({
        path: [section, pool, later.index],
        message: `found ${networkOf(later.prefix)}, expected a prefix that does not overlap ${networkOf(earlier.prefix)} of ${section}.${pool}[${earlier.index}]`,
      });
    }
    if (furthest === undefined || entry.prefix.last > furthest.prefix.last) furthest = entry;
  }
  return complaints;
}

function checkPool4Size(plat: PlatConfig): Complaint[] {
  const total = plat.pool4.reduce((sum, entry) => sum + sizeOf(entry.prefix), 0n);
  if (total <= BigInt(MAX_POOL4_ADDRESSES)) return [];
  return [
    { path: ['plat', 'pool4'], message: `found ${total} addresses in all, expected at most ${MAX_POOL4_ADDRESSES}` },
  ];
}

/** Ports that a worker has at a time (native/nat64/pool4.h). */
const PORTS_A_BLOCK = 64;

/** Workers share out the ports of each address in blocks: none may be left without. */
function checkPool4Shares({ pool4, workers }: PlatConfig): Complaint[] {
  return pool4.flatMap(({ ports }, index): Complaint[] => {
    const blocks = Math.floor(ports.max / PORTS_A_BLOCK) - Math.floor(ports.min / PORTS_A_BLOCK) + 1;
    if (blocks >= workers) return [];
    return [
      {
        path: ['plat', 'pool4', index, 'ports'],
        message: `found ${ports.min}-${ports.max}, expected at least ${workers * PORTS_A_BLOCK} ports for ${workers} workers: each has blocks of ${PORTS_A_BLOCK} of its own`,
      },
    ];
  });
}

function checkCpus(section: Section, { cpus, workers }: PlatConfig | SiitSection): Complaint[] {
  if (cpus === null || cpus.length === workers) return [];
  return [
    {
      path: [section, 'cpus'],
      message: `found ${cpus.length} processors, expected ${workers}: one for each of \`workers\``,
    },
  ];
}

function checkMtus(section: Section, { lowestIpv6Mtu, mtu6 }: PlatConfig | SiitSection): Complaint[] {
  if (lowestIpv6Mtu <= mtu6) return [];
  return [
    { path: [section, 'lowestIpv6Mtu'], message: `found ${lowestIpv6Mtu}, expected no more than mtu6 (${mtu6})` },
  ];
}

function checkStaticBib(plat: PlatConfig): Complaint[] {
  const complaints: Complaint[] = [];
  const seen = new Map<string, number>();
  const inPool4 = pool4Membership(plat);
  for (const [index, entry] of plat.staticBib.entries()) {
    const path = ['plat', 'staticBib', index];
    if (!inPool4(entry.v4.address.value)) {
      complaints.push({
        path: [...path, 'v4'],
        message: `found ${entry.v4.address.text}, expected an address of pool4`,
      });
    }
    if (plat.pool6.some((prefix) => contains(prefix, entry.v6.address))) {
      complaints.push({
        path: [...path, 'v6'],
        message: `found ${entry.v6.address.text}, expected an address outside pool6: packets from pool6 are never translated`,
      });
    }
    for (const side of ['v6', 'v4'] as const) {
      if (entry[side].port !== 0 || entry.protocol === 'icmp') continue;
      complaints.push({ path: [...path, side], message: `found port 0, expected a port from 1 to 65535` });
    }
    // RFC 6146 §3.1: in each BIB either side occurs once.
    for (const side of ['v6', 'v4'] as const) {
      const key = `${entry.protocol} ${formatTransportAddress(entry[side].address.text, entry[side].port)}`;
      const earlier = seen.get(key);
      if (earlier !== undefined) {
        complaints.push({
          path: [...path, side],
          message: `found ${key}, expected a transport address that plat.staticBib[${earlier}] does not have`,
        });
      } else {
        seen.set(key, index);
      }
    }
  }
  if (plat.staticBib.length > plat.limits.bib) {
    complaints.push({
      path: ['plat', 'staticBib'],
      message: `found ${plat.staticBib.length} entries, expected no more than limits.bib (${plat.limits.bib})`,
    });
  }
  return complaints;
}

/** A fast test for pool4's addresses; says yes to all when the pool is too large (which is complained about elsewhere). */
function pool4Membership(plat: PlatConfig): (address: bigint) => boolean {
  const members = new Set<bigint>();
  for (const { prefix } of plat.pool4) {
    for (let address = prefix.first; address <= prefix.last; address++) {
      if (members.size > MAX_POOL4_ADDRESSES) return () => true;
      members.add(address);
    }
  }
  return (address) => members.has(address);
}

function checkIcmpSources(section: Section, config: PlatConfig | SiitSection): Complaint[] {
  const unusable = [
    ['icmpSource4', '0.0.0.0/8'],
    ['icmpSource4', '127.0.0.0/8'],
    ['icmpSource4', '224.0.0.0/3'],
    ['icmpSource6', '::/127'],
    ['icmpSource6', 'ff00::/8'],
    ['icmpSource6', 'fe80::/10'],
  ] as const;
  return unusable.flatMap(([key, block]): Complaint[] => {
    const address = config[key] === null ? null : parseAddress(config[key]);
    if (address === null || !contains(knownPrefix(block), address)) return [];
    return [{ path: [section, key], message: `found ${address.text}, expected a unicast address others can see` }];
  });
}

/** True when 64:ff9b::/96 is one of the prefixes. */
export function usesWellKnown(pool6: readonly Prefix[]): boolean {
  return pool6.some((prefix) => networkOf(prefix) === WELL_KNOWN_PREFIX);
}

/** Warning about `allowNonGlobal` with the well-known prefix. */
export const ALLOWS_NON_GLOBAL = `allowNonGlobal lets ${WELL_KNOWN_PREFIX} carry non-global IPv4 addresses, which RFC 6052 §3.1 forbids: use it in a lab only`;

/** Sentences about what is allowed but seldom meant. */
export function warnPlat(plat: PlatConfig): string[] {
  if (!usesWellKnown(plat.pool6)) return [];
  if (plat.allowNonGlobal) return [ALLOWS_NON_GLOBAL];
  const warnings: string[] = [];
  for (const { prefix } of plat.pool4.filter((entry) => touchesNonGlobal(entry.prefix))) {
    warnings.push(
      `pool4 ${networkOf(prefix)} is not global, and ${WELL_KNOWN_PREFIX} carries global IPv4 addresses only (RFC 6052 §3.1): customers cannot reach each other through it`,
    );
  }
  return warnings;
}
