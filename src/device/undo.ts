/** Steps that can be taken back: each step that was done leaves a way to undo it. */

export interface Undo {
  /** Remembers how to take back what was just done. */
  push(name: string, back: () => void | Promise<void>): void;
  /** Takes everything back, last first, all of it even when a step fails. Returns the failures. */
  unwind(): Promise<{ name: string; error: unknown }[]>;
}

/** An empty list of steps. */
export function createUndo(): Undo {
  const steps: { name: string; back: () => void | Promise<void> }[] = [];
  return {
    push(name, back) {
      steps.push({ name, back });
    },
    async unwind() {
      const failures: { name: string; error: unknown }[] = [];
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step.back();
        } catch (error) {
          failures.push({ name: step.name, error });
        }
      }
      return failures;
    },
  };
}
