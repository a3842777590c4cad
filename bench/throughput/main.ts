/**
 * `make bench PEERS="forwarding tayga jool"`: Platypus and its peers, each in a chain of namespaces of its own, in turns.
 * Prints tables, writes records (JSON) and a page with plots. No result is good or bad here: the exit code is 0 when
 * everything that could be measured was, and 0 with "skipped" where namespaces cannot be made.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { missing } from '../../lab/host.js';
import { failure, run } from '../../lab/process.js';
import { runBenchmark } from '../ending.js';
import type { Peer } from '../peers/peer.js';
import { accented, ours, peers } from '../peers/peers.js';
import { type Arguments, readArguments, usage } from './arguments.js';
import { bulk } from './bulk.js';
import { missingProgram } from './chain.js';
import { stacks } from './latency.js';
import { busyCores, commit, describeMachine } from './machine.js';
import { packets } from './packets.js';
import { toPage } from './page.js';
import type { Absence, Record, Results } from './record.js';
import { runRounds } from './rounds.js';
import type { Stage } from './scenario.js';
import { toSections } from './sections.js';
import { headText, toText } from './text.js';

const stages: readonly Stage[] = [bulk, packets, stacks];
const names = stages.flatMap(({ name, scenarios }) => [name, ...scenarios.map((scenario) => scenario.name)]);
const titles = new Map([
  ...stages.flatMap(({ scenarios }) => scenarios.map(({ name, title }) => [name, title] as const)),
  ...peers.flatMap((peer) => Object.entries(peer.titles ?? {})),
]);

/** The stages with what was asked for. */
function chosen(only: readonly string[]): Stage[] {
  return stages
    .map((stage) => {
      const all = only.length === 0 || only.includes(stage.name);
      return { ...stage, scenarios: stage.scenarios.filter(({ name }) => all || only.includes(name)) };
    })
    .filter(({ scenarios }) => scenarios.length > 0);
}

async function measure(args: Arguments, signal: AbortSignal): Promise<Results> {
  const versions: Results['versions'] = {};
  const absences: Absence[] = [];
  const there: Peer[] = [];
  const asked = peers.filter(({ name }) => args.peers.includes(name));
  for (const peer of asked) {
    const found = await peer.available();
    if ('version' in found) {
      versions[peer.name] = found.version;
      there.push(peer);
    } else {
      absences.push({ peer: peer.name, way: peer.way, unavailable: found.unavailable });
    }
  }
  const iperf = await run(['iperf3', '--version']);
  if (!iperf.ok) throw new Error(`iperf3 is missing: scripts/setup.sh bench (${failure(iperf)})`);
  versions.iperf3 = iperf.stdout.split('\n')[0] ?? '';

  const machine = describeMachine();
  const idleBusyCores = await busyCores(4, signal);
  const { rounds, seconds, packetsPerSecond } = args;
  const tell = process.stderr.isTTY;
  const measured = await runRounds({
    stages: chosen(args.only),
    peers: there,
    rounds,
    options: { seconds, packetsPerSecond, idleBusyCores },
    signal,
    progress: (text) => process.stderr.write(tell ? `\r\x1b[K… ${text}` : `${text}\n`),
  });
  const records: Record[] = [...measured.records];
  absences.push(...measured.absences);
  const idleBusyCoresAfter = await busyCores(2, signal);
  for (const peer of asked) {
    if (peer.elsewhere === undefined || there.includes(peer) || signal.aborted) continue;
    process.stderr.write(tell ? `\r\x1b[K… ${peer.name}, elsewhere` : `${peer.name}, elsewhere\n`);
    const more = await peer.elsewhere({ rounds, signal });
    records.push(...more.records);
    absences.push(...more.absences);
  }
  process.stderr.write(tell ? '\r\x1b[K' : '');
  return {
    date: new Date().toISOString(),
    commit: commit(),
    machine: { ...machine, idleBusyCores, idleBusyCoresAfter },
    versions,
    options: { rounds, seconds, packetsPerSecond },
    records,
    absences,
    incomplete: measured.failed || signal.aborted,
  };
}

/** Words what is wrong with the command line, and what was expected; null then. */
function read(argv: readonly string[]): Arguments | null {
  try {
    return readArguments(argv, { peers: peers.map(({ name }) => name), ours, only: names });
  } catch (error) {
    console.error(`bench/throughput: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return null;
  }
}

async function main(signal: AbortSignal): Promise<number> {
  const args = read(process.argv.slice(2));
  if (args === null) return 1;
  const lacking = missing();
  if (lacking !== null) {
    console.log(`bench/throughput: skipped: needs root. ${lacking}.`);
    return 0;
  }
  const unbuilt = missingProgram('endpoint', 'tun_loop');
  if (unbuilt !== null) throw new Error(`${unbuilt} is not there: run this by \`make bench PEERS=…\``);
  const results = await measure(args, signal);
  const sections = toSections(results, titles);
  console.log(toText(results, headText(results), sections, accented));
  for (const [file, text] of [
    [args.json, `${JSON.stringify(results, null, 2)}\n`],
    [
      args.html,
      toPage(
        results,
        sections,
        peers.filter(({ name }) => args.peers.includes(name)),
        accented,
      ),
    ],
  ] as const) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    console.log(`${file === args.json ? '\n' : ''}${file}`);
  }
  if (signal.aborted) return 130;
  return results.incomplete ? 1 : 0;
}

await runBenchmark('bench/throughput', main);
