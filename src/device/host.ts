/**
 * What a translator asks of the host before it opens anything: is the device name free, do pools or routes collide with what
 * is there, does the kernel forward. Reads only.
 */
import { contains, formatPrefix, type Prefix, parseAddress, parsePrefix } from '../config/address.js';
import { errors } from '../errors.js';
import { type LinkRow, type Netlink, ROUTE_PROTOCOLS } from '../native/addon.js';
import { asking, type PoolPrefix } from './link.js';

/** Throws PLT_DEVICE_BUSY when a link has that name. */
export function checkDeviceName(netlink: Netlink, device: string): void {
  const links = asking('cannot list the devices', () => netlink.links());
  if (links.some((link) => link.name === device)) throw errors.deviceBusy(device);
}

/**
 * Throws PLT_POOL_OVERLAPS_HOST when an address of this host lies in one of the prefixes, PLT_ROUTE_EXISTS when the main
 * table has a route to exactly one of them (on any device but `ownDevice`).
 */
export function checkPools(netlink: Netlink, pools: readonly PoolPrefix[], ownDevice: string | null): void {
  if (pools.length === 0) return;
  const links = new Map(asking('cannot list the devices', () => netlink.links()).map((link) => [link.index, link]));
  const foreign = (index: number) => ownDevice === null || links.get(index)?.name !== ownDevice;
  const addresses = asking('cannot list the addresses', () => netlink.addresses())
    .filter((row) => foreign(row.index))
    .map((row) => ({ row, address: parseAddress(row.address) }));
  const routes = asking('cannot list the routes', () => netlink.routes());
  for (const { pool, prefix } of pools) {
    // A route that the operator asked for by itself may contain addresses of the host, which the kernel keeps.
    if (pool === 'routes') continue;
    const own = addresses.find(({ address }) => address !== null && contains(prefix, address))?.row;
    if (own !== undefined) {
      throw errors.poolOverlapsHost(pool, formatPrefix(prefix), own.address, nameOf(links, own.index));
    }
  }
  // A router's table is long: each of its rows is read once, and only when a pool has its length.
  const wanted = new Map(pools.map((entry) => [destinationKey(entry.prefix), entry]));
  const lengths = new Set(pools.map(({ prefix }) => prefix.length));
  for (const row of routes) {
    if (!lengths.has(row.length) || !foreign(row.index)) continue;
    // The announcer's own blackhole of the prefix, perhaps of a run that was killed: ours wins by its metric.
    if (row.kind === 'blackhole' && row.protocol === ROUTE_PROTOCOLS.announcer) continue;
    const destination = parsePrefix(formatPrefix({ address: row.destination, length: row.length }));
    const entry = destination === null ? undefined : wanted.get(destinationKey(destination));
    if (entry === undefined) continue;
    const where = row.gateway === null ? '' : ` via ${row.gateway}`;
    throw errors.routeExists(entry.pool, formatPrefix(entry.prefix), `on ${nameOf(links, row.index)}${where}`);
  }
}

function destinationKey({ family, first, length }: Prefix): string {
  return `${family} ${first} ${length}`;
}

function nameOf(links: ReadonlyMap<number, LinkRow>, index: number): string {
  return links.get(index)?.name ?? (index === 0 ? 'no device' : `device ${index}`);
}

const SCOPE_GLOBAL = 0;

/** The first global, not tentative IPv6 address of the host: the source of ICMPv6 errors. Null when there is none. */
export function firstGlobalAddress6(netlink: Netlink): string | null {
  const rows = asking('cannot list the addresses', () => netlink.addresses());
  const row = rows.find((candidate) => {
    const address = parseAddress(candidate.address);
    return address?.family === 6 && candidate.scope === SCOPE_GLOBAL && !candidate.tentative;
  });
  return row?.address ?? null;
}

/** Reads `net.ipv4.ip_forward` and the like; null when it cannot. */
export type ReadSysctl = (name: string) => Promise<string | null>;

/** A sentence for each family that the kernel does not forward. */
export async function forwardingWarnings(readSysctl: ReadSysctl): Promise<string[]> {
  const warnings: string[] = [];
  for (const [name, family] of [
    ['net.ipv4.ip_forward', 'IPv4'],
    ['net.ipv6.conf.all.forwarding', 'IPv6'],
  ] as const) {
    const value = await readSysctl(name);
    if (value !== null && value.trim() === '0') {
      warnings.push(`${name} is 0, expected 1: the kernel will not forward ${family} packets to the translator`);
    }
  }
  return warnings;
}
