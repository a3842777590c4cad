/** The secret behind the CLAT's addresses: the same after each start, of this host and uplink alone (RFC 7217). */
import { createHmac, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';

const MACHINE_ID = '/etc/machine-id';

/** 16 bytes for an uplink. Without a machine-id(5) they are random, so that the address changes with each start. */
export async function clatKey(uplink: string, file = MACHINE_ID): Promise<Uint8Array> {
  const id = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (!/^[0-9a-f]{32}$/.test(id)) return randomBytes(16);
  // machine-id(5): not to be shown to anybody as it is, but hashed with something of the application.
  return createHmac('sha256', Buffer.from(id, 'hex')).update(`platypus clat ${uplink}`).digest().subarray(0, 16);
}
