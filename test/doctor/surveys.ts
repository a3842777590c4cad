/** Surveys of three hosts where all is well: tests change one thing at a time. Each call makes a new one. */
import type { ClatUplinkStatus } from '../../src/clat/uplink.js';
import type { StatusReport, TranslatorStatus } from '../../src/control/target.js';
import type { ReachFacts } from '../../src/doctor/probes/facts.js';
import type { Advertisement } from '../../src/doctor/survey/advertisement.js';
import type { HostAddress, Link, Machine, Route } from '../../src/doctor/survey/machine.js';
import type { ResolverView } from '../../src/doctor/survey/resolvers.js';
import type { Survey } from '../../src/doctor/survey/survey.js';

export const PREFIX = '64:ff9b::/96';
export const CLAT_ADDRESS = '2001:db8:1:1:8d2:c0a8:19b3:77aa';

export function link(name: string, change: Partial<Link> = {}): Link {
  return { name, mtuBytes: 1500, up: true, carrier: true, kind: '', linkAddress: '02:00:00:00:00:01', ...change };
}

export function address(device: string, text: string, change: Partial<HostAddress> = {}): HostAddress {
  const [base = '', length = ''] = text.split('/');
  return {
    device,
    family: base.includes(':') ? 6 : 4,
    address: base,
    length: Number(length),
    scope: 'global',
    tentative: false,
    duplicate: false,
    deprecated: false,
    ...change,
  };
}

export function route(family: 4 | 6, device: string, change: Partial<Route> = {}): Route {
  return { family, device, gateway: null, protocol: 'static', metric: 100, table: 'main', mtuBytes: null, ...change };
}

export function advertisement(router: string, change: Partial<Advertisement> = {}): Advertisement {
  return {
    router,
    lifetimeSeconds: 1800,
    managed: false,
    other: false,
    mtuBytes: null,
    prefixes: [
      { prefix: '2001:db8:1:1::/64', onLink: true, autonomous: true, validSeconds: 86_400, preferredSeconds: 14_400 },
    ],
    pref64: [{ prefix: PREFIX, lifetimeSeconds: 1800 }],
    refusedPref64: 0,
    resolvers: [{ address: '2001:db8:1:1::1', lifetimeSeconds: 1800 }],
    ...change,
  };
}

export function resolver(server: string, change: Partial<ResolverView> = {}): ResolverView {
  return { server, from: 'advertisement', prefixes: [PREFIX], strangers: 0, failure: null, tookMs: 3, ...change };
}

/** What one uplink's CLAT says of itself while it runs. */
export function clatRow(change: Partial<ClatUplinkStatus> = {}): ClatUplinkStatus {
  return {
    uplink: 'eth0',
    device: 'clat',
    state: 'running',
    words: 'runs: PREF64 64:ff9b::/96',
    source: 'router',
    prefixes: [PREFIX],
    router: 'fe80::1',
    expiresInSeconds: 1700,
    address: CLAT_ADDRESS,
    sharedAddress: null,
    ipv4: '192.0.0.1',
    metric: 2048,
    mtu4: 1472,
    ...change,
  };
}

export const PROGRAM: Omit<StatusReport, 'mode'> & { mode: 'clat' } = {
  version: '0.1.0',
  pid: 7,
  alive: true,
  uptimeSeconds: 600,
  file: '/etc/platypus/platypus.yaml',
  dns64: null,
  announcer: null,
  responder: null,
  clat: null,
  mode: 'clat',
};

/** A PLAT that answers. */
export function translator(change: Partial<TranslatorStatus> = {}): TranslatorStatus {
  return {
    ...PROGRAM,
    mode: 'plat',
    device: 'platypus',
    offload: { checksum: true, tso: true, uso: true },
    workers: { count: 1, steered: false },
    pool6: [PREFIX],
    pool4: ['192.0.2.0/28#1024-65535'],
    eamt: null,
    announce: ['192.0.2.0/28'],
    mtu6: 1500,
    mtu4: 1480,
    sizes: {
      sessions: 10,
      bib: 10,
      staticBib: 0,
      hosts: 3,
      reassembly: 0,
      storedSyns: 0,
      pathMtus: 0,
      memoryBytes: 1_048_576,
    },
    limits: { sessions: 1000, bib: 1000, hosts: 100 },
    ...change,
  };
}

