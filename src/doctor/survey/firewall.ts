/** What of the kernel's packet filter may stand between the CLAT's device and the uplink: chains of the forward hook. */
import { z } from 'zod';
import type { RunProgram } from './program.js';

export interface Firewall {
  /** Chains that drop or refuse what no rule of theirs takes. */
  closing: ClosingChain[];
  /** Tables of ours (`platypus…`) that have rules in them, as `family name`. */
  ownTables: string[];
  /** Why it could not be read; null when it was. */
  failure: string | null;
}

export interface ClosingChain {
  /** `ip`, `ip6` or `inet`. */
  family: string;
  table: string;
  chain: string;
  /** Devices that a rule of it lets through, by name or with a `*` at the end. */
  accepted: string[];
  /** A rule lets through whatever comes. */
  acceptsAll: boolean;
}

const name = z.string().max(256);
/** Elements by name, which rules tell as `@name`. */
const named = z.object({ family: name, table: name, name, elem: z.array(z.unknown()).max(65_536).default([]) });
const entry = z.object({
  chain: z
    .object({ family: name, table: name, name, hook: name.optional(), type: name.optional(), policy: name.optional() })
    .optional(),
  rule: z.object({ family: name, table: name, chain: name, expr: z.array(z.looseObject({})) }).optional(),
  set: named.optional(),
  map: named.optional(),
});
const ruleset = z.object({ nftables: z.array(z.unknown()).max(200_000) });

type Chain = NonNullable<z.output<typeof entry>['chain']>;
type Expression = Record<string, unknown>;

/** Chains that call chains that call … deeper than nftables allows anyway. */
const MOST_JUMPS = 16;
const MOST_RULES = 20_000;

/** Asks nft. Never throws. */
export async function readFirewall(run: RunProgram): Promise<Firewall> {
  const { ok, stdout, failure } = await run(['nft', '--json', 'list', 'ruleset']);
  if (!ok) return { closing: [], ownTables: [], failure };
  let data: unknown = null;
  try {
    data = JSON.parse(stdout);
  } catch {
    // Said below.
  }
  return parseFirewall(data);
}

/** Reads `nft --json list ruleset`. */
export function parseFirewall(data: unknown): Firewall {
  const parsed = ruleset.safeParse(data);
  if (!parsed.success) return { closing: [], ownTables: [], failure: "nft: found another form than nftables' JSON" };
  const entries = parsed.data.nftables.flatMap((one) => {
    const read = entry.safeParse(one);
    return read.success ? [read.data] : [];
  });
  const rules = new Map<string, Expression[][]>();
  for (const { rule } of entries) {
    if (rule === undefined) continue;
    const key = keyOf(rule.family, rule.table, rule.chain);
    const before = rules.get(key);
    if (before === undefined) rules.set(key, [rule.expr]);
    else before.push(rule.expr);
  }
  const elements = new Map<string, unknown[]>();
  for (const { set, map } of entries) {
    for (const one of [set, map]) {
      if (one !== undefined) elements.set(keyOf(one.family, one.table, one.name), one.elem);
    }
  }
  const chains = entries.flatMap(({ chain }) => (chain?.hook === 'forward' && chain.type === 'filter' ? [chain] : []));
  return {
    closing: chains.flatMap((chain) => closing(chain, rules, elements)),
    ownTables: [
      ...new Set(
        entries.flatMap(({ rule }) => (rule?.table.startsWith('platypus') ? [`${rule.family} ${rule.table}`] : [])),
      ),
    ],
    failure: null,
  };
}

const keyOf = (family: string, table: string, chain: string) => `${family}\n${table}\n${chain}`;

function closing(
  chain: Chain,
  rules: ReadonlyMap<string, Expression[][]>,
  elements: ReadonlyMap<string, unknown[]>,
): ClosingChain[] {
  /** Of a set or map as a rule tells it: `{ set: […] }`, or `@name` of one of the table's. */
  const elementsOf: ElementsOf = (told) => {
    if (typeof told === 'string') {
      return told.startsWith('@') ? (elements.get(keyOf(chain.family, chain.table, told.slice(1))) ?? []) : [told];
    }
    const { set } = (told ?? {}) as { set?: unknown };
    return Array.isArray(set) ? set : [];
  };
  const accepted = new Set<string>();
  let acceptsAll = false;
  let closes = chain.policy === 'drop';
  let read = 0;
  const visited = new Set<string>();

  /** `all`: each packet of the hook may come here, not those of some match. */
  function visit(name: string, through: readonly string[], all: boolean, depth: number): void {
    const key = keyOf(chain.family, chain.table, name);
    // A chain may be called again and again, with other devices.
    const call = `${key}\n${all}\n${through.join(' ')}`;
    if (depth > MOST_JUMPS || visited.has(call)) return;
    visited.add(call);
    for (const expressions of rules.get(key) ?? []) {
      if (++read > MOST_RULES) return;
      const devices = [...through, ...expressions.flatMap((expression) => devicesOf(expression, elementsOf))];
      const everybody = all && !expressions.some((expression) => SELECTIVE.some((kind) => kind in expression));
      for (const expression of expressions) {
        follow(expression, devices, everybody, depth);
        for (const { device, verdict } of verdictsByDevice(expression, elementsOf)) {
          follow(verdict, [...devices, device], false, depth);
        }
      }
    }
  }

  function follow(verdict: Expression, devices: readonly string[], everybody: boolean, depth: number): void {
    const jump = (verdict.jump ?? verdict.goto) as { target?: unknown } | undefined;
    if (typeof jump?.target === 'string') visit(jump.target, devices, everybody, depth + 1);
    if ('accept' in verdict) {
      for (const device of devices) accepted.add(device);
      if (everybody) acceptsAll = true;
    }
    // What follows a rule for everybody is never reached.
    if (everybody && ('drop' in verdict || 'reject' in verdict)) closes = true;
  }

  visit(chain.name, [], true, 0);
  if (!closes) return [];
  return [{ family: chain.family, table: chain.table, chain: chain.name, accepted: [...accepted], acceptsAll }];
}

/** What makes a rule one for some packets; `xt` is a match of iptables. */
const SELECTIVE = ['match', 'xt', 'limit', 'quota', 'ct count'] as const;

type Selector = { meta?: { key?: unknown } } | null | undefined;

const asksForDevice = (selector: Selector) =>
  typeof selector?.meta?.key === 'string' && /^(i|o)if(name)?$/.test(selector.meta.key);

type ElementsOf = (told: unknown) => readonly unknown[];

/** Devices that a match asks for. */
function devicesOf(expression: Expression, elementsOf: ElementsOf): string[] {
  const match = expression.match as { op?: unknown; left?: Selector; right?: unknown } | undefined;
  if (match?.op !== '==' || !asksForDevice(match.left)) return [];
  return elementsOf(match.right).filter((one): one is string => typeof one === 'string');
}

/** A verdict map's, as `iifname vmap { lan : accept }`. */
function verdictsByDevice(expression: Expression, elementsOf: ElementsOf): { device: string; verdict: Expression }[] {
  const vmap = expression.vmap as { key?: Selector; data?: unknown } | null | undefined;
  if (!asksForDevice(vmap?.key)) return [];
  return elementsOf(vmap?.data).flatMap((one) => {
    const [device, verdict] = Array.isArray(one) ? one : [];
    return typeof device === 'string' && typeof verdict === 'object' && verdict !== null ? [{ device, verdict }] : [];
  });
}

/** True when a device is among the names, some of which end in `*`. */
export function names(patterns: readonly string[], device: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? device.startsWith(pattern.slice(0, -1)) : pattern === device,
  );
}
