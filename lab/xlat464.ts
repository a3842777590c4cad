/**
 * A 464XLAT network: IPv4-only and IPv6-only customers on an access network that has IPv6 alone, and the Internet of both
 * families behind it.
 *
 *     customer ─ home ─┐                 ╭────── plat ──────╮       ╭─ server
 *     phone ───────────┼─ access network ┤                  internet┤
 *     neighbour ───────┘    (access)     ╰──────────────────╯       ╰─ server6
 *
 * `customer` has IPv4 alone and `home` is its router: CLAT, NAT44, DNS forwarder. `phone` has IPv6 alone, `neighbour` a CLAT
 * of its own. `access` advertises prefix, PREF64 and resolver; `plat` translates, is the DNS64 server, and announces pool6 to
 * `access` by OSPFv3 and pool4 to `internet` by BGP, of which it learns its default route. Native IPv6 passes it by.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Access, createAccess, GATEWAY } from './advertising.js';
import { type Running, startClat } from './clat.js';
import { eventually } from './eventually.js';
import { cable, forward, type Host, openHost } from './host.js';
import { server6, startUnbound } from './names.js';
import { type Plat, root, startPlat } from './plat.js';
import { type Router, startBird } from './routers.js';
import { pool4, pool6, server4, through } from './topology.js';
import { httpPort, serve, startServers } from './traffic.js';

export const customer4 = '192.168.1.10';
export const home4 = '192.168.1.1';
/** The PLAT's address on the access side, where its DNS64 server listens. */
export const dns64 = '2001:db8:f0::1';
/** Prefix of the access network. */
export const link = '2001:db8:1:1::/64';
/** Where the neighbour's HTTP server is on the IPv4 Internet, by a static binding. */
export const published4 = '192.0.2.5';

const NAMES = ['customer', 'home', 'phone', 'neighbour', 'access', 'plat', 'internet', 'server', 'server6'] as const;
export type Name = (typeof NAMES)[number];

export interface Xlat464 {
  readonly hosts: Readonly<Record<Name, Host>>;
  readonly access: Access;
  /** The CLAT of the customer's router, and the one of the neighbour. */
  readonly home: Running;
  readonly neighbour: Running;
  readonly plat: Plat;
  readonly inside: Router;
  readonly outside: Router;
  /** What the routers' advertisements gave them. */
  readonly phone6: string;
  /** Source of all that a CLAT translates. */
  readonly homeClat6: string;
  readonly neighbourClat6: string;
  readonly resolvers: Readonly<Record<'home' | 'phone', string>>;
  readonly folder: string;
  /** One more host, which goes with the network. */
  open(name: string): Promise<Host>;
  /** Ends every host with its processes and removes the folder. May be called twice. */
  close(): Promise<void>;
}

export interface Xlat464Options {
  /** Prefixes that the PLAT serves beside the one that is advertised. */
  morePool6?: readonly string[];
  /** Ends the network, also while it is being built. */
  signal?: AbortSignal;
}

/** Who answers customers' doctors: a name of the NAT64 (RFC 7050 §3.2), and an address of the PLAT's host. */
const PUBLISHED = `${through('192.0.0.170')} nat64.example.net
203.0.113.1 nat64.example.net
`;

/** Lines of the PLAT's file. */
const platConfig = (more: readonly string[], names: string) => `plat:
  pool6: [ ${[pool6, ...more].map((prefix) => `"${prefix}"`).join(', ')} ]
  pool4: ${pool4}
dns64:
  pool6: ${pool6}
  listen: "${dns64}#53"
  upstream: ${server4}
  clients: 2001:db8::/32
  hosts: ${names}
responder:
  listen: 203.0.113.1
announce:
  routerId: 203.0.113.1
  hold: 0
  ospf:
    interface: access
    versions: [ 3 ]
    type: point-to-point
    hello: 1
    dead: 4
  bgp:
    neighbor: 203.0.113.2
    name: internet
    remoteAs: 65010
    localAs: 65002
    connectRetry: 1
    advertisementInterval: 0
    families: ipv4
    export: ${pool4}
    import: { prefixes: 0.0.0.0/0 }
`;

const INSIDE = `router id 10.0.0.1;
protocol device { scan time 1; }
protocol kernel { ipv6 { export all; import none; }; }
protocol ospf v3 {
  ipv6 { import all; export none; };
  area 0 { interface "plat*" { type ptp; hello 1; dead count 4; }; };
}
`;

