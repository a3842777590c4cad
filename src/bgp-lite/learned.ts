/**
 * What neighbours have taught us: the accepted routes of each, and which one is used where several know the same prefix
 * (RFC 4271 §9.1.2.2, as far as a host needs it). Nothing here is ever told to another neighbour.
 */
import { isLinkLocal, networkOf, parseAddress } from '../config/address.js';
import type { BgpNeighborConfig } from '../config/announce.js';
import type { LearnedChange, LearnedRoute } from './bgp/import.js';
import type { KernelRoute } from './kernel.js';

export interface LearnedRow extends Omit<LearnedRoute, 'prefix'> {
  prefix: string;
  neighbor: string;
  table: number;
  /** The one that is used. */
  best: boolean;
  /** Why it is not used though nothing is better; null otherwise. */
  unusable: string | null;
}

export interface LearnedTable {
  update(neighbor: string, changes: readonly LearnedChange[]): void;
  /** The routes to a prefix that belong into the kernel: the best one of each table. */
  routes(prefix: string): KernelRoute[];
  /** A gateway check's result: routes of a neighbour that does not answer are not used. */
  usable(neighbor: string, why: string | null): void;
  /** Another configuration. Routes of neighbours that are gone are forgotten. */
  use(neighbors: readonly BgpNeighborConfig[]): void;
  rows(): LearnedRow[];
}

interface Teacher {
  config: BgpNeighborConfig;
  /** By `address/length`. */
  routes: Map<string, LearnedRoute>;
  unusable: string | null;
}

/** `changed` gets each prefix (`address/length`) whose `routes` may be others now. */
export function createLearnedTable(
  first: readonly BgpNeighborConfig[],
  changed: (prefix: string) => void,
): LearnedTable {
  let teachers = new Map<string, Teacher>();

  function use(neighbors: readonly BgpNeighborConfig[]): void {
    teachers = new Map(
      neighbors.map((config) => {
        const before = teachers.get(config.name);
        const fresh = { routes: new Map(), unusable: config.import?.check == null ? null : 'not checked yet' };
        return [config.name, { ...(before ?? fresh), config }];
      }),
    );
  }

  /** The best route to a prefix in each table. */
  function best(prefix: string): Map<number, { teacher: Teacher; route: LearnedRoute }> {
    const found = new Map<number, { teacher: Teacher; route: LearnedRoute }>();
    for (const teacher of teachers.values()) {
      const route = teacher.routes.get(prefix);
      if (route === undefined || teacher.unusable !== null || teacher.config.import === null) continue;
      const { table } = teacher.config.import;
      const other = found.get(table);
      if (other === undefined || compare(teacher, route, other.teacher, other.route) < 0) {
        found.set(table, { teacher, route });
      }
    }
    return found;
  }

  function allChanged({ routes }: Teacher): void {
    for (const prefix of routes.keys()) changed(prefix);
  }

  use(first);
  return {
    update(neighbor, changes) {
      const teacher = teachers.get(neighbor);
      if (teacher === undefined) return;
      for (const { prefix, route } of changes) {
        const key = networkOf(prefix);
        if (route === null) teacher.routes.delete(key);
        else teacher.routes.set(key, route);
        changed(key);
      }
    },
    routes: (prefix) => [...best(prefix).values()].flatMap(({ teacher, route }) => kernelRoute(teacher.config, route)),
    usable(neighbor, why) {
      const teacher = teachers.get(neighbor);
      if (teacher === undefined || teacher.unusable === why) return;
      teacher.unusable = why;
      allChanged(teacher);
    },
    use(neighbors) {
      const before = [...teachers.values()];
      use(neighbors);
      for (const teacher of before) allChanged(teacher);
    },
    rows: () =>
      [...teachers.values()].flatMap((teacher) =>
        [...teacher.routes].map(([prefix, route]) => {
          const { config, unusable } = teacher;
          const table = config.import?.table ?? 0;
          return {
            ...route,
            prefix,
            neighbor: config.name,
            table,
            best: best(prefix).get(table)?.teacher === teacher,
            unusable,
          };
        }),
      ),
  };
}

/** Below zero when `a` is the better one. */
function compare(from: Teacher, a: LearnedRoute, other: Teacher, b: LearnedRoute): number {
  const preference = (teacher: Teacher, route: LearnedRoute) => teacher.config.import?.localPref ?? route.localPref;
  return (
    preference(other, b) - preference(from, a) ||
    a.asPathLength - b.asPathLength ||
    a.origin - b.origin ||
    // A missing MED is the lowest (RFC 4271 §9.1.2.2 c); only those of one AS compare.
    (a.neighborAs === b.neighborAs ? (a.med ?? 0) - (b.med ?? 0) : 0) ||
    Number(a.internal) - Number(b.internal) ||
    compareText(a.routerId, b.routerId) ||
    compareText(from.config.name, other.config.name)
  );
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : numeric(a) < numeric(b) ? -1 : 1;
}

/** Dotted numbers in the order of their values. */
function numeric(text: string): string {
  return text.replaceAll(/\d+/g, (digits) => digits.padStart(10, '0'));
}

/** Where packets go; none where no next hop is known that the kernel would take. */
function kernelRoute({ import: wanted, interface: device }: BgpNeighborConfig, route: LearnedRoute): KernelRoute[] {
  if (wanted === null) return [];
  const gateway = wanted.nextHop ?? route.nextHop;
  return [
    {
      prefix: route.prefix,
      kind: 'unicast',
      gateway,
      // A link-local next hop means nothing without its link.
      device: wanted.device ?? (wanted.onlink || isLinkLocal(parseAddress(gateway)) ? device : null),
      onlink: wanted.onlink,
      table: wanted.table,
      metric: wanted.metric,
    },
  ];
}
