/** Checks and warnings between the values of a `siit` section, but for those between EAM entries (`eam.ts`). */
import { knownPrefix, networkOf, overlaps, type Prefix, WELL_KNOWN_PREFIX } from './address.js';
import type { Complaint } from './issues.js';
import type { SiitSection } from './schema.js';
import { ALLOWS_NON_GLOBAL, checkOverlaps, checkScenario, checkTranslator, usesWellKnown } from './semantics.js';

/** RFC 6144 §2: why a stateless translator does not serve these (SIIT-FRM-01). */
const SIIT_SCENARIOS: ReadonlyMap<number, string> = new Map([
  [3, 'plat, or scenario 1, 2, 5 or 6: the IPv6 Internet has more hosts than there are IPv4 addresses to map them to'],
  [4, 'scenario 1, 2, 5 or 6: an IPv4 network has no addresses for all hosts of the IPv6 Internet'],
  [7, 'scenario 1, 2, 5 or 6: not all hosts of the IPv6 Internet have an IPv4 address'],
  [8, 'scenario 1, 2, 5 or 6: IPv4 has no addresses for all hosts of the IPv6 Internet'],
]);

/** Everything wrong between the values of a `siit` section. Paths begin at `siit`. */
export function checkSiit(siit: SiitSection): Complaint[] {
  return [
    ...checkTranslator('siit', siit),
    ...checkOverlaps('siit', 'pool4', siit.pool4 ?? []),
    ...checkRoutes(siit.routes ?? []),
    ...checkScenario('siit', siit, SIIT_SCENARIOS),
  ];
}

/** A route may contain another one, but not be there twice. */
function checkRoutes(routes: readonly Prefix[]): Complaint[] {
  const seen = new Set<string>();
  return routes.map(networkOf).flatMap((network, index): Complaint[] => {
    if (!seen.has(network)) {
      seen.add(network);
      return [];
    }
    return [{ path: ['siit', 'routes', index], message: `found ${network} again, expected each prefix once` }];
  });
}

const PRIVATE4 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'].map(knownPrefix);

/** Sentences about what is allowed but seldom meant. */
export function warnSiit(siit: SiitSection): string[] {
  const warnings: string[] = [];
  const [first, ...others] = siit.pool6.map(networkOf);
  if (usesWellKnown(siit.pool6) && siit.allowNonGlobal) warnings.push(ALLOWS_NON_GLOBAL);
  if (first === WELL_KNOWN_PREFIX && siit.pool4 !== null) {
    warnings.push(
      `pool4 numbers IPv6 hosts from ${WELL_KNOWN_PREFIX}, which RFC 6052 §3.1 keeps for IPv4 servers: use a prefix of your own`,
    );
  }
  if (siit.pool4 !== null && others.length > 0) {
    warnings.push(
      `pool4 with several pool6: IPv4 addresses are shown in ${first}, so number the IPv6 hosts from it and not from ${others.join(', ')} (RFC 6052 §3.3)`,
    );
  }
  for (const prefix of siit.rfc6791v4Prefix) {
    const block = PRIVATE4.find((other) => overlaps(other, prefix));
    if (block === undefined) continue;
    warnings.push(
      `rfc6791v4Prefix ${networkOf(prefix)} is in ${networkOf(block)}: networks that check sources drop its ICMP errors (RFC 6791 §3.1)`,
    );
  }
  if (siit.pool4 === null && siit.routes === null && siit.eamt.size === 0 && siit.eamtFile === null) {
    warnings.push('neither pool4 nor EAM entries: no IPv4 address is routed to the translator');
  }
  return warnings;
}
