/** What the control socket speaks about. The program that starts a service hands in an object of this shape. */
import type { Pool4Entry, StaticBibEntry } from '../config/schema.js';
import type { BibRow, Page, Pool4Row, Protocol, SessionRow, TableQuery, TableSizes } from '../native/addon.js';

export interface StatusReport {
  version: string;
  pid: number;
  /** Name of the TUN device. */
  device: string;
  offload: { checksum: boolean; tso: boolean; uso: boolean };
  /** True while every worker thread runs. */
  alive: boolean;
  uptimeSeconds: number;
  /** The file behind `platypus run -c`, null for `platypus plat`. */
  file: string | null;
  pool6: string[];
  /** `192.0.2.0/28#1024-65535`. */
  pool4: string[];
  mtu6: number;
  mtu4: number;
  sizes: TableSizes;
  limits: { sessions: number; bib: number; hosts: number; reassembly: number; storedSyns: number };
}

export interface CounterReading {
  name: string;
  /** Exact up to 2^53. */
  value: number;
  explain: string;
}

/** What an edit or reload did. */
export interface ChangeReport {
  /** One sentence for each change; empty when there was none. */
  changes: string[];
  warnings: string[];
}

/** The running service, as the control socket sees it. Methods throw PlatypusError. */
export interface ControlTarget {
  status(): Promise<StatusReport>;
  stats(): CounterReading[];
  sessions(query: TableQuery): Promise<Page<SessionRow>>;
  bib(query: TableQuery): Promise<Page<BibRow>>;
  addBib(entry: StaticBibEntry): Promise<void>;
  removeBib(entry: { protocol: Protocol; v4: string; port4: number }): Promise<void>;
  pool4(): Promise<Pool4Row[]>;
  addPool4(entry: Pool4Entry): Promise<ChangeReport>;
  /** `prefix` as `address/length`, host bits zero. */
  removePool4(prefix: string): Promise<ChangeReport>;
  reload(): Promise<ChangeReport>;
}
