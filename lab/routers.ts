/** The routing daemons that the announcer speaks to: BIRD, FRR and GoBGP, each on a host, with its own command line. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './host.js';
import { failure, type Service } from './process.js';

export interface Router {
  readonly host: Host;
  /** The daemons, the one that speaks the protocol last. */
  readonly services: readonly Service[];
  /** Asks it as an operator does; rejects when the command fails. */
  ask(...words: string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Runs a command of a router to its end. Rejects with what went wrong. */
async function asked(host: Host, argv: readonly string[]): Promise<string> {
  const outcome = await host.run(argv);
  if (!outcome.ok) throw new Error(`${host.name}: ${failure(outcome)}`);
  return outcome.stdout;
}

async function stopAll(services: readonly Service[]): Promise<void> {
  for (const service of [...services].reverse()) await service.stop();
}

/** BIRD 2 with a configuration; `ask` is birdc, as in `ask('show', 'protocols')`. */
export async function startBird(host: Host, folder: string, config: string): Promise<Router> {
  const file = join(folder, `${host.name}.bird.conf`);
  const socket = join(folder, `${host.name}.bird.ctl`);
  await writeFile(file, `log stderr all;\n${config}`);
  const service = host.start(['bird', '-f', '-c', file, '-s', socket, '-P', join(folder, `${host.name}.bird.pid`)]);
  await service.output(/Started/);
  return {
    host,
    services: [service],
    ask: (...words) => asked(host, ['birdc', '-r', '-s', socket, ...words]),
    stop: () => stopAll([service]),
  };
}

export type FrrDaemon = 'bgpd' | 'ospfd' | 'ospf6d' | 'bfdd';

// FRR wants its user to be in a group of its own, which a namespace's root is not: it gets another list of groups.
const GROUPS = 'root:x:0:root\nfrr:x:0:root\nfrrvty:x:0:root\n';
const WITH_GROUPS = 'mount --bind "$0" /etc/group && exec "$@"';

/** FRR: zebra and the daemons named, each with the whole configuration; `ask` is one line for vtysh. */
export async function startFrr(
  host: Host,
  folder: string,
  daemons: readonly FrrDaemon[],
  config: string,
): Promise<Router> {
  const own = join(folder, `${host.name}.frr`);
  await mkdir(own);
  const groups = join(own, 'group');
  const file = join(own, 'frr.conf');
  await writeFile(groups, GROUPS);
  await writeFile(join(own, 'vtysh.conf'), '');
  await writeFile(file, config);
  const start = (daemon: string, ...more: string[]) =>
    host.start([
      ...['unshare', '--mount', '--', 'sh', '-c', WITH_GROUPS, groups, `/usr/lib/frr/${daemon}`],
      ...['-u', 'root', '-g', 'root', '--vty_socket', own, '-A', '127.0.0.1', '-z', join(own, 'zserv.api')],
      ...['-f', '/dev/null', '-i', join(own, `${daemon}.pid`), '--log', 'stdout', ...more],
    ]);
  const services: Service[] = [];
  for (const daemon of ['zebra', ...daemons]) {
    const service = start(daemon, ...(daemon === 'bfdd' ? ['--bfdctl', join(own, 'bfdd.sock')] : []));
    services.push(service);
    await service.output(new RegExp(`${daemon} [0-9.]+ starting`));
  }
  const vtysh = ['vtysh', '--vty_socket', own, '--config_dir', own];
  await asked(host, [...vtysh, '-f', file]);
  return {
    host,
    services,
    ask: (...words) => asked(host, [...vtysh, '-c', words.join(' ')]),
    stop: () => stopAll(services),
  };
}

/** GoBGP with a TOML configuration; `ask` is the gobgp command. */
export async function startGobgp(host: Host, folder: string, config: string): Promise<Router> {
  const file = join(folder, `${host.name}.gobgp.toml`);
  await writeFile(file, config);
  const service = host.start(['gobgpd', '-f', file, '--api-hosts', '127.0.0.1:50051', '--pprof-disable']);
  await service.output(/gobgpd started|Configuration|Finished reading/i);
  return {
    host,
    services: [service],
    ask: (...words) => asked(host, ['gobgp', '--target', '127.0.0.1:50051', ...words]),
    stop: () => stopAll([service]),
  };
}
