/**
 * The state that a packet meets in a NAT64: which BIB entries and sessions could be its own, how to find them in a
 * running translator, and how to put them into a fresh one.
 */
import type {
  BibRow,
  CoreConfig,
  Page,
  Protocol,
  SessionRow,
  Simulator,
  StaticBib,
  TableQuery,
} from '../native/addon.js';
import { portOf } from './addresses.js';
import { buildPacket } from './build.js';
import { DEFAULTS, type Description } from './description.js';
import type { Packet } from './packet.js';
import { covers, extract } from './rfc6052.js';

/** What is known about a packet's flow; empty for a packet that nobody has seen before. */
export interface KnownFlow {
  bib: BibRow[];
  sessions: SessionRow[];
  /** Another binding of the IPv6 host: a new one gets the same pool4 address (RFC 6888 REQ-2). */
  paired: BibRow | null;
}

/** Nothing is known. */
export const UNKNOWN_FLOW: KnownFlow = { bib: [], sessions: [], paired: null };

/** One side of a binding, and the other end of its session where the packet names one. */
export interface FlowEnd {
  protocol: Protocol;
  side: 6 | 4;
  address: string;
  port: number;
  remote: { address: string; port: number } | null;
}

/** The tables of a running translator or of a simulator. */
export interface Tables {
  bib(query: TableQuery): Promise<Page<BibRow>>;
  sessions(query: TableQuery): Promise<Page<SessionRow>>;
}

/** A page looks at 8192 records: enough of them for a table of 67 million. */
const MAX_PAGES = 8192;
const PAGE_ROWS = 4096;

/** The bindings that a packet would be translated by, were they there. */
export function flowEnds(packet: Packet, config: CoreConfig): FlowEnd[] {
  if (config.mode !== 'nat64') return [];
  const { transport } = packet;
  // An error is about the packet that it quotes, which went the other way.
  const quoted = transport?.kind === 'icmp' ? (transport.error?.quoted ?? null) : null;
  const subject = quoted ?? packet;
  const [near, far] =
    (quoted === null) === (packet.family === 6)
      ? (['source', 'destination'] as const)
      : (['destination', 'source'] as const);
  const protocol = subject.transport?.kind;
  const [nearPort, farPort] = [portOf(subject, near), portOf(subject, far)];
  if (protocol === undefined || nearPort === null || farPort === null) return [];
  if (packet.family === 4) {
    const remote = { address: subject[far], port: farPort };
    return [{ protocol, side: 4, address: subject[near], port: nearPort, remote }];
  }
  const remote4 = firstExtract(config, subject[far]);
  const remote = remote4 === null ? null : { address: remote4, port: farPort };
  const ends: FlowEnd[] = [{ protocol, side: 6, address: subject[near], port: nearPort, remote }];
  if (remote4 !== null && config.pool4.some((pool) => covers(pool, remote4))) {
    ends.push({ protocol, side: 4, address: remote4, port: farPort, remote: null });
  }
  return ends;
}

function firstExtract(config: CoreConfig, address: string): string | null {
  for (const prefix of config.pool6) {
    const found = extract(prefix, address);
    if (found !== null) return found;
  }
  return null;
}

/** Asks the tables for these ends. */
export async function findFlow(tables: Tables, ends: readonly FlowEnd[]): Promise<KnownFlow> {
  const known: KnownFlow = { bib: [], sessions: [], paired: null };
  for (const end of ends) {
    const query = queryOf(end);
    const row = await first(
      (page) => tables.bib({ ...query, ...page }),
      () => true,
    );
    if (row === null) {
      if (end.side === 6) known.paired = await hostBinding(tables, end.address);
      continue;
    }
    known.bib.push(row);
    const { remote } = end;
    if (remote === null) continue;
    const remote4 = { address: remote.address, length: 32 };
    const session = await first(
      (page) => tables.sessions({ ...query, remote4, ...page }),
      (one) => end.protocol === 'icmp' || one.remotePort === remote.port,
    );
    if (session !== null) known.sessions.push(session);
  }
  return known;
}

function hostBinding(tables: Tables, host: string): Promise<BibRow | null> {
  const v6 = { address: host, length: 128 };
  return first(
    (page) => tables.bib({ v6, ...page }),
    () => true,
  );
}

function queryOf({
  protocol,
  side,
  address,
  port,
}: FlowEnd): Pick<TableQuery, 'protocol' | 'v6' | 'port6' | 'v4' | 'port4'> {
  return side === 6
    ? { protocol, v6: { address, length: 128 }, port6: port }
    : { protocol, v4: { address, length: 32 }, port4: port };
}

async function first<Row>(
  ask: (page: { cursor: number; limit: number }) => Promise<Page<Row>>,
  wanted: (row: Row) => boolean,
): Promise<Row | null> {
  let cursor: number | null = 0;
  for (let pages = 0; cursor !== null && pages < MAX_PAGES; pages++) {
    const page: Page<Row> = await ask({ cursor, limit: PAGE_ROWS });
    const row = page.rows.find(wanted);
    if (row !== undefined) return row;
    cursor = page.next;
  }
  return null;
}

/** The static entries of a configuration among these ends. */
export function staticFlow(entries: readonly StaticBib[], ends: readonly FlowEnd[]): KnownFlow {
  const isEnd = (entry: StaticBib) =>
    ends.some(({ protocol, side, address, port }) => {
      if (protocol !== entry.protocol) return false;
      return side === 6 ? entry.v6 === address && entry.port6 === port : entry.v4 === address && entry.port4 === port;
    });
  return { ...UNKNOWN_FLOW, bib: entries.filter(isEnd).map((entry) => ({ ...entry, static: true, sessions: 0 })) };
}

/** Puts a flow into a fresh translator. Returns what could not be carried over, as sentences. */
export function restoreFlow(simulator: Simulator, known: KnownFlow, nowMs: number): string[] {
  const notes: string[] = [];
  for (const row of known.paired === null ? known.bib : [...known.bib, known.paired]) {
    const { protocol, v6, port6, v4, port4 } = row;
    const result = simulator.addBib({ protocol, v6, port6, v4, port4 });
    if (result !== 'ok' && result !== 'exists') {
      notes.push(`the BIB entry ${v6}#${port6} with ${v4}#${port4} is left out here: ${result}`);
    }
  }
  for (const session of known.sessions) {
    for (const packet of openingPackets(session)) simulator.inject(packet, nowMs);
  }
  return notes;
}

/** Packets that bring a fresh translator to where the session is, as far as translating depends on it. */
function openingPackets(session: SessionRow): Buffer[] {
  const { protocol, v6, port6, remote6, remotePort, v4, port4, remote4, state } = session;
  if (v6 === null) return [];
  const common = { protocol, ...DEFAULTS };
  const outward = (flags: string[]): Description => ({
    ...common,
    family: 6,
    source: v6,
    destination: remote6,
    ports: protocol === 'icmp' ? null : { source: port6, destination: remotePort },
    flags,
    icmp: protocol === 'icmp' ? { kind: 'echo', identifier: port6, sequence: 1 } : null,
  });
  const inward = (flags: string[]): Description => ({
    ...common,
    family: 4,
    source: remote4,
    destination: v4,
    ports: { source: remotePort, destination: port4 },
    flags,
    icmp: null,
  });
  if (protocol !== 'tcp') return [buildPacket(outward([]))];
  if (state === 'V4_INIT') return [buildPacket(inward(['SYN']))];
  const opening = [buildPacket(outward(['SYN']))];
  if (state !== 'V6_INIT') opening.push(buildPacket(inward(['SYN', 'ACK'])));
  return opening;
}
