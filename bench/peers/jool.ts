/**
 * Jool's NAT64: as a module of this kernel where it can be loaded (Debian's jool-dkms and jool-tools), else by the
 * scripts of bench/jool, which run it in a kernel of their own and print records in the form of record.ts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../lab/plat.js';
import { bounded, failure, start } from '../../lab/process.js';
import { addresses } from '../throughput/chain.js';
import { type Absence, type Record, readRecords } from '../throughput/record.js';
import { debianVersion, type Peer, which } from './peer.js';

const scripts = { uml: 'bench/jool/uml.sh', qemu: 'bench/jool/qemu.sh' } as const;
const LONGEST_MINUTES = 45;

/** Null when `jool` is loaded or was loaded just now, else why not. */
function notLoaded(): string | null {
  if (existsSync('/sys/module/jool')) return null;
  if (which('modprobe') === null) return 'no modprobe here';
  const tried = spawnSync('modprobe', ['jool'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  return tried.status === 0 ? null : tried.stderr.trim().split('\n')[0] || `modprobe jool: exit ${tried.status}`;
}

export const jool: Peer = {
  name: 'jool',
  about: 'kernel module, stateful NAT64',
  way: 'module',
  families: { client: 6, server: 4 },
  stateful: true,
  async available() {
    const why = notLoaded();
    if (why !== null) return { unavailable: `the module cannot be loaded: ${why}` };
    if (which('jool') === null) return { unavailable: 'the command jool is not installed: Debian calls it jool-tools' };
    return { version: `Jool ${debianVersion('jool-tools') ?? '(not from a package)'}` };
  },
  // A namespace of its own: no other peer's packets meet Jool's hooks.
  async start({ translator }) {
    const pool4 = ['tcp', 'udp', 'icmp'].map(
      (protocol) => `jool -i bench pool4 add --${protocol} ${addresses.hosts4} 1024-65535`,
    );
    await translator.script([`jool instance add bench --netfilter --pool6 ${addresses.pool6}`, ...pool4].join('\n'));
  },
  titles: {
    'nat64-1': 'NAT64 in a kernel of its own: UDP of 64 bytes, 1 flow',
    'nat64-10000': 'NAT64 in a kernel of its own: UDP of 64 bytes, 10,000 flows',
    siit: 'SIIT in a kernel of its own: UDP of 64 bytes, 1 flow',
    'new-sessions': 'NAT64 in a kernel of its own: new UDP sessions',
  },
  async elsewhere({ rounds, signal }) {
    const records: Record[] = [];
    const absences: Absence[] = [];
    for (const way of ['uml', 'qemu'] as const) {
      const missing = (unavailable: string) => absences.push({ peer: 'jool', way, unavailable });
      if (signal.aborted) break;
      if (!existsSync(join(root, scripts[way]))) {
        missing(`${scripts[way]} is not there`);
        continue;
      }
      const script = start([join(root, scripts[way]), '--json'], { input: '', env: { ROUNDS: String(rounds) } });
      signal.addEventListener('abort', () => void script.stop());
      const outcome = await bounded(script, LONGEST_MINUTES * 60_000);
      try {
        if (!outcome.ok) throw new Error(/not available: (.*)/.exec(outcome.stderr)?.[1] ?? failure(outcome));
        const read = readRecords(outcome.stdout);
        records.push(...read.records);
        absences.push(...read.absences);
      } catch (error) {
        missing(error instanceof Error ? error.message : String(error));
      }
    }
    return { records, absences };
  },
};
