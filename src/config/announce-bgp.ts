/** The neighbours of `announce.bgp`. */
import { z } from 'zod';
import { parseAddress } from './address.js';
import type { BgpAttributes, BgpImport, BgpNeighborConfig, PrefixPattern } from './announce.js';
import {
  address,
  asNumber,
  bfd,
  MAX_PATTERNS,
  milliseconds,
  prefixPattern,
  prefixPatterns,
  secret,
} from './announce-fields.js';
import {
  addressOrNull,
  choice,
  deviceName,
  duration,
  either,
  field,
  flag,
  listOrOne,
  mappingOrWord,
  section,
  wholeNumber,
} from './fields.js';

const U32 = 0xffff_ffff;

/** RFC 1997, RFC 8326, RFC 7999. */
const WELL_KNOWN_COMMUNITIES: Readonly<Record<string, number>> = {
  'no-export': 0xffff_ff01,
  'no-advertise': 0xffff_ff02,
  'no-export-subconfed': 0xffff_ff03,
  'graceful-shutdown': 0xffff_0000,
};
const GRACEFUL_SHUTDOWN = 0xffff_0000;

type Community = { kind: 'standard'; value: number } | { kind: 'large'; value: [number, number, number] };

const community = field('a community such as 65001:100, 65001:1:2 (large) or no-export', (value): Community | null => {
  if (typeof value !== 'string') return null;
  const known = WELL_KNOWN_COMMUNITIES[value];
  if (known !== undefined) return { kind: 'standard', value: known };
  // RFC 8092 §5: no leading zeros.
  if (!/^(0|[1-9]\d{0,9})(:(0|[1-9]\d{0,9})){1,2}$/.test(value)) return null;
  const [a = 0, b = 0, c] = value.split(':').map(Number);
  if (c !== undefined) return Math.max(a, b, c) <= U32 ? { kind: 'large', value: [a, b, c] } : null;
  return Math.max(a, b) < 65_536 ? { kind: 'standard', value: a * 65_536 + b } : null;
});

const attributeKeys = {
  med: wholeNumber(0, U32, 'MED').nullable().default(null),
  localPref: wholeNumber(0, U32, 'local preference').nullable().default(null),
  prepend: wholeNumber(0, 32, 'times').nullable().default(null),
  communities: listOrOne(community, 0, 64, 'at most 64 communities').nullable().default(null),
};
const lowered = section(attributeKeys);

/** What is said, over what holds otherwise. */
function attributesOf(said: z.output<typeof lowered>, otherwise: BgpAttributes): BgpAttributes {
  const { communities } = said;
  return {
    med: said.med ?? otherwise.med,
    localPref: said.localPref ?? otherwise.localPref,
    prepend: said.prepend ?? otherwise.prepend,
    communities: communities === null ? otherwise.communities : standardOf(communities),
    largeCommunities: communities === null ? otherwise.largeCommunities : largeOf(communities),
  };
}

function standardOf(communities: readonly Community[]): number[] {
  return [...new Set(communities.flatMap((one) => (one.kind === 'standard' ? [one.value] : [])))].sort((a, b) => a - b);
}

