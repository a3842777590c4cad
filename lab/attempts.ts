/** What `make lab` tries in the 464XLAT network: from where to where, and which translators that has to pass. */
import type { Host } from './host.js';
import { server6, v4Name, v6Name, withResolver } from './names.js';
import type { Passed, Translator } from './path.js';
import { program } from './plat.js';
import { failure } from './process.js';
import { pool4, pool6, server4, through } from './topology.js';
import {
  askUdp,
  download,
  httpPort,
  iperf,
  megabytes20,
  ping,
  traceroute,
  udpPort,
  upload,
  whoami,
} from './traffic.js';
import { dns64, home4, type Name, published4, type Xlat464 } from './xlat464.js';

export interface Attempt {
  what: string;
  from: Name;
  to: Name;
  /** The translators on the way, in their order; none for native IPv6. */
  by: readonly Translator[];
  /** The PLAT has to send packets back to where they came from. */
  hairpin?: boolean;
  /** Has to be translated in super-packets. */
  offload?: boolean;
  /** What came back, in a few words; rejects when it did not work. */
  run(network: Xlat464): Promise<string>;
}

/** The three ways of RFC 6877 §7.2. */
const CUSTOMER = { from: 'customer', to: 'server', by: ['home', 'plat'] } as const;
const PHONE = { from: 'phone', to: 'server', by: ['plat'] } as const;
const NATIVE = { from: 'phone', to: 'server6', by: [] } as const;

export const attempts: readonly Attempt[] = [
  { what: 'ping', ...CUSTOMER, run: ({ hosts }) => ping(hosts.customer, server4) },
  { what: 'ping', ...PHONE, run: ({ hosts }) => ping(hosts.phone, through(server4)) },
  { what: 'ping', ...NATIVE, run: ({ hosts }) => ping(hosts.phone, server6) },
  // The PLAT joins them; a stateless translator cannot (RFC 7915 §1.2).
  { what: 'ping, 4000 bytes in fragments', ...PHONE, run: ({ hosts }) => ping(hosts.phone, through(server4), 4000) },
  {
    what: 'HTTP, an IPv4 literal',
    ...CUSTOMER,
    run: async ({ hosts }) => `${server4}, which saw ${inPool4(await whoami(hosts.customer, server4))}`,
  },
  {
    what: 'HTTP by name, DNS forwarder',
    ...CUSTOMER,
    run: async (network) => {
      const { address, page } = await named(network, 'customer', v4Name);
      if (address !== server4) throw new Error(`${v4Name} is ${address}`);
      return `${address}, which saw ${inPool4(page)}`;
    },
  },
  {
    what: 'HTTP by name, DNS64',
    ...PHONE,
    run: async (network) => {
      const { address, page } = await named(network, 'phone', v4Name);
      if (address !== through(server4)) throw new Error(`${v4Name} is ${address}`);
      return `${address}, which saw ${inPool4(page)}`;
    },
  },
  {
    what: 'HTTP by name, IPv6',
    ...NATIVE,
    run: async (network) => {
      const { address, page } = await named(network, 'phone', v6Name);
      if (address !== server6) throw new Error(`${v6Name} is ${address}`);
      if (!page.startsWith(`${network.phone6}#`)) throw new Error(`the server saw ${page}`);
      return `${address}, which saw ${page}`;
    },
  },
  { what: 'UDP, question and answer', ...CUSTOMER, run: ({ hosts }) => askUdp(hosts.customer, 64, server4) },
  { what: 'UDP, 4000 bytes in fragments', ...CUSTOMER, run: ({ hosts }) => askUdp(hosts.customer, 4000, server4) },
  {
    what: 'UDP, 4000 bytes in fragments',
    ...PHONE,
    run: ({ hosts }) => askUdp(hosts.phone, 4000, through(server4), udpPort),
  },
  { what: 'traceroute', ...CUSTOMER, run: ({ hosts }) => hopsTo(hosts.customer, server4) },
  { what: 'traceroute', ...PHONE, run: ({ hosts }) => hopsTo(hosts.phone, through(server4)) },
  {
    what: 'download, 20 MB',
    ...CUSTOMER,
    run: ({ hosts, folder }) => download(hosts.customer, folder, megabytes20, server4),
  },
  {
    what: 'upload, 20 MB',
    ...CUSTOMER,
    run: ({ hosts, folder }) => upload(hosts.customer, folder, megabytes20, server4),
  },
  { what: 'iperf3, up', ...CUSTOMER, offload: true, run: ({ hosts }) => bulk(hosts.customer, hosts.server, server4) },
  {
    what: 'iperf3, down',
    ...CUSTOMER,
    offload: true,
    run: ({ hosts }) => bulk(hosts.customer, hosts.server, server4, true),
  },
  {
    what: 'iperf3, up',
    ...PHONE,
    offload: true,
    run: ({ hosts }) => bulk(hosts.phone, hosts.server, through(server4)),
  },
  {
    what: 'HTTP to the neighbour, CLAT to CLAT',
    from: 'customer',
    to: 'neighbour',
    by: ['home', 'plat', 'neighbour'],
    hairpin: true,
    run: async ({ hosts }) => `${published4}, which saw ${inPool4(await whoami(hosts.customer, published4))}`,
  },
  {
    what: 'HTTP from outside, static BIB entry',
    from: 'server',
    to: 'neighbour',
    by: ['plat', 'neighbour'],
    run: async ({ hosts }) => {
      const seen = await whoami(hosts.server, published4);
      if (!seen.startsWith(`${server4}#`)) throw new Error(`${published4} saw ${seen}`);
      return `${published4}, which saw ${seen}`;
    },
  },
  {
    what: 'platypus doctor, at the customer’s',
    from: 'home',
    to: 'plat',
    by: ['home', 'plat'],
    hairpin: true,
    run: ({ hosts, home, resolvers, folder }) => doctor(hosts.home, home.socket, resolvers.home, folder),
  },
  {
    what: 'platypus doctor, on the PLAT',
    from: 'plat',
    to: 'internet',
    by: [],
    run: ({ hosts, plat, folder }) => doctor(hosts.plat, plat.socket, dns64, folder),
  },
];

