/**
 * The client's side of DNS cookies (RFC 7873, RFC 9018 §3), for one server. There is a client cookie for each of our
 * own addresses that this server sees, so a cookie tells nobody that two of them are one client, and no server cookie
 * goes out from an address that it was not made for.
 */
import { randomBytes } from 'node:crypto';

export const CookieVerdict = {
  GOOD: 0,
  /** Another client cookie than ours, or a length that is none. */
  WRONG: 1,
  /** None, from a server that gives none. */
  NONE: 2,
  /** None, from a server that gave one before: RFC 7873 §5.3 has such a reply discarded. */
  MISSING: 3,
} as const;
export type CookieVerdict = (typeof CookieVerdict)[keyof typeof CookieVerdict];

const CLIENT_BYTES = 8;
const LEAST_BYTES = 16;
const MOST_BYTES = 40;
/** Own addresses remembered; temporary addresses (RFC 8981) come and go. */
const ADDRESSES = 8;

interface Pair {
  client: Uint8Array;
  /** Client and server cookie as they are sent; null until the server gave one. */
  both: Uint8Array | null;
}

export class Cookies {
  private readonly pairs = new Map<string, Pair>();

  /** The option's data for a query from `localAddress`. */
  toSend(localAddress: string): Uint8Array {
    const pair = this.pair(localAddress);
    return pair.both ?? pair.client;
  }

  /** Judges a reply's cookie, and keeps the server's part of a good one, whatever the RCODE (RFC 7873 §5.3). */
  take(localAddress: string, cookie: Uint8Array | null): CookieVerdict {
    const pair = this.pair(localAddress);
    if (cookie === null) return pair.both === null ? CookieVerdict.NONE : CookieVerdict.MISSING;
    if (cookie.length !== CLIENT_BYTES && (cookie.length < LEAST_BYTES || cookie.length > MOST_BYTES)) {
      return CookieVerdict.WRONG;
    }
    for (let i = 0; i < CLIENT_BYTES; i++) if (cookie[i] !== pair.client[i]) return CookieVerdict.WRONG;
    if (cookie.length > CLIENT_BYTES) pair.both = cookie;
    return CookieVerdict.GOOD;
  }

  /** The server gives no cookies any more, and said so over a connection that nobody forges. */
  forget(localAddress: string): void {
    this.pair(localAddress).both = null;
  }

  private pair(localAddress: string): Pair {
    const known = this.pairs.get(localAddress);
    if (known !== undefined) return known;
    if (this.pairs.size >= ADDRESSES) {
      for (const oldest of this.pairs.keys()) {
        this.pairs.delete(oldest);
        break;
      }
    }
    const pair: Pair = { client: randomBytes(CLIENT_BYTES), both: null };
    this.pairs.set(localAddress, pair);
    return pair;
  }
}
