/** A CLAT on a network that gives each host one address by DHCPv6 and no /64: it shares the address with the host. */
import { join } from 'node:path';
import { setImmediate as otherEvents } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startClat, type UplinkStatus } from '../../lab/clat.js';
import { root } from '../../lab/plat.js';
import {
  askUdp,
  download,
  httpPort,
  megabytes20,
  superPackets,
  traceroute,
  udpPort,
  upload,
  url,
  whoami,
} from '../../lab/traffic.js';
import {
  buildClatNetwork,
  type ClatNetwork,
  first64,
  lacking,
  reach,
  second64,
  server4,
  startDhcp6Client,
  startDhcp6Server,
} from './clat-network.js';
import { capture, eventually } from './network.js';

const own = '2001:db8:1:1::128';
const mapped = first64.replace('/96', 'c633:6402');
const link = '2001:db8:1:1::/64';
const pref64 = [{ prefix: first64, lifetimeSeconds: 600 }];

describe.skipIf(lacking !== null)('CLAT with a shared address', () => {
  let net: ClatNetwork;
  let clat: Running | undefined;
  beforeAll(async () => {
    net = await buildClatNetwork();
    await net.access.host.script('ip -6 address add 2001:db8:1:1::1/64 dev eth0');
    await net.access.advertise({ managed: true, pref64 });
    await startDhcp6Server(net.access, own);
    await startDhcp6Client(net.host, net.folder, 'eth0');
  });
  afterAll(() => net?.close());
  afterEach(async () => {
    await clat?.stop();
    clat = undefined;
  });

  /** Starts it and waits until IPv4 works. */
  async function run(...args: string[]): Promise<UplinkStatus> {
    clat = await startClat(net, ['--uplink', 'eth0', ...args]);
    const status = await clat.until('running');
    await reach(net.host);
    return status;
  }

  const twins = (...args: (string | number)[]) => [
    'python3',
    join(root, 'test', 'e2e', 'agents', 'twins.py'),
    ...args.map(String),
  ];

  test('XLAT-ARCH-01 DHCPv6 only: IPv4 by ping, TCP, and UDP in fragments; all is gone afterwards', async () => {
    const before = await net.host.script('ip -6 route; ip -6 rule; ip address');
    const status = await run();
    expect(status).toMatchObject({ sharedAddress: own, ipv4: '192.0.0.1', mtu4: 1472 });
    expect(status.address).toMatch(/^fd/);
    expect(status.words).toContain(`192.0.0.1 shares ${own} with eth0`);
    expect(await whoami(net.host, server4)).toMatch(/^192\.0\.2\.1#/);
    expect(await askUdp(net.host, 4000, server4)).toMatch(/^4000 bytes .*, the same$/);
    expect(await askUdp(net.host, 60_000, server4)).toMatch(/^60000 bytes .*, the same$/);
    await clat?.stop();
    clat = undefined;
    expect(await net.host.script('nft list tables; ip -4 route show default; ip -6 neigh show proxy')).toBe('');
    expect(steady(await net.host.script('ip -6 route; ip -6 rule; ip address'))).toBe(steady(before));
  });

  test('the address inside the host is never seen outside', async () => {
    const seen = await capture(net.access.host, 'eth0');
    const { address } = await run();
    await download(net.host, net.folder, megabytes20, server4);
    await askUdp(net.host, 4000, server4);
    await seen.stop();
    // Sources alone: buffers of packets that came are the host's by now, which writes the address inside into them.
    const sources = new Set(seen.packets().map(({ source }) => source));
    expect(sources).toContain(own);
    expect(sources).not.toContain(address);
  });

  test('what connection tracking finds invalid goes nowhere, as it would show the address inside', async () => {
    const seen = await capture(net.access.host, 'eth0');
    const { address } = await run();
    expect((await net.host.run(twins('reset', 5558, server4, httpPort))).stderr).toBe('');
    await eventually(
      () => net.host.script('nft list chain ip6 platypus_clat leaving'),
      (text) => text.includes('packets 1 '),
    );
    // A packet of our own is the last to be seen.
    await whoami(net.host, server4);
    await seen.stop();
    expect(seen.packets().filter(({ source }) => source === address)).toEqual([]);
  });

  test('what comes from outside to the address inside is dropped', async () => {
    const { address } = await run();
    await net.access.host.script(`ip -6 route replace ${address} via ${own} dev eth0`);
    const seen = await capture(net.host, 'clat');
    await net.access.host.run(['ping', '-6', '-n', '-c', '2', '-W', '1', address ?? '']);
    await net.access.host.script(`ip -6 route del ${address} via ${own} dev eth0`);
    // A packet of our own is the last to be seen.
    await reach(net.host);
    await eventually(
      () => otherEvents(seen.packets()),
      (packets) => packets.some(({ destination }) => destination === mapped),
    );
    await seen.stop();
    expect(seen.packets().filter(({ source }) => source === '2001:db8:1:1::1')).toEqual([]);
  });

  test('XLAT-ARCH-19 what nobody asked for stays with the host', async () => {
    await run();
    const seen = await capture(net.host, 'clat');
    const { stdout } = await net.access.host.run(['ping', '-6', '-n', '-c', '2', '-i', '0.2', '-W', '2', own]);
    expect(stdout).toMatch(/ 0% packet loss/);
    // A packet of our own is the last to be seen.
    await reach(net.host);
    await eventually(
      () => otherEvents(seen.packets()),
      (packets) => packets.some(({ destination }) => destination === mapped),
    );
    await seen.stop();
    expect(seen.packets().filter(({ source }) => source === '2001:db8:1:1::1')).toEqual([]);
  });

  test('XLAT-CLAT-09 20 MB either way, and what is too long for the way is told at once', async () => {
    await run();
    expect(await download(net.host, net.folder, megabytes20, server4)).toMatch(/SHA-256 equal/);
    expect(await upload(net.host, net.folder, megabytes20, server4)).toMatch(/SHA-256 equal/);
    // Connection tracking takes super-packets whole, as the translator does.
    const counters = await (clat as Running).json<Record<string, number>>('stats');
    expect(superPackets(counters)).toBeGreaterThan(100);
    expect(await pingWhole(1444)).not.toMatch(/mtu/);
    expect(await pingWhole(1445)).toMatch(/mtu ?= ?1472/);
  });

  test('XLAT-ARCH-13 UDP: a native flow and a translated one from the same port to the same server', async () => {
    await run();
    const { stdout, stderr } = await net.host.run(twins('udp', 5555, mapped, server4, udpPort));
    expect(`${stdout}${stderr}`).toBe('six0 four0\nsix1 four1\nsix2 four2\n');
  });

  test('XLAT-ARCH-13 UDP: the same when the translated one was first', async () => {
    await run();
    const { stdout, stderr } = await net.host.run(twins('udp4', 5559, mapped, server4, udpPort));
    expect(`${stdout}${stderr}`).toBe('four0 six0\nfour1 six1\nfour2 six2\n');
  });

  test('XLAT-ARCH-13 TCP: a native flow and a translated one from the same port to the same server', async () => {
    await run();
    const { stdout, stderr } = await net.host.run(twins('tcp', 5556, mapped, server4, httpPort));
    expect(stderr).toBe('');
    const [six, four] = stdout.trim().split('\n');
    expect(six).toMatch(/^192\.0\.2\.1#\d+$/);
    expect(four).toMatch(/^192\.0\.2\.1#\d+$/);
    expect(four).not.toBe(six);
  });

  test('XLAT-ARCH-13 pings of both families with the same identifier', async () => {
    await run();
    const pings = [
      ['-6', mapped],
      ['-4', server4],
    ].map(([family, to]) =>
      net.host.run(['ping', family ?? '', '-n', '-e', '4242', '-c', '5', '-i', '0.2', '-W', '2', to ?? '']),
    );
    for (const { stdout } of await Promise.all(pings)) expect(stdout).toMatch(/ 0% packet loss/);
  });

  test('XLAT-ARCH-19 an ICMPv6 error is told to the flow that it is about, native or translated', async () => {
    await run();
    const both = net.host.start(twins('hops', 5557, mapped, server4, udpPort));
    await both.output(/^six four$/m);
    const seen = await capture(net.host, 'clat');
    both.write('6 1\n');
    await both.output(/^6 EHOSTUNREACH 4 none$/m);
    both.write('4 3\n');
    await both.output(/^6 none 4 EHOSTUNREACH$/m);
    await eventually(
      () => otherEvents(seen.packets()),
      (packets) => packets.some(({ source, protocol }) => source === '192.0.0.8' && protocol === 1),
    );
    await seen.stop();
    await both.stop();
    // One error went by the translator: that of the translated flow.
    const errors = seen.packets().filter(({ payload, protocol }) => protocol === 58 && (payload[0] ?? 255) < 128);
    expect(errors).toHaveLength(1);
  });

  test('XLAT-ARCH-18 a traceroute shows the routers of the IPv6 side', async () => {
    await run();
    const hops = await traceroute(net.host, server4);
    expect(hops).toContain('192.0.0.8');
    expect(hops.at(-1)).toBe(server4);
  });

  test('XLAT-ARCH-19 Packet Too Big about a translated flow comes to it', async () => {
    await net.access.host.script('ip link set dev plat mtu 1400');
    await run();
    expect(await pingWhole(1444)).toMatch(/mtu ?= ?1380/);
    expect(await upload(net.host, net.folder, megabytes20, server4)).toMatch(/SHA-256 equal/);
    await net.access.host.script('ip link set dev plat mtu 1500');
  });

  test('XLAT-ARCH-04, XLAT-CE-08 a LAN behind NAT44 and the shared address', async () => {
    await run('--lan', 'nat44');
    for (const from of ['192.168.1.10', '192.168.1.11']) {
      const { stdout } = await net.lan.run(['ping', '-4', '-n', '-c', '2', '-i', '0.2', '-I', from, server4]);
      expect(stdout).toMatch(/ 0% packet loss/);
    }
    expect(await download(net.lan, net.folder, megabytes20, server4)).toMatch(/SHA-256 equal/);
    expect(await askUdp(net.lan, 4000, server4)).toMatch(/^4000 bytes .*, the same$/);
  });

  test('XLAT-CLAT-06, XLAT-CLAT-08 a /64 comes and goes: an address of its own, and the shared one again', async () => {
    await run();
    const running = clat as Running;
    await net.access.advertise({ link, managed: true, pref64 });
    const [row] = await eventually(running.status, ([each]) => each?.sharedAddress === null, 30_000);
    expect(row?.address).toMatch(/^2001:db8:1:1:/);
    await reach(net.host);
    expect(await net.host.script('nft list tables')).toBe('');
    expect(await net.host.script('cat /proc/sys/net/ipv6/neigh/eth0/proxy_delay')).toBe('0\n');
    await net.access.advertise({ managed: true, pref64 });
    const slaac = await net.host.script("ip -6 -o address show dev eth0 | awk '$4 ~ /^2001.*64$/ { print $4 }'");
    await net.host.script(`ip -6 address del ${slaac.trim()} dev eth0`);
    await eventually(running.status, ([each]) => each?.sharedAddress === own, 30_000);
    await reach(net.host);
  });

  test('XLAT-CLAT-08 another address of the uplink: it is shared from then on', async () => {
    await run();
    await net.host.script(
      `ip -6 address add 2001:db8:1:1::129/128 dev eth0; ip -6 address change ${own}/128 dev eth0 preferred_lft 0`,
    );
    await eventually((clat as Running).status, ([each]) => each?.sharedAddress === '2001:db8:1:1::129', 30_000);
    await reach(net.host);
    await net.host.script(
      `ip -6 address change ${own}/128 dev eth0 valid_lft 3600 preferred_lft 3600; ip -6 address del 2001:db8:1:1::129/128 dev eth0`,
    );
  });

  test('XLAT-CLAT-02 two uplinks: each shares the address of its own', async () => {
    const other = '2001:db8:2:1::128';
    await net.other.host.script('ip -6 address add 2001:db8:2:1::1/64 dev eth0');
    await net.host.script(`ip link set eth1 up; ip -6 address add ${other}/128 dev eth1`);
    await net.other.advertise({ pref64: [{ prefix: second64, lifetimeSeconds: 600 }] });
    clat = await startClat(net, ['--uplink', 'eth0', '--uplink', 'eth1']);
    expect(await clat.until('running', 0)).toMatchObject({ device: 'clat0', sharedAddress: own });
    expect(await clat.until('running', 1)).toMatchObject({ device: 'clat1', sharedAddress: other });
    for (const [device, from] of [
      ['clat0', '192.0.2.1'],
      ['clat1', '192.0.2.2'],
    ] as const) {
      const got = await eventually(
        () => net.host.run(['curl', '-4', '-s', '--max-time', '5', '--interface', device, url('whoami', server4)]),
        ({ ok }) => ok,
        20_000,
      );
      expect(got.stdout).toMatch(from);
    }
    await clat.stop();
    clat = undefined;
    await net.other.advertise(null);
    await net.host.script('ip link set eth1 down');
    expect(await net.host.script('nft list tables')).toBe('');
  });

  test('a point-to-point line with an explicit address and no router: it is shared', async () => {
    const [address, peer] = ['2001:db8:2:7::2', '2001:db8:2:7::1'];
    const agents = join(root, 'test', 'e2e', 'agents');
    const line = net.host.start(['python3', join(agents, 'line.py'), 'wwan0', String(net.other.host.pid), 'wwan0']);
    await line.output(/^listening$/m);
    await net.host.script(`ip -6 address add ${address} peer ${peer} dev wwan0; ip -6 route add ${first64} dev wwan0`);
    await net.other.host.script(`ip -6 address add ${peer} peer ${address} dev wwan0`);
    clat = await startClat(net, ['--uplink', 'wwan0', '--pool6', first64]);
    expect(await clat.until('running')).toMatchObject({ sharedAddress: address, source: 'static', mtu4: 1472 });
    await reach(net.host);
    expect(await download(net.host, net.folder, megabytes20, server4)).toMatch(/SHA-256 equal/);
    expect(await askUdp(net.host, 4000, server4)).toMatch(/^4000 bytes .*, the same$/);
    await clat.stop();
    clat = undefined;
    expect(await net.host.script('nft list tables; ip -4 route show default')).toBe('');
    await line.stop();
  });

  test('the table of a killed one is replaced, or removed where none is needed', async () => {
    await run();
    clat?.service.signal('SIGKILL');
    await clat?.service.exited;
    expect(await net.host.script('nft list tables')).toBe('table ip6 platypus_clat\n');
    await run();
    expect(await net.host.script('nft list tables')).toBe('table ip6 platypus_clat\n');
    clat?.service.signal('SIGKILL');
    await clat?.service.exited;
    clat = await startClat(net, ['--uplink', 'eth0', '--address', '2001:db8:dd::/64']);
    await clat.until('running');
    expect(await net.host.script('nft list tables')).toBe('');
  });

  test('a firewall that is loaded anew takes the tables along: they are put back', async () => {
    await run('--lan', 'nat44');
    await net.host.script('nft flush ruleset');
    const tables = async () => (await net.host.script('nft list tables')).trim().split('\n').sort();
    await eventually(tables, (list) => list.join() === 'table ip platypus_clat,table ip6 platypus_clat');
    await reach(net.host);
    await reach(net.lan);
  });

  test('without nft it says what is missing and translates nothing', async () => {
    clat = await startClat(net, ['--uplink', 'eth0'], 'clat', ['env', 'PATH=/nonexistent']);
    const { words } = await clat.until('failed');
    expect(words).toContain(`cannot share ${own} of eth0: the program nft is missing, expected nftables`);
    expect(await net.host.script('ip -4 route show default')).toBe('');
  });

  /** One ping that may not be cut, with so much payload. */
  async function pingWhole(payload: number): Promise<string> {
    const args = ['ping', '-4', '-n', '-c', '1', '-W', '1', '-M', 'do', '-s', String(payload), server4];
    const { stdout, stderr } = await net.host.run(args);
    return `${stdout}${stderr}`;
  }
});

/** Without lifetimes, which run. */
function steady(text: string): string {
  return text.replace(/expires \d+sec|\d+sec/g, '');
}
