/** ICMP echo to an IPv4 address, by ping(8), which needs no privilege of ours. */
import type { RunProgram } from '../survey/program.js';
import type { IcmpFacts } from './facts.js';

const TRIES = 2;
const PROGRAM_MS = 1500;
const MAX_ERROR = 200;

/** Asks twice at most, a second each. Never rejects, unless `run` does. */
export async function probeIcmp(
  address: string,
  from: { source: string | null; device: string | null },
  run: RunProgram,
): Promise<IcmpFacts> {
  const by = from.source ?? from.device;
  const argv = ['ping', '-4', '-n', '-c', '1', '-W', '1', ...(by === null ? [] : ['-I', by]), address];
  let error: string | null = null;
  for (let tries = 0; tries < TRIES; tries++) {
    const { stdout, failure, missing } = await run(argv, { timeoutMs: PROGRAM_MS });
    if (missing) return { answered: null, milliseconds: null, error: failure };
    const time = /time[=<]([0-9.]+) ?ms/.exec(stdout)?.[1];
    if (time !== undefined) return { answered: true, milliseconds: Number(time), error: null };
    error = routerError(stdout);
  }
  return { answered: false, milliseconds: null, error };
}

/** `From 192.0.2.1 icmp_seq=1 Destination Host Unreachable`, where a router says so. */
export function routerError(text: string): string | null {
  return (
    text
      .split('\n')
      .find((line) => line.startsWith('From '))
      ?.slice(0, MAX_ERROR) ?? null
  );
}
