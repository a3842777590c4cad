/** Capabilities (RFC 5492): what each side says it can do, read with bounds, and written. */
import type { Family } from '../../config/address.js';
import { afiOf, Capability, familyOf, ROLES, type Role, SAFI_UNICAST } from './numbers.js';

export interface GracefulRestart {
  /** R: the sender has restarted (RFC 4724 §3). */
  restarted: boolean;
  /** N: NOTIFICATIONs keep the routes as well (RFC 8538 §2). */
  notification: boolean;
  restartTimeSeconds: number;
  /** Families whose routes are to be kept, with F: the forwarding state was preserved. */
  families: { family: Family; forwarding: boolean }[];
}

export interface Capabilities {
  /** Null when the neighbour sent no multiprotocol capability at all: IPv4 unicast alone (RFC 4760 §8). */
  families: Family[] | null;
  routeRefresh: boolean;
  enhancedRefresh: boolean;
  /** RFC 8950 for IPv4 unicast. */
  extendedNextHop: boolean;
  gracefulRestart: GracefulRestart | null;
  as4: number | null;
  /** Each value that was sent once; more than one is an error (RFC 9234 §4.2). */
  roles: number[];
  /** Codes that mean nothing here, each once. */
  unknown: number[];
}

/** RFC 4724 §3. */
const RESTARTED = 0x8000;
const NOTIFICATION = 0x4000;
const RESTART_TIME = 0x0fff;
const FORWARDING = 0x80;

export function noCapabilities(): Capabilities {
  return {
    families: null,
    routeRefresh: false,
    enhancedRefresh: false,
    extendedNextHop: false,
    gracefulRestart: null,
    as4: null,
    roles: [],
    unknown: [],
  };
}

const u16 = (octets: Uint8Array, at: number) => ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
const u32 = (octets: Uint8Array, at: number) => u16(octets, at) * 0x10000 + u16(octets, at + 2);

/** Adds the triples of one Capabilities parameter to `found`. False when they do not fit in it or one is malformed. */
export function readCapabilities(octets: Uint8Array, found: Capabilities): boolean {
  let at = 0;
  while (at < octets.length) {
    if (at + 2 > octets.length) return false;
    const code = octets[at] ?? 0;
    const end = at + 2 + (octets[at + 1] ?? 0);
    if (end > octets.length) return false;
    if (!readCapability(code, octets.subarray(at + 2, end), found)) return false;
    at = end;
  }
  return true;
}

function readCapability(code: number, value: Uint8Array, found: Capabilities): boolean {
  switch (code) {
    case Capability.MULTIPROTOCOL: {
      if (value.length !== 4) return false;
      found.families ??= [];
      const family = familyOf(u16(value, 0), value[3] ?? 0);
      if (family !== null && !found.families.includes(family)) found.families.push(family);
      return true;
    }
    case Capability.ROUTE_REFRESH:
      found.routeRefresh = true;
      return true;
    case Capability.ENHANCED_REFRESH:
      found.enhancedRefresh = true;
      return true;
    case Capability.EXTENDED_NEXT_HOP:
      for (let at = 0; at + 6 <= value.length; at += 6) {
        if (familyOf(u16(value, at), u16(value, at + 2)) === 4 && u16(value, at + 4) === 2)
          found.extendedNextHop = true;
      }
      return true;
    case Capability.AS4:
      if (value.length !== 4) return false;
      found.as4 ??= u32(value, 0);
      return true;
    case Capability.ROLE:
      if (value.length !== 1) return false;
      if (!found.roles.includes(value[0] ?? 0)) found.roles.push(value[0] ?? 0);
      return true;
    case Capability.GRACEFUL_RESTART:
      found.gracefulRestart = readGracefulRestart(value) ?? found.gracefulRestart;
      return true;
    default:
      if (!found.unknown.includes(code)) found.unknown.push(code);
      return true;
  }
}

