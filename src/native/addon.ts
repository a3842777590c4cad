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
  /**
   * RFC 7915 §4.5: what to do with an IPv4 UDP datagram without checksum. `compute` does so for whole datagrams and
   * drops fragments, `reassemble` puts all fragmented UDP together first. nat64 always reassembles and computes.
   */
  udpZeroChecksum: 'compute' | 'drop' | 'reassemble';
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
  /** Largest TCP MSS that a SYN may announce, either way; larger ones are lowered to it. 0 leaves all alone. */
  mssClamp: number;
  /** RFC 1191 §7: path MTUs to guess for routers that name none; descending, 1 to 32 values of 68..65535. */
  plateaus: readonly number[];
  /** siit only: what of the IPv4 side IPv6 hosts may be (see `SiitConfig`); nat64 ignores it. */
  siit: SiitConfig;
  /** ICMP errors the translator itself sends, per family: a token bucket. `ratePerSecond: 0` sends none. */
  icmpErrors: { ratePerSecond: number; burst: number };
  /** Source of those errors; null: the pool4 address that was asked for or 192.0.0.8 (v4), pool6 + 192.0.0.8 (v6). */
  icmpSource4: string | null;
  icmpSource6: string | null;
}

/** Prefixes as address and length; bits after the length are zero. */
export interface CorePrefix {
  address: string;
  length: number;
}

/** The stateless translator's addresses (RFC 7757, RFC 6791). */
export interface SiitConfig {
  /** Explicit address mappings; null for none. */
  eamt: EamTable | null;
  /** RFC 7757 §4.2. */
  hairpin: 'none' | 'simple' | 'intrinsic';
  /** IPv4 addresses that pool6 does not map, either way (EAM entries still do); at most 1024. */
  denylist4: readonly CorePrefix[];
  /**
   * IPv4 addresses that IPv6 hosts may have through pool6: other sources inside pool6 are forged (RFC 6052 §5.1) and
   * dropped. Null does not check; at most 1024.
   */
  sources4: readonly CorePrefix[] | null;
  /** IPv4 sources need an entry of the table; pool6 is for destinations only. */
  eamSources: boolean;
  /** IPv4 sources for ICMPv6 errors from routers without one (RFC 6791 §3); at most 16 prefixes. Empty: dropped. */
  rfc6791v4: readonly CorePrefix[];
  /** IPv6 sources for ICMPv4 errors from addresses that have none. Null: dropped. */
  rfc6791v6: CorePrefix | null;
  /** How one of these is chosen: at random, or by the TTL of the message, so that hops of a traceroute differ. */
  rfc6791Pick: 'random' | 'hop';
  /** What is appended to say who really sent it: RFC 5837 (as RFC 6791 §4), Node Identification, or nothing. */
  rfc6791Extension: 'interface' | 'node' | 'none';
}

export interface EamRow {
  /** `192.0.2.0/28`. */
  v4: string;
  v6: string;
}

/**
 * An explicit address mapping table (RFC 7757): never changed, made by `Addon.buildEamTable`, shared by all workers and
 * by the configurations that name it.
 */
export interface EamTable {
  readonly size: number;
  readonly memoryBytes: number;
  /** Entries in the order of their IPv4 prefixes; with `v4` or `v6` those whose prefix overlaps the given one. */
  list(query: { v4?: CorePrefix; v6?: CorePrefix; cursor: number; limit: number }): Page<EamRow>;
  /** The entry that an address of either family is translated by, and what it becomes; null when there is none. */
  lookup(address: string): { entry: EamRow; counterpart: string } | null;
  /** The IPv4 addresses of all entries as the fewest prefixes; null when these are more than `limit`. */
  networks4(limit: number): CorePrefix[] | null;
}

/** Why a table was not built; `index` counts from 0 in `add` or `remove`, `other` is the entry in the way. */
export type EamBuild =
  | { table: EamTable }
  | {
      refused: 'v4-taken' | 'v6-taken' | 'missing' | 'suffix' | 'length' | 'no-room';
      list: 'add' | 'remove';
      index: number;
      other: EamRow | null;
    };

/** Most entries of a table. */
export const MAX_EAM_ENTRIES = 4_194_304;
/** Bytes of an entry in `buildEamTable`'s `add`: IPv4 address (4), length (1), IPv6 address (16), length (1). */
export const EAM_ADD_BYTES = 22;
/** Bytes of an entry in `remove`: IPv4 address (4), length (1). */
export const EAM_REMOVE_BYTES = 5;

