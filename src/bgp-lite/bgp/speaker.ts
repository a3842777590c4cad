/**
 * The BGP speaker: announces the program's prefixes to its neighbours and hands on what they teach; nothing learned from
 * one neighbour is ever announced to another.
 *
 * `numbers`, `message`, `framing` and a file for each message (`open` with `capability`, `update` with `attributes`,
 * `as-path` and `nlri`, `announce-message`, `notification`, `refresh`) are the wire format. `fsm` is the state machine
 * as a function, `machine` runs it over one connection, `session` is one neighbour, and this file has all of them, with
 * the listeners that they share. `transport` is what they need of TCP, `tcp` the real one.
 */
import { parseAddress } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import type { Log } from '../../device/device.js';
import { socketFailure } from '../../errors.js';
import type { Announcement } from '../announcement.js';
import type { BfdWatcher } from '../bfd-watcher.js';
import type { LearnedChange, LearnedRoute } from './import.js';
import { createListeners } from './listeners.js';
import { cease } from './machine.js';
import { ceaseWithText, type Notification } from './notification.js';
import { BGP_PORT, Cease } from './numbers.js';
import { createSession, type Session } from './session.js';
import { changedSettings, needsReset } from './settings.js';
import type { AnnouncedRoute, BgpNeighborStatus } from './status.js';
import type { Devices, Transport } from './transport.js';

export interface BgpParts {
  transport: Transport;
  log: Log;
  bfd: BfdWatcher | null;
  devices: Devices;
  /** Routes accepted from a neighbour, changed or gone. */
  learned(neighbor: string, changes: readonly LearnedChange[]): void;
  /** 0 to 1, for jitter. */
  random?: () => number;
}

export interface BgpOptions {
  /** Dotted; the BGP Identifier. */
  routerId: string;
  neighbors: readonly BgpNeighborConfig[];
  /** This start follows a stop with `planned: true`. */
  restarted: boolean;
  listenPort?: number;
}

export interface BgpSpeaker {
  /** The full set that is announced now: withdrawals go at once, announcements by their interval. */
  announce(announcements: readonly Announcement[]): void;
  /**
   * After a restart: what was announced is all that there is to announce for now. Until then End-of-RIB is held back, and
   * neighbours keep the routes of before the restart.
   */
  complete(): void;
  /** Returns what was done, a sentence for each neighbour that is new, gone or changed. */
  reload(neighbors: readonly BgpNeighborConfig[]): Promise<string[]>;
  neighbors(): BgpNeighborStatus[];
  announced(): AnnouncedRoute[];
  /** Accepted routes in force, with the neighbour's name. */
  learned(): { neighbor: string; route: LearnedRoute }[];
  /** Connections from addresses that no neighbour has, reset at once. */
  strangers(): number;
  /** These answer false where no neighbour has the name. */
  clear(neighbor: string): boolean;
  shutdown(neighbor: string, text: string | null): boolean;
  enable(neighbor: string): boolean;
  /**
   * Ends all sessions, in a bounded time. `planned` leaves the routes at the neighbours that do graceful restart, for
   * their configured restart time: to have them keep the routes each session is opened again, one after the other.
   * Otherwise the routes are withdrawn, then 6/2 says `text`.
   */
  stop(options: { planned: boolean; text: string | null }): Promise<void>;
}

const PREPARE_MS = 10_000;
const PREPARE_ALL_MS = 30_000;

