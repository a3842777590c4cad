/**
 * Our routes in the kernel: what neighbours taught us and the blackholes of announced prefixes. They carry a protocol
 * number of their own, so that those of an earlier run are known, and none is left at the end.
 */
import { networkOf, type Prefix, parsePrefix } from '../config/address.js';
import { isSystemError, messageOf } from '../errors.js';
import { type Netlink, ROUTE_PROTOCOLS, type RouteRow } from '../native/addon.js';

export interface KernelRoute {
  prefix: Prefix;
  kind: 'unicast' | 'blackhole';
  gateway: string | null;
  device: string | null;
  onlink: boolean;
  table: number;
  metric: number;
}

export interface KernelRow {
  prefix: string;
  kind: KernelRoute['kind'];
  gateway: string | null;
  device: string | null;
  table: number;
  metric: number;
  /** Why the kernel has not taken it, null where it has. */
  error: string | null;
}

export interface KernelTable {
  /**
   * What there should be to a prefix (`address/length`) may have changed. The kernel hears of it in a later turn of the
   * event loop; what it refuses is told once and tried again.
   */
  touch(prefix: string): void;
  rows(): KernelRow[];
  /** Takes all of them away. */
  close(): void;
}

interface Entry {
  route: KernelRoute;
  /** What the kernel has in its place. */
  installed: KernelRoute | null;
  error: string | null;
}

/** Next hops and devices come and go: how often the kernel is asked what it has, and told what it lacks, milliseconds. */
const LOOK_MS = 2000;
/** Prefixes a turn of the event loop, some milliseconds of work: sessions and withdrawals must not wait for a flood. */
const PREFIXES_A_TURN = 200;

type KernelRoutes = Pick<Netlink, 'addRoute' | 'removeRoute' | 'routes'>;

/**
 * Removes what an earlier run left. `wanted` is asked for all routes that there should be to a prefix; of two with the
 * same table and metric the last one counts. Throws what the kernel says when the routes cannot be listed.
 */
export function createKernelTable(
  netlink: KernelRoutes,
  wanted: (prefix: string) => readonly KernelRoute[],
  warn: (message: string) => void,
): KernelTable {
  /** Prefix → table and metric → what is there. */
  const known = new Map<string, Map<string, Entry>>();
  const touched = new Set<string>();
  let turn: NodeJS.Immediate | null = null;

  const listed = () => netlink.routes({ protocol: ROUTE_PROTOCOLS.announcer });

  function removeLeftovers(): void {
    for (const { destination, length, table, metric, kind } of listed()) {
      if (kind === 'other') continue;
      try {
        netlink.removeRoute({ destination, length, table, metric, kind, protocol: ROUTE_PROTOCOLS.announcer });
      } catch (error) {
        warn(`cannot remove the route ${destination}/${length} of an earlier run: ${messageOf(error)}`);
      }
    }
  }

  /**
   * The kernel drops routes with their device or its last address, and says so to nobody who does not ask. What is not
   * ours may be another announcer's, on the same host for another table.
   */
  function look(): void {
    try {
      const present = new Set<Entry>();
      for (const row of listed()) {
        const entry = known.get(prefixOfRow(row, known))?.get(keyOf(row));
        if (entry?.installed?.kind === row.kind) present.add(entry);
      }
      for (const entry of all()) if (!present.has(entry)) entry.installed = null;
    } catch {
      // What it has will be known the next time.
    }
    for (const { route, installed } of all()) if (installed === null) touch(networkOf(route.prefix));
  }

  const all = () => [...known.values()].flatMap((entries) => [...entries.values()]);

  function touch(prefix: string): void {
    touched.add(prefix);
    turn ??= setImmediate(work);
  }

  function work(): void {
    turn = null;
    let left = PREFIXES_A_TURN;
    for (const prefix of touched) {
      if (left === 0) {
        turn = setImmediate(work);
        return;
      }
      left -= 1;
      touched.delete(prefix);
      settle(prefix);
    }
  }

  function settle(prefix: string): void {
    const before = known.get(prefix);
    const entries = new Map<string, Entry>();
    for (const route of wanted(prefix)) {
      const { route: old, installed = null, error = null } = before?.get(keyOf(route)) ?? {};
      entries.set(keyOf(route), { route, installed, error: old !== undefined && sameWay(old, route) ? error : null });
    }
    for (const [key, entry] of before ?? []) if (!entries.has(key)) remove(entry);
    for (const entry of entries.values()) {
      if (entry.installed === null || !sameWay(entry.installed, entry.route)) install(entry);
    }
    if (entries.size > 0) known.set(prefix, entries);
    else known.delete(prefix);
  }

  function install(entry: Entry): void {
    const { route } = entry;
    try {
      netlink.addRoute({ ...requestOf(route), replace: true });
      entry.installed = route;
      entry.error = null;
    } catch (error) {
      if (entry.error === null) warn(`the kernel does not take the route ${describe(route)}: ${messageOf(error)}`);
      entry.error = messageOf(error);
      // What was to be replaced is still there, and is the way no more.
      remove(entry);
    }
  }

  function remove(entry: Entry): void {
    const { installed } = entry;
    if (installed === null) return;
    entry.installed = null;
    try {
      netlink.removeRoute(requestOf(installed));
    } catch (failure) {
      // It went with its device, or somebody removed it.
      if (isSystemError(failure) && (failure.code === 'ESRCH' || failure.code === 'ENODEV')) return;
      warn(`cannot remove the route ${describe(installed)}: ${messageOf(failure)}`);
    }
  }

  removeLeftovers();
  const timer = setInterval(look, LOOK_MS);

  return {
    touch,
    rows: () =>
      all().map(({ route: { prefix, onlink, ...rest }, error }) => ({
        prefix: networkOf(prefix),
        ...rest,
        error,
      })),
    close() {
      clearInterval(timer);
      if (turn !== null) clearImmediate(turn);
      for (const entry of all()) remove(entry);
      known.clear();
    },
  };
}

/** What tells two routes of the kernel to the same prefix apart. */
function keyOf({ table, metric }: { table: number; metric: number }): string {
  return `${table} ${metric}`;
}

function prefixOfRow({ destination, length }: RouteRow, known: ReadonlyMap<string, unknown>): string {
  const text = `${destination}/${length}`;
  if (known.has(text)) return text;
  // The C library writes some addresses in another way, such as ::ffff:192.0.2.1.
  const prefix = parsePrefix(text);
  return prefix === null ? text : networkOf(prefix);
}

function sameWay(a: KernelRoute, b: KernelRoute): boolean {
  return a.kind === b.kind && a.gateway === b.gateway && a.device === b.device && a.onlink === b.onlink;
}

function requestOf({ prefix, kind, gateway, device, onlink, table, metric }: KernelRoute) {
  const [destination = ''] = networkOf(prefix).split('/');
  return {
    destination,
    length: prefix.length,
    kind,
    table,
    metric,
    protocol: ROUTE_PROTOCOLS.announcer,
    ...(gateway === null ? {} : { gateway }),
    ...(device === null ? {} : { name: device }),
    ...(onlink ? { onlink } : {}),
  };
}

function describe({ prefix, kind, gateway, device, table }: KernelRoute): string {
  const way =
    kind === 'blackhole'
      ? ' blackhole'
      : `${gateway === null ? '' : ` via ${gateway}`}${device === null ? '' : ` dev ${device}`}`;
  return `${networkOf(prefix)}${way} table ${table}`;
}
