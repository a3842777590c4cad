/** Authentication of OSPFv2 (RFC 2328 appendix D, RFC 5709): AuType 0, 1 and 2. */
import { timingSafeEqual } from 'node:crypto';
import { internetChecksum } from '../../../internet-checksum.js';
import { joined, setWord16, viewOf, word16, word32 } from '../codec/bytes.js';
import { CHECKSUM_AT, HEADER_BYTES, type PacketHeader } from '../codec/packet.js';
import type { Authenticator, AuthenticatorParts, Opened } from './authenticator.js';
import { acceptedKeys, DIGEST_BYTES, digest2, sendingKey } from './keys.js';

const TYPE_AT = 14;
const FIELD_AT = 16;
const FIELD_BYTES = 8;
const AuType = { none: 0, simple: 1, cryptographic: 2 } as const;

/** The checksum leaves out the 64 bits of authentication (RFC 2328 §D.4). */
function checksumOf(packet: Uint8Array): number {
  return internetChecksum(packet.subarray(0, FIELD_AT), packet.subarray(HEADER_BYTES[2]));
}

function passwordField(password: string): Uint8Array {
  const field = new Uint8Array(FIELD_BYTES);
  field.set(Buffer.from(password).subarray(0, FIELD_BYTES));
  return field;
}

export function createAuthenticator2(parts: AuthenticatorParts): Authenticator {
  const { authentication } = parts;
  const auType = AuType[authentication.type];
  if (authentication.type === 'cryptographic') return cryptographic(authentication.keys, parts);
  const field = passwordField(authentication.type === 'simple' ? authentication.password : '');
  return {
    overheadBytes: 0,
    options: 0,
    strict: false,
    seal(packet) {
      const bytes = packet.slice();
      setWord16(bytes, TYPE_AT, auType);
      setWord16(bytes, CHECKSUM_AT, 0);
      setWord16(bytes, CHECKSUM_AT, checksumOf(bytes));
      bytes.set(field, FIELD_AT);
      return bytes;
    },
    open(bytes, { length }): Opened {
      if (word16(bytes, TYPE_AT) !== auType) return { refused: 'ospf.drop.authentication_type' };
      // The sum with the right checksum in it comes out as 0.
      if (checksumOf(bytes.subarray(0, length)) !== 0) return { refused: 'ospf.drop.checksum' };
      const wrong =
        authentication.type === 'simple' && !timingSafeEqual(bytes.subarray(FIELD_AT, FIELD_AT + FIELD_BYTES), field);
      return wrong ? { refused: 'ospf.drop.authentication' } : { sequence: null };
    },
  };
}

function cryptographic(
  keys: Extract<AuthenticatorParts['authentication'], { type: 'cryptographic' }>['keys'],
  { sequences, nowMs, expired }: AuthenticatorParts,
): Authenticator {
  return {
    overheadBytes: Math.max(0, ...keys.map(({ algorithm }) => DIGEST_BYTES[algorithm])),
    options: 0,
    strict: false,
    seal(packet) {
      const chosen = sendingKey(keys, nowMs());
      if (chosen === null) throw new RangeError('cryptographic authentication without a key');
      if (chosen.expired) expired();
      const bytes = packet.slice();
      const view = viewOf(bytes);
      view.setUint16(CHECKSUM_AT, 0);
      view.setUint16(TYPE_AT, AuType.cryptographic);
      view.setUint16(FIELD_AT, 0);
      view.setUint8(FIELD_AT + 2, chosen.key.id);
      view.setUint8(FIELD_AT + 3, DIGEST_BYTES[chosen.key.algorithm]);
      view.setUint32(FIELD_AT + 4, sequences.next32());
      return joined(bytes, digest2(chosen.key, bytes));
    },
    open(bytes: Uint8Array, { length }: PacketHeader): Opened {
      if (word16(bytes, TYPE_AT) !== AuType.cryptographic) return { refused: 'ospf.drop.authentication_type' };
      const [id = 0, digestBytes = 0] = bytes.subarray(FIELD_AT + 2, FIELD_AT + 4);
      const digest = bytes.subarray(length, length + digestBytes);
      const packet = bytes.subarray(0, length);
      const authentic = acceptedKeys(keys, id, nowMs()).some(
        (key) =>
          DIGEST_BYTES[key.algorithm] === digestBytes &&
          digest.length === digestBytes &&
          timingSafeEqual(digest2(key, packet), digest),
      );
      return authentic ? { sequence: BigInt(word32(bytes, FIELD_AT + 4)) } : { refused: 'ospf.drop.authentication' };
    },
  };
}
