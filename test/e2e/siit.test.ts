import { beforeAll, describe, expect, test } from 'vitest';
import { customer6, neighbour6, plat4, plat6, pool6, router4, server4, through } from '../../lab/topology.js';
import {
  askUdp,
  download,
  megabytes20,
  ping,
  startServers,
  superPackets,
  traceroute,
  upload,
  whoami,
} from '../../lab/traffic.js';
import { extension, read } from '../conformance/packets.js';
import { capture, onNetwork, sockets } from './network.js';

/** The customers' IPv4 addresses, by entries of the table. */
const customer4 = '192.0.2.1';
const neighbour4 = '192.0.2.2';
const eamt = `${customer4} ${customer6}\n${neighbour4} ${neighbour6}\n`;
const there = through(server4);
/** RFC 6791: what routers of the IPv6 side are called in IPv4. */
const routers4 = '192.0.2.8/29';
const isRouter4 = /^192\.0\.2\.(8|9|10|11|12|13|14|15)$/;
const args = ['--pool6', pool6, '--rfc6791v4-prefix', routers4];

onNetwork('siit with an EAM table', { siit: { args, eamt }, neighbour: true }, (at) => {
  beforeAll(() => startServers(at().customer, customer6));

  test('SIIT-EAM-03, -04 ping from either side', async () => {
    const { customer, server } = at();
    await ping(customer, there);
    await ping(server, customer4);
  });

  test('SIIT-EAM-06 curl from either side: who asks has an address of the other family', async () => {
    const { customer, server } = at();
    expect(await whoami(customer)).toMatch(/^192\.0\.2\.1#\d+$/);
    expect(await whoami(server, customer4)).toMatch(/^2001:db8:64::c633:6402#\d+$/);
  });

  test.each([64, 1200, 4000, 60_000])('%i bytes of UDP from either side come back', async (bytes) => {
    const { customer, server } = at();
    expect(await askUdp(customer, bytes)).toMatch(new RegExp(`^${bytes} bytes .*, the same$`));
    expect(await askUdp(server, bytes, customer4)).toMatch(new RegExp(`^${bytes} bytes .*, the same$`));
  });

  test.each([
    ['the IPv6 side asks', 'customer', there],
    ['the IPv4 side asks', 'server', customer4],
  ] as const)('%s for 20 MB of TCP, and sends them, unharmed and in super-packets', async (_, who, address) => {
    const { [who]: host, folder, translator } = at();
    const before = superPackets(await translator.counters());
    expect(await download(host, folder, megabytes20, address)).toMatch(/SHA-256 equal/);
    expect(await upload(host, folder, megabytes20, address)).toMatch(/SHA-256 equal/);
    expect(superPackets(await translator.counters())).toBeGreaterThan(before);
  });

  test('SIIT-ERR-08 traceroute from IPv6 shows the translator by its own address, then IPv4 inside pool6', async () => {
    const hops = await traceroute(at().customer, there);
    // The translator's host forwards before and after it.
    expect(hops).toEqual([plat6, plat6, through(plat4), through(router4), there]);
  });

  test('SIIT-SRC-01 traceroute from IPv4: routers of IPv6 have addresses of the pool', async () => {
    const hops = await traceroute(at().server, customer4);
    // The translator itself has no IPv4 address unless icmpSource4 says one: 192.0.0.8 stands for it (RFC 7600 §4.8).
    expect(hops).toEqual(['198.51.100.1', plat4, '192.0.0.8', expect.stringMatching(isRouter4), customer4]);
  });

  test('SIIT-SRC-04, -06 such a message tells the router’s IPv6 address on the wire', async () => {
    const { server } = at();
    const seen = await capture(server, 'eth0');
    await traceroute(server, customer4);
    await seen.stop();
    const errors = seen.packets().filter(({ source }) => isRouter4.test(source));
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) {
      expect(error).toMatchObject({ valid: true, type: 11, code: 0 });
      const told = extension(error);
      expect(told).toMatchObject({ valid: true, original: { length: 128 } });
      expect(told?.objects[0]).toMatchObject({ class: 2, type: 0x04 });
      expect(told?.objects[0]?.payload.toString('hex')).toBe('0002000020010db8000100000000000000000001');
      expect(read(error.data)).toMatchObject({ source: server4, destination: customer4 });
    }
  });

  test('SIIT-IC64-05, SIIT-IC46-06 a closed port is told, either way', async () => {
    const { customer, server } = at();
    const asked = await Promise.all([
      customer.run(sockets('udp-refused', there, 7)),
      server.run(sockets('udp-refused', customer4, 7)),
    ]);
    expect(asked.map(({ stdout }) => stdout)).toEqual(['ECONNREFUSED\n', 'ECONNREFUSED\n']);
  });

  test('SIIT-IC46-04, SIIT-IC64-03 no route is told, either way', async () => {
    const { customer, server, router, plat, translator } = at();
    await router.script('ip route add unreachable 198.51.100.77');
    const out = await customer.run(['ping', '-6', '-n', '-c', '1', '-w', '5', through('198.51.100.77')]);
    expect(out.stdout).toMatch(new RegExp(`From ${through(router4)} .*Destination unreachable: No route`));

    await plat.script('ip -6 route add unreachable 2001:db8:77::/64');
    await translator.platypus('eamt', 'add', '192.0.2.7', '2001:db8:77::7');
    const back = await server.run(['ping', '-4', '-n', '-c', '1', '-w', '5', '192.0.2.7']);
    await translator.platypus('eamt', 'remove', '192.0.2.7');
    expect(back.stdout).toMatch(/From 192\.0\.2\.\d+ .*Destination Host Unreachable/);
  });

  test('SIIT-IC64-13 a ping in fragments is not translated', async () => {
    const { customer, translator } = at();
    const before = (await translator.counters())['drop.icmp.fragment'] ?? 0;
    const { stdout } = await customer.run(['ping', '-6', '-n', '-c', '1', '-w', '1', '-s', '4000', there]);
    expect(stdout).toMatch(/ 0 received/);
    expect((await translator.counters())['drop.icmp.fragment']).toBeGreaterThan(before);
  });

  describe('the table while it is used', () => {
    test('SIIT-EAM-13 a TCP connection goes on while entries of others come and go, and stops with its own', async () => {
      const { customer, server, translator } = at();
      const echo = server.start(sockets('tcp-echo', server4, 9_400));
      await echo.output(/^listening$/m);
      const held = customer.start(sockets('tcp-hold', there, 9_400));
      await held.output(/^connected$/m);
      const say = async (word: string) => {
        held.write(`send ${word}\n`);
        await held.output(new RegExp(`^echo ${word}$`, 'm'));
      };
      await say('one');
      await customer.script('ip address add 2001:db8:1::3/64 dev eth0');
      expect(await translator.platypus('eamt', 'add', '192.0.2.3', '2001:db8:1::3')).toMatchObject({ ok: true });
      await ping(server, '192.0.2.3');
      await say('two');
      // Who has the address already is told, and nothing changes.
      expect(await translator.platypus('eamt', 'add', '192.0.2.5', '2001:db8:1::3')).toMatchObject({ ok: false });
      expect(await translator.platypus('eamt', 'remove', '2001:db8:1::3')).toMatchObject({ ok: true });
      const gone = await server.run(['ping', '-4', '-n', '-c', '1', '-w', '1', '192.0.2.3']);
      expect(gone).toMatchObject({ ok: false });
      await say('three');
      expect(await translator.platypus('eamt', 'flush')).toMatchObject({ ok: true });
      expect(await server.run(['ping', '-4', '-n', '-c', '1', '-w', '1', customer4])).toMatchObject({ ok: false });
      expect(await translator.json('eamt', 'list')).toEqual([]);
      // Nobody remembers the connection but its ends: with the entry it goes on.
      const again = await translator.platypus('eamt', 'add', customer4, customer6, neighbour4, neighbour6);
      expect(again).toMatchObject({ ok: true });
      await say('four');
      held.write('close\n');
      await held.output(/^closed$/m);
    });
  });
});

describe.each(['simple', 'intrinsic'])('hairpin %s', (mode) => {
  onNetwork(
    'between two hosts of the table',
    { siit: { args: [...args, '--hairpin', mode], eamt }, neighbour: true },
    (at) => {
      beforeAll(() => startServers(at().neighbour, neighbour6));
      const other = through(neighbour4);
      const way = mode === 'simple' ? 'SIIT-EAM-08' : 'SIIT-EAM-11';

      test(`${way} ping, curl and UDP reach the neighbour by its IPv4 address`, async () => {
        const { customer } = at();
        await ping(customer, other);
        expect(await whoami(customer, other)).toMatch(/^2001:db8:64::c000:201#\d+$/);
        expect(await askUdp(customer, 4000, other)).toMatch(/^4000 bytes .*, the same$/);
      });

      test(`${way} 20 MB either way`, async () => {
        const { customer, folder } = at();
        expect(await download(customer, folder, megabytes20, other)).toMatch(/SHA-256 equal/);
        expect(await upload(customer, folder, megabytes20, other)).toMatch(/SHA-256 equal/);
      });

      test(`${mode === 'simple' ? 'SIIT-EAM-10' : 'SIIT-EAM-11'} the neighbour's ICMP error comes back`, async () => {
        const asked = await at().customer.run(sockets('udp-refused', other, 7));
        expect(asked.stdout).toBe('ECONNREFUSED\n');
      });

      test(`${way} ${mode === 'simple' ? 'by way of' : 'without'} the kernel's IPv4`, async () => {
        const { customer, plat } = at();
        const seen = await capture(plat, 'platypus');
        await ping(customer, other);
        await seen.stop();
        const versions = new Set(seen.packets().map(({ version }) => version));
        expect(versions).toEqual(new Set(mode === 'simple' ? [4, 6] : [6]));
      });
    },
  );
});

const numbered = '2001:db8:64::c000:209';
onNetwork('siit 1:1', { siit: { args: ['--pool6', pool6, '--pool4', '192.0.2.0/28'] } }, (at) => {
  beforeAll(async () => {
    const { customer, plat } = at();
    // The customer is numbered from pool6; the way to it is more specific than pool6.
    await customer.script(`ip address add ${numbered}/128 dev eth0`);
    await plat.script('ip -6 route add 2001:db8:64::c000:200/124 dev customer');
    await startServers(customer, numbered);
  });

  test('SIIT-ADDR-23 either side reaches the other', async () => {
    const { customer, server, folder } = at();
    await ping(customer, there);
    await ping(server, '192.0.2.9');
    expect(await whoami(customer)).toMatch(/^192\.0\.2\.9#\d+$/);
    expect(await whoami(server, '192.0.2.9')).toMatch(/^2001:db8:64::c633:6402#\d+$/);
    expect(await download(server, folder, megabytes20, '192.0.2.9')).toMatch(/SHA-256 equal/);
    expect(await upload(server, folder, megabytes20, '192.0.2.9')).toMatch(/SHA-256 equal/);
  });

  test('SIIT-ADDR-22 an address of pool6 that is not of pool4 is forged', async () => {
    const { customer, translator } = at();
    const before = (await translator.counters())['drop.source_forged'] ?? 0;
    await customer.script('ip address add 2001:db8:64::cb00:7163/128 dev eth0');
    const asked = await customer.run(['ping', '-6', '-n', '-c', '1', '-w', '1', '-I', '2001:db8:64::cb00:7163', there]);
    await customer.script('ip address del 2001:db8:64::cb00:7163/128 dev eth0');
    expect(asked.stdout).toMatch(/ 0 received/);
    expect((await translator.counters())['drop.source_forged']).toBeGreaterThan(before);
  });

  test('SIIT-4to6-22 a more specific native route wins: the packet arrives as it was sent', async () => {
    const { customer, server, plat, translator } = at();
    await ping(server, '192.0.2.9');
    await plat.script('ip route add 192.0.2.9/32 dev customer');
    await customer.script(`ip address add 192.0.2.9/32 dev eth0\nip route add default dev eth0 via ${plat4} onlink`);
    const seen = await capture(customer, 'eth0');
    const before = (await translator.counters())['received.v4.packets'];
    await ping(server, '192.0.2.9');
    await seen.stop();
    const arrived = seen.packets().filter(({ destination }) => destination === '192.0.2.9');
    expect(arrived.length).toBeGreaterThanOrEqual(3);
    for (const packet of arrived) expect(packet).toMatchObject({ version: 4, source: server4, type: 8 });
    expect((await translator.counters())['received.v4.packets']).toBe(before);
    await plat.script('ip route del 192.0.2.9/32 dev customer');
    await ping(server, '192.0.2.9');
    expect((await translator.counters())['received.v4.packets']).toBeGreaterThan(before ?? 0);
  });

  test('SIIT-6to4-22 a more specific native route wins: the packet arrives as it was sent', async () => {
    const { customer, router, plat, translator } = at();
    await ping(customer, there);
    // The router has an IPv6 address that pool6 would translate.
    await router.script(
      `ip address add 2001:db8:9::2/64 dev plat\nip address add ${there}/128 dev lo\nip -6 route add default via 2001:db8:9::1`,
    );
    await plat.script('ip address add 2001:db8:9::1/64 dev internet');
    await plat.script(`ip -6 route add ${there}/128 via 2001:db8:9::2`);
    const seen = await capture(router, 'plat');
    const before = (await translator.counters())['received.v6.packets'];
    await ping(customer, there);
    await seen.stop();
    const arrived = seen.packets().filter(({ destination }) => destination === there);
    expect(arrived.length).toBeGreaterThanOrEqual(3);
    for (const packet of arrived) expect(packet).toMatchObject({ version: 6, type: 128 });
    expect((await translator.counters())['received.v6.packets']).toBe(before);
    await plat.script(`ip -6 route del ${there}/128`);
    await ping(customer, there);
    expect((await translator.counters())['received.v6.packets']).toBeGreaterThan(before ?? 0);
  });
});
