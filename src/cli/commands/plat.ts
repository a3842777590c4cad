/** `platypus plat --pool6 … --pool4 …` */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { checkData, type LoadedConfig } from '../../config/file.js';
import { ConfigError } from '../../errors.js';
import { chosenSocket } from '../command.js';
import { runDaemon } from '../daemon.js';
import type { Io } from '../io.js';

interface Options {
  pool6?: string[];
  pool4?: string[];
  device?: string;
  mtu6?: number;
  mtu4?: number;
  allowNonGlobal?: boolean;
  logLevel?: string;
}

const collect = (value: string, before: string[] = []) => [...before, value];

function readNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
}

/** `plat.pool4[0]` came from `--pool4`, `plat.allowNonGlobal` from `--allow-non-global`. */
function optionOf(path: readonly (string | number)[]): string {
  if (path[0] === 'control') return '--socket';
  const key = String(path[1] ?? path[0] ?? '');
  const name = path[0] === 'log' ? 'log-level' : key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `--${name}`;
}

function configOf(options: Options, socket: string | null): LoadedConfig {
  const { logLevel, ...plat } = options;
  const data = {
    plat,
    ...(socket === null ? {} : { control: { socket } }),
    ...(logLevel === undefined ? {} : { log: { level: logLevel } }),
  };
  return checkData(
    data,
    (complaints) =>
      new ConfigError(
        'command line',
        complaints.map(({ path, message }) => ({ path: optionOf(path), line: null, column: null, message })),
      ),
  );
}

/** Adds the command. */
export function addPlat(program: Command, io: Io): void {
  program
    .command('plat')
    .description('run a PLAT (stateful NAT64) without a file, until SIGTERM')
    .option('--pool6 <prefix>', 'RFC 6052 prefix, 64:ff9b::/96 unless told; may be repeated', collect)
    .option('--pool4 <prefix>', 'IPv4 prefix, with ports as 192.0.2.0/28#1024-65535; may be repeated', collect)
    .option('--device <name>', 'name of the TUN device')
    .option('--mtu6 <bytes>', 'MTU towards IPv6', readNumber)
    .option('--mtu4 <bytes>', 'MTU towards IPv4', readNumber)
    .option('--allow-non-global', 'let 64:ff9b::/96 carry non-global IPv4 addresses (labs only)')
    .addOption(new Option('--log-level <level>', 'what to log').choices(['trace', 'debug', 'info', 'warn', 'error']))
    .action(async (options: Options, command: Command) => {
      const loaded = configOf(options, chosenSocket(command, io));
      await runDaemon(io, { file: null, load: async () => loaded });
    });
}
