/** The configuration's shape: keys, defaults and what each value may be. What concerns several values is in semantics.ts. */
import { z } from 'zod';
import { knownPrefix, WELL_KNOWN_PREFIX } from './address.js';
import { type AnnounceConfig, announceSection } from './announce.js';
import { type ClatConfig, clatSection } from './clat.js';
import { dns64Section, type LoadedDns64 } from './dns64.js';
import { EMPTY_EAMT } from './eam.js';
import {
  addressOrNull,
  anyPrefix,
  choice,
  DEFAULT_PORTS,
  deviceName,
  duration,
  eamEntries,
  filePath,
  flag,
  listOrOne,
  MAX_INLINE_EAMT,
  MAX_POOL4_ADDRESSES,
  MAX_PREFIXES,
  mappingOrWord,
  metricsAddress,
  mssClamp,
  octetOrCopy,
  plateaus,
  pool4Prefix,
  pool4Word,
  pool6Prefix,
  ports,
  prefix,
  RFC1191_PLATEAUS,
  section,
  socketPath,
  transportAddress,
  wholeNumber,
} from './fields.js';
import { type ResponderConfig, responderSection } from './responder.js';

const MAX_TIMEOUT_SECONDS = 30 * 86_400;

const protocol = choice('tcp', 'udp', 'icmp');
const filtering = choice('endpoint-independent', 'address-dependent');

/** RFC 6146 §3: endpoint-independent by default (N64-FILT-02). */
const filteringSection = z.preprocess(
  (value) => (typeof value === 'string' ? { tcp: value, udp: value, icmp: value } : value),
  section({
    tcp: filtering.default('endpoint-independent'),
    udp: filtering.default('endpoint-independent'),
    icmp: filtering.default('endpoint-independent'),
  }),
);

const pool4Mapping = section({ prefix: pool4Prefix, ports: ports.default({ ...DEFAULT_PORTS }) });

/** An entry of pool4, in either form. */
export const pool4Entry = mappingOrWord(pool4Mapping, pool4Word);

const staticBibEntry = section({ protocol, v6: transportAddress(6), v4: transportAddress(4) });

const fragmentTimeout = duration(2, 60, 'RFC 6146 §3.4').default(2);

const timeouts = section({
  udp: duration(120, MAX_TIMEOUT_SECONDS, 'RFC 6146 §3.5.1').default(300),
  tcpEstablished: duration(7200, MAX_TIMEOUT_SECONDS, 'RFC 5382 REQ-5').default(7200),
  tcpTransitory: duration(240, MAX_TIMEOUT_SECONDS, 'RFC 5382 REQ-5').default(240),
  tcpIncomingSyn: duration(6, 60, 'RFC 5382 REQ-4').default(6),
  icmp: duration(60, MAX_TIMEOUT_SECONDS, 'RFC 5508 REQ-2').default(60),
  fragment: fragmentTimeout,
});

const reassembly = wholeNumber(1, 16_384, 'datagrams, 64 KiB each').default(256);
const pathMtus = wholeNumber(1, 1_048_576, 'IPv4 destinations').default(4096);

const limits = section({
  sessions: wholeNumber(1, 67_108_864, 'sessions').default(1_048_576),
  bib: wholeNumber(1, 67_108_864, 'BIB entries').default(1_048_576),
  hosts: wholeNumber(1, 16_777_216, 'IPv6 hosts').default(131_072),
  reassembly,
  storedSyns: wholeNumber(1, 1_048_576, 'SYNs').default(1024),
  pathMtus,
});

const icmpErrors = section({
  ratePerSecond: wholeNumber(0, 1_000_000, 'messages a second, 0 for none').default(1000),
  burst: wholeNumber(1, 1_000_000, 'messages').default(50),
});

/** Most worker threads (`Owners::kMost`). */
export const MAX_WORKERS = 16;
const workers = wholeNumber(1, MAX_WORKERS, 'worker threads');
const cpus = listOrOne(
  wholeNumber(0, 1023, 'processor numbers'),
  1,
  MAX_WORKERS,
  `1 to ${MAX_WORKERS} processor numbers`,
);
const pool6 = listOrOne(pool6Prefix, 1, 8, '1 to 8 IPv6 prefixes such as 64:ff9b::/96');
/** RFC 6144 §2. */
const scenario = wholeNumber(1, 8, 'an RFC 6144 scenario').nullable().default(null);

/** What a translator of either kind has. */
const translator = {
  device: deviceName.default('platypus'),
  offload: choice('none', 'checksum', 'tso', 'uso').default('uso'),
  workers: workers.default(1),
  cpus: cpus.nullable().default(null),
  scenario,
  mtu6: wholeNumber(1280, 65_535, 'bytes').default(1500),
  mtu4: wholeNumber(68, 65_535, 'bytes').default(1500),
  lowestIpv6Mtu: wholeNumber(1280, 65_535, 'bytes').default(1280),
  plateaus: plateaus.default([...RFC1191_PLATEAUS]),
  mssClamp: mssClamp.default('off'),
  allowNonGlobal: flag.default(false),
  trafficClass: octetOrCopy.default(null),
  tos: octetOrCopy.default(null),
  icmpErrors: icmpErrors.prefault({}),
  icmpSource4: addressOrNull(4).default(null),
  icmpSource6: addressOrNull(6).default(null),
};