/** What was announced and learned, as the kernels of both routers and of the PLAT have it: what, where, the route. */
export async function announced({ hosts }: Xlat464): Promise<string[][]> {
  const shown = async (host: Host, ...args: string[]) => (await host.script(`ip ${args.join(' ')}`)).trim();
  return [
    ['pool6', 'access', await shown(hosts.access, '-6', 'route', 'show', pool6)],
    ['pool4', 'internet', await shown(hosts.internet, 'route', 'show', pool4)],
    ['default', 'plat', await shown(hosts.plat, 'route', 'show', 'default')],
  ].map(([what = '', on = '', route = '']) => [what, on, route.replace(/ metric.*/, '')]);
}

/** How many sessions the PLAT has for whom: the customer, whom it knows by the CLAT's address, the phone, the neighbour. */
export async function sessions({ plat, homeClat6, phone6, neighbourClat6 }: Xlat464): Promise<string[][]> {
  const listed = await plat.json<{ protocol: string; v6: string | null }[]>('session', 'list');
  return [
    ['customer', homeClat6],
    ['phone', phone6],
    ['neighbour', neighbourClat6],
  ].map(([whose = '', address = '']) => {
    const mine = listed.filter(({ v6 }) => v6 === address);
    const counts = ['tcp', 'udp', 'icmp'].map((name) => mine.filter(({ protocol }) => protocol === name).length);
    return [whose, address, ...counts.map(String)];
  });
}

