/** Reads a file that an operator named: regular, and no larger than it may be. */
import { constants, type FileHandle, open } from 'node:fs/promises';
import { errors, isSystemError, messageOf } from '../errors.js';

/** Bytes asked for at once. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** The bytes of a file. `what` says what was expected: `a YAML file`. Throws PLT_CONFIG_UNREADABLE. */
export async function readBounded(
  file: string,
  what: string,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK opening a FIFO would wait for a writer.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const found = isSystemError(error) && error.code === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw errors.configUnreadable(file, found, `${what} that can be read`, { cause: error });
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw errors.configUnreadable(file, 'it is not a regular file', what);
    // One more than there is shows that there is no more.
    const buffer = Buffer.allocUnsafe(Math.min(stat.size, maxBytes) + 1);
    let length = 0;
    while (length < buffer.length) {
      signal?.throwIfAborted();
      const wanted = Math.min(CHUNK_BYTES, buffer.length - length);
      const { bytesRead } = await handle.read(buffer, length, wanted, length);
      if (bytesRead === 0) return buffer.subarray(0, length);
      length += bytesRead;
    }
    if (length > maxBytes) throw errors.configUnreadable(file, `it is larger than ${maxBytes} bytes`, 'a smaller file');
    throw errors.configUnreadable(file, 'it grew while it was read', `${what} that nobody is writing`);
  } finally {
    await handle.close();
  }
}