function machine(change: Partial<Machine>): Machine {
  return {
    links: [],
    addresses: [],
    defaults: [],
    rules: [],
    neighbours: [],
    proxies: [],
    settings: {},
    firewall: { closing: [], ownTables: [], failure: null },
    features: {},
    clockSynchronised: true,
    failures: [],
    ...change,
  };
}

/** The host as the responder sees it. */
export const mapped = { address: '192.0.2.9', port: 20_525 };

/** What a responder says of a way without fault. */
export const healthyReach: ReachFacts = {
  responder: { address: '203.0.113.5', port: 3478 },
  source: null,
  device: null,
  icmp: { answered: true, milliseconds: 0.19, error: null },
  tcp: {
    connected: true,
    error: null,
    milliseconds: 12.3,
    answered: true,
    mapped,
    sendMssUp: 1432,
    sendMssDown: 1440,
    announcedMss: 1432,
  },
  udp: {
    answered: true,
    milliseconds: 7.6,
    local: { address: '0.0.0.0', port: 46_775 },
    mapped,
    rewritten: false,
    other: { address: '203.0.113.6', port: 3479 },
    otherPort: 3479,
    asks: true,
  },
  fragments: { bytes: 4028, up: true, down: true },
  zeroChecksum: { bytes: 148, up: true, down: true },
  pathMtuUp: { bytes: 1472, triedBytes: 1500, toldBytes: null, own: true },
  pathMtuDown: { bytes: 1480, triedBytes: 1500, toldBytes: 1480, own: false },
  mapping: { behaviour: 'endpoint-independent', addresses: true, mapped: [mapped, mapped] },
  filtering: { behaviour: 'endpoint-independent', addresses: true },
  hairpin: { works: true },
  ports: { sockets: 3, preserved: 0, parity: 3 },
};

/** A CLAT on eth0 with a LAN behind it. */
export function clatHost(): Survey {
  return {
    takenAt: '2026-11-22T00:00:00.000Z',
    role: 'clat',
    uplinks: ['eth0'],
    status: { ...PROGRAM, clat: [clatRow()] },
    statusFailure: null,
    statusDenied: false,
    expectations: { lan: { mode: 'nat44', networks: [], device: 'clat' }, pool4: [], queryLog: null },
    machine: machine({
      links: [
        link('lo', { linkAddress: '', mtuBytes: 65_536 }),
        link('eth0'),
        link('br-lan', { kind: 'bridge' }),
        link('clat', { kind: 'tun', linkAddress: '' }),
      ],
      addresses: [
        address('lo', '127.0.0.1/8', { scope: 'host' }),
        address('eth0', 'fe80::2/64', { scope: 'link' }),
        address('eth0', '2001:db8:1:1::2/64'),
        address('br-lan', '192.168.1.1/24'),
        address('clat', '192.0.0.1/32'),
      ],
      defaults: [
        route(6, 'eth0', { gateway: 'fe80::1', protocol: 'ra', metric: 1024 }),
        route(4, 'clat', { metric: 2048, mtuBytes: 1472 }),
      ],
      rules: [
        { family: 4, priority: 0, table: 'local', selective: false },
        { family: 4, priority: 32_766, table: 'main', selective: false },
      ],
      neighbours: [{ device: 'eth0', address: 'fe80::1', state: 'REACHABLE', linkAddress: '02:00:00:00:00:02' }],
      proxies: [{ device: 'eth0', address: CLAT_ADDRESS, state: '', linkAddress: '' }],
      settings: {
        'net.ipv4.ip_forward': '1',
        'net.ipv6.conf.all.forwarding': '1',
        'net.ipv6.conf.all.proxy_ndp': '1',
        'net.ipv6.conf.eth0.accept_ra': '2',
        'net.ipv6.conf.eth0.forwarding': '1',
        'net.ipv6.conf.eth0.disable_ipv6': '0',
        'net.ipv4.conf.all.rp_filter': '0',
        'net.ipv4.conf.clat.rp_filter': '0',
      },
      firewall: { closing: [], ownTables: ['ip platypus_clat'], failure: null },
      features: { eth0: { 'large-receive-offload': false, 'rx-gro-list': false } },
    }),
    links: [{ device: 'eth0', routers: [advertisement('fe80::1')], refused: 0, failure: null }],
    resolvers: [resolver('2001:db8:1:1::1')],
    prefix: PREFIX,
    clats: [
      {
        uplink: 'eth0',
        device: 'clat',
        address: CLAT_ADDRESS,
        sharedAddress: null,
        claimants: [],
        literal: { device: 'clat', gateway: null, table: 'main', mtuBytes: 1472, local: false },
        translated: { device: 'eth0', gateway: 'fe80::1', table: 'main', mtuBytes: null, local: false },
        answer: { device: 'clat', gateway: null, table: 'main', mtuBytes: null, local: false },
      },
    ],
    responder: { address: '203.0.113.5', port: 3478, name: 'nat64.example.net' },
    nat64: { address6: '2001:db8:64::cb00:7105', answered: true, error: null },
    reach: healthyReach,
    whyNotReached: null,
    poolReturns: [],
    logs: [],
  };
}

