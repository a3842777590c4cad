/** Programs that are run again and again, one at a time each: external readiness checks, and `ping` of a gateway. */
import { execFile } from 'node:child_process';

export interface CheckOptions {
  /** A program and its arguments; no shell. */
  command: readonly string[];
  everyMs: number;
  timeoutMs: number;
}

export interface Check {
  stop(): void;
}

/** Most of a program's output that is read, bytes. */
const OUTPUT_BYTES = 4096;
const DETAIL_CHARACTERS = 120;

/** With which a service manager or a terminal ends all processes of a service at once. */
const STOP_SIGNALS: ReadonlySet<string> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP']);

/**
 * Runs the first time at once; `result` is called after each run: exit code 0 is good, anything else is not. A run that
 * somebody else has stopped says nothing, unless the next is stopped as well: the program itself may be about to end,
 * and its neighbours must not hear of a failure that was none.
 */
export function startCheck(options: CheckOptions, result: (ok: boolean, detail: string) => void): Check {
  const { command, everyMs, timeoutMs } = options;
  const [program = '', ...words] = command;
  const ending = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;

  function run(): void {
    const startedMs = performance.now();
    execFile(
      program,
      words,
      {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_BYTES,
        signal: ending.signal,
        windowsHide: true,
        env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      },
      (error: RunError | null, stdout, stderr) => {
        if (ending.signal.aborted) return;
        const stoppedBefore = stopped;
        stopped = error !== null && error.killed !== true && STOP_SIGNALS.has(error.signal ?? '');
        const tookMs = performance.now() - startedMs;
        timer = setTimeout(run, Math.max(0, everyMs - tookMs));
        if (stopped && !stoppedBefore) return;
        if (error === null) result(true, firstLine(stdout) || 'exit 0');
        else result(false, firstLine(stderr) || firstLine(stdout) || reasonOf(error, timeoutMs));
      },
    );
  }

  run();
  return {
    stop() {
      ending.abort();
      if (timer !== null) clearTimeout(timer);
    },
  };
}

interface RunError extends Error {
  code?: string | number | null;
  killed?: boolean;
  signal?: string | null;
}

function reasonOf(error: RunError, timeoutMs: number): string {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `more than ${OUTPUT_BYTES} bytes of output`;
  if (error.killed === true) return `no end within ${timeoutMs} ms`;
  if (typeof error.code === 'number') return `exit ${error.code}`;
  return error.code ?? error.signal ?? 'failed';
}

/** The first line, without what a terminal would act on. */
function firstLine(text: string): string {
  const [line = ''] = text.split('\n');
  return line.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, DETAIL_CHARACTERS);
}

/** Arguments of iputils' ping: one echo, no names. `device` may be a VRF. */
export function pingCommand(address: string, timeoutMs: number, device: string | null): string[] {
  const wait = String(Math.max(0.05, timeoutMs / 1000));
  return ['ping', '-n', '-q', '-c', '1', '-W', wait, ...(device === null ? [] : ['-I', device]), address];
}
