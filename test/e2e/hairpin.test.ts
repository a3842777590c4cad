import { beforeAll, expect, test } from 'vitest';
import { agent } from '../../lab/plat.js';
import { customer6, neighbour6, through } from '../../lab/topology.js';
import { askUdp, httpPort, ping, serve, url } from '../../lab/traffic.js';
import { onNetwork, type Session, sockets } from './network.js';

/** The neighbour as the Internet sees it. */
const outside = '192.0.2.5';

onNetwork('hairpin', { neighbour: true }, (at) => {
  beforeAll(async () => {
    const { translator, neighbour } = at();
    for (const [protocol, port] of [
      ['udp', 9000],
      ['udp', 9001],
      ['tcp', httpPort],
    ] as const) {
      const added = await translator.platypus('bib', 'add', protocol, `${neighbour6}#${port}`, `${outside}#${port}`);
      expect(added).toMatchObject({ ok: true });
    }
    await serve(neighbour, 'http-server', '::', httpPort);
  });

  test('N64-HAIR-01, -02, N64-UDP-11 UDP reaches the neighbour from the external address inside pool6', async () => {
    const { customer, neighbour } = at();
    const echo = neighbour.start(agent('udp-echo', '::', 9000));
    await echo.output(/^listening$/m);
    expect(await askUdp(customer, 300, through(outside), 9000)).toMatch(/^300 bytes .*, the same$/);
    await echo.output(/^2001:db8:64::c000:20[0-9a-f]#\d+ 300$/m);
    await echo.stop();
  });

  test('N64-HAIR-03 both legs have their session', async () => {
    const sessions = await at().translator.json<Session[]>('session', 'list', '--proto', 'udp');
    const out = sessions.find((session) => session.v6 === customer6 && session.remote4 === outside);
    expect(out).toBeDefined();
    expect(sessions).toContainEqual(
      expect.objectContaining({ v6: neighbour6, v4: outside, remote4: out?.v4, remotePort: out?.port4 }),
    );
  });

  test('N64-HAIR-04 TCP: a page from the neighbour', async () => {
    const got = await at().customer.run(['curl', '-sS', '--fail', '--max-time', '10', url('whoami', through(outside))]);
    expect(got.stdout).toMatch(/^2001:db8:64::c000:20[0-9a-f]#\d+\n$/);
  });

  test('N64-HAIR-04 TCP in fragments and bulk: 2 MB from the neighbour', async () => {
    const got = await at().customer.run([
      ...['curl', '-sS', '--fail', '--max-time', '30', '-o', '/dev/null', '-w', '%{size_download}'],
      url('bytes/2000000', through(outside)),
    ]);
    expect(got.stdout).toBe('2000000');
  });

  test('N64-HAIR-04 UDP in fragments: 4000 bytes there and back', async () => {
    const { customer, neighbour } = at();
    const echo = neighbour.start(agent('udp-echo', '::', 9000));
    await echo.output(/^listening$/m);
    expect(await askUdp(customer, 4000, through(outside), 9000)).toMatch(/^4000 bytes .*, the same$/);
  });

  test('N64-ERR-15, N64-HAIR-04 a closed port of the neighbour is told to the customer', async () => {
    const asked = await at().customer.run(sockets('udp-refused', through(outside), 9001));
    expect(asked.stdout).toBe('ECONNREFUSED\n');
  });

  test('N64-HAIR-04 ping between the two, with fixed identifiers', async () => {
    const { customer, translator } = at();
    for (const [v6, v4] of [
      [customer6, '192.0.2.6'],
      [neighbour6, outside],
    ] as const) {
      const added = await translator.platypus('bib', 'add', 'icmp', `${v6}#5`, `${v4}#5`);
      expect(added).toMatchObject({ ok: true });
    }
    const pinged = await customer.run([
      'ping',
      '-6',
      '-n',
      '-c',
      '2',
      '-i',
      '0.2',
      '-w',
      '5',
      '-e',
      '5',
      through(outside),
    ]);
    expect(pinged.stdout).toMatch(/2 received/);
  });

  test('the neighbour still reaches the rest', async () => {
    const { neighbour } = at();
    await ping(neighbour, through('203.0.113.2'));
  });
});
