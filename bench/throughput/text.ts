/** The report for a terminal. */
import { table } from '../../lab/table.js';
import type { Results } from './record.js';
import { figure, glance, peerText, type Section, spreadText, yardsticks } from './sections.js';

/** More cores than this busy with something else, and the CPU figures tell of that as well. */
const QUIET_CORES = 0.1;

/** What the machine was, in one paragraph; `done` says what was done on it. */
export function machineText(
  { machine, date, commit }: Pick<Results, 'machine' | 'date' | 'commit'>,
  done: string,
): string {
  const gigabytes = Math.round(machine.memoryBytes / 2 ** 30);
  return `${date}, commit ${commit}
${machine.model}, ${machine.cores} cores, ${gigabytes} GiB, Linux ${machine.kernel}
load ${machine.loadavg.map((load) => load.toFixed(2)).join(' ')}; busy with something else: ${figure(machine.idleBusyCores)} cores before, ${figure(machine.idleBusyCoresAfter)} after${
    Math.max(machine.idleBusyCores, machine.idleBusyCoresAfter) > QUIET_CORES
      ? ': NOT QUIET, so figures are of that too, and CPU figures mean nothing'
      : ''
  }
${done}`;
}

/** `5 rounds of 2 s, interleaved` */
export function roundsText({ rounds, seconds }: { rounds: number; seconds: number }): string {
  return `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${seconds} s, interleaved`;
}

/** The head of bench/throughput's reports. */
export function headText(results: Results): string {
  const { options } = results;
  return machineText(results, `${roundsText(options)}; small packets at ${figure(options.packetsPerSecond)} packets/s`);
}

/** The summary's table: headings, and a row for each figure of `peers`. */
export function glanceTable(
  sections: readonly Section[],
  peers: readonly string[],
): { headings: string[]; rows: string[][] } {
  const lines = glance(sections, peers);
  const used = yardsticks.filter((name) => lines.some(({ ratios }) => name in ratios));
  return {
    headings: ['figure', 'better', 'peer', ...used.map((name) => `× ${name}`)],
    rows: lines.map(({ scenario, direction, metric, better, peer, ratios }) => [
      `${scenario} ${direction} ${metric}`,
      better,
      peer,
      ...used.map((name) => (ratios[name] === undefined ? '' : figure(ratios[name]))),
    ]),
  };
}

/** One table a scenario and direction, each figure with its spread, ratios to the yardsticks of the same run. */
export function toText(
  results: Pick<Results, 'absences' | 'incomplete'>,
  head: string,
  sections: readonly Section[],
  ours: readonly string[],
): string {
  const parts = [head];
  for (const { title, scenario, blocks } of sections) {
    for (const { direction, metric, unit, better, yardsticks, rows } of blocks) {
      const headings = ['peer', `${metric}, ${unit}`, ...yardsticks.map((name) => `× ${name}`), 'runs', ''];
      const lines = rows.map((row) => [
        peerText(row),
        spreadText(row.spread),
        ...yardsticks.map((name) => {
          const times = row.ratios[name];
          return times === undefined ? '' : spreadText(times);
        }),
        String(row.spread.runs),
        [...row.beside, ...(row.note === undefined ? [] : [row.note])].join('; '),
      ]);
      parts.push(`${title}: ${scenario} ${direction}, ${better} is better\n${table(headings, lines)}`);
    }
  }
  const { headings, rows } = glanceTable(sections, ours);
  if (rows.length > 0) parts.push(`At a glance: medians of the ratios\n${table(headings, rows)}`);
  const absences = results.absences.map(({ peer, way, unavailable }) => [peer, way, unavailable]);
  if (absences.length > 0) parts.push(`Not measured\n${table(['peer', 'way', 'why'], absences)}`);
  if (results.incomplete) parts.push('INCOMPLETE: interrupted, or something failed; see above.');
  return parts.join('\n\n');
}
