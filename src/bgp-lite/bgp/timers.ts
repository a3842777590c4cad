/** Named timers of one owner: starting one again replaces it. */
export interface Timers {
  start(name: string, delayMs: number, run: () => void): void;
  stop(name: string): void;
  stopAll(): void;
  /** Milliseconds left of each that runs. */
  left(): { name: string; leftMs: number }[];
}

export function createTimers(): Timers {
  const running = new Map<string, { handle: NodeJS.Timeout; dueMs: number }>();
  const stop = (name: string) => {
    clearTimeout(running.get(name)?.handle);
    running.delete(name);
  };
  return {
    start(name, delayMs, run) {
      stop(name);
      const handle = setTimeout(() => {
        running.delete(name);
        run();
      }, delayMs);
      running.set(name, { handle, dueMs: performance.now() + delayMs });
    },
    stop,
    stopAll() {
      for (const name of [...running.keys()]) stop(name);
    },
    left: () => [...running].map(([name, { dueMs }]) => ({ name, leftMs: Math.max(0, dueMs - performance.now()) })),
  };
}
