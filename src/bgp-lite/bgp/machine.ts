/**
 * One state machine at work: a connection, its timers, its messages. The session (`session.ts`) has one for the
 * configured neighbour and, while two connections collide, a second for the one that came in (RFC 4271 §8.2.1).
 */
import type { BgpNeighborConfig } from '../../config/announce.js';
import { createFramer, type Message } from './framing.js';
import { type Action, type Fsm, type FsmEvent, IDLE, type State, step } from './fsm.js';
import { encodeKeepalive } from './message.js';
import type { Negotiated } from './negotiation.js';
import {
  decodeNotification,
  describeNotification,
  encodeNotification,
  type Notification,
  notification,
} from './notification.js';
import { ErrorCode, MessageType, OpenError } from './numbers.js';
import { decodeOpen, type OpenMessage } from './open.js';
import { createTimers } from './timers.js';
import type { Connection, ConnectOptions, Transport } from './transport.js';

/** Why a session or an attempt has ended. */
export interface Cause {
  direction: 'sent' | 'received' | 'local';
  notification: Notification | null;
  text: string;
}

export interface MachineHooks {
  /** Octets of the OPEN to send now. */
  open(): Uint8Array;
  /** Judges the neighbour's OPEN, collisions included. */
  judge(open: OpenMessage, machine: Machine): Negotiated | Notification;
  established(machine: Machine): void;
  /** A NOTIFICATION ends the session. */
  update(message: Message, machine: Machine): Notification | null;
  refresh(message: Message, machine: Machine): Notification | null;
  /** After each change of state; `cause` where the machine has failed or was stopped. */
  changed(machine: Machine, from: State, cause: Cause | null): void;
  /** Room in the queue again. */
  writable(machine: Machine): void;
  count(direction: 'sent' | 'received', type: number): void;
}

export interface MachineParts {
  transport: Transport;
  config(): BgpNeighborConfig;
  connectOptions(): ConnectOptions;
  hooks: MachineHooks;
  random: () => number;
}

export interface Machine {
  readonly state: () => State;
  readonly retries: () => number;
  readonly negotiated: () => Negotiated | null;
  readonly connection: () => Connection | null;
  /** This side opened the connection. */
  readonly outgoing: () => boolean;
  /** `wait` is `listen` that connects itself when the connect retry time is over. */
  start(mode: 'connect' | 'wait' | 'listen'): void;
  /** Takes a connection that came in; only in Active. */
  adopt(connection: Connection): void;
  stop(manual: boolean, reason: Notification | null, text: string): Promise<void>;
  /** RFC 4271 §6.8: loses against the other connection. */
  lose(): void;
  /** Closes TCP without a NOTIFICATION: for a restart that was announced, or a connection that another replaces. */
  abandon(): Promise<void>;
  /** False when the queue is full: nothing was written, and `writable` tells when there is room. */
  send(octets: Uint8Array): boolean;
  timers(): { name: string; leftMs: number }[];
}

/** RFC 4271 §8.2.2: hold time until the neighbour's OPEN has come. */
const OPENING_HOLD_MS = 240_000;
/** Most that waits for a neighbour that does not read; enough for any set of announcements. */
const MAX_QUEUED_BYTES = 256 * 1024;
/** RFC 9687 §6: the larger of this and twice the hold time. */
const SEND_HOLD_MS = 480_000;
const FIRST_RETRY_MS = 2000;
/** How long a NOTIFICATION may take to get out. */
const CLOSE_GRACE_MS = 1000;
/** Turns of the event loop in which unread octets may still appear before a hold time is over. */
const DRAIN_TURNS = 4;
const MAX_DRAIN_TURNS = 64;

