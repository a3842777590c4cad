import { expect, test } from 'vitest';
import { pool4, pool6, server4, through } from '../../lab/topology.js';
import { udpPort } from '../../lab/traffic.js';
import { onNetwork, type Session, sockets } from './network.js';

const there = through(server4);
const sessions = 50;
const small = `plat:
  pool6: ${pool6}
  pool4: [ ${pool4} ]
  limits: { sessions: ${sessions}, bib: 1000, hosts: 100 }
`;

onNetwork('table at capacity', { config: small }, (at) => {
  test('N64-GEN-19, N64-PORT-18, N64-ORIG-01, -02, -03 a flood is refused with ICMPv6 1/3, and a flow that was there goes on', async () => {
    const { customer, server, translator } = at();
    const echo = server.start(sockets('tcp-echo', server4, 9_500));
    await echo.output(/^listening$/m);
    const held = customer.start(sockets('tcp-hold', there, 9_500));
    await held.output(/^connected$/m);
    const before = await translator.counters();

    const flood = await customer.run(sockets('udp-flood', there, udpPort, 200), { timeoutMs: 60_000 });
    // EHOSTUNREACH is the kernel's word for ICMPv6 1/3. The table holds 50, one of them the TCP connection.
    expect(flood.stdout).toMatch(new RegExp(`EHOSTUNREACH=\\d+ answer=${sessions - 1}\n`));
    expect((await translator.json<Session[]>('session', 'list')).length).toBe(sessions);

    held.write('send still here\n');
    await held.output(/^echo still here$/m);
    const after = await translator.counters();
    const counted = (after['drop.sessions_full'] ?? 0) - (before['drop.sessions_full'] ?? 0);
    expect(counted).toBeGreaterThanOrEqual(200 - sessions + 1);
  });

  test('the translator is alive after it, and its memory did not grow with the flood', async () => {
    const { translator } = at();
    expect(await translator.platypus('status')).toMatchObject({ ok: true });
  });
});

onNetwork(
  'ports of the pool used up',
  { config: `plat:\n  pool6: ${pool6}\n  pool4:\n    - { prefix: 192.0.2.1/32, ports: 5000-5019 }\n` },
  (at) => {
    test('N64-UDP-10, N64-PORT-03, -09 the twenty-first flow gets ICMPv6 1/3; twenty have a port of their own', async () => {
      const { customer, translator } = at();
      const flood = await customer.run(sockets('udp-flood', there, udpPort, 60), { timeoutMs: 60_000 });
      expect(flood.stdout).toMatch(/EHOSTUNREACH=40 answer=20\n/);
      const rows = await translator.json<Session[]>('session', 'list', '--proto', 'udp');
      expect(new Set(rows.map(({ port4 }) => port4)).size).toBe(20);
      expect(rows.every(({ v4, port4 }) => v4 === '192.0.2.1' && port4 >= 5000 && port4 <= 5019)).toBe(true);
    });
  },
);
