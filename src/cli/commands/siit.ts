/** `platypus siit --pool6 … --eamt …` */
import { type Command, Option } from 'commander';
import { chosenSocket } from '../command.js';
import { runDaemon } from '../daemon.js';
import type { Io } from '../io.js';
import { collect, configOf, LOG_LEVELS, readMssClamp, readNumber } from '../options.js';

interface Options {
  eamt?: string;
  route?: string[];
  logLevel?: string;
}

/** Adds the command. */
export function addSiit(program: Command, io: Io): void {
  program
    .command('siit')
    .description('run a stateless translator (SIIT) without a file, until SIGTERM')
    .option('--pool6 <prefix>', 'RFC 6052 prefix; may be repeated', collect)
    .option(
      '--pool4 <prefix>',
      'IPv4 addresses of IPv6 hosts, those of the EAM table unless told; may be repeated',
      collect,
    )
    .option('--eamt <file>', 'explicit address mappings, an IPv4 and an IPv6 prefix a line')
    .option('--route <prefix>', 'what is routed to the device, pool6 and pool4 unless told; may be repeated', collect)
    .option('--device <name>', 'name of the TUN device')
    .option('--offload <level>', 'the most to ask of the kernel: none, checksum, tso or uso, which is all')
    .option('--workers <number>', 'worker threads, 1 unless told', readNumber)
    .option('--mtu6 <bytes>', 'MTU towards IPv6', readNumber)
    .option('--mtu4 <bytes>', 'MTU towards IPv4', readNumber)
    .option('--hairpin <mode>', 'none, simple or intrinsic (RFC 7757)')
    .option('--denylist4 <prefix>', 'IPv4 addresses that pool6 does not map; may be repeated', collect)
    .option('--rfc6791v4-prefix <prefix>', 'IPv4 sources for errors of routers without one; may be repeated', collect)
    .option('--mss-clamp <value>', 'largest TCP MSS let through: bytes, auto or off', readMssClamp)
    .option('--udp-zero-checksum <what>', 'compute, drop or reassemble')
    .option('--allow-non-global', 'let 64:ff9b::/96 carry non-global IPv4 addresses (labs only)')
    .addOption(new Option('--log-level <level>', 'what to log').choices(LOG_LEVELS))
    .action(async ({ eamt, route, ...options }: Options, command: Command) => {
      // Two keys of the file have shorter names here.
      const values = {
        ...options,
        ...(eamt === undefined ? {} : { eamtFile: eamt }),
        ...(route === undefined ? {} : { routes: route }),
      };
      const socket = chosenSocket(command, io);
      await runDaemon(io, { file: null, load: (signal) => configOf('siit', values, socket, signal) });
    });
}
