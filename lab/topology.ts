/**
 * The demo network: IPv6-only customers, the PLAT, one router of the IPv4 Internet, an IPv4-only server.
 *
 *     customer  2001:db8:1::2 ─┐
 *                              plat ─ 203.0.113.0/30 ─ router ─ 198.51.100.0/24 ─ server
 *     neighbour 2001:db8:2::2 ─┘
 *
 * All addresses are from the documentation ranges. 64:ff9b::/96 may not carry those (RFC 6052 §3.1), so pool6 is a
 * network-specific prefix. A later room (a resolver, a CLAT) is one more `openHost` and `cable` here.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cable, forward, type Host, openHost } from './host.js';

export const pool6 = '2001:db8:64::/96';
export const pool4 = '192.0.2.0/28';
export const customer6 = '2001:db8:1::2';
export const neighbour6 = '2001:db8:2::2';
export const plat6 = '2001:db8:1::1';
export const plat4 = '203.0.113.1';
export const router4 = '203.0.113.2';
export const server4 = '198.51.100.2';

/** An IPv4 address as the customers see it: the RFC 6052 form in pool6, as `ping` and `ip` print it. */
export function through(address4: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address4.split('.').map(Number);
  return `2001:db8:64::${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

export interface NetworkOptions {
  /** Adds the second customer. */
  neighbour?: boolean;
  /** MTU of the link between PLAT and router; 1500 unless told. */
  internetMtuBytes?: number;
}

export interface Network {
  customer: Host;
  /** A second customer; the first one again where none was asked for. */
  neighbour: Host;
  plat: Host;
  router: Host;
  server: Host;
  /** A folder for sockets and files, gone on `close`. */
  folder: string;
  /** Ends every host with its processes and removes the folder. May be called twice. */
  close(): Promise<void>;
}

/** Builds the network. Nothing is left behind when it fails half-way. */
export async function buildNetwork(options: NetworkOptions = {}): Promise<Network> {
  const folder = await mkdtemp(join(tmpdir(), 'platypus-lab-'));
  const hosts: Host[] = [];
  const open = async (name: string) => {
    const host = await openHost(name);
    hosts.push(host);
    return host;
  };
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= Promise.all(hosts.map((host) => host.close())).then(() => rm(folder, { recursive: true, force: true }));
    return closing;
  };
  try {
    const customer = await open('customer');
    const plat = await open('plat');
    const router = await open('router');
    const server = await open('server');
    const neighbour = options.neighbour === true ? await open('neighbour') : customer;
    const mtuBytes = options.internetMtuBytes ?? 1500;

    await cable(
      { host: plat, name: 'customer', addresses: [`${plat6}/64`] },
      { host: customer, name: 'eth0', addresses: [`${customer6}/64`] },
    );
    await customer.script(`ip -6 route add default via ${plat6}`);
    if (neighbour !== customer) {
      await cable(
        { host: plat, name: 'neighbour', addresses: ['2001:db8:2::1/64'] },
        { host: neighbour, name: 'eth0', addresses: [`${neighbour6}/64`] },
      );
      await neighbour.script('ip -6 route add default via 2001:db8:2::1');
    }
    await cable(
      { host: plat, name: 'internet', addresses: [`${plat4}/30`], mtuBytes },
      { host: router, name: 'plat', addresses: [`${router4}/30`], mtuBytes },
    );
    await plat.script(`ip route add default via ${router4}`);
    await cable(
      { host: router, name: 'server', addresses: ['198.51.100.1/24'] },
      { host: server, name: 'eth0', addresses: [`${server4}/24`] },
    );
    await router.script(`ip route add ${pool4} via ${plat4}`);
    await server.script('ip route add default via 198.51.100.1');
    await forward(plat);
    await forward(router);
    return { customer, neighbour, plat, router, server, folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}
