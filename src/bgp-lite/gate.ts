/**
 * The readiness gate: from conditions to what is announced of each prefix. Results of conditions come in, each with its
 * own count of results in a row that it takes; a prefix is withdrawn or lowered at once when a condition has failed,
 * and comes back when all hold again and the hold time is over, so that neighbours see no flaps.
 */
import { networkOf, type Prefix } from '../config/address.js';
import type { Condition, GateAction } from '../config/announce.js';
import { matchesAny } from '../config/prefix-pattern.js';
import type { Announcement } from './announcement.js';

export type PrefixState = 'announced' | 'lowered' | 'withdrawn';

export interface GateCondition extends Condition {
  name: string;
}

export interface ConditionStatus {
  name: string;
  action: GateAction;
  /** Null until there was a result. */
  ok: boolean | null;
  /** What the last result was about. */
  detail: string;
  sinceMs: number;
}

export interface PrefixStatus {
  prefix: string;
  state: PrefixState;
  /** Why it is not announced as usual; empty where it is. */
  reasons: string[];
  sinceMs: number;
}

export interface GateOptions {
  prefixes: readonly Prefix[];
  conditions: readonly GateCondition[];
  /** How long a prefix stays withdrawn or lowered at least. */
  holdMs: number;
}

export interface Gate {
  /** A result of the condition `name`; one that is not known is ignored. */
  observe(name: string, ok: boolean, detail: string): void;
  /** What the operator wants over all conditions; null ends it. */
  override(action: GateAction | null): void;
  /** Another configuration. Conditions of the same name keep what is known of them; new ones count from their first result. */
  use(options: GateOptions): void;
  prefixes(): PrefixStatus[];
  conditions(): ConditionStatus[];
  stop(): void;
}

interface Known {
  condition: GateCondition;
  ok: boolean | null;
  /** Results in a row that speak against `ok`. */
  against: number;
  detail: string;
  sinceMs: number;
}

interface Held {
  prefix: Prefix;
  state: PrefixState;
  sinceMs: number;
  /** When the state got worse the last time; null when it never did. */
  worsenedMs: number | null;
}

const RANK: Readonly<Record<PrefixState, number>> = { announced: 0, lowered: 1, withdrawn: 2 };

/** `now` in milliseconds; `changed` gets the full set whenever it is another one. */
export function createGate(
  first: GateOptions,
  now: () => number,
  changed: (announcements: Announcement[]) => void,
): Gate {
  let options = first;
  let known = new Map<string, Known>();
  let held = new Map<string, Held>();
  let override: GateAction | null = null;
  let timer: NodeJS.Timeout | null = null;

  function use(next: GateOptions): void {
    options = next;
    const at = now();
    known = new Map(
      next.conditions.map((condition) => {
        const before = known.get(condition.name);
        const fresh = { ok: null, against: 0, detail: 'not checked yet', sinceMs: at };
        return [condition.name, { ...(before ?? fresh), condition }];
      }),
    );
    held = new Map(
      next.prefixes.map((prefix) => {
        const key = networkOf(prefix);
        return [key, held.get(key) ?? { prefix, state: 'withdrawn', sinceMs: at, worsenedMs: null }];
      }),
    );
    settle(true);
  }

  /**
   * The conditions that speak against a prefix. What was never checked is not known to be served; but what is announced
   * is not withdrawn before the first result of a condition that a reload has added.
   */
  function against({ prefix, state }: Held): Known[] {
    return [...known.values()].filter(({ condition, ok }) => {
      const concerned = condition.prefixes === null || matchesAny(condition.prefixes, prefix);
      return concerned && (ok === false || (ok === null && state === 'withdrawn'));
    });
  }

  /** What the conditions and the operator allow. */
  function wanted(one: Held): PrefixState {
    const actions = against(one).map(({ condition, ok }): GateAction => (ok === null ? 'withdraw' : condition.action));
    if (override !== null) actions.push(override);
    if (actions.includes('withdraw')) return 'withdrawn';
    return actions.includes('lower') ? 'lowered' : 'announced';
  }

  function reasons(one: Held): string[] {
    const { state, worsenedMs } = one;
    if (state === 'announced') return [];
    const found = against(one).map(({ condition, detail }) => `${condition.name}: ${detail}`);
    if (override !== null) found.push(override === 'withdraw' ? 'drained' : 'draining');
    if (found.length === 0 && worsenedMs !== null) {
      found.push(`held for ${Math.max(0, Math.ceil((worsenedMs + options.holdMs - now()) / 1000))} s more`);
    }
    return found;
  }

  function settle(tell = false): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const at = now();
    let different = tell;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const one of held.values()) {
      const state = wanted(one);
      if (state === one.state) continue;
      const worse = RANK[state] > RANK[one.state];
      const freeMs = one.worsenedMs === null ? at : one.worsenedMs + options.holdMs;
      if (!worse && freeMs > at) {
        nextMs = Math.min(nextMs, freeMs - at);
        continue;
      }
      if (worse) one.worsenedMs = at;
      one.state = state;
      one.sinceMs = at;
      different = true;
    }
    if (nextMs !== Number.POSITIVE_INFINITY) timer = setTimeout(settle, nextMs);
    if (different) changed(announcements());
  }

  function announcements(): Announcement[] {
    return [...held.values()].flatMap(({ prefix, state }): Announcement[] =>
      state === 'withdrawn' ? [] : [{ prefix, preference: state === 'lowered' ? 'lowered' : 'normal' }],
    );
  }

  use(first);
  return {
    observe(name, ok, detail) {
      const one = known.get(name);
      if (one === undefined) return;
      one.detail = detail;
      one.against = one.ok === ok ? 0 : one.against + 1;
      // The first good result is enough to begin with; a first bad one says no more than none did.
      const enough = ok ? (one.ok === null ? 1 : one.condition.up) : one.condition.down;
      if (one.against < enough) return;
      one.ok = ok;
      one.against = 0;
      one.sinceMs = now();
      settle();
    },
    override(action) {
      override = action;
      settle();
    },
    use,
    prefixes: () =>
      [...held].map(([prefix, one]) => ({ prefix, state: one.state, reasons: reasons(one), sinceMs: one.sinceMs })),
    conditions: () =>
      [...known.values()].map(({ condition: { name, action }, ok, detail, sinceMs }) => ({
        name,
        action,
        ok,
        detail,
        sinceMs,
      })),
    stop() {
      if (timer !== null) clearTimeout(timer);
    },
  };
}
