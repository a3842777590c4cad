/**
 * Who runs when. In each round of a scenario each subject runs once, and the next round begins with the next subject, so
 * that neither a slow moment of the machine nor a place in the order favours anybody. Chains and peers stay up for a
 * stage; an idle one costs nothing.
 */
import { setMaxListeners } from 'node:events';
import type { Peer } from '../peers/peer.js';
import { type Chain, cores, openChain } from './chain.js';
import type { Absence, Record } from './record.js';
import type { RunOptions, Sample, Scenario, Stage, Subject } from './scenario.js';

/** The subjects in the order of a round, which is counted from 0. */
export function turn<T>(subjects: readonly T[], round: number): T[] {
  const first = subjects.length === 0 ? 0 : round % subjects.length;
  return [...subjects.slice(first), ...subjects.slice(0, first)];
}

type Of = Pick<Record, 'scenario' | 'direction' | 'peer' | 'way'>;

/** Samples of many runs as records, a run at a time. */
export class Collection {
  readonly #records = new Map<string, { record: Record; rounds: number[] }>();

  #at(of: Of, metric: string) {
    return [of.scenario, of.direction, of.peer, of.way, metric].join('\n');
  }

  add(of: Of, samples: readonly Sample[], round: number): void {
    for (const { metric, unit, better, value, note } of samples) {
      const key = this.#at(of, metric);
      const entry = this.#records.get(key) ?? { record: { ...of, metric, unit, better, runs: [] }, rounds: [] };
      entry.record.runs.push(value);
      entry.rounds.push(round);
      if (note !== undefined) entry.record.note = note;
      this.#records.set(key, entry);
    }
  }

  /** Adds `net` for everybody but `floor`: `gross` less that of `floor` in the same round, where there is one. */
  addNet(gross: string, net: string, floor: string): void {
    for (const { record, rounds } of [...this.#records.values()]) {
      const under = this.#records.get(this.#at({ ...record, peer: floor }, gross));
      if (record.metric !== gross || record.peer === floor || under === undefined) continue;
      const { unit, better, note, scenario, direction, peer, way } = record;
      rounds.forEach((round, index) => {
        const [mine, its] = [record.runs[index], under.record.runs[under.rounds.indexOf(round)]];
        if (mine === undefined || its === undefined) return;
        this.add(
          { scenario, direction, peer, way },
          [{ metric: net, unit, better, value: mine - its, ...(note === undefined ? {} : { note }) }],
          round,
        );
      });
    }
  }

  records(): Record[] {
    return [...this.#records.values()].map(({ record }) => record);
  }
}

export interface Rounds {
  stages: readonly Stage[];
  peers: readonly Peer[];
  rounds: number;
  options: RunOptions;
  signal: AbortSignal;
  /** Told before each run. */
  progress(text: string): void;
}

/** Runs everything. What fails is an absence with its reason, and the rest goes on; an abort ends it early. */
export async function runRounds(all: Rounds): Promise<{ records: Record[]; absences: Absence[]; failed: boolean }> {
  const collection = new Collection();
  const absences: Absence[] = [];
  let failed = false;
  setMaxListeners(0, all.signal);
  for (const stage of all.stages) {
    if (all.signal.aborted) break;
    const subjects: Subject[] = [];
    const close = () => Promise.all(subjects.map(({ chain }) => chain.close()));
    // Runs under way fail as soon as their hosts are gone.
    all.signal.addEventListener('abort', close);
    const fail = (peer: Peer, doing: string, error: unknown) => {
      if (all.signal.aborted) return;
      failed = true;
      const why = error instanceof Error ? error.message : String(error);
      absences.push({ peer: peer.name, way: peer.way, unavailable: `${doing}: ${why}` });
    };
    try {
      for (const peer of all.peers.filter(({ stages }) => stages?.includes(stage.name) ?? true)) {
        if (all.signal.aborted) break;
        all.progress(`${stage.name}: ${peer.name} starts`);
        let chain: Chain | undefined;
        try {
          chain = await openChain({ singly: stage.pinned });
          subjects.push({ peer, chain });
          if (all.signal.aborted) await chain.close();
          await peer.start(chain, stage.pinned ? { core: cores.translator } : {});
          await stage.prepare?.({ peer, chain });
        } catch (error) {
          if (subjects.at(-1)?.peer === peer) subjects.pop();
          await chain?.close();
          fail(peer, `${stage.name}: it did not start`, error);
        }
      }
      for (const scenario of stage.scenarios) await runScenario(scenario, subjects);
    } finally {
      all.signal.removeEventListener('abort', close);
      await close();
    }

    async function runScenario(scenario: Scenario, among: readonly Subject[]): Promise<void> {
      const able: Subject[] = [];
      for (const subject of among) {
        if (all.signal.aborted) return;
        const why = scenario.directions.map((direction) => scenario.without?.(subject.peer, direction) ?? null);
        const none = why.find((one) => one !== null);
        if (none !== undefined && none !== null) {
          absences.push({
            peer: subject.peer.name,
            way: subject.peer.way,
            unavailable: `${scenario.name}: ${none}`,
          });
        }
        if (why.every((one) => one !== null)) continue;
        try {
          all.progress(`${scenario.name}: ${subject.peer.name} prepares`);
          await scenario.prepare?.(subject, all.options);
          able.push(subject);
        } catch (error) {
          fail(subject.peer, scenario.name, error);
        }
      }
      for (let round = 0; round < all.rounds; ++round) {
        for (const subject of turn(able, round)) {
          for (const direction of scenario.directions) {
            if (all.signal.aborted) return;
            const { peer } = subject;
            if ((scenario.without?.(peer, direction) ?? null) !== null) continue;
            all.progress(`${scenario.name} ${direction}, round ${round + 1} of ${all.rounds}: ${peer.name}`);
            try {
              const samples = await scenario.run(subject, direction, all.options);
              collection.add({ scenario: scenario.name, direction, peer: peer.name, way: peer.way }, samples, round);
            } catch (error) {
              fail(peer, `${scenario.name} ${direction}, round ${round + 1}`, error);
            }
          }
        }
      }
    }
  }
  collection.addNet('cpu-all', 'cpu', 'cable');
  return { records: collection.records(), absences, failed: failed || all.signal.aborted };
}
