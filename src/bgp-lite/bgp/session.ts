/**
 * One neighbour. `machine.ts` runs the state machine of a connection; `advertiser.ts` says what is announced and
 * `learner.ts` takes what is taught; `idle-hold.ts` decides when to try again. Here they meet: collisions, BFD, the
 * operator's wishes, and the restart that is announced.
 *
 * Capabilities are fixed while a session lasts, and a neighbour that was told families in the graceful restart capability
 * keeps their routes whatever ends the session. So an ordinary session lists none, and dies with its routes. Before a
 * planned restart the session is opened again with the families listed (`prepareRestart`), then TCP is closed without a
 * NOTIFICATION. The first session after it must list them once more, else the neighbour would drop the routes: with a
 * restart time of one second, so that its unplanned end costs no more than that.
 */
import { parseAddress } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import type { Log } from '../../device/device.js';
import type { Announcement } from '../announcement.js';
import type { BfdWatcher } from '../bfd-watcher.js';
import { limitedWarn } from '../log-limit.js';
import { createAdvertiser } from './advertiser.js';
import { createBfdGate } from './bfd-gate.js';
import type { Capabilities } from './capability.js';
import { ownConnectionStays } from './collision.js';
import type { State } from './fsm.js';
import { createIdleHold } from './idle-hold.js';
import type { LearnedChange, LearnedRoute } from './import.js';
import { createLearner, keepsRoutes } from './learner.js';
import { type Cause, cease, createMachine, type Machine, type MachineHooks } from './machine.js';
import { type Negotiated, negotiate, type OwnRestart, ownCapabilities } from './negotiation.js';
import { ceaseWithText, hardReset, type Notification } from './notification.js';
import { Cease, ErrorCode, OpenError } from './numbers.js';
import { encodeOpen, type OpenMessage } from './open.js';
import { decodeRefresh, encodeRefresh, RefreshKind } from './refresh.js';
import { hopLimits, needsRefresh } from './settings.js';
import {
  type AnnouncedRoute,
  announcedRoute,
  type BgpNeighborStatus,
  emptyCounts,
  type LastError,
  lastErrorOf,
  MESSAGE_NAMES,
  type MessageName,
  neighborStatus,
} from './status.js';
import { createTimers } from './timers.js';
import type { Connection, ConnectOptions, Transport } from './transport.js';

export interface SessionParts {
  transport: Transport;
  log: Log;
  bfd: BfdWatcher | null;
  learned(changes: readonly LearnedChange[]): void;
  random: () => number;
}

export interface Session {
  config(): BgpNeighborConfig;
  start(): void;
  /** A connection from the neighbour's address. */
  incoming(connection: Connection): void;
  announce(announcements: readonly Announcement[]): void;
  /** After a restart: see `BgpSpeaker`. */
  complete(): void;
  /** Settings that need no new session (see `needsReset`), unless the neighbour cannot send its routes again. */
  reconfigure(config: BgpNeighborConfig): 'kept' | 'reset';
  /** 6/4, then it starts again. */
  clear(): void;
  /** 6/2, and no session until `enable`. */
  shutdown(text: string | null): void;
  enable(): void;
  /** Withdraws all, ends with `reason` (as hard reset where N was exchanged), and is done for good. */
  close(reason: Notification): Promise<void>;
  /** Opens the session again so that the neighbour will keep the routes; false when it will not. */
  prepareRestart(withinMs: number): Promise<boolean>;
  /** After `prepareRestart`: closes TCP and nothing else. */
  closeForRestart(): Promise<void>;
  status(): BgpNeighborStatus;
  announced(): AnnouncedRoute[];
  routes(): LearnedRoute[];
}

/** Restart time of the first session after a restart, see above. */
const AFTER_RESTART_SECONDS = 1;
const WAITS_FOR_BFD = 'waits for BFD';
/** Until `clear` and `prepareRestart` open the session again. */
const REOPEN_MS = 1000;
/**
 * A neighbour that sees BFD fall while it keeps our routes for a restart may drop them (RFC 5882 §4.3: BIRD does). So BFD
 * is AdminDown, which holds back no session (§4.1), before the one that is to be kept; and not before the neighbour has
 * seen the end of the one before, for which it would take it (BIRD then waits for a minute).
 */
const BFD_OFF_MS = 1000;
/** FRR forgets what it has read but not worked on when it sees the end of the connection. */
const TAKEN_MS = 1000;

