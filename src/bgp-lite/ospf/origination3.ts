/** The own LSAs of OSPFv3: router-, link-, intra-area-prefix-, AS-external- and NSSA-LSA (RFC 5340 §4.4.3). */
import { type Prefix, parsePrefix } from '../../config/address.js';
import type { Announced } from './announced.js';
import {
  type Link3,
  type Prefix3,
  PrefixOption,
  readLinkLsa,
  writeExternalLsa3,
  writeIntraAreaPrefixLsa,
  writeLinkLsa,
  writeNetworkLsa3,
  writeRouterLsa3,
} from './codec/lsa3.js';
import { LinkType, Lsa3, RouterFlag } from './codec/numbers.js';
import type { IdTable } from './link-state-id.js';
import { bodyOf, isMaxAge } from './lsdb.js';
import type { Area, Instance, Interface } from './model.js';
import { hasLinkLocal } from './neighbor.js';
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

export function wanted3(instance: Instance, announced: Announced, ids: IdTable): Wanted[] {
  const wanted: Wanted[] = [];
  for (const area of instance.areas.values()) {
    wanted.push(routerLsa(area, announced), ...upInterfaces(area).map(linkLsa), ...connected(area));
    for (const iface of upInterfaces(area).filter(isNetwork)) wanted.push(...networkLsas(iface));
    if (announced.as === 'stub') wanted.push(...intraAreaPrefixes(area, announced, ids));
  }
  return [...wanted, ...externals(instance, announced, ids)];
}

/** RFC 5340 §4.4.3.2. The R bit stays set: without it the own prefixes might be left out as well (§4.8.1). */
function routerLsa(area: Area, announced: Announced): Wanted {
  const { version } = area.instance;
  const body = writeRouterLsa3({
    flags: isBoundary(area, announced) ? RouterFlag.E : 0,
    options: version.options(area.type),
    links: upInterfaces(area).flatMap(linksOf),
  });
  return { store: area.store, type: Lsa3.ROUTER, id: 0, options: 0, body };
}

function linksOf(iface: Interface): Link3[] {
  const interfaceId = iface.device?.index ?? 0;
  const broadcast = iface.config.type === 'broadcast';
  const network = transitNetwork(iface);
  const ends = broadcast ? (network === null ? [] : [network]) : fullNeighbors(iface);
  return ends.map((end) => ({
    type: broadcast ? LinkType.TRANSIT : LinkType.POINT_TO_POINT,
    metric: TRANSIT_METRIC,
    interfaceId,
    neighborInterfaceId: end.interfaceId,
    neighborRouterId: end.routerId,
  }));
}

/** Global networks of the link. */
function networksOf({ device }: Interface): Prefix[] {
  const networks = new Map<string, Prefix>();
  for (const row of device?.addresses6 ?? []) {
    const prefix = hasLinkLocal(row) ? null : parsePrefix(`${row.address}/${row.length}`);
    if (prefix !== null) networks.set(`${prefix.first}/${prefix.length}`, prefix);
  }
  return [...networks.values()].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.length - b.length));
}

const prefix3 = ({ first, length }: Prefix, metric: number, options = 0): Prefix3 => ({
  network: first,
  length,
  options,
  metric,
});

/** RFC 5340 §4.4.3.8. */
function linkLsa(iface: Interface): Wanted {
  const { version } = iface.instance;
  const body = writeLinkLsa({
    priority: iface.config.priority,
    options: version.options(iface.area.type),
    linkLocal: iface.address,
    prefixes: networksOf(iface).map((network) => prefix3(network, 0)),
  });
  return { store: iface.store, type: Lsa3.LINK, id: iface.device?.index ?? 0, options: 0, body };
}

const referring = (area: Area, prefixes: Prefix3[]): Uint8Array =>
  writeIntraAreaPrefixLsa({
    referencedType: Lsa3.ROUTER,
    referencedId: 0,
    referencedRouter: area.instance.routerId,
    prefixes,
  });

/** RFC 5340 §4.4.3.9: networks of links, those with a Designated Router left to it. One LSA with the ID 0. */
function connected(area: Area): Wanted[] {
  const prefixes = upInterfaces(area)
    .filter((iface) => transitNetwork(iface) === null)
    .flatMap((iface) => {
      const { cost } = iface.config;
      return networksOf(iface).map((network) =>
        network.length === 128 ? prefix3(network, 0, PrefixOption.LA) : prefix3(network, cost),
      );
    });
  if (prefixes.length === 0) return [];
  return [{ store: area.store, type: Lsa3.INTRA_AREA_PREFIX, id: 0, options: 0, body: referring(area, prefixes) }];
}

