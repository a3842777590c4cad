/** The `announce` section: keys, defaults and what each value may be. */
import { hasHostBits, networkOf, type Prefix, parsePrefix } from './address.js';
import { bgpNeighbors, neighborOf } from './announce-bgp.js';
import { asNumber, milliseconds, prefixPatterns, routerId } from './announce-fields.js';
import { ospfSection } from './announce-ospf.js';
import { choice, duration, field, listOrOne, mappingOrWord, section, wholeNumber } from './fields.js';

/** Most prefixes that are announced: a handful is what the speaker is for. */
const MAX_ANNOUNCED = 256;

/** A set of prefixes as filters name it: those inside `prefix` that are `ge` to `le` bits long. */
export interface PrefixPattern {
  prefix: Prefix;
  ge: number;
  le: number;
}

export interface BfdConfig {
  /** Desired transmit and required receive interval, milliseconds. */
  intervalMs: number;
  multiplier: number;
  /** RFC 5882 §4.1: the session waits until BFD is up. */
  strict: boolean;
}

/** What a route carries while all is well, and while it is to be avoided (drain, or a condition with `lower`). */
export interface BgpAttributes {
  /** MULTI_EXIT_DISC, null sends none. */
  med: number | null;
  /** Sent to internal neighbours only. */
  localPref: number;
  /** How many times more than once the own AS stands in the path. */
  prepend: number;
  /** `asn:value` as 32 bits; well-known ones are resolved already. Sorted, without duplicates. */
  communities: number[];
  largeCommunities: [number, number, number][];
}

/** What a neighbour may teach: nothing is accepted that no pattern names. */
export interface BgpImport {
  prefixes: PrefixPattern[];
  /** Preference among neighbours, over the LOCAL_PREF that an internal neighbour sent; null takes that, or 100. */
  localPref: number | null;
  /** Where accepted routes go. */
  table: number;
  metric: number;
  /** Overrides for tunnels; null takes what the route says. */
  nextHop: string | null;
  device: string | null;
  onlink: boolean;
  /** A host that must answer while the neighbour's routes are used: by ping, or by the neighbour's BFD session. */
  check:
    | { kind: 'ping'; address: string; everyMs: number; timeoutMs: number; down: number; up: number }
    | { kind: 'bfd' }
    | null;
}

export interface BgpNeighborConfig {
  /** Unique among the neighbours; the address where the file gives no name. */
  name: string;
  address: string;
  family: 4 | 6;
  port: number;
  remoteAs: number;
  localAs: number;
  /** Only listens. */
  passive: boolean;
  /** Own address of the session, null for the kernel's choice. */
  source: string | null;
  /** Interface or VRF device that the session is bound to. */
  interface: string | null;
  /** TCP MD5 key (RFC 2385). */
  password: string | null;
  /** RFC 5082: how many hops away the neighbour may be, null without GTSM. */
  gtsmHops: number | null;
  /** eBGP over more than one hop without GTSM: TTL sent; null is 1 for eBGP, 255 for iBGP. */
  multihop: number | null;
  holdTimeSeconds: number;
  connectRetrySeconds: number;
  /** MinRouteAdvertisementInterval. */
  advertisementIntervalSeconds: number;
  role: 'provider' | 'rs' | 'rs-client' | 'customer' | 'peer' | null;
  roleStrict: boolean;
  families: (4 | 6)[];
  /** Next hops sent, null for the own address of the session. */
  nextHop4: string | null;
  nextHop6: string | null;
  /** RFC 8950: IPv4 routes with an IPv6 next hop. */
  extendedNextHop: boolean;
  /** Restart time that is told to the neighbour before a planned restart, seconds. */
  restartTimeSeconds: number;
  bfd: BfdConfig | null;
  /** RFC 8212: null announces nothing; `all` is every prefix of the section. */
  export: 'all' | PrefixPattern[] | null;
  attributes: BgpAttributes;
  lowered: BgpAttributes;
  import: BgpImport | null;
  /** Most prefixes a family of the neighbour may announce before the session is closed (6/1). */
  maxPrefix: number;
  /** Seconds until a session closed for its prefixes is tried again; null waits for the operator. */
  maxPrefixRestartSeconds: number | null;
  /** Refuse routes whose path does not begin with the neighbour's AS; off towards route servers. */
  enforceFirstAs: boolean;
}

