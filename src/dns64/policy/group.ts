/**
 * What a group of clients gets: which prefix stands for which IPv4 network, which names are treated otherwise, and how
 * its answers are told apart in the cache.
 */
import { knownPrefix, NON_GLOBAL4, octetsOf, type Prefix, WELL_KNOWN_PREFIX } from '../../config/address.js';
import type { Pref64 } from '../synthesis/pref64.js';
import { Type } from '../wire/numbers.js';
import type { NameSet } from './names.js';
import { Networks } from './networks.js';

/** The addresses of a name that is answered here: 4 and 16 octets each. */
export interface HostAddresses {
  v4: readonly Uint8Array[];
  v6: readonly Uint8Array[];
}

/** The rules for one group, checked. */
export interface GroupRules {
  name: string;
  clients: readonly Prefix[];
  /** IPv4 networks and what stands for them: several prefixes give an address each, none gives none. */
  map: readonly { networks: readonly Prefix[]; prefixes: readonly Prefix[] }[];
  /** Lets the well-known prefix stand for addresses that are not global, against RFC 6052 §3.1: for labs. */
  allowNonGlobal: boolean;
  /** Never returned; as if they were not there (RFC 6147 §5.1.4). */
  exclude: readonly Prefix[];
  never: NameSet;
  always: NameSet;
  /** By `nameKey`. */
  hosts: ReadonlyMap<string, HostAddresses>;
  /** Of `hosts`, names that have a synthetic address of ipv4only.arpa: the NAT64's own (RFC 7050 §3.1). */
  translators: readonly { name: Uint8Array; address: Uint8Array }[];
  /** Whether an error or silence to the AAAA query leads to an A query (RFC 6147 §5.1.2), or only NODATA does. */
  synthesiseOnErrors: boolean;
  /** A records are kept from these clients. */
  dropA: boolean;
  /** Most synthetic records in an answer. */
  maxRecords: number;
  /** Synthesis for clients that set CD without DO, and so say that they check themselves. */
  synthesiseWithCd: boolean;
  /** Answers to PTR queries for synthetic addresses: by CNAME, or this name (RFC 6147 §5.3.1). */
  reverse: { method: 'cname' } | { method: 'local'; name: Uint8Array };
}

/** IPv4 addresses that no host is reached by: blocklists answer with them. */
const NOT_A_HOST = networksOf(
  ['0.0.0.0/32', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '255.255.255.255/32'].map(knownPrefix),
);
const WELL_KNOWN = knownPrefix(WELL_KNOWN_PREFIX);
const NON_GLOBAL = networksOf(NON_GLOBAL4);
const NO_PREFIXES: readonly Pref64[] = [];

/** What stands for the addresses of a network. */
interface Mapped {
  toGlobal: readonly Pref64[];
  /** For addresses that are not global. */
  toOthers: readonly Pref64[];
}

export class Group {
  readonly rules: GroupRules;
  /** Every prefix of the map once. */
  readonly prefixes: readonly Pref64[];
  /** Whose reverse names are ours: the same, and 64:ff9b::/96 in any case (RFC 6147 §5.3.1). */
  readonly reversePrefixes: readonly Pref64[];
  /** False: plain DNS. */
  readonly synthesises: boolean;
  private readonly networks: Networks<Mapped>;
  private readonly excluded: Networks<true>;

  /** `serial` tells the group's answers apart in the cache; 1 to 2^30 - 1. */
  constructor(
    rules: GroupRules,
    readonly serial: number,
  ) {
    this.rules = rules;
    const all = new Map<string, Pref64>();
    const pref64 = (prefix: Prefix): Pref64 => {
      const key = `${prefix.first}/${prefix.length}`;
      const known = all.get(key) ?? { octets: octetsOf(prefix.first, 6), length: prefix.length };
      all.set(key, known);
      return known;
    };
    this.networks = new Networks(
      rules.map.flatMap(({ networks, prefixes }) => {
        // RFC 6052 §3.1: the well-known prefix carries global addresses only; a translator drops the rest.
        const always = rules.allowNonGlobal ? prefixes : prefixes.filter((prefix) => !isWellKnown(prefix));
        const value: Mapped = { toGlobal: prefixes.map(pref64), toOthers: always.map(pref64) };
        return networks.map((network) => [network, value] as const);
      }),
    );
    this.prefixes = [...all.values()];
    this.reversePrefixes = [...this.prefixes, { octets: octetsOf(WELL_KNOWN.first, 6), length: WELL_KNOWN.length }];
    this.synthesises = this.prefixes.length > 0;
    this.excluded = new Networks(rules.exclude.map((prefix) => [prefix, true] as const));
  }

  /** Answers of this type are this group's own, and not the same for all. */
  isOwn(type: number): boolean {
    // ANY is cut down to one RRset before it is ready.
    if (type === Type.AAAA || type === Type.PTR || type === Type.ANY) return true;
    if (type === Type.HTTPS || type === Type.SVCB) return true;
    return this.rules.hosts.size > 0 || (this.rules.dropA && type === Type.A);
  }

  /** Whether a name that does not exist upstream may be refused without a look at the rules for names. */
  get sharesDenials(): boolean {
    return this.rules.hosts.size === 0 && this.rules.always.size === 0;
  }

  isExcluded(v6: Uint8Array): boolean {
    return this.excluded.find(6, v6) === true;
  }

  /** Prefixes that stand for an IPv4 address in the answers, none for one that is left out. */
  prefixesFor(v4: Uint8Array): readonly Pref64[] {
    const mapped = this.networks.find(4, v4);
    if (mapped === null || NOT_A_HOST.find(4, v4) !== null) return NO_PREFIXES;
    return NON_GLOBAL.find(4, v4) === null ? mapped.toGlobal : mapped.toOthers;
  }
}

function networksOf(prefixes: readonly Prefix[]): Networks<true> {
  return new Networks(prefixes.map((prefix) => [prefix, true] as const));
}

function isWellKnown(prefix: Prefix): boolean {
  return prefix.length === WELL_KNOWN.length && prefix.first === WELL_KNOWN.first;
}
