/** The announcer's life: its thread, the facts that it is told, reload, reports, and an end that leaves nothing. */
import { rm, stat, writeFile } from 'node:fs/promises';
import { networkOf, type Prefix, parsePrefix } from '../config/address.js';
import type { AnnounceConfig } from '../config/announce.js';
import type { Log } from '../device/device.js';
import { errors, messageOf } from '../errors.js';
import type { Addon } from '../native/addon.js';
import { startTeam } from '../thread/team.js';
import { startThread, type Thread, type Unnumbered } from '../thread/thread.js';
import { announceable } from './announce.js';
import type { AnnouncerOptions, AnnouncerStatus, Fact, Facts, NeighborAction, RouteReport } from './announcer.js';
import type { DrainOptions } from './drain.js';
import { hostRouterId } from './router-id.js';
import type { ThreadAnswer, ThreadRequest } from './thread.js';

/** What the program that starts the announcer shares with it. */
export interface AnnouncerSources {
  /** Which facts there will be. */
  facts: readonly Fact[];
  /** What is known now; called again and again. A key that is missing says nothing new. */
  look(): Promise<Facts>;
  /** What is routed to the translator. */
  pools(): readonly Prefix[];
}

export interface AnnouncerDependencies {
  addon: Addon;
  log: Log;
  /** Marks a planned restart from one run to the next; null where there can be none. */
  restartFile: string | null;
}

export interface AnnouncerService {
  describe(): string;
  /** Sentences of what changed. */
  use(next: AnnounceConfig): Promise<string[]>;
  status(): Promise<AnnouncerStatus>;
  routes(): Promise<RouteReport>;
  drain(options: Partial<DrainOptions>): Promise<void>;
  undrain(): Promise<void>;
  neighbor(name: string, action: NeighborAction, text: string | null): Promise<void>;
  /** The next stop within the restart time is a planned one (RFC 4724). */
  planRestart(): void;
  alive(): boolean;
  /** Never rejects. */
  stop(): Promise<void>;
}

/** How often the services are looked after, milliseconds: a failed condition has to be out within a second. */
const LOOK_MS = 250;
/** A stop waits for withdrawals and flushes to be acknowledged; a planned one opens each session again before. */
const STOP_MS = 12_000;
const PLANNED_STOP_MS = 45_000;
/** So long after it was announced, a stop is a planned restart. */
const PLAN_MS = 120_000;

