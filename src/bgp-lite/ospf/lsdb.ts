/** Stored LSAs: their age, which instance is newer, and how many there are (RFC 2328 §12.2, §14). */

import { type LsaHeader, lsaKey, readLsaHeader, withAge } from './codec/lsa.js';
import { LSA_HEADER_BYTES, MAX_AGE_SECONDS } from './codec/numbers.js';

export interface Lsa extends Omit<LsaHeader, 'ageSeconds'> {
  /** Unique within its store. */
  key: string;
  /** Header and body; the age in it is that of the moment it was stored. */
  bytes: Uint8Array;
  store: LsaStore;
  /** Clock and age when it was stored. */
  storedMs: number;
  storedAge: number;
  /** Made by this run of the program; otherwise it came from a neighbour. */
  own: boolean;
  /** Retransmission lists that it is on. */
  lists: number;
  /** Sent out again because it reached MaxAge. */
  expired: boolean;
  /** Clock when it was last sent to a neighbour that had an older one. */
  repliedMs: number;
  /** Clock when it was last sent at all. */
  sentMs: number;
  /** Age up to which its checksum was verified again, seconds. */
  checkedAge: number;
}

/** The LSAs of one scope: of the AS, of an area, or of a link. */
export interface LsaStore {
  name: string;
  lsas: Map<string, Lsa>;
}

export const createStore = (name: string): LsaStore => ({ name, lsas: new Map() });

/** Seconds, at most MaxAge. */
export function ageOf(lsa: Lsa, clockMs: number): number {
  return Math.min(MAX_AGE_SECONDS, lsa.storedAge + Math.floor(Math.max(0, clockMs - lsa.storedMs) / 1000));
}

export const isMaxAge = (lsa: Lsa, clockMs: number): boolean => ageOf(lsa, clockMs) >= MAX_AGE_SECONDS;

/** The header as it is now. */
export function headerOf(lsa: Lsa, clockMs: number): LsaHeader {
  const { type, id, advertiser, options, sequence, checksum, length } = lsa;
  return { type, id, advertiser, options, sequence, checksum, length, ageSeconds: ageOf(lsa, clockMs) };
}

/** The whole LSA as it is sent: older by the transmit delay, never above MaxAge (RFC 2328 §13.3). */
export function bytesToSend(lsa: Lsa, clockMs: number, delaySeconds: number): Uint8Array {
  return withAge(lsa.bytes, Math.min(MAX_AGE_SECONDS, ageOf(lsa, clockMs) + delaySeconds));
}

export const bodyOf = (lsa: Lsa): Uint8Array => lsa.bytes.subarray(LSA_HEADER_BYTES);

/** Puts an LSA in the place of an older instance; the octets are copied. */
export function storeLsa(
  store: LsaStore,
  version: 2 | 3,
  octets: Uint8Array,
  { clockMs, own }: { clockMs: number; own: boolean },
): Lsa {
  const bytes = octets.slice();
  const { ageSeconds, ...header } = readLsaHeader(version, bytes, 0);
  const lsa: Lsa = {
    ...header,
    key: lsaKey(header),
    bytes,
    store,
    storedMs: clockMs,
    storedAge: ageSeconds,
    own,
    lists: 0,
    expired: false,
    repliedMs: Number.NEGATIVE_INFINITY,
    sentMs: Number.NEGATIVE_INFINITY,
    checkedAge: ageSeconds,
  };
  store.lsas.set(lsa.key, lsa);
  return lsa;
}

/** Sets the age to MaxAge and leaves the rest alone (RFC 2328 §14.1: premature ageing). */
export function ageOut(lsa: Lsa, clockMs: number): void {
  lsa.storedMs = clockMs;
  lsa.storedAge = MAX_AGE_SECONDS;
  lsa.expired = true;
}
