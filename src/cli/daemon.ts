/**
 * A translator in the foreground: starts the service, opens the control socket, tells systemd, and waits for SIGTERM or
 * SIGINT. SIGHUP and the control socket reload. However it ends, device, routes and socket are gone.
 */
import pino from 'pino';
import type { LoadedConfig } from '../config/file.js';
import { createScrape, type MetricsServer, startMetrics } from '../control/metrics.js';
import { createNotify, type Notify } from '../control/notify.js';
import { type ControlServer, startControl } from '../control/server.js';
import { claimSocket } from '../control/socket.js';
import type { ChangeReport } from '../control/target.js';
import { errors, messageOf } from '../errors.js';
import type { Addon } from '../native/addon.js';
import type { Io } from './io.js';
import { type Running, reloadFrom, startServices } from './services.js';
import { createTarget } from './target.js';

export interface DaemonOptions {
  /** The file that `reload` applies anew, null when there is none. */
  file: string | null;
  load(signal?: AbortSignal): Promise<LoadedConfig>;
}

/** How often the worker threads are looked after, milliseconds. */
const WATCH_MS = 1000;

/** Runs until a signal. Throws the reason when it cannot start or a worker dies. */
export async function runDaemon(io: Io, options: DaemonOptions): Promise<void> {
  const ending = new AbortController();
  const end = () => ending.abort();
  const forget = [io.onSignal('SIGTERM', end), io.onSignal('SIGINT', end)];
  try {
    await runUntil(ending, io, options, forget);
  } finally {
    for (const stopListening of forget) stopListening();
  }
}

async function runUntil(
  ending: AbortController,
  io: Io,
  options: DaemonOptions,
  forget: (() => void)[],
): Promise<void> {
  const { config, warnings } = await options.load(ending.signal);
  const log = pino({ level: config.log.level, base: null }, io.stderr);
  const notify = createNotify(io.environment, (message) => log.warn(message));
  for (const warning of warnings) log.warn(warning);

  // Said before anything is opened; the socket itself comes last, when there is something to ask.
  await (await claimSocket(config.control.socket))();
  // A DNS64 server alone works without it, only slower.
  const alone = (config.plat ?? config.siit ?? config.clat ?? config.announce ?? config.responder) === undefined;
  const addon = alone ? null : load(io);
  const restartFile = options.file === null ? null : `${config.control.socket}.restart`;
  const settingsFile = `${config.control.socket}.settings`;
  const deps = { addon, log, readSysctl: io.readSysctl, restartFile, settingsFile };
  const running = await startServices(config, deps, ending.signal);
  let control: ControlServer | null = null;
  let metrics: MetricsServer | null = null;
  try {
    const reload = createReload(running, options, notify, (level) => {
      log.level = level;
    });
    const target = createTarget({ ...running, addon, file: options.file, reload });
    const scrape = createScrape(target);
    const onError = (message: string) => log.error(message);
    if (config.control.metrics !== null) metrics = await startMetrics(config.control.metrics, scrape, onError);
    control = await startControl(config.control.socket, target, onError, scrape);
    forget.push(
      io.onSignal('SIGHUP', () => {
        if (options.file === null) {
          log.warn(errors.noFile().message);
          return;
        }
        reload().then(
          ({ changes }) => log.info(changes.length === 0 ? 'reloaded, nothing changed' : changes.join('; ')),
          (error: unknown) => log.error(messageOf(error)),
        );
      }),
    );
    log.info(`${running.describe()}, control socket ${config.control.socket}`);
    await notify('READY=1', `STATUS=${running.describe()}`);
    await untilEnd(ending.signal, running);
    log.info('stopping');
    await notify('STOPPING=1');
  } finally {
    await metrics?.close();
    await control?.close().catch((error: unknown) => log.error(messageOf(error)));
    await running.stop();
  }
}

function load(io: Io): Addon {
  try {
    return io.loadAddon();
  } catch (error) {
    throw errors.addonMissing(error);
  }
}

function createReload(
  running: Running,
  options: DaemonOptions,
  notify: Notify,
  setLevel: (level: string) => void,
): () => Promise<ChangeReport> {
  return async () => {
    await notify('RELOADING=1');
    try {
      const { level, ...report } = await reloadFrom(running, options.load);
      setLevel(level);
      return report;
    } finally {
      await notify('READY=1');
    }
  };
}

/** Resolves at a signal. Throws PLT_WORKER_DEAD when a worker thread ends by itself. */
function untilEnd(signal: AbortSignal, running: Running): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      const dead = running.dead();
      if (dead === null) return;
      clearInterval(timer);
      reject(dead);
    }, WATCH_MS);
    const done = () => {
      clearInterval(timer);
      resolve();
    };
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });
}
