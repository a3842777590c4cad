/** The configuration's shape: keys, defaults and what each value may be. What concerns several values is in semantics.ts. */
import { z } from 'zod';
import { knownPrefix, WELL_KNOWN_PREFIX } from './address.js';
import {
  addressOrNull,
  choice,
  DEFAULT_PORTS,
  deviceName,
  duration,
  field,
  flag,
  listOrOne,
  MAX_POOL4_ADDRESSES,
  notBuilt,
  octetOrCopy,
  pool4Prefix,
  pool4Word,
  pool6Prefix,
  ports,
  section,
  socketPath,
  transportAddress,
  wholeNumber,
} from './fields.js';

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
export const pool4Entry = z.unknown().transform((value, context): z.output<typeof pool4Mapping> => {
  const parsed = (typeof value === 'object' && value !== null ? pool4Mapping : pool4Word).safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: value } as never);
  return z.NEVER;
});

const staticBibEntry = section({ protocol, v6: transportAddress(6), v4: transportAddress(4) });

const timeouts = section({
  udp: duration(120, MAX_TIMEOUT_SECONDS, 'RFC 6146 §3.5.1').default(300),
  tcpEstablished: duration(7200, MAX_TIMEOUT_SECONDS, 'RFC 5382 REQ-5').default(7200),
  tcpTransitory: duration(240, MAX_TIMEOUT_SECONDS, 'RFC 5382 REQ-5').default(240),
  tcpIncomingSyn: duration(6, 60, 'RFC 5382 REQ-4').default(6),
  icmp: duration(60, MAX_TIMEOUT_SECONDS, 'RFC 5508 REQ-2').default(60),
  fragment: duration(2, 60, 'RFC 6146 §3.4').default(2),
});

const limits = section({
  sessions: wholeNumber(1, 67_108_864, 'sessions').default(1_048_576),
  bib: wholeNumber(1, 67_108_864, 'BIB entries').default(1_048_576),
  hosts: wholeNumber(1, 16_777_216, 'IPv6 hosts').default(131_072),
  reassembly: wholeNumber(1, 16_384, 'datagrams, 64 KiB each').default(256),
  storedSyns: wholeNumber(1, 1_048_576, 'SYNs').default(1024),
});

const icmpErrors = section({
  ratePerSecond: wholeNumber(0, 1_000_000, 'messages a second, 0 for none').default(1000),
  burst: wholeNumber(1, 1_000_000, 'messages').default(50),
});

const platSection = section({
  device: deviceName.default('platypus'),
  workers: field('1: more than one worker is not built in this version', (value) => (value === 1 ? 1 : null)).default(
    1,
  ),
  pool6: listOrOne(pool6Prefix, 1, 8, '1 to 8 IPv6 prefixes such as 64:ff9b::/96').default([
    knownPrefix(WELL_KNOWN_PREFIX),
  ]),
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
  mtu6: wholeNumber(1280, 65_535, 'bytes').default(1500),
  mtu4: wholeNumber(68, 65_535, 'bytes').default(1500),
  lowestIpv6Mtu: wholeNumber(1280, 65_535, 'bytes').default(1280),
  filtering: filteringSection.prefault({}),
  dropInboundTcp: flag.default(false),
  allowNonGlobal: flag.default(false),
  trafficClass: octetOrCopy.default(null),
  tos: octetOrCopy.default(null),
  timeouts: timeouts.prefault({}),
  limits: limits.prefault({}),
  icmpErrors: icmpErrors.prefault({}),
  icmpSource4: addressOrNull(4).default(null),
  icmpSource6: addressOrNull(6).default(null),
});

export const DEFAULT_SOCKET = '/run/platypus/control.sock';

/** The whole file. */
export const configSchema = section({
  plat: platSection,
  control: section({ socket: socketPath.default(DEFAULT_SOCKET) }).prefault({}),
  log: section({
    level: choice('trace', 'debug', 'info', 'warn', 'error', 'silent').default('info'),
  }).prefault({}),
  clat: notBuilt('clat'),
  dns64: notBuilt('dns64'),
  announce: notBuilt('announce'),
});

/** A configuration whose every value is valid on its own. */
export type Config = z.output<typeof configSchema>;
/** The `plat` section. */
export type PlatConfig = Config['plat'];
export type Pool4Entry = PlatConfig['pool4'][number];
export type StaticBibEntry = PlatConfig['staticBib'][number];
