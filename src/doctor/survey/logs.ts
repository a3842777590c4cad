/** Files that are written to all the time: whether they can be, and for how long. */
import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSystemError, messageOf } from '../../errors.js';

export interface LogSink {
  name: string;
  /** Why nothing can be written there; null when it can. */
  failure: string | null;
  freeBytes: number | null;
}

/** Looks at a log file without touching it. Never throws. */
export async function surveyLog(file: string): Promise<LogSink> {
  try {
    await access(file, constants.W_OK).catch(async (error: unknown) => {
      // It is made when the first line comes.
      if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
      await access(dirname(file), constants.W_OK);
    });
    const { bavail, bsize } = await statfs(dirname(file));
    return { name: file, failure: null, freeBytes: bavail * bsize };
  } catch (error) {
    return { name: file, failure: messageOf(error), freeBytes: null };
  }
}
