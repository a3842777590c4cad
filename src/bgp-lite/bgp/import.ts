/** What of a neighbour's routes is used: the listed prefixes (RFC 8212), no loops, leaks or impossible next hops. */
import { type Family, formatAddress, isLinkLocal, type Prefix } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import { asnsIn, pathLength } from './as-path.js';
import type { PathAttributes } from './attributes.js';
import type { Negotiated } from './negotiation.js';
import { lengthOf, type Nlri } from './nlri.js';

export interface LearnedRoute {
  prefix: Prefix;
  nextHop: string;
  /** Link-local address that was told beside or instead of a global one (RFC 2545 §3). */
  linkLocal: string | null;
  localPref: number;
  med: number | null;
  /** AS numbers in order, those of sets written out. */
  asPath: number[];
  /** Hops as route selection counts them: a set is one. */
  asPathLength: number;
  origin: 0 | 1 | 2;
  internal: boolean;
  neighborAs: number;
  /** BGP Identifier of the neighbour, dotted. */
  routerId: string;
  communities: number[];
  largeCommunities: [number, number, number][];
  /** Kept for a neighbour that restarts (RFC 4724 §4.2). */
  stale: boolean;
}

export interface LearnedChange {
  prefix: Prefix;
  /** Null: the neighbour's route to it is gone. */
  route: LearnedRoute | null;
}

/** Why a route is not used; each is a counter. */
export const REFUSALS = {
  filter: 'no pattern of the import filter names the prefix, or there is no filter',
  malformed: 'the UPDATE was malformed (RFC 7606)',
  senseless: 'the prefix is none that can be routed to',
  nextHop: 'the next hop is an own address or none that can be used',
  loop: 'the own AS is in the path',
  firstAs: "the path does not begin with the neighbour's AS",
  leak: 'the OTC attribute shows a route leak (RFC 9234)',
} as const;
export type Refusal = keyof typeof REFUSALS;

/** Judges what all prefixes of an UPDATE share. Null when nothing stands against them. */
export function refusalOf(
  attributes: PathAttributes,
  config: BgpNeighborConfig,
  session: Pick<Negotiated, 'internal'>,
): Refusal | null {
  const path = attributes.asPath ?? [];
  const asns = asnsIn(path);
  if (!session.internal && config.enforceFirstAs && asns[0] !== config.remoteAs) return 'firstAs';
  if (asns.includes(config.localAs)) return 'loop';
  return !session.internal && leaks(attributes.otc, config) ? 'leak' : null;
}

/** RFC 9234 §5. */
function leaks(otc: number | null, { role, remoteAs }: BgpNeighborConfig): boolean {
  if (otc === null) return false;
  if (role === 'provider' || role === 'rs') return true;
  return role === 'peer' && otc !== remoteAs;
}

/** Prefixes that nobody can mean: multicast, loopback, link-local, "this network" and what is reserved. */
export function isSenseless(family: Family, nlri: Nlri): boolean {
  const length = lengthOf(nlri);
  const first = nlri.charCodeAt(1);
  if (family === 4) return (length >= 4 && first >= 224) || (length >= 8 && (first === 0 || first === 127));
  if (length >= 8 && first === 0xff) return true;
  if (length >= 10 && first === 0xfe && nlri.charCodeAt(2) >> 6 === 2) return true;
  return length >= 127 && nlri.startsWith('\0'.repeat(15), 1) && nlri.charCodeAt(16) < 2;
}

/** Reads a next hop of 4, 16 or 32 octets. Null when it is none (RFC 4271 §6.3), or of a family not agreed on. */
export function readNextHop(
  family: Family,
  octets: Uint8Array,
  session: Pick<Negotiated, 'extendedNextHop'>,
  localAddress: string,
): { nextHop: string; linkLocal: string | null } | null {
  const numberOf = (part: Uint8Array) => BigInt(`0x${Buffer.from(part).toString('hex')}`);
  if (octets.length === 4) {
    const value = numberOf(octets);
    const top = Number(value >> 24n);
    const nextHop = formatAddress(4, value);
    if (top === 0 || top === 127 || top >= 224 || nextHop === localAddress) return null;
    return { nextHop, linkLocal: null };
  }
  if (family === 4 && !session.extendedNextHop) return null;
  const global = numberOf(octets.subarray(0, 16));
  const second = octets.length === 32 ? numberOf(octets.subarray(16)) : 0n;
  const isLocal = (value: bigint) => isLinkLocal({ family: 6, value });
  const linkLocal = isLocal(second) ? second : isLocal(global) ? global : null;
  const chosen = isLocal(global) || global === 0n ? linkLocal : global;
  if (chosen === null || chosen <= 1n || chosen >> 120n === 0xffn) return null;
  const nextHop = formatAddress(6, chosen);
  if (nextHop === localAddress) return null;
  return { nextHop, linkLocal: linkLocal === null ? null : formatAddress(6, linkLocal) };
}

const DEFAULT_LOCAL_PREF = 100;

/** What the attributes of an accepted UPDATE make of each of its prefixes. */
export function learnedRoute(
  prefix: Prefix,
  attributes: PathAttributes,
  hop: { nextHop: string; linkLocal: string | null },
  config: BgpNeighborConfig,
  session: Pick<Negotiated, 'internal' | 'identifier'>,
): LearnedRoute {
  const path = attributes.asPath ?? [];
  return {
    prefix,
    ...hop,
    localPref: config.import?.localPref ?? attributes.localPref ?? DEFAULT_LOCAL_PREF,
    med: attributes.med,
    asPath: asnsIn(path),
    asPathLength: pathLength(path),
    origin: attributes.origin ?? 2,
    internal: session.internal,
    neighborAs: config.remoteAs,
    routerId: formatAddress(4, BigInt(session.identifier)),
    communities: attributes.communities,
    largeCommunities: attributes.largeCommunities,
    stale: false,
  };
}
