import { expect, test } from 'vitest';
import { download, iperf, megabytes20, superPackets, upload } from '../../lab/traffic.js';
import { onNetwork, sockets } from './network.js';

onNetwork('bulk', {}, (at) => {
  test('20 MB come down unharmed', async () => {
    const { customer, folder } = at();
    expect(await download(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
  });

  test('20 MB go up unharmed', async () => {
    const { customer, folder } = at();
    expect(await upload(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
  });

  test.each([
    ['up', false],
    ['down', true],
  ])('iperf3 %s runs with offload: super-packets are translated whole', async (_direction, reverse) => {
    const { customer, server, translator } = at();
    const before = superPackets(await translator.counters());
    const { bitsPerSecond } = await iperf(customer, server, { seconds: 2, reverse });
    expect(bitsPerSecond).toBeGreaterThan(0);
    expect(superPackets(await translator.counters())).toBeGreaterThan(before);
  });

  // The last ones: the hosts stay without offload.
  test.each([
    ['up', upload],
    ['down', download],
  ] as const)('%s: segments that come one by one are joined, and 20 MB are unharmed', async (direction, transfer) => {
    const { customer, server, folder, translator } = at();
    const sender = direction === 'up' ? customer : server;
    const off = await sender.run(sockets('no-offload', 'eth0'));
    expect(off.ok).toBe(true);
    const before = (await translator.counters())['offload.tcp_coalesced'] ?? 0;
    expect(await transfer(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
    expect((await translator.counters())['offload.tcp_coalesced'] ?? 0).toBeGreaterThan(before + 1000);
  });
});