/** Starts at once. */
export function createBgpSpeaker(options: BgpOptions, parts: BgpParts): BgpSpeaker {
  const { transport, log, bfd, devices } = parts;
  const random = parts.random ?? Math.random;
  const routerId = Number(parseAddress(options.routerId)?.value ?? 0n);
  const sessions = new Map<string, Session>();
  let announcements: readonly Announcement[] = [];
  let stopped = false;

  const listeners = createListeners({
    transport,
    port: options.listenPort ?? BGP_PORT,
    indexOf: (device) => devices.device(device)?.index ?? null,
    failed: (where, error) => log.error(`cannot listen for BGP on ${where}: ${socketFailure(error)}; trying again`),
    accept(name, connection) {
      const session = sessions.get(name);
      if (session === undefined) connection.reset();
      else session.incoming(connection);
    },
  });

  function add(config: BgpNeighborConfig, restarted: boolean): void {
    const { name } = config;
    const learned = (changes: readonly LearnedChange[]) => parts.learned(name, changes);
    const session = createSession(config, { routerId, restarted }, { transport, log, bfd, learned, random });
    sessions.set(name, session);
    session.announce(announcements);
    session.start();
  }

  const listen = () => listeners.set([...sessions.values()].map((session) => session.config()));

  async function remove(session: Session, reason: Notification): Promise<void> {
    sessions.delete(session.config().name);
    await session.close(reason);
  }

  async function change(session: Session, next: BgpNeighborConfig): Promise<string | null> {
    const settings = changedSettings(session.config(), next);
    if (settings.length === 0) return null;
    const what = `neighbor ${next.name}: ${settings.join(', ')} changed`;
    if (!needsReset(settings)) {
      return session.reconfigure(next) === 'kept' ? what : `${what}, the session is opened again`;
    }
    await remove(session, cease(Cease.CONFIG_CHANGE));
    if (!stopped) add(next, false);
    return `${what}, the session is opened again`;
  }

  function named(name: string, act: (session: Session) => void): boolean {
    const session = sessions.get(name);
    if (session !== undefined) act(session);
    return session !== undefined;
  }

  for (const config of options.neighbors) add(config, options.restarted);
  listen();
  const unwatch = devices.watch(listeners.look);

  return {
    announce(next) {
      announcements = next;
      for (const session of sessions.values()) session.announce(next);
    },
    complete() {
      for (const session of sessions.values()) session.complete();
    },
    async reload(neighbors) {
      const names = new Set(neighbors.map(({ name }) => name));
      const done: Promise<string | null>[] = [];
      for (const [name, session] of [...sessions]) {
        if (names.has(name)) continue;
        done.push(remove(session, cease(Cease.DECONFIGURED)).then(() => `neighbor ${name}: removed`));
      }
      for (const next of neighbors) {
        const session = sessions.get(next.name);
        if (session !== undefined) {
          done.push(change(session, next));
        } else {
          add(next, false);
          done.push(Promise.resolve(`neighbor ${next.name}: added`));
        }
      }
      const sentences = await Promise.all(done);
      if (!stopped) listen();
      return sentences.filter((sentence) => sentence !== null);
    },
    neighbors: () => [...sessions.values()].map((session) => session.status()),
    announced: () => [...sessions.values()].flatMap((session) => session.announced()),
    learned: () =>
      [...sessions].flatMap(([neighbor, session]) => session.routes().map((route) => ({ neighbor, route }))),
    strangers: () => listeners.strangers(),
    clear: (name) => named(name, (session) => session.clear()),
    shutdown: (name, text) => named(name, (session) => session.shutdown(text)),
    enable: (name) => named(name, (session) => session.enable()),
    async stop({ planned, text }) {
      stopped = true;
      const kept = new Set<Session>();
      const untilMs = performance.now() + PREPARE_ALL_MS;
      // One after the other: the routes are gone at a neighbour for as long as its session is opened again.
      for (const session of planned ? sessions.values() : []) {
        const withinMs = Math.min(PREPARE_MS, untilMs - performance.now());
        if (withinMs > 0 && (await session.prepareRestart(withinMs))) kept.add(session);
        else log.warn(`neighbor ${session.config().name}: will not keep the routes while this side restarts`);
      }
      unwatch();
      listeners.close();
      const reason = ceaseWithText(Cease.SHUTDOWN, text);
      await Promise.all(
        [...sessions.values()].map((session) =>
          kept.has(session) ? session.closeForRestart() : session.close(reason),
        ),
      );
    },
  };
}