/** What a trace keeps; all that is given must match one of the packets (before or after) of a record. */
export interface TraceFilter {
  /** Source or destination. */
  v6?: CorePrefix;
  /** Source or destination; in an IPv6 packet also an address inside pool6. */
  v4?: CorePrefix;
  /** IP protocol number; 1 and 58 both mean ICMP of either family. */
  protocol?: number;
  /** TCP or UDP port, either end. */
  port?: number;
  /** Only packets that were dropped or refused. */
  dropsOnly: boolean;
  /** Bytes kept of each packet, 64..2048. */
  snapBytes: number;
}

export interface TracedPacket {
  /** `in` as it came, `out` as it was sent: the translation, its fragments, or an ICMP error about it. */
  direction: 'in' | 'out';
  /** Bytes of the whole packet (a super-packet may have 65,535) and the first `snapBytes` of them. */
  length: number;
  bytes: Buffer;
}

export interface TraceRecord {
  /** Milliseconds since 1970. */
  timeMs: number;
  /** Name of the counter that says why the packet was dropped or refused; null when it was translated. */
  reason: string | null;
  packets: TracedPacket[];
}

/** A drop that RFC 7915 wants to be told about (§4.5, §5.1.1): `reason` is the counter's name. */
export interface DropEvent {
  timeMs: number;
  reason: string;
  /** IP protocol number. */
  protocol: number;
  source: string;
  destination: string;
  /** Null where the packet has none. */
  sourcePort: number | null;
  destinationPort: number | null;
}

export interface StaticBib {
  protocol: Protocol;
  v6: string;
  port6: number;
  v4: string;
  port4: number;
}

export type OffloadLevel = 'none' | 'checksum' | 'tso' | 'uso';

/** The worker threads of a dataplane. */
export interface Threads {
  /** 1 to 16. */
  workers: number;
  /** The processor of each worker; empty for the kernel's choice. */
  cpus: readonly number[];
  /** Leading bits of an IPv6 address that name a subscriber; a subscriber has one worker. */
  subscriberBits: number;
}

/** Capacities of all workers together; memory for them is taken at start. */
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
  /** IPv4 destinations whose path MTU is remembered, 12 bytes each; rounded up to a power of two. */
  pathMtus: number;
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
  pathMtus: number;
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
  /** `steered`: the kernel brings packets to the worker that owns them; otherwise workers hand them over. */
  readonly workers: { count: number; steered: boolean };
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
  /** Starts to trace, or ends it with null. What an earlier trace left is forgotten. */
  trace(filter: TraceFilter | null): Promise<void>;
  /** What was traced since the last call, oldest first, at most some hundred records; `lost` did not fit. */
  readTrace(): Promise<{ records: TraceRecord[]; lost: number }>;
  /** Drops to be told since the last call, at most 64; `lost` did not fit. */
  readEvents(): Promise<{ events: DropEvent[]; lost: number }>;
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
  trace(filter: TraceFilter | null): void;
  readTrace(): { records: TraceRecord[]; lost: number };
  readEvents(): { events: DropEvent[]; lost: number };
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
/** rtm_protocol of our routes, as `ip route` shows it: unassigned in iproute2's rt_protos. */
export const ROUTE_PROTOCOLS = { translator: 64, announcer: 65 } as const;

export interface RouteRow {
  destination: string;
  length: number;
  /** Output device, 0 when the route has none. */
  index: number;
  gateway: string | null;
  table: number;
  protocol: number;
  metric: number;
  kind: 'unicast' | 'blackhole' | 'other';
}

/** A route to be made, or one that was made so. */
export interface RouteSpec {
  /** Device; may be absent with a gateway or for a blackhole. */
  name?: string;
  destination: string;
  length: number;
  /** Of either family for an IPv4 route (RFC 8950); an IPv6 one needs an IPv6 gateway. */
  gateway?: string;
  /** The gateway is on the link although no address of the device says so. */
  onlink?: boolean;
  /** Default 254, the main one. */
  table?: number;
  /** Absent: the family's default; on removal, any. */
  metric?: number;
  /** rtm_protocol, 1..255; default 64, ours. */
  protocol?: number;
  kind?: 'unicast' | 'blackhole';
  mtuBytes?: number;
}

