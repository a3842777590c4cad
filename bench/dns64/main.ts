/**
 * `make bench-dns64`: `platypus dns64` beside Unbound and BIND, in turns, one core each, in one network namespace.
 * Prints tables and writes records (JSON). No result is good or bad here: the exit code is 0 when everything that
 * could be measured was, and 0 with "skipped" where a namespace cannot be made or a program is not there.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { missing } from '../../lab/host.js';
import { runBenchmark } from '../ending.js';
import { cores, missingProgram } from '../throughput/chain.js';
import { busyCores, commit, describeMachine } from '../throughput/machine.js';
import type { Absence, Results } from '../throughput/record.js';
import { Collection, turn } from '../throughput/rounds.js';
import { toSections } from '../throughput/sections.js';
import { machineText, roundsText, toText } from '../throughput/text.js';
import { type Arguments, readArguments, usage } from './arguments.js';
import { type BenchHost, openBenchHost } from './bench-host.js';
import { dnsperf } from './generators.js';
import { scenarios } from './scenarios.js';
import { dnsperfVersion, type RunningServer, servers, startServer, upstream } from './servers.js';

type Dns64Results = Omit<Results, 'options'> & { options: Omit<Arguments, 'json'> };

/** Where the code ran, for `Record`. */
const way = 'host';

/** Measures in an open namespace; what fails is an absence with its reason, and the rest goes on. */
async function measure(
  bench: BenchHost,
  { rounds, seconds, names }: Arguments,
  withDnsperf: boolean,
  signal: AbortSignal,
): Promise<{ collection: Collection; absences: Absence[]; failed: boolean }> {
  const collection = new Collection();
  const absences: Absence[] = [];
  const running: RunningServer[] = [];
  let failed = false;
  const tell = process.stderr.isTTY;
  const progress = (text: string) => process.stderr.write(tell ? `\r\x1b[K… ${text}` : `${text}\n`);
  const fail = (peer: string, doing: string, error: unknown) => {
    if (signal.aborted) return;
    failed = true;
    absences.push({ peer, way, unavailable: `${doing}: ${error instanceof Error ? error.message : String(error)}` });
  };
  await startServer(bench, upstream, cores.generator);
  for (const server of servers.filter((one) => 'version' in one.available())) {
    if (signal.aborted) break;
    progress(`${server.name} starts`);
    try {
      running.push(await startServer(bench, server));
    } catch (error) {
      fail(server.name, 'it did not start', error);
    }
  }
  for (const scenario of scenarios.filter(({ generator }) => withDnsperf || generator !== dnsperf)) {
    for (let round = 0; round < rounds; ++round) {
      for (const one of turn(running, round)) {
        if (signal.aborted) return { collection, absences, failed };
        const peer = one.server.name;
        progress(`${scenario.name}, round ${round + 1} of ${rounds}: ${peer}`);
        try {
          const samples = await scenario.run(bench, one, { seconds, names }, round);
          collection.add({ scenario: scenario.name, direction: 'udp', peer, way }, samples, round);
        } catch (error) {
          fail(peer, `${scenario.name}, round ${round + 1}`, error);
        }
      }
    }
  }
  if (tell) process.stderr.write('\r\x1b[K');
  return { collection, absences, failed };
}

/** Words what is wrong with the command line, and what was expected; null then. */
function read(argv: readonly string[]): Arguments | null {
  try {
    return readArguments(argv);
  } catch (error) {
    console.error(`bench/dns64: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return null;
  }
}

async function main(signal: AbortSignal): Promise<number> {
  const args = read(process.argv.slice(2));
  if (args === null) return 1;
  const lacking = missing();
  if (lacking !== null) {
    console.log(`bench/dns64: skipped: needs root. ${lacking}.`);
    return 0;
  }
  const unbuilt = missingProgram('dns_load');
  if (unbuilt !== null) throw new Error(`${unbuilt} is not there: run this by \`make bench-dns64\``);
  const source = upstream.available();
  if ('unavailable' in source) {
    console.log(`bench/dns64: skipped: there is no upstream to ask. ${source.unavailable}.`);
    return 0;
  }
  const versions: Results['versions'] = {};
  const skipped: Absence[] = [];
  for (const { name, available } of servers) {
    const found = available();
    if ('version' in found) versions[name] = found.version;
    else skipped.push({ peer: name, way, unavailable: `skipped: ${found.unavailable}` });
  }
  const perf = dnsperfVersion();
  if (perf === null)
    skipped.push({ peer: 'dnsperf', way, unavailable: 'skipped: not installed: scripts/setup.sh bench' });
  else versions.dnsperf = perf;

  const machine = describeMachine();
  const idleBusyCores = await busyCores(4, signal);
  const bench = await openBenchHost();
  // Runs under way fail as soon as the host is gone.
  signal.addEventListener('abort', bench.close);
  if (signal.aborted) void bench.close();
  const measured = await measure(bench, args, perf !== null, signal).finally(bench.close);
  const { rounds, seconds, names } = args;
  const results: Dns64Results = {
    date: new Date().toISOString(),
    commit: commit(),
    machine: { ...machine, idleBusyCores, idleBusyCoresAfter: await busyCores(2, signal) },
    versions,
    options: { rounds, seconds, names },
    records: measured.collection.records(),
    absences: [...skipped, ...measured.absences],
    incomplete: measured.failed || signal.aborted,
  };
  const head = machineText(results, `${roundsText(args)}; ${names} names\n${versionsText(versions)}`);
  const titles = new Map(scenarios.map(({ name, title }) => [name, title]));
  console.log(toText(results, head, toSections(results, titles), ['platypus']));
  await mkdir(dirname(args.json), { recursive: true });
  await writeFile(args.json, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`\n${args.json}`);
  if (signal.aborted) return 130;
  return results.incomplete ? 1 : 0;
}

function versionsText(versions: Results['versions']): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name}: ${version}`)
    .join('; ');
}

await runBenchmark('bench/dns64', main);
