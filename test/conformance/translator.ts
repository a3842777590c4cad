/** The native core on a port in memory, with a clock that stands until a test moves it. */
import { expect } from 'vitest';
import {
  type BibRow,
  type CoreConfig,
  type EamBuild,
  type EamTable,
  type Limits,
  loadAddon,
  type Offload,
  type Protocol,
  type SessionRow,
  type SimulatedPacket,
  type Simulator,
} from '../../src/native/addon.js';
import { addressBytes, addressText, type Read, read } from './packets.js';

export const addon = loadAddon();

/** RFC 6146's defaults, one prefix, one pool4 address with the ports from 1024. */
export const stateful: CoreConfig = {
  mode: 'nat64',
  pool6: [{ address: '2001:db8:64::', length: 96 }],
  pool4: [{ address: '192.0.2.1', length: 32, portMin: 1024, portMax: 65_535 }],
  staticBib: [],
  mtu6: 1500,
  mtu4: 1500,
  lowestIpv6Mtu: 1280,
  addressDependentFiltering: { tcp: false, udp: false, icmp: false },
  dropInboundTcp: false,
  allowNonGlobal: false,
  udpZeroChecksum: 'compute',
  trafficClass: null,
  tos: null,
  timeoutsSeconds: { udp: 300, tcpEstablished: 7200, tcpTransitory: 240, tcpIncomingSyn: 6, icmp: 60, fragment: 2 },
  mssClamp: 0,
  plateaus: [65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68],
  siit: {
    eamt: null,
    hairpin: 'intrinsic',
    denylist4: [],
    sources4: null,
    eamSources: false,
    rfc6791v4: [],
    rfc6791v6: null,
    rfc6791Pick: 'random',
    rfc6791Extension: 'none',
  },
  icmpErrors: { ratePerSecond: 100, burst: 100 },
  icmpSource4: null,
  icmpSource6: null,
};

/** What makes a stateless translator of it: every packet by itself, addresses by the same prefix. */
export const stateless = { mode: 'siit', pool4: [] } as const;

/** `stateful.siit` with some of it changed. */
export function siit(change: Partial<CoreConfig['siit']>): Pick<CoreConfig, 'siit'> {
  return { siit: { ...stateful.siit, ...change } };
}

export const small: Limits = { sessions: 1024, bib: 1024, hosts: 256, reassembly: 16, storedSyns: 16, pathMtus: 64 };

/** `address` as `prefix`, a /96, shows it. */
export function through(address: string, prefix = '2001:db8:64::'): string {
  return addressText(Buffer.concat([addressBytes(prefix).subarray(0, 12), addressBytes(address)]));
}

/** A prefix of either family; without a length it is one address. */
export function prefixOf(text: string): { address: string; length: number } {
  const [address = '', length] = text.split('/');
  return { address, length: length === undefined ? addressBytes(address).length * 8 : Number(length) };
}

/** What the core says to a table of these entries, IPv4 prefix and IPv6 prefix each. */
export function buildEamt(...entries: (readonly [v4: string, v6: string])[]): Promise<EamBuild> {
  const records = entries.flatMap((entry) =>
    entry.map(prefixOf).flatMap(({ address, length }) => [addressBytes(address), Buffer.of(length)]),
  );
  return addon.buildEamTable(null, { remove: Buffer.alloc(0), add: Buffer.concat(records) });
}

/** The table of these entries; fails where the core refuses one. */
export async function eamTable(...entries: (readonly [v4: string, v6: string])[]): Promise<EamTable> {
  const built = await buildEamt(...entries);
  if (!('table' in built)) throw new Error(`refused: ${built.refused} in entry ${built.index}`);
  return built.table;
}

export type Sent = Read & { offload: Offload };

const sent = ({ packet, offload }: SimulatedPacket): Sent => ({ ...read(packet), offload });

