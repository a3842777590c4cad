/**
 * Loaded before a program (`node --import`): keeps the event loops of its threads busy for BUSY_PERCENT of the time, in
 * slices of 20 to 800 ms, as a control plane does that has far too much to do.
 */
import { isMainThread } from 'node:worker_threads';

const share = Number(process.env.BUSY_PERCENT ?? 0) / 100;

function slice(): void {
  const busyMs = 20 + Math.random() * 780;
  const untilMs = performance.now() + busyMs;
  while (performance.now() < untilMs);
  setTimeout(slice, (busyMs * (1 - share)) / share);
}

if (!isMainThread && share > 0) setTimeout(slice, 1000);
