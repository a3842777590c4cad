/** What the host says of itself: links, addresses, routes, rules, neighbours, settings, firewall. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Firewall, readFirewall } from './firewall.js';
import type { RunProgram } from './program.js';

export interface Link {
  name: string;
  mtuBytes: number;
  up: boolean;
  /** It has a carrier. */
  carrier: boolean;
  /** `tun`, `veth`, `bridge` …; empty for hardware. */
  kind: string;
  /** Of Ethernet, as text; empty elsewhere. */
  linkAddress: string;
}

export interface HostAddress {
  device: string;
  family: 4 | 6;
  address: string;
  length: number;
  scope: string;
  tentative: boolean;
  /** Duplicate address detection found another host with it. */
  duplicate: boolean;
  deprecated: boolean;
}

export interface Route {
  family: 4 | 6;
  device: string;
  gateway: string | null;
  /** `dhcp`, `ra`, `static` … as rt_protos(5) names it; `boot` where `ip` made it. */
  protocol: string;
  metric: number;
  table: string;
  mtuBytes: number | null;
}

export interface Rule {
  family: 4 | 6;
  priority: number;
  table: string;
  /** Anything but "from all". */
  selective: boolean;
}

export interface NeighbourRow {
  device: string;
  address: string;
  /** `REACHABLE`, `STALE`, `FAILED` …; empty for proxies. */
  state: string;
  linkAddress: string;
}

/** Where a packet would go; null where the kernel has no way. */
export interface Way {
  device: string;
  gateway: string | null;
  table: string;
  mtuBytes: number | null;
  local: boolean;
}

export interface Machine {
  links: Link[];
  addresses: HostAddress[];
  /** Default routes of all tables; one of several next hops (ECMP) is a row for each. */
  defaults: Route[];
  rules: Rule[];
  neighbours: NeighbourRow[];
  proxies: NeighbourRow[];
  /** By the name that sysctl(8) uses; null where there is none. */
  settings: Record<string, string | null>;
  firewall: Firewall;
  /** Features by device, as `ethtool -k` names them; null without ethtool. */
  features: Record<string, Record<string, boolean>> | null;
  /** Null where nothing says. */
  clockSynchronised: boolean | null;
  /** Programs that could not be asked, a sentence each. */
  failures: string[];
}

const text = z.string().max(200);
const linkRows = z.array(
  z.object({
    ifname: text,
    mtu: z.number(),
    flags: z.array(text),
    address: text.default(''),
    link_type: text,
    linkinfo: z.object({ info_kind: text.default('') }).default({ info_kind: '' }),
  }),
);
const addressRows = z.array(
  z.object({
    ifname: text.optional(),
    addr_info: z
      .array(
        z.object({
          family: text,
          local: text.optional(),
          prefixlen: z.number(),
          scope: text,
          tentative: z.boolean().default(false),
          dadfailed: z.boolean().default(false),
          deprecated: z.boolean().default(false),
        }),
      )
      .default([]),
  }),
);
const hop = {
  dev: text.default(''),
  gateway: text.nullable().default(null),
  via: z.object({ host: text }).optional(),
};
const routeRow = z.object({
  type: text.default('unicast'),
  ...hop,
  nexthops: z.array(z.object(hop)).default([]),
  protocol: text.default('boot'),
  metric: z.number().default(0),
  table: text.default('main'),
  metrics: z.array(z.object({ mtu: z.number().optional() })).default([]),
});
const ruleRows = z.array(z.looseObject({ priority: z.number(), table: text.optional() }));
const neighbourRows = z.array(
  z.object({ dst: text, dev: text, state: z.array(text).default([]), lladdr: text.default('') }),
);

/** Keys of a rule that select nothing. */
const UNSELECTIVE = new Set(['priority', 'src', 'table', 'protocol', 'uid_range']);

