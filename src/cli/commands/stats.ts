/** `platypus stats` */
import type { Command } from 'commander';
import type { CounterReading } from '../../control/target.js';
import { withClient } from '../command.js';
import type { Io } from '../io.js';
import { printRows } from '../listing.js';
import type { Column } from '../table.js';

const columns: readonly Column<CounterReading>[] = [
  { title: 'COUNTER', text: (counter) => counter.name },
  { title: 'VALUE', text: (counter) => String(counter.value), align: 'right' },
];

const explained: readonly Column<CounterReading>[] = [
  ...columns,
  { title: 'MEANING', text: (counter) => counter.explain },
];

/** Adds the command. */
export function addStats(program: Command, io: Io): void {
  program
    .command('stats')
    .description('print the counters that are not zero; every dropped packet is in one')
    .option('--all', 'the counters that are zero too')
    .option('--explain', 'what each counter means')
    .option('--json', 'print a JSON object of all counters by name; a list of objects with --explain')
    .action(async (options: { all?: boolean; explain?: boolean; json?: boolean }, command: Command) => {
      await withClient(command, io, async (client, output) => {
        const { counters } = await client.request<{ counters: CounterReading[] }>('GET', '/v1/stats');
        if (options.json && !options.explain) {
          const byName = Object.fromEntries(counters.map(({ name, value }) => [name, value]));
          await output.line(JSON.stringify(byName, null, 2));
          return;
        }
        const shown = counters.filter(({ value }) => options.all || options.json || value !== 0);
        await printRows(output, shown, options.explain ? explained : columns, options.json === true);
      });
    });
}