/**
 * rtnetlink, one request a call. Throws an Error with `code` (an errno name: EPERM, EEXIST, ENODEV …) and `syscall`.
 */
export interface Netlink {
  links(): LinkRow[];
  addresses(): AddressRow[];
  /** Routes of both families: of the main table, or with a filter those of all tables that pass it. */
  routes(filter?: { table?: number; protocol?: number }): RouteRow[];
  setLink(link: { name: string; up?: boolean; mtuBytes?: number; txQueueLength?: number }): void;
  addAddress(address: { name: string; address: string; length: number }): void;
  removeAddress(address: { name: string; address: string; length: number }): void;
  /**
   * EEXIST where the same destination, table and metric exists; `replace` takes the place of that route, whoever made
   * it. ENETUNREACH for a gateway off the link.
   */
  addRoute(route: RouteSpec & { replace?: boolean }): void;
  /** Only of the same table, protocol, kind and metric; device and gateway where they are given. ESRCH: there is none. */
  removeRoute(route: RouteSpec): void;
  close(): void;
}

/** One side of a device under test. */
export interface TesterSide {
  device: string;
  /** Empty for the process's own; a name of /run/netns, a process id, or a path. */
  namespace: string;
  /** Link layer address of the next hop, six octets; null: the kernel is asked for the way to `destination`. */
  nextHop: Uint8Array | null;
  /** An address that is sent to from this side; read only without `nextHop`. */
  destination: string;
  /** Processors for the two threads; -1 leaves them to the kernel. */
  sendCpu: number;
  receiveCpu: number;
}

export interface TesterOptions {
  /** True: the sides are the ends of a cable in a network namespace made for it; only their processors are read. */
  loop: boolean;
  sides: readonly [TesterSide, TesterSide];
  /** Flows the state table has room for, 12 bytes each; 0: no table. */
  stateFlows: number;
  /** Memory of each receiver. */
  ringBytes: number;
}

/**
 * What `Tester.open` rejects with: `step` is where it failed, `side` 0 or 1. `own-address`: the destination is the
 * tester's own; `other-device`: the route to it leads elsewhere; `neighbour`: the next hop does not answer.
 */
export interface TesterOpenError extends Error {
  step:
    | 'namespace'
    | 'netlink'
    | 'device'
    | 'down'
    | 'not-ethernet'
    | 'route'
    | 'own-address'
    | 'other-device'
    | 'neighbour'
    | 'socket'
    | 'ring'
    | 'filter'
    | 'cable'
    | 'memory'
    | 'thread';
  side: 0 | 1;
  /** errno name, where a system call failed. */
  code?: string;
}

/** Frames of one direction in a trial. */
export interface TesterStream {
  /** The side that sends; the other receives. */
  from: 0 | 1;
  /** Of the frames as they are sent; the receiver takes both. */
  family: 4 | 6;
  kind: 'udp' | 'echo-request' | 'echo-reply';
  /** Addresses of the family one after the other, in wire order: 4 or 16 bytes each, at least one. */
  sources: Uint8Array;
  destinations: Uint8Array;
  /** Inclusive. An echo's identifier is its source port. */
  sourcePorts: { first: number; last: number };
  destinationPorts: { first: number; last: number };
  /** Chooses among the ways to give flows addresses and ports; the same seed gives the same flows. 0..2^32-1. */
  seed: number;
  /** Flows `firstFlow` to `firstFlow + flows - 1`, below 2^31. */
  firstFlow: number;
  flows: number;
  order: 'in-turn' | 'random';
  /** Frame sizes with the four octets of the FCS, used in turn: 64..9216 (IPv4), 84..9216 (IPv6). */
  frameBytes: readonly number[];
  /** 0: as fast as possible. */
  framesPerSecond: number;
  /** Most frames, below 2^32; a bit of memory each. */
  frames: number;
  durationMs: number;
  /** Most frames in one system call, 1..64. One stamp serves them all, so small bursts measure delays better. */
  burst: number;
  /** Frames that wait for each other before they are sent, 1..burst: as a card gathers them before it interrupts. */
  gather: number;
  /** Most delays kept, evenly over the frames; 0: none. IPDV needs one of every frame. */
  delaySamples: number;
  /**
   * The state table (RFC 9693): `record` writes down where flows come from, `compare` counts those that come from
   * elsewhere, `answer` sends to where they came from (IPv4; `sources`, `destinations` and ports are not read).
   */
  state: 'none' | 'record' | 'compare' | 'answer';
}

