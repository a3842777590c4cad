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
import type { PlatConfig } from './schema.js';

/** Everything wrong between the values of a `plat` section. Paths begin at `plat`. */
export function checkPlat(plat: PlatConfig): Complaint[] {
  return [
    ...checkOverlaps('pool6', plat.pool6),
    ...checkOverlaps(
      'pool4',
      plat.pool4.map((entry) => entry.prefix),
    ),
    ...checkPool4Size(plat),
    ...checkMtus(plat),
    ...checkStaticBib(plat),
    ...checkIcmpSources(plat),
  ];
}

function checkOverlaps(pool: 'pool4' | 'pool6', prefixes: readonly Prefix[]): Complaint[] {
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
        path: ['plat', pool, later.index],
        message: `found ${networkOf(later.prefix)}, expected a prefix that does not overlap ${networkOf(earlier.prefix)} of plat.${pool}[${earlier.index}]`,
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

function checkMtus(plat: PlatConfig): Complaint[] {
  if (plat.lowestIpv6Mtu <= plat.mtu6) return [];
  return [
    {
      path: ['plat', 'lowestIpv6Mtu'],
      message: `found ${plat.lowestIpv6Mtu}, expected no more than mtu6 (${plat.mtu6})`,
    },
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

function checkIcmpSources(plat: PlatConfig): Complaint[] {
  const unusable = [
    ['icmpSource4', '0.0.0.0/8'],
    ['icmpSource4', '127.0.0.0/8'],
    ['icmpSource4', '224.0.0.0/3'],
    ['icmpSource6', '::/127'],
    ['icmpSource6', 'ff00::/8'],
    ['icmpSource6', 'fe80::/10'],
  ] as const;
  return unusable.flatMap(([key, block]): Complaint[] => {
    const address = plat[key] === null ? null : parseAddress(plat[key]);
    if (address === null || !contains(knownPrefix(block), address)) return [];
    return [{ path: ['plat', key], message: `found ${address.text}, expected a unicast address others can see` }];
  });
}

/** Sentences about what is allowed but seldom meant. */
export function warnPlat(plat: PlatConfig): string[] {
  const warnings: string[] = [];
  if (!plat.pool6.some((prefix) => networkOf(prefix) === WELL_KNOWN_PREFIX)) return warnings;
  if (plat.allowNonGlobal) {
    warnings.push(
      `allowNonGlobal lets ${WELL_KNOWN_PREFIX} carry non-global IPv4 addresses, which RFC 6052 §3.1 forbids: use it in a lab only`,
    );
    return warnings;
  }
  for (const { prefix } of plat.pool4.filter((entry) => touchesNonGlobal(entry.prefix))) {
    warnings.push(
      `pool4 ${networkOf(prefix)} is not global, and ${WELL_KNOWN_PREFIX} carries global IPv4 addresses only (RFC 6052 §3.1): customers cannot reach each other through it`,
    );
  }
  return warnings;
}
