/** Long work in short steps: a generator that yields now and then, run at once or between other events. */
import { setImmediate as afterOtherEvents } from 'node:timers/promises';

/** Longest time that the event loop is held, milliseconds. */
const SLICE_MS = 5;

/** Runs the work to its end. */
export function runAtOnce<Result>(work: Generator<void, Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Runs the work to its end in slices, with other events between them. */
export async function runInSlices<Result>(work: Generator<void, Result>, signal?: AbortSignal): Promise<Result> {
  let begin = performance.now();
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (performance.now() - begin < SLICE_MS) continue;
    await afterOtherEvents();
    signal?.throwIfAborted();
    begin = performance.now();
  }
}
