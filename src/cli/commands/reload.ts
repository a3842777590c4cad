/** `platypus reload` */
import type { Command } from 'commander';
import type { ChangeReport } from '../../control/target.js';
import { withClient } from '../command.js';
import type { Io } from '../io.js';

/** Adds the command. */
export function addReload(program: Command, io: Io): void {
  program
    .command('reload')
    .description('apply the file of the running translator anew; refused whole when part of it needs a restart')
    .option('--json', 'print a JSON object')
    .action(async (options: { json?: boolean }, command: Command) => {
      await withClient(command, io, async (client, output) => {
        const report = await client.request<ChangeReport>('POST', '/v1/reload');
        if (options.json) {
          await output.line(JSON.stringify(report, null, 2));
          return;
        }
        const warnings = report.warnings.map((warning) => `warning: ${warning}`);
        const changes = report.changes.length === 0 ? ['nothing changed'] : report.changes;
        await output.line([...changes, ...warnings].join('\n'));
      });
    });
}
