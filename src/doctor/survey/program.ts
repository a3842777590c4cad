/** Programs of the host that answer questions: `ip`, `nft`, `ethtool`, `ping`. No shell, a bounded time and output. */
import { execFile } from 'node:child_process';
import { setMaxListeners } from 'node:events';

export interface Outcome {
  ok: boolean;
  stdout: string;
  /** Why it did not go well, one line; empty when it did. */
  failure: string;
  /** The program is not installed. */
  missing: boolean;
}

export type RunProgram = (argv: readonly string[], options?: { timeoutMs?: number }) => Promise<Outcome>;

const OUTPUT_BYTES = 8 * 1024 * 1024;
const TIMEOUT_MS = 5000;
const LINE_CHARACTERS = 200;

/** Runs programs until `signal` is aborted. */
export function createRunner(signal: AbortSignal): RunProgram {
  // Each program listens while it runs, and more run at once than Node thinks sane.
  setMaxListeners(0, signal);
  return ([program = '', ...words], { timeoutMs = TIMEOUT_MS } = {}) =>
    new Promise((resolve) => {
      const options = {
        timeout: timeoutMs,
        killSignal: 'SIGKILL' as const,
        maxBuffer: OUTPUT_BYTES,
        signal,
        env: { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' },
      };
      execFile(program, words, options, (error, stdout, stderr) => {
        const missing = error?.code === 'ENOENT';
        const said = missing
          ? `${program} is not installed`
          : firstLine(stderr) || `${program}: ${error?.message ?? ''}`;
        resolve({ ok: error === null, stdout, failure: error === null ? '' : said, missing });
      });
    });
}

function firstLine(text: string): string {
  const [line = ''] = text.split('\n');
  return line.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, LINE_CHARACTERS);
}
