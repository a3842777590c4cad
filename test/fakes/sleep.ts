/** FAKE: node:timers/promises over the global timers, which tests can fake; Node's own cannot be. */

/** As setTimeout of node:timers/promises. */
function sleep<Value>(delayMs: number, value: Value, { signal }: { signal?: AbortSignal } = {}): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason);
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true });
    setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve(value);
    }, delayMs);
  });
}

export { sleep as setTimeout };
