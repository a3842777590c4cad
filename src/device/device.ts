/**
 * The device under a translator: opened with its link, threads and routes, changed while it runs, and closed. Whatever
 * fails is taken back, last step first. The caller sees to it that two changes never overlap.
 */
import { formatPrefix } from '../config/address.js';
import { without } from '../config/diff.js';
import { errors, messageOf } from '../errors.js';
import type { Addon, CoreConfig, Dataplane, Limits, Netlink, OffloadLevel, Threads } from '../native/addon.js';
import { watchEvents } from './events.js';
import { checkDeviceName, checkPools, firstGlobalAddress6, forwardingWarnings, type ReadSysctl } from './host.js';
import { addRoute, asking, openDataplane, type PoolPrefix, removeRoute, setUpLink, startWorkers } from './link.js';
import { createUndo, type Undo } from './undo.js';

/** The part of pino's logger that a service uses. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** What the program that starts a service hands in. */
export interface Dependencies {
  addon: Pick<Addon, 'Dataplane' | 'Netlink' | 'buildEamTable' | 'counters'>;
  log: Log;
  readSysctl: ReadSysctl;
}

/** What is fixed as long as the device is open. */
export interface DeviceOptions {
  name: string;
  offload: OffloadLevel;
  threads: Threads;
  limits: Limits;
  /** What is to be done once the workers answer and before any packet comes. */
  prepare?(dataplane: Dataplane): Promise<void>;
}

/** What a configuration makes of the device. */
export interface Plan {
  core: CoreConfig;
  /** What is routed to the device. */
  pools: readonly PoolPrefix[];
}

export interface Device {
  readonly dataplane: Dataplane;
  /** The plan in force. */
  plan(): Plan;
  /**
   * From one plan to the next: new routes first, then the core and what `also` does, then old routes away, so that no
   * packet of a pool in force is without a route. Throws PLT_RELOAD_FAILED when it had to be taken back.
   */
  change(next: (hostAddress6: string | null) => Plan, also?: (undo: Undo) => Promise<void>): Promise<void>;
  /** Takes away routes and device. Never throws. */
  close(): void;
}

/**
 * Opens a device. `plan` gets the source of ICMPv6 errors for a configuration that names none. On failure throws a
 * PlatypusError and leaves nothing behind; `signal` ends a start that is under way (use `close` afterwards).
 */
export async function openDevice(
  options: DeviceOptions,
  plan: (hostAddress6: string | null) => Plan,
  deps: Dependencies,
  signal?: AbortSignal,
): Promise<Device> {
  const undo = createUndo();
  try {
    return await open(options, plan, deps, undo, signal);
  } catch (error) {
    await takeBack(undo, deps.log);
    throw error;
  }
}

async function open(
  { name, offload, threads, limits, prepare }: DeviceOptions,
  plan: (hostAddress6: string | null) => Plan,
  deps: Dependencies,
  undo: Undo,
  signal?: AbortSignal,
): Promise<Device> {
  const goOn = () => {
    if (signal?.aborted) throw errors.aborted();
  };
  goOn();
  const netlink = asking('cannot open netlink', () => new deps.addon.Netlink());
  undo.push('open netlink', () => netlink.close());

  checkDeviceName(netlink, name);
  const hostAddress6 = firstGlobalAddress6(netlink);
  const first = plan(hostAddress6);
  checkPools(netlink, first.pools, null);
  goOn();

  const dataplane = openDataplane({ device: name, offload, threads, limits, config: first.core }, deps.addon);
  undo.push('open the device', () => dataplane.stop());
  setUpLink(netlink, dataplane.device, deviceMtu(first.core));
  startWorkers(dataplane);
  await prepare?.(dataplane);
  for (const pool of first.pools) {
    goOn();
    addRoute(netlink, dataplane.device, pool);
    undo.push(`route to ${keyOf(pool)}`, () => removeRoute(netlink, dataplane.device, pool));
  }
  goOn();
  if (!dataplane.alive()) throw errors.workerDead(dataplane.device);
  for (const warning of await forwardingWarnings(deps.readSysctl)) deps.log.warn(warning);
  return createDevice({ netlink, dataplane, hostAddress6 }, first, deps);
}

interface Parts {
  netlink: Netlink;
  dataplane: Dataplane;
  hostAddress6: string | null;
}

function createDevice({ netlink, dataplane, hostAddress6 }: Parts, first: Plan, { addon, log }: Dependencies): Device {
  const name = dataplane.device;
  const stopWatching = watchEvents(dataplane, addon.counters, log);
  let plan = first;

  function setMtu(from: number, to: number, undo: Undo): void {
    if (from === to) return;
    asking(`cannot set the MTU of "${name}" to ${to}`, () => netlink.setLink({ name, mtuBytes: to }));
    undo.push('MTU', () => netlink.setLink({ name, mtuBytes: from }));
  }

  async function move(next: Plan, undo: Undo, also?: (undo: Undo) => Promise<void>): Promise<void> {
    const added = without(next.pools, plan.pools, keyOf);
    const before = deviceMtu(plan.core);
    const after = deviceMtu(next.core);
    const meanwhile = Math.max(before, after);
    checkPools(netlink, added, name);
    setMtu(before, meanwhile, undo);
    for (const pool of added) {
      addRoute(netlink, name, pool);
      undo.push(`route to ${keyOf(pool)}`, () => removeRoute(netlink, name, pool));
    }
    undo.push('configure', () => dataplane.configure(plan.core));
    await dataplane.configure(next.core);
    await also?.(undo);
    for (const pool of without(plan.pools, next.pools, keyOf)) {
      removeRoute(netlink, name, pool);
      undo.push(`no route to ${keyOf(pool)}`, () => addRoute(netlink, name, pool));
    }
    setMtu(meanwhile, after, undo);
  }

  return {
    dataplane,
    plan: () => plan,
    async change(makePlan, also) {
      const next = makePlan(hostAddress6);
      const undo = createUndo();
      try {
        await move(next, undo, also);
      } catch (error) {
        throw errors.reloadFailed(error, await takeBack(undo, log));
      }
      plan = next;
    },
    close() {
      stopWatching();
      for (const pool of plan.pools) attempt(log, () => removeRoute(netlink, name, pool));
      attempt(log, () => dataplane.stop());
      attempt(log, () => netlink.close());
    },
  };
}

/** The device carries both families, so the larger of the two next hops' MTUs (bytes). */
function deviceMtu({ mtu4, mtu6 }: CoreConfig): number {
  return Math.max(mtu4, mtu6);
}

const keyOf = (pool: PoolPrefix) => formatPrefix(pool.prefix);

/** Returns whether all of it could be taken back. */
async function takeBack(undo: Undo, log: Log): Promise<boolean> {
  const failures = await undo.unwind();
  for (const failure of failures) log.error(`could not take back "${failure.name}": ${messageOf(failure.error)}`);
  return failures.length === 0;
}

function attempt(log: Log, step: () => void): void {
  try {
    step();
  } catch (error) {
    log.error(messageOf(error));
  }
}
