/**
 * Drain: first every announcement is lowered, so that new flows take another way; when few enough sessions are left, or
 * after the longest time, all is withdrawn (RFC 6987 §4, RFC 8326).
 */
import type { GateAction } from '../config/announce.js';

export interface DrainOptions {
  /** It is over with so many sessions or fewer. */
  sessions: number;
  timeoutMs: number;
}

export interface DrainStatus extends DrainOptions {
  state: 'none' | 'draining' | 'drained';
  /** Null without a drain. */
  sinceMs: number | null;
  /** Sessions at the last look, null where none are counted. */
  left: number | null;
  /** How it ended. */
  ended: 'sessions' | 'timeout' | null;
}

export interface Drain {
  start(options: DrainOptions): void;
  cancel(): void;
  sessions(left: number | null): void;
  status(): DrainStatus;
  stop(): void;
}

const NONE: DrainStatus = { state: 'none', sessions: 0, timeoutMs: 0, sinceMs: null, left: null, ended: null };

/** `override` goes to the gate. */
export function createDrain(now: () => number, override: (action: GateAction | null) => void): Drain {
  let status = NONE;
  let timer: NodeJS.Timeout | null = null;

  function end(ended: DrainStatus['ended']): void {
    if (status.state !== 'draining') return;
    stop();
    status = { ...status, state: 'drained', ended };
    override('withdraw');
  }

  function stop(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  }

  return {
    start(options) {
      stop();
      status = { ...NONE, ...options, state: 'draining', sinceMs: now() };
      override('lower');
      timer = setTimeout(end, options.timeoutMs, 'timeout');
    },
    cancel() {
      stop();
      status = NONE;
      override(null);
    },
    sessions(left) {
      if (status.state === 'none') return;
      status = { ...status, left };
      if (left !== null && left <= status.sessions) end('sessions');
    },
    status: () => status,
    stop,
  };
}
