/**
 * The data structures of RFC 2328 §5: an instance for each version has areas, these have interfaces, these have
 * neighbours. Plain records; the files beside this one, each a message or a machine, work on them.
 */
import type { OspfInterfaceConfig } from '../../config/announce.js';
import type { Log } from '../../device/device.js';
import type { BfdWatch, BfdWatcher } from '../bfd-watcher.js';
import type { Authenticator } from './authentication/authenticator.js';
import type { LsaHeader } from './codec/lsa.js';
import type { OspfDevice, OspfSocket } from './host.js';
import type { InterfaceState } from './interface-fsm.js';
import type { Lsa, LsaStore } from './lsdb.js';
import type { NeighborState } from './neighbor-fsm.js';
import type { Counter, Statistics } from './statistics.js';
import type { Clock, Timer } from './timer.js';
import type { AreaType, Destination, Version } from './version.js';

export interface Instance {
  version: Version;
  routerId: number;
  areas: Map<number, Area>;
  /** LSAs of AS scope. */
  as: LsaStore;
  maxLsas: number;
  clock: Clock;
  log: Log;
  bfd: BfdWatcher | null;
  statistics: Statistics;
  /** Until then no adjacency is made, because the database was too large. */
  holdUntilMs: number;
  /** The own LSAs may have to change. */
  originate(): void;
  /** The database has more LSAs than it may. */
  overflow(): void;
}

export interface Area {
  instance: Instance;
  id: number;
  type: AreaType;
  store: LsaStore;
  interfaces: Interface[];
}

export interface Interface {
  instance: Instance;
  area: Area;
  config: OspfInterfaceConfig;
  state: InterfaceState;
  /** Null while it is down. */
  device: OspfDevice | null;
  socket: OspfSocket | null;
  /** Own address that packets come from: a number, 0 while down. */
  address: bigint;
  authenticator: Authenticator;
  /** As Hellos name them: addresses in version 2, router IDs in version 3; 0 is none. */
  dr: number;
  backup: number;
  /** By address on broadcast links of version 2, else by router ID. */
  neighbors: Map<string, Neighbor>;
  /** LSAs of link scope. */
  store: LsaStore;
  /** To be sent to all once the packets at hand are worked off. */
  floods: Map<string, Lsa>;
  acks: Map<string, LsaHeader>;
  timers: { hello: Timer; wait: Timer; ack: Timer };
  helloSentMs: number;
  lastError: string | null;
  /** Clock of the last complaint of each kind. */
  complaints: Map<string, number>;
}

export interface DdKey {
  flags: number;
  options: number;
  sequence: number;
}

export interface Neighbor {
  iface: Interface;
  key: string;
  routerId: number;
  address: Destination;
  /** Version 3. */
  interfaceId: number;
  state: NeighborState;
  priority: number;
  options: number;
  dr: number;
  backup: number;
  /** This router is the master of the exchange. */
  master: boolean;
  ddSequence: number;
  /** The last DD that was taken, for duplicates. */
  ddTaken: DdKey | null;
  /** Body of the last DD that was sent, and whether it said that more follows. */
  ddSent: Uint8Array | null;
  ddMore: boolean;
  /** Until then a slave that is done answers duplicates. */
  ddUntilMs: number;
  /** What is still to be described. */
  summary: Lsa[];
  /** What is still to be asked for, and what of it was. */
  requests: Map<string, LsaHeader>;
  asked: Set<string>;
  /** LSAs that are not acknowledged, with the clock of the last sending; oldest first. */
  retransmissions: Map<string, { lsa: Lsa; sentMs: number }>;
  timers: { inactivity: Timer; dd: Timer; lsr: Timer; retransmit: Timer };
  /** Highest sequence number of authenticated packets, by packet type (version 3) or of all (0). */
  sequences: Map<number, bigint>;
  bfd: { watch: BfdWatch; wasUp: boolean; down: boolean } | null;
  fullSinceMs: number | null;
  lastError: string | null;
  received: number;
  sent: number;
}

export function count({ statistics }: Instance, name: Counter): void {
  statistics[name] += 1;
}

/** A sentence for the log about an interface, each kind of it at most once a minute. */
const COMPLAINT_MS = 60_000;
export function complain(iface: Interface, kind: string, sentence: string): void {
  iface.lastError = sentence;
  const { clock, log, version } = iface.instance;
  const last = iface.complaints.get(kind);
  if (last !== undefined && clock() - last < COMPLAINT_MS) return;
  iface.complaints.set(kind, clock());
  log.warn(`OSPFv${version.number} on ${iface.config.name}: ${sentence}`);
}

export function* interfacesOf(instance: Instance): Generator<Interface> {
  for (const area of instance.areas.values()) yield* area.interfaces;
}

export function* neighborsOf(instance: Instance): Generator<Neighbor> {
  for (const iface of interfacesOf(instance)) yield* iface.neighbors.values();
}

export function* storesOf(instance: Instance): Generator<LsaStore> {
  yield instance.as;
  for (const area of instance.areas.values()) {
    yield area.store;
    for (const iface of area.interfaces) yield iface.store;
  }
}

export function lsaCount(instance: Instance): number {
  let sum = 0;
  for (const store of storesOf(instance)) sum += store.lsas.size;
  return sum;
}

/** Where LSAs of a type belong that came in on an interface; null for those that are skipped. */
export function storeFor(iface: Interface, type: number): LsaStore | null {
  const { instance, area } = iface;
  switch (instance.version.scopeOf(type, area.type)) {
    case 'as':
      return instance.as;
    case 'area':
      return area.store;
    case 'link':
      return iface.store;
    case null:
      return null;
  }
}

/** How DR and Backup of a link name a neighbour. */
export function linkIdOf({ iface, address, routerId }: Neighbor): number {
  return iface.instance.version.number === 2 ? Number(address.value) : routerId;
}

/** How DR and Backup of a link name this router. */
export function ownLinkId(iface: Interface): number {
  return iface.instance.version.number === 2 ? Number(iface.address) : iface.instance.routerId;
}

/** A neighbour is being described the database or asked for it. */
export const isExchanging = ({ state }: Neighbor): boolean => state === 'exchange' || state === 'loading';

export function anyExchanging(instance: Instance): boolean {
  for (const neighbor of neighborsOf(instance)) if (isExchanging(neighbor)) return true;
  return false;
}
