/**
 * STUN messages (RFC 8489 §5, §14), read and written whole. What is read comes from anybody: every length is checked
 * once, here, and what is wrong has a name. Integrity is not checked: there are no credentials between a customer and
 * the network's own responder.
 */
import { fingerprintOf } from './fingerprint.js';
import { ATTRIBUTE_HEAD_BYTES, Attribute, HEADER_BYTES, MAGIC_COOKIE, TRANSACTION_BYTES } from './numbers.js';

export type StunKind = 'request' | 'indication' | 'success' | 'error';

export interface StunAttribute {
  type: number;
  /** Without the padding. */
  value: Uint8Array;
}

export interface StunMessage {
  kind: StunKind;
  method: number;
  /** TRANSACTION_BYTES octets. */
  transaction: Uint8Array;
  /** In their order, without FINGERPRINT; what follows a MESSAGE-INTEGRITY is left out (RFC 8489 §14.5). */
  attributes: StunAttribute[];
  /** It ended with a FINGERPRINT that is right. */
  fingerprint: boolean;
}

/** `foreign`: no STUN at all; `length`: the header's is not the message's; `attribute`: one reaches past the end. */
export type StunRefusal = 'foreign' | 'length' | 'attribute' | 'attributes' | 'fingerprint';

export type StunReading = { message: StunMessage } | { refused: StunRefusal };

/** No request of RFC 8489 or RFC 5780 comes near. */
const MAX_ATTRIBUTES = 32;
const KINDS = ['request', 'indication', 'success', 'error'] as const;
const INTEGRITY: readonly number[] = [Attribute.MESSAGE_INTEGRITY, Attribute.MESSAGE_INTEGRITY_SHA256];

/** The length of the message that begins here, header included; null for what is no STUN. Takes HEADER_BYTES octets. */
export function stunLength(octets: Uint8Array): number | null {
  if (octets.length < HEADER_BYTES) return null;
  const view = viewOf(octets);
  // The two bits that tell STUN from what shares a port with it, and the cookie (RFC 8489 §5).
  if ((view.getUint8(0) & 0xc0) !== 0 || view.getUint32(4) !== MAGIC_COOKIE) return null;
  return HEADER_BYTES + view.getUint16(2);
}

/** Reads one message; the values are views of `octets`. */
export function readStun(octets: Uint8Array): StunReading {
  const length = stunLength(octets);
  if (length === null) return { refused: 'foreign' };
  if (length !== octets.length || length % 4 !== 0) return { refused: 'length' };
  const view = viewOf(octets);
  const attributes: StunAttribute[] = [];
  let protectedPart = false;
  let fingerprint = false;
  for (let at = HEADER_BYTES; at < length; ) {
    if (fingerprint) return { refused: 'fingerprint' };
    // A multiple of four is left, so that there is room for the head.
    const type = view.getUint16(at);
    const size = view.getUint16(at + 2);
    const start = at + ATTRIBUTE_HEAD_BYTES;
    if (start + size > length) return { refused: 'attribute' };
    const value = octets.subarray(start, start + size);
    if (type === Attribute.FINGERPRINT) {
      if (size !== 4 || view.getUint32(start) !== fingerprintOf(octets.subarray(0, at))) {
        return { refused: 'fingerprint' };
      }
      fingerprint = true;
    } else if (INTEGRITY.includes(type)) {
      protectedPart = true;
    } else if (!protectedPart) {
      if (attributes.length === MAX_ATTRIBUTES) return { refused: 'attributes' };
      attributes.push({ type, value });
    }
    at = start + padded(size);
  }
  const { kind, method } = splitType(view.getUint16(0));
  const transaction = octets.subarray(HEADER_BYTES - TRANSACTION_BYTES, HEADER_BYTES);
  return { message: { kind, method, transaction, attributes, fingerprint } };
}

/** The octets of a message. Throws RangeError for one that no length field can tell. */
export function writeStun(message: StunMessage): Uint8Array {
  const { kind, method, transaction, attributes, fingerprint } = message;
  const length = stunBytes(attributes) + (fingerprint ? FINGERPRINT_BYTES : 0);
  if (length - HEADER_BYTES > 0xffff) throw new RangeError(`a STUN message of ${length} bytes`);
  const octets = new Uint8Array(length);
  const view = viewOf(octets);
  view.setUint16(0, joinType(kind, method));
  view.setUint16(2, length - HEADER_BYTES);
  view.setUint32(4, MAGIC_COOKIE);
  octets.set(transaction, 8);
  let at = HEADER_BYTES;
  for (const { type, value } of attributes) {
    view.setUint16(at, type);
    view.setUint16(at + 2, value.length);
    octets.set(value, at + ATTRIBUTE_HEAD_BYTES);
    at += ATTRIBUTE_HEAD_BYTES + padded(value.length);
  }
  if (fingerprint) {
    view.setUint16(at, Attribute.FINGERPRINT);
    view.setUint16(at + 2, 4);
    view.setUint32(at + ATTRIBUTE_HEAD_BYTES, fingerprintOf(octets.subarray(0, at)));
  }
  return octets;
}

/** Bytes that FINGERPRINT takes. */
export const FINGERPRINT_BYTES = ATTRIBUTE_HEAD_BYTES + 4;

/** Bytes of a message with these attributes, without FINGERPRINT. */
export function stunBytes(attributes: readonly StunAttribute[]): number {
  return attributes.reduce((sum, { value }) => sum + ATTRIBUTE_HEAD_BYTES + padded(value.length), HEADER_BYTES);
}

/** The value of the first attribute of a type (RFC 8489 §14: later ones may be passed over), or null. */
export function attributeOf(message: StunMessage, type: number): Uint8Array | null {
  return message.attributes.find((attribute) => attribute.type === type)?.value ?? null;
}

/** RFC 8489 §5: the class's two bits stand between the method's. */
function splitType(type: number): { kind: StunKind; method: number } {
  const kind = KINDS[((type >> 7) & 2) | ((type >> 4) & 1)] as StunKind;
  return { kind, method: (type & 0xf) | ((type >> 1) & 0x70) | ((type >> 2) & 0xf80) };
}

function joinType(kind: StunKind, method: number): number {
  const bits = KINDS.indexOf(kind);
  return (method & 0xf) | ((method & 0x70) << 1) | ((method & 0xf80) << 2) | ((bits & 2) << 7) | ((bits & 1) << 4);
}

function padded(size: number): number {
  return (size + 3) & ~3;
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
