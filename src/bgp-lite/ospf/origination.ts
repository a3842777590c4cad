/** What LSAs this router should have now, of either version (RFC 2328 §12.4, RFC 5340 §4.4.3). */
import type { Announced } from './announced.js';
import { MAX_LINK_METRIC } from './codec/numbers.js';
import type { LsaStore } from './lsdb.js';
import { type Area, type Instance, type Interface, linkIdOf, type Neighbor } from './model.js';

export interface Wanted {
  store: LsaStore;
  type: number;
  id: number;
  /** Octet of the header in version 2, 0 in version 3. */
  options: number;
  body: Uint8Array;
}

/**
 * Metric of every link to another router: no path leads through this one (RFC 6987 §2), which has nowhere to pass
 * traffic on to. Paths to its own prefixes count the cost that the neighbours have for the link.
 */
export const TRANSIT_METRIC = MAX_LINK_METRIC;

export const fullNeighbors = ({ neighbors }: Interface): Neighbor[] =>
  [...neighbors.values()].filter(({ state }) => state === 'full');

/** The Designated Router of a broadcast link that this router is fully adjacent to. */
export function fullDesignatedRouter(iface: Interface): Neighbor | undefined {
  return fullNeighbors(iface).find((neighbor) => linkIdOf(neighbor) === iface.dr);
}

/** The network that a broadcast link is, as router-LSAs name it: its Designated Router, null before there is one. */
export function transitNetwork(iface: Interface): { routerId: number; interfaceId: number } | null {
  if (iface.config.type !== 'broadcast') return null;
  if (isNetwork(iface)) return { routerId: iface.instance.routerId, interfaceId: iface.device?.index ?? 0 };
  const designated = fullDesignatedRouter(iface);
  return designated === undefined ? null : designated;
}

/** This router is the Designated Router of a link with others, and speaks for it (RFC 2328 §12.4.2). */
export const isNetwork = (iface: Interface): boolean => iface.state === 'dr' && fullNeighbors(iface).length > 0;

/** Router IDs on a link that this router speaks for. */
export const attachedRouters = (iface: Interface): number[] => [
  iface.instance.routerId,
  ...fullNeighbors(iface).map(({ routerId }) => routerId),
];

export const upInterfaces = ({ interfaces }: Area): Interface[] => interfaces.filter(({ state }) => state !== 'down');

/** This router is an AS boundary router as far as an area is concerned: it has externals, and the area takes them. */
export const isBoundary = (area: Area, { as, prefixes }: Announced): boolean =>
  as !== 'stub' && prefixes.length > 0 && area.type !== 'stub';

/** AS-external-LSAs have a place, because an area takes them. */
export const hasNormalArea = ({ areas }: Instance): boolean =>
  [...areas.values()].some(({ type }) => type === 'normal');
