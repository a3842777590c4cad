/**
 * The chain that packets go through, one of its own for each peer:
 *
 *     client ── 2001:db8:0:1::/64, 203.0.113.0/30 ── translator ── 2001:db8:0:2::/64, 203.0.113.4/30 ── server
 *
 * The client is 256 hosts, 2001:db8:1::/120, which are 192.0.2.0/24 in IPv4; the server is 2001:db8:2::/120 and
 * 198.51.100.0/24. What a peer translates between, or whether it only forwards, is the peer's: the chain routes all of
 * them. In each of these networks the lower half has stacks behind it, and the upper half is for packets that nobody
 * answers: the kernel drops them at its first look at their destination. Hosts are the lab's: namespaces without a name,
 * each held by a process that dies with this one, so that nothing is left after Ctrl-C, a failure or kill -9.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cable, forward, type Host, openHost } from '../../lab/host.js';
import { root } from '../../lab/plat.js';
import { failure, type Service } from '../../lab/process.js';

export const addresses = {
  pool6: '2001:db8:64::/96',
  /** The client's hosts, and what they are in IPv4: by the last byte. */
  hosts6: '2001:db8:1::/120',
  hosts4: '192.0.2.0/24',
  client6: '2001:db8:1::2',
  client4: '192.0.2.2',
  servers6: '2001:db8:2::/120',
  servers4: '198.51.100.0/24',
  server6: '2001:db8:2::2',
  server4: '198.51.100.2',
  /** `server4` in `pool6`: what a client behind a translator calls it. */
  server4In6: '2001:db8:64::c633:6402',
  /** The upper halves. */
  silent: {
    hosts6: '2001:db8:1::80/121',
    hosts4: '192.0.2.128/25',
    servers6: '2001:db8:2::80/121',
    servers4: '198.51.100.128/25',
    servers4In6: '2001:db8:64::c633:6480/121',
  },
  link: { client6: '2001:db8:0:1::2', client4: '203.0.113.2', server6: '2001:db8:0:2::2', server4: '203.0.113.6' },
  translator: {
    client6: '2001:db8:0:1::1',
    client4: '203.0.113.1',
    server6: '2001:db8:0:2::1',
    server4: '203.0.113.5',
  },
} as const;

export type Family = 4 | 6;

/** Which family the client speaks, and which the server: what a peer stands between. */
export interface Families {
  client: Family;
  server: Family;
}

/** The server by its own address and by the client's name for it, and the client's first address. */
export function ends({ client, server }: Families): { server: string; listen: string; client: string } {
  const listen = server === 6 ? addresses.server6 : addresses.server4;
  return {
    listen,
    server: client === 6 && server === 4 ? addresses.server4In6 : listen,
    client: client === 6 ? addresses.client6 : addresses.client4,
  };
}

/** What every peer with a TUN device gets, because Platypus gives it to itself: the default of 500 loses bursts. */
export const TUN_QUEUE_LENGTH = 10_000;

/** Cores that generator and translator are pinned to; both undefined on a machine with one. */
export const cores: { generator?: number; translator?: number } =
  cpus().length > 1 ? { generator: 0, translator: 1 } : {};

export interface Chain {
  client: Host;
  translator: Host;
  server: Host;
  /** A folder for sockets and files, gone on `close`. */
  folder: string;
  /** What it should be and is not, in a few words, or null. */
  shortcoming: string | null;
  /**
   * Whether what the translator's host receives is handled on the translator's core (RPS) or on that of who sent it,
   * which is the kernel's rule. Rejects where the kernel has no RPS.
   */
  steer(on: boolean): Promise<void>;
  /** What else is to be let go on `close`. */
  release(act: () => void): void;
  /** Ends every host with its processes. May be called twice. */
  close(): Promise<void>;
}

/** A compiled program of native/bench/programs. */
export function program(name: string, ...args: (string | number)[]): string[] {
  return [join(root, 'build', 'native-bench', 'programs', name), ...args.map(String)];
}

/** The path of the first of these programs that was not built, else null. */
export function missingProgram(...names: string[]): string | null {
  return names.map((name) => join(...program(name))).find((file) => !existsSync(file)) ?? null;
}

/** The same command on one core. */
export function pinned(argv: readonly string[], core: number | undefined): string[] {
  return core === undefined ? [...argv] : ['taskset', '--cpu-list', String(core), ...argv];
}

// All of the lower half is this host's own, to connect from; neighbour discovery never asks for it.
const hostsAreMany = `
ip -6 route add local 2001:db8:1::/121 dev lo
ip route add local 192.0.2.0/25 dev lo
ip -6 route add blackhole ${addresses.silent.hosts6}
ip route add blackhole ${addresses.silent.hosts4}
echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind
echo '1024 65535' >/proc/sys/net/ipv4/ip_local_port_range`;

