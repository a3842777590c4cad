/** The report for a terminal. */
import { table } from '../../lab/table.js';
import type { Results } from './record.js';
import { figure, peerText, type Section, spreadText } from './sections.js';

/** More cores than this busy with something else, and the CPU figures tell of that as well. */
const QUIET_CORES = 0.1;

/** What the machine was, in one paragraph. */
export function machineText({ machine, date, commit, options }: Results): string {
  const gigabytes = Math.round(machine.memoryBytes / 2 ** 30);
  return `${date}, commit ${commit}
${machine.model}, ${machine.cores} cores, ${gigabytes} GiB, Linux ${machine.kernel}
load ${machine.loadavg.map((load) => load.toFixed(2)).join(' ')}, ${figure(machine.idleBusyCores)} cores busy with something else before the first run${
    machine.idleBusyCores > QUIET_CORES ? ': NOT QUIET, so figures are of that too, and CPU figures mean nothing' : ''
  }
${options.rounds} rounds of ${options.seconds} s, interleaved; small packets at ${figure(options.packetsPerSecond)} packets/s`;
}

/** One table a scenario and direction, each figure with its spread, ratios to the yardsticks of the same run. */
export function toText(results: Results, sections: readonly Section[]): string {
  const parts = [machineText(results)];
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
  const absences = results.absences.map(({ peer, way, unavailable }) => [peer, way, unavailable]);
  if (absences.length > 0) parts.push(`Not measured\n${table(['peer', 'way', 'why'], absences)}`);
  if (results.incomplete) parts.push('INCOMPLETE: interrupted, or something failed; see above.');
  return parts.join('\n\n');
}
