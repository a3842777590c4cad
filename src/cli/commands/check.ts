/** `platypus check FILE` */
import type { Command } from 'commander';
import { loadConfig } from '../../config/file.js';
import { createOutput, type Io } from '../io.js';

/** Adds the command. */
export function addCheck(program: Command, io: Io): void {
  program
    .command('check')
    .description('check a file without starting anything; lists everything that is wrong')
    .argument('<file>', 'YAML file')
    .action(async (file: string) => {
      const { warnings } = await loadConfig(file);
      const lines = warnings.map((warning) => `${file}: warning: ${warning}`);
      await createOutput(io.stdout).line([...lines, `${file}: valid`].join('\n'));
    });
}
