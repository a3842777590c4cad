/**
 * The kernel's forwarding, which a CLAT needs: translated packets go from its device to the uplink and back. A host that
 * begins to forward ignores router advertisements unless told otherwise, so that comes first; all of it is taken back.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../device/device.js';
import { errors, messageOf } from '../errors.js';

/** Below it lie the settings of all devices. */
const ROOT = '/proc/sys/net';

export interface ForwardingOptions {
  /** IPv4 as well: there is a LAN. */
  ipv4: boolean;
  log: Log;
  /** `/proc/sys/net` unless a test says otherwise. */
  root?: string;
}

/** Has the kernel forward. Returns how to take it back, which never throws. Throws PLT_CLAT_FAILED. */
export async function startForwarding({ ipv4, log, root = ROOT }: ForwardingOptions): Promise<() => Promise<void>> {
  const done: { file: string; before: string }[] = [];
  const read = async (file: string) => (await readFile(file, 'utf8')).trim();
  const set = async (file: string, value: string) => {
    const before = await read(file);
    if (before === value) return;
    await writeFile(file, value);
    done.push({ file, before });
  };
  const undo = async () => {
    for (let step = done.pop(); step !== undefined; step = done.pop()) {
      const { file, before } = step;
      // A device that is gone has taken its settings along.
      await writeFile(file, before).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.warn(`cannot reset ${file}: ${messageOf(error)}`);
      });
    }
  };
  try {
    const all = join(root, 'ipv6', 'conf', 'all', 'forwarding');
    if ((await read(all)) !== '1') {
      await keepAdvertisements(join(root, 'ipv6', 'conf'), set);
      await set(all, '1');
      log.info('net.ipv6.conf.all.forwarding is 1 while the CLAT runs, and accept_ra 2 where it was 1');
    }
    // Solicitations to the address itself, not to its group, are answered only with this one.
    await set(join(root, 'ipv6', 'conf', 'all', 'proxy_ndp'), '1');
    if (ipv4) await set(join(root, 'ipv4', 'ip_forward'), '1');
  } catch (error) {
    await undo();
    throw errors.clatFailed(`cannot have the kernel forward: ${messageOf(error)}`, { cause: error });
  }
  return undo;
}

/** accept_ra 1 means "unless forwarding"; 2 is 1 for those who forward. New devices begin with that of `default`. */
async function keepAdvertisements(folder: string, set: (file: string, value: string) => Promise<void>): Promise<void> {
  for (const device of await readdir(folder)) {
    const file = join(folder, device, 'accept_ra');
    // A device may go while we look.
    const value = await readFile(file, 'utf8').catch(() => '');
    if (value.trim() === '1') await set(file, '2');
  }
}
