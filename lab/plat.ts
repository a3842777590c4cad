/** The translator under trial: the real command, in the PLAT's namespace. */
import { existsSync, watch } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from './host.js';
import { failure, type Outcome, type RunOptions, type Service } from './process.js';
import { type Network, pool4, pool6 } from './topology.js';

/** The root of the package: the nearest folder above this file that has a `package.json`. */
export const root = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
})();

/** The `platypus` command. */
export const program = join(root, 'dist', 'cli', 'main.js');

/** A compiled program of `lab/agents`, as an argument vector. */
export function agent(name: string, ...args: (string | number)[]): string[] {
  return [process.execPath, join(root, 'build', 'lab', 'agents', `${name}.js`), ...args.map(String)];
}

export interface Plat {
  readonly host: Host;
  readonly service: Service;
  readonly socket: string;
  /** `platypus ARGS --socket …`. Never rejects. */
  platypus(...args: string[]): Promise<Outcome>;
  /** The same with `--json`, parsed. Rejects when the command fails. */
  json<T>(...args: string[]): Promise<T>;
  /** All counters by name. */
  counters(): Promise<Record<string, number>>;
  stop(): Promise<Outcome>;
}

export interface PlatOptions {
  /** YAML: starts `platypus run -c` with it instead of `platypus plat`. */
  config?: string;
  /** The command that gets `config`; `run` unless told. */
  command?: 'run' | 'announce';
  /** More arguments for `platypus plat`. */
  args?: readonly string[];
  /** Starts `platypus siit` with these arguments instead; `eamt` is written to a file, which `--eamt` names. */
  siit?: { args: readonly string[]; eamt?: string };
  /** A command that runs the translator, such as one that takes privileges away. */
  by?: readonly string[];
  /** Names the socket, for a second translator on the same host; `plat` unless told. */
  name?: string;
}

/** Runs the `platypus` command on a host, to its end. */
export function platypus(host: Host, args: readonly string[], options?: RunOptions): Promise<Outcome> {
  return host.run([process.execPath, program, ...args], options);
}

/** The path of the configuration that `startPlat` writes for a network; write it anew to try a reload. */
export function configFile({ folder }: Pick<Network, 'folder'>, name = 'platypus'): string {
  return join(folder, `${name}.yaml`);
}

/** Resolves when a file exists, or when the signal says that nobody waits any more. */
function appears(file: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(dirname(file), { signal }, () => look());
    const look = () => {
      if (!existsSync(file)) return;
      watcher.close();
      resolve();
    };
    watcher.on('error', () => resolve());
    signal.addEventListener('abort', () => resolve());
    look();
  });
}

/** Worker threads of every translator that is started without a file, for a run of the same tests with several. */
const { PLATYPUS_WORKERS: workers } = process.env;

/** Starts the PLAT and waits until its control socket answers. Rejects with its last words when it ends instead. */
export async function startPlat(network: Pick<Network, 'plat' | 'folder'>, options: PlatOptions = {}): Promise<Plat> {
  const name = options.name ?? 'plat';
  const socket = join(network.folder, `${name}.sock`);
  let how = ['plat', '--pool6', pool6, '--pool4', pool4, ...(options.args ?? [])];
  if (options.config !== undefined) {
    const file = configFile(network, options.name);
    await writeFile(file, options.config);
    how = [options.command ?? 'run', '-c', file];
  } else if (options.siit !== undefined) {
    how = ['siit', ...options.siit.args];
    if (options.siit.eamt !== undefined) {
      const eamt = join(network.folder, `${name}.eamt`);
      await writeFile(eamt, options.siit.eamt);
      how.push('--eamt', eamt);
    }
  }

  if (workers !== undefined && options.config === undefined && !how.includes('--workers')) {
    how.push('--workers', workers);
  }

  const host = network.plat;
  const service = host.start([...(options.by ?? []), process.execPath, program, ...how, '--socket', socket]);
  const command = (args: readonly string[]) => platypus(host, [...args, '--socket', socket]);
  const plat: Plat = {
    host,
    service,
    socket,
    platypus: (...args) => command(args),
    async json<T>(...args: string[]) {
      const outcome = await command([...args, '--json']);
      if (!outcome.ok) throw new Error(failure(outcome));
      return JSON.parse(outcome.stdout) as T;
    },
    counters: () => plat.json('stats'),
    stop: () => service.stop(),
  };

  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), 20_000);
  let ended: Outcome | undefined;
  void service.exited.then((outcome) => {
    ended = outcome;
    waiting.abort();
  });
  try {
    await appears(socket, waiting.signal);
    // A killed predecessor may have left its socket: the file alone proves nothing.
    let status: Outcome | undefined;
    while (!waiting.signal.aborted) {
      status = await command(['status']);
      if (status.ok) return plat;
    }
    throw new Error(
      ended === undefined
        ? `platypus does not answer after 20 s: ${status === undefined ? 'no socket' : failure(status)}`
        : `platypus ended: ${failure(ended)}`,
    );
  } catch (error) {
    await service.stop();
    throw error;
  } finally {
    clearTimeout(timer);
    waiting.abort();
  }
}
