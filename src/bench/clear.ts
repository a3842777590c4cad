/** The command that empties the device's table: whatever the device under test has for that. */
import { spawn } from 'node:child_process';
import { errors } from '../errors.js';

const TIMEOUT_MS = 300_000;

/** Runs shell lines and answers how long they took, ms. Rejects with PLT_BENCH_FAILED when they fail. */
export async function runClear(command: string, signal?: AbortSignal): Promise<number> {
  const start = process.hrtime.bigint();
  const child = spawn('sh', ['-c', command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-500);
  });
  const how = await new Promise<string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    // Not `close`: a service that it started may hold its output open.
    child.once('exit', (code, by) => resolve(code === 0 ? null : `it ended with ${by ?? code}`));
  });
  if (signal?.aborted) throw errors.aborted('the measurement was complete');
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  child.stderr.destroy();
  if (how === null) return ms;
  const last = words.trim().split('\n').at(-1) ?? '';
  throw errors.benchFailed(`the command of --clear failed: ${how}${last === '' ? '' : ` (${last})`}`);
}
