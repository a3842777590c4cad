/**
 * What the PLAT asks of the host before it opens anything: is the device name free, do pools or routes collide with what
 * is there, does the kernel forward. Reads only.
 */
import { contains, formatPrefix, overlaps, type Prefix, parseAddress, parsePrefix } from '../config/address.js';
import type { PlatConfig } from '../config/schema.js';
import { errors, isSystemError } from '../errors.js';
import type { AddressRow, LinkRow, Netlink } from '../native/addon.js';

/** A destination the PLAT routes to its device. */
export interface PoolPrefix {
  pool: 'pool4' | 'pool6';
  prefix: Prefix;
}

/** All destinations of a configuration: pool6 first. */
export function poolPrefixes(plat: PlatConfig): PoolPrefix[] {
  return [
    ...plat.pool6.map((prefix) => ({ pool: 'pool6' as const, prefix })),
    ...plat.pool4.map(({ prefix }) => ({ pool: 'pool4' as const, prefix })),
  ];
}

/** Runs a netlink call and words its failure. Throws PLT_NOT_PERMITTED or PLT_NETLINK_FAILED. */
export function asking<T>(doing: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (isSystemError(error) && (error.code === 'EPERM' || error.code === 'EACCES')) {
      throw errors.notPermitted(doing, { cause: error });
    }
    throw errors.netlinkFailed(doing, error);
  }
}

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
  const addresses = asking('cannot list the addresses', () => netlink.addresses());
  const routes = asking('cannot list the routes', () => netlink.routes());
  for (const { pool, prefix } of pools) {
    const own = addresses.find((row) => foreign(row.index) && lies(row, prefix));
    if (own !== undefined) {
      throw errors.poolOverlapsHost(pool, formatPrefix(prefix), own.address, nameOf(links, own.index));
    }
    const route = routes.find((row) => {
      const destination = parsePrefix(formatPrefix({ address: row.destination, length: row.length }));
      return (
        foreign(row.index) &&
        destination !== null &&
        destination.length === prefix.length &&
        overlaps(destination, prefix)
      );
    });
    if (route !== undefined) {
      const where = route.gateway === null ? '' : ` via ${route.gateway}`;
      throw errors.routeExists(pool, formatPrefix(prefix), `on ${nameOf(links, route.index)}${where}`);
    }
  }
}

function lies(row: AddressRow, prefix: Prefix): boolean {
  const address = parseAddress(row.address);
  return address !== null && contains(prefix, address);
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
