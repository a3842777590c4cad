/**
 * The kernel's forwarding, which a CLAT needs: translated packets go from its device to the uplink and back. A host that
 * begins to forward ignores router advertisements unless told otherwise, so that comes first; all of it is taken back.
 */
import type { Log } from '../device/device.js';
import { errors, isSystemError, messageOf } from '../errors.js';
import type { Setting, Settings } from './settings.js';

export interface ForwardingOptions {
  /** IPv4 as well: there is a LAN. */
  ipv4: boolean;
  settings: Settings;
  log: Log;
}

/** Has the kernel forward; `settings.restore` takes it back. Throws PLT_NOT_PERMITTED or PLT_CLAT_FAILED. */
export async function startForwarding({ ipv4, settings, log }: ForwardingOptions): Promise<void> {
  try {
    if (await forward('all', settings)) {
      log.info('net.ipv6.conf.all.forwarding is 1 while the CLAT runs, and accept_ra 2 where it was 1');
    }
    // Solicitations to the address itself, not to its group, are answered only with this one.
    await settings.change([{ name: 'ipv6/conf/all/proxy_ndp', value: '1' }]);
    if (ipv4) await forwardIpv4(settings);
  } catch (error) {
    await settings.restore();
    throw failure('cannot have the kernel forward', error);
  }
}

/**
 * Has an uplink answer for proxied neighbours, which the kernel leaves where the device itself does not forward, whatever
 * `all` says. `settings.restore` takes it back. Throws PLT_NOT_PERMITTED or PLT_CLAT_FAILED.
 */
export async function forwardUplink(uplink: string, settings: ForwardingSettings, log: Log): Promise<void> {
  try {
    if (await forward(uplink, settings)) {
      log.info(`net.ipv6.conf.${uplink}.forwarding is 1 while the CLAT runs, and accept_ra 2 where it was 1`);
    }
  } catch (error) {
    throw failure(`cannot have ${uplink} answer its neighbours`, error);
  }
}

function failure(doing: string, error: unknown): Error {
  const denied = isSystemError(error) && (error.code === 'EPERM' || error.code === 'EACCES');
  if (denied) return errors.notPermitted(doing, { cause: error });
  return errors.clatFailed(`${doing}: ${messageOf(error)}`, { cause: error });
}

export type ForwardingSettings = Pick<Settings, 'read' | 'list' | 'change'>;

/** True when it did not forward before. */
async function forward(device: string, settings: ForwardingSettings): Promise<boolean> {
  const name = `ipv6/conf/${device}/forwarding`;
  if ((await settings.read(name)) === '1') return false;
  const rewritten = device === 'all' ? await forwarders('ipv6', settings) : [];
  // Whichever device begins to forward, the kernel drops default routes of advertisements on all with accept_ra 1: they
  // are changed first, and taken back last.
  await settings.change([...(await advertisements(settings)), ...rewritten, { name, value: '1' }]);
  return true;
}

async function forwardIpv4(settings: ForwardingSettings): Promise<void> {
  const name = 'ipv4/ip_forward';
  if ((await settings.read(name)) === '1') return;
  const rewritten = await forwarders('ipv4', settings);
  // With the end of forwarding the kernel has the host take redirects.
  const redirects = 'ipv4/conf/all/accept_redirects';
  if ((await settings.read(redirects)) === '0') rewritten.push({ name: redirects, value: '0', rewritten: true });
  await settings.change([...rewritten, { name, value: '1' }]);
}

/** Devices that forward already; when `all` goes back to 0, so do they. */
async function forwarders(family: 'ipv4' | 'ipv6', settings: ForwardingSettings): Promise<Setting[]> {
  const found: Setting[] = [];
  for (const device of await settings.list(`${family}/conf`)) {
    const name = `${family}/conf/${device}/forwarding`;
    if ((await settings.read(name).catch(() => '')) === '1') found.push({ name, value: '1', rewritten: true });
  }
  return found;
}

/** accept_ra 1 means "unless forwarding"; 2 is 1 for those who forward. New devices begin with that of `default`. */
async function advertisements(settings: ForwardingSettings): Promise<Setting[]> {
  const wanted: Setting[] = [];
  for (const device of await settings.list('ipv6/conf')) {
    const name = `ipv6/conf/${device}/accept_ra`;
    // A device may go while we look.
    if ((await settings.read(name).catch(() => '')) === '1') wanted.push({ name, value: '2' });
  }
  return wanted;
}
