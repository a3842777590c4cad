/** What a neighbour is told: the listed prefixes (RFC 8212), next hops and attributes. */
import { type Address, type Family, parseAddress } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import { matchesAny } from '../../config/prefix-pattern.js';
import type { Announcement } from '../announcement.js';
import type { OutAttributes, OutRoute } from './announce-message.js';
import { ownPath } from './as-path.js';
import type { Negotiated } from './negotiation.js';
import { type Nlri, nlriOf } from './nlri.js';

/** Roles that send to a Customer, a Peer or an RS-Client (RFC 9234 §5). */
const MARKING = new Set(['provider', 'peer', 'rs']);

const DEFAULT_LOCAL_PREF = 100;

/**
 * Routes for one neighbour. A prefix for which there is no next hop of a family that may be sent is left out; its family
 * is named in `without`.
 */
export function exportRoutes(
  announcements: readonly Announcement[],
  config: BgpNeighborConfig,
  session: Pick<Negotiated, 'families' | 'internal' | 'extendedNextHop'>,
  localAddress: string,
): { routes: OutRoute[]; without: Family[] } {
  if (config.export === null) return { routes: [], without: [] };
  const { export: exported } = config;
  const attributes = {
    normal: outAttributes(config, 'normal', session.internal),
    lowered: outAttributes(config, 'lowered', session.internal),
  };
  const hops = { 4: nextHopOf(4, config, session, localAddress), 6: nextHopOf(6, config, session, localAddress) };
  const routes = new Map<string, OutRoute>();
  const without = new Set<Family>();
  for (const { prefix, preference } of announcements) {
    const { family } = prefix;
    if (!session.families.includes(family)) continue;
    const nlri: Nlri = nlriOf(prefix);
    if (exported !== 'all' && !matchesAny(exported, prefix)) continue;
    const nextHop = hops[family];
    if (nextHop === null) without.add(family);
    else routes.set(`${family}${nlri}`, { family, nlri, nextHop, attributes: attributes[preference] });
  }
  return { routes: [...routes.values()], without: [...without] };
}

function outAttributes(config: BgpNeighborConfig, preference: 'normal' | 'lowered', internal: boolean): OutAttributes {
  const wanted = preference === 'normal' ? config.attributes : config.lowered;
  const large = new Map(wanted.largeCommunities.map((one) => [one.join(':'), one]));
  return {
    origin: 0,
    asPath: internal ? [] : ownPath(config.localAs, 1 + wanted.prepend),
    med: wanted.med,
    localPref: internal ? (wanted.localPref ?? DEFAULT_LOCAL_PREF) : null,
    communities: [...new Set(wanted.communities)],
    largeCommunities: [...large.values()],
    otc: !internal && config.role !== null && MARKING.has(config.role) ? config.localAs : null,
  };
}

/** Octets of the next hop for a family (RFC 2545 §3, RFC 8950 §4), or null. */
function nextHopOf(
  family: Family,
  config: BgpNeighborConfig,
  { extendedNextHop }: { extendedNextHop: boolean },
  localAddress: string,
): Uint8Array | null {
  const local = parseAddress(localAddress);
  const hop6 = () => {
    const configured = config.nextHop6 === null ? null : parseAddress(config.nextHop6);
    const own = local?.family === 6 ? local : null;
    // A session between link-local addresses is on the link, so that address may stand beside a global one.
    if (configured !== null && own !== null && isLinkLocal(own)) {
      return Buffer.concat([addressOctets(configured), addressOctets(own)]);
    }
    const hop = configured ?? own;
    return hop === null ? null : addressOctets(hop);
  };
  if (family === 6) return hop6();
  if (config.nextHop4 !== null) {
    const configured = parseAddress(config.nextHop4);
    return configured === null ? null : addressOctets(configured);
  }
  if (local?.family === 4) return addressOctets(local);
  return extendedNextHop ? hop6() : null;
}

function isLinkLocal({ family, value }: Address): boolean {
  return family === 6 && value >> 118n === 0x3fan;
}

export function addressOctets({ family, value }: Address): Buffer {
  const digits = family === 4 ? 8 : 32;
  return Buffer.from(value.toString(16).padStart(digits, '0'), 'hex');
}
