/**
 * Writes the Adj-RIB-Out of one neighbour: all of it and End-of-RIB when the session comes up, then what changes, and
 * all of it again on request. Withdrawals go before anything else that is due.
 */
import type { Family } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import type { Announcement } from '../announcement.js';
import { encodeAnnouncements, encodeEndOfRib, encodeWithdrawals } from './announce-message.js';
import { exportRoutes } from './export.js';
import type { Negotiated } from './negotiation.js';
import { encodeRefresh, RefreshKind } from './refresh.js';
import { createRibOut, type SentRoute } from './rib-out.js';
import { createTimers } from './timers.js';

export interface Advertiser {
  announce(announcements: readonly Announcement[]): void;
  /** What there is to announce is known: End-of-RIB need not wait any more. */
  complete(): void;
  /** Attributes, next hops or the export list have changed. */
  reconfigure(): void;
  begin(session: Negotiated, localAddress: string): void;
  end(): void;
  refresh(family: Family): void;
  /** There is room in the queue again. */
  resume(): void;
  /** Withdraws all; the session is about to end. */
  withdrawAll(): void;
  sent(): SentRoute[];
  /** Everything that is to be said has been written, but for what waits for its interval. */
  settled(): boolean;
}

/** A neighbour that asks all the time is answered once a second for each family. */
const REFRESH_EVERY_MS = 1000;

export function createAdvertiser(parts: {
  config(): BgpNeighborConfig;
  /**
   * End-of-RIB waits for `complete`: at it a neighbour drops what it kept over the restart (RFC 4724 §4.2), so it has to
   * come after the initial update, which cannot be made before the program knows what it serves.
   */
  restarted: boolean;
  /** False when the queue is full. */
  send(octets: Uint8Array): boolean;
  warn(message: () => string): void;
  random: () => number;
}): Advertiser {
  const rib = createRibOut();
  const timers = createTimers();
  let announcements: readonly Announcement[] = [];
  let complete = !parts.restarted;
  let session: { negotiated: Negotiated; localAddress: string } | null = null;
  let jitter = 1;
  /** Written when there is room; filled again only when it is empty, so it is never more than one round. */
  let pending: Buffer[] = [];
  let endOfRib: Family[] = [];
  let refreshing = new Set<Family>();
  const refreshedMs = new Map<Family, number>();

  function compute(): void {
    if (session === null) return;
    const { negotiated, localAddress } = session;
    const { routes, without } = exportRoutes(announcements, parts.config(), negotiated, localAddress);
    rib.want(routes);
    for (const family of without) {
      const setting = family === 4 ? 'nextHop4' : 'nextHop6';
      parts.warn(
        () => `no IPv${family} prefix is announced: the session has no address of that family, expected ${setting}`,
      );
    }
  }

  function flush(): boolean {
    while (pending[0] !== undefined) {
      if (!parts.send(pending[0])) return false;
      pending.shift();
    }
    return true;
  }

  function pump(): void {
    if (session === null || !flush()) return;
    const { negotiated } = session;
    const nowMs = performance.now();
    const intervalMs = parts.config().advertisementIntervalSeconds * 1000 * jitter;
    const { withdrawals, announcements: due, nextMs } = rib.take(nowMs, intervalMs);
    pending.push(...withdrawals.flatMap(({ family, nlri }) => encodeWithdrawals(family, nlri)));
    pending.push(...encodeAnnouncements(due, negotiated.as4));
    if (complete) {
      pending.push(...endOfRib.map(encodeEndOfRib));
      endOfRib = [];
    }
    for (const family of refreshing) {
      const routes = encodeAnnouncements(rib.again(family), negotiated.as4);
      const { enhancedRefresh } = negotiated;
      if (enhancedRefresh) pending.push(encodeRefresh(family, RefreshKind.BEGIN));
      pending.push(...routes);
      if (enhancedRefresh) pending.push(encodeRefresh(family, RefreshKind.END));
      refreshedMs.set(family, nowMs);
    }
    refreshing = new Set();
    if (nextMs === null) timers.stop('advertisement');
    else timers.start('advertisement', Math.max(1, nextMs - nowMs), pump);
    flush();
  }

  function forget(): void {
    session = null;
    pending = [];
    endOfRib = [];
    refreshing = new Set();
    refreshedMs.clear();
    rib.clear();
    timers.stopAll();
  }

  return {
    announce(next) {
      announcements = next;
      compute();
      pump();
    },
    complete() {
      if (complete) return;
      complete = true;
      pump();
    },
    reconfigure() {
      compute();
      pump();
    },
    begin(negotiated, localAddress) {
      forget();
      session = { negotiated, localAddress };
      jitter = 0.75 + 0.25 * parts.random();
      endOfRib = [...negotiated.families];
      compute();
      pump();
    },
    end: forget,
    refresh(family) {
      if (session === null || !session.negotiated.families.includes(family)) return;
      const ask = () => {
        refreshing.add(family);
        pump();
      };
      const leftMs = (refreshedMs.get(family) ?? Number.NEGATIVE_INFINITY) + REFRESH_EVERY_MS - performance.now();
      if (leftMs <= 0) ask();
      else timers.start(`refresh ${family}`, leftMs, ask);
    },
    resume: pump,
    withdrawAll() {
      rib.want([]);
      pump();
    },
    sent: () => rib.sent(),
    settled: () => pending.length === 0 && endOfRib.length === 0,
  };
}
