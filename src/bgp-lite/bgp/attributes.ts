/**
 * Path attributes as they are read (RFC 4271 §4.3), each with what is to be done when it is wrong (RFC 7606 §7).
 * `update.ts` walks over them.
 */
import { type AsPath, readAsPath } from './as-path.js';
import { AS_TRANS, AttributeFlag, AttributeType, UpdateError } from './numbers.js';

/** What the session has agreed on, as far as reading an UPDATE depends on it. */
export interface AttributeContext {
  internal: boolean;
  /** Both sides have 4-octet AS numbers. */
  as4: boolean;
}

/** Null or empty where the attribute was absent or has been discarded. */
export interface PathAttributes {
  origin: 0 | 1 | 2 | null;
  asPath: AsPath | null;
  /** NEXT_HOP, 4 octets. */
  nextHop: Uint8Array | null;
  med: number | null;
  localPref: number | null;
  /** `asn:value` as 32 bits. */
  communities: number[];
  largeCommunities: [number, number, number][];
  /** RFC 9234 §5. */
  otc: number | null;
  as4Path: AsPath | null;
  /** AGGREGATOR names an AS that is not AS_TRANS: what AS4_PATH says is to be ignored (RFC 6793 §4.2.3). */
  ignoreAs4: boolean;
}

/** In rising strength: this attribute is left out; the routes of the message are gone; the session is. */
export type Severity = 'discard' | 'withdraw' | 'reset';

export interface Fault {
  severity: Severity;
  /** Of an UPDATE Message Error, should it come to that. */
  subcode: number;
  reason: string;
}

export function noAttributes(): PathAttributes {
  return {
    origin: null,
    asPath: null,
    nextHop: null,
    med: null,
    localPref: null,
    communities: [],
    largeCommunities: [],
    otc: null,
    as4Path: null,
    ignoreAs4: false,
  };
}

const { OPTIONAL, TRANSITIVE } = AttributeFlag;
const WELL_KNOWN = TRANSITIVE;
const LOCAL = OPTIONAL;
const GLOBAL = OPTIONAL | TRANSITIVE;

const withdraw = (subcode: number, reason: string): Fault => ({ severity: 'withdraw', subcode, reason });
const discard = (reason: string): Fault => ({ severity: 'discard', subcode: UpdateError.OPTIONAL, reason });

interface Rule {
  name: string;
  /** Optional and Transitive bits that the type must have. */
  flags: number;
  /** Comes before any look at flags and content. */
  before?(context: AttributeContext): Fault | null;
  read(value: Uint8Array, into: PathAttributes, context: AttributeContext): Fault | null;
}

const u32 = (value: Uint8Array, at = 0) =>
  (value[at] ?? 0) * 0x1000000 + (((value[at + 1] ?? 0) << 16) | ((value[at + 2] ?? 0) << 8) | (value[at + 3] ?? 0));

const lengthFault = (name: string, { length }: Uint8Array) =>
  withdraw(UpdateError.LENGTH, `${name} of ${length} octets`);

/** An attribute that external neighbours must not send. */
const internalOnly = (name: string) => (context: AttributeContext) =>
  context.internal ? null : discard(`${name} from an external neighbour`);

/** One whose content matters to nobody here, in steps of `unit` octets. */
function listRule(name: string, flags: number, unit: number, before?: Rule['before']): Rule {
  return {
    name,
    flags,
    ...(before === undefined ? {} : { before }),
    read: (value) => (value.length === 0 || value.length % unit !== 0 ? lengthFault(name, value) : null),
  };
}

