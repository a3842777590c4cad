/** A configuration from the options of a command, for a translator without a file. */
import { InvalidArgumentError } from 'commander';
import { checkData, joinFiles, type LoadedConfig } from '../config/file.js';
import { ConfigError } from '../errors.js';

/** Gathers an option that may be repeated. */
export const collect = (value: string, before: string[] = []) => [...before, value];

/** Reads an option that is a whole number. */
export function readNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
}

/** Reads an option that is a whole number within bounds, both inclusive. */
export function readWhole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}`);
  };
}

/** Reads `--mss-clamp`: a number, or a word. */
export function readMssClamp(text: string): number | string {
  return /^\d{1,9}$/.test(text) ? Number(text) : text;
}

/** Values of `--log-level`. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/** Options that are not named as their key of the file. */
const OPTION_OF: Readonly<Record<string, string>> = { eamtFile: 'eamt', routes: 'route', clients: 'client' };

/** `plat.pool4[0]` came from `--pool4`, `plat.allowNonGlobal` from `--allow-non-global`. */
function optionOf(path: readonly (string | number)[]): string {
  if (path[0] === 'control') return '--socket';
  const key = String(path[1] ?? path[0] ?? '');
  const name = path[0] === 'log' ? 'log-level' : key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `--${OPTION_OF[key] ?? name}`;
}

/**
 * Checks options as the file's values would be, with files beside them read from the working directory. Throws
 * ConfigError or PLT_CONFIG_UNREADABLE.
 */
export async function configOf(
  section: 'plat' | 'siit' | 'clat' | 'dns64',
  { logLevel, ...values }: { logLevel?: string | undefined },
  socket: string | null,
  signal?: AbortSignal,
): Promise<LoadedConfig> {
  const data = {
    [section]: values,
    ...(socket === null ? {} : { control: { socket } }),
    ...(logLevel === undefined ? {} : { log: { level: logLevel } }),
  };
  const loaded = checkData(
    data,
    (complaints) =>
      new ConfigError(
        'command line',
        complaints.map(({ path, message }) => ({ path: optionOf(path), line: null, column: null, message })),
      ),
  );
  return joinFiles(loaded, process.cwd(), signal);
}
