import { expect, test } from 'vitest';
import { server4, through } from '../../lab/topology.js';
import { askUdp, ping } from '../../lab/traffic.js';
import { onNetwork, sockets } from './network.js';

const there = through(server4);

onNetwork('fragments', {}, (at) => {
  test('N64-FRAG-01 a datagram of 4000 bytes goes and comes back in fragments', async () => {
    expect(await askUdp(at().customer, 4000)).toMatch(/^4000 bytes .*, the same$/);
  });

  test('N64-FRAG-01 a datagram of 60000 bytes goes and comes back in fragments', async () => {
    expect(await askUdp(at().customer, 60_000)).toMatch(/^60000 bytes .*, the same$/);
  });

  test('N64-FRAG-10 ping -s 4000 is answered', async () => {
    await ping(at().customer, there, 4000);
  });

  test.each([
    ['in one packet', 9_300, 200],
    ['in fragments', 9_301, 4000],
  ])('N64-FRAG-06 an IPv4 datagram without checksum arrives %s with a valid one', async (_how, port, bytes) => {
    const { customer, server } = at();
    const reply = server.start(sockets('udp-reply', server4, port, bytes, 'no-checksum'));
    await reply.output(/^listening$/m);
    // The receiving kernel drops an IPv6 datagram whose checksum is zero or wrong (RFC 8200 §8.1).
    const asked = await customer.run(sockets('udp-patient', there, port));
    expect(asked.stdout).toBe(`${bytes}\n`);
  });
});
