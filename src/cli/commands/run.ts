/** `platypus run -c FILE` */
import type { Command } from 'commander';
import { type LoadedConfig, loadConfig } from '../../config/file.js';
import { chosenSocket } from '../command.js';
import { runDaemon } from '../daemon.js';
import type { Io } from '../io.js';

/** The file with the socket of the command line in place of its own. */
async function load(file: string, socket: string | null, signal?: AbortSignal): Promise<LoadedConfig> {
  const loaded = await loadConfig(file, signal);
  if (socket === null) return loaded;
  return { ...loaded, config: { ...loaded.config, control: { socket } } };
}

/** Adds the command. */
export function addRun(program: Command, io: Io): void {
  program
    .command('run')
    .description('run what the file says until SIGTERM; SIGHUP applies the file anew')
    .requiredOption('-c, --config <file>', 'YAML file')
    .action(async (options: { config: string }, command: Command) => {
      const socket = chosenSocket(command, io);
      await runDaemon(io, { file: options.config, load: (signal) => load(options.config, socket, signal) });
    });
}
