/** The `dns64` section: keys, defaults and what each value may be. */
import { z } from 'zod';
import { type Address, knownPrefix, parseAddress, parseAddressAndPort } from './address.js';
import { parseDomain } from './domain.js';
import {
  anyPrefix,
  choice,
  duration,
  field,
  filePath,
  flag,
  listOrOne,
  MAX_PREFIXES,
  mappingOrWord,
  pool6Prefix,
  ports,
  prefix,
  section,
  wholeNumber,
} from './fields.js';

const DAY = 86_400;

export interface Listen {
  address: string;
  family: 4 | 6;
  port: number;
}

/** `::#53`, or an address alone with the port that belongs to the transport. */
function listen(port: number) {
  return field(`an address such as ::#${port} or 192.0.2.53`, (value): Listen | null => {
    if (typeof value !== 'string') return null;
    const read = parseAddressAndPort(value, port);
    return read === null ? null : { address: read.address.text, family: read.address.family, port: read.port };
  });
}

function listenList(port: number) {
  return listOrOne(listen(port), 1, 32, `1 to 32 addresses such as ::#${port}`);
}

export interface UpstreamServer {
  address: string;
  port: number;
  /** DNS over TLS (RFC 7858); with a name, the server must prove that it is that one. */
  tls: { name: string | null } | null;
}

const tlsName = field('true, or the name that the server proves', (value): { name: string | null } | null => {
  if (value === true) return { name: null };
  return typeof value === 'string' && parseDomain(value) !== null ? { name: value } : null;
});
const serverAddress = field('an IPv4 or IPv6 address', (value) =>
  typeof value === 'string' ? (parseAddress(value)?.text ?? null) : null,
);
const upstreamMapping = section({
  address: serverAddress,
  port: wholeNumber(1, 65_535, 'a port').nullable().default(null),
  tls: tlsName.nullable().default(null),
}).transform(({ address, port, tls }): UpstreamServer => ({ address, tls, port: port ?? (tls === null ? 53 : 853) }));
const upstreamWord = field('an address such as 192.0.2.53 or 2001:db8::53#5353', (value): UpstreamServer | null => {
  if (typeof value !== 'string') return null;
  const read = parseAddressAndPort(value, 53);
  return read === null || read.port === 0 ? null : { address: read.address.text, port: read.port, tls: null };
});
const upstream = mappingOrWord<UpstreamServer>(upstreamMapping, upstreamWord);

const domain = field('a domain name such as example.org', (value) =>
  typeof value === 'string' ? parseDomain(value) : null,
);
const domains = listOrOne(domain, 0, 10_000, 'at most 10000 domain names');
const clients = listOrOne(anyPrefix, 1, MAX_PREFIXES, `1 to ${MAX_PREFIXES} prefixes such as 2001:db8::/32`);

/** Who may be meant where nobody is named: addresses that no stranger on the Internet has. */
export const LOCAL_CLIENTS = [
  '::1/128',
  'fe80::/10',
  'fc00::/7',
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
].map(knownPrefix);

const mapEntry = section({
  networks: listOrOne(prefix(4), 1, MAX_PREFIXES, 'IPv4 networks such as 10.0.0.0/8'),
  prefixes: z.preprocess(
    (value) => (value === 'none' ? [] : value),
    listOrOne(pool6Prefix, 0, 8, 'none, or 1 to 8 prefixes such as 64:ff9b::/96'),
  ),
});

/** What the section itself and each of its groups say. */
const rules = {
  map: listOrOne(mapEntry, 0, MAX_PREFIXES, 'a list of { networks, prefixes }').default([]),
  allowNonGlobal: flag.default(false),
  exclude: listOrOne(prefix(6), 0, MAX_PREFIXES, 'IPv6 prefixes').default([knownPrefix('::ffff:0:0/96')]),
  never: domains.default([]),
  always: domains.default([]),
  hosts: filePath.nullable().default(null),
  synthesiseOn: choice('errors', 'nodata').default('errors'),
  synthesiseWithCd: flag.default(false),
  dropA: flag.default(false),
  maxRecords: wholeNumber(1, 1024, 'records').default(64),
  reverse: field('cname, or the name of all synthetic addresses', (value) => {
    if (value === 'cname') return { method: 'cname' as const };
    const name = typeof value === 'string' ? parseDomain(value) : null;
    return name === null ? null : { method: 'local' as const, name };
  }).default({ method: 'cname' }),
};
const pool6 = listOrOne(pool6Prefix, 0, 8, 'at most 8 IPv6 prefixes such as 64:ff9b::/96').nullable().default(null);

