/** ROUTE-REFRESH (RFC 2918 §3) and its demarcation (RFC 7313 §3). */
import type { Family } from '../../config/address.js';
import { message } from './message.js';
import { type Notification, notification } from './notification.js';
import { afiOf, ErrorCode, familyOf, HeaderError, MessageType, SAFI_UNICAST } from './numbers.js';

export const RefreshKind = { REQUEST: 0, BEGIN: 1, END: 2 } as const;

export interface Refresh {
  /** Null for a family that this speaker never uses. */
  family: Family | null;
  /** One of `RefreshKind`, or what nobody has defined yet. */
  kind: number;
}

const BODY_BYTES = 4;

export function encodeRefresh(family: Family, kind: number): Buffer {
  return message(MessageType.REFRESH, Buffer.of(0, afiOf(family), kind, SAFI_UNICAST));
}

/** `enhanced`: the neighbour sent capability 70, only then has a wrong length an error of its own (RFC 7313 §5). */
export function decodeRefresh(octets: Uint8Array, body: Uint8Array, enhanced: boolean): Refresh | Notification {
  const kind = body[2] ?? 0;
  const framed = kind === RefreshKind.BEGIN || kind === RefreshKind.END;
  if (body.length !== BODY_BYTES && enhanced && framed) {
    return notification(ErrorCode.REFRESH, 1, Uint8Array.from(octets));
  }
  if (body.length < BODY_BYTES) {
    return notification(ErrorCode.HEADER, HeaderError.BAD_LENGTH, Uint8Array.from(octets.subarray(16, 18)));
  }
  return { family: familyOf(((body[0] ?? 0) << 8) | (body[1] ?? 0), body[3] ?? 0), kind };
}