export interface TesterTrial {
  /** One or two; not `record` and `answer` in one trial. */
  streams: readonly TesterStream[];
  /** Longest wait for the last frames. */
  settleMs: number;
}

/** Delays in ns; all 0 when none were kept. */
export interface TesterDelays {
  count: number;
  least: number;
  median: number;
  p999: number;
  most: number;
  mean: number;
  pairs: number;
  ipdvLeast: number;
  ipdvMedian: number;
  ipdvMost: number;
}

export interface TesterResult {
  /** In the order of the trial's streams. */
  streams: {
    /** Frames handed to the kernel; of these it had no room for `refused`. */
    sent: number;
    refused: number;
    /** Flows to be answered that never came. */
    skipped: number;
    elapsedNs: number;
    /** How late the latest burst was. */
    lateNs: number;
    /** CPU time of the sender's thread. */
    sendCpuNs: number;
    /** Each frame once. */
    received: number;
    duplicates: number;
    reordered: number;
    delays: TesterDelays;
  }[];
  /** Of either side. */
  receivers: {
    frames: number;
    /** Look like test frames, but are none of this trial. */
    foreign: number;
    /** Lost by the tester: its memory was full. */
    dropped: number;
    cpuNs: number;
    stateNew: number;
    stateSame: number;
    stateChanged: number;
  }[];
  /** Flows in the state table. */
  stateSize: number;
  aborted: boolean;
}

/** The traffic engine of `platypus bench`: threads that send and receive test frames on two interfaces. */
export interface Tester {
  /** Opens both sides. Rejects with TesterOpenError. */
  open(options: TesterOptions): Promise<void>;
  /** Runs a trial. Rejects, or throws, an Error with `code` and `syscall`; one at a time. */
  run(trial: TesterTrial): Promise<TesterResult>;
  /** Ends the running trial soon; its result says `aborted`. */
  abort(): void;
  clearState(): void;
  /** Closes sockets and frees memory, after a running trial was aborted. */
  close(): void;
}

/** Most datagrams of a batch: the slots of a `UdpSocket`, either way. */
export const UDP_BATCH = 64;
/** Bytes of a send slot. */
export const UDP_SEND_BYTES = 4096;
/**
 * A peer record: the two ends of a datagram, and where in its `bytes` they lie. Copied from a received datagram to an
 * answer, it makes that go to the sender, from the address that was asked. Numbers are in network order.
 */
export const UDP_PEER = {
  bytes: 48,
  /** One byte: 4 or 6. */
  family: 0,
  /** Of the peer, two bytes. */
  port: 2,
  /** Of the peer's address, four bytes: an interface for link-local ones, else 0. */
  scope: 4,
  /** The peer's, 16 bytes; IPv4 in the first 4, the rest zero. */
  address: 8,
  /** Ours, likewise; all zero leaves the choice to the kernel. */
  local: 24,
  /** The interface that the datagram came in by, four bytes. */
  interface: 40,
} as const;

export interface UdpSocketOptions {
  /** Of the family, without a zone; `::` and `0.0.0.0` are all of a family. */
  address: string;
  /** 0: any free one. */
  port: number;
  /** 6 takes no IPv4. */
  family: 4 | 6;
  /** Lets other sockets of the same user bind the same; the kernel shares the peers out. */
  reusePort: boolean;
  /** Longest datagram to be received; a multiple of 64, at most 65,536. */
  slotBytes: number;
  /** The only peer: others are not heard, and the peer records to send to are not read. */
  remote?: { address: string; port: number };
  /**
   * A socket of this thread, open or closed, whose memory this one uses too; `slotBytes` is then that one's. Half a
   * megabyte for each would be dear for a client with many.
   */
  memoryOf?: UdpSocket;
  /** Interface or VRF device (SO_BINDTODEVICE); any unless told. */
  device?: string | null;
  /** Believes ICMP about path MTUs, for `Addon.pathMtu` to tell; others are deaf to it (RFC 9715 §3.1). */
  pathMtu?: boolean;
}

