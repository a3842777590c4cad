/** The header of every packet (RFC 2328 §A.3.1, RFC 5340 §A.3.1). Checksum and authentication are filled in later. */
import { joined, viewOf } from './bytes.js';

export const HEADER_BYTES = { 2: 24, 3: 16 } as const;
export const CHECKSUM_AT = 12;

export interface PacketHeader {
  type: number;
  /** Octets with the header, without digest or trailer. */
  length: number;
  routerId: number;
  areaId: number;
  /** Version 3 only. */
  instanceId: number;
}

export function writePacket(version: 2 | 3, header: Omit<PacketHeader, 'length'>, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(HEADER_BYTES[version]);
  const view = viewOf(head);
  view.setUint8(0, version);
  view.setUint8(1, header.type);
  view.setUint16(2, head.length + body.length);
  view.setUint32(4, header.routerId);
  view.setUint32(8, header.areaId);
  if (version === 3) view.setUint8(14, header.instanceId);
  return joined(head, body);
}

/** Null for what is no packet of this version: too short, another version, another type, a length that does not fit. */
export function readPacketHeader(version: 2 | 3, bytes: Uint8Array): PacketHeader | null {
  const fixed = HEADER_BYTES[version];
  if (bytes.length < fixed) return null;
  const view = viewOf(bytes);
  const [type, length] = [view.getUint8(1), view.getUint16(2)];
  if (view.getUint8(0) !== version || type < 1 || type > 5) return null;
  if (length < fixed || length > bytes.length) return null;
  const instanceId = version === 3 ? view.getUint8(14) : 0;
  return { type, length, routerId: view.getUint32(4), areaId: view.getUint32(8), instanceId };
}
