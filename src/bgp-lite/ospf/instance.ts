/** One version of OSPF as a whole: its areas and interfaces follow the configuration and the devices, until it is stopped. */
import { isDeepStrictEqual } from 'node:util';
import type { OspfConfig, OspfInterfaceConfig } from '../../config/announce.js';
import type { Log } from '../../device/device.js';
import type { Announcement } from '../announcement.js';
import type { BfdWatcher } from '../bfd-watcher.js';
import { ageDatabase, sweep } from './ageing.js';
import { type Announced, announcedOf, MAX_PREFIXES } from './announced.js';
import type { Authenticator } from './authentication/authenticator.js';
import type { Sequences } from './authentication/sequence.js';
import { createAuthenticator2 } from './authentication/version2.js';
import { createAuthenticator3 } from './authentication/version3.js';
import { formatIdentifier, knownIdentifier } from './codec/identifier.js';
import type { OspfHost, OspfSockets } from './host.js';
import { bidFarewell, createInterface, followDevice, takeDown } from './interface.js';
import { createIdTable, linkStateIds2 } from './link-state-id.js';
import { createStore, isMaxAge } from './lsdb.js';
import {
  type Area,
  complain,
  count,
  type Instance,
  type Interface,
  interfacesOf,
  neighborsOf,
  storesOf,
} from './model.js';
import { killNeighbor } from './neighbor.js';
import type { Wanted } from './origination.js';
import { wanted2 } from './origination2.js';
import { wanted3 } from './origination3.js';
import { createOriginator } from './originator.js';
import { receivePackets } from './receive.js';
import { retransmitNow } from './retransmission.js';
import { createStatistics } from './statistics.js';
import type { Clock } from './timer.js';
import type { Version } from './version.js';

export interface InstanceParts {
  sockets: OspfSockets;
  host: OspfHost;
  log: Log;
  bfd: BfdWatcher | null;
  sequences: Sequences;
  /** Milliseconds since 1970, for the life of keys. */
  now: () => number;
  clock: Clock;
}

export interface RunningInstance {
  instance: Instance;
  announce(announcements: readonly Announcement[]): void;
  /** Looks at the devices again. */
  follow(): void;
  /** Takes another configuration; areas and interfaces that did not change keep their adjacencies. */
  use(config: OspfConfig): void;
  /** Flushes the own LSAs, waits for acknowledgements, says goodbye and closes. Never longer than 5 s. */
  stop(): Promise<void>;
}

const TICK_MS = 1000;
/** No adjacency so long after the database was too large. */
const OVERFLOW_HOLD_MS = 60_000;
/** Most that flushing of prefixes, and of everything, may take at the end. */
const PREFIX_FLUSH_MS = 2000;
const FLUSH_MS = 4500;
const POLL_MS = 20;
/** What is not acknowledged by then is sent again. */
const POLLS_TO_REPEAT = 60;

