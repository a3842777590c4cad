/** What is measured: a scenario says how one run goes, `rounds.ts` who runs when. */
import type { Peer } from '../peers/peer.js';
import type { Chain } from './chain.js';
import type { Record } from './record.js';

/** A peer in its chain, ready. */
export interface Subject {
  peer: Peer;
  chain: Chain;
}

/** One figure of one run. */
export interface Sample extends Pick<Record, 'metric' | 'unit' | 'better' | 'note'> {
  value: number;
}

export interface RunOptions {
  seconds: number;
  packetsPerSecond: number;
  /** Cores that are busy with nothing of ours. */
  idleBusyCores: number;
}

export interface Scenario {
  readonly name: string;
  /** One line for the report. */
  readonly title: string;
  readonly directions: readonly string[];
  /** Why a peer has no part in it, in a few words, or null. */
  without?(peer: Peer, direction: string): string | null;
  /** Before the first round, once for each subject. */
  prepare?(subject: Subject, options: RunOptions): Promise<void>;
  /** One run. Rejects when there is no figure to tell. */
  run(subject: Subject, direction: string, options: RunOptions): Promise<Sample[]>;
}

/** Scenarios that share their chains; ONLY names one. */
export interface Stage {
  readonly name: string;
  /** Generator and translator each on a core of its own. */
  readonly pinned: boolean;
  readonly scenarios: readonly Scenario[];
  /** On each subject once its peer runs. */
  prepare?(subject: Subject): Promise<void>;
}
