/** Runs the `platypus` program in this process, on a fake host. */
import { Writable } from 'node:stream';
import type { Io } from '../../src/cli/io.js';
import { runProgram } from '../../src/cli/program.js';
import { createFakeAddon, type FakeHost } from '../fakes/addon.js';

type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Running {
  /** What it said so far. */
  stderr(): string;
  /** Resolves when standard error has text that matches. Rejects when the program ends first. */
  says(pattern: RegExp): Promise<void>;
  signal(name: Signal): void;
  ended: Promise<Outcome>;
}

/** Starts the program; `stdout` replaces the collecting stream. */
export function launch(
  host: FakeHost,
  args: readonly string[],
  options: { stdout?: Writable; environment?: NodeJS.ProcessEnv } = {},
): Running {
  const handlers = new Map<Signal, Set<() => void>>();
  const text = { stdout: '', stderr: '' };
  let heard: (() => void)[] = [];
  const collect = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        for (const hear of heard) hear();
        done();
      },
    });
  const io: Io = {
    stdout: options.stdout ?? collect('stdout'),
    stderr: collect('stderr'),
    environment: options.environment ?? {},
    loadAddon: () => createFakeAddon(host),
    readSysctl: async () => '1\n',
    onSignal(name, handler) {
      const set = handlers.get(name) ?? new Set();
      handlers.set(name, set.add(handler));
      return () => set.delete(handler);
    },
  };
  const ended = runProgram(args, io).then((code) => ({ code, ...text }));
  return {
    stderr: () => text.stderr,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(text.stderr)) return;
          heard = heard.filter((other) => other !== look);
          resolve();
        };
        heard.push(look);
        look();
        void ended.then((outcome) => reject(new Error(`ended with ${outcome.code}: ${outcome.stderr}`)));
      }),
    signal(name) {
      for (const handler of handlers.get(name) ?? []) handler();
    },
    ended,
  };
}

/** Runs the program to its end. */
export function run(host: FakeHost, ...args: string[]): Promise<Outcome> {
  return launch(host, args).ended;
}
