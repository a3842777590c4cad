/**
 * Server cookies (RFC 7873) in the form that servers share (RFC 9018 §4): version 1, three reserved octets, the time in
 * seconds, and SipHash-2-4 over client cookie, these eight octets and the client's address.
 */
import { SipHash } from './siphash.js';

/** What a query's cookie option says. */
export const CookieState = {
  NONE: 0,
  CLIENT_ONLY: 1,
  VALID: 2,
  /** Valid, and the answer brings a new one: it is old, or was made with the former secret. */
  RENEW: 3,
  INVALID: 4,
} as const;
export type CookieState = (typeof CookieState)[keyof typeof CookieState];

const CLIENT_BYTES = 8;
/** Data of the option in an answer: client cookie and server cookie. */
export const COOKIE_BYTES = 24;
const VERSION = 1;

// RFC 9018 §4.3.
const MAX_AGE_SECONDS = 3600;
const MAX_AHEAD_SECONDS = 300;
const RENEW_AGE_SECONDS = 1800;

export interface CookieOptions {
  /** 16 octets. */
  secret: Uint8Array;
  /** Seconds since 1970. */
  now: () => number;
}

export class ServerCookies {
  private readonly now: () => number;
  private hash: SipHash;
  private former: SipHash | null = null;
  private formerUntil = 0;
  /** Client cookie, version, reserved, time stamp, address of up to 16 octets. */
  private readonly input = new Uint8Array(16 + 16);

  /** Throws RangeError when the secret has not 16 octets. */
  constructor({ secret, now }: CookieOptions) {
    this.hash = new SipHash(secret);
    this.now = now;
  }

  /**
   * Makes cookies with another secret from now on. The former one stays valid for as long as a cookie made with it
   * could (RFC 9018 §5), then it is forgotten: who has found it out can make any cookie.
   */
  roll(secret: Uint8Array): void {
    const next = new SipHash(secret);
    this.former = this.hash;
    this.formerUntil = this.now() + MAX_AGE_SECONDS + MAX_AHEAD_SECONDS;
    this.hash = next;
  }

  /** Judges the option's data, `length` octets at `offset`; `length` is 0 when there is no option. */
  check(bytes: Uint8Array, offset: number, length: number, clientAddress: Uint8Array): CookieState {
    if (length === 0) return CookieState.NONE;
    if (length === CLIENT_BYTES) return CookieState.CLIENT_ONLY;
    // Other lengths are cookies of another server (RFC 7873 §4.2).
    if (length !== COOKIE_BYTES || bytes[offset + 8] !== VERSION) return CookieState.INVALID;
    const now = this.now();
    // Serial arithmetic (RFC 1982): the difference as a signed number, whatever the epoch.
    const age = (now - bigEndian(bytes, offset + 12)) | 0;
    if (age > MAX_AGE_SECONDS || age < -MAX_AHEAD_SECONDS) return CookieState.INVALID;
    // RFC 9018 §4.2: reserved octets go into the hash as they came, and are not required to be zero.
    for (let i = 0; i < 16; i++) this.input[i] = bytes[offset + i] as number;
    const end = this.address(clientAddress);
    this.hash.hash(this.input, end);
    if (matches(this.hash, bytes, offset + 16)) return age > RENEW_AGE_SECONDS ? CookieState.RENEW : CookieState.VALID;
    if (this.former === null) return CookieState.INVALID;
    if (now > this.formerUntil) {
      this.former = null;
      return CookieState.INVALID;
    }
    this.former.hash(this.input, end);
    return matches(this.former, bytes, offset + 16) ? CookieState.RENEW : CookieState.INVALID;
  }

  /**
   * Writes an answer's option data, COOKIE_BYTES of them: the client cookie at `offset` of `client`, and a new server
   * cookie. Returns where they end.
   */
  write(
    out: Uint8Array,
    at: number,
    client: Uint8Array,
    offset: number,
    clientAddress: Uint8Array,
    nowSeconds: number,
  ): number {
    const { input, hash } = this;
    for (let i = 0; i < CLIENT_BYTES; i++) input[i] = client[offset + i] as number;
    input[8] = VERSION;
    input[9] = 0;
    input[10] = 0;
    input[11] = 0;
    input[12] = nowSeconds >>> 24;
    input[13] = nowSeconds >>> 16;
    input[14] = nowSeconds >>> 8;
    input[15] = nowSeconds;
    hash.hash(input, this.address(clientAddress));
    for (let i = 0; i < 16; i++) out[at + i] = input[i] as number;
    for (let i = 0; i < 4; i++) {
      out[at + 16 + i] = hash.low >>> (8 * i);
      out[at + 20 + i] = hash.high >>> (8 * i);
    }
    return at + COOKIE_BYTES;
  }

  private address(clientAddress: Uint8Array): number {
    for (let i = 0; i < clientAddress.length; i++) this.input[16 + i] = clientAddress[i] as number;
    return 16 + clientAddress.length;
  }
}

/** In constant time: how many octets were guessed right is nobody's business. */
function matches({ low, high }: SipHash, bytes: Uint8Array, at: number): boolean {
  let difference = 0;
  for (let i = 0; i < 4; i++) {
    difference |= (bytes[at + i] as number) ^ ((low >>> (8 * i)) & 0xff);
    difference |= (bytes[at + 4 + i] as number) ^ ((high >>> (8 * i)) & 0xff);
  }
  return difference === 0;
}

function bigEndian(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
