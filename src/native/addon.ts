/**
 * The native core as TypeScript sees it: the types of `build/Release/platypus.node` and the one place that loads it.
 * The addon asserts its arguments and does not explain them; checking values and wording messages happens in
 * `src/config` before they get here.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Protocol = 'tcp' | 'udp' | 'icmp';

/** What the packet path needs to know; replaced whole, between two bursts (never changed in place). */
export interface CoreConfig {
  mode: 'nat64' | 'siit';
  /** RFC 6052 prefixes, first match wins; at most 8. */
  pool6: readonly { address: string; length: number }[];
  /** nat64 only. Expanded to at most 4096 addresses in all. Ports inclusive; they also bound ICMP identifiers. */
  pool4: readonly { address: string; length: number; portMin: number; portMax: number }[];
  /**
   * nat64 only: permanent mappings (RFC 6146 §3.1), kept here for comparison; the service applies them one by one with
   * `addBib`, because each can be refused. Addresses as text, ports in host order.
   */
  staticBib: readonly StaticBib[];
  /** MTU of the next hops, bytes. */
  mtu6: number;
  mtu4: number;
  /** RFC 7915 §4: 1280 or more. */
  lowestIpv6Mtu: number;
  /** Address-dependent filtering per protocol (RFC 6146 §3.5). Fixed at start. */
  addressDependentFiltering: { tcp: boolean; udp: boolean; icmp: boolean };
  /** RFC 6146 §3.5.2.2: true drops connections opened from the IPv4 side. */
  dropInboundTcp: boolean;
  /** Let 64:ff9b::/96 carry non-global IPv4 addresses, against RFC 6052 §3.1. */
  allowNonGlobal: boolean;
  /** RFC 7915 §4.5: what to do with an IPv4 UDP datagram without checksum (nat64 always computes). */
  udpZeroChecksum: 'compute' | 'drop';
  /** Traffic class / TOS: null copies (RFC 7915), a number 0..255 overrides. */
  trafficClass: number | null;
  tos: number | null;
  timeoutsSeconds: {
    udp: number;
    tcpEstablished: number;
    tcpTransitory: number;
    tcpIncomingSyn: number;
    icmp: number;
    fragment: number;
  };
  /** ICMP errors the translator itself sends, per family: a token bucket. `ratePerSecond: 0` sends none. */
  icmpErrors: { ratePerSecond: number; burst: number };
  /** Source of those errors; null: the pool4 address that was asked for (v4), pool6 + 192.0.0.8 (v6). */
  icmpSource4: string | null;
  icmpSource6: string | null;
}

export interface StaticBib {
  protocol: Protocol;
  v6: string;
  port6: number;
  v4: string;
  port4: number;
}

/** Capacities; memory for them is taken at start. */
export interface Limits {
  /** Sessions of all protocols, 64 bytes each and two index entries. */
  sessions: number;
  /** BIB entries of all protocols. */
  bib: number;
  /** IPv6 hosts (each is paired with one pool4 address). */
  hosts: number;
  /** Datagrams in reassembly at once, 64 KiB each. */
  reassembly: number;
  /** SYNs kept while waiting for the IPv6 side (RFC 6146 §3.5.2.2). */
  storedSyns: number;
}

export type TcpState =
  | 'CLOSED'
  | 'V4_INIT'
  | 'V6_INIT'
  | 'ESTABLISHED'
  | 'V4_FIN_RCV'
  | 'V6_FIN_RCV'
  | 'V4_FIN_V6_FIN_RCV'
  | 'TRANS';

export interface SessionRow {
  protocol: Protocol;
  /** X', null while a stored SYN waits for its IPv6 side. */
  v6: string | null;
  port6: number;
  /** Y': the server as the IPv6 host sees it. */
  remote6: string;
  v4: string;
  port4: number;
  remote4: string;
  remotePort: number;
  state: TcpState | null;
  expiresInSeconds: number;
}

export interface BibRow {
  protocol: Protocol;
  v6: string;
  port6: number;
  v4: string;
  port4: number;
  static: boolean;
  sessions: number;
}

export interface Pool4Row {
  v4: string;
  portMin: number;
  portMax: number;
  hosts: number;
  used: { tcp: number; udp: number; icmp: number };
}

/** All given fields must match. Prefixes as `address/length`; ports in host order. */
export interface TableQuery {
  protocol?: Protocol;
  v6?: { address: string; length: number };
  port6?: number;
  v4?: { address: string; length: number };
  port4?: number;
  remote4?: { address: string; length: number };
  /** Where to go on: 0, or `next` of the page before. */
  cursor: number;
  /** Most rows wanted, 1..4096. A page may hold fewer (even none) and still have a `next`. */
  limit: number;
}

export interface Page<Row> {
  rows: Row[];
  /** Cursor of the next page, null at the end. */
  next: number | null;
}

/**
 * `ok`, or why not: `v6-taken` the IPv6 side has another mapping, `v4-taken` somebody else has the port.
 */
export type BibAddResult = 'ok' | 'exists' | 'v6-taken' | 'v4-taken' | 'not-in-pool4' | 'no-room';

