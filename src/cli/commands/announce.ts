/** `platypus announce -c FILE` */
import type { Command } from 'commander';
import { errors } from '../../errors.js';
import { chosenSocket, loadWithSocket } from '../command.js';
import { runDaemon } from '../daemon.js';
import type { Io } from '../io.js';

/** Adds the command. */
export function addAnnounce(program: Command, io: Io): void {
  program
    .command('announce')
    .description('announce the prefixes of a file without a translator, until SIGTERM; SIGHUP applies the file anew')
    .requiredOption('-c, --config <file>', 'YAML file with an announce section')
    .action(async (options: { config: string }, command: Command) => {
      const socket = chosenSocket(command, io);
      await runDaemon(io, {
        file: options.config,
        async load(signal) {
          const loaded = await loadWithSocket(options.config, socket, signal);
          const { plat, siit, dns64, announce } = loaded.config;
          if (announce !== undefined && [plat, siit, dns64].every((section) => section === undefined)) return loaded;
          const found = announce === undefined ? 'no announce section' : 'other services beside announce';
          throw errors.usage(
            `${options.config}: found ${found}, expected announce alone: platypus run is for the rest`,
          );
        },
      });
    });
}