export function createMachine({ transport, config, connectOptions, hooks, random }: MachineParts): Machine {
  const timers = createTimers();
  let fsm: Fsm = IDLE;
  let listens = false;
  let attempt: { cancel(): void } | null = null;
  let connection: Connection | null = null;
  let outgoing = false;
  let negotiated: Negotiated | null = null;
  let framer = createFramer();
  /** What an UPDATE or ROUTE-REFRESH event is about, while it is handled. */
  let current: Message | null = null;
  let holdUntilMs = 0;
  let lastSentMs = 0;
  let chunks = 0;
  /** Connections in a row that were closed before an OPEN. */
  let lost = 0;
  let closing: Promise<void> = Promise.resolve();

  const jittered = (ms: number) => ms * (0.75 + 0.25 * random());

  function feed(event: FsmEvent, cause: Cause | null = null): void {
    const from = fsm.state;
    const next = step(fsm, event);
    fsm = next.fsm;
    for (const action of next.actions) act(action);
    // What an action led to has been told already.
    if (fsm === next.fsm && fsm.state !== from) hooks.changed(machine, from, cause ?? causeOf(next.actions));
  }

  function causeOf(actions: readonly Action[]): Cause | null {
    for (const action of actions) {
      if (action.type === 'notify') {
        return { direction: 'sent', notification: action.reason, text: describeNotification(action.reason) };
      }
    }
    return null;
  }

  function act(action: Action): void {
    switch (action.type) {
      case 'connect':
        connect();
        break;
      case 'send-open':
        write(MessageType.OPEN, hooks.open());
        break;
      case 'send-keepalive':
        // Behind a full queue the send hold timer decides.
        if ((connection?.queuedBytes() ?? 0) < MAX_QUEUED_BYTES) write(MessageType.KEEPALIVE, encodeKeepalive());
        break;
      case 'notify':
        write(MessageType.NOTIFICATION, encodeNotification(action.reason));
        break;
      case 'drop':
        closing = drop();
        break;
      case 'start-connect-retry':
        startConnectRetry(action.soon === true);
        break;
      case 'stop-connect-retry':
        timers.stop('connect retry');
        break;
      case 'start-hold':
        startHold(action.opening ? OPENING_HOLD_MS : fsm.holdTimeSeconds * 1000);
        break;
      case 'start-keepalive':
        startKeepalive();
        break;
      case 'established':
        break;
      case 'handle-update':
        handle((message) => hooks.update(message, machine));
        break;
      case 'handle-refresh':
        handle((message) => hooks.refresh(message, machine));
        break;
    }
  }

  /** A daemon that has just ended a session often takes no call for some seconds, so the first waits are short. */
  function startConnectRetry(soon: boolean): void {
    // One that only listens must not connect when the timer of Active ends.
    if (listens) return;
    const wholeMs = config().connectRetrySeconds * 1000;
    const retryMs = soon ? Math.min(wholeMs, FIRST_RETRY_MS * 2 ** Math.min(lost, 10)) : wholeMs;
    if (soon) lost += 1;
    timers.start('connect retry', jittered(retryMs), () => feed({ type: 'connect-retry-expired' }));
  }

  function connect(): void {
    attempt = transport.connect(connectOptions(), (result) => {
      attempt = null;
      if (typeof result === 'string') {
        feed({ type: 'tcp-failed' }, { direction: 'local', notification: null, text: `cannot connect: ${result}` });
      } else {
        outgoing = true;
        take(result);
      }
    });
  }

  function take(taken: Connection): void {
    connection = taken;
    framer = createFramer();
    taken.start({
      data: (chunk) => connection === taken && receive(chunk, taken),
      progress: () => connection === taken && progressed(taken),
      closed(error) {
        if (connection !== taken) return;
        const text = error === null ? 'the neighbour closed the connection' : `the connection failed: ${error}`;
        feed({ type: 'tcp-failed' }, { direction: 'local', notification: null, text });
      },
    });
    feed({ type: 'tcp-up' });
  }

  function drop(): Promise<void> {
    timers.stopAll();
    attempt?.cancel();
    attempt = null;
    const dropped = connection;
    connection = null;
    negotiated = null;
    return dropped === null ? Promise.resolve() : dropped.close(CLOSE_GRACE_MS);
  }

  // --- Sending ------------------------------------------------------------------------------------

  function write(type: number, octets: Uint8Array): void {
    if (connection === null) return;
    connection.write(octets);
    hooks.count('sent', type);
    lastSentMs = performance.now();
    watchQueue(connection);
  }

  function watchQueue(watched: Connection): void {
    if (watched.queuedBytes() === 0) timers.stop('send hold');
    else if (!timers.left().some(({ name }) => name === 'send hold')) startSendHold();
  }

  function startSendHold(): void {
    const holdMs = Math.max(SEND_HOLD_MS, 2 * fsm.holdTimeSeconds * 1000);
    timers.start('send hold', holdMs, () => feed({ type: 'send-hold-expired' }));
  }

  function progressed(watched: Connection): void {
    timers.stop('send hold');
    watchQueue(watched);
    if (watched.queuedBytes() < MAX_QUEUED_BYTES) hooks.writable(machine);
  }

  /** From the last message sent, so that a late timer is followed by one that is early again. */
  function startKeepalive(): void {
    const { holdTimeSeconds } = fsm;
    if (holdTimeSeconds === 0) return;
    // RFC 4271 §4.4: never more than one a second.
    const everyMs = Math.max(1000, jittered((holdTimeSeconds * 1000) / 3));
    const arm = (delayMs: number) =>
      timers.start('keepalive', delayMs, () => {
        const leftMs = lastSentMs + everyMs - performance.now();
        if (leftMs > 1) arm(leftMs);
        else feed({ type: 'keepalive-expired' });
      });
    arm(everyMs);
  }

  // --- Receiving ----------------------------------------------------------------------------------

  function startHold(holdMs: number): void {
    if (holdMs === 0) {
      timers.stop('hold');
      return;
    }
    holdUntilMs = performance.now() + holdMs;
    const arm = (delayMs: number) =>
      timers.start('hold', delayMs, () => {
        const leftMs = holdUntilMs - performance.now();
        if (leftMs > 0) arm(leftMs);
        else drain(connection, DRAIN_TURNS, MAX_DRAIN_TURNS, chunks);
      });
    // Each UPDATE moves the end; a timer that is on its way looks there when it fires.
    if (!timers.left().some(({ name, leftMs }) => name === 'hold' && leftMs <= holdMs)) arm(holdMs);

    /** A busy event loop makes timers late, and then what keeps the session may lie unread in the socket. */
    function drain(watched: Connection | null, turns: number, most: number, seen: number): void {
      if (watched !== connection || connection === null) return;
      const leftMs = holdUntilMs - performance.now();
      if (leftMs > 0) arm(leftMs);
      else if (turns === 0 || most === 0) feed({ type: 'hold-expired' });
      else setImmediate(() => drain(watched, chunks === seen ? turns - 1 : DRAIN_TURNS, most - 1, chunks));
    }
  }

  function receive(chunk: Uint8Array, from: Connection): void {
    chunks += 1;
    const error = framer.push(chunk, (message) => {
      hooks.count('received', message.type);
      dispatch(message);
      return connection === from;
    });
    if (error !== null) feed({ type: 'error', reason: error });
  }

  function dispatch(message: Message): void {
    switch (message.type) {
      case MessageType.OPEN:
        receiveOpen(message);
        break;
      case MessageType.UPDATE:
        current = message;
        feed({ type: 'update' });
        break;
      case MessageType.REFRESH:
        current = message;
        feed({ type: 'refresh' });
        break;
      case MessageType.KEEPALIVE: {
        const before = fsm.state;
        feed({ type: 'keepalive' });
        if (before === 'OpenConfirm' && fsm.state === 'Established') hooks.established(machine);
        break;
      }
      default: {
        const found = decodeNotification(message.body);
        const versionError = found.code === ErrorCode.OPEN && found.subcode === OpenError.VERSION;
        const text = describeNotification(found);
        feed({ type: 'notification', versionError }, { direction: 'received', notification: found, text });
      }
    }
  }

  function receiveOpen(message: Message): void {
    if (fsm.state !== 'OpenSent') {
      feed({ type: 'open', holdTimeSeconds: 0 });
      return;
    }
    const open = decodeOpen(message.body);
    const result = 'code' in open ? open : hooks.judge(open, machine);
    if ('code' in result) {
      feed({ type: 'error', reason: result });
    } else if (connection !== null) {
      negotiated = result;
      lost = 0;
      feed({ type: 'open', holdTimeSeconds: result.holdTimeSeconds });
    }
  }

  function handle(work: (message: Message) => Notification | null): void {
    const message = current;
    current = null;
    const reason = message === null ? null : work(message);
    if (reason !== null) feed({ type: 'error', reason });
  }

  const machine: Machine = {
    state: () => fsm.state,
    retries: () => fsm.retries,
    negotiated: () => negotiated,
    connection: () => connection,
    outgoing: () => outgoing,
    start(mode) {
      listens = mode === 'listen';
      feed({ type: 'start', passive: mode !== 'connect' });
    },
    adopt(incoming) {
      outgoing = false;
      take(incoming);
    },
    stop(manual, reason, text) {
      const sends = reason !== null && connection !== null;
      const cause: Cause = sends
        ? { direction: 'sent', notification: reason, text: describeNotification(reason) }
        : { direction: 'local', notification: null, text };
      feed({ type: 'stop', manual, reason }, cause);
      return closing;
    },
    lose() {
      feed({ type: 'collision' }, { direction: 'local', notification: null, text: 'another connection was kept' });
    },
    abandon() {
      const cause: Cause = { direction: 'local', notification: null, text: 'closed for a restart of the session' };
      feed({ type: 'stop', manual: true, reason: null }, cause);
      return closing;
    },
    send(octets) {
      if (connection === null || connection.queuedBytes() >= MAX_QUEUED_BYTES) return false;
      write(octets[18] ?? 0, octets);
      return true;
    },
    timers: () => timers.left(),
  };
  return machine;
}

/** Cease of RFC 4486 for a session that ends by this side's will. */
export function cease(subcode: number): Notification {
  return notification(ErrorCode.CEASE, subcode);
}
