import { expect, test } from 'vitest';
import { agent } from '../../lab/plat.js';
import { customer6, pool4, pool6, router4, server4, through } from '../../lab/topology.js';
import { httpPort, serve, udpPort } from '../../lab/traffic.js';
import { onNetwork, type Running, type Session, sockets } from './network.js';

/** Lets UDP in to a port of the customer, where an echo listens. */
async function open({ customer, translator }: Running, port: number) {
  const added = await translator.platypus('bib', 'add', 'udp', `${customer6}#${port}`, `192.0.2.1#${port}`);
  expect(added).toMatchObject({ ok: true });
  return serve(customer, 'udp-echo', '::', port);
}

onNetwork('endpoint-independent filtering, the default', {}, (at) => {
  test('N64-FILT-01, -02, N64-UDP-04 anyone may send to a mapping, and gets a session', async () => {
    const { router, translator } = at();
    await open(at(), 9_600);
    const asked = await router.run(agent('udp-ask', '192.0.2.1', 9_600, 100));
    expect(asked.stdout).toMatch(/^100 bytes from 192\.0\.2\.1#9600, the same$/m);
    const sessions = await translator.json<Session[]>('session', 'list', '--proto', 'udp');
    expect(sessions).toContainEqual(
      expect.objectContaining({ v6: customer6, port6: 9_600, remote4: router4, remote6: through(router4) }),
    );
  });
});

const strict = `plat:
  pool6: ${pool6}
  pool4: [ ${pool4} ]
  filtering: address-dependent
  dropInboundTcp: true
`;

onNetwork('address-dependent filtering', { config: strict }, (at) => {
  test('N64-FILT-01, N64-UDP-03 only a host that was written to may answer, from any port', async () => {
    const { customer, router, server } = at();
    const echo = await open(at(), 9_601);
    const stranger = await server.run(sockets('udp-refused', '192.0.2.1', 9_601));
    expect(stranger.stdout).not.toBe('answer\n');

    await echo.stop();
    const asked = await customer.run(agent('udp-ask', through(server4), udpPort, 10, 9_601));
    expect(asked).toMatchObject({ ok: true });
    await serve(customer, 'udp-echo', '::', 9_601);
    const known = await server.run(agent('udp-ask', '192.0.2.1', 9_601, 100));
    expect(known.stdout).toMatch(/^100 bytes from 192\.0\.2\.1#9601, the same$/m);

    const other = await router.run(sockets('udp-refused', '192.0.2.1', 9_601));
    expect(other.stdout).not.toBe('answer\n');
  });

  test('N64-TCP-03 with dropInboundTcp no connection comes in, entry or not', async () => {
    const { customer, server, translator } = at();
    await serve(customer, 'http-server', '::', httpPort);
    await translator.platypus('bib', 'add', 'tcp', `${customer6}#${httpPort}`, `192.0.2.1#${httpPort}`);
    const got = await server.run(['curl', '-sS', '--max-time', '2', `http://192.0.2.1:${httpPort}/whoami`]);
    expect(got.ok).toBe(false);
    const sessions = await translator.json<Session[]>('session', 'list', '--proto', 'tcp');
    expect(sessions).toEqual([]);
  });
});
