/**
 * Processes that cannot be forgotten: each has a time limit or an owner that stops it, each dies with this program
 * (`setpriv --pdeathsig`), and each is ended by its own process id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface Outcome {
  argv: readonly string[];
  /** Exit code; null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
  /** Ended by itself with code 0. */
  ok: boolean;
}

export interface StartOptions {
  /** Written to its standard input, which is then closed. */
  input?: string;
  env?: Record<string, string>;
}

export interface RunOptions extends StartOptions {
  /** Killed after this long; 30 s unless told. */
  timeoutMs?: number;
}

export interface Service {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when the process is gone. Never rejects. */
  readonly exited: Promise<Outcome>;
  /** Resolves with the first match in the output so far and to come; rejects when the process ends or time runs out. */
  output(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  /** Writes to its standard input (left open only by `start` without `input`). */
  write(text: string): void;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after the grace time. Resolves when the process is gone. */
  stop(graceMs?: number): Promise<Outcome>;
}

const alive = new Set<ChildProcess>();

/** Ends a process and what it started: each is the leader of its own group. */
function end(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || !alive.has(child)) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Gone already.
  }
}

process.on('exit', () => {
  for (const child of alive) end(child, 'SIGKILL');
});

/** Starts a long-running process. Throws nothing: a program that is not there is an `exited` outcome with code 127. */
export function start(argv: readonly string[], options: StartOptions = {}): Service {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  alive.add(child);
  const text = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
      for (const watcher of [...watchers]) watcher();
    });
  }
  child.stdin.on('error', () => {}); // It may end before it has read everything.
  if (options.input !== undefined) child.stdin.end(options.input);

  const exited = new Promise<Outcome>((resolve) => {
    const done = (code: number | null, signal: NodeJS.Signals | null) => {
      alive.delete(child);
      resolve({ argv, code, signal, ...text, timedOut: false, ok: code === 0 });
    };
    child.once('close', done);
    child.once('error', (error) => {
      text.stderr += `${error.message}\n`;
      done(127, null);
    });
  });

  return {
    pid: child.pid ?? -1,
    get stdout() {
      return text.stdout;
    },
    get stderr() {
      return text.stderr;
    },
    exited,
    output(pattern, timeoutMs = 15_000) {
      return new Promise((resolve, reject) => {
        const finish = (act: () => void) => {
          clearTimeout(timer);
          watchers.delete(look);
          act();
        };
        const look = () => {
          const match = text.stdout.match(pattern) ?? text.stderr.match(pattern);
          if (match !== null) finish(() => resolve(match));
        };
        const fail = (why: string) =>
          finish(() => reject(new Error(`${argv.join(' ')}: ${why}, no ${pattern} in: ${text.stdout}${text.stderr}`)));
        const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs);
        watchers.add(look);
        look();
        void exited.then(() => {
          if (watchers.has(look)) fail('it ended');
        });
      });
    },
    write(line) {
      child.stdin.write(line);
    },
    signal(signal) {
      if (child.pid !== undefined && alive.has(child)) process.kill(child.pid, signal);
    },
    async stop(graceMs = 5_000) {
      end(child, 'SIGTERM');
      const timer = setTimeout(() => end(child, 'SIGKILL'), graceMs);
      const outcome = await exited;
      clearTimeout(timer);
      return outcome;
    },
  };
}

/** Waits for a process to end by itself, or kills it when its time is up. */
export async function bounded(service: Service, timeoutMs = 30_000): Promise<Outcome> {
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void service.stop(500);
  }, timeoutMs);
  const outcome = await service.exited;
  clearTimeout(timer);
  return { ...outcome, timedOut, ok: outcome.ok && !timedOut };
}

/** Runs a program to its end, or kills it when its time is up. Never rejects: look at `ok`. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return bounded(start(argv, { input: '', ...options }), options.timeoutMs);
}

/** Resident memory of a process, KiB. */
export async function rssKib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
}

/** One line about an outcome that was not wanted. */
export function failure(outcome: Outcome): string {
  const how = outcome.timedOut ? 'took too long' : (outcome.signal ?? `exit ${outcome.code}`);
  const last = `${outcome.stdout}\n${outcome.stderr}`.trim().split('\n').slice(-3).join(' | ');
  return `${outcome.argv.join(' ')}: ${how}: ${last}`;
}
