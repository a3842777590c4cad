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
import { cable, forward, type Host, missing, openHost } from '../../lab/host.js';
import { platypus, program, root } from '../../lab/plat.js';
import { failure, type Service } from '../../lab/process.js';
import { startServers } from '../../lab/traffic.js';
import { eventually } from './network.js';

export const lacking = missing();
export const server4 = '198.51.100.2';
export const first64 = '2001:db8:64::/96';
export const second64 = '2001:db8:65::/96';

/** What a router says. */
export interface Advertised {
  /** Prefix of the link; the one of before is deprecated when another one is named. */
  link?: string;
  deprecated?: string;
  /** PREF64 options. */
  pref64?: { prefix: string; lifetimeSeconds: number }[];
  rdnss?: string;
}

export interface Access {
  readonly host: Host;
  /** Has radvd say this from now on; null for silence. */
  advertise(what: Advertised | null): Promise<void>;
}

export interface Running {
  readonly service: Service;
  status(): Promise<UplinkStatus[]>;
  /** Waits for a state of an uplink, the first unless told. */
  until(state: string, uplink?: number): Promise<UplinkStatus>;
  json<T>(...args: string[]): Promise<T>;
  stop(): Promise<unknown>;
}

export interface UplinkStatus {
  uplink: string;
  device: string;
  state: string;
  words: string;
  source: string;
  prefixes: string[];
  address: string | null;
  ipv4: string | null;
  metric: number | null;
  mtu4: number | null;
}

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

const GATEWAY = 'fe80::1';

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

function createAccess(host: Host, file: string): Access {
  let speakers: Service[] = [];
  return {
    host,
    async advertise(what) {
      // SIGTERM has it say goodbye with lifetime 0, as a router that is switched off in order; the tests want silence.
      for (const speaker of speakers) speaker.signal('SIGKILL');
      await Promise.all(speakers.map(({ exited }) => exited));
      speakers = [];
      if (what === null) return;
      await writeFile(`${file}.conf`, radvdConfig(what));
      if (what.link !== undefined) {
        await host.script(`ip -6 address replace ${what.link.replace('/64', '1/64')} dev eth0`);
      }
      const args = ['-C', `${file}.conf`, '-p', `${file}.pid`, '-m', 'stderr', '-n', '-d', '1'];
      speakers = [host.start(['radvd', ...args])];
      // radvd knows nat64prefix from 2.20 on, which Debian 12 does not have.
      const options = (what.pref64 ?? []).map(({ prefix, lifetimeSeconds }) => `${prefix}=${lifetimeSeconds}`);
      const agent = join(root, 'test', 'e2e', 'agents', 'advertise.py');
      if (options.length > 0) speakers.push(host.start(['python3', agent, 'eth0', GATEWAY, ...options]));
    },
  };
}

function radvdConfig({ link, deprecated, rdnss }: Advertised): string {
  return [
    'interface eth0 {',
    '  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; MinDelayBetweenRAs 3;',
    '  AdvDefaultLifetime 1800;',
    ...(link === undefined ? [] : [`  prefix ${link} { AdvOnLink on; AdvAutonomous on; };`]),
    ...(deprecated === undefined
      ? []
      : [`  prefix ${deprecated} { AdvPreferredLifetime 0; AdvValidLifetime 7200; DeprecatePrefix on; };`]),
    ...(rdnss === undefined ? [] : [`  RDNSS ${rdnss} { };`]),
    '};',
    '',
  ].join('\n');
}

/** Runs `platypus clat ARGS` on a host and waits until its socket answers. */
export async function startClat(net: ClatNetwork, args: readonly string[], name = 'clat'): Promise<Running> {
  const socket = join(net.folder, `${name}.sock`);
  const service = net.host.start([
    process.execPath,
    program,
    args[0] === '-c' ? 'run' : 'clat',
    ...args,
    '--socket',
    socket,
  ]);
  await service.output(/control socket/);
  const json = async <T>(...words: string[]) => {
    const outcome = await platypus(net.host, [...words, '--json', '--socket', socket]);
    if (!outcome.ok) throw new Error(`${failure(outcome)}\n${service.stderr}`);
    return JSON.parse(outcome.stdout) as T;
  };
  const status = async () => (await json<{ clat: UplinkStatus[] }>('status')).clat;
  return {
    service,
    json,
    status,
    async until(state, uplink = 0) {
      const rows = await eventually(status, (list) => list[uplink]?.state === state, 30_000);
      return rows[uplink] as UplinkStatus;
    },
    stop: () => service.stop(),
  };
}

/** One ping of an IPv4 address, as soon as it works; gives up after a while. */
export async function reach(host: Host, address = server4): Promise<void> {
  await eventually(
    () => host.run(['ping', '-4', '-n', '-c', '1', '-W', '1', address]),
    ({ ok }) => ok,
    20_000,
  );
}
