/** The `announce` section: keys, defaults and what each value may be. */
import type { Prefix } from './address.js';

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
  check: { kind: 'ping'; address: string; everyMs: number; timeoutMs: number; down: number; up: number } | { kind: 'bfd' } | null;
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
