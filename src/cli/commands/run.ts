/** `platypus run -c FILE` */
import type { Command } from 'commander';
import { chosenSocket, loadWithSocket } from '../command.js';
import { runDaemon } from '../daemon.js';
import type { Io } from '../io.js';

/** Adds the command. */
export function addRun(program: Command, io: Io): void {
  program
    .command('run')
    .description('run what the file says until SIGTERM; SIGHUP applies the file anew')
    .requiredOption('-c, --config <file>', 'YAML file')
    .action(async (options: { config: string }, command: Command) => {
      const socket = chosenSocket(command, io);
      await runDaemon(io, { file: options.config, load: (signal) => loadWithSocket(options.config, socket, signal) });
    });
}