const group = section({
  name: field('a name of 1 to 64 letters, digits, "-" or "_"', (value) =>
    typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value) ? value : null,
  ),
  clients,
  pool6,
  ...rules,
});

const certificate = { certificate: filePath, key: filePath };

export const dns64Section = section({
  listen: listenList(53).default([
    { address: '::', family: 6, port: 53 },
    { address: '0.0.0.0', family: 4, port: 53 },
  ]),
  tls: section({ listen: listenList(853), ...certificate })
    .nullable()
    .default(null),
  https: section({
    listen: listenList(443),
    path: field('a path such as /dns-query', (value) =>
      typeof value === 'string' && /^\/[A-Za-z0-9._~/-]{0,255}$/.test(value) ? value : null,
    ).default('/dns-query'),
    ...certificate,
  })
    .nullable()
    .default(null),
  upstream: listOrOne(upstream, 1, 16, '1 to 16 resolvers such as 192.0.2.53'),
  avoidPorts: listOrOne(ports, 0, 64, 'at most 64 ports or ranges such as 1024-2047').default([]),
  sourceAddresses: listOrOne(serverAddress, 0, 64, 'at most 64 addresses of this host').default([]),
  upstreamTimeout: duration(1, 60, 'seconds for a whole question').default(10),
  caseRandomisation: flag.default(true),
  clients: clients.nullable().default(null),
  strangers: choice('refuse', 'drop').default('refuse'),
  pool6,
  ...rules,
  groups: listOrOne(group, 0, 256, 'a list of groups').default([]),
  workers: wholeNumber(1, 16, 'threads').default(1),
  parallel: flag.default(false),
  dnssec: choice('off', 'upstream').default('off'),
  localZones: flag.default(true),
  discoveryTtl: duration(60, DAY, 'RFC 7050').default(3600),
  udpBytes: wholeNumber(512, 4096, 'bytes').default(1232),
  cookies: choice('off', 'on', 'require').default('on'),
  rateLimit: section({
    perSecond: wholeNumber(0, 1_000_000, 'queries a second of a client, 0 for no limit').default(0),
    burst: wholeNumber(1, 1_000_000, 'queries').default(100),
    prefixLength4: wholeNumber(8, 32, 'bits').default(32),
    prefixLength6: wholeNumber(16, 128, 'bits').default(64),
  }).prefault({}),
  queryLog: section({
    file: filePath,
    perSecond: wholeNumber(1, 100_000, 'lines a second').default(1000),
  })
    .nullable()
    .default(null),
  cache: section({
    megabytes: wholeNumber(1, 1024, 'MiB').default(64),
    maxTtl: duration(60, 604_800, 'a minute').default(DAY),
    maxNegativeTtl: duration(1, 10_800, 'RFC 2308 §5').default(3600),
    failureTtl: duration(1, 300, 'RFC 9520').default(5),
    stale: duration(0, 3 * DAY, 'never').default(DAY),
    prefetch: flag.default(true),
  }).prefault({}),
  limits: section({
    open: wholeNumber(16, 100_000, 'questions asked upstream at once').default(4096),
    connections: wholeNumber(1, 100_000, 'TCP, TLS and HTTPS connections').default(1000),
    connectionsPerClient: wholeNumber(1, 10_000, 'connections').default(25),
    idle: duration(1, 300, 'RFC 7766 §6.2.3').default(10),
  }).prefault({}),
});

/** The `dns64` section. */
export interface Dns64Config extends z.output<typeof dns64Section> {}
export type Dns64Group = Dns64Config['groups'][number];

/** The section with what its files hold. */
export interface LoadedDns64 extends Dns64Config {
  files: Dns64Files;
}

export interface Dns64Files {
  /** Addresses by name, by the path of the hosts file as it is written in the section. */
  hosts: Map<string, Map<string, Address[]>>;
  /** PEM texts by path, likewise. */
  pem: Map<string, string>;
}
