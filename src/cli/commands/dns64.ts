/** `platypus dns64` */
import { type Command, Option } from 'commander';
import { chosenSocket } from '../command.js';
import { runDaemon } from '../daemon.js';
import type { Io } from '../io.js';
import { collect, configOf, LOG_LEVELS, readNumber } from '../options.js';

interface Options {
  client?: string[];
  logLevel?: string;
}

/** Adds the command. */
export function addDns64(program: Command, io: Io): void {
  program
    .command('dns64')
    .description('run a DNS64 server without a file, until SIGTERM')
    .requiredOption('--upstream <address>', 'recursive resolver, as 192.0.2.53 or ::1#5353; may be repeated', collect)
    .option('--listen <address>', 'where to answer, ::#53 and 0.0.0.0#53 unless told; may be repeated', collect)
    .option('--pool6 <prefix>', 'prefix of the translator, 64:ff9b::/96 unless told; may be repeated', collect)
    .option('--client <prefix>', 'who is answered, private addresses unless told; may be repeated', collect)
    .option(
      '--exclude <prefix>',
      'AAAA records that count as absent, ::ffff:0:0/96 unless told; may be repeated',
      collect,
    )
    .option('--workers <number>', 'threads, 1 unless told', readNumber)
    .option('--dnssec <what>', 'upstream when the resolver validates and is to be trusted; off unless told')
    .option('--allow-non-global', 'let 64:ff9b::/96 stand for non-global IPv4 addresses (labs only)')
    .addOption(new Option('--log-level <level>', 'what to log').choices(LOG_LEVELS))
    .action(async ({ client, ...options }: Options, command: Command) => {
      const values = { ...options, ...(client === undefined ? {} : { clients: client }) };
      const socket = chosenSocket(command, io);
      await runDaemon(io, { file: null, load: (signal) => configOf('dns64', values, socket, signal) });
    });
}
