/** Timers that know they may be late: a busy event loop is no reason to believe that a neighbour is gone. */

export interface Timer {
  /** Begins anew, whether it runs or not. */
  start(delayMs: number): void;
  stop(): void;
  readonly running: boolean;
  /** Milliseconds until it fires, null when it does not run. */
  remainingMs(): number | null;
}

/** Milliseconds of a clock that never goes back. */
export type Clock = () => number;

export function createTimer(clock: Clock, fire: () => void): Timer {
  let handle: NodeJS.Timeout | null = null;
  let dueMs = 0;
  const stop = () => {
    if (handle !== null) clearTimeout(handle);
    handle = null;
  };
  return {
    start(delayMs) {
      stop();
      dueMs = clock() + delayMs;
      handle = setTimeout(() => {
        handle = null;
        fire();
      }, delayMs);
    },
    stop,
    get running() {
      return handle !== null;
    },
    remainingMs: () => (handle === null ? null : Math.max(0, dueMs - clock())),
  };
}

/** Later than this the loop was blocked, and what came in meanwhile is not read yet. */
const LATE_MS = 100;
/** So long input is read after the loop was blocked. */
const READING_MS = 200;

/**
 * A timer after which something is given up. Before it fires, input that waits is read, and more time is given when the
 * loop was blocked; `start` or `stop` in that time prevents it.
 */
export function createDeadline(clock: Clock, fire: () => void): Timer {
  let round = 0;
  let dueMs = 0;
  const timer = createTimer(clock, () => {
    const mine = round;
    if (clock() - dueMs > LATE_MS) {
      dueMs = clock() + READING_MS;
      timer.start(READING_MS);
      return;
    }
    setImmediate(() => {
      if (round === mine) fire();
    });
  });
  return {
    start(delayMs) {
      round += 1;
      dueMs = clock() + delayMs;
      timer.start(delayMs);
    },
    stop() {
      round += 1;
      timer.stop();
    },
    get running() {
      return timer.running;
    },
    remainingMs: timer.remainingMs,
  };
}
