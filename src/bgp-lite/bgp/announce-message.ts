/** UPDATE as it is sent: one kind of content each (RFC 7606 §5.1), MP_REACH_NLRI first, the rest in ascending order. */
import type { Family } from '../../config/address.js';
import { type AsPath, encodeAsPath, needsAs4 } from './as-path.js';
import { message } from './message.js';
import { type Nlri, octetsOf } from './nlri.js';
import {
  AttributeFlag,
  AttributeType,
  afiOf,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  MessageType,
  SAFI_UNICAST,
} from './numbers.js';

export interface OutAttributes {
  origin: 0 | 1 | 2;
  asPath: AsPath;
  med: number | null;
  /** Null towards external neighbours. */
  localPref: number | null;
  communities: number[];
  largeCommunities: [number, number, number][];
  otc: number | null;
}

export interface OutRoute {
  family: Family;
  nlri: Nlri;
  /** 4 octets go into NEXT_HOP, 16 or 32 (global and link-local) into MP_REACH_NLRI. */
  nextHop: Uint8Array;
  attributes: OutAttributes;
}

const { OPTIONAL, TRANSITIVE, EXTENDED } = AttributeFlag;

/** Withdrawn length, attribute length. */
const LENGTH_FIELDS = 4;
const MAX_BODY_BYTES = MAX_MESSAGE_BYTES - HEADER_BYTES - LENGTH_FIELDS;

/** Routes in as few messages as they fit in: those with equal next hop and attributes share one. */
export function encodeAnnouncements(routes: readonly OutRoute[], as4: boolean): Buffer[] {
  const groups = new Map<string, OutRoute[]>();
  for (const route of routes) {
    const key = `${route.family} ${fingerprint(route)}`;
    groups.set(key, [...(groups.get(key) ?? []), route]);
  }
  return [...groups.values()].flatMap((group) => encodeGroup(group, as4));
}

/** Equal for routes that a neighbour could not tell apart but for their prefix. */
export function fingerprint({ nextHop, attributes }: OutRoute): string {
  return `${Buffer.from(nextHop).toString('hex')} ${JSON.stringify(attributes)}`;
}

function encodeGroup(group: readonly OutRoute[], as4: boolean): Buffer[] {
  const [first] = group;
  if (first === undefined) return [];
  const { family, nextHop, attributes } = first;
  const classic = nextHop.length === 4;
  const rest = encodeAttributes(attributes, classic ? nextHop : null, as4);
  // Flags, type, extended length, AFI, SAFI, length of the next hop, reserved octet.
  const overhead = classic ? 0 : 9 + nextHop.length;
  const chunks = inChunks(
    group.map(({ nlri }) => octetsOf(nlri)),
    MAX_BODY_BYTES - rest.length - overhead,
  );
  return chunks.map((nlri) => {
    if (classic) return update(NOTHING, rest, nlri);
    const head = Buffer.of(0, afiOf(family), SAFI_UNICAST, nextHop.length, ...nextHop, 0);
    return update(
      NOTHING,
      Buffer.concat([attribute(OPTIONAL, AttributeType.MP_REACH, Buffer.concat([head, nlri])), rest]),
      NOTHING,
    );
  });
}

const NOTHING = Buffer.alloc(0);

function encodeAttributes(attributes: OutAttributes, nextHop: Uint8Array | null, as4: boolean): Buffer {
  const { origin, asPath, med, localPref, communities, largeCommunities, otc } = attributes;
  const parts = [
    attribute(TRANSITIVE, AttributeType.ORIGIN, Buffer.of(origin)),
    attribute(TRANSITIVE, AttributeType.AS_PATH, encodeAsPath(asPath, as4 ? 4 : 2)),
  ];
  if (nextHop !== null) parts.push(attribute(TRANSITIVE, AttributeType.NEXT_HOP, nextHop));
  if (med !== null) parts.push(attribute(OPTIONAL, AttributeType.MED, words([med])));
  if (localPref !== null) parts.push(attribute(TRANSITIVE, AttributeType.LOCAL_PREF, words([localPref])));
  const both = OPTIONAL | TRANSITIVE;
  if (communities.length > 0) parts.push(attribute(both, AttributeType.COMMUNITIES, words(communities)));
  if (!as4 && needsAs4(asPath)) parts.push(attribute(both, AttributeType.AS4_PATH, encodeAsPath(asPath, 4)));
  if (largeCommunities.length > 0) {
    parts.push(attribute(both, AttributeType.LARGE_COMMUNITIES, words(largeCommunities.flat())));
  }
  if (otc !== null) parts.push(attribute(both, AttributeType.OTC, words([otc])));
  return Buffer.concat(parts);
}

function words(values: readonly number[]): Buffer {
  const octets = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    octets.writeUInt32BE(value, index * 4);
  });
  return octets;
}

function attribute(flags: number, type: number, value: Uint8Array): Buffer {
  const { length } = value;
  const head =
    length > 255 ? Buffer.of(flags | EXTENDED, type, length >> 8, length & 0xff) : Buffer.of(flags, type, length);
  return Buffer.concat([head, value]);
}

/** Withdrawals of one family: IPv4 without attributes, IPv6 in MP_UNREACH_NLRI alone. */
export function encodeWithdrawals(family: Family, nlri: readonly Nlri[]): Buffer[] {
  // Flags, type, extended length, AFI, SAFI.
  const overhead = family === 4 ? 0 : 7;
  return inChunks(nlri.map(octetsOf), MAX_BODY_BYTES - overhead).map((octets) => {
    return family === 4 ? update(octets, NOTHING, NOTHING) : update(NOTHING, unreach(family, octets), NOTHING);
  });
}

/** RFC 4724 §2. */
export function encodeEndOfRib(family: Family): Buffer {
  return update(NOTHING, family === 4 ? NOTHING : unreach(family, NOTHING), NOTHING);
}

function unreach(family: Family, octets: Buffer): Buffer {
  const value = Buffer.concat([Buffer.of(0, afiOf(family), SAFI_UNICAST), octets]);
  return attribute(OPTIONAL, AttributeType.MP_UNREACH, value);
}

function update(withdrawn: Buffer, attributes: Buffer, nlri: Buffer): Buffer {
  const length = ({ length }: Buffer) => Buffer.of(length >> 8, length & 0xff);
  return message(
    MessageType.UPDATE,
    Buffer.concat([length(withdrawn), withdrawn, length(attributes), attributes, nlri]),
  );
}

/** Joins pieces up to `most` octets each. */
function inChunks(pieces: readonly Buffer[], most: number): Buffer[] {
  const chunks: Buffer[] = [];
  let open: Buffer[] = [];
  let size = 0;
  for (const piece of pieces) {
    if (size + piece.length > most && open.length > 0) {
      chunks.push(Buffer.concat(open));
      open = [];
      size = 0;
    }
    open.push(piece);
    size += piece.length;
  }
  if (open.length > 0) chunks.push(Buffer.concat(open));
  return chunks;
}
