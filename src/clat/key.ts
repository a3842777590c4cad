/** The secret behind the CLAT's addresses: the same after each start, of this host and uplink alone (RFC 7217). */
import { createHmac, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const MACHINE_ID = '/etc/machine-id';
const DEVICES = '/sys/class/net';

/**
 * 16 bytes for an uplink. Without a machine-id(5) they are random, so that the address changes with each start. The link
 * address is in it, where the device is there: virtual machines that were copied have the same machine-id.
 */
export async function clatKey(uplink: string, file = MACHINE_ID, devices = DEVICES): Promise<Uint8Array> {
  const read = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).trim();
  const id = await read(file);
  if (!/^[0-9a-f]{32}$/.test(id)) return randomBytes(16);
  const linkAddress = await read(join(devices, uplink, 'address'));
  // machine-id(5): not to be shown to anybody as it is, but hashed with something of the application.
  const words = `platypus clat ${uplink} ${linkAddress}`.trim();
  return createHmac('sha256', Buffer.from(id, 'hex')).update(words).digest().subarray(0, 16);
}