const platSection = section({
  pool6: pool6.default([knownPrefix(WELL_KNOWN_PREFIX)]),
  pool4: listOrOne(
    pool4Entry,
    1,
    MAX_POOL4_ADDRESSES,
    `1 to ${MAX_POOL4_ADDRESSES} entries such as { prefix: 192.0.2.0/28, ports: 1024-65535 }`,
  ),
  staticBib: z
    .array(staticBibEntry, { error: 'a list of { protocol, v6, v4 }' })
    .max(65_536, { error: 'at most 65536 static entries' })
    .default([]),
  ...translator,
  subscriberPrefixLength: wholeNumber(32, 128, 'bits').default(64),
  filtering: filteringSection.prefault({}),
  dropInboundTcp: flag.default(false),
  timeouts: timeouts.prefault({}),
  limits: limits.prefault({}),
});

const siitSection = section({
  pool6,
  pool4: listOrOne(pool4Prefix, 1, MAX_PREFIXES, `1 to ${MAX_PREFIXES} IPv4 prefixes such as 192.0.2.0/28`)
    .nullable()
    .default(null),
  routes: listOrOne(anyPrefix, 0, MAX_PREFIXES, `at most ${MAX_PREFIXES} prefixes of either family`)
    .nullable()
    .default(null),
  sourceCheck: flag.nullable().default(null),
  eamt: eamEntries(MAX_INLINE_EAMT).default(EMPTY_EAMT),
  eamtFile: filePath.nullable().default(null),
  hairpin: choice('none', 'simple', 'intrinsic').default('intrinsic'),
  denylist4: listOrOne(prefix(4), 0, MAX_PREFIXES, `at most ${MAX_PREFIXES} IPv4 prefixes`).default([]),
  rfc6791v4Prefix: listOrOne(pool4Prefix, 0, 16, 'at most 16 IPv4 prefixes').default([]),
  rfc6791v6Prefix: prefix(6).nullable().default(null),
  rfc6791Pick: choice('random', 'hop').default('random'),
  rfc6791Extension: choice('interface', 'node', 'none').default('interface'),
  ...translator,
  udpZeroChecksum: choice('compute', 'drop', 'reassemble').default('compute'),
  timeouts: section({ fragment: fragmentTimeout }).prefault({}),
  limits: section({ reassembly, pathMtus }).prefault({}),
});

export const DEFAULT_SOCKET = '/run/platypus/control.sock';

/** The whole file. At most one of `plat` and `siit` is there, and one section in all: file.ts sees to it. */
export const configSchema = section({
  plat: platSection.optional(),
  siit: siitSection.optional(),
  control: section({
    socket: socketPath.default(DEFAULT_SOCKET),
    metrics: metricsAddress.nullable().default(null),
  }).prefault({}),
  log: section({
    level: choice('trace', 'debug', 'info', 'warn', 'error', 'silent').default('info'),
  }).prefault({}),
  clat: clatSection.optional(),
  dns64: dns64Section.optional(),
  announce: announceSection.optional(),
  responder: responderSection.optional(),
});

type Sections = z.output<typeof configSchema>;
/** The `plat` section. */
export interface PlatConfig extends z.output<typeof platSection> {}
/** The `siit` section; entries of its EAM file are in `eamt` once `loadConfig` has read them. */
export interface SiitSection extends z.output<typeof siitSection> {}
export type Pool4Entry = PlatConfig['pool4'][number];
export type StaticBibEntry = PlatConfig['staticBib'][number];

/** A configuration with a `plat` section. */
export interface PlatFile extends Pick<Sections, 'control' | 'log'> {
  plat: PlatConfig;
  siit?: undefined;
  clat?: undefined;
  dns64?: LoadedDns64 | undefined;
  announce?: AnnounceConfig | undefined;
  responder?: ResponderConfig | undefined;
}
/** A configuration with a `siit` section. */
export interface SiitFile extends Pick<Sections, 'control' | 'log'> {
  plat?: undefined;
  siit: SiitSection;
  clat?: undefined;
  dns64?: LoadedDns64 | undefined;
  announce?: AnnounceConfig | undefined;
  responder?: ResponderConfig | undefined;
}
/** A configuration without a PLAT or SIIT: a CLAT, a DNS64 server, an announcer, a responder, or several of these. */
export interface AloneFile extends Pick<Sections, 'control' | 'log'> {
  plat?: undefined;
  siit?: undefined;
  clat?: ClatConfig | undefined;
  dns64?: LoadedDns64 | undefined;
  announce?: AnnounceConfig | undefined;
  responder?: ResponderConfig | undefined;
}
/** A configuration. */
export type Config = PlatFile | SiitFile | AloneFile;
