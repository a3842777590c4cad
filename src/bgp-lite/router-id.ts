/** A router ID where the configuration names none. */
import { contains, knownPrefix, parseAddress } from '../config/address.js';
import type { Addon } from '../native/addon.js';

const LOOPBACK = knownPrefix('127.0.0.0/8');
const SCOPE_GLOBAL = 0;

/** The lowest global IPv4 address of the host, null when it has none: the same for as long as its addresses are. */
export function hostRouterId(addon: Pick<Addon, 'Netlink'>): string | null {
  const netlink = new addon.Netlink();
  try {
    const [lowest] = netlink
      .addresses()
      .filter(({ scope }) => scope === SCOPE_GLOBAL)
      .flatMap(({ address }) => parseAddress(address) ?? [])
      .filter((address) => address.family === 4 && !contains(LOOPBACK, address))
      .sort((a, b) => (a.value < b.value ? -1 : 1));
    return lowest?.text ?? null;
  } finally {
    netlink.close();
  }
}
