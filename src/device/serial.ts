/** Runs one thing after the other, in the order of asking, until the end. */
import { errors } from '../errors.js';

export interface Serial {
  /** Starts the task when all before it have ended, whether well or not. Throws PLT_STOPPING once the end was asked for. */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** The last task; a second call waits for the first. */
  end(task: () => Promise<void>): Promise<void>;
}

/** An empty queue. */
export function createSerial(): Serial {
  let last: Promise<unknown> = Promise.resolve();
  let ending: Promise<void> | null = null;
  const queue = <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task, task);
    last = result.catch(() => undefined);
    return result;
  };
  return {
    run: (task) => (ending === null ? queue(task) : Promise.reject(errors.stopping())),
    end(task) {
      ending ??= queue(task);
      return ending;
    },
  };
}