export type OspfAuthentication =
  | { type: 'none' }
  | { type: 'simple'; password: string }
  | { type: 'cryptographic'; keys: OspfKey[] };

export interface OspfKey {
  /** 0 to 255 for version 2, 0 to 65535 (SA ID) for version 3. */
  id: number;
  algorithm: 'md5' | 'hmac-sha-1' | 'hmac-sha-256' | 'hmac-sha-384' | 'hmac-sha-512';
  key: string;
  /** Milliseconds since 1970; null has no bound. */
  sendFromMs: number | null;
  sendUntilMs: number | null;
  acceptFromMs: number | null;
  acceptUntilMs: number | null;
}

export interface OspfInterfaceConfig {
  name: string;
  /** Area ID, dotted. */
  area: string;
  type: 'broadcast' | 'point-to-point';
  cost: number;
  priority: number;
  helloSeconds: number;
  deadSeconds: number;
  retransmitSeconds: number;
  transmitDelaySeconds: number;
  mtuIgnore: boolean;
  /** OSPFv3 only. */
  instanceId: number;
  authentication2: OspfAuthentication;
  /** RFC 7166; never `simple`, never `md5`. */
  authentication3: OspfAuthentication;
  bfd: BfdConfig | null;
}

export interface OspfConfig {
  versions: (2 | 3)[];
  areas: { id: string; type: 'normal' | 'stub' | 'nssa' }[];
  interfaces: OspfInterfaceConfig[];
  /** As a stub link (version 2) or intra-area prefix (version 3), or as an AS-external route of type 1 or 2. */
  as: 'stub' | 'external-1' | 'external-2';
  metric: number;
  /** Metric while draining or while a condition lowers it. */
  loweredMetric: number;
  tag: number | null;
  /** Which of the section's prefixes; null is all of them. */
  prefixes: PrefixPattern[] | null;
  maxLsas: number;
  /** Where cryptographic sequence numbers that must survive a restart are kept; null takes the clock. */
  stateFile: string | null;
}

/** What a failed condition does to a prefix. */
export type GateAction = 'withdraw' | 'lower';

/** What every readiness condition has. */
export interface Condition {
  action: GateAction;
  /** Results in a row that end or begin readiness. */
  down: number;
  up: number;
  /** Which prefixes it concerns; null is all. */
  prefixes: PrefixPattern[] | null;
}

export interface ReadyConfig {
  /** Use of the fullest pool4 protocol, percent. */
  pool4: (Condition & { above: number; below: number }) | null;
  dns64: Condition | null;
  checks: (Condition & { name: string; command: string[]; everyMs: number; timeoutMs: number })[];
}

/** A prefix to announce; `pool4` and `pool6` are those of the translator beside it. */
export type AnnouncedPrefix = { kind: 'pool4' } | { kind: 'pool6' } | { kind: 'prefix'; prefix: Prefix };

export interface AnnounceConfig {
  /** Dotted, null for the first global IPv4 address of the host. */
  routerId: string | null;
  prefixes: AnnouncedPrefix[];
  ready: ReadyConfig;
  /** How long a prefix stays withdrawn or lowered at least, milliseconds: protects neighbours from flaps. */
  holdMs: number;
  /** Keep a blackhole route of these prefixes in the kernel while they are announced. */
  blackhole: { metric: number; table: number } | null;
  /** Sessions below which a drain is over, and its longest time. */
  drain: { sessions: number; timeoutMs: number };
  bgp: BgpNeighborConfig[];
  ospf: OspfConfig | null;
}

const condition = {
  action: choice('withdraw', 'lower').default('withdraw'),
  down: wholeNumber(1, 1000, 'results').default(1),
  up: wholeNumber(1, 1000, 'results').default(3),
  prefixes: prefixPatterns.nullable().default(null),
};

function conditionOf({ action, down, up, prefixes }: Condition): Condition {
  return { action, down, up, prefixes };
}

