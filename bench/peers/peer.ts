/**
 * What stands in the middle of the chain. A new peer is one file beside this one that exports a `Peer`, and its line in
 * `peers.ts`.
 */
import { spawnSync } from 'node:child_process';
import type { Chain, Families } from '../throughput/chain.js';
import type { Results, Way } from '../throughput/record.js';

export interface Peer {
  /** As PEERS names it. */
  readonly name: string;
  /** What it is, in a few words, for the report. */
  readonly about: string;
  /** Where its code runs when `start` started it. */
  readonly way: Way;
  /** What it stands between. */
  readonly families: Families;
  /** True when the server's side can send only into flows that the client's side has begun. */
  readonly stateful: boolean;
  /** Why it has no part in what sends from many hosts; absent when it has. */
  readonly oneHost?: string;
  /** Stages that it has a part in; all unless told. */
  readonly stages?: readonly string[];
  /** True when packets of either side are to be received in the middle: there is no way through. */
  readonly endsInTheMiddle?: boolean;
  /** What scenarios of `elsewhere` are, by name. */
  readonly titles?: { readonly [scenario: string]: string };
  /** Its version, or why it is not to be had here, in one sentence. */
  available(): Promise<{ version: string } | { unavailable: string }>;
  /** Starts it on the translator's host, and resolves when packets pass. Everything it starts ends with the host. */
  start(chain: Chain, options: StartOptions): Promise<void>;
  /** Measures in a way of its own, beside or instead of `start`. */
  elsewhere?(options: ElsewhereOptions): Promise<Pick<Results, 'records' | 'absences'>>;
}

export interface StartOptions {
  /** Core to pin it to; undefined leaves it to the kernel. */
  core?: number;
}

export interface ElsewhereOptions {
  rounds: number;
  signal: AbortSignal;
}

/** Where a program is, or null. */
export function which(program: string): string | null {
  const found = spawnSync('sh', ['-c', `command -v ${program}`], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  return found.status === 0 ? found.stdout.trim() : null;
}

/** The version of a Debian package, or null. */
export function debianVersion(name: string): string | null {
  // It prints `name<tab>version`.
  const found = spawnSync('dpkg-query', ['--show', name], { encoding: 'utf8' });
  return found.status === 0 ? (found.stdout.trim().split('\t')[1] ?? null) : null;
}