/** How datagrams leave, of IPv4. */
export interface UdpManner {
  /** With DF, whatever is known of the path: refused only where the device's own MTU is smaller. */
  dontFragment?: boolean;
  /** Without a checksum (RFC 768). */
  noChecksum?: boolean;
}

/** What a TCP connection knows of its path, bytes. */
export interface TcpPath {
  /** Most data in a segment that it sends, less what options take. */
  sendMss: number;
  /** What its own SYN announced. */
  announcedMss: number;
  /** Whole packets. */
  pathMtu: number;
  /** RFC 7323: these take 12 bytes of every segment. */
  timestamps: boolean;
}

/**
 * A UDP socket, watched by the event loop of the thread that made it; keeps that running until it is closed. The arrays
 * are its memory: `received` and `toSend` are UDP_BATCH slots of `slotBytes` and UDP_SEND_BYTES, with a length and a
 * peer record each. They stay when it is closed.
 */
export interface UdpSocket {
  readonly received: Uint8Array;
  readonly receivedLengths: Int32Array;
  readonly receivedPeers: Uint8Array;
  readonly toSend: Uint8Array;
  readonly toSendLengths: Int32Array;
  readonly toSendPeers: Uint8Array;
  readonly slotBytes: number;
  /** The bound address and port; with `remote` the address that it sends from. */
  readonly address: string;
  readonly port: number;
  /**
   * Sends the first `count` send slots, without waiting: what the kernel has no room for is dropped and counted. Returns
   * how many it refused.
   */
  send(count: number, manner?: UdpManner): number;
  /** Datagrams since it was opened. */
  counters(): UdpCounters;
  close(): void;
}

export interface UdpCounters {
  /** Handed on. */
  received: number;
  /** Taken by the kernel. */
  sent: number;
  /** Longer than `slotBytes`: not handed on. */
  truncated: number;
  /** The kernel has no way to the address, or a length or family was none. */
  send_refused: number;
  /** The kernel had no room. */
  send_dropped: number;
  /** By the kernel, before anybody saw them: its buffer was full, or a checksum did not hold. */
  receive_dropped: number;
  /** From port 0, where no answer can go, or not from `remote`: not handed on. */
  bad_source: number;
}

/** What node:net cannot set on a TCP socket; it takes over the descriptor afterwards (`new net.Socket({ fd })`, `server.listen({ fd })`). */
export interface TcpOptions extends TcpLimits {
  /** Own end; null for the kernel's choice. Port 0: any free one. */
  local: { address: string; port: number } | null;
  /** Interface or VRF device (SO_BINDTODEVICE); also the scope of link-local addresses. */
  device: string | null;
  /** TCP MD5 keys (RFC 2385) by peer, of the socket's family; 1..80 octets. */
  md5: readonly { address: string; key: string }[];
}

/** Of what a TCP socket sends and accepts. */
export interface TcpLimits {
  /** TTL / hop limit of what is sent, null for the kernel's default. A listener's is that of its SYN+ACK. */
  hopLimit: number | null;
  /** RFC 5082: least TTL / hop limit of what is accepted (IP_MINTTL, IPV6_MINHOPCOUNT), null for any. */
  minHopLimit: number | null;
  /** DSCP/TOS octet, 0xc0 for routing protocols. */
  trafficClass: number;
}

export interface OspfSocketOptions {
  family: 4 | 6;
  /** Nothing comes in by another interface, or leaves by one. */
  device: string;
  /** Longest packet to be received, without its IP header; a multiple of 64, at most 65,536; 16,384 by default. */
  slotBytes?: number;
}

/**
 * IP protocol 89 on one interface, watched by the event loop of the thread that made it; keeps that running until it is
 * closed. The arrays are its memory: UDP_BATCH slots of `slotBytes`, with a length and a record in UDP_PEER's form each,
 * whose port is 0 and whose `local` is the destination as it is in the packet, also a group. Slots hold the packet
 * without IP header; checksums are the user's, in both families.
 */
export interface OspfSocket {
  readonly received: Uint8Array;
  readonly receivedLengths: Int32Array;
  readonly receivedPeers: Uint8Array;
  readonly slotBytes: number;
  /**
   * Sends to a host or a group with TTL 1, without waiting. An OSPFv3 packet leaves from the interface's link-local
   * address. False when it was not taken, which is counted.
   */
  send(packet: Uint8Array, destination: string): boolean;
  /** Takes part in a group (224.0.0.5, ff02::5 …). Own packets do not come back. Throws an Error with `code`. */
  join(group: string): void;
  leave(group: string): void;
  /** Packets since it was opened. */
  counters(): OspfCounters;
  close(): void;
}

