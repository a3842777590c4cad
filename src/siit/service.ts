/**
 * The stateless translator's life: start, reload and edits of the EAM table while it runs, and an end that leaves
 * nothing. Reloads, edits and the end never overlap. A table is never changed: an edit makes another one of it.
 */
import { toSiitCoreConfig, toSiitLimits, toThreads } from '../config/core.js';
import { diffConfig, sameEamt } from '../config/diff.js';
import type { EamList } from '../config/eam.js';
import type { Config, SiitFile } from '../config/schema.js';
import { type Dependencies, type Device, openDevice, type Plan } from '../device/device.js';
import { createSerial } from '../device/serial.js';
import type { Service } from '../device/service.js';
import { errors } from '../errors.js';
import type { Addon, EamTable } from '../native/addon.js';
import { buildTable, type EamChange, type EamKey, findEntry } from './eamt.js';
import { routedPrefixes } from './routes.js';

export interface SiitService extends Service<SiitFile> {
  readonly mode: 'siit';
  /** The EAM table in force, null for none. */
  eamt(): EamTable | null;
  /** Adds entries, all of them or none. Throws PLT_EAM_REFUSED. */
  addEamt(records: Uint8Array): Promise<void>;
  /** Removes one entry. Throws PLT_EAM_NOT_FOUND. */
  removeEamt(key: EamKey): Promise<void>;
  /** Removes all entries. */
  flushEamt(): Promise<void>;
}

/**
 * Starts a stateless translator. On failure throws a PlatypusError and leaves nothing behind; `signal` ends a start that
 * is under way (use `stop` afterwards).
 */
export async function startSiit(config: SiitFile, deps: Dependencies, signal?: AbortSignal): Promise<SiitService> {
  const { siit } = config;
  const eamt = await tableOf(siit.eamt, deps.addon);
  const options = { name: siit.device, offload: siit.offload, threads: toThreads(siit), limits: toSiitLimits(siit) };
  return createService(config, eamt, await openDevice(options, planOf(config, eamt), deps, signal), deps.addon);
}

async function tableOf({ records }: EamList, addon: Pick<Addon, 'buildEamTable'>): Promise<EamTable | null> {
  if (records === null || records.length === 0) return null;
  return buildTable(addon, null, { add: records });
}

function planOf({ siit }: SiitFile, eamt: EamTable | null): (hostAddress6: string | null) => Plan {
  const pools = routedPrefixes(siit, eamt);
  return (hostAddress6) => ({ core: toSiitCoreConfig(siit, eamt, hostAddress6), pools });
}

function createService(
  initial: SiitFile,
  initialEamt: EamTable | null,
  device: Device,
  addon: Pick<Addon, 'buildEamTable'>,
): SiitService {
  const serial = createSerial();
  let running = initial;
  let eamt = initialEamt;

  async function put(next: SiitFile, table: EamTable | null): Promise<void> {
    await device.change(planOf(next, table));
    running = next;
    eamt = table;
  }

  async function apply(next: Config): Promise<string[]> {
    const { changes, refused } = diffConfig(running, next);
    if (refused.length > 0 || next.siit === undefined) throw errors.reloadRefused(refused);
    if (changes.length === 0) return [];
    const same = sameEamt(running.siit.eamt, next.siit.eamt);
    await put(next, same ? eamt : await tableOf(next.siit.eamt, addon));
    return changes;
  }

  async function edit(change: EamChange): Promise<void> {
    const built = await buildTable(addon, eamt, change);
    const table = built.size === 0 ? null : built;
    await put({ ...running, siit: { ...running.siit, eamt: { size: built.size, records: null } } }, table);
  }

  return {
    mode: 'siit',
    dataplane: device.dataplane,
    config: () => running,
    plan: () => device.plan(),
    reload: (next) => serial.run(() => apply(next)),
    eamt: () => eamt,
    addEamt: (records) => serial.run(() => edit({ add: records })),
    removeEamt: (key) => serial.run(async () => edit({ remove: await findEntry(eamt, key) })),
    flushEamt: () =>
      serial.run(() => put({ ...running, siit: { ...running.siit, eamt: { size: 0, records: null } } }, null)),
    stop: () => serial.end(async () => device.close()),
  };
}
