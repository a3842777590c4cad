/** Numbers of BGP's messages, as the IANA registries and the RFCs have them. */
import type { Family } from '../../config/address.js';

/** RFC 4271 §4.1, RFC 2918 §3. */
export const MessageType = { OPEN: 1, UPDATE: 2, NOTIFICATION: 3, KEEPALIVE: 4, REFRESH: 5 } as const;

export const HEADER_BYTES = 19;
/** RFC 4271 §4; longer messages (RFC 8654) are not negotiated. */
export const MAX_MESSAGE_BYTES = 4096;
export const VERSION = 4;
export const BGP_PORT = 179;

/** Stands for an AS number that does not fit two octets (RFC 6793 §4.2.1). */
export const AS_TRANS = 23456;
/** RFC 6793 §4.1. */
export const MAX_AS2 = 0xffff;

export const SAFI_UNICAST = 1;

/** IANA address family number. */
export function afiOf(family: Family): number {
  return family === 4 ? 1 : 2;
}

/** Null for families other than unicast IPv4 and IPv6. */
export function familyOf(afi: number, safi: number): Family | null {
  if (safi !== SAFI_UNICAST) return null;
  return afi === 1 ? 4 : afi === 2 ? 6 : null;
}

export const Capability = {
  MULTIPROTOCOL: 1,
  ROUTE_REFRESH: 2,
  EXTENDED_NEXT_HOP: 5,
  EXTENDED_MESSAGE: 6,
  ROLE: 9,
  GRACEFUL_RESTART: 64,
  AS4: 65,
  ENHANCED_REFRESH: 70,
} as const;

export const AttributeType = {
  ORIGIN: 1,
  AS_PATH: 2,
  NEXT_HOP: 3,
  MED: 4,
  LOCAL_PREF: 5,
  ATOMIC_AGGREGATE: 6,
  AGGREGATOR: 7,
  COMMUNITIES: 8,
  ORIGINATOR_ID: 9,
  CLUSTER_LIST: 10,
  MP_REACH: 14,
  MP_UNREACH: 15,
  EXTENDED_COMMUNITIES: 16,
  AS4_PATH: 17,
  AS4_AGGREGATOR: 18,
  LARGE_COMMUNITIES: 32,
  OTC: 35,
} as const;

/** RFC 4271 §4.3. */
export const AttributeFlag = { OPTIONAL: 0x80, TRANSITIVE: 0x40, PARTIAL: 0x20, EXTENDED: 0x10 } as const;

export const SegmentType = { SET: 1, SEQUENCE: 2 } as const;

export const ErrorCode = {
  HEADER: 1,
  OPEN: 2,
  UPDATE: 3,
  HOLD_TIMER: 4,
  FSM: 5,
  CEASE: 6,
  REFRESH: 7,
  SEND_HOLD_TIMER: 8,
} as const;

export const HeaderError = { NOT_SYNCHRONIZED: 1, BAD_LENGTH: 2, BAD_TYPE: 3 } as const;

export const OpenError = {
  VERSION: 1,
  PEER_AS: 2,
  IDENTIFIER: 3,
  PARAMETER: 4,
  HOLD_TIME: 6,
  CAPABILITY: 7,
  ROLE: 11,
} as const;

export const UpdateError = {
  ATTRIBUTE_LIST: 1,
  UNKNOWN_WELL_KNOWN: 2,
  MISSING: 3,
  FLAGS: 4,
  LENGTH: 5,
  ORIGIN: 6,
  NEXT_HOP: 8,
  OPTIONAL: 9,
  NETWORK: 10,
  AS_PATH: 11,
} as const;

/** RFC 4486 §3, RFC 8538 §3, RFC 9384 §3. */
export const Cease = {
  MAX_PREFIXES: 1,
  SHUTDOWN: 2,
  DECONFIGURED: 3,
  RESET: 4,
  REJECTED: 5,
  CONFIG_CHANGE: 6,
  COLLISION: 7,
  RESOURCES: 8,
  HARD_RESET: 9,
  BFD_DOWN: 10,
} as const;

/** Capability value ↔ name (RFC 9234 §4.1); the value says what the sender is. */
export const ROLES = ['provider', 'rs', 'rs-client', 'customer', 'peer'] as const;
export type Role = (typeof ROLES)[number];
