/** A CLAT on a host with real routers, resolvers and kernels around it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as otherEvents } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Running, startClat } from '../../lab/clat.js';
import { askUdp, download, megabytes20, traceroute, upload, whoami } from '../../lab/traffic.js';
import { buildClatNetwork, type ClatNetwork, first64, lacking, reach, second64, server4 } from './clat-network.js';
import { capture, eventually } from './network.js';

const pref64 = (prefix: string, lifetimeSeconds = 600) => ({ prefix, lifetimeSeconds });
const link = '2001:db8:1:1::/64';

describe.skipIf(lacking !== null)('CLAT', () => {
  let net: ClatNetwork;
  let clat: Running | undefined;
  beforeAll(async () => {
    net = await buildClatNetwork();
  });
  afterAll(() => net?.close());
  beforeEach(() => net.host.script('ip link set eth0 up; ip link set eth1 down'));
  afterEach(async () => {
    await clat?.stop();
    clat = undefined;
    await net.access.advertise(null);
    await net.other.advertise(null);
    // What the advertisements left goes with the link.
    await net.host.script('ip link set eth0 down; ip link set eth1 down; ip -4 address flush dev eth0');
    await net.host.script('ip link set eth0 up');
  });

  const routes4 = () => net.host.script('ip -4 route show default');

  test('XLAT-ARCH-01, XLAT-ARCH-12, XLAT-CE-07 RA: IPv4 by ping, TCP, and UDP in fragments; all is gone afterwards', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    const status = await clat.until('running');
    expect(status).toMatchObject({
      source: 'router',
      prefixes: [first64],
      ipv4: '192.0.0.1',
      metric: 2048,
      mtu4: 1472,
    });
    expect(status.words).toMatch(/PREF64 2001:db8:64::\/96 from RA of fe80::1 on eth0, \d+ s left/);
    expect(status.address).toMatch(/^2001:db8:1:1:/);
    await reach(net.host);
    expect(await routes4()).toMatch(/default dev clat .*metric 2048 mtu 1472/);
    expect(await whoami(net.host, server4)).toMatch(/^192\.0\.2\.1#/);
    expect(await askUdp(net.host, 4000, server4)).toMatch(/^4000 bytes .*, the same$/);
    await clat.stop();
    clat = undefined;
    expect(await routes4()).toBe('');
    expect(await net.host.script('ip -6 neigh show proxy; ip -4 address show to 192.0.0.0/29')).toBe('');
    expect(
      await net.host.script('cat /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/net/ipv6/conf/eth0/accept_ra'),
    ).toBe('0\n1\n');
  });

  test('an address that is not the CLAT’s goes nowhere by it, and who uses it is told', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await net.host.script('ip address add 10.8.8.8/32 dev lo');
    try {
      const { stdout } = await net.host.run(['ping', '-c', '1', '-W', '2', '-I', '10.8.8.8', server4]);
      expect(stdout).toMatch(/Packet filtered|Communication prohibited/i);
    } finally {
      await net.host.script('ip address del 10.8.8.8/32 dev lo');
    }
  });

  test('XLAT-CLAT-09, XLAT-ARCH-16 20 MB either way, and what is too long for the way is told at once', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await reach(net.host);
    expect(await download(net.host, net.folder, megabytes20, server4)).toMatch(/SHA-256 equal/);
    expect(await upload(net.host, net.folder, megabytes20, server4)).toMatch(/SHA-256 equal/);
    const ping = async (payload: number) => {
      const args = ['ping', '-4', '-n', '-c', '1', '-W', '1', '-M', 'do', '-s', String(payload), server4];
      const { stdout, stderr } = await net.host.run(args);
      return `${stdout}${stderr}`;
    };
    // With 28 bytes of headers 1472. The reply has no DF, so that the PLAT cuts it (RFC 7915 §4).
    expect(await ping(1444)).not.toMatch(/mtu/);
    expect(await ping(1445)).toMatch(/mtu ?= ?1472/);
  });

  test('a CLAT that was killed leaves nothing that the next one minds, and that takes back all of it', async () => {
    const settings = () =>
      net.host.script(
        'cd /proc/sys/net; cat ipv6/conf/*/accept_ra ipv6/conf/*/proxy_ndp ipv6/conf/*/forwarding ipv6/neigh/eth0/proxy_delay ipv4/ip_forward',
      );
    const before = await settings();
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    const killed = await startClat(net, ['--uplink', 'eth0', '--lan', 'nat44']);
    const { address } = await killed.until('running');
    killed.service.signal('SIGKILL');
    await killed.service.exited;
    expect(await settings()).not.toBe(before);
    clat = await startClat(net, ['--uplink', 'eth0', '--lan', 'nat44']);
    expect(await clat.until('running')).toMatchObject({ address });
    await reach(net.host);
    expect(await net.host.script('nft list tables')).toBe('table ip platypus_clat\n');
    await clat.stop();
    clat = undefined;
    expect(await net.host.script('nft list tables; ip -6 neigh show proxy; ip -4 route show default')).toBe('');
    expect(await settings()).toBe(before);
  });

  test('XLAT-ARCH-05 neighbours are answered for the address, and asked before it is used', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    const seen = await capture(net.access.host, 'eth0');
    clat = await startClat(net, ['--uplink', 'eth0']);
    const { address } = await clat.until('running');
    await reach(net.host);
    // By unicast as well, which is how a router asks whether a neighbour is still there.
    await net.access.host.script(`ip -6 neigh change ${address} dev eth0 nud probe`);
    await eventually(
      () => net.access.host.script(`ip -6 neigh show ${address}`),
      (text) => text.includes('REACHABLE'),
    );
    await seen.stop();
    const detection = seen.packets().filter(({ source, payload }) => source === '::' && payload[0] === 135);
    expect(detection.some(({ payload }) => payload.subarray(24, 26).toString('hex') === '0e01')).toBe(true);
  });

  test('an uplink that does not forward by itself on a router answers neighbours too, and is as before afterwards', async () => {
    const settings = () =>
      net.host.script('cd /proc/sys/net/ipv6/conf; cat all/forwarding eth0/forwarding eth0/accept_ra eth1/accept_ra');
    const was = await net.host.script('cat /proc/sys/net/ipv6/conf/all/forwarding');
    await net.host.script('cd /proc/sys/net/ipv6/conf; echo 1 >all/forwarding; echo 0 >eth0/forwarding');
    const before = await settings();
    expect(before).toBe('1\n0\n1\n1\n');
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await reach(net.host);
    expect(await settings()).toBe('1\n1\n2\n2\n');
    await clat.stop();
    clat = undefined;
    expect(await settings()).toBe(before);
    await net.host.script(`echo ${was.trim()} >/proc/sys/net/ipv6/conf/all/forwarding`);
  });

  test('XLAT-ARCH-05 another host has the address already: the CLAT takes the next one', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    const { address } = await clat.until('running');
    await clat.stop();
    await net.access.host.script(`ip -6 address add ${address}/64 dev eth0 nodad`);
    clat = await startClat(net, ['--uplink', 'eth0']);
    await eventually(
      () => (clat as Running).json<Record<string, number>>('stats'),
      (counters) => counters['clat.duplicates'] === 1,
    );
    const [row] = await eventually(clat.status, ([each]) => each?.state === 'running' && each.address !== address);
    expect(row?.address).toMatch(/^2001:db8:1:1:/);
    await reach(net.host);
    await net.access.host.script(`ip -6 address del ${address}/64 dev eth0`);
  });

  test('XLAT-ARCH-18 a traceroute shows the routers of the IPv6 side', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await reach(net.host);
    const hops = await traceroute(net.host, server4);
    expect(hops).toContain('192.0.0.8');
    expect(hops.at(-1)).toBe(server4);
  });

  test('IPv4 is back within 5 s of the first RA after the uplink was gone, the time is printed', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await net.host.script('ip link set eth0 down');
    await clat.until('uplink-down');
    expect(await routes4()).toBe('');
    const seen = await capture(net.access.host, 'eth0');
    await net.host.script('ip link set eth0 up');
    await eventually(
      () => otherEvents(seen.packets()),
      (packets) => packets.some(({ payload }) => payload[0] === 134),
    );
    const heard = performance.now();
    await reach(net.host);
    const seconds = (performance.now() - heard) / 1000;
    await seen.stop();
    console.info(`IPv4 was back ${seconds.toFixed(2)} s after the first RA`);
    expect((await clat.status())[0]).toMatchObject({ state: 'running', prefixes: [first64] });
  });

  test('XLAT-CE-11, XLAT-DNS-16 DNS: the resolver of the advertisement is asked', async () => {
    const dns = await startDns64(first64);
    await net.access.advertise({ link, rdnss: 'fe80::1' });
    clat = await startClat(net, ['--uplink', 'eth0']);
    const status = await clat.until('running');
    expect(status).toMatchObject({ source: 'dns', prefixes: [first64] });
    expect(status.words).toMatch(/from DNS \(ipv4only.arpa\) by eth0/);
    await reach(net.host);
    // XLAT-PREF-01: an advertisement that names a prefix is preferred from then on.
    await net.access.advertise({ link, rdnss: 'fe80::1', pref64: [pref64(second64)] });
    await eventually(
      () => (clat as Running).status(),
      ([row]) => row?.source === 'router' && row.prefixes[0] === second64,
      30_000,
    );
    await reach(net.host);
    await dns.stop();
  });

  test('XLAT-DNS-05, XLAT-CE-11 a home router with dnsmasq: RA without PREF64, and DNS64 by its resolver', async () => {
    const { host } = net.access;
    await host.script('ip -6 address replace 2001:db8:1:1::1/64 dev eth0');
    const records = ['aa', 'ab'].map((last) => `--host-record=ipv4only.arpa,2001:db8:65::c000:${last},60`);
    const dnsmasq = host.start([
      'dnsmasq',
      '--no-daemon',
      '--conf-file=/dev/null',
      '--interface=eth0',
      '--bind-interfaces',
      '--no-resolv',
      '--no-hosts',
      '--user=root',
      '--leasefile-ro',
      '--enable-ra',
      '--ra-param=eth0,4',
      '--dhcp-range=2001:db8:1:1::,ra-only,64',
      ...records,
    ]);
    clat = await startClat(net, ['--uplink', 'eth0']);
    expect(await clat.until('running')).toMatchObject({ source: 'dns', prefixes: [second64] });
    await reach(net.host);
    await dnsmasq.stop();
  });

  test('XLAT-DEP-05 static and fallback: without PREF64 and without DNS64', async () => {
    await net.access.advertise({ link });
    clat = await startClat(net, ['--uplink', 'eth0', '--pool6', first64]);
    expect(await clat.until('running')).toMatchObject({ source: 'static', prefixes: [first64] });
    await reach(net.host);
    await clat.stop();
    clat = await startClat(net, ['--uplink', 'eth0', '--discovery', 'ra', '--fallback', second64]);
    expect(await clat.until('running')).toMatchObject({ source: 'fallback', prefixes: [second64] });
    await reach(net.host);
  });

  test('XLAT-PREF-03, XLAT-CLAT-08 failover to another PLAT: a new prefix, then IPv4 by it', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await reach(net.host);
    await net.access.advertise({ link, pref64: [pref64(first64, 0), pref64(second64)] });
    await eventually(
      () => (clat as Running).status(),
      ([row]) => row?.state === 'running' && row.prefixes.join() === second64,
      30_000,
    );
    await reach(net.host);
    expect(await whoami(net.host, server4)).toMatch(/^192\.0\.2\.2#/);
  });

  test('XLAT-RA-10 a further prefix breaks no connection', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    const before = await clat.until('running');
    await reach(net.host);
    const ping = net.host.start(['ping', '-4', '-n', '-i', '0.2', server4]);
    await ping.output(/icmp_seq=3 /);
    await net.access.advertise({ link, pref64: [pref64(first64), pref64(second64)] });
    const [after] = await eventually(
      () => (clat as Running).status(),
      ([row]) => row?.prefixes.length === 2,
      30_000,
    );
    expect(after?.address).toBe(before.address);
    const count = ping.stdout.split('\n').length;
    await ping.output(new RegExp(`icmp_seq=${count + 5} `));
    ping.signal('SIGINT');
    expect((await ping.exited).stdout).toMatch(/ 0% packet loss/);
  });

  test('XLAT-CLAT-08 renumbering: the address moves with the link’s prefix', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await reach(net.host);
    await net.access.advertise({ link: '2001:db8:1:2::/64', deprecated: link, pref64: [pref64(first64)] });
    await eventually(
      () => (clat as Running).status(),
      ([row]) => row?.address?.startsWith('2001:db8:1:2:') === true,
      30_000,
    );
    await reach(net.host);
    expect((await net.host.script('ip -6 neigh show proxy')).split('\n').filter((line) => line !== '')).toHaveLength(1);
  });

  test('XLAT-CLAT-04 native IPv4 comes and goes: auto stands down and comes back', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await net.host.script('ip address add 203.0.113.2/24 dev eth0; ip route add default via 203.0.113.1 metric 100');
    const { words } = await clat.until('native-ipv4');
    expect(words).toBe('stands down: eth0 has native IPv4 (mode: force would go on)');
    expect(await routes4()).toBe('default via 203.0.113.1 dev eth0 metric 100 \n');
    // As a DHCP client does: the route goes with the address, and the kernel tells of the address only.
    await net.host.script('ip address del 203.0.113.2/24 dev eth0');
    await clat.until('running');
    await reach(net.host);
  });

  test('XLAT-CLAT-04 force goes on beside native IPv4, with the next metric', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    await net.host.script('ip address add 203.0.113.2/24 dev eth0; ip route add default via 203.0.113.1 metric 100');
    clat = await startClat(net, ['--uplink', 'eth0', '--mode', 'force']);
    expect(await clat.until('running')).toMatchObject({ metric: 101 });
    expect(await routes4()).toMatch(/default dev clat .*metric 101/);
  });

  test('XLAT-RA-12 roaming: another network on the same uplink, another prefix and address', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await net.host.script('ip link set eth0 down; ip link set eth0 name away; ip link set eth1 name eth0');
    await net.other.advertise({ link: '2001:db8:2:1::/64', pref64: [pref64(second64)] });
    await net.host.script('ip link set eth0 up');
    const [row] = await eventually(
      () => (clat as Running).status(),
      ([each]) => each?.state === 'running' && each.prefixes[0] === second64,
      30_000,
    );
    expect(row?.address).toMatch(/^2001:db8:2:1:/);
    await reach(net.host);
    await clat.stop();
    clat = undefined;
    await net.host.script('ip link set eth0 down; ip link set eth0 name eth1; ip link set away name eth0');
  });

  test('XLAT-CLAT-02, XLAT-PREF-04, XLAT-DNS-17 two uplinks: an instance each, each by its own router', async () => {
    await net.host.script('ip link set eth1 up');
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    await net.other.advertise({ link: '2001:db8:2:1::/64', pref64: [pref64(second64)] });
    clat = await startClat(net, ['--uplink', 'eth0', '--uplink', 'eth1']);
    expect(await clat.until('running', 0)).toMatchObject({ device: 'clat0', ipv4: '192.0.0.1', metric: 2048 });
    expect(await clat.until('running', 1)).toMatchObject({ device: 'clat1', ipv4: '192.0.0.2', metric: 2049 });
    for (const [device, from] of [
      ['clat0', '192.0.2.1'],
      ['clat1', '192.0.2.2'],
    ] as const) {
      const got = await eventually(
        () =>
          net.host.run(['curl', '-4', '-s', '--max-time', '5', '--interface', device, `http://${server4}:8080/whoami`]),
        ({ ok }) => ok,
        20_000,
      );
      expect(got.stdout).toMatch(from);
    }
    const told = await clat.json<{ notes: string[]; verdict: string }>(
      'explain',
      `udp 192.0.0.2#5000 > ${server4}#9000`,
    );
    expect(told).toMatchObject({ verdict: 'translated', notes: ['by clat1, one of 2 translators that run'] });
    const table = (number: number) => net.host.script(`ip -6 route show table ${number}`);
    const rules = await net.host.script('ip -6 rule');
    expect(rules).toMatch(/^30000:\tfrom all iif clat0 lookup 46400$/m);
    expect(rules).toMatch(/^30000:\tfrom all iif clat1 lookup 46401$/m);
    expect(await table(46400)).toMatch(/^default via fe80::1 dev eth0 [^\n]*\n$/);
    expect(await table(46401)).toMatch(/^default via fe80::1 dev eth1 [^\n]*\n$/);
    // The first goes: IPv4 goes on by the second.
    await net.host.script('ip link set eth0 down');
    await clat.until('uplink-down', 0);
    await reach(net.host);
    expect(await net.host.script('ip -6 rule')).not.toMatch(/clat0/);
    expect(await table(46400)).toBe('');
    await clat.stop();
    clat = undefined;
    expect(await net.host.script('ip -6 rule')).not.toMatch(/clat/);
    expect(await net.host.script('ip -6 route show table all')).not.toMatch(/table 4640/);
  });

  test('XLAT-ARCH-04, XLAT-CE-08, XLAT-CE-04 a LAN behind NAT44: two hosts, one IPv6 address', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    clat = await startClat(net, ['--uplink', 'eth0', '--lan', 'nat44']);
    await clat.until('running');
    for (const from of ['192.168.1.10', '192.168.1.11']) {
      await eventually(
        () => net.lan.run(['ping', '-4', '-n', '-c', '1', '-W', '1', '-I', from, server4]),
        ({ ok }) => ok,
      );
    }
    await clat.stop();
    clat = undefined;
    expect(await net.host.script('nft list tables')).toBe('');
  });

  test('XLAT-ARCH-02, XLAT-ARCH-03 a LAN with a prefix of its own: no NAT44, hosts are seen by their addresses', async () => {
    await net.access.host.script('ip -6 route add 2001:db8:1:c1a7::/64 via fe80::99 dev eth0 || true');
    await net.host.script('ip -6 address add fe80::99/64 dev eth0');
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    const file = join(net.folder, 'lan.yaml');
    await writeFile(
      file,
      `clat: { uplink: eth0, lan: { mode: prefix, networks: 192.168.1.0/24, prefix: "2001:db8:1:c1a7::/96" } }\n`,
    );
    clat = await startClat(net, ['-c', file], 'run');
    await clat.until('running');
    const seen = await capture(net.access.host, 'eth0');
    await eventually(
      () => net.lan.run(['ping', '-4', '-n', '-c', '1', '-W', '1', server4]),
      ({ ok }) => ok,
    );
    await seen.stop();
    const sources = seen.packets().map(({ source, destination }) => `${source} ${destination}`);
    expect(sources).toContain('2001:db8:1:c1a7::c0a8:10a 2001:db8:64::c633:6402');
  });

  test('XLAT-ARCH-17, XLAT-CE-04 a LAN by entries: each host has the address that is said', async () => {
    const { host } = net.access;
    await host.script('ip -6 address replace 2001:db8:1:1::1/64 dev eth0');
    await host.script('ip -6 route replace 2001:db8:1:c1a8::/64 via fe80::99 dev eth0');
    await net.host.script('ip -6 address replace fe80::99/64 dev eth0');
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    const file = join(net.folder, 'eamt.yaml');
    await writeFile(
      file,
      `clat:
  uplink: eth0
  lan:
    mode: eamt
    eamt:
      - { v4: 192.168.1.10, v6: "2001:db8:1:c1a8::10" }
      - { v4: 192.168.1.11, v6: "2001:db8:1:c1a8::11" }
`,
    );
    clat = await startClat(net, ['-c', file], 'eamt');
    await clat.until('running');
    const seen = await capture(host, 'eth0');
    for (const from of ['192.168.1.10', '192.168.1.11']) {
      await eventually(
        () => net.lan.run(['ping', '-4', '-n', '-c', '1', '-W', '1', '-I', from, server4]),
        ({ ok }) => ok,
      );
    }
    await seen.stop();
    const sources = seen.packets().map(({ source }) => source);
    expect(sources).toContain('2001:db8:1:c1a8::10');
    expect(sources).toContain('2001:db8:1:c1a8::11');
    expect(await download(net.lan, net.folder, megabytes20, server4)).toMatch(/SHA-256 equal/);
    await clat.stop();
    clat = undefined;
    expect(await net.host.script('ip -6 route show root 2001:db8:1:c1a8::/64')).toBe('');
  });

  test('XLAT-CE-03 a reload switches it off and on again, and a wrong file changes nothing', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    const file = join(net.folder, 'toggle.yaml');
    await writeFile(file, 'clat: { uplink: eth0 }\n');
    clat = await startClat(net, ['-c', file], 'toggle');
    const { address } = await clat.until('running');
    await writeFile(file, 'clat: { uplink: eth0, mode: off }\n');
    expect(await clat.json('reload')).toMatchObject({ changes: ['clat.mode changed'] });
    await clat.until('off');
    expect(await routes4()).toBe('');
    await writeFile(file, 'clat: { uplink: eth0, mode: on }\n');
    await expect(clat.json('reload')).rejects.toThrow(/expected one of auto, off, force/);
    await writeFile(file, 'clat: { uplink: eth0, metric: 77 }\n');
    await clat.json('reload');
    expect(await clat.until('running')).toMatchObject({ address, metric: 77 });
    await reach(net.host);
  });

  test('it stands down beside another CLAT', async () => {
    await net.access.advertise({ link, pref64: [pref64(first64)] });
    await net.host.script(
      'ip tuntap add other mode tun; ip link set other up; ip address add 192.0.0.4/32 dev other; ip route add default dev other metric 500',
    );
    clat = await startClat(net, ['--uplink', 'eth0']);
    const { words } = await clat.until('other-clat');
    expect(words).toMatch(/another CLAT runs on other/);
    await net.host.script('ip link del other');
    await clat.until('running');
  });

  async function startDns64(pool6: string) {
    const { host } = net.access;
    const unbound = join(net.folder, 'unbound.conf');
    await writeFile(
      unbound,
      [
        'server:',
        '  do-daemonize: no',
        '  username: ""',
        '  chroot: ""',
        '  pidfile: ""',
        '  use-syslog: no',
        '  interface: fe80::1%eth0',
        '  access-control: ::/0 allow',
        // What DNS64 makes of 192.0.0.170 and .171.
        `  local-data: "ipv4only.arpa. 60 IN AAAA ${pool6.replace('/96', 'c000:aa')}"`,
        `  local-data: "ipv4only.arpa. 60 IN AAAA ${pool6.replace('/96', 'c000:ab')}"`,
        'remote-control:',
        '  control-enable: no',
        '',
      ].join('\n'),
    );
    const service = host.start(['unbound', '-d', '-c', unbound]);
    await eventually(
      () => host.run(['dig', '+short', '+time=1', '+tries=1', '@fe80::1%eth0', 'ipv4only.arpa', 'AAAA']),
      ({ stdout }) => /2001:db8:6/.test(stdout),
    );
    return service;
  }
});
