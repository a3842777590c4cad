/** The two programs that ask: dnsperf, and our own (native/bench/programs/dns_load.cpp), which looks at each answer. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../../lab/process.js';
import { cores, pinned, program } from '../throughput/chain.js';
import { type BenchHost, LOOPBACK } from './bench-host.js';
import type { DnsServer, Zone } from './servers.js';

/** Questions open at once: enough that a server is never idle. */
const AT_ONCE = 128;

/** What is asked: `n<first>` to `n<first + count - 1>` below a zone, AAAA. */
export interface Names {
  zone: Zone;
  first: number;
  count: number;
}

/** What came of it. */
export interface Load {
  asked: number;
  /** With the answer that was expected. */
  answered: number;
  /** With another one. dnsperf sees the RCODE alone. */
  wrong: number;
  lost: number;
  seconds: number;
}

export interface Generator {
  readonly name: string;
  /** Asks for the names, from the start again for so many seconds; or once each, when `seconds` is 'once'. */
  run(bench: BenchHost, server: DnsServer, names: Names, seconds: number | 'once'): Promise<Load>;
}

/** What an end of all names takes at most, milliseconds. */
const ONCE_MS = 300_000;

function boundOf(seconds: number | 'once'): number {
  return seconds === 'once' ? ONCE_MS : (seconds + 10) * 1000;
}

export const ownGenerator: Generator = {
  name: 'own',
  async run({ host }, { port }, { zone, first, count }, seconds) {
    const time = seconds === 'once' ? 0 : seconds;
    const argv = program('dns_load', LOOPBACK, port, zone.name, first, count, AT_ONCE, time, zone.prefix);
    const outcome = await host.run(pinned(argv, cores.generator), { timeoutMs: boundOf(seconds) });
    if (!outcome.ok) throw new Error(failure(outcome));
    return JSON.parse(outcome.stdout) as Load;
  },
};

export const dnsperf: Generator = {
  name: 'dnsperf',
  async run({ host, folder }, { port }, names, seconds) {
    const file = join(folder, 'names.txt');
    await writeFile(file, dnsperfNames(names));
    const till = seconds === 'once' ? ['-n', '1'] : ['-l', String(seconds)];
    const argv = ['dnsperf', '-s', LOOPBACK, '-p', String(port), '-d', file, '-q', String(AT_ONCE), '-t', '1', ...till];
    const outcome = await host.run(pinned(argv, cores.generator), { timeoutMs: boundOf(seconds) });
    if (!outcome.ok) throw new Error(failure(outcome));
    return readDnsperf(outcome.stdout);
  },
};

/** A line a name, as dnsperf reads them. */
export function dnsperfNames({ zone, first, count }: Names): string {
  return Array.from({ length: count }, (_, index) => `n${first + index}.${zone.name} AAAA\n`).join('');
}

/** The statistics that dnsperf prints at its end. Throws a sentence when there are none. */
export function readDnsperf(text: string): Load {
  const number = (label: string): number => {
    const value = Number(text.match(new RegExp(`^ *${label}: +([0-9.]+)`, 'm'))?.[1]);
    if (Number.isNaN(value)) throw new Error(`dnsperf told no "${label}": ${text.trim().slice(-200)}`);
    return value;
  };
  const completed = number('Queries completed');
  const codes = text.match(/^ *Response codes: +(.*)$/m)?.[1] ?? '';
  const good = completed === 0 ? 0 : Number(codes.match(/\bNOERROR (\d+)/)?.[1] ?? 0);
  return {
    asked: number('Queries sent'),
    answered: good,
    wrong: completed - good,
    lost: number('Queries lost'),
    seconds: number(String.raw`Run time \(s\)`),
  };
}