export interface OspfCounters {
  /** Handed on. */
  received: number;
  /** Taken by the kernel. */
  sent: number;
  /** Longer than `slotBytes`: not handed on. */
  truncated: number;
  /** An IPv4 header that contradicts itself: not handed on. */
  bad_header: number;
  /** The kernel has no way to the address, or the packet is too long. */
  send_refused: number;
  /** The kernel had no room. */
  send_dropped: number;
}

/** RFC 5880 §4.1. */
export interface LinkSocketOptions {
  device: string;
  /** Of the packets that are received and sent. */
  family: 4 | 6;
  /** Only packets arrive whose four octets at `offset`, as a number, are `value` under `mask`; all of them, at most 16. */
  matches: readonly { offset: number; mask: number; value: number }[];
}

/** Packets on one Ethernet link from their IP header on, whatever the kernel makes of them; own ones do not come back. */
export interface LinkSocket {
  /** Sends a packet with its IP header to a link address of 6 bytes. Throws an Error with `code` and `syscall`. */
  send(packet: Uint8Array, linkDestination: Uint8Array): void;
  close(): void;
}

export type BfdState = 'admin-down' | 'down' | 'init' | 'up';

export interface BfdTiming {
  /** Both of what is sent while Up and of what is accepted: 1,000..60,000,000. */
  intervalUs: number;
  /** Intervals without a packet after which a session is down: 1..255. */
  multiplier: number;
}

export interface BfdSessionOptions extends BfdTiming {
  remote: string;
  /** Source of what is sent; null for the kernel's choice. */
  local: string | null;
  /** Interface or VRF device, null for any; link-local addresses need one. */
  device: string | null;
}

export interface BfdChange {
  id: number;
  state: BfdState;
  /** Why the state is this, RFC 5880 §4.1: 0 none, 1 detection time expired, 3 neighbour said so, 7 administratively. */
  diagnostic: number;
  /** What the neighbour said last: a fall with `admin-down` is no failure (RFC 5882 §3.2). */
  remoteState: BfdState;
}

export interface BfdRow extends BfdChange {
  remote: string;
  local: string | null;
  device: string | null;
  remoteDiagnostic: number;
  localDiscriminator: number;
  /** 0 while unknown. */
  remoteDiscriminator: number;
  /** Between packets, before jitter; 0 while the neighbour wants none. */
  sendIntervalUs: number;
  /** Silence after which the session is down; 0 before the neighbour's first packet. */
  detectionTimeUs: number;
  received: number;
  sent: number;
  /** Of `received`, without effect as the session is AdminDown. */
  dropped: number;
  /** Of the epoch; null while not Up. */
  upSinceMs: number | null;
  /** Changes of the state. */
  transitions: number;
}

/** Packets of all sessions; from `hop_limit` on those that were discarded, and why (RFC 5880 §6.8.6, RFC 5881 §5). */
export interface BfdCounters {
  received: number;
  sent: number;
  /** The kernel refused. */
  send_failed: number;
  /** TTL or hop limit is not 255. */
  hop_limit: number;
  version: number;
  length: number;
  /** Zero. */
  multiplier: number;
  multipoint: number;
  /** A discriminator is zero where it cannot be. */
  discriminator: number;
  authentication: number;
  unknown_session: number;
}

/**
 * BFD, asynchronous over one hop (RFC 5880, 5881): at most 256 sessions on a thread of their own, so that a busy event
 * loop does not drop them. Keeps the event loop of the thread that made it running until it is closed. Methods throw an
 * Error with `code` and `syscall`: ENOENT for an id that is none.
 */
export interface Bfd {
  /**
   * Starts a session and returns its id. EEXIST: there is one to this neighbour on this device; ENOSPC: 256 are there;
   * EINVAL: families differ, or a link-local address without device; EADDRNOTAVAIL: `local` is not ours (yet);
   * EADDRINUSE: another BFD daemon has port 3784; ENODEV.
   */
  add(options: BfdSessionOptions): number;
  /** New timing; takes effect with a Poll Sequence while Up. */
  change(id: number, timing: BfdTiming): void;
  /** From here on the session only tells the neighbour AdminDown. */
  adminDown(id: number): void;
  /** The session is gone; the neighbour is told AdminDown for a detection time. */
  remove(id: number): void;
  sessions(): BfdRow[];
  counters(): BfdCounters;
  /** Tells all neighbours AdminDown, once, and ends the thread. */
  close(): void;
}

