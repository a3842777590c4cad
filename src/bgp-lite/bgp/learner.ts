/**
 * What a neighbour teaches: its UPDATEs into the Adj-RIB-In, the accepted ones on to the program, and the time for which
 * they are kept while it restarts (RFC 4724 §4.2, RFC 8538 §4).
 */
import type { Family } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import type { Message } from './framing.js';
import type { LearnedChange, LearnedRoute, Refusal } from './import.js';
import type { Cause } from './machine.js';
import type { Negotiated } from './negotiation.js';
import { hexOf, isHardReset, type Notification, notification } from './notification.js';
import { afiOf, Cease, ErrorCode, SAFI_UNICAST } from './numbers.js';
import { createRibIn, type RouteCounts } from './rib-in.js';
import { createTimers } from './timers.js';
import { decodeUpdate } from './update.js';

export interface Learner {
  begin(session: Negotiated, localAddress: string): void;
  /** The NOTIFICATION that ends the session, or null. `prefixLimit` is set on 6/1. */
  update(message: Message): { reason: Notification; prefixLimit: boolean } | null;
  /** RFC 7313 §4. */
  beginRefresh(family: Family): void;
  endRefresh(family: Family): void;
  /** `kept`: the neighbour's routes may stay if it asked for it. */
  end(kept: boolean): void;
  reconfigure(config: BgpNeighborConfig): void;
  counts(): RouteCounts;
  routes(): LearnedRoute[];
  /** Families whose End-of-RIB has come. */
  complete(): Family[];
}

/** RFC 8538 §4.1: how long stale routes live at most after the session is back. */
const STALE_MS = 180_000;
/** Of a malformed UPDATE the log gets it all (RFC 7606 §6). */
const LOGGED_BYTES = 4096;

/** Refusals that point at a fault of the neighbour. Many send a route back to where it came from, a loop that is none. */
const LOGGED: readonly Refusal[] = ['senseless', 'nextHop', 'firstAs', 'leak'];

export function createLearner(parts: {
  config: BgpNeighborConfig;
  learned(changes: readonly LearnedChange[]): void;
  warn(message: () => string): void;
}): Learner {
  const { warn } = parts;
  const rib = createRibIn(parts.config);
  const timers = createTimers();
  let session: { negotiated: Negotiated; localAddress: string } | null = null;
  let complete = new Set<Family>();
  /** Between BoRR and EoRR. */
  const refreshing = new Set<Family>();

  const tell = (changes: readonly LearnedChange[]) => {
    if (changes.length > 0) parts.learned(changes);
  };
  const sweepAll = () => tell([...rib.sweep(4), ...rib.sweep(6)]);

  function endOfRib(family: Family): void {
    complete.add(family);
    tell(rib.sweep(family));
    if (rib.counts().stale === 0) timers.stop('stale');
  }

  function endRefresh(family: Family): void {
    timers.stop(`refresh ${family}`);
    if (refreshing.delete(family)) tell(rib.sweep(family));
  }

  return {
    begin(negotiated, localAddress) {
      session = { negotiated, localAddress };
      complete = new Set();
      timers.stop('restart');
      const preserved = negotiated.gracefulRestart?.families ?? [];
      for (const family of [4, 6] as const) {
        const one = preserved.find((entry) => entry.family === family);
        if (one?.forwarding !== true) tell(rib.sweep(family));
      }
      if (rib.counts().stale > 0) timers.start('stale', STALE_MS, sweepAll);
    },
    update({ body, octets }) {
      if (session === null) return null;
      const { negotiated, localAddress } = session;
      const result = decodeUpdate(body, negotiated);
      if ('reset' in result) {
        warn(() => `an UPDATE that ends the session: ${result.reason}; ${hexOf(octets, LOGGED_BYTES)}`);
        return { reason: result.reset, prefixLimit: false };
      }
      const { update } = result;
      if (update.treatAsWithdraw !== null) {
        warn(() => `routes are treated as withdrawn: ${update.treatAsWithdraw}; ${hexOf(octets, LOGGED_BYTES)}`);
      } else if (update.discarded.length > 0) {
        warn(() => `part of an UPDATE is left out: ${update.discarded.slice(0, 4).join(', ')}`);
      }
      if (update.endOfRib !== null) endOfRib(update.endOfRib);
      const before = rib.counts().refused;
      const { changes, exceeded } = rib.update(update, negotiated, localAddress);
      const after = rib.counts().refused;
      for (const reason of LOGGED) {
        if (after[reason] > before[reason]) warn(() => `${after[reason] - before[reason]} routes refused: ${reason}`);
      }
      tell(changes);
      if (exceeded === null) return null;
      const bound = Buffer.alloc(4);
      bound.writeUInt32BE(parts.config.maxPrefix);
      const data = Buffer.concat([Buffer.of(0, afiOf(exceeded), SAFI_UNICAST), bound]);
      return { reason: notification(ErrorCode.CEASE, Cease.MAX_PREFIXES, data), prefixLimit: true };
    },
    beginRefresh(family) {
      // RFC 7313 §4: before its End-of-RIB a neighbour that restarts gracefully has nothing to send again.
      if (session?.negotiated.gracefulRestart !== null && !complete.has(family)) {
        warn(() => `a refresh of IPv${family} begins before End-of-RIB and is ignored`);
        return;
      }
      rib.beginRefresh(family);
      refreshing.add(family);
      timers.start(`refresh ${family}`, STALE_MS, () => endRefresh(family));
    },
    endRefresh,
    end(kept) {
      const restart = session?.negotiated.gracefulRestart ?? null;
      session = null;
      refreshing.clear();
      timers.stopAll();
      const families = kept && restart !== null ? restart.families.map(({ family }) => family) : [];
      tell(rib.keepStale(families));
      if (restart !== null && rib.counts().stale > 0) {
        timers.start('restart', restart.restartTimeSeconds * 1000, sweepAll);
      }
    },
    reconfigure(config) {
      parts.config = config;
      tell(rib.reconfigure(config));
    },
    counts: () => rib.counts(),
    routes: () => rib.routes(),
    complete: () => [...complete],
  };
}

/** Whether a neighbour that listed families has its routes kept after the session ended so (RFC 8538 §4). */
export function keepsRoutes(cause: Cause | null, notificationKeeps: boolean): boolean {
  if (cause === null) return false;
  if (cause.notification === null) return true;
  return notificationKeeps && !isHardReset(cause.notification);
}