/** Asks everything once. Never throws. */
export async function surveyMachine(run: RunProgram): Promise<Machine> {
  const failures: string[] = [];
  const fail = (sentence: string) => {
    if (!failures.includes(sentence)) failures.push(sentence);
  };
  const ask = <Schema extends z.ZodType>(schema: Schema, ...words: string[]) => askIp(run, fail, schema, words);
  const both = <Row>(about: (family: 4 | 6) => Promise<Row[]>) =>
    Promise.all([about(4), about(6)]).then((rows) => rows.flat());

  const [links, addresses, defaults, rules, neighbours, proxies, firewall] = await Promise.all([
    ask(linkRows, '-d', 'link', 'show').then((rows) => (rows ?? []).map(toLink)),
    ask(addressRows, 'address', 'show').then((rows) => (rows ?? []).flatMap(toAddresses)),
    both(async (family) => {
      const rows = await ask(z.array(routeRow), `-${family}`, 'route', 'show', 'default', 'table', 'all');
      return (rows ?? []).filter(({ type }) => type === 'unicast').flatMap((row) => toRoutes(family, row));
    }),
    both(async (family) =>
      ((await ask(ruleRows, `-${family}`, 'rule', 'show')) ?? []).map((row) => toRule(family, row)),
    ),
    both(async (family) => ((await ask(neighbourRows, `-${family}`, 'neigh', 'show')) ?? []).map(toNeighbour)),
    ask(neighbourRows, '-6', 'neigh', 'show', 'proxy').then((rows) => (rows ?? []).map(toNeighbour)),
    readFirewall(run),
  ]);
  const devices = links.filter(({ up }) => up).map(({ name }) => name);
  const [settings, features, clockSynchronised] = await Promise.all([
    readSettings(devices),
    readFeatures(run, links),
    readClock(run),
  ]);
  return {
    links,
    addresses,
    defaults,
    rules,
    neighbours,
    proxies,
    settings,
    firewall,
    features,
    clockSynchronised,
    failures,
  };
}

async function askIp<Schema extends z.ZodType>(
  run: RunProgram,
  fail: (sentence: string) => void,
  schema: Schema,
  words: readonly string[],
): Promise<z.output<Schema> | null> {
  const { ok, stdout, failure } = await run(['ip', '-json', ...words]);
  if (!ok) {
    fail(failure);
    return null;
  }
  // Nothing at all is iproute2's empty list.
  const parsed = schema.safeParse(parseJson(stdout.trim() === '' ? '[]' : stdout));
  if (!parsed.success) fail(`ip ${words.join(' ')}: found another form than iproute2's JSON`);
  return parsed.success ? parsed.data : null;
}

