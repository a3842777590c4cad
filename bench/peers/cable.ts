/**
 * No middle at all: packets end in the translator's host as they would at the other side, received by the engine and
 * dropped by the kernel. What generator and receiver cost, to be taken off everybody's figure (rounds.ts).
 */
import { release } from 'node:os';
import { addresses } from '../throughput/chain.js';
import type { Peer } from './peer.js';

export const cable: Peer = {
  name: 'cable',
  about: 'no middle: what generator and receiver cost, taken off all other packet figures',
  way: 'host',
  families: { client: 6, server: 6 },
  stateful: false,
  endsInTheMiddle: true,
  stages: ['packets'],
  available: async () => ({ version: `Linux ${release()}` }),
  async start({ translator }) {
    const { hosts6, servers6 } = addresses.silent;
    await translator.script(`ip -6 route add blackhole ${hosts6}\nip -6 route add blackhole ${servers6}`);
  },
};
