/** The command line of bench/throughput. */
import { parseArgs } from 'node:util';

export interface Arguments {
  /** Names of peers, ours first, each once. */
  peers: string[];
  rounds: number;
  seconds: number;
  packetsPerSecond: number;
  /** Names of stages or scenarios; empty for all. */
  only: string[];
  json: string;
  html: string;
}

export const usage = `node build/bench/bench/throughput/main.js [--peers "forwarding tayga jool"] [--ours "plat siit tun-loop cable"]
  [--only "bulk packets tcp-bulk-4"] [--rounds 5] [--seconds 1] [--rate 150000] [--quick]
  [--json bench/report.json] [--html bench/report.html]`;

/** What may be said, for `readArguments`. */
export interface Known {
  peers: readonly string[];
  ours: readonly string[];
  /** Stages and scenarios. */
  only: readonly string[];
}

/** Reads the command line. Throws a sentence. `--quick` changes what is not said: one round of one second, two peers. */
export function readArguments(argv: readonly string[], known: Known): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      peers: { type: 'string' },
      ours: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      rate: { type: 'string' },
      quick: { type: 'boolean' },
      json: { type: 'string' },
      html: { type: 'string' },
    },
  });
  const quick = values.quick === true;
  const ours =
    words(values.ours) ?? (quick ? ['plat', 'cable'].filter((name) => known.peers.includes(name)) : known.ours);
  const beside = words(values.peers) ?? ['forwarding'];
  return {
    peers: named('peer', [...new Set([...ours, ...beside])], known.peers),
    only: named('scenario', words(values.only) ?? [], known.only),
    rounds: whole('--rounds', values.rounds, quick ? 1 : 5, 1, 1000),
    seconds: whole('--seconds', values.seconds, 1, 1, 600),
    packetsPerSecond: whole('--rate', values.rate, 150_000, 1000, 100_000_000),
    json: values.json ?? 'bench/report.json',
    html: values.html ?? 'bench/report.html',
  };
}

function words(text: string | undefined): string[] | undefined {
  return text?.split(/[\s,]+/).filter((word) => word !== '');
}

function named(what: string, names: readonly string[], known: readonly string[]): string[] {
  const stranger = names.find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Error(`"${stranger}" is no ${what}; expected some of ${known.join(', ')}`);
  return [...names];
}

/** A number of the command line, or what it is when nothing is said. Throws a sentence. */
export function whole(option: string, text: string | undefined, fallback: number, least: number, most: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Error(`${option} "${text}": expected a whole number from ${least} to ${most}`);
  }
  return value;
}
