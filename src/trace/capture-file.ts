/** A capture file that is valid after every write: a program that ends, however it ends, leaves whole blocks. */
import { type FileHandle, open } from 'node:fs/promises';
import { errors, isSystemError, messageOf } from '../errors.js';
import { type CapturedPacket, pcapngHeader, pcapngPacket } from './pcapng.js';

export interface CaptureFile {
  append(packets: readonly CapturedPacket[]): Promise<void>;
  close(): Promise<void>;
}

/** Makes the file. Throws PLT_CAPTURE_REFUSED when it is there already, unless `force` replaces it, or cannot be made. */
export async function createCaptureFile(
  path: string,
  { force, application, snapBytes }: { force: boolean; application: string; snapBytes: number },
): Promise<CaptureFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, force ? 'w' : 'wx', 0o640);
  } catch (error) {
    const exists = isSystemError(error) && error.code === 'EEXIST';
    const found = exists ? 'there is such a file' : messageOf(error);
    const expected = exists ? 'none: choose another name, or --force' : 'a file that can be written';
    throw errors.captureRefused(path, found, expected, { cause: error });
  }
  // One write for all blocks; writeFile goes on where the kernel took a part.
  await handle.writeFile(pcapngHeader(application, snapBytes));
  return {
    append: (packets) => handle.writeFile(Buffer.concat(packets.map(pcapngPacket))),
    close: () => handle.close(),
  };
}