export function createSession(
  initial: BgpNeighborConfig,
  own: { routerId: number; restarted: boolean },
  { transport, log, bfd, learned, random }: SessionParts,
): Session {
  let config = initial;
  const name = () => `neighbor ${config.name}`;
  const limited = limitedWarn(log);
  const warn = (message: () => string) => limited(() => `${name()}: ${message()}`);
  const timers = createTimers();
  const idleHold = createIdleHold();
  const learner = createLearner({ config, learned, warn });
  const advertiser = createAdvertiser({
    config: () => config,
    restarted: own.restarted,
    send: (octets) => main.send(octets),
    warn,
    random,
  });

  let contender: Machine | null = null;
  let enabled = true;
  let closed = false;
  let held: string | null = null;
  /** Idle because nobody answered: a call from the neighbour starts the session at once. */
  let takesCalls = false;
  let established: Negotiated | null = null;
  let establishedCount = 0;
  let sinceMs = Date.now();
  let lastError: LastError | null = null;
  let prefixLimit = false;
  let withoutCapabilities = false;
  let restarted = own.restarted;
  let restartAnnounced = false;
  let offered: Capabilities | null = null;
  const bfdGate = createBfdGate(bfd, {
    lost() {
      if (main.state() === 'Established') void main.stop(false, final(cease(Cease.BFD_DOWN)), 'BFD is down');
    },
    changed() {
      if (held === WAITS_FOR_BFD && bfdGate.allows()) begin();
    },
  });
  const messages = { sent: emptyCounts(), received: emptyCounts() };

  const hooks: MachineHooks = {
    open() {
      offered = withoutCapabilities ? null : ownCapabilities(config, ownRestart());
      const { localAs, holdTimeSeconds } = config;
      return encodeOpen({ localAs, holdTimeSeconds, identifier: own.routerId, capabilities: offered });
    },
    judge: (open, machine) => settle(open, machine, negotiate(open, config, own.routerId, offered)),
    established: onEstablished,
    update(message) {
      const result = learner.update(message);
      if (result === null) return null;
      prefixLimit = result.prefixLimit;
      return result.prefixLimit ? final(result.reason) : result.reason;
    },
    refresh(message) {
      const found = decodeRefresh(message.octets, message.body, established?.enhancedRefresh ?? false);
      if ('code' in found) return found;
      const { family, kind } = found;
      if (family === null || established?.families.includes(family) !== true) return null;
      if (kind === RefreshKind.REQUEST) advertiser.refresh(family);
      else if (kind === RefreshKind.BEGIN) learner.beginRefresh(family);
      else if (kind === RefreshKind.END) learner.endRefresh(family);
      else warn(() => `a ROUTE-REFRESH of kind ${kind} is ignored`);
      return null;
    },
    changed: onChanged,
    writable: (machine) => {
      if (machine === main && established !== null) advertiser.resume();
    },
    count(direction, type) {
      const known: MessageName | undefined = MESSAGE_NAMES[type as keyof typeof MESSAGE_NAMES];
      if (known !== undefined) messages[direction][known] += 1;
    },
  };

  const newMachine = () => createMachine({ transport, config: () => config, connectOptions, hooks, random });
  let main = newMachine();

  function ownRestart(): OwnRestart {
    if (restartAnnounced) {
      return { restarted: false, listFamilies: true, restartTimeSeconds: config.restartTimeSeconds };
    }
    if (restarted) return { restarted: true, listFamilies: true, restartTimeSeconds: AFTER_RESTART_SECONDS };
    // RFC 4724 §4: no longer than the hold time.
    const restartTimeSeconds = Math.min(config.restartTimeSeconds, config.holdTimeSeconds || config.restartTimeSeconds);
    return { restarted: false, listFamilies: false, restartTimeSeconds };
  }

  function connectOptions(): ConnectOptions {
    return {
      remote: { address: config.address, port: config.port },
      local: config.source,
      device: config.interface,
      md5Key: config.password,
      ...hopLimits(config),
    };
  }

  // --- The machine's events ------------------------------------------------------------------------

  /** RFC 4271 §6.8. */
  function settle(open: OpenMessage, machine: Machine, result: Negotiated | Notification): Negotiated | Notification {
    const other = machine === main ? contender : main;
    if ('code' in result || other === null) return result;
    const state = other.state();
    if (state === 'Established') return cease(Cease.COLLISION);
    if (state !== 'OpenSent' && state !== 'OpenConfirm') return result;
    const sides = {
      ownIdentifier: own.routerId,
      remoteIdentifier: open.identifier,
      ownAs: config.localAs,
      remoteAs: config.remoteAs,
    };
    // Two calls from the neighbour: it has given up the first one.
    const stays =
      machine.outgoing() === other.outgoing()
        ? machine === contender
        : machine.outgoing() === ownConnectionStays(sides);
    if (!stays) return cease(Cease.COLLISION);
    promote(machine);
    other.lose();
    return result;
  }

  function promote(machine: Machine): void {
    if (machine === contender) main = machine;
    contender = null;
  }

  function onEstablished(machine: Machine): void {
    if (machine === contender) {
      const loser = main;
      promote(machine);
      loser.lose();
    }
    const negotiated = machine.negotiated();
    const connection = machine.connection();
    if (negotiated === null || connection === null) return;
    established = negotiated;
    establishedCount += 1;
    withoutCapabilities = withoutCapabilities && offered === null;
    restarted = false;
    log.info(`${name()}: established`);
    timers.start('settled', Math.max(30, negotiated.holdTimeSeconds) * 1000, () => idleHold.clear());
    const address = withoutZone(connection.local.address);
    learner.begin(negotiated, address);
    advertiser.begin(negotiated, address);
  }

  function onChanged(machine: Machine, from: State, cause: Cause | null): void {
    if (machine === contender) {
      const state = machine.state();
      if (state === 'Idle' || state === 'Active') {
        contender = null;
        if (state === 'Active') void machine.abandon();
        if (cause !== null) warn(() => `a second connection has ended: ${cause.text}`);
      }
      return;
    }
    if (machine !== main) return;
    sinceMs = Date.now();
    if (cause !== null) fail(from, cause);
    if (from === 'Established') leave(cause);
    if (machine.state() !== 'Idle') return;
    if (contender !== null) promote(contender);
    else waitInIdle(cause);
  }

  function fail(from: State, cause: Cause): void {
    const sentOrReceived = cause.direction === 'local' ? '' : `, ${cause.direction}`;
    lastError = lastErrorOf(cause);
    const line = () => `${from} is over${sentOrReceived}: ${cause.text}`;
    // What was asked for is no warning.
    if (closed || !enabled || restartAnnounced) log.info(`${name()}: ${line()}`);
    else warn(line);
    const { notification } = cause;
    if (cause.direction !== 'received' || notification?.code !== ErrorCode.OPEN) return;
    // RFC 5492 §3: the neighbour may not know the parameter at all.
    if (notification.subcode === OpenError.PARAMETER) withoutCapabilities = true;
  }

  function leave(cause: Cause | null): void {
    const kept = enabled && !closed && !prefixLimit && keepsRoutes(cause, established?.notificationKeeps ?? false);
    established = null;
    timers.stop('settled');
    advertiser.end();
    learner.end(kept);
  }

  function waitInIdle(cause: Cause | null): void {
    if (closed || !enabled) return;
    if (prefixLimit) {
      prefixLimit = false;
      const seconds = config.maxPrefixRestartSeconds;
      hold('closed for its number of prefixes', seconds === null ? null : seconds * 1000);
      return;
    }
    const { delayMs, damped, passive } = idleHold.after(cause);
    hold(damped ? 'the neighbour asked to be left alone' : 'waits after a failure', delayMs, passive);
    // Automatic start with passive establishment (RFC 4271 §8.1.2, event 5), where it is not an error that is waited out.
    takesCalls = cause === null || cause.notification === null;
  }

  function hold(reason: string, delayMs: number | null, passive = false): void {
    held = reason;
    takesCalls = false;
    timers.stop('idle hold');
    if (delayMs !== null) timers.start('idle hold', delayMs, () => begin(passive ? 'listen' : 'connect'));
  }

  function begin(mode: 'connect' | 'wait' | 'listen' = 'connect'): void {
    if (closed || !enabled || main.state() !== 'Idle') return;
    timers.stop('idle hold');
    if (!bfdGate.allows()) {
      held = WAITS_FOR_BFD;
      return;
    }
    held = null;
    main.start(config.passive ? 'listen' : mode);
  }

  // --- From outside ---------------------------------------------------------------------------------

  /** RFC 8538 §3.1: to a neighbour that would keep routes after a mere NOTIFICATION. */
  function final(reason: Notification): Notification {
    return established?.notificationKeeps === true ? hardReset(reason) : reason;
  }

  function stopAll(reason: Notification, text: string): Promise<void> {
    timers.stop('idle hold');
    advertiser.withdrawAll();
    const wrapped = final(reason);
    const second = contender;
    contender = null;
    void second?.stop(true, reason, text);
    const done = main.stop(true, wrapped, text);
    // Also what was kept for a neighbour that was to come back.
    learner.end(false);
    return done;
  }

  /** GR-09: the neighbour lists families and calls anew, so it has restarted (RFC 4724 §4.2). */
  function replaces(): boolean {
    return (established?.gracefulRestart?.families.length ?? 0) > 0;
  }

  async function reopen(): Promise<void> {
    await main.abandon();
    hold('opened again for the planned restart', config.bfd === null ? REOPEN_MS : BFD_OFF_MS + REOPEN_MS / 2);
  }

  return {
    config: () => config,
    start() {
      bfdGate.watch(config);
      begin();
    },
    incoming(connection) {
      const state = main.state();
      if (state === 'Established' && replaces()) void main.abandon();
      if (closed || !enabled || (main.state() === 'Idle' && !takesCalls) || !bfdGate.allows()) {
        connection.reset();
        return;
      }
      connection.restrict(hopLimits(config));
      if (main.state() === 'Idle') begin('wait');
      if (main.state() === 'Active') {
        main.adopt(connection);
      } else if (contender === null) {
        const second = newMachine();
        second.start('listen');
        contender = second;
        second.adopt(connection);
      } else {
        connection.reset();
      }
    },
    announce: (announcements) => advertiser.announce(announcements),
    complete: advertiser.complete,
    reconfigure(next) {
      const before = config;
      config = next;
      if (JSON.stringify(before.bfd) !== JSON.stringify(next.bfd)) bfdGate.watch(config);
      // Nothing may be left to wait for.
      if (held === WAITS_FOR_BFD && bfdGate.allows()) begin();
      learner.reconfigure(next);
      advertiser.reconfigure();
      if (established === null || !needsRefresh(before, next)) return 'kept';
      if (!established.routeRefresh) {
        void main.stop(true, cease(Cease.CONFIG_CHANGE), 'the configuration has changed');
        hold('the configuration has changed', REOPEN_MS);
        return 'reset';
      }
      for (const family of established.families) main.send(encodeRefresh(family, RefreshKind.REQUEST));
      return 'kept';
    },
    clear() {
      if (!enabled) return;
      idleHold.clear();
      void main.stop(true, cease(Cease.RESET), 'reset by the operator');
      hold('reset by the operator', REOPEN_MS);
    },
    shutdown(text) {
      if (!enabled) return;
      enabled = false;
      held = text === null ? 'shut down by the operator' : `shut down by the operator: ${text}`;
      void stopAll(ceaseWithText(Cease.SHUTDOWN, text), held);
    },
    enable() {
      enabled = true;
      idleHold.clear();
      withoutCapabilities = false;
      if (main.state() === 'Idle') begin();
    },
    async close(reason) {
      closed = true;
      const done = stopAll(reason, 'the program stops');
      timers.stopAll();
      bfdGate.close();
      await done;
    },
    async prepareRestart(withinMs) {
      if (established === null || established.gracefulRestart === null) return false;
      restartAnnounced = true;
      const untilMs = performance.now() + withinMs;
      const again = establishedCount + 1;
      await reopen();
      await new Promise((resolve) => setTimeout(resolve, BFD_OFF_MS));
      bfdGate.close();
      while (performance.now() < untilMs) {
        if (establishedCount >= again && established !== null && advertiser.settled()) {
          if (main.connection()?.queuedBytes() === 0) {
            await new Promise((resolve) => setTimeout(resolve, TAKEN_MS));
            return established !== null;
          }
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return false;
    },
    async closeForRestart() {
      closed = true;
      timers.stopAll();
      const done = main.abandon();
      learner.end(false);
      await done;
    },
    status: () =>
      neighborStatus({
        ...{ config, routerId: own.routerId, machine: main, established, offered },
        ...{ sinceMs, establishedCount, lastError, restartAnnounced, messages, bfd: bfdGate.state() },
        held: main.state() === 'Idle' ? held : null,
        waiting: timers.left(),
        routes: { ...learner.counts(), announced: advertiser.sent().length },
      }),
    announced: () => advertiser.sent().map((route) => announcedRoute(config.name, route)),
    routes: () => learner.routes(),
  };
}

function withoutZone(address: string): string {
  return parseAddress(address.replace(/%.*$/, ''))?.text ?? address;
}
