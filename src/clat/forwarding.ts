/**
 * The kernel's forwarding, which a CLAT needs: translated packets go from its device to the uplink and back. A host that
 * begins to forward ignores router advertisements unless told otherwise, so that comes first; all of it is taken back.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../device/device.js';
import { errors, messageOf } from '../errors.js';
import { type Setting, type Settings, SYSCTL_ROOT } from './settings.js';

export interface ForwardingOptions {
  /** IPv4 as well: there is a LAN. */
  ipv4: boolean;
  settings: Settings;
  log: Log;
  /** `/proc/sys/net` unless a test says otherwise. */
  root?: string;
}

/** Has the kernel forward; `settings.restore` takes it back. Throws PLT_CLAT_FAILED. */
export async function startForwarding({ ipv4, settings, log, root = SYSCTL_ROOT }: ForwardingOptions): Promise<void> {
  try {
    if ((await settings.read('ipv6/conf/all/forwarding')) !== '1') {
      await settings.change([
        ...(await advertisements(root, settings)),
        { name: 'ipv6/conf/all/forwarding', value: '1' },
      ]);
      log.info('net.ipv6.conf.all.forwarding is 1 while the CLAT runs, and accept_ra 2 where it was 1');
    }
    await settings.change([
      // Solicitations to the address itself, not to its group, are answered only with this one.
      { name: 'ipv6/conf/all/proxy_ndp', value: '1' },
      ...(ipv4 ? [{ name: 'ipv4/ip_forward', value: '1' }] : []),
    ]);
  } catch (error) {
    await settings.restore();
    throw errors.clatFailed(`cannot have the kernel forward: ${messageOf(error)}`, { cause: error });
  }
}

/** accept_ra 1 means "unless forwarding"; 2 is 1 for those who forward. New devices begin with that of `default`. */
async function advertisements(root: string, settings: Settings): Promise<Setting[]> {
  const wanted: Setting[] = [];
  for (const device of await readdir(join(root, 'ipv6', 'conf'))) {
    const name = `ipv6/conf/${device}/accept_ra`;
    // A device may go while we look.
    if ((await settings.read(name).catch(() => '')) === '1') wanted.push({ name, value: '2' });
  }
  return wanted;
}
