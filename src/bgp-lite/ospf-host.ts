/** Devices and their addresses as the kernel has them, looked at again and again: rtnetlink without its notifications. */
import { isDeepStrictEqual } from 'node:util';
import type { Netlink } from '../native/addon.js';
import type { OspfDevice, OspfHost } from './ospf/host.js';

/** How often the kernel is asked, milliseconds. A listing costs some ten microseconds. */
const LOOK_MS = 500;

export interface WatchedHost extends OspfHost {
  close(): void;
}

type Kernel = Pick<Netlink, 'links' | 'addresses'>;

/** `failed` is called with what the kernel says when it cannot be asked; the devices stay as they were. */
export function createOspfHost(netlink: Kernel, failed: (error: unknown) => void): WatchedHost {
  let devices = new Map<string, OspfDevice>();
  const watches = new Set<() => void>();

  function look(): void {
    let now: Map<string, OspfDevice>;
    try {
      now = listDevices(netlink);
    } catch (error) {
      failed(error);
      return;
    }
    const same = isDeepStrictEqual(devices, now);
    devices = now;
    if (!same) for (const changed of [...watches]) changed();
  }

  look();
  const timer = setInterval(look, LOOK_MS);
  return {
    device: (name) => devices.get(name) ?? null,
    watch(changed) {
      watches.add(changed);
      return () => watches.delete(changed);
    },
    close: () => clearInterval(timer),
  };
}

function listDevices(netlink: Kernel): Map<string, OspfDevice> {
  const addresses = netlink.addresses();
  return new Map(
    netlink.links().map(({ index, name, mtu, up }) => {
      const own = addresses.filter((row) => row.index === index && !row.tentative);
      const isSix = ({ address }: { address: string }) => address.includes(':');
      const [first] = own.filter((row) => !isSix(row));
      const plain = ({ address, length }: { address: string; length: number }) => ({ address, length });
      const device = {
        index,
        mtu,
        up,
        address4: first === undefined ? null : plain(first),
        addresses6: own.filter(isSix).map(plain),
      };
      return [name, device];
    }),
  );
}
