/** Adj-RIB-Out: what one neighbour should hear, what it has heard, and when the rest may be said (RFC 4271 §9.2.1). */
import type { Family } from '../../config/address.js';
import { fingerprint, type OutRoute } from './announce-message.js';
import type { Nlri } from './nlri.js';

export interface SentRoute {
  route: OutRoute;
  /** Milliseconds since 1970. */
  sentAtMs: number;
}

export interface Outgoing {
  withdrawals: { family: Family; nlri: Nlri[] }[];
  announcements: OutRoute[];
  /** When `take` has more to say, on the clock of its argument; null for never. */
  nextMs: number | null;
}

export interface RibOut {
  /** The whole set that the neighbour should hear. */
  want(routes: readonly OutRoute[]): void;
  /** What is to be written now; it counts as sent. Withdrawals do not wait, announcements do for `intervalMs`. */
  take(nowMs: number, intervalMs: number): Outgoing;
  /** All that was announced, for route refresh. */
  again(family: Family): OutRoute[];
  sent(): SentRoute[];
  /** The session has ended: nothing is announced any more. */
  clear(): void;
}

export function createRibOut(): RibOut {
  let wanted = new Map<string, OutRoute>();
  const sent = new Map<string, SentRoute & { mark: string }>();
  /** Withdrawn ones too, until their interval has passed; so it is as small as the tables. */
  const announcedMs = new Map<string, number>();

  return {
    want(routes) {
      wanted = new Map(routes.map((route) => [`${route.family}${route.nlri}`, route]));
    },
    take(nowMs, intervalMs) {
      const withdrawals: Outgoing['withdrawals'] = [];
      for (const family of [4, 6] as const) {
        const gone = [...sent].filter(([key, { route }]) => route.family === family && !wanted.has(key));
        for (const [key] of gone) sent.delete(key);
        if (gone.length > 0) withdrawals.push({ family, nlri: gone.map(([, { route }]) => route.nlri) });
      }
      for (const [key, atMs] of announcedMs) {
        if (atMs + intervalMs <= nowMs) announcedMs.delete(key);
      }
      const announcements: OutRoute[] = [];
      let nextMs: number | null = null;
      for (const [key, route] of wanted) {
        const mark = fingerprint(route);
        if (sent.get(key)?.mark === mark) continue;
        const before = announcedMs.get(key);
        if (before === undefined) {
          announcements.push(route);
          sent.set(key, { route, mark, sentAtMs: Date.now() });
          announcedMs.set(key, nowMs);
        } else {
          nextMs = Math.min(nextMs ?? Number.POSITIVE_INFINITY, before + intervalMs);
        }
      }
      return { withdrawals, announcements, nextMs };
    },
    again: (family) => [...sent.values()].map(({ route }) => route).filter((route) => route.family === family),
    sent: () => [...sent.values()].map(({ route, sentAtMs }) => ({ route, sentAtMs })),
    clear() {
      sent.clear();
      announcedMs.clear();
    },
  };
}
