/** Runs one thing after the other, in the order of asking. */

/** `run(task)` starts the task when all before it have ended, whether well or not. */
export function createSerial(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task, task);
    last = result.catch(() => undefined);
    return result;
  };
}
