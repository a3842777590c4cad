/** What the announcer tells of itself: interfaces, neighbours and the database. */
import { formatAddress } from '../../config/address.js';
import type { BfdState } from '../../native/addon.js';
import { formatIdentifier } from './codec/identifier.js';
import { Lsa2, Lsa3 } from './codec/numbers.js';
import type { InterfaceState } from './interface-fsm.js';
import { ageOf } from './lsdb.js';
import {
  type Instance,
  type Interface,
  interfacesOf,
  linkIdOf,
  type Neighbor,
  neighborsOf,
  storesOf,
} from './model.js';
import type { NeighborState } from './neighbor-fsm.js';

export interface OspfInterfaceStatus {
  version: 2 | 3;
  name: string;
  area: string;
  type: 'broadcast' | 'point-to-point';
  state: InterfaceState;
  /** Null while down. */
  address: string | null;
  cost: number;
  priority: number;
  /** As Hellos name them: addresses in version 2, router IDs in version 3; null is none. */
  dr: string | null;
  backup: string | null;
  helloSeconds: number;
  deadSeconds: number;
  authentication: 'none' | 'simple' | 'cryptographic';
  neighbors: number;
  full: number;
  lastError: string | null;
}

export interface OspfNeighborStatus {
  version: 2 | 3;
  interface: string;
  routerId: string;
  address: string;
  state: NeighborState;
  /** What it is on its link; null on point-to-point ones. */
  role: 'dr' | 'backup' | 'other' | null;
  dr: string | null;
  backup: string | null;
  priority: number;
  /** Until it counts as gone. */
  deadInSeconds: number | null;
  /** Bits of its Database Descriptions. */
  options: number;
  fullForSeconds: number | null;
  bfd: BfdState | null;
  /** LSAs that are to be asked for, and that it has not acknowledged. */
  requests: number;
  retransmissions: number;
  received: number;
  sent: number;
  lastError: string | null;
}

export interface OspfLsaStatus {
  version: 2 | 3;
  /** `as`, `area 0.0.0.0` or `link eth0`. */
  scope: string;
  type: string;
  id: string;
  advertiser: string;
  ageSeconds: number;
  /** As it is written everywhere: `0x80000001`. */
  sequence: string;
  checksum: string;
  bytes: number;
  own: boolean;
}

const named = (id: number): string | null => (id === 0 ? null : formatIdentifier(id));

export function interfaceStatuses(instance: Instance): OspfInterfaceStatus[] {
  return [...interfacesOf(instance)].map((iface) => interfaceStatus(instance, iface));
}

function interfaceStatus({ version }: Instance, iface: Interface): OspfInterfaceStatus {
  const { config } = iface;
  const neighbors = [...iface.neighbors.values()];
  return {
    version: version.number,
    name: config.name,
    area: formatIdentifier(iface.area.id),
    type: config.type,
    state: iface.state,
    address: iface.state === 'down' ? null : formatAddress(version.family, iface.address),
    cost: config.cost,
    priority: config.priority,
    dr: named(iface.dr),
    backup: named(iface.backup),
    helloSeconds: config.helloSeconds,
    deadSeconds: config.deadSeconds,
    authentication: (version.number === 2 ? config.authentication2 : config.authentication3).type,
    neighbors: neighbors.length,
    full: neighbors.filter(({ state }) => state === 'full').length,
    lastError: iface.lastError,
  };
}

export function neighborStatuses(instance: Instance): OspfNeighborStatus[] {
  return [...neighborsOf(instance)].map((neighbor) => neighborStatus(instance, neighbor));
}

function roleOf(neighbor: Neighbor): OspfNeighborStatus['role'] {
  const { iface } = neighbor;
  if (iface.config.type === 'point-to-point') return null;
  const id = linkIdOf(neighbor);
  return id === iface.dr ? 'dr' : id === iface.backup ? 'backup' : 'other';
}

function neighborStatus({ version, clock }: Instance, neighbor: Neighbor): OspfNeighborStatus {
  const { iface, timers, fullSinceMs } = neighbor;
  const deadInMs = timers.inactivity.remainingMs();
  return {
    version: version.number,
    interface: iface.config.name,
    routerId: formatIdentifier(neighbor.routerId),
    address: neighbor.address.text,
    state: neighbor.state,
    role: roleOf(neighbor),
    dr: named(neighbor.dr),
    backup: named(neighbor.backup),
    priority: neighbor.priority,
    deadInSeconds: deadInMs === null ? null : Math.ceil(deadInMs / 1000),
    options: neighbor.options,
    fullForSeconds: fullSinceMs === null ? null : Math.floor((clock() - fullSinceMs) / 1000),
    bfd: neighbor.bfd?.watch.state() ?? null,
    requests: neighbor.requests.size,
    retransmissions: neighbor.retransmissions.size,
    received: neighbor.received,
    sent: neighbor.sent,
    lastError: neighbor.lastError,
  };
}

const TYPE_NAMES: Readonly<Record<2 | 3, Readonly<Record<number, string>>>> = {
  2: namesOf(Lsa2),
  3: namesOf(Lsa3),
};

function namesOf(types: Readonly<Record<string, number>>): Record<number, string> {
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => [type, name.toLowerCase().replaceAll('_', '-')]),
  );
}

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;

export function lsaStatuses(instance: Instance): OspfLsaStatus[] {
  const { version, clock, routerId } = instance;
  const nowMs = clock();
  return [...storesOf(instance)].flatMap((store) =>
    [...store.lsas.values()].map((lsa) => ({
      version: version.number,
      scope: store.name,
      type: TYPE_NAMES[version.number][lsa.type] ?? hex(lsa.type, 4),
      id: formatIdentifier(lsa.id),
      advertiser: formatIdentifier(lsa.advertiser),
      ageSeconds: ageOf(lsa, nowMs),
      sequence: hex(lsa.sequence >>> 0, 8),
      checksum: hex(lsa.checksum, 4),
      bytes: lsa.length,
      own: lsa.advertiser === routerId,
    })),
  );
}
