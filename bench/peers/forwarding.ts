/** The kernel's own forwarding: no translation, what the chain can do at best. Both families, as two peers. */
import { release } from 'node:os';
import { addresses } from '../throughput/chain.js';
import type { Peer } from './peer.js';

const common = {
  way: 'host',
  stateful: false,
  available: async () => ({ version: `Linux ${release()}` }),
} as const;

export const forwarding: Peer = {
  ...common,
  name: 'forwarding',
  about: 'kernel, IPv6 to IPv6, no translation',
  families: { client: 6, server: 6 },
  async start() {},
};

export const forwarding4: Peer = {
  ...common,
  name: 'forwarding4',
  about: 'kernel, IPv4 to IPv4, no translation',
  families: { client: 4, server: 4 },
  async start({ translator }) {
    await translator.script(`ip route add ${addresses.hosts4} via ${addresses.link.client4}`);
  },
};