/** Starts the thread. Throws PLT_ANNOUNCE_FAILED with the sentence of what cannot be opened. */
export async function startAnnouncer(
  first: AnnounceConfig,
  sources: AnnouncerSources,
  { addon, log, restartFile }: AnnouncerDependencies,
): Promise<AnnouncerService> {
  let announce = first;
  let plannedMs: number | null = null;
  const routerId = announce.routerId ?? hostRouterId(addon);
  if (routerId === null) throw errors.announceFailed('found no routerId and no global IPv4 address to take it from');
  let restarted = await wasPlanned(restartFile, announce);
  const optionsOf = (): AnnouncerOptions => ({
    announce,
    prefixes: resolve(announce, sources.pools()),
    routerId,
    facts: sources.facts,
    restarted,
  });
  let known = optionsOf();

  const team = await startTeam<AnnouncerThread>({
    name: 'the announcer',
    count: 1,
    start: () => openThread(known, log),
    error: (message) => log.error(message),
    firstMs: 500,
    mostMs: 60_000,
  });
  restarted = false;
  known = { ...known, restarted };

  async function ask(request: Unnumbered<ThreadRequest>): Promise<ThreadAnswer> {
    const [thread] = team.running();
    if (thread === undefined) throw errors.announceFailed('its thread does not run');
    return thread.ask(request);
  }

  async function apply(): Promise<string[]> {
    known = optionsOf();
    const answer = await ask({ kind: 'use', options: known });
    return 'changes' in answer ? answer.changes : [];
  }

  async function look(): Promise<void> {
    const prefixes = resolve(announce, sources.pools()).map(networkOf).join(' ');
    if (prefixes !== known.prefixes.map(networkOf).join(' ')) {
      await apply();
      log.info(`announced prefixes are now ${prefixes === '' ? 'none' : prefixes}`);
    }
    team.running()[0]?.tell({ kind: 'facts', facts: await sources.look() });
  }

  let looking = false;
  const timer = setInterval(() => {
    // A service that is slow to answer is not asked twice at a time.
    if (looking) return;
    looking = true;
    look()
      .catch((error: unknown) => log.warn(`the announcer was not told how its services are: ${messageOf(error)}`))
      .finally(() => {
        looking = false;
      });
  }, LOOK_MS);

  return {
    describe() {
      const { length } = announce.bgp;
      const parts = length === 0 ? [] : [`${length} BGP ${length === 1 ? 'neighbour' : 'neighbours'}`];
      if (announce.ospf !== null) parts.push(`OSPF on ${announce.ospf.interfaces.map(({ name }) => name).join(', ')}`);
      return `announcing to ${parts.join(' and ')}`;
    },
    async use(next) {
      announce = next;
      return apply();
    },
    async status() {
      const answer = await ask({ kind: 'status' });
      if (!('status' in answer)) throw errors.announceFailed('its thread gave no status');
      return answer.status;
    },
    async routes() {
      const answer = await ask({ kind: 'routes' });
      if (!('routes' in answer)) throw errors.announceFailed('its thread gave no routes');
      return answer.routes;
    },
    drain: async (options) => void (await ask({ kind: 'drain', options })),
    undrain: async () => void (await ask({ kind: 'undrain' })),
    neighbor: async (name, action, text) => void (await ask({ kind: 'neighbor', name, action, text })),
    planRestart() {
      if (restartFile === null) throw errors.announceFailed('a planned restart needs the file of `platypus run -c`');
      plannedMs = performance.now();
    },
    alive: team.alive,
    async stop() {
      clearInterval(timer);
      const planned = plannedMs !== null && performance.now() - plannedMs < PLAN_MS;
      if (planned && restartFile !== null) {
        await writeFile(restartFile, '').catch((error: unknown) => log.warn(messageOf(error)));
      }
      for (const thread of team.running()) thread.planned = planned;
      await team.stop();
    },
  };
}

interface AnnouncerThread extends Omit<Thread<ThreadRequest, ThreadAnswer>, 'stop'> {
  planned: boolean;
  stop(): Promise<void>;
}

async function openThread(options: AnnouncerOptions, log: Log): Promise<AnnouncerThread> {
  const thread = await startThread<ThreadRequest, ThreadAnswer>({
    module: new URL('./thread.js', import.meta.url),
    name: 'announcer',
    data: options,
    note(message) {
      if ('level' in message) log[message.level](message.message);
    },
    failed: errors.announceFailed,
  });
  const opened: AnnouncerThread = {
    ...thread,
    planned: false,
    stop: () => thread.stop({ kind: 'close', planned: opened.planned }, opened.planned ? PLANNED_STOP_MS : STOP_MS),
  };
  return opened;
}

/** The prefixes that the section names, the pools as the fewest that there are. */
function resolve(announce: AnnounceConfig, pools: readonly Prefix[]): Prefix[] {
  const own = announceable(pools).flatMap((text) => parsePrefix(text) ?? []);
  const named = announce.prefixes.flatMap((entry) => {
    if (entry.kind === 'prefix') return [entry.prefix];
    return own.filter(({ family }) => family === (entry.kind === 'pool4' ? 4 : 6));
  });
  return [...new Map(named.map((prefix) => [networkOf(prefix), prefix])).values()];
}

/** True when the run before this one ended by a planned restart, not longer ago than neighbours wait. */
async function wasPlanned(file: string | null, announce: AnnounceConfig): Promise<boolean> {
  if (file === null) return false;
  try {
    const { mtimeMs } = await stat(file);
    await rm(file, { force: true });
    const longest = Math.max(0, ...announce.bgp.map(({ restartTimeSeconds }) => restartTimeSeconds));
    return Date.now() - mtimeMs < longest * 1000;
  } catch {
    return false;
  }
}
