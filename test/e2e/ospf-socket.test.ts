/** The addon's OSPF sockets at both ends of a cable. */
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cable, type Host, missing, openHost } from '../../lab/host.js';
import { root } from '../../lab/plat.js';
import { capture, eventually } from './network.js';

const lacking = missing();
const agent = join(root, 'test', 'e2e', 'agents', 'ospf.mjs');

describe.skipIf(lacking !== null)('OSPF sockets', () => {
  let left: Host;
  let right: Host;
  beforeAll(async () => {
    left = await openHost('left');
    right = await openHost('right');
    await cable(
      { host: left, name: 'l0', addresses: ['192.0.2.1/24', 'fe80::1/64'] },
      { host: right, name: 'r0', addresses: ['192.0.2.2/24', 'fe80::2/64'] },
    );
  });
  afterAll(async () => {
    await left?.close();
    await right?.close();
  });

  test.each([
    { family: 4, group: '224.0.0.5', unicast: '192.0.2.2', from: /^192\.0\.2\.1$/ },
    { family: 6, group: 'ff02::5', unicast: 'fe80::2', from: /^fe80::/ },
  ])('OSPF-PKT-01 what one end sends to $group and to $unicast, the other gets', async (at) => {
    const wire = await capture(right, 'r0');
    const start = (host: Host, device: string) => host.start(['node', agent, String(at.family), device, at.group]);
    const [near, far] = [start(left, 'l0'), start(right, 'r0')];
    await Promise.all([near.output(/^ready$/m), far.output(/^ready$/m)]);
    near.write(`${at.group} 0201002c\n${at.unicast} 02020030\n`);
    await far.output(/^0201002c\n02020030$/m);
    const sent = await eventually(
      () => setImmediate().then(() => wire.packets().filter(({ protocol }) => protocol === 89)),
      (packets) => packets.length === 2,
    );
    await wire.stop();
    expect(
      sent.map(({ source, destination, hopLimit, trafficClass }) => ({ source, destination, hopLimit, trafficClass })),
    ).toEqual([
      { source: expect.stringMatching(at.from), destination: at.group, hopLimit: 1, trafficClass: 0xc0 },
      { source: expect.stringMatching(at.from), destination: at.unicast, hopLimit: 1, trafficClass: 0xc0 },
    ]);
    expect(near.stdout).toBe('ready\n');
    await Promise.all([near.stop(), far.stop()]);
  });
});
