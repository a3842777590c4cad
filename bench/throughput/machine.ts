/** What the figures were measured on. */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, version } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../lab/plat.js';
import { startStopwatch } from './cpu.js';
import type { Machine } from './record.js';

/** The commit that is measured, with `+` when the tree differs from it. */
export function commit(): string {
  const git = (...args: string[]) => spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' });
  const head = git('rev-parse', '--short=12', 'HEAD');
  if (head.status !== 0) return 'unknown';
  return head.stdout.trim() + (git('status', '--porcelain', '--untracked-files=no').stdout === '' ? '' : '+');
}

/** Cores that are busy while nothing is measured. Takes `seconds`, less when the signal says that nobody waits. */
export async function busyCores(seconds: number, signal: AbortSignal): Promise<number> {
  const watch = await startStopwatch();
  await sleep(seconds * 1000, undefined, { signal }).catch(() => {});
  const { busySeconds, wallSeconds } = await watch.stop();
  return busySeconds / wallSeconds;
}

/** The machine before the first run. */
export function describeMachine(): Omit<Machine, 'idleBusyCores' | 'idleBusyCoresAfter'> {
  return {
    kernel: `${release()} ${version()}`,
    cores: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    memoryBytes: totalmem(),
    loadavg: loadavg(),
  };
}
