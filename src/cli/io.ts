/** Where a command reads its surroundings and writes: the process, or a test's stand-in. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { type Addon, loadAddon } from '../native/addon.js';

export interface Io {
  stdout: Writable;
  stderr: Writable;
  environment: NodeJS.ProcessEnv;
  loadAddon(): Addon;
  /** `net.ipv4.ip_forward` and the like; null when it cannot be read. */
  readSysctl(name: string): Promise<string | null>;
  /** Calls `handler` for each signal that arrives; returns how to stop listening. */
  onSignal(name: 'SIGTERM' | 'SIGINT' | 'SIGHUP', handler: () => void): () => void;
}

/** Reads /proc/sys; null when that is not possible. */
async function readSysctl(name: string): Promise<string | null> {
  try {
    return await readFile(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8');
  } catch {
    return null;
  }
}

/** The process itself. */
export function processIo(): Io {
  // A log nobody reads any more is no reason to stop translating.
  process.stderr.on('error', () => {});
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    loadAddon,
    readSysctl,
    onSignal(name, handler) {
      process.on(name, handler);
      return () => process.off(name, handler);
    },
  };
}

/** Standard output that waits for a slow reader and stops quietly when the reader has gone (`| head`). */
export interface Output {
  /** False when nobody reads any more: the command should end. */
  write(text: string): Promise<boolean>;
  line(text: string): Promise<boolean>;
}

/** Wraps a stream. EPIPE is the reader's right; another error is thrown by the next write. */
export function createOutput(stream: Writable): Output {
  let failure = null as NodeJS.ErrnoException | null;
  // Never taken off: the error of the last write arrives after the command has ended.
  stream.on('error', (error) => {
    failure = error;
  });
  const write = async (text: string): Promise<boolean> => {
    if (failure === null && !stream.write(text)) {
      const over = new AbortController();
      const events = ['drain', 'error', 'close'].map((name) => once(stream, name, { signal: over.signal }));
      await Promise.race(events).catch(() => undefined);
      // The others would listen on, page after page.
      over.abort();
    }
    if (failure !== null && failure.code !== 'EPIPE') throw failure;
    return failure === null && !stream.destroyed;
  };
  return { write, line: (text) => write(`${text}\n`) };
}
