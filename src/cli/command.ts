/** What every command of the `platypus` program shares: its options, its client, its way to print. */
import { type Command, InvalidArgumentError } from 'commander';
import {
  type AddressFilter,
  formatAddress,
  hasHostBits,
  networkOf,
  type Prefix,
  parseAddressFilter,
  parsePrefix,
} from '../config/address.js';
import { type LoadedConfig, loadConfig } from '../config/file.js';
import { DEFAULT_SOCKET } from '../config/schema.js';
import { type ControlClient, createClient } from '../control/client.js';
import { createOutput, type Io, type Output } from './io.js';

/** Options of the whole program. */
interface GlobalOptions {
  socket?: string;
}

/** The socket: `--socket`, then PLATYPUS_SOCKET, then null. */
export function chosenSocket(command: Command, io: Io): string | null {
  const { socket } = command.optsWithGlobals<GlobalOptions>();
  return socket ?? (io.environment.PLATYPUS_SOCKET || null);
}

/** A file with the socket of the command line in place of its own. */
export async function loadWithSocket(file: string, socket: string | null, signal?: AbortSignal): Promise<LoadedConfig> {
  const loaded = await loadConfig(file, signal);
  if (socket === null) return loaded;
  return { ...loaded, config: { ...loaded.config, control: { ...loaded.config.control, socket } } };
}

/** Runs the body of a command that talks to a running translator. */
export async function withClient(
  command: Command,
  io: Io,
  body: (client: ControlClient, output: Output) => Promise<void>,
): Promise<void> {
  await body(createClient(chosenSocket(command, io) ?? DEFAULT_SOCKET), createOutput(io.stdout));
}

/** The protocols as arguments and options name them. */
export const PROTOCOLS = ['tcp', 'udp', 'icmp'] as const;

/** Reads `--limit`. */
export function readLimit(text: string): number {
  const limit = Number(text);
  if (/^\d{1,9}$/.test(text) && limit >= 1) return limit;
  throw new InvalidArgumentError('expected a whole number from 1 to 999999999');
}

/** Reads `--v6` and `--v4`: an address, a prefix, or a transport address. Answers its canonical text. */
export function readFilter(family: 4 | 6): (text: string) => string {
  const example =
    family === 4 ? '192.0.2.1, 192.0.2.0/28 or 192.0.2.1#5000' : '2001:db8::1, 2001:db8::/64 or 2001:db8::1#80';
  return (text) => {
    const filter = parseAddressFilter(text);
    if (filter === null || filter.prefix.family !== family) {
      throw new InvalidArgumentError(`expected an IPv${family} address, prefix or transport address: ${example}`);
    }
    refuseHostBits(filter.prefix);
    return filterText(filter);
  };
}

/** Reads an address or prefix, of either family for null; `example` is told beside. Answers it as `address/length`. */
export function readPrefix(family: 4 | 6 | null, example = ''): (text: string) => string {
  const kind = family === null ? 'an IPv4 or IPv6' : `an IPv${family}`;
  return (text) => {
    const prefix = parsePrefix(text);
    if (prefix === null || (family !== null && prefix.family !== family)) {
      throw new InvalidArgumentError(`expected ${kind} address or prefix${example === '' ? '' : `: ${example}`}`);
    }
    refuseHostBits(prefix);
    return networkOf(prefix);
  };
}

function refuseHostBits(prefix: Prefix): void {
  if (!hasHostBits(prefix)) return;
  throw new InvalidArgumentError(`expected no bits after the prefix length: ${networkOf(prefix)}`);
}

function filterText({ prefix, port }: AddressFilter): string {
  const bits = prefix.family === 4 ? 32 : 128;
  const address = formatAddress(prefix.family, prefix.first);
  const text = prefix.length === bits ? address : `${address}/${prefix.length}`;
  return port === null ? text : `${text}#${port}`;
}
