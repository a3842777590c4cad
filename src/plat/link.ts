/** The device and the routes to it: opened, set up and removed, with a sentence for each refusal of the kernel. */
import { formatAddress, formatPrefix } from '../config/address.js';
import { toCoreConfig, toLimits } from '../config/core.js';
import type { PlatConfig } from '../config/schema.js';
import { errors, isSystemError } from '../errors.js';
import type { Addon, Dataplane, Netlink } from '../native/addon.js';
import { asking, type PoolPrefix } from './host.js';

const TX_QUEUE_LENGTH = 10_000;

/** Opens the device and its workers. Throws one sentence for each way the kernel says no. */
export function openDataplane(
  plat: PlatConfig,
  hostAddress6: string | null,
  addon: Pick<Addon, 'Dataplane'>,
): Dataplane {
  const options = {
    device: plat.device,
    workers: plat.workers,
    limits: toLimits(plat),
    config: toCoreConfig(plat, hostAddress6),
  };
  try {
    return new addon.Dataplane(options);
  } catch (error) {
    const code = isSystemError(error) ? error.code : '';
    const cause = { cause: error };
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') throw errors.tunMissing(plat.device, cause);
    if (code === 'EBUSY' || code === 'EEXIST') throw errors.deviceBusy(plat.device, cause);
    if (code === 'EPERM' || code === 'EACCES') {
      throw errors.notPermitted(`cannot open the device "${plat.device}"`, cause);
    }
    throw errors.deviceFailed(plat.device, error);
  }
}

/** Starts the worker threads. Throws PLT_DEVICE_FAILED. */
export function startWorkers(dataplane: Dataplane): void {
  try {
    dataplane.start();
  } catch (error) {
    throw errors.deviceFailed(dataplane.device, error);
  }
}

/** MTU, queue length, up. */
export function setUpLink(netlink: Netlink, device: string, plat: PlatConfig): void {
  asking(`cannot set up the device "${device}"`, () =>
    netlink.setLink({ name: device, up: true, mtuBytes: deviceMtu(plat), txQueueLength: TX_QUEUE_LENGTH }),
  );
}

/** The device carries both families, so the larger of the two next hops' MTUs (bytes). */
export function deviceMtu(plat: PlatConfig): number {
  return Math.max(plat.mtu4, plat.mtu6);
}

function routeOf(device: string, { prefix }: PoolPrefix) {
  return { name: device, destination: formatAddress(prefix.family, prefix.first), length: prefix.length };
}

/** Routes a pool to the device. Throws PLT_ROUTE_EXISTS. */
export function addRoute(netlink: Netlink, device: string, pool: PoolPrefix): void {
  const text = formatPrefix(pool.prefix);
  try {
    netlink.addRoute(routeOf(device, pool));
  } catch (error) {
    if (isSystemError(error) && error.code === 'EEXIST') throw errors.routeExists(pool.pool, text, 'in the main table');
    asking(`cannot add the route to ${text}`, () => {
      throw error;
    });
  }
}

/** Takes the route away; one that is gone already is no failure. */
export function removeRoute(netlink: Netlink, device: string, pool: PoolPrefix): void {
  try {
    netlink.removeRoute(routeOf(device, pool));
  } catch (error) {
    // Someone else removed it: it is gone, which is what was wanted.
    if (isSystemError(error) && (error.code === 'ESRCH' || error.code === 'ENOENT')) return;
    asking(`cannot remove the route to ${formatPrefix(pool.prefix)}`, () => {
      throw error;
    });
  }
}
