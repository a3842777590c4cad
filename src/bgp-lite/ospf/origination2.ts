/** The own LSAs of OSPFv2: router-LSA, AS-external-LSA, NSSA-LSA (RFC 2328 §12.4, RFC 3101 §2.4). */
import type { Announced, AnnouncedPrefix } from './announced.js';
import { knownIdentifier, maskOf } from './codec/identifier.js';
import { type Link2, writeExternalLsa2, writeNetworkLsa2, writeRouterLsa2 } from './codec/lsa2.js';
import { LinkType, Lsa2, Option, RouterFlag } from './codec/numbers.js';
import { linkStateIds2 } from './link-state-id.js';
import type { Area, Instance, Interface } from './model.js';
import {
  attachedRouters,
  fullNeighbors,
  hasNormalArea,
  isBoundary,
  isNetwork,
  TRANSIT_METRIC,
  transitNetwork,
  upInterfaces,
  type Wanted,
} from './origination.js';

export function wanted2(instance: Instance, announced: Announced): Wanted[] {
  const areas = [...instance.areas.values()];
  const networks = areas.flatMap((area) => upInterfaces(area).filter(isNetwork).map(networkLsa));
  return [...areas.map((area) => routerLsa(area, announced)), ...networks, ...externals(instance, announced)];
}

/** RFC 2328 §12.4.2. */
function networkLsa(iface: Interface): Wanted {
  const { area } = iface;
  const body = writeNetworkLsa2(maskOf(iface.device?.address4?.length ?? 32), attachedRouters(iface));
  const options = iface.instance.version.options(area.type);
  return { store: area.store, type: Lsa2.NETWORK, id: Number(iface.address), options, body };
}

/** RFC 2328 §12.4.1. */
function routerLsa(area: Area, announced: Announced): Wanted {
  const { instance } = area;
  const { version, routerId } = instance;
  const stubs = announced.as === 'stub' ? announced.prefixes.map(stubLink) : [];
  const links = [...upInterfaces(area).flatMap(linksOf), ...stubs];
  const flags = isBoundary(area, announced) ? RouterFlag.E : 0;
  const options = version.options(area.type);
  return { store: area.store, type: Lsa2.ROUTER, id: routerId, options, body: writeRouterLsa2({ flags, links }) };
}

const stubLink = ({ prefix, metric }: AnnouncedPrefix): Link2 => ({
  type: LinkType.STUB,
  id: Number(prefix.first),
  data: maskOf(prefix.length),
  metric,
});

function linksOf(iface: Interface): Link2[] {
  const own = Number(iface.address);
  const mask = maskOf(iface.device?.address4?.length ?? 32);
  const subnet: Link2 = { type: LinkType.STUB, id: (own & mask) >>> 0, data: mask, metric: iface.config.cost };
  if (iface.config.type === 'point-to-point') {
    const links = fullNeighbors(iface).map(({ routerId }) => ({
      type: LinkType.POINT_TO_POINT,
      id: routerId,
      data: own,
      metric: TRANSIT_METRIC,
    }));
    return [...links, subnet];
  }
  if (transitNetwork(iface) === null) return [subnet];
  return [{ type: LinkType.TRANSIT, id: iface.dr, data: own, metric: TRANSIT_METRIC }];
}

function externals(instance: Instance, { as, tag, prefixes }: Announced): Wanted[] {
  if (as === 'stub') return [];
  const ids = linkStateIds2(prefixes.map(({ prefix }) => prefix));
  const wanted: Wanted[] = [];
  for (const { prefix, metric } of prefixes) {
    const id = ids.get(prefix);
    if (id === undefined) continue;
    const body = {
      mask: maskOf(prefix.length),
      type2: as === 'external-2',
      metric,
      forwardingAddress: 0,
      tag: tag ?? 0,
    };
    if (hasNormalArea(instance)) {
      const octets = writeExternalLsa2(body);
      wanted.push({ store: instance.as, type: Lsa2.EXTERNAL, id, options: Option.E, body: octets });
    }
    for (const area of instance.areas.values()) {
      if (area.type !== 'nssa') continue;
      // RFC 3101 §2.3: it is translated for the other areas only when it says where traffic is to go.
      const forwardingAddress = forwarding(area);
      const options = forwardingAddress === 0 ? 0 : Option.N;
      wanted.push({
        store: area.store,
        type: Lsa2.NSSA,
        id,
        options,
        body: writeExternalLsa2({ ...body, forwardingAddress }),
      });
    }
  }
  return wanted;
}

/** An own address in the area, 0 when there is none. */
function forwarding(area: Area): number {
  const address = upInterfaces(area)[0]?.device?.address4?.address;
  return address === undefined ? 0 : knownIdentifier(address);
}
