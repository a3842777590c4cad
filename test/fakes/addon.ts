/**
 * FAKE: the native addon's contract on a host that exists only in memory. Nothing here translates a packet. It keeps
 * links, addresses and routes, writes down every call, and fails where a test asks it to.
 */
import { contains, knownPrefix, overlaps, parseAddress } from '../../src/config/address.js';
import type {
  Addon,
  AddressRow,
  BibAddResult,
  BibRow,
  Clat,
  ClatCounters,
  ClatOptions,
  ClatPlan,
  CoreConfig,
  Dataplane,
  DropEvent,
  Limits,
  LinkRow,
  Netlink,
  Page,
  Pool4Row,
  RouteRow,
  SessionRow,
  StaticBib,
  TableQuery,
  Tester,
} from '../../src/native/addon.js';
import { buildFakeEamTable } from './eamt.js';

/** An Error as the addon throws it. */
export function systemError(code: string, syscall = 'ioctl'): Error {
  return Object.assign(new Error(`${syscall}: ${code}`), { code, syscall });
}

export interface FakeHost {
  links: LinkRow[];
  addresses: AddressRow[];
  routes: RouteRow[];
  /** Every call that changes something, in order: `addRoute 192.0.2.0/28`. */
  calls: string[];
  /** Throws what the function returns, when it returns something, for a call in `calls`' form. */
  fail: (call: string) => Error | undefined;
  /** Rows the dataplane answers with. */
  sessions: SessionRow[];
  bib: BibRow[];
  counters: bigint[];
  /** The snapshot in force, null before the device is opened. */
  config: CoreConfig | null;
  limits: Limits | null;
  /** What the next call of `readEvents` answers. */
  drops: { events: DropEvent[]; lost: number };
  alive: boolean;
  /** Queries the sessions were listed with. */
  queries: TableQuery[];
  /** What `new Tester()` gives. */
  tester: () => Tester;
  /** What each CLAT was opened with; `plan` is its plan, and `change` tells of another one. */
  clats: { options: ClatOptions; plan: ClatPlan; change(plan: Partial<ClatPlan>): void }[];
  /** Open dataplanes and netlink sockets. */
  open: number;
}

/** A CLAT that has found nothing yet. */
export const SEARCHING: ClatPlan = {
  state: 'searching',
  source: 'none',
  prefixes: [],
  router: null,
  expiresInSeconds: null,
  address: null,
  sharedAddress: null,
  neighbour: false,
  ipv4: null,
  mtu6: 0,
  mtu4: 0,
  metric: 0,
  gateway: null,
  otherClat: null,
  tablesRemoved: 0,
};

const CLAT_COUNTERS: ClatCounters = {
  advertisements: 3,
  advertisements_refused: 0,
  prefixes_refused: 0,
  routers_differ: 0,
  questions: 2,
  answers: 1,
  answers_refused: 0,
  damped: 0,
  duplicates: 0,
};

/** A host with a loopback and an uplink. */
export function createFakeHost(): FakeHost {
  return {
    links: [
      { index: 1, name: 'lo', mtu: 65536, up: true },
      { index: 2, name: 'eth0', mtu: 1500, up: true },
    ],
    addresses: [
      { index: 1, address: '127.0.0.1', length: 8, scope: 254, tentative: false },
      { index: 1, address: '::1', length: 128, scope: 254, tentative: false },
      { index: 2, address: 'fe80::1', length: 64, scope: 253, tentative: false },
      { index: 2, address: '2001:db8:ffff::7', length: 64, scope: 0, tentative: true },
      { index: 2, address: '2001:db8:ffff::1', length: 64, scope: 0, tentative: false },
      { index: 2, address: '203.0.113.9', length: 24, scope: 0, tentative: false },
    ],
    routes: [
      {
        destination: '0.0.0.0',
        length: 0,
        index: 2,
        gateway: '203.0.113.1',
        table: 254,
        protocol: 3,
        metric: 0,
        kind: 'unicast',
      },
      {
        destination: '203.0.113.0',
        length: 24,
        index: 2,
        gateway: null,
        table: 254,
        protocol: 2,
        metric: 0,
        kind: 'unicast',
      },
    ],
    calls: [],
    fail: () => undefined,
    sessions: [],
    bib: [],
    counters: [0n, 5n, 2n ** 40n],
    config: null,
    limits: null,
    drops: { events: [], lost: 0 },
    alive: true,
    queries: [],
    tester: () => {
      throw new Error('the fake has no tester');
    },
    clats: [],
    open: 0,
  };
}

