/** A TUN device, a read, other headers, a write: what any translator in userspace pays (native/bench/programs). */
import { addresses, missingProgram, pinned, program, setUpTun } from '../throughput/chain.js';
import { commit } from '../throughput/machine.js';
import type { Peer } from './peer.js';

const bare = (prefix: string) => prefix.replace(/\/.*/, '');

export const tunLoop: Peer = {
  name: 'tun-loop',
  about: 'TUN read and write, headers exchanged unchecked; no translator',
  way: 'host',
  families: { client: 6, server: 4 },
  stateful: false,
  async available() {
    const missing = missingProgram('tun_loop');
    return missing === null ? { version: commit() } : { unavailable: `${missing} is not there: make bench builds it` };
  },
  async start({ translator }, { core }) {
    const { pool6, hosts6, hosts4 } = addresses;
    const loop = program('tun_loop', 'bare', bare(pool6), bare(hosts6), bare(hosts4));
    await translator.start(pinned(loop, core)).output(/^open$/m);
    await translator.script(setUpTun('bare'));
  },
};
