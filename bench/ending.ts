/** How a benchmark ends: by itself, by a signal, or by an error that nobody foresaw. */

/**
 * Runs `main`, whose result is the exit code. A signal aborts it, and is then the reason for whatever it throws: 130.
 */
export async function runBenchmark(name: string, main: (signal: AbortSignal) => Promise<number>): Promise<void> {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort());
  try {
    process.exitCode = await main(interruption.signal);
  } catch (error) {
    if (!interruption.signal.aborted)
      console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = interruption.signal.aborted ? 130 : 1;
  }
}
