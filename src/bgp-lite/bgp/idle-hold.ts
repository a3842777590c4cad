/** How long a session waits in Idle before it is tried again (RFC 4271 §8.1.1, RFC 4486 §4). */

import type { Cause } from './machine.js';
import { decodeNotification, isHardReset } from './notification.js';
import { Cease, ErrorCode } from './numbers.js';

const FIRST_MS = 5000;
const MOST_MS = 120_000;
/** Ceases that ask to be left alone, in a row, until this side only listens. */
const MOST_DAMPED = 10;

export interface Wait {
  delayMs: number;
  /** The neighbour does not want to be called: until the delay is over its own calls are not taken either. */
  damped: boolean;
  /** After the delay the session only listens. */
  passive: boolean;
}

export interface IdleHold {
  /** Another failure in a row. */
  after(cause: Cause | null): Wait;
  /** The session has held. */
  clear(): void;
}

export function createIdleHold(): IdleHold {
  let failures = 0;
  let damped = 0;
  return {
    after(cause) {
      failures += 1;
      if (isDamping(cause)) {
        damped += 1;
        return { delayMs: MOST_MS, damped: true, passive: damped >= MOST_DAMPED };
      }
      damped = 0;
      return { delayMs: Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10)), damped: false, passive: false };
    },
    clear() {
      failures = 0;
      damped = 0;
    },
  };
}

const DAMPING = new Set<number>([Cease.SHUTDOWN, Cease.DECONFIGURED, Cease.REJECTED, Cease.RESOURCES]);

function isDamping(cause: Cause | null): boolean {
  if (cause?.direction !== 'received' || cause.notification === null) return false;
  const found = isHardReset(cause.notification) ? decodeNotification(cause.notification.data) : cause.notification;
  return found.code === ErrorCode.CEASE && DAMPING.has(found.subcode);
}
