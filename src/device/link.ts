/** The device and the routes to it: opened, set up and removed, with a sentence for each refusal of the kernel. */
import { formatAddress, formatPrefix, type Prefix } from '../config/address.js';
import { errors, isSystemError } from '../errors.js';
import type { Addon, CoreConfig, Dataplane, Limits, Netlink, OffloadLevel, Threads } from '../native/addon.js';

const TX_QUEUE_LENGTH = 10_000;

/** A destination that is routed to the device, and the key of the configuration it comes from. */
export interface PoolPrefix {
  pool: 'pool4' | 'pool6' | 'eamt' | 'routes';
  prefix: Prefix;
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

/** Opens the device and its workers. Throws one sentence for each way the kernel says no. */
export function openDataplane(
  options: { device: string; offload: OffloadLevel; threads: Threads; limits: Limits; config: CoreConfig },
  addon: Pick<Addon, 'Dataplane'>,
): Dataplane {
  const { device } = options;
  try {
    return new addon.Dataplane(options);
  } catch (error) {
    const code = isSystemError(error) ? error.code : '';
    const cause = { cause: error };
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') throw errors.tunMissing(device, cause);
    if (code === 'EBUSY' || code === 'EEXIST') throw errors.deviceBusy(device, cause);
    if (code === 'EPERM' || code === 'EACCES') {
      throw errors.notPermitted(`cannot open the device "${device}"`, cause);
    }
    throw errors.deviceFailed(device, error);
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
export function setUpLink(netlink: Netlink, device: string, mtuBytes: number): void {
  asking(`cannot set up the device "${device}"`, () =>
    netlink.setLink({ name: device, up: true, mtuBytes, txQueueLength: TX_QUEUE_LENGTH }),
  );
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
