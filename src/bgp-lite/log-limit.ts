/** A neighbour may be wrong a thousand times a second; the log hears of it a few times a minute. */
import type { Log } from '../device/device.js';

const WINDOW_MS = 60_000;
const LINES = 10;

/** `log.warn` with at most ten lines a minute; the next line says how many there would have been. */
export function limitedWarn(log: Pick<Log, 'warn'>): (message: () => string) => void {
  let windowStartMs = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let left = 0;
  return (message) => {
    const nowMs = performance.now();
    if (nowMs - windowStartMs >= WINDOW_MS) {
      windowStartMs = nowMs;
      lines = 0;
    }
    if (lines >= LINES) {
      left += 1;
      return;
    }
    lines += 1;
    log.warn(left === 0 ? message() : `${message()} (and ${left} more lines like this that were left out)`);
    left = 0;
  };
}