export interface Translator {
  readonly simulator: Simulator;
  readonly config: CoreConfig;
  /** Milliseconds. */
  now(): number;
  /** Lets seconds pass; what timers sent meanwhile. */
  wait(seconds: number): Sent[];
  /** What came of a packet. */
  send(packet: Buffer, offload?: Partial<Offload>): Sent[];
  /** The one packet that came of a packet; fails where there are none or several, or its checksums are wrong. */
  pass(packet: Buffer): Sent;
  /** The `drop.…` counters that a packet moved; fails where anything was sent. */
  drop(packet: Buffer): string[];
  /** The ICMP error that a packet was answered with; fails where there is none, or something else. */
  refuse(packet: Buffer): Sent;
  sessions(protocol?: Protocol): SessionRow[];
  bib(protocol?: Protocol): BibRow[];
  /** The only session; fails where there are none or several. */
  session(): SessionRow;
  counter(name: string): number;
  configure(change: Partial<CoreConfig>): void;
}

export function translator(
  change: Partial<CoreConfig> = {},
  limits: Partial<Limits> = {},
  { seed = 1 }: { seed?: number } = {},
): Translator {
  let config = { ...stateful, ...change };
  const simulator = new addon.Simulator({ limits: { ...small, ...limits }, config, seed });
  let now = 1_000_000;
  const counters = () => {
    const values = simulator.counters();
    return new Map(addon.counters.map(({ name }, i) => [name, Number(values[i])]));
  };

  function* pages<Row>(page: (cursor: number) => { rows: Row[]; next: number | null }): Generator<Row> {
    for (let cursor: number | null = 0; cursor !== null; ) {
      const { rows, next } = page(cursor);
      yield* rows;
      cursor = next;
    }
  }
  const rows = {
    sessions: (protocol?: Protocol) => [
      ...pages((cursor) => simulator.sessions({ ...(protocol && { protocol }), cursor, limit: 4096 })),
    ],
    bib: (protocol?: Protocol) => [
      ...pages((cursor) => simulator.bib({ ...(protocol && { protocol }), cursor, limit: 4096 })),
    ],
  };
  const send = (packet: Buffer, offload?: Partial<Offload>) => simulator.inject(packet, now, offload).map(sent);

  return {
    simulator,
    get config() {
      return config;
    },
    now: () => now,
    wait(seconds) {
      now += seconds * 1000;
      return simulator.advance(now).map(sent);
    },
    send,
    pass(packet) {
      const before = counters();
      const [first, ...others] = send(packet);
      if (first === undefined) {
        const moved = [...counters()].filter(([name, value]) => value !== before.get(name)).map(([name]) => name);
        throw new Error(`nothing was sent: ${moved.join(', ')}`);
      }
      expect(others).toEqual([]);
      expect(first.valid).toBe(true);
      return first;
    },
    drop(packet) {
      const before = counters();
      expect(send(packet).map(({ bytes }) => bytes.toString('hex'))).toEqual([]);
      return [...counters()]
        .filter(([name, value]) => name.startsWith('drop.') && value !== before.get(name))
        .map(([name]) => name);
    },
    refuse(packet) {
      const [first, ...others] = send(packet);
      expect(others).toEqual([]);
      if (first === undefined) throw new Error('no answer');
      expect(first.version).toBe(read(packet).version);
      expect(first.destination).toBe(read(packet).source);
      expect(first.valid).toBe(true);
      return first;
    },
    ...rows,
    session() {
      const [only, ...others] = rows.sessions();
      expect(others).toEqual([]);
      if (only === undefined) throw new Error('no session');
      return only;
    },
    counter: (name) => counters().get(name) ?? Number.NaN,
    configure(changed) {
      config = { ...config, ...changed };
      simulator.configure(config, now);
    },
  };
}

/** X': an IPv6 host, and a neighbour of it. */
export const host = '2001:db8:1::a';
export const neighbour = '2001:db8:1::b';
/** Z: IPv4 servers. */
export const server = '198.51.100.7';
export const stranger = '203.0.113.9';
/** T: the one pool4 address of `stateful`. */
export const pool = '192.0.2.1';
/** From the host to the server, and from the server to the pool4 address. */
export const outward = { source: host, destination: through(server) };
export const inward = { source: server, destination: pool };
