/**
 * The state machine of one connection to a neighbour (RFC 4271 §8.2.2), as a function: state and event in, state and
 * actions out. Time, transport and routes are the session's.
 *
 * Where the table and the rest of the RFC disagree: a NOTIFICATION is never answered (§6.4), not even in OpenSent, and
 * a bad header in Established is reported as what it is (§6.1).
 */

import { type Notification, notification } from './notification.js';
import { Cease, ErrorCode, MessageType } from './numbers.js';

export type State = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

export interface Fsm {
  state: State;
  /** ConnectRetryCounter: consecutive failures. */
  retries: number;
  /** Agreed on by the OPENs; 0 runs no hold timer. */
  holdTimeSeconds: number;
}

export type FsmEvent =
  | { type: 'start'; passive: boolean }
  /** `manual` forgets the failures (event 2), otherwise they count on (event 8). */
  | { type: 'stop'; manual: boolean; reason: Notification | null }
  | { type: 'connect-retry-expired' }
  | { type: 'hold-expired' }
  | { type: 'keepalive-expired' }
  | { type: 'send-hold-expired' }
  | { type: 'tcp-up' }
  | { type: 'tcp-failed' }
  /** An OPEN that was accepted. */
  | { type: 'open'; holdTimeSeconds: number }
  | { type: 'keepalive' }
  | { type: 'update' }
  | { type: 'refresh' }
  | { type: 'notification'; versionError: boolean }
  /** Events 21, 22, 28: header, OPEN or UPDATE with an error. */
  | { type: 'error'; reason: Notification }
  /** Event 23. */
  | { type: 'collision' };

export type Action =
  | { type: 'connect' }
  | { type: 'send-open' }
  | { type: 'send-keepalive' }
  | { type: 'notify'; reason: Notification }
  /** Closes the connection, or gives up the attempt. */
  | { type: 'drop' }
  /** `soon`: the neighbour was there, and has closed before its OPEN. */
  | { type: 'start-connect-retry'; soon?: true }
  | { type: 'stop-connect-retry' }
  /** `opening`: the long one for the time until the neighbour's OPEN. */
  | { type: 'start-hold'; opening: boolean }
  | { type: 'start-keepalive' }
  | { type: 'established' }
  | { type: 'handle-update' }
  | { type: 'handle-refresh' };

export interface Step {
  fsm: Fsm;
  actions: Action[];
}

export const IDLE: Fsm = { state: 'Idle', retries: 0, holdTimeSeconds: 0 };

const UNEXPECTED = { OpenSent: 1, OpenConfirm: 2, Established: 3 } as const;

/** Message type of the events that may come at the wrong time (RFC 6608 §3). */
const TYPES = {
  open: MessageType.OPEN,
  update: MessageType.UPDATE,
  keepalive: MessageType.KEEPALIVE,
  refresh: MessageType.REFRESH,
} as const;

export function step(fsm: Fsm, event: FsmEvent): Step {
  if (fsm.state === 'Idle') return idle(fsm, event);
  if (event.type === 'stop') return stop(fsm, event.manual, event.reason);
  if (fsm.state === 'Connect' || fsm.state === 'Active') return connecting(fsm, fsm.state, event);
  return connected(fsm, fsm.state, event);
}

function idle(fsm: Fsm, event: FsmEvent): Step {
  if (event.type !== 'start') return { fsm, actions: [] };
  if (event.passive) return { fsm: { ...fsm, state: 'Active' }, actions: [{ type: 'start-connect-retry' }] };
  const actions: Action[] = [{ type: 'start-connect-retry' }, { type: 'connect' }];
  return { fsm: { ...fsm, state: 'Connect' }, actions };
}

function stop(fsm: Fsm, manual: boolean, reason: Notification | null): Step {
  const open = fsm.state !== 'Connect' && fsm.state !== 'Active';
  const actions: Action[] = open && reason !== null ? [{ type: 'notify', reason }] : [];
  const retries = manual ? 0 : fsm.retries + 1;
  return { fsm: { state: 'Idle', retries, holdTimeSeconds: 0 }, actions: [...actions, { type: 'drop' }] };
}