const pool4Condition = section({
  above: wholeNumber(1, 100, 'percent').default(95),
  below: wholeNumber(0, 100, 'percent').default(90),
  ...condition,
  action: choice('withdraw', 'lower').default('lower'),
}).transform(({ above, below, ...rest }) => ({ above, below, ...conditionOf(rest) }));

const checkName = field('a name of 1 to 64 letters, digits, ".", "-" or "_"', (value) =>
  typeof value === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(value) ? value : null,
);
const commandWord = field('a word of at most 4096 bytes', (value) =>
  typeof value === 'string' && !value.includes('\0') && Buffer.byteLength(value) <= 4096 ? value : null,
);
const checkCondition = section({
  name: checkName.nullable().default(null),
  command: listOrOne(commandWord, 1, 64, 'a program and its arguments, as a list'),
  every: milliseconds(100, 3_600_000).default(5000),
  timeout: milliseconds(50, 600_000).default(3000),
  ...condition,
  down: wholeNumber(1, 1000, 'failures').default(2),
}).transform(({ name, command, every, timeout, ...rest }) => ({
  name: name ?? command[0] ?? 'check',
  command,
  everyMs: every,
  timeoutMs: timeout,
  ...conditionOf(rest),
}));

const ready = section({
  pool4: pool4Condition.nullable().prefault({}),
  dns64: section(condition).transform(conditionOf).nullable().prefault({}),
  checks: listOrOne(checkCondition, 0, 16, 'at most 16 checks').default([]),
});

const announcedPrefix = field(
  'pool4, pool6, or a prefix such as 192.0.2.0/28',
  (value, refuse): AnnouncedPrefix | null => {
    if (value === 'pool4' || value === 'pool6') return { kind: value };
    const prefix = typeof value === 'string' ? parsePrefix(value) : null;
    if (prefix === null) return null;
    if (hasHostBits(prefix)) return refuse(`no bits after the prefix length, such as ${networkOf(prefix)}`);
    return { kind: 'prefix', prefix };
  },
);

const blackholeMapping = section({
  metric: wholeNumber(1, 0xffff_ffff, 'metric').default(0xffff_fffe),
  table: wholeNumber(1, 0xffff_ffff, 'a routing table').default(254),
});
const blackholeWord = field('true, false, or { metric: 4294967294, table: 254 }', (value) =>
  value === null || typeof value === 'boolean' ? { on: value === true } : null,
).transform(({ on }) => (on ? blackholeMapping.parse({}) : null));
const blackhole = mappingOrWord<AnnounceConfig['blackhole']>(blackholeMapping, blackholeWord);

/** The `announce` section. Neighbours that say no `localAs` get the section's. */
export const announceSection = section({
  routerId: routerId.nullable().default(null),
  localAs: asNumber.nullable().default(null),
  prefixes: listOrOne(announcedPrefix, 1, MAX_ANNOUNCED, `1 to ${MAX_ANNOUNCED} prefixes`).default([
    { kind: 'pool4' },
    { kind: 'pool6' },
  ]),
  ready: ready.prefault({}),
  hold: milliseconds(0, 3_600_000).default(10_000),
  blackhole: blackhole.default(null),
  drain: section({
    sessions: wholeNumber(0, 0xffff_ffff, 'sessions').default(0),
    timeout: duration(0, 86_400, 'at once').default(300),
  }).prefault({}),
  bgp: bgpNeighbors,
  ospf: ospfSection.nullable().default(null),
}).transform(({ localAs, hold, drain, bgp, ...rest }, context): AnnounceConfig => {
  const neighbors: BgpNeighborConfig[] = [];
  for (const [index, written] of bgp.entries()) {
    const asn = written.localAs ?? localAs;
    if (asn !== null) neighbors.push(neighborOf(written, asn));
    else {
      const message = 'localAs here or in announce, an AS number of our own';
      context.addIssue({ code: 'custom', path: ['bgp', index, 'localAs'], message, input: undefined });
    }
  }
  return {
    ...rest,
    holdMs: hold,
    drain: { sessions: drain.sessions, timeoutMs: drain.timeout * 1000 },
    bgp: neighbors,
  };
});
