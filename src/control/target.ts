/** What the control socket speaks about. The program that starts a service hands in an object of this shape. */
import type { PrefixStatus } from '../bgp-lite/gate.js';
import type { AnnouncerService } from '../bgp-lite/service.js';
import type { ClatUplinkStatus } from '../clat/uplink.js';
import type { Prefix } from '../config/address.js';
import type { Pool4Entry, StaticBibEntry } from '../config/schema.js';
import type { Dns64Status } from '../dns64/readings.js';
import type { Explanation } from '../explain/explain.js';
import type {
  BibRow,
  CorePrefix,
  EamRow,
  Limits,
  Page,
  Pool4Row,
  Protocol,
  SessionRow,
  TableQuery,
  TableSizes,
} from '../native/addon.js';
import type { ResponderStatus } from '../responder/readings.js';
import type { TraceSource } from '../trace/stream.js';

interface ProgramStatus {
  version: string;
  pid: number;
  /** True while every worker thread runs. */
  alive: boolean;
  uptimeSeconds: number;
  /** The file behind `platypus run -c`, null for a program without one. */
  file: string | null;
  /** Null where no DNS64 server runs. */
  dns64: Dns64Status | null;
  /** Null where nothing is announced. */
  announcer: AnnouncerSummary | null;
  /** One row an uplink; null without a CLAT. */
  clat: ClatUplinkStatus[] | null;
  /** Null without a responder. */
  responder: ResponderStatus | null;
}

export interface AnnouncerSummary {
  drain: 'none' | 'draining' | 'drained';
  prefixes: PrefixStatus[];
  /** BGP sessions that are Established and OSPF neighbours that are Full, of all that there are. */
  neighborsUp: number;
  neighbors: number;
  /** OSPF interfaces of the configuration that are down. */
  interfacesDown: { version: 2 | 3; name: string; reason: string; otherVersionUp: boolean }[];
}

/** The running announcer, as the control socket sees it. */
export type AnnouncerControl = Pick<
  AnnouncerService,
  'status' | 'routes' | 'drain' | 'undrain' | 'neighbor' | 'planRestart'
>;

/** A program without a translator. */
export interface AloneStatus extends ProgramStatus {
  mode: 'clat' | 'dns64' | 'announce' | 'responder';
}

export interface TranslatorStatus extends ProgramStatus {
  mode: 'plat' | 'siit';
  /** Name of the TUN device. */
  device: string;
  offload: { checksum: boolean; tso: boolean; uso: boolean };
  workers: { count: number; steered: boolean };
  pool6: string[];
  /** `192.0.2.0/28#1024-65535`; without ports in siit. */
  pool4: string[];
  /** EAM entries, null in plat. */
  eamt: number | null;
  /** What is routed to the device and a routing protocol may announce. */
  announce: string[];
  mtu6: number;
  mtu4: number;
  sizes: TableSizes;
  /** Capacities of the tables that this translator has. */
  limits: Partial<Limits>;
}

export type StatusReport = TranslatorStatus | AloneStatus;

export interface CounterReading {
  name: string;
  /** Exact up to 2^53. */
  value: number;
  explain: string;
}

/** All that is measured, read at once. */
export interface Measures {
  status: StatusReport;
  /** As `stats`, without the latency. */
  counters: CounterReading[];
  /** Of questions answered by upstream; `counts` has one more, for the slower ones. Null without a DNS64 server. */
  upstreamLatency: { boundsMs: readonly number[]; counts: readonly number[]; sumMs: number } | null;
}

/** What an edit or reload did. */
export interface ChangeReport {
  /** One sentence for each change; empty when there was none. */
  changes: string[];
  warnings: string[];
}

/** Filters and place of an EAM listing. */
export interface EamQuery {
  v4?: CorePrefix;
  v6?: CorePrefix;
  cursor: number;
  limit: number;
}

/** What one address is translated by; null where no entry has it, so that pool6 applies. */
export interface EamLookup {
  address: string;
  entry: EamRow | null;
  counterpart: string | null;
}

/** The running service, as the control socket sees it. Methods throw PlatypusError; PLT_WRONG_MODE where it has no such table. */
export interface ControlTarget {
  status(): Promise<StatusReport>;
  stats(): Promise<CounterReading[]>;
  measures(): Promise<Measures>;
  sessions(query: TableQuery): Promise<Page<SessionRow>>;
  bib(query: TableQuery): Promise<Page<BibRow>>;
  addBib(entry: StaticBibEntry): Promise<void>;
  removeBib(entry: { protocol: Protocol; v4: string; port4: number }): Promise<void>;
  pool4(): Promise<Pool4Row[]>;
  addPool4(entry: Pool4Entry): Promise<ChangeReport>;
  /** `prefix` as `address/length`, host bits zero. */
  removePool4(prefix: string): Promise<ChangeReport>;
  eamt(query: EamQuery): Page<EamRow>;
  lookupEamt(address: string): EamLookup;
  /** `records` as `buildEamTable` takes them. */
  addEamt(records: Uint8Array): Promise<ChangeReport>;
  /** One entry by either of its prefixes, or all. */
  removeEamt(key: { v4: Prefix } | { v6: Prefix } | 'all'): Promise<ChangeReport>;
  reload(): Promise<ChangeReport>;
  /** Throws PLT_NO_ANNOUNCER. */
  announcer(): AnnouncerControl;
  /** What the translator would do with an IP packet now; nothing is sent. */
  explain(packet: Buffer): Promise<Explanation>;
  /** As the dataplane's. */
  trace: TraceSource['trace'];
  readTrace: TraceSource['readTrace'];
}