/** Back to Idle by a failure; the session starts again when its idle hold time is over. */
function fail(fsm: Fsm, ...actions: Action[]): Step {
  const next: Fsm = { state: 'Idle', retries: fsm.retries + 1, holdTimeSeconds: 0 };
  return { fsm: next, actions: [...actions, { type: 'drop' }] };
}

function connecting(fsm: Fsm, state: 'Connect' | 'Active', event: FsmEvent): Step {
  switch (event.type) {
    case 'start':
      return { fsm, actions: [] };
    case 'tcp-up': {
      const actions: Action[] = [
        { type: 'stop-connect-retry' },
        { type: 'send-open' },
        { type: 'start-hold', opening: true },
      ];
      return { fsm: { ...fsm, state: 'OpenSent' }, actions };
    }
    case 'connect-retry-expired': {
      const again: Action[] = [{ type: 'start-connect-retry' }, { type: 'connect' }];
      return {
        fsm: { ...fsm, state: 'Connect' },
        actions: state === 'Connect' ? [{ type: 'drop' }, ...again] : again,
      };
    }
    case 'notification':
      // RFC 4271 §8.2.2: only with DelayOpen running could the version be at issue; it is not used here.
      return fail(fsm);
    default:
      return fail(fsm);
  }
}

function connected(fsm: Fsm, state: keyof typeof UNEXPECTED, event: FsmEvent): Step {
  switch (event.type) {
    case 'start':
    case 'tcp-up':
    case 'connect-retry-expired':
      return { fsm, actions: [] };
    case 'tcp-failed': {
      if (state !== 'OpenSent') return fail(fsm);
      return {
        fsm: { ...fsm, state: 'Active' },
        actions: [{ type: 'drop' }, { type: 'start-connect-retry', soon: true }],
      };
    }
    case 'hold-expired':
      return fail(fsm, { type: 'notify', reason: notification(ErrorCode.HOLD_TIMER) });
    case 'send-hold-expired':
      return fail(fsm, { type: 'notify', reason: notification(ErrorCode.SEND_HOLD_TIMER) });
    case 'keepalive-expired':
      if (state === 'OpenSent') return { fsm, actions: [] };
      return { fsm, actions: [{ type: 'send-keepalive' }, { type: 'start-keepalive' }] };
    case 'error':
      return fail(fsm, { type: 'notify', reason: event.reason });
    case 'collision':
      return fail(fsm, { type: 'notify', reason: notification(ErrorCode.CEASE, Cease.COLLISION) });
    case 'notification': {
      const failed = fail(fsm);
      if (!event.versionError || state === 'Established') return failed;
      return { ...failed, fsm: { ...failed.fsm, retries: fsm.retries } };
    }
    case 'open':
      if (state !== 'OpenSent') return unexpected(fsm, state, event.type);
      return {
        fsm: { ...fsm, state: 'OpenConfirm', holdTimeSeconds: event.holdTimeSeconds },
        actions: [{ type: 'send-keepalive' }, { type: 'start-hold', opening: false }, { type: 'start-keepalive' }],
      };
    case 'keepalive':
      if (state === 'OpenSent') return unexpected(fsm, state, event.type);
      if (state === 'Established') return { fsm, actions: [{ type: 'start-hold', opening: false }] };
      return {
        fsm: { ...fsm, state: 'Established' },
        actions: [{ type: 'start-hold', opening: false }, { type: 'established' }],
      };
    case 'update':
      if (state !== 'Established') return unexpected(fsm, state, event.type);
      return { fsm, actions: [{ type: 'start-hold', opening: false }, { type: 'handle-update' }] };
    case 'refresh':
      if (state !== 'Established') return unexpected(fsm, state, event.type);
      return { fsm, actions: [{ type: 'handle-refresh' }] };
    case 'stop':
      return stop(fsm, event.manual, event.reason);
  }
}

function unexpected(fsm: Fsm, state: keyof typeof UNEXPECTED, type: keyof typeof TYPES): Step {
  const reason = notification(ErrorCode.FSM, UNEXPECTED[state], Uint8Array.of(TYPES[type]));
  return fail(fsm, { type: 'notify', reason });
}
