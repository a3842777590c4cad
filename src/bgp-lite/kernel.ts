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
  /** The full set that there should be. What the kernel refuses is told once and tried again. */
  use(routes: readonly KernelRoute[]): void;
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

type KernelRoutes = Pick<Netlink, 'addRoute' | 'removeRoute' | 'routes'>;

/** Removes what an earlier run left. Throws what the kernel says when the routes cannot be listed. */
export function createKernelTable(netlink: KernelRoutes, warn: (message: string) => void): KernelTable {
  const entries = new Map<string, Entry>();

  /** The routes that the kernel has though they are not wanted go; returns the keys of those that it has rightly. */
  function tidy(failed: (message: string) => void): Set<string> {
    const present = new Set<string>();
    for (const row of netlink.routes({ protocol: ROUTE_PROTOCOLS.announcer })) {
      const { destination, length, table, metric, kind } = row;
      if (kind === 'other') continue;
      const key = keyOfRow(row, entries);
      if (entries.get(key)?.installed?.kind === kind) {
        present.add(key);
        continue;
      }
      try {
        netlink.removeRoute({ destination, length, table, metric, kind, protocol: ROUTE_PROTOCOLS.announcer });
      } catch (error) {
        failed(`cannot remove the route ${destination}/${length} of an earlier run: ${messageOf(error)}`);
      }
    }
    return present;
  }

  /** The kernel drops routes with their device or its last address, and says so to nobody who does not ask. */
  function look(): void {
    try {
      const present = tidy(() => undefined);
      for (const [key, entry] of entries) if (!present.has(key)) entry.installed = null;
    } catch {
      // What it has will be known the next time.
    }
    for (const entry of entries.values()) if (entry.installed === null) install(entry, entry.error !== null);
  }

  function install(entry: Entry, again: boolean): void {
    const { route } = entry;
    try {
      netlink.addRoute({ ...requestOf(route), replace: true });
      entry.installed = route;
      entry.error = null;
    } catch (error) {
      if (!again) warn(`the kernel does not take the route ${describe(route)}: ${messageOf(error)}`);
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

  tidy(warn);
  const timer = setInterval(look, LOOK_MS);

  return {
    use(routes) {
      const wanted = new Map(routes.map((route) => [keyOf(route), route]));
      for (const [key, entry] of entries) {
        if (wanted.has(key)) continue;
        remove(entry);
        entries.delete(key);
      }
      for (const [key, route] of wanted) {
        const before = entries.get(key);
        if (before !== undefined && sameWay(before.route, route)) continue;
        const entry = { route, installed: before?.installed ?? null, error: null };
        entries.set(key, entry);
        install(entry, false);
      }
    },
    rows: () =>
      [...entries.values()].map(({ route: { prefix, onlink, ...rest }, error }) => ({
        prefix: networkOf(prefix),
        ...rest,
        error,
      })),
    close() {
      clearInterval(timer);
      for (const entry of entries.values()) remove(entry);
      entries.clear();
    },
  };
}

/** What tells two routes of the kernel apart. */
function keyOf({ prefix, table, metric }: KernelRoute): string {
  return `${networkOf(prefix)} ${table} ${metric}`;
}

function keyOfRow({ destination, length, table, metric }: RouteRow, known: ReadonlyMap<string, unknown>): string {
  const key = `${destination}/${length} ${table} ${metric}`;
  if (known.has(key)) return key;
  // The C library writes some addresses in another way, such as ::ffff:192.0.2.1.
  const prefix = parsePrefix(`${destination}/${length}`);
  return prefix === null ? key : `${networkOf(prefix)} ${table} ${metric}`;
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
