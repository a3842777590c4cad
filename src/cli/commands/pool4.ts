/** `platypus pool4 list|add|remove` */
import type { Command } from 'commander';
import type { ChangeReport } from '../../control/target.js';
import type { Pool4Row } from '../../native/addon.js';
import { withClient } from '../command.js';
import type { Io, Output } from '../io.js';
import { printRows } from '../listing.js';
import type { Column } from '../table.js';

const columns: readonly Column<Pool4Row>[] = [
  { title: 'ADDRESS', text: (row) => row.v4 },
  { title: 'PORTS', text: (row) => `${row.portMin}-${row.portMax}` },
  { title: 'HOSTS', text: (row) => String(row.hosts), align: 'right' },
  { title: 'TCP', text: (row) => String(row.used.tcp), align: 'right' },
  { title: 'UDP', text: (row) => String(row.used.udp), align: 'right' },
  { title: 'ICMP', text: (row) => String(row.used.icmp), align: 'right' },
];

async function report(output: Output, { changes, note }: ChangeReport & { note: string }): Promise<void> {
  await output.line(`${changes.join('\n')}\n${note}`);
}

/** Adds the commands. */
export function addPool4(program: Command, io: Io): void {
  const pool4 = program.command('pool4').description('the IPv4 addresses that customers share');
  pool4
    .command('list')
    .description('print the addresses with the hosts and ports in use')
    .option('--json', 'print a JSON array')
    .action(async (options: { json?: boolean }, command: Command) => {
      await withClient(command, io, async (client, output) => {
        const { rows } = await client.request<{ rows: Pool4Row[] }>('GET', '/v1/pool4');
        await printRows(output, rows, columns, options.json === true);
      });
    });
  pool4
    .command('add')
    .description('add a prefix to the running translator (not to its file)')
    .argument('<prefix>', 'IPv4 address or prefix, 192.0.2.0/28')
    .option('--ports <range>', 'ports, 1024-65535 unless told')
    .action(async (prefix: string, options: { ports?: string }, command: Command) => {
      await withClient(command, io, async (client, output) => {
        await report(output, await client.request('POST', '/v1/pool4', { body: { prefix, ports: options.ports } }));
      });
    });
  pool4
    .command('remove')
    .description('remove a prefix, with the sessions on it, from the running translator (not from its file)')
    .argument('<prefix>', 'a prefix as it was added')
    .action(async (prefix: string, _options: unknown, command: Command) => {
      await withClient(command, io, async (client, output) => {
        await report(output, await client.request('DELETE', '/v1/pool4', { query: { prefix } }));
      });
    });
}