function readGracefulRestart(value: Uint8Array): GracefulRestart | null {
  if (value.length < 2) return null;
  const first = u16(value, 0);
  const families: GracefulRestart['families'] = [];
  for (let at = 2; at + 4 <= value.length; at += 4) {
    const family = familyOf(u16(value, at), value[at + 2] ?? 0);
    if (family === null || families.some((one) => one.family === family)) continue;
    families.push({ family, forwarding: ((value[at + 3] ?? 0) & FORWARDING) !== 0 });
  }
  return {
    restarted: (first & RESTARTED) !== 0,
    notification: (first & NOTIFICATION) !== 0,
    restartTimeSeconds: first & RESTART_TIME,
    families,
  };
}

const triple = (code: number, ...value: number[]) => Buffer.of(code, value.length, ...value);

/** The multiprotocol capability of a family, also as data of 2/7. */
export function multiprotocolTriple(family: Family): Buffer {
  return triple(Capability.MULTIPROTOCOL, 0, afiOf(family), 0, SAFI_UNICAST);
}

/** The triples in ascending order of their codes. */
export function encodeCapabilities(own: Capabilities): Buffer {
  const parts = (own.families ?? []).map(multiprotocolTriple);
  if (own.routeRefresh) parts.push(triple(Capability.ROUTE_REFRESH));
  if (own.extendedNextHop) parts.push(triple(Capability.EXTENDED_NEXT_HOP, 0, 1, 0, SAFI_UNICAST, 0, 2));
  for (const role of own.roles) parts.push(triple(Capability.ROLE, role));
  if (own.gracefulRestart !== null) parts.push(encodeGracefulRestart(own.gracefulRestart));
  if (own.as4 !== null) {
    const as4 = Buffer.alloc(4);
    as4.writeUInt32BE(own.as4);
    parts.push(triple(Capability.AS4, ...as4));
  }
  if (own.enhancedRefresh) parts.push(triple(Capability.ENHANCED_REFRESH));
  return Buffer.concat(parts);
}

function encodeGracefulRestart(own: GracefulRestart): Buffer {
  const flags = (own.restarted ? RESTARTED : 0) | (own.notification ? NOTIFICATION : 0);
  const first = flags | Math.min(own.restartTimeSeconds, RESTART_TIME);
  const families = own.families.flatMap(({ family, forwarding }) => {
    return [0, afiOf(family), SAFI_UNICAST, forwarding ? FORWARDING : 0];
  });
  return triple(Capability.GRACEFUL_RESTART, first >> 8, first & 0xff, ...families);
}

/** For `neighbor show`. */
export function describeCapabilities(found: Capabilities): string[] {
  const words: string[] = (found.families ?? []).map((family) => `multiprotocol IPv${family} unicast`);
  if (found.routeRefresh) words.push('route refresh');
  if (found.enhancedRefresh) words.push('enhanced route refresh');
  if (found.extendedNextHop) words.push('IPv4 routes with IPv6 next hop');
  if (found.as4 !== null) words.push('4-octet AS numbers');
  for (const role of found.roles) words.push(`role ${roleName(role) ?? role}`);
  const restart = found.gracefulRestart;
  if (restart !== null) {
    const families = restart.families.map(({ family, forwarding }) => `IPv${family}${forwarding ? ' (kept)' : ''}`);
    const flags = `${restart.restarted ? ', restarted' : ''}${restart.notification ? ', also after NOTIFICATION' : ''}`;
    words.push(`graceful restart of ${families.join(' and ') || 'no family'}, ${restart.restartTimeSeconds} s${flags}`);
  }
  // A hostile OPEN may name all 256 codes.
  const shown = found.unknown.slice(0, 16).map((code) => `code ${code}`);
  return [...words, ...shown, ...(found.unknown.length > 16 ? [`${found.unknown.length - 16} more`] : [])];
}

export function roleName(value: number): Role | null {
  return ROLES[value] ?? null;
}
