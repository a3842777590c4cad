/** The services of one configuration: a translator, a DNS64 server, or both; started, reloaded and ended together. */
import { diffConfig } from '../config/diff.js';
import type { LoadedConfig } from '../config/file.js';
import type { Config } from '../config/schema.js';
import type { ChangeReport } from '../control/target.js';
import type { Dependencies } from '../device/device.js';
import { createSerial } from '../device/serial.js';
import { type Dns64Service, startDns64 } from '../dns64/service.js';
import { errors } from '../errors.js';
import { type PlatService, startPlat } from '../plat/service.js';
import { type SiitService, startSiit } from '../siit/service.js';

export interface Running {
  readonly service: PlatService | SiitService | null;
  readonly dns64: Dns64Service | null;
  /** What runs, in a few words. */
  describe(): string;
  /** Applies a configuration whole, or throws and changes nothing. Returns what changed, as sentences. */
  reload(next: Config): Promise<string[]>;
  /** Why the program cannot go on, or null. */
  dead(): Error | null;
  /** Never throws. */
  stop(): Promise<void>;
}

/** `addon` is null where no translator is wanted. */
export interface RunDependencies extends Omit<Dependencies, 'addon'> {
  addon: Dependencies['addon'] | null;
}

/** Starts them; on failure throws a PlatypusError and leaves nothing behind. */
export async function startServices(config: Config, deps: RunDependencies, signal: AbortSignal): Promise<Running> {
  const service = await startTranslator(config, deps, signal);
  try {
    const dns64 = config.dns64 === undefined ? null : await startDns64(config.dns64, pool6Of(config), deps.log);
    return createRunning(config, service, dns64);
  } catch (error) {
    await service?.stop();
    throw error;
  }
}

async function startTranslator(
  config: Config,
  { addon, ...rest }: RunDependencies,
  signal: AbortSignal,
): Promise<PlatService | SiitService | null> {
  if (addon === null) return null;
  const deps = { addon, ...rest };
  if (config.plat !== undefined) return startPlat(config, deps, signal);
  return config.siit === undefined ? null : startSiit(config, deps, signal);
}

function pool6Of({ plat, siit }: Config) {
  return (plat ?? siit)?.pool6 ?? null;
}

function createRunning(
  initial: Config,
  service: PlatService | SiitService | null,
  dns64: Dns64Service | null,
): Running {
  const serial = createSerial();
  let config = initial;

  async function reload(next: Config): Promise<string[]> {
    if ((dns64 === null) !== (next.dns64 === undefined)) {
      throw errors.reloadRefused(['dns64 cannot come or go while running: restart to apply it']);
    }
    const names = dns64 === null || next.dns64 === undefined ? null : dns64.diff(next.dns64);
    // The translator refuses its part by itself; what the DNS64 server refuses comes before anything is changed.
    const alone = service === null ? diffConfig(config, next) : { changes: [], refused: [] };
    const refused = [...(names?.refused ?? []), ...alone.refused];
    if (refused.length > 0) throw errors.reloadRefused(refused);
    const changes = service === null ? alone.changes : await service.reload(next);
    if (next.dns64 !== undefined) await dns64?.use(next.dns64, pool6Of(next));
    config = next;
    return [...changes, ...(names?.changes ?? [])];
  }

  return {
    service,
    dns64,
    describe() {
      const parts = service === null ? [] : [`translating on ${service.dataplane.device}`];
      if (dns64 !== null) parts.push(`answering DNS on ${dns64.listening.join(', ')}`);
      return parts.join(', ');
    },
    reload: (next) => serial.run(() => reload(next)),
    dead() {
      if (service !== null && !service.dataplane.alive()) return errors.workerDead(service.dataplane.device);
      // A thread of the DNS64 server that ends is started again: translated flows must not end with it.
      return null;
    },
    stop: () =>
      serial.end(async () => {
        await dns64?.stop();
        await service?.stop();
      }),
  };
}

/** Loads a file and applies it. */
export async function reloadFrom(
  running: Running,
  load: () => Promise<LoadedConfig>,
): Promise<ChangeReport & { level: string }> {
  const { config, warnings } = await load();
  const changes = await running.reload(config);
  return { changes, warnings, level: config.log.level };
}
