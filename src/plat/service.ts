/**
 * The PLAT's life: start, reload and edits while it runs, and an end that leaves nothing. Reloads, pool4 and BIB edits
 * and the end never overlap. What it needs of the host is in src/device.
 */
import { toCoreConfig, toLimits, toThreads } from '../config/core.js';
import { diffConfig } from '../config/diff.js';
import type { Config, PlatConfig, PlatFile, StaticBibEntry } from '../config/schema.js';
import { type Dependencies, type Device, openDevice, type Plan } from '../device/device.js';
import type { PoolPrefix } from '../device/link.js';
import { createSerial } from '../device/serial.js';
import type { Service } from '../device/service.js';
import { errors } from '../errors.js';
import type { Dataplane, Protocol } from '../native/addon.js';
import { addStatic, addStaticBib, checkStatic, moveStaticBib } from './bib.js';

export interface PlatService extends Service<PlatFile> {
  readonly mode: 'plat';
  /** As reload, with a configuration computed from the one in force at that moment. */
  edit(change: (running: PlatFile) => PlatFile): Promise<string[]>;
  /** Adds a permanent mapping to the running BIB. Throws PLT_BIB_REFUSED. */
  addBib(entry: StaticBibEntry): Promise<void>;
  /** Removes a mapping with its sessions. Throws PLT_BIB_NOT_FOUND. */
  removeBib(entry: { protocol: Protocol; v4: string; port4: number }): Promise<void>;
}

/**
 * Starts a PLAT. On failure throws a PlatypusError and leaves nothing behind; `signal` ends a start that is under way
 * (use `stop` afterwards).
 */
export async function startPlat(config: PlatFile, deps: Dependencies, signal?: AbortSignal): Promise<PlatService> {
  const { plat } = config;
  const options = {
    name: plat.device,
    offload: plat.offload,
    threads: toThreads(plat),
    limits: toLimits(plat),
    prepare: (dataplane: Dataplane) => addStaticBib(dataplane, plat.staticBib),
  };
  return createService(config, await openDevice(options, planOf(plat), deps, signal));
}

function planOf(plat: PlatConfig): (hostAddress6: string | null) => Plan {
  return (hostAddress6) => ({ core: toCoreConfig(plat, hostAddress6), pools: poolPrefixes(plat) });
}

/** All destinations of a configuration: pool6 first. */
function poolPrefixes(plat: PlatConfig): PoolPrefix[] {
  return [
    ...plat.pool6.map((prefix) => ({ pool: 'pool6' as const, prefix })),
    ...plat.pool4.map(({ prefix }) => ({ pool: 'pool4' as const, prefix })),
  ];
}

function createService(initial: PlatFile, device: Device): PlatService {
  const { dataplane } = device;
  const serial = createSerial();
  let running = initial;

  async function apply(next: Config): Promise<string[]> {
    const { changes, refused } = diffConfig(running, next);
    if (refused.length > 0 || next.plat === undefined) throw errors.reloadRefused(refused);
    if (changes.length === 0) return [];
    const [before, after] = [running.plat, next.plat];
    await device.change(planOf(after), (undo) => moveStaticBib(dataplane, before, after, undo));
    running = next;
    return changes;
  }

  return {
    mode: 'plat',
    dataplane,
    config: () => running,
    plan: () => device.plan(),
    reload: (next) => serial.run(() => apply(next)),
    edit: (edit) => serial.run(async () => apply(edit(running))),
    addBib: (entry) =>
      serial.run(async () => {
        checkStatic(running, entry);
        await addStatic(dataplane, entry);
        running = withStaticBib(running, [...running.plat.staticBib, entry]);
      }),
    removeBib: (entry) =>
      serial.run(async () => {
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
    stop: () => serial.end(async () => device.close()),
  };
}

function withStaticBib(config: PlatFile, staticBib: StaticBibEntry[]): PlatFile {
  return { ...config, plat: { ...config.plat, staticBib } };
}