export function startInstance(
  version: Version,
  { routerId, config: first }: { routerId: string; config: OspfConfig },
  parts: InstanceParts,
): RunningInstance {
  const { log, clock, sockets, host } = parts;
  let config = first;
  let announcements: readonly Announcement[] = [];
  let announced: Announced = announcedOf(config, [], version.family).announced;
  /** While stopping: what is still wanted. */
  let remaining: readonly Wanted[] | null = null;
  let leftOut = 0;
  const ids = createIdTable();

  const instance: Instance = {
    version,
    routerId: knownIdentifier(routerId),
    areas: new Map(),
    as: createStore('as'),
    maxLsas: config.maxLsas,
    clock,
    log,
    bfd: parts.bfd,
    statistics: createStatistics(),
    holdUntilMs: Number.NEGATIVE_INFINITY,
    originate: () => originator.schedule(),
    overflow,
  };
  const originator = createOriginator(instance, () => remaining ?? wanted());

  function wanted(): Wanted[] {
    if (version.number === 2) return wanted2(instance, announced);
    const names = new Set(announced.prefixes.map(({ name }) => name));
    ids.keep(names, (id) => isBusy(id));
    return wanted3(instance, announced, ids);
  }

  /** An own LSA of such an ID is still in the database. */
  function isBusy(id: number): boolean {
    for (const { lsas } of storesOf(instance)) {
      for (const lsa of lsas.values()) if (lsa.advertiser === instance.routerId && lsa.id === id) return true;
    }
    return false;
  }

  function overflow(): void {
    count(instance, 'ospf.overflow');
    log.error(
      `OSPFv${version.number}: the database is no longer sound or has more than ${instance.maxLsas} LSAs (maxLsas); ` +
        `adjacencies are given up for ${OVERFLOW_HOLD_MS / 1000} s`,
    );
    instance.holdUntilMs = clock() + OVERFLOW_HOLD_MS;
    for (const neighbor of [...neighborsOf(instance)]) killNeighbor(neighbor);
    for (const { lsas } of storesOf(instance)) {
      for (const lsa of [...lsas.values()]) if (!lsa.own) lsas.delete(lsa.key);
    }
  }

  function authenticatorFor(one: OspfInterfaceConfig, place: () => Interface | null): Authenticator {
    const create = version.number === 2 ? createAuthenticator2 : createAuthenticator3;
    return create({
      authentication: version.number === 2 ? one.authentication2 : one.authentication3,
      sequences: parts.sequences,
      nowMs: parts.now,
      expired: () => {
        const iface = place();
        if (iface !== null) complain(iface, 'keys', 'no key is valid now; the last one goes on being used');
      },
    });
  }

  function areaFor(id: string): Area {
    const number = knownIdentifier(id);
    const known = instance.areas.get(number);
    if (known !== undefined) return known;
    const type = config.areas.find((area) => area.id === id)?.type ?? 'normal';
    const store = createStore(`area ${formatIdentifier(number)}`);
    const area: Area = { instance, id: number, type, store, interfaces: [] };
    instance.areas.set(number, area);
    return area;
  }

  function addInterface(one: OspfInterfaceConfig): void {
    let iface: Interface | null = null;
    const authenticator = authenticatorFor(one, () => iface);
    iface = createInterface(areaFor(one.area), one, authenticator);
  }

  function removeInterface(iface: Interface): void {
    bidFarewell(iface);
    takeDown(iface);
    iface.area.interfaces = iface.area.interfaces.filter((one) => one !== iface);
    if (iface.area.interfaces.length === 0) instance.areas.delete(iface.area.id);
  }

  function follow(): void {
    if (remaining !== null) return;
    for (const iface of interfacesOf(instance)) {
      const device = host.device(iface.config.name);
      // What is down is looked at each time: a device that never was there has not changed either.
      const changed = iface.state === 'down' || !isDeepStrictEqual(device, iface.device);
      if (changed) followDevice(iface, device, sockets, receivePackets);
      if (changed && iface.state !== 'down') originator.schedule();
    }
  }

  /** RFC 2328 appendix E: prefixes may leave no Link State ID for one of them. */
  function tellUnnamed({ prefixes }: Announced): void {
    const named = linkStateIds2(prefixes.map(({ prefix }) => prefix));
    const without = prefixes.filter(({ prefix }) => !named.has(prefix)).map(({ name }) => name);
    if (without.length > 0) log.error(`OSPFv2: no Link State ID is left for ${without.join(', ')}: not announced`);
  }

  /** `withdraw`: a prefix that shares its LSA with others may have to go at once. */
  function refresh(withdraw: boolean): void {
    const { announced: next, left } = announcedOf(config, announcements, version.family);
    if (left !== leftOut && left > 0) {
      log.error(`OSPFv${version.number}: ${left} prefixes are left out, no more than ${MAX_PREFIXES} are announced`);
    }
    leftOut = left;
    announced = next;
    if (version.number === 2 && next.as !== 'stub') tellUnnamed(next);
    originator.reconcile(withdraw);
  }

  const ticking = setInterval(() => {
    follow();
    ageDatabase(instance);
  }, TICK_MS);
  const unwatch = host.watch(follow);
  for (const one of config.interfaces) addInterface(one);
  follow();

  /** Every own LSA that is not wanted any more is flushed, and nobody has to acknowledge it still. */
  function flushed(): boolean {
    const nowMs = clock();
    const keep = new Set((remaining ?? []).map(({ store, type, id }) => `${store.name} ${type} ${id}`));
    for (const { name, lsas } of storesOf(instance)) {
      for (const lsa of lsas.values()) {
        if (lsa.advertiser !== instance.routerId || keep.has(`${name} ${lsa.type} ${lsa.id}`)) continue;
        if (!isMaxAge(lsa, nowMs) || lsa.lists > 0) return false;
      }
    }
    return true;
  }

  async function flush(keep: readonly Wanted[], untilMs: number): Promise<void> {
    remaining = keep;
    originator.reconcile(true);
    for (let round = 1; !flushed() && clock() < untilMs; round++) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      if (round % POLLS_TO_REPEAT === 0) for (const neighbor of neighborsOf(instance)) retransmitNow(neighbor);
    }
    sweep(instance);
  }

  return {
    instance,
    announce(next) {
      announcements = next;
      const before = announced.prefixes;
      const { prefixes } = announcedOf(config, announcements, version.family).announced;
      refresh(before.some(({ name }) => !prefixes.some((one) => one.name === name)));
    },
    follow,
    use(next) {
      const types = new Map(next.areas.map(({ id, type }) => [knownIdentifier(id), type]));
      const kept = new Map<Interface, OspfInterfaceConfig>();
      for (const iface of interfacesOf(instance)) {
        const now = next.interfaces.find(({ name }) => name === iface.config.name);
        const same = now !== undefined && types.get(iface.area.id) === iface.area.type && isKept(iface.config, now);
        if (same) kept.set(iface, now);
      }
      for (const area of instance.areas.values()) {
        if (!area.interfaces.some((iface) => kept.has(iface))) originator.leave(area);
      }
      for (const iface of [...interfacesOf(instance)]) {
        const now = kept.get(iface);
        if (now === undefined) removeInterface(iface);
        else if (!isDeepStrictEqual(iface.config, now)) {
          iface.config = now;
          iface.authenticator = authenticatorFor(now, () => iface);
        }
      }
      config = next;
      instance.maxLsas = next.maxLsas;
      const there = new Set([...interfacesOf(instance)].map(({ config: { name } }) => name));
      for (const one of next.interfaces) if (!there.has(one.name)) addInterface(one);
      follow();
      refresh(true);
    },
    async stop() {
      const beganMs = clock();
      clearInterval(ticking);
      unwatch();
      const { routerType, number } = version;
      const others = wanted();
      // Prefixes first, then the router (RFC 2328 §14.1); where they share an LSA both go with it.
      const last = others.filter(({ type }) => type === routerType || type === 0x0008);
      if (number === 3 || announced.as !== 'stub') await flush(last, beganMs + PREFIX_FLUSH_MS);
      await flush([], beganMs + FLUSH_MS);
      originator.stop();
      for (const iface of interfacesOf(instance)) {
        bidFarewell(iface);
        takeDown(iface);
      }
    },
  };
}

/** What changes without a new adjacency. */
const LIVE: readonly (keyof OspfInterfaceConfig)[] = [
  'cost',
  'retransmitSeconds',
  'transmitDelaySeconds',
  'mtuIgnore',
  'authentication2',
  'authentication3',
];

function isKept(a: OspfInterfaceConfig, b: OspfInterfaceConfig): boolean {
  const fixed = (config: OspfInterfaceConfig) =>
    Object.fromEntries(Object.entries(config).filter(([key]) => !(LIVE as readonly string[]).includes(key)));
  return isDeepStrictEqual(fixed(a), fixed(b));
}
