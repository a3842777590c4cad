/** `platypus clat --uplink …` */
import { type Command, Option } from 'commander';
import { chosenSocket } from '../command.js';
import { runDaemon } from '../daemon.js';
import type { Io } from '../io.js';
import { collect, configOf, LOG_LEVELS, readMssClamp, readNumber } from '../options.js';

interface Options {
  lan?: string;
  lanNetwork?: string[];
  resolver?: string[];
  logLevel?: string;
}

/** Adds the command. */
export function addClat(program: Command, io: Io): void {
  program
    .command('clat')
    .description('run a CLAT (464XLAT) without a file, until SIGTERM')
    .requiredOption('--uplink <device>', 'device towards the network with the NAT64; may be repeated', collect)
    .option('--mode <mode>', 'auto, which stands down where the uplink has native IPv4, force or off; auto unless told')
    .option('--discovery <source>', 'ra or dns, both unless told; may be repeated', collect)
    .option('--pool6 <prefix>', 'prefix of the NAT64 until RA or DNS know better; may be repeated', collect)
    .option('--fallback <prefix>', 'prefix for when RA and DNS know none; may be repeated', collect)
    .option('--resolver <address>', 'IPv6 resolver for links that name none; may be repeated', collect)
    .option(
      '--address <address>',
      'an IPv6 address, a delegated /64, or shared for the uplink’s own; one of the uplink’s /64 unless told',
    )
    .option('--device <name>', 'name of the TUN device, clat unless told')
    .option('--ipv4 <address>', 'IPv4 address of this host, one of 192.0.0.0/29 unless told')
    .option('--metric <number>', 'of the IPv4 default route, 2048 unless told', readNumber)
    .option('--mtu <bytes>', 'IPv6 MTU towards the network, the uplink’s unless told', readNumber)
    .option('--mss-clamp <value>', 'largest TCP MSS let through: bytes, auto or off; auto unless told', readMssClamp)
    .option('--offload <level>', 'the most to ask of the kernel: none, checksum, tso or uso, which is all')
    .option('--workers <number>', 'worker threads, 1 unless told', readNumber)
    .option('--lan <mode>', 'nat44 for IPv4 hosts behind this one, or none; none unless told')
    .option('--lan-network <prefix>', 'whom nat44 is for, everybody unless told; may be repeated', collect)
    .option('--allow-non-global', 'let 64:ff9b::/96 carry non-global IPv4 addresses (labs only)')
    .addOption(new Option('--log-level <level>', 'what to log').choices(LOG_LEVELS))
    .action(async ({ lan, lanNetwork, resolver, ...options }: Options, command: Command) => {
      const values = {
        ...options,
        ...(resolver === undefined ? {} : { resolvers: resolver }),
        ...(lan === undefined && lanNetwork === undefined
          ? {}
          : { lan: { ...(lan === undefined ? {} : { mode: lan }), networks: lanNetwork ?? [] } }),
      };
      const socket = chosenSocket(command, io);
      await runDaemon(io, { file: null, load: (signal) => configOf('clat', values, socket, signal) });
    });
}
