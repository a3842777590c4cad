/**
 * Makes the database hold the LSAs that this router should have: new ones, changed ones, those to be refreshed, and away
 * with the rest, which includes what a former run left in the network (RFC 2328 §12.4, §13.4, §14.1).
 *
 * The same LSA is issued once in MinLSInterval. Flushing is not held back by that, nor is an LSA from which a prefix is
 * to go: that waits only as long as neighbours would not take it (MinLSArrival), since a prefix that cannot be served
 * must not be announced. Whoever announces keeps flaps away from here.
 */
import { sameBytes } from './codec/bytes.js';
import { buildLsa, lsaKey } from './codec/lsa.js';
import {
  INITIAL_SEQUENCE,
  LS_REFRESH_SECONDS,
  MAX_SEQUENCE,
  MIN_LS_ARRIVAL_MS,
  MIN_LS_INTERVAL_MS,
} from './codec/numbers.js';
import { flood, sendFloods } from './flooding.js';
import { ageOf, ageOut, bodyOf, isMaxAge, type Lsa, storeLsa } from './lsdb.js';
import { type Area, type Instance, storesOf } from './model.js';
import type { Wanted } from './origination.js';
import { forgetInstance } from './retransmission.js';
import { createTimer } from './timer.js';

export interface Originator {
  /** Compares what there is with what is wanted, once the work at hand is done. */
  schedule(): void;
  /** The same at once; `withdraw` when a prefix is to go that shares its LSA with others. */
  reconcile(withdraw?: boolean): void;
  /** Puts the flushes of all own LSAs of an area on their way: this router leaves it. */
  leave(area: Area): void;
  stop(): void;
}

/** Neighbours measure MinLSArrival from when they got the last instance: a little later than it was sent. */
const ARRIVAL_MS = MIN_LS_ARRIVAL_MS + 20;

/** What neighbours bring about is looked at no more often than this: a flood of theirs must not cost more than that. */
const LOOK_MS = 50;

export function createOriginator(instance: Instance, wanted: () => readonly Wanted[]): Originator {
  /** Clock of the last time each LSA was issued or flushed, by store and key. */
  const issued = new Map<string, number>();
  /** Clock of when each LSA that waits to be issued or flushed was first seen to need it. */
  const due = new Map<string, number>();
  let reconciledMs = Number.NEGATIVE_INFINITY;
  let scheduled = false;
  let withdrawing = false;
  let stopped = false;
  const timer = createTimer(instance.clock, () => reconcile());

  const nameOf = (store: { name: string }, key: string): string => `${store.name} ${key}`;

  function reconcile(withdraw = false): void {
    if (stopped) return;
    withdrawing ||= withdraw;
    const nowMs = instance.clock();
    reconciledMs = nowMs;
    let nextMs = Number.POSITIVE_INFINITY;
    /** Whether so much time has passed since the last instance; otherwise there is another look then. */
    const mayIssue = (name: string, intervalMs: number, current: Lsa | undefined): boolean => {
      const issuedMs = issued.get(name) ?? Number.NEGATIVE_INFINITY;
      const dueMs = due.get(name) ?? nowMs;
      // A neighbour that just got the last instance, by asking for it, would not take the next. Asking again and again
      // does not hold it up for longer.
      const sentMs = Math.min(current?.sentMs ?? issuedMs, dueMs);
      const readyMs = Math.max(issuedMs + intervalMs, sentMs + ARRIVAL_MS);
      if (readyMs > nowMs) {
        nextMs = Math.min(nextMs, readyMs);
        due.set(name, dueMs);
        return false;
      }
      due.delete(name);
      return true;
    };
    const names = new Set<string>();
    let waiting = false;
    for (const one of wanted()) {
      const key = lsaKey({ ...one, advertiser: instance.routerId });
      const name = nameOf(one.store, key);
      names.add(name);
      const current = one.store.lsas.get(key);
      if (current !== undefined && isCurrent(current, one, nowMs)) {
        due.delete(name);
        continue;
      }
      if (!mayIssue(name, withdrawing ? ARRIVAL_MS : MIN_LS_INTERVAL_MS, current)) {
        waiting = true;
        continue;
      }
      issue(one, current, name, nowMs);
    }
    withdrawing &&= waiting;
    for (const store of storesOf(instance)) {
      for (const lsa of store.lsas.values()) {
        if (lsa.advertiser !== instance.routerId || isMaxAge(lsa, nowMs)) continue;
        const name = nameOf(store, lsa.key);
        if (!names.has(name) && mayIssue(name, ARRIVAL_MS, lsa)) flush(lsa, name, nowMs);
      }
    }
    for (const [name, atMs] of issued) if (!names.has(name) && nowMs - atMs > MIN_LS_INTERVAL_MS) issued.delete(name);
    for (const [name, atMs] of due) if (nowMs - atMs > MIN_LS_INTERVAL_MS) due.delete(name);
    if (nextMs === Number.POSITIVE_INFINITY) timer.stop();
    else timer.start(Math.max(1, nextMs - nowMs));
  }

  function isCurrent(lsa: Lsa, { body, options }: Wanted, nowMs: number): boolean {
    const fresh = lsa.own && ageOf(lsa, nowMs) < LS_REFRESH_SECONDS;
    return fresh && lsa.options === options && sameBytes(bodyOf(lsa), body);
  }

  function issue(
    { store, type, id, options, body }: Wanted,
    current: Lsa | undefined,
    name: string,
    nowMs: number,
  ): void {
    if (current?.sequence === MAX_SEQUENCE) {
      // RFC 2328 §12.1.6: flushed first; once it is gone this is called again and begins anew.
      if (!isMaxAge(current, nowMs)) flush(current, name, nowMs);
      return;
    }
    const sequence = current === undefined ? INITIAL_SEQUENCE : current.sequence + 1;
    const octets = buildLsa(
      instance.version.number,
      { type, id, advertiser: instance.routerId, options, sequence },
      body,
    );
    if (current !== undefined) forgetInstance(instance, current);
    issued.set(name, nowMs);
    flood(instance, storeLsa(store, instance.version.number, octets, { clockMs: nowMs, own: true }), null);
  }

  function flush(lsa: Lsa, name: string, nowMs: number): void {
    issued.set(name, nowMs);
    ageOut(lsa, nowMs);
    flood(instance, lsa, null);
  }

  return {
    schedule() {
      if (scheduled || stopped) return;
      if (instance.clock() - reconciledMs < LOOK_MS) {
        const remainingMs = timer.remainingMs();
        if (remainingMs === null || remainingMs > LOOK_MS) timer.start(LOOK_MS);
        return;
      }
      scheduled = true;
      queueMicrotask(() => {
        scheduled = false;
        reconcile();
      });
    },
    reconcile,
    leave({ store, interfaces }) {
      const nowMs = instance.clock();
      for (const lsa of store.lsas.values()) {
        if (lsa.advertiser === instance.routerId && !isMaxAge(lsa, nowMs)) flush(lsa, nameOf(store, lsa.key), nowMs);
      }
      for (const iface of interfaces) sendFloods(iface);
    },
    stop() {
      stopped = true;
      timer.stop();
    },
  };
}
