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
  /** Devices that a rule of it lets through, by name or with a `*` at the end; whatever else the rule asks for. */
  accepted: string[];
  /** In their order: rules that ask for nothing but devices and for packets of known connections. */
  rules: ForwardRule[];
}

export interface ForwardRule {
  /** All of them have to hold. */
  devices: DeviceMatch[];
  /** Only for packets of connections that are known. */
  established: boolean;
  /** Else it drops or refuses. */
  accept: boolean;
}

/** What a packet comes in by (`in`) or leaves by is one of the names, or with `not` none of them. */
export interface DeviceMatch {
  side: 'in' | 'out';
  names: string[];
  not: boolean;
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
  const found: ForwardRule[] = [];
  let closes = chain.policy === 'drop';
  let read = 0;
  const visited = new Set<string>();

  function visit(name: string, above: Part, depth: number): void {
    const key = keyOf(chain.family, chain.table, name);
    // A chain may be called again and again, with other devices.
    const call = `${key}\n${JSON.stringify(above)}`;
    if (depth > MOST_JUMPS || visited.has(call)) return;
    visited.add(call);
    for (const expressions of rules.get(key) ?? []) {
      if (++read > MOST_RULES) return;
      const part = expressions.reduce((before, expression) => narrow(before, expression, elementsOf), above);
      for (const expression of expressions) {
        follow(expression, part, depth);
        for (const row of verdictRows(expression, elementsOf)) follow(row.verdict, both(part, row.part), depth);
      }
    }
  }

  function follow(verdict: Expression, part: Part, depth: number): void {
    const { devices, packets } = part;
    const jump = (verdict.jump ?? verdict.goto) as { target?: unknown } | undefined;
    if (typeof jump?.target === 'string') visit(jump.target, part, depth + 1);
    const accept = 'accept' in verdict;
    const drop = 'drop' in verdict || 'reject' in verdict;
    for (const { names } of accept ? devices.filter(({ not }) => !not) : []) {
      for (const device of names) accepted.add(device);
    }
    if (packets === 'all' && (accept || drop)) found.push({ devices, established: false, accept });
    if (packets === 'established' && accept) found.push({ devices, established: true, accept });
    // What follows a rule for everybody is never reached.
    if (drop && packets === 'all' && devices.length === 0) closes = true;
  }

  visit(chain.name, EVERYTHING, 0);
  if (!closes) return [];
  return [{ family: chain.family, table: chain.table, chain: chain.name, accepted: [...accepted], rules: found }];
}

/** Which packets of the hook come to a rule. */
interface Part {
  devices: DeviceMatch[];
  /** `established`: of known connections; `some`: of another match, which is not understood. */
  packets: 'all' | 'established' | 'some';
}

const EVERYTHING: Part = { devices: [], packets: 'all' };
const ESTABLISHED: Part = { devices: [], packets: 'established' };
const SOME: Part = { devices: [], packets: 'some' };

function both(a: Part, b: Part): Part {
  const packets = (['some', 'established', 'all'] as const).find((one) => [a.packets, b.packets].includes(one));
  return { devices: [...a.devices, ...b.devices], packets: packets ?? 'some' };
}

/** What makes a rule one for some packets; `xt` is a match of iptables. */
const SELECTIVE = ['match', 'xt', 'limit', 'quota', 'ct count'] as const;

type Selector = { meta?: { key?: unknown }; ct?: { key?: unknown } } | null | undefined;

type ElementsOf = (told: unknown) => readonly unknown[];

function narrow(before: Part, expression: Expression, elementsOf: ElementsOf): Part {
  if (!SELECTIVE.some((kind) => kind in expression)) return before;
  const { op, left, right } = (expression.match ?? {}) as { op?: unknown; left?: Selector; right?: unknown };
  const side = sideOf(left);
  if (side !== null && (op === '==' || op === '!=')) {
    const told = elementsOf(right);
    const names = told.filter((one): one is string => typeof one === 'string');
    // All but the devices of a set that is not understood may be any.
    if (op === '!=' && (names.length < told.length || names.length === 0)) return both(before, SOME);
    return both(before, { devices: [{ side, names, not: op === '!=' }], packets: 'all' });
  }
  if (left?.ct?.key === 'state' && (op === 'in' || op === '==')) {
    const states = Array.isArray(right) ? right : elementsOf(right);
    if (states.includes('established')) return both(before, states.includes('new') ? EVERYTHING : ESTABLISHED);
  }
  // nft does not tell what iptables' conntrack asks for: as good as always this.
  if ((expression.xt as { name?: unknown } | null | undefined)?.name === 'conntrack') return both(before, ESTABLISHED);
  return both(before, SOME);
}

function sideOf(selector: Selector): DeviceMatch['side'] | null {
  const key = selector?.meta?.key;
  if (key === 'iif' || key === 'iifname') return 'in';
  return key === 'oif' || key === 'oifname' ? 'out' : null;
}

/** A verdict map's, by device as `iifname vmap { lan : accept }`, or of known connections. */
function verdictRows(expression: Expression, elementsOf: ElementsOf): { part: Part; verdict: Expression }[] {
  const vmap = expression.vmap as { key?: Selector; data?: unknown } | null | undefined;
  const side = sideOf(vmap?.key);
  return elementsOf(vmap?.data).flatMap((one) => {
    const [value, verdict] = Array.isArray(one) ? one : [];
    if (typeof value !== 'string' || typeof verdict !== 'object' || verdict === null) return [];
    if (side !== null) return [{ part: { devices: [{ side, names: [value], not: false }], packets: 'all' }, verdict }];
    return vmap?.key?.ct?.key === 'state' && value === 'established' ? [{ part: ESTABLISHED, verdict }] : [];
  });
}

/** True when a device is among the names, some of which end in `*`. */
export function names(patterns: readonly string[], device: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? device.startsWith(pattern.slice(0, -1)) : pattern === device,
  );
}

/**
 * True when such a chain lets packets through that come in by one device and leave by another; null is a device that
 * nothing is known of. `established`: of a connection that is known, else the first of one.
 */
export function passes(
  { rules }: ClosingChain,
  way: Readonly<Record<DeviceMatch['side'], string | null>>,
  established: boolean,
): boolean {
  const holds = ({ side, names: patterns, not }: DeviceMatch) => {
    const device = way[side];
    return device === null ? not : names(patterns, device) !== not;
  };
  return rules.find((rule) => (established || !rule.established) && rule.devices.every(holds))?.accept ?? false;
}
