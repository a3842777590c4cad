/**
 * The PLAT's life: checks, then device, link, threads, routes; reload while it runs; and an end that leaves nothing.
 * Whatever fails on the way in is taken back, last step first. Reloads, pool4 and BIB edits and the end never overlap.
 */
import { formatPrefix } from '../config/address.js';
import { diffConfig } from '../config/diff.js';
import type { Config, StaticBibEntry } from '../config/schema.js';
import { errors, messageOf } from '../errors.js';
import type { Addon, Dataplane, Protocol } from '../native/addon.js';
import {
  asking,
  checkDeviceName,
  checkPools,
  firstGlobalAddress6,
  forwardingWarnings,
  poolPrefixes,
  type ReadSysctl,
} from './host.js';
import { addRoute, openDataplane, removeRoute, setUpLink, startWorkers } from './link.js';
import { addStatic, change, checkStatic, type Parts } from './reload.js';
import { createSerial } from './serial.js';
import { createUndo, type Undo } from './undo.js';

/** The part of pino's logger that the service uses. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** What the program that starts the service hands in. */
export interface PlatDependencies {
  addon: Pick<Addon, 'Dataplane' | 'Netlink'>;
  log: Log;
  readSysctl: ReadSysctl;
}

export interface PlatService {
  /** The configuration in force; edits made over the control socket are in it. */
  config(): Config;
  readonly dataplane: Dataplane;
  /** Applies a configuration while running. Returns what changed, as sentences. Throws and changes nothing otherwise. */
  reload(next: Config): Promise<string[]>;
  /** As reload, with a configuration computed from the one in force at that moment. */
  edit(change: (running: Config) => Config): Promise<string[]>;
  /** Adds a permanent mapping to the running BIB. Throws PLT_BIB_REFUSED. */
  addBib(entry: StaticBibEntry): Promise<void>;
  /** Removes a mapping with its sessions. Throws PLT_BIB_NOT_FOUND. */
  removeBib(entry: { protocol: Protocol; v4: string; port4: number }): Promise<void>;
  /** Takes away routes and device. Never throws; a second call waits for the first. */
  stop(): Promise<void>;
}

/**
 * Starts a PLAT. On failure throws a PlatypusError and leaves nothing behind; `signal` ends a start that is under way
 * (use `stop` afterwards).
 */
export async function startPlat(config: Config, deps: PlatDependencies, signal?: AbortSignal): Promise<PlatService> {
  const undo = createUndo();
  try {
    return await start(config, deps, undo, signal);
  } catch (error) {
    for (const failure of await undo.unwind()) {
      deps.log.error(`could not take back "${failure.name}": ${messageOf(failure.error)}`);
    }
    throw error;
  }
}

async function start(config: Config, deps: PlatDependencies, undo: Undo, signal?: AbortSignal): Promise<PlatService> {
  const { plat } = config;
  const goOn = () => {
    if (signal?.aborted) throw errors.aborted();
  };
  goOn();
  const netlink = asking('cannot open netlink', () => new deps.addon.Netlink());
  undo.push('open netlink', () => netlink.close());

  checkDeviceName(netlink, plat.device);
  checkPools(netlink, poolPrefixes(plat), null);
  const hostAddress6 = firstGlobalAddress6(netlink);
  goOn();

  const dataplane = openDataplane(plat, hostAddress6, deps.addon);
  undo.push('open the device', () => dataplane.stop());
  setUpLink(netlink, dataplane.device, plat);
  startWorkers(dataplane);
  for (const pool of poolPrefixes(plat)) {
    goOn();
    addRoute(netlink, dataplane.device, pool);
    undo.push(`route to ${formatPrefix(pool.prefix)}`, () => removeRoute(netlink, dataplane.device, pool));
  }
  goOn();
  if (!dataplane.alive()) throw errors.workerDead(dataplane.device);
  for (const warning of await forwardingWarnings(deps.readSysctl)) deps.log.warn(warning);
  return createService(config, { netlink, dataplane, hostAddress6, log: deps.log });
}

function createService(initial: Config, parts: Parts): PlatService {
  const { netlink, dataplane, log } = parts;
  const serial = createSerial();
  let running = initial;
  let ending: Promise<void> | null = null;

  const queued = <T>(task: () => Promise<T>): Promise<T> => {
    if (ending !== null) return Promise.reject(errors.stopping());
    return serial(task);
  };

  async function apply(next: Config): Promise<string[]> {
    const diff = diffConfig(running, next);
    if (diff.refused.length > 0) throw errors.reloadRefused(diff.refused);
    if (diff.changes.length === 0) return [];
    await change(running, next, parts);
    running = next;
    return diff.changes;
  }

  async function end(): Promise<void> {
    for (const pool of poolPrefixes(running.plat)) {
      attempt(log, () => removeRoute(netlink, dataplane.device, pool));
    }
    attempt(log, () => dataplane.stop());
    attempt(log, () => netlink.close());
  }

  return {
    dataplane,
    config: () => running,
    reload: (next) => queued(() => apply(next)),
    edit: (edit) => queued(async () => apply(edit(running))),
    addBib: (entry) =>
      queued(async () => {
        checkStatic(running, entry);
        await addStatic(dataplane, entry);
        running = withStaticBib(running, [...running.plat.staticBib, entry]);
      }),
    removeBib: (entry) =>
      queued(async () => {
        if (!(await dataplane.removeBib(entry))) {
          throw errors.bibNotFound(entry.protocol, `${entry.v4}#${entry.port4}`);
        }
        running = withStaticBib(
          running,
          running.plat.staticBib.filter(
            ({ protocol, v4 }) =>
              protocol !== entry.protocol || v4.address.text !== entry.v4 || v4.port !== entry.port4,
          ),
        );
      }),
    stop() {
      ending ??= serial(end);
      return ending;
    },
  };
}

function withStaticBib(config: Config, staticBib: StaticBibEntry[]): Config {
  return { ...config, plat: { ...config.plat, staticBib } };
}

function attempt(log: Log, step: () => void): void {
  try {
    step();
  } catch (error) {
    log.error(messageOf(error));
  }
}