const prefixOf = ({ address, length }: { address: string; length: number }) => knownPrefix(`${address}/${length}`);

function matches(filter: { address: string; length: number } | undefined, text: string | null): boolean {
  if (filter === undefined) return true;
  const address = text === null ? null : parseAddress(text);
  return address !== null && contains(prefixOf(filter), address);
}

function page<Row>(rows: readonly Row[], query: TableQuery, keep: (row: Row) => boolean): Page<Row> {
  // Like the real one, a page covers `limit` slots of the table and may be empty.
  const end = query.cursor + query.limit;
  const found = rows.slice(query.cursor, end).filter(keep);
  return { rows: found, next: end < rows.length ? end : null };
}

/** The addon on that host. */
export function createFakeAddon(host: FakeHost): Addon {
  const call = (text: string) => {
    host.calls.push(text);
    const error = host.fail(text);
    if (error !== undefined) throw error;
  };

  function openNetlink(): Netlink {
    call('netlink');
    host.open++;
    const sameRoute = (route: { destination: string; length: number }) => (row: RouteRow) =>
      row.destination === route.destination && row.length === route.length;
    return {
      links: () => host.links,
      addresses: () => host.addresses,
      routes: () => host.routes,
      setLink({ name, mtuBytes }) {
        call(`setLink ${name} ${mtuBytes}`);
        const link = host.links.find((row) => row.name === name);
        if (link === undefined) throw systemError('ENODEV', 'setLink');
        Object.assign(link, { mtu: mtuBytes ?? link.mtu, up: true });
      },
      addAddress: () => call('addAddress'),
      removeAddress: () => call('removeAddress'),
      addRoute(route) {
        call(`addRoute ${route.destination}/${route.length}`);
        if (host.routes.some(sameRoute(route))) throw systemError('EEXIST', 'addRoute');
        const index = host.links.find((row) => row.name === route.name)?.index ?? 0;
        const { destination, length, gateway = null, table = 254, protocol = 4, metric = 0, kind = 'unicast' } = route;
        host.routes.push({ destination, length, index, gateway, table, protocol, metric, kind });
      },
      removeRoute(route) {
        call(`removeRoute ${route.destination}/${route.length}`);
        const at = host.routes.findIndex(sameRoute(route));
        if (at < 0) throw systemError('ESRCH', 'removeRoute');
        host.routes.splice(at, 1);
      },
      close() {
        call('netlink close');
        host.open--;
      },
    };
  }

  function openDataplane(device: string, limits: Limits, config: CoreConfig): Dataplane {
    call(`open ${device}`);
    host.open++;
    host.config = config;
    host.limits = limits;
    const link = { index: 9, name: device, mtu: 1500, up: false };
    host.links.push(link);
    return {
      device,
      offload: { checksum: true, tso: true, uso: false },
      workers: { count: 1, steered: false },
      start: () => call('start'),
      async configure(next) {
        call('configure');
        host.config = next;
      },
      async sessions(query) {
        host.queries.push(query);
        return page(host.sessions, query, (row) => {
          return (
            (query.protocol === undefined || query.protocol === row.protocol) &&
            matches(query.v6, row.v6) &&
            matches(query.v4, row.v4) &&
            (query.port4 === undefined || query.port4 === row.port4)
          );
        });
      },
      async bib(query) {
        return page(host.bib, query, (row) => {
          return (
            (query.protocol === undefined || query.protocol === row.protocol) &&
            matches(query.v6, row.v6) &&
            matches(query.v4, row.v4) &&
            (query.port4 === undefined || query.port4 === row.port4)
          );
        });
      },
      async addBib(entry): Promise<BibAddResult> {
        call(`addBib ${entry.protocol} ${entry.v4}#${entry.port4}`);
        return addTo(host, entry);
      },
      async removeBib({ protocol, v4, port4 }) {
        call(`removeBib ${protocol} ${v4}#${port4}`);
        const at = host.bib.findIndex((row) => row.protocol === protocol && row.v4 === v4 && row.port4 === port4);
        if (at >= 0) host.bib.splice(at, 1);
        return at >= 0;
      },
      async pool4(): Promise<Pool4Row[]> {
        return (host.config?.pool4 ?? []).map(({ address, portMin, portMax }) => {
          return { v4: address, portMin, portMax, hosts: 1, used: { tcp: 2, udp: 3, icmp: 4 } };
        });
      },
      async sizes() {
        const { length } = host.sessions;
        const unused = { staticBib: 0, reassembly: 0, storedSyns: 0, pathMtus: 3 };
        return { sessions: length, bib: 1, hosts: 1, ...unused, memoryBytes: 1048576 };
      },
      trace: async () => {},
      readTrace: async () => ({ records: [], lost: 0 }),
      async readEvents() {
        const { drops } = host;
        host.drops = { events: [], lost: 0 };
        return drops;
      },
      alive: () => host.alive,
      counters: () => BigUint64Array.from(host.counters),
      stop() {
        call('stop');
        host.open--;
        host.links = host.links.filter((row) => row !== link);
        // The kernel removes a device's routes with it.
        host.routes = host.routes.filter((row) => row.index !== link.index);
      },
    };
  }

  function openClat(options: ClatOptions, onChange: () => void): Clat {
    const clat = {
      options,
      plan: SEARCHING,
      change(plan: Partial<ClatPlan>) {
        clat.plan = { ...clat.plan, ...plan };
        onChange();
      },
    };
    call(`clat ${options.uplink}`);
    host.clats.push(clat);
    return {
      plan: () => clat.plan,
      counters: () => CLAT_COUNTERS,
      attach: ({ device, table }) => call(`attach ${device} ${table}`),
      detach: () => call('detach'),
      watchTables: () => call('watch tables'),
      close: () => call('close clat'),
    };
  }

  return {
    Dataplane: function Open({ device, limits, config }: { device: string; limits: Limits; config: CoreConfig }) {
      return openDataplane(device, limits, config);
    } as unknown as Addon['Dataplane'],
    Netlink: function Open() {
      return openNetlink();
    } as unknown as Addon['Netlink'],
    LinkSocket: function Open() {
      throw new Error('the fake has no link sockets');
    } as unknown as Addon['LinkSocket'],
    Simulator: function Open() {
      throw new Error('the fake has no simulator');
    } as unknown as Addon['Simulator'],
    Tester: function Open() {
      return host.tester();
    } as unknown as Addon['Tester'],
    UdpSocket: function Open() {
      throw new Error('the fake has no UDP sockets');
    } as unknown as Addon['UdpSocket'],
    OspfSocket: function Open() {
      throw new Error('the fake has no OSPF sockets');
    } as unknown as Addon['OspfSocket'],
    Bfd: function Open() {
      throw new Error('the fake has no BFD');
    } as unknown as Addon['Bfd'],
    Clat: function Open(options: ClatOptions, onChange: () => void) {
      return openClat(options, onChange);
    } as unknown as Addon['Clat'],
    readPref64: () => null,
    findPref64: () => [],
    connectTcp: () => {
      throw new Error('the fake has no TCP sockets');
    },
    listenTcp: () => {
      throw new Error('the fake has no TCP sockets');
    },
    setTcpMd5: () => {},
    setTcpHopLimit: () => {},
    tcpPath: () => ({ sendMss: 1460, announcedMss: 1460, pathMtu: 1500, timestamps: false }),
    pathMtu: () => 1500,
    buildEamTable: buildFakeEamTable,
    counters: [
      { name: 'drop.v6.no_session', explain: 'IPv6 packets without a session (RFC 6146 §3.5).' },
      { name: 'translated.v6_to_v4', explain: 'Packets translated from IPv6 to IPv4.' },
      { name: 'bytes.v6_to_v4', explain: 'Bytes of them.' },
    ],
  };
}

