/** Authentication of OSPFv3: the IPv6 checksum alone, or the trailer of RFC 7166. */
import { timingSafeEqual } from 'node:crypto';
import { internetChecksum, pseudoHeader } from '../../../internet-checksum.js';
import { bytesOf, joined, setWord16, viewOf, word16 } from '../codec/bytes.js';
import { Option, OSPF_PROTOCOL, PacketType } from '../codec/numbers.js';
import { CHECKSUM_AT, HEADER_BYTES, type PacketHeader } from '../codec/packet.js';
import type { Authenticator, AuthenticatorParts, Ends, Opened } from './authenticator.js';
import { acceptedKeys, DIGEST_BYTES, digest3, sendingKey } from './keys.js';

const TRAILER_HEAD_BYTES = 16;
const TRAILER_TYPE = 1;
/** A link-local signalling block stands between packet and trailer (RFC 5613 §2). */
const OPTION_L = 0x200;

function checksumOf(packet: Uint8Array, { source, destination }: Ends): number {
  return internetChecksum(
    pseudoHeader(bytesOf(source, 16), bytesOf(destination, 16), OSPF_PROTOCOL, packet.length),
    packet,
  );
}

export function createAuthenticator3(parts: AuthenticatorParts): Authenticator {
  const { authentication } = parts;
  if (authentication.type === 'cryptographic') return trailer(authentication.keys, parts);
  return {
    overheadBytes: 0,
    options: 0,
    strict: true,
    seal(packet, ends) {
      const bytes = packet.slice();
      setWord16(bytes, CHECKSUM_AT, 0);
      setWord16(bytes, CHECKSUM_AT, checksumOf(bytes, ends));
      return bytes;
    },
    open(bytes, { length }, ends): Opened {
      // Over what IPv6 says is the payload (RFC 5340 §A.3.1), which signalling blocks may make longer than the packet.
      const whole = checksumOf(bytes.subarray(0, length), ends) === 0 || checksumOf(bytes, ends) === 0;
      return whole ? { sequence: null } : { refused: 'ospf.drop.checksum' };
    },
  };
}

/** Options of a Hello or DD, null for other packets. */
function optionsOf(bytes: Uint8Array, { type, length }: PacketHeader): number | null {
  const at = HEADER_BYTES[3] + (type === PacketType.HELLO ? 4 : 0);
  if ((type !== PacketType.HELLO && type !== PacketType.DD) || length < at + 4) return null;
  return viewOf(bytes).getUint32(at) & 0xffffff;
}

/** Where the trailer begins: after the packet, or after its signalling block. */
function trailerAt(bytes: Uint8Array, header: PacketHeader): number {
  const options = optionsOf(bytes, header);
  if (options === null || (options & OPTION_L) === 0 || header.length + 4 > bytes.length) return header.length;
  return header.length + word16(bytes, header.length + 2) * 4;
}

function trailer(
  keys: Extract<AuthenticatorParts['authentication'], { type: 'cryptographic' }>['keys'],
  { sequences, nowMs, expired }: AuthenticatorParts,
): Authenticator {
  return {
    overheadBytes: TRAILER_HEAD_BYTES + Math.max(0, ...keys.map(({ algorithm }) => DIGEST_BYTES[algorithm])),
    options: Option.AT,
    strict: true,
    seal(packet, { source }) {
      const chosen = sendingKey(keys, nowMs());
      if (chosen === null) throw new RangeError('cryptographic authentication without a key');
      if (chosen.expired) expired();
      const head = new Uint8Array(TRAILER_HEAD_BYTES);
      const view = viewOf(head);
      view.setUint16(0, TRAILER_TYPE);
      view.setUint16(2, TRAILER_HEAD_BYTES + DIGEST_BYTES[chosen.key.algorithm]);
      view.setUint16(6, chosen.key.id);
      view.setBigUint64(8, sequences.next64());
      const covered = joined(packet, head);
      // RFC 7166 §4.2: the digest replaces the checksum.
      setWord16(covered, CHECKSUM_AT, 0);
      return joined(covered, digest3(chosen.key, covered, bytesOf(source, 16)));
    },
    open(bytes, header, { source }): Opened {
      const options = optionsOf(bytes, header);
      if (options !== null && (options & Option.AT) === 0) return { refused: 'ospf.drop.authentication_type' };
      const at = trailerAt(bytes, header);
      if (at + TRAILER_HEAD_BYTES > bytes.length) return { refused: 'ospf.drop.authentication_type' };
      const view = viewOf(bytes);
      const digestBytes = view.getUint16(at + 2) - TRAILER_HEAD_BYTES;
      const digestAt = at + TRAILER_HEAD_BYTES;
      const digest = bytes.subarray(digestAt, digestAt + Math.max(0, digestBytes));
      if (view.getUint16(at) !== TRAILER_TYPE || digest.length !== digestBytes) {
        return { refused: 'ospf.drop.authentication' };
      }
      const covered = bytes.subarray(0, digestAt);
      const authentic = acceptedKeys(keys, view.getUint16(at + 6), nowMs()).some(
        (key) =>
          DIGEST_BYTES[key.algorithm] === digestBytes &&
          timingSafeEqual(digest3(key, covered, bytesOf(source, 16)), digest),
      );
      return authentic ? { sequence: view.getBigUint64(at + 8) } : { refused: 'ospf.drop.authentication' };
    },
  };
}
