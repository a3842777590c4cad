/** The running PLAT as the control socket sees it. */
import { networkOf } from '../config/address.js';
import { pool4Key } from '../config/diff.js';
import type { LoadedConfig } from '../config/file.js';
import { complaintSentence } from '../config/issues.js';
import type { Config, Pool4Entry } from '../config/schema.js';
import { checkPlat, warnPlat } from '../config/semantics.js';
import type { ChangeReport, ControlTarget } from '../control/target.js';
import { errors, PlatypusError } from '../errors.js';
import type { CounterInfo } from '../native/addon.js';
import type { PlatService } from '../plat/service.js';
import { packageVersion } from './version.js';

export interface TargetOptions {
  service: PlatService;
  counters: readonly CounterInfo[];
  /** Null for `platypus plat`. */
  file: string | null;
  /** Applies the file anew. */
  reload(): Promise<ChangeReport>;
}

/** Joins service and control socket. */
export function createTarget({ service, counters, file, reload }: TargetOptions): ControlTarget {
  const { dataplane } = service;
  const version = packageVersion();
  const startedMs = performance.now();

  async function editPool4(edit: (pool4: readonly Pool4Entry[]) => Pool4Entry[]): Promise<ChangeReport> {
    const changes = await service.edit((running) => withPool4(running, edit(running.plat.pool4)));
    return { changes, warnings: warnPlat(service.config().plat) };
  }

  return {
    async status() {
      const { plat } = service.config();
      return {
        version,
        pid: process.pid,
        device: dataplane.device,
        offload: dataplane.offload,
        alive: dataplane.alive(),
        uptimeSeconds: Math.floor((performance.now() - startedMs) / 1000),
        file,
        pool6: plat.pool6.map(networkOf),
        pool4: plat.pool4.map(pool4Key),
        mtu6: plat.mtu6,
        mtu4: plat.mtu4,
        sizes: await dataplane.sizes(),
        limits: { ...plat.limits },
      };
    },
    stats() {
      const values = dataplane.counters();
      return counters.map(({ name, explain }, index) => ({ name, value: Number(values[index] ?? 0n), explain }));
    },
    sessions: (query) => dataplane.sessions(query),
    bib: (query) => dataplane.bib(query),
    addBib: (entry) => service.addBib(entry),
    removeBib: (entry) => service.removeBib(entry),
    pool4: () => dataplane.pool4(),
    addPool4: (entry) =>
      editPool4((pool4) => {
        const prefix = networkOf(entry.prefix);
        if (pool4.some((other) => networkOf(other.prefix) === prefix)) throw errors.pool4Exists(prefix);
        return [...pool4, entry];
      }),
    removePool4: (prefix) =>
      editPool4((pool4) => {
        const rest = pool4.filter((entry) => networkOf(entry.prefix) !== prefix);
        if (rest.length < pool4.length) return rest;
        throw errors.pool4NotFound(
          prefix,
          pool4.map((entry) => networkOf(entry.prefix)),
        );
      }),
    reload: async () => {
      if (file === null) throw errors.noFile();
      return reload();
    },
  };
}

/** The configuration with another pool4. Throws PLT_CONFIG_INVALID when that is not valid. */
function withPool4(running: Config, pool4: Pool4Entry[]): Config {
  const next = { ...running, plat: { ...running.plat, pool4 } };
  const sentences = checkPlat(next.plat).map(complaintSentence);
  // N64-GEN-01: a NAT64 without an IPv4 address is none.
  if (pool4.length === 0) sentences.push('pool4 would be empty, expected at least one prefix to remain');
  if (sentences.length === 0) return next;
  throw new PlatypusError('PLT_CONFIG_INVALID', `nothing was changed: ${sentences.join('; ')}`, { status: 409 });
}

/** Loads a file and applies it. */
export async function reloadFrom(
  service: PlatService,
  load: () => Promise<LoadedConfig>,
): Promise<ChangeReport & { level: string }> {
  const { config, warnings } = await load();
  const changes = await service.reload(config);
  return { changes, warnings, level: config.log.level };
}
