/** `platypus plat --pool6 … --pool4 …` */
import { type Command, Option } from 'commander';
import { chosenSocket } from '../command.js';
import { runDaemon } from '../daemon.js';
import type { Io } from '../io.js';
import { collect, configOf, LOG_LEVELS, readMssClamp, readNumber } from '../options.js';

/** Adds the command. */
export function addPlat(program: Command, io: Io): void {
  program
    .command('plat')
    .description('run a PLAT (stateful NAT64) without a file, until SIGTERM')
    .option('--pool6 <prefix>', 'RFC 6052 prefix, 64:ff9b::/96 unless told; may be repeated', collect)
    .option('--pool4 <prefix>', 'IPv4 prefix, with ports as 192.0.2.0/28#1024-65535; may be repeated', collect)
    .option('--device <name>', 'name of the TUN device')
    .option('--offload <level>', 'the most to ask of the kernel: none, checksum, tso or uso, which is all')
    .option('--workers <number>', 'worker threads, 1 unless told', readNumber)
    .option('--mtu6 <bytes>', 'MTU towards IPv6', readNumber)
    .option('--mtu4 <bytes>', 'MTU towards IPv4', readNumber)
    .option('--mss-clamp <value>', 'largest TCP MSS let through: bytes, auto or off', readMssClamp)
    .option('--allow-non-global', 'let 64:ff9b::/96 carry non-global IPv4 addresses (labs only)')
    .addOption(new Option('--log-level <level>', 'what to log').choices(LOG_LEVELS))
    .action(async (options: { logLevel?: string }, command: Command) => {
      const socket = chosenSocket(command, io);
      await runDaemon(io, { file: null, load: (signal) => configOf('plat', options, socket, signal) });
    });
}