const OUTSIDE = `router id 203.0.113.2;
protocol device { scan time 1; }
protocol kernel { ipv4 { export all; import none; }; }
protocol static { ipv4; route 0.0.0.0/0 unreachable; }
protocol bgp plat {
  local 203.0.113.2 as 65010;
  neighbor 203.0.113.1 as 65002;
  connect delay time 1;
  ipv4 { import all; export where net = 0.0.0.0/0; };
}
`;

/** Builds the network and waits until all of it works. Nothing is left behind when it fails half-way. */
export async function buildXlat464(options: Xlat464Options = {}): Promise<Xlat464> {
  const folder = await mkdtemp(join(tmpdir(), 'platypus-lab-'));
  const opened: Host[] = [];
  let closed = false;
  const open = async (name: string) => {
    if (closed) throw new Error('the network is closed');
    const host = await openHost(name);
    opened.push(host);
    if (closed) await host.close();
    return host;
  };
  const close = async () => {
    closed = true;
    await Promise.all(opened.map((host) => host.close()));
    await rm(folder, { recursive: true, force: true });
  };
  // What is under way fails as soon as its host is gone.
  options.signal?.addEventListener('abort', () => void close());
  try {
    const hosts = {} as Record<Name, Host>;
    for (const name of NAMES) hosts[name] = await open(name);
    await connect(hosts);
    return { ...(await startAll(hosts, folder, options)), open, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The cables, and what an administrator writes into the routers. */
async function connect(hosts: Readonly<Record<Name, Host>>): Promise<void> {
  const { customer, home, phone, neighbour, access, plat, internet, server, server6: other } = hosts;
  // One link, whose ports are the customers' lines.
  await access.script(`ip link add customers type bridge mcast_snooping 0\nip link set customers up
ip -6 address add ${GATEWAY}/64 dev customers`);
  for (const host of [home, phone, neighbour]) {
    await host.script('for f in default all; do echo 1 >/proc/sys/net/ipv6/conf/$f/accept_ra; done');
    await cable({ host, name: 'eth0', addresses: [] }, { host: access, name: host.name, addresses: [] });
    await access.script(`ip link set ${host.name} master customers`);
  }
  await customer.script('echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6');
  await cable(
    { host: home, name: 'lan', addresses: [`${home4}/24`] },
    { host: customer, name: 'eth0', addresses: [`${customer4}/24`] },
  );
  await customer.script(`ip route add default via ${home4}`);

  await cable(
    { host: access, name: 'plat', addresses: ['2001:db8:f0::2/64'] },
    { host: plat, name: 'access', addresses: [`${dns64}/64`] },
  );
  await plat.script('ip -6 route add 2001:db8:1::/48 via 2001:db8:f0::2');
  await cable(
    { host: access, name: 'internet', addresses: ['2001:db8:f1::2/64'] },
    { host: internet, name: 'access', addresses: ['2001:db8:f1::1/64'] },
  );
  await access.script('ip -6 route add default via 2001:db8:f1::1');
  await internet.script('ip -6 route add 2001:db8:1::/48 via 2001:db8:f1::2');
  await cable(
    { host: plat, name: 'internet', addresses: ['203.0.113.1/30'] },
    { host: internet, name: 'plat', addresses: ['203.0.113.2/30'] },
  );
  await cable(
    { host: internet, name: 'server', addresses: ['198.51.100.1/24'] },
    { host: server, name: 'eth0', addresses: [`${server4}/24`] },
  );
  await server.script('ip route add default via 198.51.100.1');
  await cable(
    { host: internet, name: 'server6', addresses: ['2001:db8:6::1/64'] },
    { host: other, name: 'eth0', addresses: [`${server6}/64`] },
  );
  await other.script('ip -6 route add default via 2001:db8:6::1');
  for (const host of [access, plat, internet]) await forward(host);
}

type Started = Omit<Xlat464, 'open' | 'close'>;

/** The programs, each started as soon as what it needs is there. */
async function startAll(hosts: Xlat464['hosts'], folder: string, options: Xlat464Options): Promise<Started> {
  const access = createAccess(hosts.access, join(folder, 'access'), 'customers');
  const learned = Promise.all([learnResolver(hosts.home), learnResolver(hosts.phone)]);
  await access.advertise({ link, pref64: [{ prefix: pool6, lifetimeSeconds: 600 }], rdnss: dns64 });
  const clat = async (host: Host, ...args: string[]) => {
    const by = await withMachineId(host, folder);
    const running = await startClat({ host, folder }, ['--uplink', 'eth0', ...args], host.name, by);
    const { address } = await running.until('running');
    return { running, address: String(address) };
  };
  const names = join(folder, 'names');
  await writeFile(names, PUBLISHED);
  const [plat, inside, outside, home, neighbour, [homeResolver, phoneResolver]] = await Promise.all([
    startPlat({ plat: hosts.plat, folder }, { config: platConfig(options.morePool6 ?? [], names) }),
    startBird(hosts.access, folder, INSIDE),
    startBird(hosts.internet, folder, OUTSIDE),
    clat(hosts.home, '--lan', 'nat44', '--lan-network', '192.168.1.0/24'),
    clat(hosts.neighbour),
    learned,
    startServers(hosts.server),
    startServers(hosts.server6, server6),
    serve(hosts.neighbour, 'http-server', '0.0.0.0', httpPort),
    startUnbound({ server: hosts.server, folder }),
  ]);
  await startForwarder(hosts.home, homeResolver);
  const published = ['bib', 'add', 'tcp', `${neighbour.address}#${httpPort}`, `${published4}#${httpPort}`];
  const added = await plat.platypus(...published);
  if (!added.ok) throw new Error(added.stderr);

  await shows(hosts.access, ['-6', 'route', 'show', pool6], / dev plat proto bird/);
  await shows(hosts.internet, ['route', 'show', pool4], /via 203\.0\.113\.1 .*proto bird/);
  await shows(hosts.plat, ['route', 'show', 'default'], /via 203\.0\.113\.2 /);
  const said = await shows(
    hosts.phone,
    ['-6', '-o', 'address', 'show', 'dev', 'eth0', 'scope', 'global'],
    /2001:[^/]+/,
  );
  for (const [host, to] of [
    [hosts.customer, server4],
    [hosts.phone, through(server4)],
    [hosts.phone, server6],
    [hosts.neighbour, server4],
  ] as const) {
    await eventually(
      () => host.run(['ping', '-n', '-c', '1', '-W', '1', to]),
      ({ ok }) => ok,
      20_000,
    );
  }
  return {
    hosts,
    access,
    home: home.running,
    neighbour: neighbour.running,
    plat,
    inside,
    outside,
    phone6: said,
    homeClat6: home.address,
    neighbourClat6: neighbour.address,
    resolvers: { home: homeResolver, phone: phoneResolver },
    folder,
  };
}

/** A command that shows a program a machine-id(5) of the host's own: CLAT addresses are made of it. */
async function withMachineId(host: Host, folder: string): Promise<string[]> {
  const file = '/etc/machine-id';
  if (!existsSync(file)) return [];
  const own = join(folder, `${host.name}.machine-id`);
  await writeFile(own, `${createHash('sha256').update(host.name).digest('hex').slice(0, 32)}\n`);
  return ['unshare', '--mount', '--', 'sh', '-c', `mount --bind "$0" ${file} && exec "$@"`, own];
}

/** The first resolver that a router of the link names. */
async function learnResolver(host: Host): Promise<string> {
  const program = join(root, 'lab', 'agents', 'resolvers.py');
  const outcome = await host.run(['python3', program, 'eth0']);
  if (!outcome.ok) throw new Error(`${host.name}: no router names a resolver: ${outcome.stderr}`);
  return outcome.stdout.trim().split(' ')[0] ?? '';
}

/** dnsmasq for the LAN, which asks that resolver by IPv6 (RFC 6877 §6.4). */
async function startForwarder(home: Host, resolver: string): Promise<void> {
  const options = ['--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--user=root'];
  const where = [`--listen-address=${home4}`, '--bind-interfaces', `--server=${resolver}`];
  const service = home.start(['dnsmasq', ...options, ...where]);
  await service.output(/started/);
}

/** Waits until `ip ARGS` says so. Returns what matched. */
async function shows(host: Host, args: readonly string[], pattern: RegExp): Promise<string> {
  const ask = async () => (await host.run(['ip', ...args])).stdout;
  const text = await eventually(ask, (answer) => pattern.test(answer), 20_000);
  return pattern.exec(text)?.[0] ?? '';
}
