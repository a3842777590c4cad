/** The CLAT's life: forwarding, an instance for each uplink, NAT44 for the LAN; started, exchanged and ended together. */
import { isDeepStrictEqual } from 'node:util';
import { type ClatConfig, clatDevices } from '../config/clat.js';
import type { Device } from '../device/device.js';
import { createSerial } from '../device/serial.js';
import { createUndo } from '../device/undo.js';
import { messageOf } from '../errors.js';
import type { ClatCounters } from '../native/addon.js';
import { startForwarding } from './forwarding.js';
import { clatKey } from './key.js';
import { startNat44 } from './lan.js';
import { createTable, runNft } from './nft.js';
import { openSettings } from './settings.js';
import {
  AGAIN_MS,
  type ClatDependencies,
  type ClatUplinkStatus,
  failedUplink,
  noCounters,
  startUplink,
  type UplinkClat,
} from './uplink.js';

export interface ClatService {
  status(): ClatUplinkStatus[];
  /** The sum over the uplinks. */
  counters(): ClatCounters;
  /** Those of the CLATs that run. */
  devices(): Device[];
  /** In a few words. */
  describe(): string;
  /** False when a worker thread has ended by itself. */
  alive(): boolean;
  /** Starts anew with another configuration, unless it is the same. Returns what changed, as sentences. */
  use(next: ClatConfig): Promise<string[]>;
  /** Takes everything away. Never throws. */
  stop(): Promise<void>;
}

interface Running {
  uplinks: UplinkClat[];
  stop(): Promise<void>;
}

export interface ClatServiceDependencies extends ClatDependencies {
  /** Where the kernel's settings are kept as they were, for who comes after a killed program; null for nowhere. */
  settingsFile: string | null;
}

/** Starts them. On failure throws a PlatypusError and leaves nothing behind. */
export async function startClat(initial: ClatConfig, deps: ClatServiceDependencies): Promise<ClatService> {
  const serial = createSerial();
  let config = initial;
  let running = await start(config, deps);
  /** Nothing runs while it is set. */
  let again: NodeJS.Timeout | null = null;
  let told = '';

  async function exchange(next: ClatConfig): Promise<string[]> {
    const keys = Object.keys(next) as (keyof ClatConfig)[];
    const changed = keys.filter((key) => !isDeepStrictEqual(config[key], next[key]));
    if (changed.length === 0 && again === null) return [];
    endWaiting();
    await running.stop();
    try {
      running = await start(next, deps);
    } catch (error) {
      // What ran before did start once.
      await goBack();
      throw error;
    }
    config = next;
    return changed.length === 0 ? ['the CLAT was started again'] : changed.map((key) => `clat.${key} changed`);
  }

  /** Starts what ran before, now or later. Never throws. */
  async function goBack(): Promise<void> {
    endWaiting();
    try {
      running = await start(config, deps);
      told = '';
    } catch (error) {
      const failure = messageOf(error);
      running = failedRun(config, failure);
      if (failure !== told) deps.log.error(`no CLAT runs: ${failure}; tried again each ${AGAIN_MS / 1000} s`);
      told = failure;
      again = setTimeout(() => {
        // A reload that came first may have started one.
        serial.run(async () => (again === null ? undefined : goBack())).catch(() => undefined);
      }, AGAIN_MS).unref();
    }
  }

  function endWaiting(): void {
    if (again !== null) clearTimeout(again);
    again = null;
  }

  return {
    status: () => running.uplinks.map((uplink) => uplink.status()),
    counters: () => sum(running.uplinks.map((uplink) => uplink.counters())),
    devices: () => running.uplinks.flatMap((uplink) => uplink.device() ?? []),
    describe: () => `CLAT on ${config.uplink.join(', ')}`,
    alive: () => running.uplinks.every((uplink) => uplink.device()?.dataplane.alive() ?? true),
    use: (next) => serial.run(() => exchange(next)),
    stop: () =>
      serial.end(async () => {
        endWaiting();
        await running.stop();
      }),
  };
}

function failedRun(clat: ClatConfig, failure: string): Running {
  const devices = clatDevices(clat);
  const uplinks = clat.uplink.map((uplink, order) => failedUplink(uplink, devices[order] ?? clat.device, failure));
  return { uplinks, stop: async () => {} };
}

async function start(clat: ClatConfig, deps: ClatServiceDependencies): Promise<Running> {
  const { log } = deps;
  const undo = createUndo();
  const serial = createSerial();
  const stop = async () => {
    for (const { name, error } of await undo.unwind()) log.error(`could not take back "${name}": ${messageOf(error)}`);
  };
  try {
    const devices = clatDevices(clat);
    const lan = clat.lan.mode !== 'none';
    const settings = await openSettings({ file: deps.settingsFile, log });
    undo.push('settings of the kernel', () => settings.restore());
    if (clat.mode !== 'off') await startForwarding({ ipv4: lan, settings, log });
    const nat44 = createTable('ip', clat.device, deps.nft ?? runNft);
    undo.push('NAT44', () => serial.end(() => nat44.remove()));
    if (clat.lan.mode === 'nat44') await startNat44(devices, clat.lan.networks, nat44);
    // What a killed one left is of no use without its devices.
    else await nat44.remove().catch((error: unknown) => log.warn(messageOf(error)));
    const onTablesRemoved = () => {
      serial
        .run(async () => {
          if (await nat44.restore()) log.warn('the nftables table of the LAN was gone: it is put back');
        })
        .catch((error: unknown) => log.warn(messageOf(error)));
    };
    const uplinks: UplinkClat[] = [];
    for (const [order, uplink] of clat.uplink.entries()) {
      const key = await clatKey(uplink);
      const started = startUplink({ clat, uplink, devices, order, key, settings, onTablesRemoved }, deps);
      undo.push(`CLAT on ${uplink}`, () => started.stop());
      uplinks.push(started);
    }
    return { uplinks, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function sum(all: readonly ClatCounters[]): ClatCounters {
  const total = noCounters();
  for (const counters of all) {
    for (const key of Object.keys(total) as (keyof ClatCounters)[]) total[key] += counters[key];
  }
  return total;
}