// A listener that answers with SYN cookies would measure something else.
const manyConnections = `
echo 4096 >/proc/sys/net/core/somaxconn
echo 65536 >/proc/sys/net/ipv4/tcp_max_syn_backlog`;

/**
 * Builds a chain. Nothing is left behind when it fails half-way.
 *
 * `singly`: what the translator's host sends leaves packet by packet, as on a card without UDP segmentation, though a
 * peer may have joined it before.
 */
export async function openChain(options: { singly: boolean }): Promise<Chain> {
  const folder = await mkdtemp(join(tmpdir(), 'platypus-bench-'));
  const hosts: Host[] = [];
  const open = async (name: string) => {
    const host = await openHost(name);
    hosts.push(host);
    return host;
  };
  const releases: (() => void)[] = [];
  let closing: Promise<void> | undefined;
  const close = () => {
    for (const release of releases.splice(0)) release();
    closing ??= Promise.all(hosts.map((host) => host.close())).then(() => rm(folder, { recursive: true, force: true }));
    return closing;
  };
  const { link, translator: middle } = addresses;
  try {
    const client = await open('client');
    const translator = await open('translator');
    const server = await open('server');
    await cable(
      { host: translator, name: 'client', addresses: [`${middle.client6}/64`, `${middle.client4}/30`] },
      { host: client, name: 'eth0', addresses: [`${link.client6}/64`, `${link.client4}/30`] },
    );
    await cable(
      { host: translator, name: 'server', addresses: [`${middle.server6}/64`, `${middle.server4}/30`] },
      { host: server, name: 'eth0', addresses: [`${link.server6}/64`, `${link.server4}/30`] },
    );
    await forward(translator);
    // nodad: else the kernel gets round to an address after its route asks for it, when it is busy.
    await client.script(`
ip address add ${addresses.client6}/128 dev lo nodad
ip address add ${addresses.client4}/32 dev lo
ip -6 route add default via ${middle.client6} src ${addresses.client6}
ip route add default via ${middle.client4} src ${addresses.client4}
${hostsAreMany}`);
    await server.script(`
ip address add ${addresses.server6}/128 dev lo nodad
ip address add ${addresses.server4}/32 dev lo
ip -6 route add default via ${middle.server6} src ${addresses.server6}
ip route add default via ${middle.server4} src ${addresses.server4}
ip -6 route add blackhole ${addresses.silent.servers6}
ip route add blackhole ${addresses.silent.servers4}
${manyConnections}`);
    await translator.script(`
ip -6 route add ${addresses.hosts6} via ${link.client6}
ip -6 route add ${addresses.servers6} via ${link.server6}
ip route add ${addresses.servers4} via ${link.server4}`);
    return {
      client,
      translator,
      server,
      folder,
      shortcoming: options.singly ? await segment(translator) : null,
      steer: (on) => steer(translator, on),
      release: (act) => releases.push(act),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** RPS is a file of sysfs, and sysfs shows the devices of the namespace it was mounted in. */
async function steer(host: Host, on: boolean): Promise<void> {
  if (cores.translator === undefined) return;
  const mask = on ? (1 << cores.translator).toString(16) : '0';
  const lines = `mount -t sysfs sysfs /sys\nfor f in /sys/class/net/*/queues/rx-*/rps_cpus; do echo ${mask} >"$f"; done`;
  const outcome = await host.run(['unshare', '--mount', 'sh', '-eu'], { input: lines });
  if (!outcome.ok && on) throw new Error(`packets cannot be steered to a core: ${failure(outcome)}`);
}

async function segment(host: Host): Promise<string | null> {
  for (const device of ['client', 'server']) {
    const outcome = await host.run(['ethtool', '--features', device, 'tx-udp-segmentation', 'off']);
    if (!outcome.ok) return 'without ethtool: packets that were joined arrive joined';
  }
  return null;
}

/** The two lines that a peer with a TUN device needs around it once it is there. */
export function setUpTun(device: string): string {
  return `ip link set ${device} mtu 1500 txqueuelen ${TUN_QUEUE_LENGTH} up
ip -6 route add ${addresses.pool6} dev ${device}
ip route add ${addresses.hosts4} dev ${device}`;
}

/** Waits for a program that does not say when it is ready: its TUN device has a carrier once somebody reads it. */
export async function untilAttached(host: Host, device: string, service: Service): Promise<void> {
  const ready = await host.script(
    `for i in $(seq 200); do ip link show ${device} | grep -q LOWER_UP && echo ready && break; sleep 0.05; done`,
  );
  if (ready !== 'ready\n')
    throw new Error(`${device} did not start: ${service.stderr.trim() || 'nobody reads its device'}`);
}
