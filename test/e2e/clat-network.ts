/**
 * An IPv6-only access network with a CLAT's host on it, and the PLAT and an IPv4-only server behind:
 *
 *     lan ── host ─ eth0 ─ access ─ plat ─ router ─ server
 *                 ╰ eth1 ─ other ──╯
 *
 * `access` and `other` are routers with radvd and a resolver; either has a prefix of its own at the PLAT. The host has the
 * kernel's own autoconfiguration, with duplicate address detection switched off where its time is nobody's subject.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Access, createAccess, GATEWAY } from '../../lab/advertising.js';
import { cable, forward, type Host, missing, openHost } from '../../lab/host.js';
import { program } from '../../lab/plat.js';
import type { Service } from '../../lab/process.js';
import { startServers } from '../../lab/traffic.js';
import { eventually } from './network.js';

export const lacking = missing();
export const server4 = '198.51.100.2';
export const first64 = '2001:db8:64::/96';
export const second64 = '2001:db8:65::/96';

export interface ClatNetwork {
  host: Host;
  lan: Host;
  access: Access;
  other: Access;
  plat: Host;
  server: Host;
  folder: string;
  close(): Promise<void>;
}

/** Builds it. Nobody advertises and no CLAT runs yet. */
export async function buildClatNetwork(): Promise<ClatNetwork> {
  const folder = await mkdtemp(join(tmpdir(), 'platypus-clat-'));
  const hosts: Host[] = [];
  const open = async (name: string) => {
    const host = await openHost(name);
    hosts.push(host);
    return host;
  };
  const close = async () => {
    await Promise.all(hosts.map((host) => host.close()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [host, lan, access, other, plat, server] = [
      await open('host'),
      await open('lan'),
      await open('access'),
      await open('other'),
      await open('plat'),
      await open('server'),
    ];
    // As a host begins: it listens to advertisements and does not forward.
    await host.script('for f in default all; do echo 1 >/proc/sys/net/ipv6/conf/$f/accept_ra; done');
    await cable({ host: access, name: 'eth0', addresses: [`${GATEWAY}/64`] }, { host, name: 'eth0', addresses: [] });
    await cable({ host: other, name: 'eth0', addresses: [`${GATEWAY}/64`] }, { host, name: 'eth1', addresses: [] });
    await host.script('ip link set eth1 down');
    await cable(
      { host, name: 'lan', addresses: ['192.168.1.1/24'] },
      { host: lan, name: 'eth0', addresses: ['192.168.1.10/24', '192.168.1.11/24'] },
    );
    await lan.script('ip route add default via 192.168.1.1');
    for (const [index, router] of [access, other].entries()) {
      const net = `2001:db8:f${index}::`;
      await cable(
        { host: plat, name: router.name, addresses: [`${net}1/64`] },
        { host: router, name: 'plat', addresses: [`${net}2/64`] },
      );
      await router.script(`ip -6 route add default via ${net}1`);
      await forward(router);
      await plat.script(`ip -6 route add 2001:db8:${index + 1}::/48 via ${net}2`);
    }
    await cable(
      { host: plat, name: 'internet', addresses: ['198.51.100.1/24'] },
      { host: server, name: 'eth0', addresses: [`${server4}/24`] },
    );
    await server.script('ip route add default via 198.51.100.1');
    await forward(plat);
    await startServers(server);
    await startPlats(plat, folder);
    return {
      host,
      lan,
      access: createAccess(access, join(folder, 'access')),
      other: createAccess(other, join(folder, 'other')),
      plat,
      server,
      folder,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Two, so that one can fail: either has a pool6 and addresses of its own. */
async function startPlats(plat: Host, folder: string): Promise<void> {
  for (const [index, pool6] of [first64, second64].entries()) {
    const args = ['plat', '--pool6', pool6, '--pool4', `192.0.2.${index + 1}`, '--device', `plat${index}`];
    const service = plat.start([process.execPath, program, ...args, '--socket', join(folder, `plat${index}.sock`)]);
    await service.output(/control socket/);
  }
}

/** Serves one address of the link by DHCPv6, and nothing else: no SLAAC, no network to be on-link. */
export async function startDhcp6Server({ host }: Access, address: string): Promise<Service> {
  const service = host.start([
    'dnsmasq',
    '--no-daemon',
    '--conf-file=/dev/null',
    '--port=0',
    '--interface=eth0',
    '--user=root',
    '--leasefile-ro',
    `--dhcp-range=${address},${address},64,1h`,
  ]);
  await service.output(/DHCPv6/);
  return service;
}

/** Asks for an address by DHCPv6 and keeps it. What the client writes goes with its namespace of mounts. */
export async function startDhcp6Client(host: Host, folder: string, device: string): Promise<Service> {
  const file = join(folder, 'dhcpcd.conf');
  // The kernel does the rest of autoconfiguration: no router solicitations, no settings, no scripts.
  await writeFile(file, `ipv6only\nnoipv6rs\nscript /bin/true\ninterface ${device}\nia_na 1\n`);
  const client = `dhcpcd -B -f ${file} ${device}`;
  const service = host.start([
    'unshare',
    '--mount',
    '--',
    'sh',
    '-c',
    `mount -t tmpfs none /run && mount -t tmpfs none /var/lib/dhcpcd && exec ${client}`,
  ]);
  await eventually(
    () => host.script(`ip -6 address show dev ${device} scope global`),
    (text) => /inet6 [^ ]*\/128 /.test(text) && !text.includes('tentative'),
    30_000,
  );
  return service;
}

/** One ping of an IPv4 address, as soon as it works; gives up after a while. */
export async function reach(host: Host, address = server4): Promise<void> {
  await eventually(
    () => host.run(['ping', '-4', '-n', '-c', '1', '-W', '1', address]),
    ({ ok }) => ok,
    20_000,
  );
}