/** A PLAT that announces itself and does DNS64. */
export function platHost(): Survey {
  return {
    ...plainHost(),
    role: 'plat',
    uplinks: [],
    status: translator({
      dns64: {
        listening: ['udp ::#53'],
        alive: true,
        ready: true,
        openQuestions: 0,
        cache: { entries: 0, usedBytes: 0, capacityBytes: 1_048_576 },
        upstream: [
          { server: '192.0.2.53', transport: 'udp', srttMs: 3, dead: false },
          { server: '198.51.100.53', transport: 'udp', srttMs: 3, dead: false },
        ],
      },
      announcer: {
        drain: 'none',
        prefixes: [{ prefix: '192.0.2.0/28', state: 'announced', reasons: [], sinceMs: 0 }],
        neighborsUp: 2,
        neighbors: 2,
        interfacesDown: [],
      },
    }),
    statusFailure: null,
    statusDenied: false,
    expectations: { lan: null, pool4: ['192.0.2.0/28'], queryLog: '/var/log/queries.json' },
    machine: machine({
      links: [link('eth0'), link('eth1'), link('platypus', { kind: 'tun', linkAddress: '' })],
      addresses: [address('eth0', '2001:db8::2/64'), address('eth1', '203.0.113.2/24')],
      defaults: [route(4, 'eth1', { gateway: '203.0.113.1' }), route(6, 'eth0', { gateway: 'fe80::1' })],
      settings: {
        'net.ipv4.ip_forward': '1',
        'net.ipv6.conf.all.forwarding': '1',
        'net.ipv4.conf.all.rp_filter': '0',
        'net.ipv4.conf.platypus.rp_filter': '0',
      },
      features: { eth0: { 'large-receive-offload': false }, eth1: { 'rx-gro-list': false } },
    }),
    links: [],
    responder: null,
    nat64: null,
    reach: null,
    whyNotReached: 'a PLAT is not its own customer',
    poolReturns: [{ address: '192.0.2.15', router: '203.0.113.1', cameBackBy: 'eth1', failure: null }],
    logs: [{ name: '/var/log/queries.json', failure: null, freeBytes: 2 ** 34 }],
  };
}

/** A host without Platypus on a network with DNS64. */
export function plainHost(): Survey {
  return {
    ...clatHost(),
    role: 'host',
    status: null,
    statusFailure: 'found no translator at /run/platypus/control.sock',
    statusDenied: false,
    expectations: null,
    machine: machine({
      links: [link('eth0')],
      addresses: [address('eth0', '2001:db8:1:1::2/64')],
      defaults: [route(6, 'eth0', { gateway: 'fe80::1', protocol: 'ra', metric: 1024 })],
      neighbours: [{ device: 'eth0', address: 'fe80::1', state: 'REACHABLE', linkAddress: '02:00:00:00:00:02' }],
      settings: { 'net.ipv6.conf.all.forwarding': '0', 'net.ipv6.conf.eth0.accept_ra': '1' },
      features: { eth0: { 'large-receive-offload': false } },
    }),
    clats: [],
    reach: null,
    whyNotReached: 'this host has no IPv4 default route: neither a CLAT nor native IPv4',
  };
}
