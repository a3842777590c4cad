import { beforeAll, expect, test } from 'vitest';
import { startPlat } from '../../lab/plat.js';
import { customer6, pool6, server4, through } from '../../lab/topology.js';
import { askUdp, download, megabytes20, ping, startServers, udpPort, upload } from '../../lab/traffic.js';
import { capture, eventually, onBareNetwork, onNetwork, sockets } from './network.js';

const customer4 = '192.0.2.1';
const there = through(server4);
const siit = {
  args: ['--pool6', pool6, '--rfc6791v4-prefix', '192.0.2.8/29'],
  eamt: `${customer4} ${customer6}\n`,
};

onNetwork('siit with a narrow link to the IPv4 Internet', { siit, internetMtuBytes: 1400 }, (at) => {
  test('SIIT-MTU-01 the IPv6 sender learns 1420, and the upload goes through', async () => {
    const { customer, folder } = at();
    await upload(customer, folder, megabytes20);
    const { stdout } = await customer.run(['ip', '-6', 'route', 'get', there]);
    expect(stdout).toMatch(/mtu 1420/);
  });

  test('SIIT-6to4-18 a ping of more than that is told so', async () => {
    const { customer } = at();
    await customer.script('ip -6 route flush cache');
    const { stdout } = await customer.run(['ping', '-6', '-n', '-c', '1', '-w', '2', '-M', 'do', '-s', '1440', there]);
    expect(stdout).toMatch(/Packet too big: mtu=1420/);
  });
});

onNetwork('siit with a narrow link to the IPv6 host', { siit }, (at) => {
  beforeAll(async () => {
    const { customer, plat } = at();
    await startServers(customer, customer6);
    await plat.script('ip link set customer mtu 1400');
    // It may not send more, but lets others think so.
    await customer.script('ip link set eth0 mtu 1400\nip -6 route change default via 2001:db8:1::1 advmss 1440');
  });

  test('SIIT-MTU-06, SIIT-SRC-01 the IPv4 sender learns 1380, and its download arrives', async () => {
    const { customer, server, folder } = at();
    await download(customer, folder, megabytes20);
    const { stdout } = await server.run(['ip', 'route', 'get', customer4]);
    expect(stdout).toMatch(/mtu 1380/);
  });

  test('SIIT-4to6-16 more than the translator’s own MTU is told by itself', async () => {
    const { server } = at();
    await server.script('ip route flush cache');
    const { stdout } = await server.run([
      'ping',
      '-4',
      '-n',
      '-c',
      '1',
      '-w',
      '2',
      '-M',
      'do',
      '-s',
      '1472',
      customer4,
    ]);
    expect(stdout).toMatch(/From 192\.0\.0\.8 .*mtu = 1480/);
  });

  test('a datagram of 1400 bytes still finds its way', async () => {
    const asked = await at().server.run(sockets('udp-patient', customer4, udpPort, 1400));
    expect(asked.stdout).toBe('1400\n');
  });
});