/** Why a CLAT runs or stands down (native/clat/instance.h). */
export type ClatState =
  | 'off'
  | 'no-uplink'
  | 'uplink-down'
  | 'native-ipv4'
  | 'other-clat'
  | 'searching'
  | 'no-prefix'
  | 'unsteady'
  | 'no-network'
  | 'duplicate'
  | 'no-ipv4'
  | 'running';

export interface ClatOptions {
  /** The device towards the network with the NAT64; it need not exist yet. */
  uplink: string;
  /** Names of the CLAT devices of this program, at most 8. */
  own: readonly string[];
  /** Which of several instances this is, 0..7. */
  order: number;
  mode: 'off' | 'auto' | 'force';
  /** Whether router advertisements and DNS are asked. */
  router: boolean;
  dns: boolean;
  /** Prefixes that are used at once, and those for when RA and DNS know none; at most 8 each. */
  statics: readonly CorePrefix[];
  fallbacks: readonly CorePrefix[];
  /** IPv6 resolvers for links whose routers name none, at most 4. */
  resolvers: readonly string[];
  /**
   * A resolv.conf(5) for the same purpose, read anew at each question, and each 2 s while there is no answer; where it
   * names this host alone, that of systemd-resolved in its place. Null for none.
   */
  resolvConf: string | null;
  /** 16 secret bytes of the host and the uplink, which make the address. */
  key: Uint8Array;
  /** `uplink`: of its /64, or shared where it has none. */
  addressFrom: 'uplink' | 'shared' | 'delegated' | 'explicit';
  /** The delegated /64, or the explicit address. */
  address: string | null;
  /** Null for a free one of 192.0.0.0/29. */
  ipv4: string | null;
  /** Of the default route, null for 2048 + order or one more than native IPv4 has. */
  metric: number | null;
  /** Null for the uplink's. */
  mtuBytes: number | null;
}

/** What has to be so. Addresses, MTUs and metric mean something while running only. */
export interface ClatPlan {
  state: ClatState;
  source: 'none' | 'router' | 'dns' | 'static' | 'fallback';
  /** In force; IPv4 destinations get the first. */
  prefixes: CorePrefix[];
  /** The router that advertised the first one. */
  router: string | null;
  /** How long the first lasts unless it is heard of again; null where the operator told it. */
  expiresInSeconds: number | null;
  address: string | null;
  /** The uplink's address, as which `address` has to leave the host; null where it leaves as it is. */
  sharedAddress: string | null;
  /** The uplink has to answer its neighbours for `address`. */
  neighbour: boolean;
  ipv4: string | null;
  mtu6: number;
  mtu4: number;
  metric: number;
  gateway: string | null;
  /** The device of somebody else's CLAT. */
  otherClat: string | null;
  /** How often tables of nftables were removed since `watchTables`, ours or others; told at most once a second. */
  tablesRemoved: number;
}

/** Counters since the start. */
export interface ClatCounters {
  advertisements: number;
  advertisements_refused: number;
  prefixes_refused: number;
  routers_differ: number;
  questions: number;
  answers: number;
  answers_refused: number;
  damped: number;
  duplicates: number;
}

