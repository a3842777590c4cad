/**
 * Sequence numbers of authenticated packets, which must not go back over a restart (RFC 2328 §D.3, RFC 7166 §4.1): they
 * follow the clock. With a file they do not go back even when the clock does: it holds a number of seconds since 1970
 * above all that were used, which is where the next run begins.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

export interface Sequences {
  /** 32 bits, never below the last. */
  next32(): number;
  /** 64 bits, above the last. */
  next64(): bigint;
}

/** Seconds for which the file is right without being written. */
const RESERVED_SECONDS = 3600;

/** Throws the error of the file system when the file can be neither read nor made. */
export function createSequences(stateFile: string | null, nowMs: () => number): Sequences {
  let floor = stateFile === null ? 0 : readFloor(stateFile);
  let reserved = 0;
  let last64 = 0n;

  function seconds(): number {
    floor = Math.max(floor, Math.floor(nowMs() / 1000));
    if (stateFile !== null && floor >= reserved) {
      reserved = floor + RESERVED_SECONDS;
      writeFloor(stateFile, reserved);
    }
    return floor;
  }
  seconds();

  return {
    next32: () => seconds() >>> 0,
    next64() {
      const milliseconds = Math.max(seconds() * 1000, nowMs());
      const byClock = BigInt(Math.floor(milliseconds)) << 20n;
      last64 = byClock > last64 ? byClock : last64 + 1n;
      return last64;
    },
  };
}

function readFloor(file: string): number {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  // A file cut short by a crash counts as none: the clock decides.
  const value = /^\d{1,10}\n$/.test(text) ? Number(text) : 0;
  return value < 0xffffffff - RESERVED_SECONDS ? value : 0;
}

function writeFloor(file: string, value: number): void {
  writeFileSync(`${file}.new`, `${value}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