function largeOf(communities: readonly Community[]): [number, number, number][] {
  const byText = new Map(
    communities.flatMap((one) => (one.kind === 'large' ? [[one.value.join(':'), one.value]] : [])),
  );
  return [...byText.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
}

const PLAIN: BgpAttributes = { med: null, localPref: 100, prepend: 0, communities: [], largeCommunities: [] };

/** Attributes that every neighbour prefers less than `usual`: raised MED, longer path, lower preference, RFC 8326. */
function loweredOf(usual: BgpAttributes): BgpAttributes {
  return {
    med: Math.min(U32, (usual.med ?? 0) + 1000),
    localPref: Math.min(usual.localPref, 50),
    prepend: usual.prepend + 3,
    communities: [...new Set([...usual.communities, GRACEFUL_SHUTDOWN])].sort((a, b) => a - b),
    largeCommunities: usual.largeCommunities,
  };
}

const pingCheck = section({
  ping: address,
  every: milliseconds(100, 3_600_000).default(2000),
  timeout: milliseconds(50, 60_000).default(1000),
  down: wholeNumber(1, 100, 'lost pings').default(3),
  up: wholeNumber(1, 100, 'answered pings').default(2),
}).transform(({ ping, every, timeout, down, up }): BgpImport['check'] => {
  return { kind: 'ping', address: ping, everyMs: every, timeoutMs: timeout, down, up };
});
const bfdCheck = field('bfd, or { ping: ADDRESS, every, timeout, down, up }', (value): BgpImport['check'] =>
  value === 'bfd' ? { kind: 'bfd' } : null,
);
const check = mappingOrWord<BgpImport['check']>(pingCheck, bfdCheck);

const importSection = section({
  prefixes: prefixPatterns,
  localPref: wholeNumber(0, U32, 'local preference').nullable().default(null),
  table: wholeNumber(1, U32, 'a routing table').default(254),
  metric: wholeNumber(1, U32, 'metric').default(1000),
  nextHop: address.nullable().default(null),
  device: deviceName.nullable().default(null),
  onlink: flag.default(false),
  check: check.nullable().default(null),
});

/** A word in the place of a prefix: `pool4` is none of a filter's. */
const noPrefix = field(
  'all alone, for what announce.prefixes names, or prefixes such as 192.0.2.0/28',
  (): PrefixPattern | null => null,
);
const exportPattern = either<PrefixPattern>((value) =>
  typeof value === 'string' && /^[a-z]\w*$/i.test(value) ? noPrefix : prefixPattern,
);
const exportPatterns = listOrOne(exportPattern, 1, MAX_PATTERNS, `all, or 1 to ${MAX_PATTERNS} prefixes`);

const family = choice('ipv4', 'ipv6').transform((name) => (name === 'ipv4' ? 4 : 6));

const neighbor = section({
  name: field('a name of 1 to 64 letters, digits, ".", ":", "-" or "_"', (value) =>
    typeof value === 'string' && /^[A-Za-z0-9._:-]{1,64}$/.test(value) ? value : null,
  )
    .nullable()
    .default(null),
  neighbor: address,
  port: wholeNumber(1, 65_535, 'a port').default(179),
  remoteAs: asNumber,
  localAs: asNumber.nullable().default(null),
  passive: flag.default(false),
  source: address.nullable().default(null),
  interface: deviceName.nullable().default(null),
  password: secret(80).nullable().default(null),
  gtsm: wholeNumber(1, 255, 'hops').nullable().default(null),
  multihop: wholeNumber(1, 255, 'hops').nullable().default(null),
  holdTime: wholeNumber(0, 65_535, 'seconds, 0 for none, else 3 or more').default(90),
  connectRetry: duration(1, 3600, 'a second').default(120),
  advertisementInterval: wholeNumber(0, 600, 'seconds').nullable().default(null),
  role: choice('provider', 'rs', 'rs-client', 'customer', 'peer').nullable().default(null),
  strictRole: flag.default(false),
  families: listOrOne(family, 1, 2, 'ipv4, ipv6 or both').nullable().default(null),
  nextHop4: addressOrNull(4).default(null),
  nextHop6: addressOrNull(6).default(null),
  extendedNextHop: flag.default(false),
  restartTime: wholeNumber(1, 4095, 'seconds').nullable().default(null),
  bfd: bfd.default(null),
  export: either<'all' | PrefixPattern[]>((value) => (value === 'all' ? z.literal('all') : exportPatterns))
    .nullable()
    .default(null),
  ...attributeKeys,
  lowered: lowered.prefault({}),
  import: importSection.nullable().default(null),
  maxPrefix: wholeNumber(1, 10_000_000, 'prefixes').default(1_200_000),
  maxPrefixRestart: duration(1, 86_400, 'a second').nullable().default(null),
  enforceFirstAs: flag.default(true),
});

/** `announce.bgp` as it is written. */
export const bgpNeighbors = listOrOne(neighbor, 0, 64, 'at most 64 neighbours').default([]);
export type WrittenNeighbor = z.output<typeof neighbor>;

/** A neighbour with what follows from the rest: `localAs` is the section's own. */
export function neighborOf(written: WrittenNeighbor, localAs: number): BgpNeighborConfig {
  const { neighbor: remote, gtsm, holdTime, connectRetry, restartTime, lowered: less, ...rest } = written;
  const { med, localPref, prepend, communities, advertisementInterval, strictRole, ...plain } = rest;
  const attributes = attributesOf({ med, localPref, prepend, communities }, PLAIN);
  const family = parseAddress(remote)?.family ?? 4;
  const external = written.remoteAs !== localAs;
  const { maxPrefixRestart, import: wanted, families, ...kept } = plain;
  return {
    ...kept,
    name: written.name ?? remote,
    address: remote,
    family,
    localAs,
    gtsmHops: gtsm,
    holdTimeSeconds: holdTime,
    connectRetrySeconds: connectRetry,
    // RFC 4271 §10.
    advertisementIntervalSeconds: advertisementInterval ?? (external ? 30 : 5),
    roleStrict: strictRole,
    families: families === null ? defaultFamilies(family, written) : [...new Set(families)].sort(),
    // RFC 4724 §4: no longer than the hold time, unless told.
    restartTimeSeconds: restartTime ?? Math.min(holdTime === 0 ? 90 : holdTime, 4095),
    attributes,
    lowered: attributesOf(less, loweredOf(attributes)),
    import: wanted,
    maxPrefixRestartSeconds: maxPrefixRestart,
  };
}

/** The session's own family, and the other where a next hop for it is known. */
function defaultFamilies(family: 4 | 6, { nextHop4, nextHop6, extendedNextHop }: WrittenNeighbor): (4 | 6)[] {
  const has4 = family === 4 || nextHop4 !== null || extendedNextHop;
  const has6 = family === 6 || nextHop6 !== null;
  return [...(has4 ? [4 as const] : []), ...(has6 ? [6 as const] : [])];
}
