/** The control socket's file: claimed when nobody answers on it, made for owner and group only, removed at the end. */
import { chmod, lstat, mkdir, rmdir, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { errors, isSystemError, messageOf } from '../errors.js';

/** How long a process that owns the socket has to accept, milliseconds. */
const ANSWER_MS = 2000;

/** Owner and group may talk to the translator. */
export const SOCKET_MODE = 0o660;

/**
 * Makes the path free to listen on: a socket left by a killed process is removed, a missing folder is made. Throws
 * PLT_SOCKET_BUSY when a process answers there, PLT_SOCKET_UNUSABLE otherwise. Returns how to remove the folder again.
 */
export async function claimSocket(path: string): Promise<() => Promise<void>> {
  const folder = dirname(path);
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o755 });
    if (await isStale(path)) await unlink(path);
    return async () => {
      // Only what was made here, and only while it is empty.
      if (made !== undefined) await rmdir(folder).catch(() => undefined);
    };
  } catch (error) {
    if (!isSystemError(error) || error.name === 'PlatypusError') throw error;
    throw errors.socketUnusable(path, `${messageOf(error)}, expected a folder this process may write to`, {
      cause: error,
    });
  }
}

/** False when there is no file, true when a dead process left its socket. Throws for anything else. */
async function isStale(path: string): Promise<boolean> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (isSystemError(error) && error.code === 'ENOENT') return null;
    throw error;
  });
  if (stat === null) return false;
  if (!stat.isSocket()) throw errors.socketUnusable(path, 'it is a file that is no socket, expected a free path');
  if (await answers(path)) throw errors.socketBusy(path);
  return true;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = createConnection(path);
    const end = (settle: () => void) => {
      connection.destroy();
      settle();
    };
    // A process too busy to accept is alive all the same.
    connection.setTimeout(ANSWER_MS, () => end(() => resolve(true)));
    connection.once('connect', () => end(() => resolve(true)));
    connection.once('error', (error: Error) =>
      end(() => {
        const code = isSystemError(error) ? error.code : '';
        if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
        else if (code === 'EAGAIN') resolve(true);
        else reject(error);
      }),
    );
  });
}

/** Gives the listening socket its mode. Throws PLT_SOCKET_UNUSABLE. */
export async function protectSocket(path: string): Promise<void> {
  try {
    await chmod(path, SOCKET_MODE);
  } catch (error) {
    throw errors.socketUnusable(path, messageOf(error), { cause: error });
  }
}