export interface TableSizes {
  sessions: number;
  bib: number;
  staticBib: number;
  hosts: number;
  reassembly: number;
  storedSyns: number;
  /** Bytes of memory taken for tables and buffers. */
  memoryBytes: number;
}

/** What a running dataplane and the simulator answer alike. */
interface Tables {
  /** Counters in the order of `Addon.counters`, summed over the workers. */
  counters(): BigUint64Array;
}

/** A TUN device and the worker threads on it. Calls that ask a worker resolve between two of its bursts. */
export interface Dataplane extends Tables {
  /** Name the kernel gave the device, and what it can do. */
  readonly device: string;
  readonly offload: { checksum: boolean; tso: boolean; uso: boolean };
  start(): void;
  /** Applies a new snapshot. Resolves when every worker uses it. */
  configure(config: CoreConfig): Promise<void>;
  sessions(query: TableQuery): Promise<Page<SessionRow>>;
  bib(query: TableQuery): Promise<Page<BibRow>>;
  addBib(entry: StaticBib): Promise<BibAddResult>;
  /** Removes an entry, static or not, with its sessions. Resolves to false when there was none. */
  removeBib(entry: { protocol: Protocol; v4: string; port4: number }): Promise<boolean>;
  pool4(): Promise<Pool4Row[]>;
  sizes(): Promise<TableSizes>;
  /** True while every worker's thread is running. */
  alive(): boolean;
  /** Stops the threads and closes the device (the kernel removes it with its routes). */
  stop(): void;
}

/** The same worker on a port in memory, with the clock in the caller's hand: for tests and `explain`. */
export interface Simulator extends Tables {
  /** Feeds one IP packet at `nowMs` and returns what would have been sent, in order. */
  inject(packet: Uint8Array, nowMs: number, offload?: Partial<Offload>): SimulatedPacket[];
  /** Lets time pass without a packet; returns what timers sent (probes, errors for stored SYNs). */
  advance(nowMs: number): SimulatedPacket[];
  configure(config: CoreConfig, nowMs: number): void;
  sessions(query: TableQuery): Page<SessionRow>;
  bib(query: TableQuery): Page<BibRow>;
  addBib(entry: StaticBib): BibAddResult;
  removeBib(entry: { protocol: Protocol; v4: string; port4: number }): boolean;
  pool4(): Pool4Row[];
  sizes(): TableSizes;
}

export interface Offload {
  needsChecksum: boolean;
  /** 0 none, 1 TCPv4, 4 TCPv6, 5 UDP; 0x80 added for ECN. */
  gsoType: number;
  gsoSize: number;
  headerLength: number;
  checksumStart: number;
  checksumOffset: number;
}

export interface SimulatedPacket {
  packet: Buffer;
  offload: Offload;
}

export interface LinkRow {
  index: number;
  name: string;
  mtu: number;
  up: boolean;
}
export interface AddressRow {
  index: number;
  address: string;
  length: number;
  /** 0 global, 253 link, 254 host (RT_SCOPE_*). */
  scope: number;
  /** True while duplicate address detection runs. */
  tentative: boolean;
}
export interface RouteRow {
  destination: string;
  length: number;
  /** Output device, 0 when the route has none. */
  index: number;
  gateway: string | null;
  table: number;
  protocol: number;
  metric: number;
}

/**
 * rtnetlink, one request a call. Throws an Error with `code` (an errno name: EPERM, EEXIST, ENODEV …) and `syscall`.
 */
export interface Netlink {
  links(): LinkRow[];
  addresses(): AddressRow[];
  /** Routes of the main table, both families. */
  routes(): RouteRow[];
  setLink(link: { name: string; up?: boolean; mtuBytes?: number; txQueueLength?: number }): void;
  addAddress(address: { name: string; address: string; length: number }): void;
  removeAddress(address: { name: string; address: string; length: number }): void;
  /** Device route. `exclusive` fails with EEXIST where the same destination and metric exists. */
  addRoute(route: { name: string; destination: string; length: number; metric?: number; mtuBytes?: number }): void;
  removeRoute(route: { name: string; destination: string; length: number; metric?: number }): void;
  close(): void;
}

export interface CounterInfo {
  /** Dotted, stable: `drop.v6.no_session`. */
  name: string;
  /** One sentence for `stats --explain`, with its RFC section where there is one. */
  explain: string;
}

export interface Addon {
  /** Throws an Error with `code` (EBUSY, EPERM, ENOENT …) and `syscall` when the device cannot be opened. */
  Dataplane: new (options: {
    device: string;
    workers: number;
    limits: Limits;
    config: CoreConfig;
  }) => Dataplane;
  Simulator: new (options: { limits: Limits; config: CoreConfig; seed?: number }) => Simulator;
  Netlink: new () => Netlink;
  counters: readonly CounterInfo[];
}

/** The root of the package: the nearest folder above this file that has a `package.json`. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('platypus: no package.json above the program');
    folder = parent;
  }
  return folder;
}

/** Loads the addon. Throws when it was not built (`make build`). */
export function loadAddon(): Addon {
  const file = join(packageRoot(), 'build', 'Release', 'platypus.node');
  if (!existsSync(file)) throw new Error(`the native core is not built: ${file} is missing; run \`make build\``);
  return createRequire(import.meta.url)(file) as Addon;
}
