/** The command line of bench/dns64. */
import { parseArgs } from 'node:util';
import { whole } from '../throughput/arguments.js';

export interface Arguments {
  rounds: number;
  /** Length of a run with cached names. */
  seconds: number;
  /** Names that are asked for; of those that nobody has asked for yet, three times as many in each run. */
  names: number;
  json: string;
}

export const usage = `node build/bench/bench/dns64/main.js [--rounds 5] [--seconds 3] [--names 10000]
  [--json bench/dns64-report.json]`;

/** Reads the command line. Throws a sentence. */
export function readArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      names: { type: 'string' },
      json: { type: 'string' },
    },
  });
  return {
    rounds: whole('--rounds', values.rounds, 5, 1, 1000),
    seconds: whole('--seconds', values.seconds, 3, 1, 600),
    names: whole('--names', values.names, 10_000, 100, 1_000_000),
    json: values.json ?? 'bench/dns64-report.json',
  };
}
