import { expect, test } from 'vitest';
import { accented, ours, peers } from '../../bench/peers/peers.js';
import { ends } from '../../bench/throughput/chain.js';

const names = peers.map(({ name }) => name);

test('each peer has a name of its own, and ours are among them', () => {
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining(['forwarding', 'tayga', 'tundra', 'jool', ...ours]));
  expect(accented).toContain('plat');
});

test('a peer that is not there says why in one sentence; one that is says which version', async () => {
  // Asking for Jool loads its module where there is one: not for a unit test.
  for (const peer of peers.filter(({ name }) => name !== 'jool')) {
    const found = await peer.available();
    const said = 'version' in found ? found.version : found.unavailable;
    expect(said, peer.name).toMatch(/^\S[^\n]*$/);
  }
});

test('the client calls the server by its own address, or by that in pool6 where families differ', () => {
  expect(ends({ client: 6, server: 6 })).toMatchObject({ server: '2001:db8:2::2', listen: '2001:db8:2::2' });
  expect(ends({ client: 4, server: 4 })).toMatchObject({ server: '198.51.100.2', listen: '198.51.100.2' });
  expect(ends({ client: 6, server: 4 })).toMatchObject({
    server: '2001:db8:64::c633:6402',
    listen: '198.51.100.2',
    client: '2001:db8:1::2',
  });
});
