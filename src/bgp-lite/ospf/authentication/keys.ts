/** Which key sends, which keys are taken, and their digests (RFC 2328 appendix D, RFC 5709 §3.3). */
import { createHash, createHmac } from 'node:crypto';
import type { OspfKey } from '../../../config/announce.js';
import { joined } from '../codec/bytes.js';

export const DIGEST_BYTES: Readonly<Record<OspfKey['algorithm'], number>> = {
  md5: 16,
  'hmac-sha-1': 20,
  'hmac-sha-256': 32,
  'hmac-sha-384': 48,
  'hmac-sha-512': 64,
};

const HASH = {
  'hmac-sha-1': 'sha1',
  'hmac-sha-256': 'sha256',
  'hmac-sha-384': 'sha384',
  'hmac-sha-512': 'sha512',
} as const;

const within = (from: number | null, until: number | null, nowMs: number): boolean =>
  (from === null || nowMs >= from) && (until === null || nowMs < until);

/** Of keys that no longer are valid the one that was so last, of keys that are not yet so the first. */
function lastResort(keys: readonly OspfKey[], nowMs: number): OspfKey | undefined {
  const expired = keys.filter(({ sendUntilMs }) => sendUntilMs !== null && sendUntilMs <= nowMs);
  if (expired.length > 0) return expired.reduce((a, b) => ((b.sendUntilMs ?? 0) >= (a.sendUntilMs ?? 0) ? b : a));
  return keys.length === 0 ? undefined : keys.reduce((a, b) => ((b.sendFromMs ?? 0) < (a.sendFromMs ?? 0) ? b : a));
}

/** The valid key of latest start. `expired` when none is valid and the last goes on being used (RFC 2328 §D.3). */
export function sendingKey(keys: readonly OspfKey[], nowMs: number): { key: OspfKey; expired: boolean } | null {
  const valid = keys.filter((key) => within(key.sendFromMs, key.sendUntilMs, nowMs));
  if (valid.length > 0) {
    const start = (key: OspfKey) => key.sendFromMs ?? Number.NEGATIVE_INFINITY;
    return { key: valid.reduce((a, b) => (start(b) >= start(a) ? b : a)), expired: false };
  }
  const key = lastResort(keys, nowMs);
  return key === undefined ? null : { key, expired: true };
}

/** The keys of an ID that are taken now; the last one is also after its end. */
export function acceptedKeys(keys: readonly OspfKey[], id: number, nowMs: number): OspfKey[] {
  const valid = keys.filter((key) => within(key.acceptFromMs, key.acceptUntilMs, nowMs));
  const last = lastResort(keys, nowMs);
  const taken = valid.length > 0 || last === undefined ? valid : [last];
  return taken.filter((key) => key.id === id);
}

/** The key as exactly `length` octets: padded with zeros, or hashed when longer. */
function fitted(secret: Uint8Array, hash: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(secret.length > length ? createHash(hash).update(secret).digest() : secret);
  return bytes;
}

const APAD = Buffer.from('878fe1f3', 'hex');

/** Octets that stand for the digest while it is made; `source` of 16 octets begins them in version 3 (RFC 7166 §4.5). */
function apad(length: number, source: Uint8Array | null): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += APAD.length) bytes.set(APAD, at);
  if (source !== null) bytes.set(source);
  return bytes;
}

/** Digest of a version 2 packet (RFC 2328 §D.4.3, RFC 5709 §3.3). */
export function digest2(key: OspfKey, packet: Uint8Array): Uint8Array {
  const secret = Buffer.from(key.key);
  if (key.algorithm === 'md5') {
    const padded = new Uint8Array(16);
    padded.set(secret.subarray(0, 16));
    return createHash('md5').update(packet).update(padded).digest();
  }
  const length = DIGEST_BYTES[key.algorithm];
  const hash = HASH[key.algorithm];
  return createHmac(hash, fitted(secret, hash, length))
    .update(packet)
    .update(apad(length, null))
    .digest();
}

/** Digest of a version 3 packet with the head of its trailer (RFC 7166 §4.5); `source` of 16 octets. */
export function digest3(key: OspfKey, packet: Uint8Array, source: Uint8Array): Uint8Array {
  if (key.algorithm === 'md5') throw new RangeError('RFC 7166 has no MD5');
  const length = DIGEST_BYTES[key.algorithm];
  const hash = HASH[key.algorithm];
  const protocolId = Uint8Array.of(0, 1);
  const secret = fitted(joined(Buffer.from(key.key), protocolId), hash, length);
  return createHmac(hash, secret).update(packet).update(apad(length, source)).digest();
}
