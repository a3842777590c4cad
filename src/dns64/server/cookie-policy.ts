/** What becomes of a query's cookie (RFC 7873 §5.2): an answer with a cookie, or BADCOOKIE where one is wanted. */
import type { Dns64Config } from '../../config/dns64.js';
import type { WriteCookie } from '../answer.js';
import type { Query } from '../wire/query.js';
import type { Client } from './client.js';
import { CookieState, type ServerCookies } from './cookies.js';

export interface Cookies {
  /** How the answer's cookie is written, null for none; 'bad' when the query is to be refused for its cookie. */
  answer(query: Query, client: Client): WriteCookie | null | 'bad';
  /** A cookie to try again with. */
  fresh(query: Query, client: Client): WriteCookie;
}

/**
 * `setting` is asked for each query. With `require`, over UDP only clients with a valid cookie are answered, of those
 * who speak of cookies at all; the others learn theirs (RFC 7873 §5.2.3). `now` is in seconds since 1970.
 */
export function createCookies(
  cookies: ServerCookies,
  setting: () => Dns64Config['cookies'],
  now: () => number,
): Cookies {
  function fresh(query: Query, { address }: Client): WriteCookie {
    return (out, at) => {
      cookies.write(out, at, query.bytes, query.cookieOffset, address, now());
    };
  }
  return {
    fresh,
    answer(query, client) {
      const wanted = setting();
      if (wanted === 'off') return null;
      if (client.transport !== 'udp' || wanted === 'on') return fresh(query, client);
      const state = cookies.check(query.bytes, query.cookieOffset, query.cookieLength, client.address);
      return state === CookieState.VALID || state === CookieState.RENEW ? fresh(query, client) : 'bad';
    },
  };
}
