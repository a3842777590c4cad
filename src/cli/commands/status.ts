/** `platypus status` */
import type { Command } from 'commander';
import { formatDuration } from '../../config/duration.js';
import type { StatusReport } from '../../control/target.js';
import { withClient } from '../command.js';
import type { Io } from '../io.js';
import { createTable } from '../table.js';

function of(used: number, limit: number): string {
  return `${used} of ${limit}`;
}

/** What the table says, in its order. */
function lines(status: StatusReport): [string, string][] {
  const { sizes, limits } = status;
  const offload = Object.entries(status.offload).filter(([, on]) => on);
  return [
    ['state', status.alive ? 'running' : 'a worker has ended'],
    ['version', status.version],
    ['process', String(status.pid)],
    ['uptime', formatDuration(status.uptimeSeconds)],
    ['file', status.file ?? 'none (platypus plat)'],
    ['device', status.device],
    ['offload', offload.length === 0 ? 'none' : offload.map(([name]) => name).join(', ')],
    ['mtu', `${status.mtu6} (IPv6), ${status.mtu4} (IPv4)`],
    ['pool6', status.pool6.join(', ')],
    ['pool4', status.pool4.join(', ')],
    ['sessions', of(sizes.sessions, limits.sessions)],
    ['bib', `${of(sizes.bib, limits.bib)}, ${sizes.staticBib} static`],
    ['hosts', of(sizes.hosts, limits.hosts)],
    ['reassembly', of(sizes.reassembly, limits.reassembly)],
    ['stored SYNs', of(sizes.storedSyns, limits.storedSyns)],
    ['memory', `${(sizes.memoryBytes / 1024 / 1024).toFixed(1)} MiB`],
  ];
}

/** Adds the command. */
export function addStatus(program: Command, io: Io): void {
  program
    .command('status')
    .description('print what the translator is and how full its tables are')
    .option('--json', 'print a JSON object')
    .action(async (options: { json?: boolean }, command: Command) => {
      await withClient(command, io, async (client, output) => {
        const status = await client.request<StatusReport>('GET', '/v1/status');
        if (options.json) {
          await output.line(JSON.stringify(status, null, 2));
          return;
        }
        const table = createTable<[string, string]>([
          { title: 'ITEM', text: ([name]) => name },
          { title: 'VALUE', text: ([, value]) => value },
        ]);
        await output.line(table.lines(lines(status)).join('\n'));
      });
    });
}
