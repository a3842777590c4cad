import { expect, test } from 'vitest';
import { agent } from '../../lab/plat.js';
import { customer6, router4, server4, through } from '../../lab/topology.js';
import { askUdp, ping, traceroute, udpPort, whoami } from '../../lab/traffic.js';
import { type BibEntry, onNetwork, type Session, sockets } from './network.js';

const there = through(server4);

onNetwork('reach', {}, (at) => {
  test('N64-ICMP-01 ping reaches the IPv4 server and comes back', async () => {
    await ping(at().customer, there);
  });

  test('N64-XLAT-01 curl gets a page, and the server sees a pool4 address', async () => {
    expect(await whoami(at().customer)).toMatch(/^192\.0\.2\.([0-9]|1[0-5])#\d+$/);
  });

  test('N64-UDP-01 a datagram is answered, and one BIB entry and one session tell of it', async () => {
    const { customer, translator } = at();
    await customer.run(agent('udp-ask', there, udpPort, 64, 40_001));
    const sessions = await translator.json<Session[]>('session', 'list', '--proto', 'udp');
    const mine = sessions.filter((session) => session.port6 === 40_001);
    expect(mine).toMatchObject([
      { protocol: 'udp', v6: customer6, remote6: there, remote4: server4, remotePort: udpPort },
    ]);
    const bib = await translator.json<BibEntry[]>('bib', 'list', '--proto', 'udp');
    expect(bib.filter((entry) => entry.port6 === 40_001)).toMatchObject([
      { v6: customer6, static: false, sessions: 1 },
    ]);
  });

  test('N64-PORT-05 an odd UDP source port gets an odd port of the same range', async () => {
    const { customer, translator } = at();
    await customer.run(agent('udp-ask', there, udpPort, 64, 40_003));
    const bib = await translator.json<BibEntry[]>('bib', 'list', '--proto', 'udp');
    const port4 = bib.find((entry) => entry.port6 === 40_003)?.port4 ?? 0;
    expect(port4 % 2).toBe(1);
    expect(port4).toBeGreaterThanOrEqual(1024);
  });

  test('N64-GEN-14 one socket that asks two servers keeps its transport address', async () => {
    const { customer, server, router } = at();
    const echoes = [server.start(agent('udp-echo', server4, 9_100)), router.start(agent('udp-echo', router4, 9_100))];
    await Promise.all(echoes.map((echo) => echo.output(/^listening$/m)));
    const asked = await customer.run(sockets('udp-twice', 40_005, there, 9_100, through(router4), 9_100));
    expect(asked).toMatchObject({ ok: true });
    const [first, second] = await Promise.all(echoes.map((echo) => echo.output(/^(192\.0\.2\.\d+#\d+) /m)));
    expect(first?.[1]).toBe(second?.[1]);
  });

  test('N64-PORT-01, -02 TCP, UDP and ping of one host share one pool4 address', async () => {
    const { customer, translator } = at();
    await whoami(customer);
    await askUdp(customer, 64);
    await ping(customer, there);
    const sessions = await translator.json<Session[]>('session', 'list');
    expect(new Set(sessions.map(({ protocol }) => protocol))).toEqual(new Set(['tcp', 'udp', 'icmp']));
    expect(new Set(sessions.map(({ v4 }) => v4)).size).toBe(1);
  });

  test('N64-ERR-08 traceroute with UDP shows every router, those of the IPv4 side inside pool6', async () => {
    const hops = await traceroute(at().customer, there);
    expect(hops).not.toContain('*');
    expect(hops.slice(-2)).toEqual([through(router4), there]);
  });

  test('N64-TUP-03 traceroute with ICMP shows the same end of the path', async () => {
    const hops = await traceroute(at().customer, there, '-I');
    expect(hops.slice(-2)).toEqual([through(router4), there]);
  });

  test('N64-TUP-02 traceroute with TCP shows the same end of the path', async () => {
    const hops = await traceroute(at().customer, there, '-T', '-p', '8080');
    expect(hops.slice(-2)).toEqual([through(router4), there]);
  });
});