/** Prefix discovery and addressing on one uplink; the event loop serves it until `close`. */
export interface Clat {
  plan(): ClatPlan;
  counters(): ClatCounters;
  /**
   * Makes the host's addresses and routes as the plan, which has to be running, says: for the translator on `device`,
   * with a routing table of its own unless `table` is 0. What an earlier plan made otherwise goes afterwards. Throws an
   * Error with `code` and what was being done in `syscall`; then everything is taken away.
   */
  attach(options: { device: string; table: number }): void;
  detach(): void;
  /** From here on the removal of a table of nftables is a change of the plan. Throws an Error with `code`. */
  watchTables(): void;
  /** Detaches, and ends the discovery. */
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
    /** The most to ask of the kernel; `uso` is all. */
    offload: OffloadLevel;
    threads: Threads;
    limits: Limits;
    config: CoreConfig;
  }) => Dataplane;
  Simulator: new (options: { limits: Limits; config: CoreConfig; seed?: number }) => Simulator;
  Netlink: new () => Netlink;
  Tester: new () => Tester;
  /**
   * Binds a socket. `onBatch` is called with how many datagrams lie in the receive slots, at least one, and returns how
   * many answers lie in the send slots. What it throws is an uncaughtException, and nothing of that batch is sent.
   * `onError` hears of what ICMP says of a `remote`: ECONNREFUSED when nobody listens there. Throws an Error with `code`
   * (EADDRINUSE, EADDRNOTAVAIL, EACCES …) and `syscall`.
   */
  UdpSocket: new (
    options: UdpSocketOptions,
    onBatch: (count: number) => number,
    onError?: (code: string) => void,
  ) => UdpSocket;
  /**
   * Opens a raw socket. `onBatch` is called with how many packets lie in the slots, at least one. What it throws is an
   * uncaughtException. Throws an Error with `code` (EPERM, ENODEV …) and `syscall`.
   */
  OspfSocket: new (
    options: OspfSocketOptions,
    onBatch: (count: number) => void,
  ) => OspfSocket;
  /**
   * Opens one. `onPacket` gets copies of packets of at most 2048 bytes, and the link address that they are from. What it
   * throws is an uncaughtException. Throws an Error with `code` (EPERM, ENODEV …) and `syscall`.
   */
  LinkSocket: new (
    options: LinkSocketOptions,
    onPacket: (packet: Uint8Array, linkSource: Uint8Array) => void,
  ) => LinkSocket;
  /**
   * Starts the thread. `onChange` gets what is new about a session's state or its neighbour's: the present state and,
   * before it, a fall from Up that the session has got over since. What it throws is an uncaughtException.
   */
  Bfd: new (
    onChange: (change: BfdChange) => void,
  ) => Bfd;
  /**
   * Starts discovery. `onChange` is called when the plan differs from before, never before this returns. Throws an Error
   * with `code` (EPERM …) and `syscall`.
   */
  Clat: new (
    options: ClatOptions,
    onChange: () => void,
  ) => Clat;
  /** A PREF64 option with its type and length (RFC 8781 §4); null where receivers ignore it. */
  readPref64(option: Uint8Array): { prefix: CorePrefix; lifetimeSeconds: number } | null;
  /** The prefixes that AAAA records of ipv4only.arpa tell (RFC 7050 §3), in their order; of at most 16 records. */
  findPref64(records: readonly string[]): CorePrefix[];
  /**
   * Connects without blocking the event loop. `done` gets the connected descriptor, or an Error with `code` and
   * `syscall` and -1; once, and never before this returns. After `cancel`, which closes the socket, it never comes.
   */
  connectTcp(
    options: TcpOptions & { address: string; port: number },
    done: (error: Error | null, fd: number) => void,
  ): { cancel(): void };
  /** A bound and listening descriptor with SO_REUSEADDR; `::` takes no IPv4. Throws an Error with `code`, `syscall`. */
  listenTcp(options: TcpOptions & { local: { address: string; port: number }; backlog: number }): number;
  /** Sets or removes (null) the MD5 key of a peer; on a listener, for the connections to come. Throws as above. */
  setTcpMd5(fd: number, peer: { address: string; key: string | null }): void;
  /** On an accepted descriptor: a listener is shared by neighbours whose limits differ. Throws as above. */
  setTcpHopLimit(fd: number, limits: TcpLimits): void;
  /** Of a connected descriptor (TCP_INFO). Throws as above. */
  tcpPath(fd: number): TcpPath;
  /**
   * The MTU of the path to an address, bytes of whole packets, as the routing table has it and ICMP has told of it; sends
   * nothing. Null for the kernel's choice. Throws an Error with `code` (ENETUNREACH, ENODEV …) and `syscall`.
   */
  pathMtu(path: { remote: string; local: string | null; device: string | null }): number;
  /**
   * A table with the entries of `base` (null: none) without those of `remove`, and with those of `add`: records of
   * EAM_REMOVE_BYTES and EAM_ADD_BYTES. Built on a thread of its own.
   */
  buildEamTable(base: EamTable | null, change: { remove: Uint8Array; add: Uint8Array }): Promise<EamBuild>;
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
