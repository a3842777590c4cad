/** What `neighbor list`, `neighbor show` and `route list` tell of a BGP neighbour. */
import { type Family, formatAddress } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import type { BfdState } from '../../native/addon.js';
import type { OutRoute } from './announce-message.js';
import { asnsIn } from './as-path.js';
import { type Capabilities, describeCapabilities } from './capability.js';
import type { State } from './fsm.js';
import type { Cause, Machine } from './machine.js';
import type { Negotiated } from './negotiation.js';
import { prefixOf } from './nlri.js';
import { MessageType } from './numbers.js';
import type { RouteCounts } from './rib-in.js';
import type { SentRoute } from './rib-out.js';

export const MESSAGE_NAMES = {
  [MessageType.OPEN]: 'open',
  [MessageType.UPDATE]: 'update',
  [MessageType.NOTIFICATION]: 'notification',
  [MessageType.KEEPALIVE]: 'keepalive',
  [MessageType.REFRESH]: 'refresh',
} as const;

export type MessageName = (typeof MESSAGE_NAMES)[keyof typeof MESSAGE_NAMES];
export type MessageCounts = Record<MessageName, number>;

export interface LastError {
  /** Milliseconds since 1970. */
  atMs: number;
  direction: Cause['direction'];
  /** Of the NOTIFICATION, null where there was none. */
  code: number | null;
  subcode: number | null;
  text: string;
}

export interface BgpNeighborStatus {
  name: string;
  address: string;
  remoteAs: number;
  localAs: number;
  internal: boolean;
  state: State;
  /** Why there is no session and none is being opened; null otherwise. */
  held: string | null;
  /** When `state` was entered, milliseconds since 1970. */
  sinceMs: number;
  /** ConnectRetryCounter (RFC 4271 §8). */
  retries: number;
  /** How often the session has been Established. */
  established: number;
  lastError: LastError | null;
  timers: { name: string; leftMs: number }[];
  local: { address: string | null; port: number | null; routerId: string };
  remote: { port: number | null; routerId: string | null };
  /** This side opened the connection; null without one. */
  outgoing: boolean | null;
  /** In force, null without a session. */
  holdTimeSeconds: number | null;
  families: Family[];
  capabilities: { local: string[]; remote: string[] };
  messages: { sent: MessageCounts; received: MessageCounts };
  routes: RouteCounts & { announced: number };
  /** Octets that the neighbour has not taken yet. */
  queuedBytes: number;
  /** Null where BFD is not used. */
  bfd: BfdState | null;
  /** A restart was announced: the neighbour keeps the routes when the session ends. */
  restartAnnounced: boolean;
  role: BgpNeighborConfig['role'];
}

/** What a session knows of itself. */
export interface SessionFacts
  extends Pick<
    BgpNeighborStatus,
    'held' | 'sinceMs' | 'lastError' | 'messages' | 'routes' | 'bfd' | 'restartAnnounced'
  > {
  config: BgpNeighborConfig;
  routerId: number;
  machine: Machine;
  established: Negotiated | null;
  offered: Capabilities | null;
  establishedCount: number;
  /** Timers of the session, beside the machine's. */
  waiting: BgpNeighborStatus['timers'];
}

export function neighborStatus(facts: SessionFacts): BgpNeighborStatus {
  const { config, machine, offered, messages } = facts;
  const { held, sinceMs, lastError, routes, bfd, restartAnnounced } = facts;
  const connection = machine.connection();
  const negotiated = facts.established ?? machine.negotiated();
  const dotted = (identifier: number) => formatAddress(4, BigInt(identifier));
  return {
    ...{ name: config.name, address: config.address, remoteAs: config.remoteAs, localAs: config.localAs },
    internal: config.localAs === config.remoteAs,
    state: machine.state(),
    ...{ held, sinceMs, lastError, routes, bfd, restartAnnounced },
    retries: machine.retries(),
    established: facts.establishedCount,
    timers: [...facts.waiting, ...machine.timers()],
    local: {
      address: connection?.local.address ?? config.source,
      port: connection?.local.port ?? null,
      routerId: dotted(facts.routerId),
    },
    remote: {
      port: connection?.remote.port ?? null,
      routerId: negotiated === null ? null : dotted(negotiated.identifier),
    },
    outgoing: connection === null ? null : machine.outgoing(),
    holdTimeSeconds: negotiated?.holdTimeSeconds ?? null,
    families: negotiated?.families ?? [],
    capabilities: {
      local: offered === null ? [] : describeCapabilities(offered),
      remote: negotiated === null ? [] : describeCapabilities(negotiated.capabilities),
    },
    messages: { sent: { ...messages.sent }, received: { ...messages.received } },
    queuedBytes: connection?.queuedBytes() ?? 0,
    role: config.role,
  };
}

/** One route as the neighbour heard it. */
export interface AnnouncedRoute {
  neighbor: string;
  /** `address/length`. */
  prefix: string;
  nextHop: string;
  linkLocal: string | null;
  origin: 0 | 1 | 2;
  asPath: number[];
  med: number | null;
  localPref: number | null;
  communities: number[];
  largeCommunities: [number, number, number][];
  otc: number | null;
  /** Milliseconds since 1970. */
  sentAtMs: number;
}

export function emptyCounts(): MessageCounts {
  return { open: 0, update: 0, notification: 0, keepalive: 0, refresh: 0 };
}

export function lastErrorOf({ direction, notification, text }: Cause): LastError {
  const code = notification?.code ?? null;
  return { atMs: Date.now(), direction, code, subcode: notification?.subcode ?? null, text };
}

export function announcedRoute(neighbor: string, { route, sentAtMs }: SentRoute): AnnouncedRoute {
  const { asPath, ...attributes } = route.attributes;
  const { address, length } = prefixOf(route.family, route.nlri);
  return {
    neighbor,
    prefix: `${address}/${length}`,
    ...nextHopsOf(route),
    ...attributes,
    asPath: asnsIn(asPath),
    sentAtMs,
  };
}

function nextHopsOf({ nextHop }: OutRoute): { nextHop: string; linkLocal: string | null } {
  const text = (octets: Uint8Array) =>
    formatAddress(octets.length === 4 ? 4 : 6, BigInt(`0x${Buffer.from(octets).toString('hex')}`));
  const linkLocal = nextHop.length === 32 ? text(nextHop.subarray(16)) : null;
  return { nextHop: text(nextHop.length === 32 ? nextHop.subarray(0, 16) : nextHop), linkLocal };
}
