/** What this repository is about, in its two modes. Both set up their device and routes themselves. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { program } from '../../lab/plat.js';
import { addresses, type Chain, pinned } from '../throughput/chain.js';
import { commit } from '../throughput/machine.js';
import type { Peer, StartOptions } from './peer.js';

const common = {
  way: 'host',
  families: { client: 6, server: 4 },
  async available() {
    return existsSync(program) ? { version: commit() } : { unavailable: `${program} is not there: make build` };
  },
} as const;

async function run(chain: Chain, { core }: StartOptions, args: readonly string[]): Promise<void> {
  const socket = join(chain.folder, 'platypus.sock');
  const platypus = (...more: string[]) => [process.execPath, program, ...more, '--socket', socket];
  const service = chain.translator.start(pinned(platypus(...args), core));
  let ended = false;
  void service.exited.then(() => {
    ended = true;
  });
  for (const end = Date.now() + 20_000; ; ) {
    if ((await chain.translator.run(platypus('status'))).ok) return;
    if (ended || Date.now() > end) throw new Error(`platypus ${args[0]} did not start: ${service.stderr.trim()}`);
  }
}

export const plat: Peer = {
  ...common,
  name: 'plat',
  about: 'platypus plat, stateful NAT64',
  stateful: true,
  async start(chain, options) {
    const file = join(chain.folder, 'plat.yaml');
    // For the million flows of the largest scenario, and what new ones its rounds leave behind.
    await writeFile(
      file,
      `plat:
  pool6: ${addresses.pool6}
  pool4: [ ${addresses.hosts4} ]
  limits: { sessions: 4194304, bib: 4194304 }
log: { level: warn }
`,
    );
    await run(chain, options, ['run', '-c', file]);
  },
};

export const siit: Peer = {
  ...common,
  name: 'siit',
  about: 'platypus siit, stateless',
  stateful: false,
  async start(chain, options) {
    const eamt = join(chain.folder, 'siit.eamt');
    await writeFile(eamt, `${addresses.hosts4} ${addresses.hosts6}\n`);
    await run(chain, options, ['siit', '--pool6', addresses.pool6, '--eamt', eamt, '--log-level', 'warn']);
  },
};
