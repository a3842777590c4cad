/** The services of one configuration: a translator, a DNS64 server, an announcer; started, reloaded and ended together. */
import { isDeepStrictEqual } from 'node:util';
import { type AnnouncerService, startAnnouncer } from '../bgp-lite/service.js';
import { type ClatService, startClat } from '../clat/service.js';
import type { Prefix } from '../config/address.js';
import type { AnnounceConfig } from '../config/announce.js';
import { diffAnnounce, diffConfig, diffDns64 } from '../config/diff.js';
import type { LoadedConfig } from '../config/file.js';
import { diffResponder } from '../config/responder.js';
import type { Config } from '../config/schema.js';
import type { ChangeReport } from '../control/target.js';
import type { Dependencies } from '../device/device.js';
import { createSerial } from '../device/serial.js';
import { createUndo } from '../device/undo.js';
import { type Dns64Service, startDns64 } from '../dns64/service.js';
import { errors } from '../errors.js';
import type { Addon } from '../native/addon.js';
import { type PlatService, startPlat } from '../plat/service.js';
import { type ResponderService, startResponder } from '../responder/service.js';
import { type SiitService, startSiit } from '../siit/service.js';
import { createLook, factsOf } from './facts.js';

export interface Running {
  readonly service: PlatService | SiitService | null;
  readonly dns64: Dns64Service | null;
  readonly announcer: AnnouncerService | null;
  readonly clat: ClatService | null;
  readonly responder: ResponderService | null;
  /** What runs, in a few words. */
  describe(): string;
  /** Applies a configuration whole, or throws and changes nothing. Returns what changed, as sentences. */
  reload(next: Config): Promise<string[]>;
  /** Why the program cannot go on, or null. */
  dead(): Error | null;
  /** Never throws. */
  stop(): Promise<void>;
}

/** `addon` is null where a DNS64 server runs alone. */
export interface RunDependencies extends Omit<Dependencies, 'addon'> {
  addon: Addon | null;
  /** Marks a planned restart of the announcer; null where there can be none. */
  restartFile: string | null;
  /** Remembers settings of the kernel that a CLAT changes, for who comes after a killed program. */
  settingsFile: string | null;
}

/** Starts them; on failure throws a PlatypusError and leaves nothing behind. */
export async function startServices(config: Config, deps: RunDependencies, signal: AbortSignal): Promise<Running> {
  const undo = createUndo();
  try {
    const service = await startTranslator(config, deps, signal);
    undo.push('start the translator', async () => service?.stop());
    const dns64 = config.dns64 === undefined ? null : await startDns64(config.dns64, pool6Of(config), deps.log);
    undo.push('start the DNS64 server', async () => dns64?.stop());
    const customers = { pool4: () => pool4Of(service), device: () => service?.dataplane.device ?? null };
    const responder =
      config.responder === undefined ? null : await startResponder(config.responder, customers, deps.log);
    undo.push('start the responder', async () => responder?.stop());
    const announcer = await startAnnouncing(config.announce, { service, dns64 }, deps);
    undo.push('start the announcer', async () => announcer?.stop());
    const { addon, log, readSysctl, settingsFile } = deps;
    const clat =
      config.clat === undefined || addon === null
        ? null
        : await startClat(config.clat, { addon, log, readSysctl, settingsFile });
    return createRunning(config, { service, dns64, announcer, clat, responder });
  } catch (error) {
    await undo.unwind();
    throw error;
  }
}

type Services = Pick<Running, 'service' | 'dns64' | 'announcer' | 'clat' | 'responder'>;

async function startAnnouncing(
  announce: AnnounceConfig | undefined,
  services: Omit<Services, 'announcer' | 'clat' | 'responder'>,
  { addon, log, restartFile }: RunDependencies,
): Promise<AnnouncerService | null> {
  if (announce === undefined || addon === null) return null;
  const sources = { facts: factsOf(services), look: createLook(services), pools: () => poolsOf(services.service) };
  return startAnnouncer(announce, sources, { addon, log, restartFile });
}

function poolsOf(service: Services['service']): Prefix[] {
  return service?.plan().pools.map(({ prefix }) => prefix) ?? [];
}

function pool4Of(service: Services['service']): Prefix[] {
  return poolsOf(service).filter(({ family }) => family === 4);
}

async function startTranslator(
  config: Config,
  { addon, log, readSysctl }: RunDependencies,
  signal: AbortSignal,
): Promise<PlatService | SiitService | null> {
  if (addon === null) return null;
  const deps = { addon, log, readSysctl };
  if (config.plat !== undefined) return startPlat(config, deps, signal);
  return config.siit === undefined ? null : startSiit(config, deps, signal);
}

function pool6Of({ plat, siit }: Config) {
  return (plat ?? siit)?.pool6 ?? null;
}

function createRunning(initial: Config, { service, dns64, announcer, clat, responder }: Services): Running {
  const serial = createSerial();
  let config = initial;

  async function reload(next: Config): Promise<string[]> {
    if ((dns64 === null) !== (next.dns64 === undefined)) {
      throw errors.reloadRefused(['dns64 cannot come or go while running: restart to apply it']);
    }
    if ((clat === null) !== (next.clat === undefined)) {
      throw errors.reloadRefused(['clat cannot come or go while running: restart to apply it']);
    }
    const told = diffAnnounce(config.announce, next.announce);
    const names = config.dns64 === undefined || next.dns64 === undefined ? null : diffDns64(config.dns64, next.dns64);
    // The translator refuses its part by itself; what the DNS64 server refuses comes before anything is changed.
    const alone = service === null ? diffConfig(config, next) : { changes: [], refused: [] };
    const asked = diffResponder(config.responder, next.responder);
    const refused = [...(names?.refused ?? []), ...alone.refused, ...told, ...asked.refused];
    if (refused.length > 0) throw errors.reloadRefused(refused);
    // First of all: it may yet be refused by the host, and then it has gone back by itself.
    const moved = next.clat === undefined || clat === null ? [] : await clat.use(next.clat);
    const changes = service === null ? alone.changes : await service.reload(next);
    if (next.dns64 !== undefined) await dns64?.use(next.dns64, pool6Of(next));
    if (next.responder !== undefined) await responder?.use(next.responder);
    // Last: what is announced is served by now.
    const announced =
      next.announce === undefined || announcer === null || isDeepStrictEqual(config.announce, next.announce)
        ? []
        : await announcer.use(next.announce);
    config = next;
    return [...moved, ...changes, ...(names?.changes ?? []), ...asked.changes, ...announced];
  }

  return {
    service,
    dns64,
    announcer,
    clat,
    responder,
    describe() {
      const parts = service === null ? [] : [`translating on ${service.dataplane.device}`];
      if (dns64 !== null) parts.push(`answering DNS on ${dns64.listening.join(', ')}`);
      if (clat !== null) parts.push(clat.describe());
      if (responder !== null) parts.push(responder.describe());
      if (announcer !== null) parts.push(announcer.describe());
      return parts.join(', ');
    },
    reload: (next) => serial.run(() => reload(next)),
    dead() {
      if (service !== null && !service.dataplane.alive()) return errors.workerDead(service.dataplane.device);
      if (clat?.alive() === false) return errors.workerDead('clat');
      // A thread of the DNS64 server that ends is started again: translated flows must not end with it.
      return null;
    },
    stop: () =>
      serial.end(async () => {
        // First, so that packets come until nobody sends them any more.
        await announcer?.stop();
        await clat?.stop();
        await responder?.stop();
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