function inPool4(seen: string): string {
  if (!/^192\.0\.2\.([0-9]|1[0-5])#\d+$/.test(seen)) throw new Error(`the server saw ${seen}, not a pool4 address`);
  return seen;
}

/** A page by name, and the address that the name has, both as the host's system resolver has it. */
async function named(network: Xlat464, name: 'customer' | 'phone', target: string) {
  const host = network.hosts[name];
  const nameserver = name === 'customer' ? home4 : network.resolvers.phone;
  const ask = async (...argv: string[]) => {
    const outcome = await host.run(await withResolver(host, network.folder, nameserver, argv));
    if (!outcome.ok) throw new Error(failure(outcome));
    return outcome.stdout;
  };
  const database = name === 'customer' ? 'ahostsv4' : 'ahostsv6';
  const address = (await ask('getent', database, target)).split(/\s/)[0] ?? '';
  const page = await ask('curl', '-sS', '--fail', '--max-time', '10', `http://${target}:${httpPort}/whoami`);
  return { address, page: page.trim() };
}

async function hopsTo(from: Host, to: string): Promise<string> {
  const hops = await traceroute(from, to, '-m', '16');
  if (hops.at(-1) !== to || hops.includes('*')) throw new Error(`hops ${hops.join(' ')}`);
  const runs: { hop: string; count: number }[] = [];
  for (const hop of hops) {
    const last = runs.at(-1);
    if (last?.hop === hop) last.count += 1;
    else runs.push({ hop, count: 1 });
  }
  return runs.map(({ hop, count }) => (count === 1 ? hop : `${hop} (${count} times)`)).join(' ');
}

/** Of what `platypus doctor --json` prints. */
interface Report {
  findings: { number: string; verdict: string; words: string }[];
  counts: Record<'ok' | 'skipped', number>;
  code: string;
}

/** What the doctor says; rejects with what it found wrong. */
async function doctor(host: Host, socket: string, resolver: string, folder: string): Promise<string> {
  const argv = [process.execPath, program, 'doctor', '--json', '--socket', socket];
  const outcome = await host.run(await withResolver(host, folder, resolver, argv));
  if (outcome.stdout === '') throw new Error(failure(outcome));
  const { findings, counts, code } = JSON.parse(outcome.stdout) as Report;
  const wrong = findings.filter(({ verdict }) => verdict === 'fault' || verdict === 'warning');
  if (wrong.length > 0) throw new Error(wrong.map(({ number, words }) => `${number} ${words}`).join('; '));
  return `${counts.ok} checks are well, ${counts.skipped} skipped, code ${code}`;
}

async function bulk(from: Host, server: Host, to: string, reverse = false): Promise<string> {
  const { bitsPerSecond } = await iperf(from, server, { seconds: 3, reverse, to });
  return `${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s`;
}

/** The way as the counters have it: `customer → CLAT 6 → PLAT 6 → server`. */
export function pathOf({ from, to, by }: Attempt, passed: Passed): string {
  const counts = { home: `CLAT ${passed.home}`, neighbour: `CLAT ${passed.neighbour}`, plat: `PLAT ${passed.plat}` };
  const unexpected = (['home', 'neighbour', 'plat'] as const).filter((name) => passed[name] > 0 && !by.includes(name));
  const legs = [...by, ...unexpected].map((name) =>
    name === 'plat' && passed.hairpin > 0 ? `${counts.plat} (hairpin ${passed.hairpin})` : counts[name],
  );
  return [from, ...(legs.length === 0 ? ['untranslated'] : legs), to].join(' → ');
}

/** Why the way is not the one that was wanted, or null. */
export function detour({ by, hairpin, offload }: Attempt, passed: Passed): string | null {
  const used = (['home', 'neighbour', 'plat'] as const).filter((name) => passed[name] > 0);
  const said = (names: readonly string[]) => (names.length === 0 ? 'no translator' : [...names].sort().join(', '));
  if (said(used) !== said(by)) return `packets passed ${said(used)}, expected ${said(by)}`;
  if (passed.hairpin > 0 !== (hairpin === true)) return `${passed.hairpin} packets were hairpinned`;
  if (offload !== true) return null;
  const without = by.filter((name) => name !== 'neighbour' && passed.supers[name] === 0);
  return without.length === 0 ? null : `no super-packet was translated by ${said(without)}: offload is off`;
}