const RULES = new Map<number, Rule>([
  [
    AttributeType.ORIGIN,
    {
      name: 'ORIGIN',
      flags: WELL_KNOWN,
      read(value, into) {
        if (value.length !== 1) return lengthFault('ORIGIN', value);
        const origin = value[0];
        if (origin !== 0 && origin !== 1 && origin !== 2) return withdraw(UpdateError.ORIGIN, `ORIGIN ${origin}`);
        into.origin = origin;
        return null;
      },
    },
  ],
  [
    AttributeType.AS_PATH,
    {
      name: 'AS_PATH',
      flags: WELL_KNOWN,
      read(value, into, { as4 }) {
        const path = readAsPath(value, as4 ? 4 : 2);
        if (path === null) return withdraw(UpdateError.AS_PATH, 'malformed AS_PATH');
        into.asPath = path;
        return null;
      },
    },
  ],
  [
    AttributeType.NEXT_HOP,
    {
      name: 'NEXT_HOP',
      flags: WELL_KNOWN,
      read(value, into) {
        if (value.length !== 4) return lengthFault('NEXT_HOP', value);
        into.nextHop = Uint8Array.from(value);
        return null;
      },
    },
  ],
  [
    AttributeType.MED,
    {
      name: 'MULTI_EXIT_DISC',
      flags: LOCAL,
      read(value, into) {
        if (value.length !== 4) return lengthFault('MULTI_EXIT_DISC', value);
        into.med = u32(value);
        return null;
      },
    },
  ],
  [
    AttributeType.LOCAL_PREF,
    {
      name: 'LOCAL_PREF',
      flags: WELL_KNOWN,
      before: internalOnly('LOCAL_PREF'),
      read(value, into) {
        if (value.length !== 4) return lengthFault('LOCAL_PREF', value);
        into.localPref = u32(value);
        return null;
      },
    },
  ],
  [
    AttributeType.ATOMIC_AGGREGATE,
    {
      name: 'ATOMIC_AGGREGATE',
      flags: WELL_KNOWN,
      read: ({ length }) => (length === 0 ? null : discard(`ATOMIC_AGGREGATE of ${length} octets`)),
    },
  ],
  [
    AttributeType.AGGREGATOR,
    {
      name: 'AGGREGATOR',
      flags: GLOBAL,
      read(value, into, { as4 }) {
        if (value.length !== (as4 ? 8 : 6)) return discard(`AGGREGATOR of ${value.length} octets`);
        if (!as4) into.ignoreAs4 = (((value[0] ?? 0) << 8) | (value[1] ?? 0)) !== AS_TRANS;
        return null;
      },
    },
  ],
  [
    AttributeType.COMMUNITIES,
    {
      name: 'COMMUNITIES',
      flags: GLOBAL,
      read(value, into) {
        if (value.length === 0 || value.length % 4 !== 0) return lengthFault('COMMUNITIES', value);
        for (let at = 0; at < value.length; at += 4) into.communities.push(u32(value, at));
        return null;
      },
    },
  ],
  [
    AttributeType.LARGE_COMMUNITIES,
    {
      name: 'LARGE_COMMUNITIES',
      flags: GLOBAL,
      read(value, into) {
        if (value.length === 0 || value.length % 12 !== 0) return lengthFault('LARGE_COMMUNITIES', value);
        for (let at = 0; at < value.length; at += 12) {
          into.largeCommunities.push([u32(value, at), u32(value, at + 4), u32(value, at + 8)]);
        }
        return null;
      },
    },
  ],
  [AttributeType.EXTENDED_COMMUNITIES, listRule('EXTENDED_COMMUNITIES', GLOBAL, 8)],
  [
    AttributeType.ORIGINATOR_ID,
    {
      name: 'ORIGINATOR_ID',
      flags: LOCAL,
      before: internalOnly('ORIGINATOR_ID'),
      read: (value) => (value.length === 4 ? null : lengthFault('ORIGINATOR_ID', value)),
    },
  ],
  [AttributeType.CLUSTER_LIST, listRule('CLUSTER_LIST', LOCAL, 4, internalOnly('CLUSTER_LIST'))],
  [
    AttributeType.AS4_PATH,
    {
      name: 'AS4_PATH',
      flags: GLOBAL,
      before: ({ as4 }) => (as4 ? discard('AS4_PATH on a session with 4-octet AS numbers') : null),
      read(value, into) {
        const path = value.length < 6 ? null : readAsPath(value, 4);
        if (path === null) return discard('malformed AS4_PATH');
        into.as4Path = path;
        return null;
      },
    },
  ],
  [
    AttributeType.AS4_AGGREGATOR,
    {
      name: 'AS4_AGGREGATOR',
      flags: GLOBAL,
      before: ({ as4 }) => (as4 ? discard('AS4_AGGREGATOR on a session with 4-octet AS numbers') : null),
      read: ({ length }) => (length === 8 ? null : discard(`AS4_AGGREGATOR of ${length} octets`)),
    },
  ],
  [
    AttributeType.OTC,
    {
      name: 'OTC',
      flags: GLOBAL,
      read(value, into) {
        if (value.length !== 4) return lengthFault('OTC', value);
        into.otc = u32(value);
        return null;
      },
    },
  ],
]);

/** Takes one attribute, other than those of RFC 4760, into `into`. Null when all is well. */
export function readAttribute(
  flags: number,
  type: number,
  value: Uint8Array,
  into: PathAttributes,
  context: AttributeContext,
): Fault | null {
  const rule = RULES.get(type);
  if (rule === undefined) {
    if ((flags & OPTIONAL) !== 0) return null;
    const reason = `unknown well-known attribute ${type}`;
    return { severity: 'reset', subcode: UpdateError.UNKNOWN_WELL_KNOWN, reason };
  }
  const fault = rule.before?.(context) ?? null;
  if (fault !== null) return fault;
  if ((flags & GLOBAL) !== rule.flags) {
    return withdraw(UpdateError.FLAGS, `${rule.name} with flags 0x${flags.toString(16)}`);
  }
  return rule.read(value, into, context);
}
