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
  /** A gateway check's result: routes of a neighbour that does not answer are not used. */
  usable(neighbor: string, why: string | null): void;
  /** Another configuration. Routes of neighbours that are gone are forgotten. */
  use(neighbors: readonly BgpNeighborConfig[]): void;
  rows(): LearnedRow[];
}

interface Teacher {
  config: BgpNeighborConfig;
  routes: Map<string, LearnedRoute>;
  unusable: string | null;
}

/** `changed` gets the routes that belong into the kernel, the full set, whenever something was taught. */
export function createLearnedTable(
  first: readonly BgpNeighborConfig[],
  changed: (routes: KernelRoute[]) => void,
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

  /** The best route of each prefix in each table. */
  function best(): Map<string, { teacher: Teacher; route: LearnedRoute }> {
    const found = new Map<string, { teacher: Teacher; route: LearnedRoute }>();
    for (const teacher of teachers.values()) {
      if (teacher.unusable !== null || teacher.config.import === null) continue;
      for (const [prefix, route] of teacher.routes) {
        const key = `${teacher.config.import.table} ${prefix}`;
        const other = found.get(key);
        if (other === undefined || compare(teacher, route, other.teacher, other.route) < 0) {
          found.set(key, { teacher, route });
        }
      }
    }
    return found;
  }

  const settle = () =>
    changed([...best().values()].flatMap(({ teacher, route }) => kernelRoute(teacher.config, route)));

  use(first);
  return {
    update(neighbor, changes) {
      const teacher = teachers.get(neighbor);
      if (teacher === undefined) return;
      for (const { prefix, route } of changes) {
        if (route === null) teacher.routes.delete(networkOf(prefix));
        else teacher.routes.set(networkOf(prefix), route);
      }
      settle();
    },
    usable(neighbor, why) {
      const teacher = teachers.get(neighbor);
      if (teacher === undefined || teacher.unusable === why) return;
      teacher.unusable = why;
      settle();
    },
    use(neighbors) {
      use(neighbors);
      settle();
    },
    rows() {
      const used = new Set([...best().values()].map(({ route }) => route));
      return [...teachers.values()].flatMap(({ config, routes, unusable }) =>
        [...routes].map(([prefix, route]) => ({
          ...route,
          prefix,
          neighbor: config.name,
          table: config.import?.table ?? 0,
          best: used.has(route),
          unusable,
        })),
      );
    },
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
