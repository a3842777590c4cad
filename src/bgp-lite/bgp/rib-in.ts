/**
 * Adj-RIB-In: the accepted routes of one neighbour. Of all others only the prefix is remembered, to count each once, and
 * no more of them than `maxPrefix`: with one more the session ends.
 */
import type { Family } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import {
  isSenseless,
  type LearnedChange,
  type LearnedRoute,
  learnedRoute,
  REFUSALS,
  type Refusal,
  readNextHop,
  refusalOf,
} from './import.js';
import type { Negotiated } from './negotiation.js';
import { type Nlri, prefixOf } from './nlri.js';
import { type PrefixList, prefixList } from './prefix-list.js';
import type { Reach, Update } from './update.js';

export interface RibIn {
  /** Takes an UPDATE. `exceeded` is a family with more prefixes than allowed; then the rest was not looked at. */
  update(
    update: Update,
    session: Negotiated,
    localAddress: string,
  ): { changes: LearnedChange[]; exceeded: Family | null };
  /** Another filter or preference: what is no longer accepted goes at once, what is newly so comes with a refresh. */
  reconfigure(config: BgpNeighborConfig): LearnedChange[];
  /** Keeps the routes of these families as stale, drops all others; counting begins anew. */
  keepStale(families: readonly Family[]): LearnedChange[];
  /** The neighbour sends a family again: what it does not repeat until `sweep` is gone. */
  beginRefresh(family: Family): void;
  /** Drops what is still stale. */
  sweep(family: Family): LearnedChange[];
  counts(): RouteCounts;
  /** Accepted routes. */
  routes(): LearnedRoute[];
}

export interface RouteCounts {
  /** Prefixes that the neighbour announces now. */
  received: number;
  accepted: number;
  stale: number;
  /** Announcements refused, since the start. */
  refused: Record<Refusal, number>;
}

interface Table {
  seen: Set<Nlri>;
  accepted: Map<Nlri, LearnedRoute>;
  /** Accepted ones that have not been repeated. */
  stale: Set<Nlri>;
}

export function createRibIn(initial: BgpNeighborConfig): RibIn {
  let config = initial;
  let listed = compile(config);
  const newTable = (): Table => ({ seen: new Set(), accepted: new Map(), stale: new Set() });
  const tables: Record<Family, Table> = { 4: newTable(), 6: newTable() };
  const refused = Object.fromEntries(Object.keys(REFUSALS).map((reason) => [reason, 0])) as Record<Refusal, number>;

  const forget = (family: Family, nlri: Nlri, changes: LearnedChange[]) => {
    const table = tables[family];
    const route = table.accepted.get(nlri);
    if (route === undefined) return;
    table.accepted.delete(nlri);
    table.stale.delete(nlri);
    changes.push({ prefix: route.prefix, route: null });
  };

  /** Takes the prefixes that share a next hop. True when there are too many. */
  const reach = (found: Reach, update: Update, session: Negotiated, local: string, changes: LearnedChange[]) => {
    const { family, nlri, nextHop } = found;
    const { seen, accepted, stale } = tables[family];
    const malformed = update.treatAsWithdraw !== null || nextHop === null;
    if (malformed) {
      refused.malformed += nlri.length;
      for (const one of nlri) {
        seen.delete(one);
        forget(family, one, changes);
      }
      return false;
    }
    const shared = refusalOf(update.attributes, config, session);
    const hop = readNextHop(family, nextHop, session, local);
    for (const one of nlri) {
      seen.add(one);
      if (seen.size > config.maxPrefix) return true;
      const refusal = shared ?? (hop === null ? 'nextHop' : isSenseless(family, one) ? 'senseless' : null);
      if (hop === null || refusal !== null || !listed(family, one)) {
        refused[refusal ?? 'filter'] += 1;
        forget(family, one, changes);
        continue;
      }
      const prefix = accepted.get(one)?.prefix ?? prefixOf(family, one);
      const route = learnedRoute(prefix, update.attributes, hop, config, session);
      accepted.set(one, route);
      stale.delete(one);
      changes.push({ prefix, route });
    }
    return false;
  };

  return {
    update(update, session, localAddress) {
      const changes: LearnedChange[] = [];
      for (const { family, nlri } of update.withdrawn) {
        for (const one of nlri) {
          tables[family].seen.delete(one);
          forget(family, one, changes);
        }
      }
      for (const found of update.reachable) {
        if (reach(found, update, session, localAddress, changes)) return { changes, exceeded: found.family };
      }
      return { changes, exceeded: null };
    },
    reconfigure(next) {
      const before = config;
      config = next;
      listed = compile(config);
      const changes: LearnedChange[] = [];
      for (const family of [4, 6] as const) {
        for (const [nlri, route] of tables[family].accepted) {
          if (!listed(family, nlri)) forget(family, nlri, changes);
          else if (next.import?.localPref !== null && next.import?.localPref !== before.import?.localPref) {
            const changed = { ...route, localPref: next.import?.localPref ?? route.localPref };
            tables[family].accepted.set(nlri, changed);
            changes.push({ prefix: route.prefix, route: changed });
          }
        }
      }
      return changes;
    },
    keepStale(families) {
      const changes: LearnedChange[] = [];
      for (const family of [4, 6] as const) {
        const table = tables[family];
        table.seen.clear();
        for (const [nlri, route] of table.accepted) {
          // RFC 4724 §4.2: what was stale already does not get a second term.
          if (!families.includes(family) || table.stale.has(nlri)) {
            forget(family, nlri, changes);
            continue;
          }
          const stale = { ...route, stale: true };
          table.accepted.set(nlri, stale);
          table.stale.add(nlri);
          changes.push({ prefix: route.prefix, route: stale });
        }
      }
      return changes;
    },
    beginRefresh(family) {
      const table = tables[family];
      table.seen.clear();
      for (const nlri of table.accepted.keys()) table.stale.add(nlri);
    },
    sweep(family) {
      const changes: LearnedChange[] = [];
      for (const nlri of [...tables[family].stale]) forget(family, nlri, changes);
      return changes;
    },
    counts: () => ({
      received: tables[4].seen.size + tables[6].seen.size,
      accepted: tables[4].accepted.size + tables[6].accepted.size,
      stale: tables[4].stale.size + tables[6].stale.size,
      refused: { ...refused },
    }),
    routes: () => [...tables[4].accepted.values(), ...tables[6].accepted.values()],
  };
}

function compile(config: BgpNeighborConfig): PrefixList {
  return config.import === null ? () => false : prefixList(config.import.prefixes);
}