function addTo(host: FakeHost, entry: StaticBib): BibAddResult {
  const same = (row: BibRow, side: 4 | 6) =>
    row.protocol === entry.protocol &&
    (side === 4 ? row.v4 === entry.v4 && row.port4 === entry.port4 : row.v6 === entry.v6 && row.port6 === entry.port6);
  const pools = host.config?.pool4 ?? [];
  if (!pools.some((pool) => overlaps(prefixOf(pool), knownPrefix(`${entry.v4}/32`)))) return 'not-in-pool4';
  const holder = host.bib.find((row) => same(row, 4));
  if (holder !== undefined) return same(holder, 6) ? 'exists' : 'v4-taken';
  if (host.bib.some((row) => same(row, 6))) return 'v6-taken';
  host.bib.push({ ...entry, static: true, sessions: 0 });
  return 'ok';
}

/** A session of a customer, number `index`. */
export function fakeSession(index: number): SessionRow {
  return {
    protocol: 'tcp',
    v6: `2001:db8:1::${(index % 65535).toString(16)}`,
    port6: 40_000,
    remote6: '64:ff9b::808:808',
    v4: '198.51.100.1',
    port4: 1024 + (index % 60_000),
    remote4: '8.8.8.8',
    remotePort: 443,
    state: 'ESTABLISHED',
    expiresInSeconds: 7199,
  };
}
