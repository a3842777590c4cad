import { expect, test } from 'vitest';
import type { Service } from '../../lab/process.js';
import { customer6, server4, through } from '../../lab/topology.js';
import { askUdp, httpPort, ping, serve } from '../../lab/traffic.js';
import { type BibEntry, eventually, onNetwork, type Running, type Session, sockets } from './network.js';

const there = through(server4);

/** A connection to a TCP echo on a port of its own, held open. */
async function connect({ customer, server }: Running, port: number): Promise<Service> {
  const echo = server.start(sockets('tcp-echo', server4, port));
  await echo.output(/^listening$/m);
  const held = customer.start(sockets('tcp-hold', there, port));
  await held.output(/^connected$/m);
  return held;
}

/** Waits until the session to this server port is in this state. */
function inState({ translator }: Running, port: number, state: string): Promise<Session[]> {
  return eventually(
    () => translator.json<Session[]>('session', 'list', '--proto', 'tcp'),
    (rows) => rows.some((row) => row.remotePort === port && row.state === state),
  );
}

onNetwork('sessions', {}, (at) => {
  test('N64-TCP-02, -12 the list shows an open connection as ESTABLISHED, with both its ends', async () => {
    await connect(at(), 9_401);
    const rows = await inState(at(), 9_401, 'ESTABLISHED');
    const row = rows.find(({ remotePort }) => remotePort === 9_401);
    expect(row).toMatchObject({
      protocol: 'tcp',
      v6: customer6,
      remote6: there,
      remote4: server4,
      state: 'ESTABLISHED',
    });
    expect(row?.v4).toMatch(/^192\.0\.2\./);
    expect(row?.expiresInSeconds).toBeGreaterThan(7_000);
  });

  test('N64-TCP-15 half closed by the IPv6 host is V6_FIN_RCV', async () => {
    // The echo ends its side as soon as it sees the end of input: hold its answer back at the router.
    const { router } = at();
    const held = await connect(at(), 9_402);
    await inState(at(), 9_402, 'ESTABLISHED');
    await router.script('ip route replace blackhole 192.0.2.0/28');
    held.write('shut\n');
    await inState(at(), 9_402, 'V6_FIN_RCV');
    await router.script('ip route replace 192.0.2.0/28 via 203.0.113.1');
    await inState(at(), 9_402, 'V4_FIN_V6_FIN_RCV');
  });

  test('N64-TCP-16 a reset makes it TRANS, never CLOSED at once', async () => {
    const held = await connect(at(), 9_403);
    held.write('reset\n');
    const rows = await inState(at(), 9_403, 'TRANS');
    expect(rows.find(({ remotePort }) => remotePort === 9_403)?.expiresInSeconds).toBeLessThanOrEqual(240);
  });

  test('the list can be narrowed by protocol and by either side', async () => {
    const { customer, translator } = at();
    await askUdp(customer, 64);
    await ping(customer, there);
    const list = (...filter: string[]) => translator.json<Session[]>('session', 'list', ...filter);
    for (const protocol of ['tcp', 'udp', 'icmp']) {
      const rows = await list('--proto', protocol);
      expect(rows.length).toBeGreaterThan(0);
      expect(new Set(rows.map((row) => row.protocol))).toEqual(new Set([protocol]));
    }
    expect((await list('--v6', customer6)).length).toBe((await list()).length);
    expect(await list('--v6', '2001:db8:9::/64')).toEqual([]);
    expect((await list('--v4', '192.0.2.0/28')).length).toBe((await list()).length);
    expect(await list('--v4', '192.0.2.200')).toEqual([]);
  });

  test('a filter that is none is refused in a sentence', async () => {
    const listed = await at().translator.platypus('session', 'list', '--v6', 'nonsense');
    expect(listed.ok).toBe(false);
    expect(listed.stderr).toMatch(/nonsense/);
  });

  test('the list is a table for people', async () => {
    const { stdout } = await at().translator.platypus('session', 'list');
    expect(stdout).toContain('ESTABLISHED');
    expect(stdout).toContain(`${server4}#9401`);
  });

  test('N64-GEN-07, N64-TCP-06 a static BIB entry lets a connection in from the IPv4 side', async () => {
    const { customer, server, translator } = at();
    await serve(customer, 'http-server', '::', httpPort);
    const curl = ['curl', '-sS', '--fail', '--max-time', '5', 'http://192.0.2.9:80/whoami'];
    const added = await translator.platypus('bib', 'add', 'tcp', `${customer6}#${httpPort}`, '192.0.2.9#80');
    expect(added).toMatchObject({ ok: true });
    const got = await server.run(curl);
    expect(got.stdout).toMatch(new RegExp(`^${there}#\\d+\n$`));

    const bib = await translator.json<BibEntry[]>('bib', 'list', '--proto', 'tcp');
    expect(bib).toContainEqual(
      expect.objectContaining({ v6: customer6, port6: httpPort, v4: '192.0.2.9', port4: 80, static: true }),
    );
  });

  test('a static BIB entry that is taken is refused in a sentence, and the first one stays', async () => {
    const { translator } = at();
    const again = await translator.platypus('bib', 'add', 'tcp', `${customer6}#9999`, '192.0.2.9#80');
    expect(again.ok).toBe(false);
    expect(again.stderr).toMatch(/192\.0\.2\.9#80/);
    const outside = await translator.platypus('bib', 'add', 'tcp', `${customer6}#9999`, '203.0.113.77#80');
    expect(outside.ok).toBe(false);
    expect(outside.stderr).toMatch(/203\.0\.113\.77/);
    const bib = await translator.json<BibEntry[]>('bib', 'list', '--proto', 'tcp');
    expect(bib.filter((entry) => entry.static)).toMatchObject([{ port6: httpPort, port4: 80 }]);
  });

  test('after `bib remove` the connection is no longer let in, and its sessions are gone', async () => {
    const { server, translator } = at();
    const removed = await translator.platypus('bib', 'remove', 'tcp', '192.0.2.9#80');
    expect(removed).toMatchObject({ ok: true });
    const got = await server.run(['curl', '-sS', '--max-time', '2', 'http://192.0.2.9:80/whoami']);
    expect(got.ok).toBe(false);
    const sessions = await translator.json<Session[]>('session', 'list', '--proto', 'tcp');
    expect(sessions.filter(({ v6, port4 }) => v6 !== null && port4 === 80)).toEqual([]);
  });

  test('N64-UDP-02 nothing comes in to a pool4 address without an entry', async () => {
    const { server, translator } = at();
    const before = await translator.json<Session[]>('session', 'list', '--proto', 'udp');
    await server.run(sockets('udp-flood', '192.0.2.9', 5_000, 10));
    const after = await translator.json<Session[]>('session', 'list', '--proto', 'udp');
    expect(after.length).toBe(before.length);
  });
});