/** Asks the kernel where a packet would go; nothing is sent. `from` and `through` are those of a forwarded packet. */
export async function findWay(
  run: RunProgram,
  to: { family: 4 | 6; address: string; from?: string; through?: string },
): Promise<Way | null> {
  const forwarded = to.from === undefined ? [] : ['from', to.from, 'iif', to.through ?? ''];
  const words = [`-${to.family}`, 'route', 'get', to.address, ...forwarded];
  const [row] = (await askIp(run, () => {}, z.array(routeRow), words)) ?? [];
  if (row === undefined || (row.type !== 'unicast' && row.type !== 'local')) return null;
  const [first] = toRoutes(to.family, row);
  if (first === undefined) return null;
  const { device, gateway, table, mtuBytes } = first;
  return { device, gateway, table, mtuBytes, local: row.type === 'local' };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function toLink({ ifname, mtu, flags, address, link_type, linkinfo }: z.output<typeof linkRows>[number]): Link {
  return {
    name: ifname,
    mtuBytes: mtu,
    up: flags.includes('UP'),
    carrier: flags.includes('LOWER_UP'),
    kind: linkinfo.info_kind,
    linkAddress: link_type === 'ether' ? address : '',
  };
}

function toAddresses({ ifname, addr_info }: z.output<typeof addressRows>[number]): HostAddress[] {
  return addr_info.flatMap(({ family, local, prefixlen, scope, tentative, dadfailed, deprecated }) => {
    if (ifname === undefined || local === undefined) return [];
    const row = {
      device: ifname,
      address: local,
      length: prefixlen,
      scope,
      tentative,
      duplicate: dadfailed,
      deprecated,
    };
    return [{ ...row, family: family === 'inet6' ? 6 : 4 } as const];
  });
}

function toRoutes(family: 4 | 6, row: z.output<typeof routeRow>): Route[] {
  const { nexthops, protocol, metric, table, metrics } = row;
  const mtuBytes = metrics.find(({ mtu }) => mtu !== undefined)?.mtu ?? null;
  return (nexthops.length > 0 ? nexthops : [row]).map(({ dev, gateway, via }) => ({
    family,
    device: dev,
    gateway: gateway ?? via?.host ?? null,
    protocol,
    metric,
    table,
    mtuBytes,
  }));
}

function toRule(family: 4 | 6, row: z.output<typeof ruleRows>[number]): Rule {
  const selective = row.src !== 'all' || Object.keys(row).some((key) => !UNSELECTIVE.has(key));
  return { family, priority: row.priority, table: row.table ?? 'none', selective };
}

function toNeighbour({ dst, dev, state, lladdr }: z.output<typeof neighbourRows>[number]): NeighbourRow {
  return { device: dev, address: dst, state: state[0] ?? '', linkAddress: lladdr };
}

async function readSettings(devices: readonly string[]): Promise<Machine['settings']> {
  const names = [
    'net.ipv4.ip_forward',
    'net.ipv6.conf.all.forwarding',
    'net.ipv6.conf.all.proxy_ndp',
    ...['all', ...devices].flatMap((device) => [
      `net.ipv4.conf.${device}.rp_filter`,
      `net.ipv6.conf.${device}.accept_ra`,
      `net.ipv6.conf.${device}.disable_ipv6`,
      `net.ipv6.conf.${device}.forwarding`,
    ]),
  ];
  const values = names.map(async (name) => [name, await readSetting(name)] as const);
  return Object.fromEntries(await Promise.all(values));
}

/** Devices with a dot in their name (VLANs) have it in the path as well. */
async function readSetting(name: string): Promise<string | null> {
  const [, family = '', , device = '', leaf = ''] = /^net\.(ipv[46])\.(conf)\.(.+)\.([a-z0-9_]+)$/.exec(name) ?? [];
  const path = device === '' ? name.replaceAll('.', '/') : `net/${family}/conf/${device}/${leaf}`;
  return readFile(`/proc/sys/${path}`, 'utf8').then(
    (value) => value.trim(),
    () => null,
  );
}

async function readFeatures(run: RunProgram, links: readonly Link[]): Promise<Machine['features']> {
  const features: NonNullable<Machine['features']> = {};
  for (const { name } of links.filter(({ linkAddress, up }) => up && linkAddress !== '').slice(0, 16)) {
    const { ok, stdout, missing } = await run(['ethtool', '-k', name]);
    if (missing) return null;
    const rows = ok ? [...stdout.matchAll(/^\s*([a-z0-9-]+): (on|off)/gm)] : [];
    features[name] = Object.fromEntries(rows.map(([, feature = '', state]) => [feature, state === 'on']));
  }
  return features;
}

/** As systemd, chrony or ntpd know it. */
async function readClock(run: RunProgram): Promise<boolean | null> {
  const systemd = await run(['timedatectl', 'show', '--property=NTPSynchronized', '--value']);
  if (systemd.ok && /^(yes|no)$/m.test(systemd.stdout)) return systemd.stdout.trim() === 'yes';
  const chrony = await run(['chronyc', '-n', 'tracking']);
  if (chrony.ok) return /^Leap status\s*: Normal$/m.test(chrony.stdout);
  const ntp = await run(['ntpq', '-c', 'rv 0 leap']);
  if (ntp.ok) return /leap=0[012]\b|leap=[012]\b/.test(ntp.stdout);
  return null;
}