onNetwork('siit with an IPv4 path of 1000 bytes that fragments nothing', { siit }, (at) => {
  beforeAll(async () => {
    const { router, server, plat } = at();
    // A frame of more than 1000 bytes is lost on the server's link; who set DF is told, who did not is not.
    await server.script('ip link set eth0 mtu 1000\nip route change default via 198.51.100.1 advmss 1460');
    for (const [host, device] of [
      [plat, 'internet'],
      [router, 'server'],
    ] as const) {
      expect(await host.run(sockets('no-offload', device))).toMatchObject({ ok: true });
    }
    await router.start(sockets('narrow', 'plat', 1000)).output(/^listening$/m);
  });

  test('that path loses an IPv4 packet of 1260 bytes without DF', async () => {
    const { stdout } = await at().router.run(['ping', '-4', '-c', '1', '-w', '1', '-M', 'dont', '-s', '1232', server4]);
    expect(stdout).toMatch(/ 0 received/);
  });

  test('SIIT-6to4-17 IPv6 keeps to 1280, and the translator fragments to 1000', async () => {
    const { customer, server, translator } = at();
    const seen = await capture(server, 'eth0');
    expect(await askUdp(customer, 1400)).toMatch(/^1400 bytes .*, the same$/);
    expect(await askUdp(customer, 8000)).toMatch(/^8000 bytes .*, the same$/);
    await seen.stop();
    const route = await customer.run(['ip', '-6', 'route', 'get', there]);
    expect(route.stdout).toMatch(/mtu 1280/);
    const arrived = seen.packets().filter(({ source }) => source === customer4);
    expect(Math.max(...arrived.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1000);
    expect(arrived.filter(({ dontFragment }) => dontFragment)).toEqual([]);
    expect((await translator.counters())['icmp.path_mtu_learned']).toBeGreaterThan(0);
  });

  test('SIIT-6to4-17 20 MB of TCP too, although its segments were meant for 1500', async () => {
    const { customer, folder } = at();
    expect(await upload(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
  });
});

onBareNetwork('siit and UDP without checksum', {}, (at) => {
  test.each([
    ['SIIT-CSUM-05, -06', 'compute', true, false],
    ['SIIT-CSUM-05', 'drop', false, false],
    ['SIIT-CSUM-06', 'reassemble', true, true],
  ] as const)('%s %s: in one packet %s, in fragments %s', async (_id, mode, whole, fragmented) => {
    const { customer, server } = at();
    const translator = await startPlat(at(), {
      siit: { ...siit, args: [...siit.args, '--udp-zero-checksum', mode] },
    });
    const arrives = async (port: number, bytes: number) => {
      const reply = server.start(sockets('udp-reply', server4, port, bytes, 'no-checksum'));
      await reply.output(/^listening$/m);
      // Two tries: what is dropped stays dropped.
      const asked = await customer.run(sockets('udp-patient', there, port, 1, 2));
      await reply.stop();
      return asked.stdout.trim();
    };
    expect(await arrives(9_300, 200)).toBe(whole ? '200' : 'silence');
    expect(await arrives(9_301, 4000)).toBe(fragmented ? '4000' : 'silence');
    const dropped = (await translator.counters())['drop.udp_checksum_zero'];
    if (whole && fragmented) expect(dropped).toBe(0);
    else expect(dropped).toBeGreaterThan(0);
    await translator.stop();
    // RFC 7915 §4.5: what was dropped is told to the operator, with addresses and ports.
    const told = /198\.51\.100\.2#9301.*192\.0\.2\.1#\d+/.test(translator.service.stdout + translator.service.stderr);
    expect(told).toBe(!fragmented);
  });
});

onBareNetwork('two translators side by side', {}, (at) => {
  test('SIIT-FRM-02 a connection whose packets take either, in turns, lives', async () => {
    const { customer, plat, server, folder } = at();
    await startServers(server);
    const start = (name: string, route: string) =>
      startPlat(at(), { name, siit: { ...siit, args: [...siit.args, '--device', name, '--route', route] } });
    // One has the way there, the other the way back.
    const pair = [await start('one', pool6), await start('two', `${customer4}/32`)] as const;
    await ping(customer, there);
    await ping(server, customer4);
    // And now each has either, a hundred times a second.
    const turns = plat.start([
      'sh',
      '-c',
      `echo turning; while :; do
        ip -6 route replace ${pool6} dev two metric 1; ip route replace ${customer4}/32 dev one; sleep 0.01
        ip -6 route replace ${pool6} dev one metric 1; ip route replace ${customer4}/32 dev two; sleep 0.01
      done`,
    ]);
    await turns.output(/^turning$/m);
    const enough = 10;
    await eventually(
      async () => {
        expect(await upload(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
        expect(await download(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
        expect(await askUdp(customer, 4000)).toMatch(/^4000 bytes .*, the same$/);
        return Promise.all(pair.map((one) => one.counters()));
      },
      (counters) =>
        counters.every((one) => Math.min(one['received.v6.packets'] ?? 0, one['received.v4.packets'] ?? 0) > enough),
      60_000,
    );
    await turns.stop();
    // One may go at any time.
    await plat.script(`ip -6 route replace ${pool6} dev two metric 1\nip route replace ${customer4}/32 dev two`);
    await pair[0].stop();
    expect(await upload(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
  });
});