/** Above the IDs of announced prefixes, of which there are fewer. */
const NETWORK_IDS = 0x10000;

/** RFC 5340 §4.4.3.3 and §4.4.3.9: a link that this router speaks for, with the prefixes that its routers told. */
function networkLsas(iface: Interface): Wanted[] {
  const { area, instance } = iface;
  const id = iface.device?.index ?? 0;
  const body = writeNetworkLsa3(instance.version.options(area.type), attachedRouters(iface));
  const network: Wanted = { store: area.store, type: Lsa3.NETWORK, id, options: 0, body };
  const prefixes = linkPrefixes(iface);
  if (prefixes.length === 0) return [network];
  const reference = { referencedType: Lsa3.NETWORK, referencedId: id, referencedRouter: instance.routerId };
  const octets = writeIntraAreaPrefixLsa({ ...reference, prefixes });
  return [network, { store: area.store, type: Lsa3.INTRA_AREA_PREFIX, id: NETWORK_IDS + id, options: 0, body: octets }];
}

/** Most prefixes of one link. */
const MAX_LINK_PREFIXES = 1000;

function linkPrefixes(iface: Interface): Prefix3[] {
  const nowMs = iface.instance.clock();
  const routers = new Set(attachedRouters(iface));
  const prefixes = new Map<string, Prefix3>();
  for (const network of networksOf(iface)) prefixes.set(`${network.first}/${network.length}`, prefix3(network, 0));
  for (const lsa of iface.store.lsas.values()) {
    if (lsa.type !== Lsa3.LINK || !routers.has(lsa.advertiser) || isMaxAge(lsa, nowMs)) continue;
    for (const one of readLinkLsa(bodyOf(lsa))?.prefixes ?? []) {
      if (prefixes.size >= MAX_LINK_PREFIXES) break;
      const isLocal = one.network >> 118n === 0x3fan;
      if (isLocal || (one.options & (PrefixOption.NU | PrefixOption.LA)) !== 0) continue;
      prefixes.set(`${one.network}/${one.length}`, { ...one, options: 0, metric: 0 });
    }
  }
  return [...prefixes.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** An LSA for each announced prefix, so that one is withdrawn by flushing, which nothing delays. */
function intraAreaPrefixes(area: Area, { prefixes }: Announced, ids: IdTable): Wanted[] {
  return prefixes.map(({ name, prefix, metric }) => ({
    store: area.store,
    type: Lsa3.INTRA_AREA_PREFIX,
    id: ids.idOf(name),
    options: 0,
    body: referring(area, [prefix3(prefix, metric)]),
  }));
}

/** RFC 5340 §4.4.3.6 and §4.4.3.7. */
function externals(instance: Instance, { as, tag, prefixes }: Announced, ids: IdTable): Wanted[] {
  if (as === 'stub') return [];
  const type2 = as === 'external-2';
  const wanted: Wanted[] = [];
  for (const { name, prefix, metric } of prefixes) {
    const id = ids.idOf(name);
    if (hasNormalArea(instance)) {
      const body = writeExternalLsa3({ type2, metric, prefix: prefix3(prefix, 0), forwardingAddress: null, tag });
      wanted.push({ store: instance.as, type: Lsa3.EXTERNAL, id, options: 0, body });
    }
    for (const area of instance.areas.values()) {
      if (area.type !== 'nssa') continue;
      const forwardingAddress = forwarding(area);
      // RFC 3101 §2.3: it is translated for the other areas only when it says where traffic is to go.
      const options = forwardingAddress === null ? 0 : PrefixOption.P;
      const body = writeExternalLsa3({ type2, metric, prefix: prefix3(prefix, 0, options), forwardingAddress, tag });
      wanted.push({ store: area.store, type: Lsa3.NSSA, id, options: 0, body });
    }
  }
  return wanted;
}

/** An own global address in the area, null when there is none. */
function forwarding(area: Area): bigint | null {
  for (const iface of upInterfaces(area)) {
    const row = iface.device?.addresses6.find((one) => !hasLinkLocal(one));
    const address = row === undefined ? null : parsePrefix(row.address);
    if (address !== null) return address.first;
  }
  return null;
}
