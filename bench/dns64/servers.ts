/**
 * What is measured, and what all of it asks. Each is started as Debian has it, with the few lines that the comparison
 * needs: one thread, the same prefix, the same upstream, and room in the cache for all names of a run. None validates.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { program as platypusProgram } from '../../lab/plat.js';
import type { Service } from '../../lab/process.js';
import { debianVersion, which } from '../peers/peer.js';
import { cores, pinned } from '../throughput/chain.js';
import { commit } from '../throughput/machine.js';
import { type BenchHost, LOOPBACK, pool6, UPSTREAM_PORT } from './bench-host.js';

export interface DnsServer {
  /** As the report names it. */
  readonly name: string;
  /** Where it answers. */
  readonly port: number;
  /** Its version, or why it is not to be had here, in one sentence. */
  available(): { version: string } | { unavailable: string };
  /** The text of its configuration file; `folder` is where it may write. */
  config(folder: string): string;
  /** The command that runs it in the foreground. */
  command(file: string, folder: string): string[];
}

/** A server that answers. */
export interface RunningServer {
  server: DnsServer;
  /** Of the server itself: what runs before it becomes it. */
  pid: number;
}

const READY_MS = 15_000;

const platypus: DnsServer = {
  name: 'platypus',
  port: 5301,
  available: () =>
    existsSync(platypusProgram)
      ? { version: `${commit()}, Node ${process.version}` }
      : { unavailable: `${platypusProgram} is not there: make build` },
  config: () => `dns64:
  listen: [ "${LOOPBACK}#5301" ]
  upstream: [ "${LOOPBACK}#${UPSTREAM_PORT}" ]
  pool6: ${pool6}
  workers: 1
  cache: { megabytes: 384 }
log: { level: error }
`,
  command: (file, folder) => [
    process.execPath,
    platypusProgram,
    'run',
    '-c',
    file,
    '--socket',
    join(folder, 'platypus.sock'),
  ],
};

const unboundCommand = (file: string) => ['unbound', '-d', '-c', file];
const unboundServer = (port: number) => `server:
  interface: ${LOOPBACK}@${port}
  username: ""
  chroot: ""
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  verbosity: 0
  num-threads: 1
`;
const unboundVersion = () => which('unbound') && `Unbound ${debianVersion('unbound') ?? 'of unknown version'}`;

const unbound: DnsServer = {
  name: 'unbound',
  port: 5302,
  available: () => found(unboundVersion(), 'unbound'),
  config: () => `${unboundServer(5302)}  module-config: "dns64 iterator"
  dns64-prefix: ${pool6}
  do-not-query-localhost: no
  msg-cache-size: 128m
  rrset-cache-size: 256m
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: ${LOOPBACK}@${UPSTREAM_PORT}
`,
  command: unboundCommand,
};

const bind: DnsServer = {
  name: 'bind',
  port: 5303,
  available: () => found(which('named') && `BIND ${debianVersion('bind9') ?? 'of unknown version'}`, 'bind9'),
  config: (folder) => `options {
  directory "${folder}";
  pid-file none;
  session-keyfile none;
  listen-on port 5303 { ${LOOPBACK}; };
  listen-on-v6 { none; };
  recursion yes;
  forward only;
  forwarders { ${LOOPBACK} port ${UPSTREAM_PORT}; };
  dnssec-validation no;
  max-cache-size 384m;
  dns64 ${pool6} { clients { any; }; };
};
controls { };
logging { category default { null; }; };
`,
  command: (file) => ['named', '-f', '-n', '1', '-c', file],
};

/** Ours first. */
export const servers: readonly DnsServer[] = [platypus, unbound, bind];

const zone = (name: string, record: string) => `  local-zone: "${name}." redirect
  local-data: "${name}. 3600 IN ${record}"
  local-data: "${name}. 3600 IN SOA ns.bench. hostmaster.bench. 1 3600 1200 604800 3600"
`;

/** What all of them ask: an Unbound that has every name below two zones. */
export const upstream: DnsServer = {
  name: 'upstream',
  port: UPSTREAM_PORT,
  available: () => found(unboundVersion(), 'unbound'),
  config: () => `${unboundServer(UPSTREAM_PORT)}${zone(zones.ipv4Only.name, 'A 198.51.100.7')}${zone(
    zones.native.name,
    'AAAA 2001:db8:2::7',
  )}remote-control:
  control-enable: no
`,
  command: unboundCommand,
};

/** Names below have an A or an AAAA record; `prefix` is that of a right answer's address. */
export const zones = {
  ipv4Only: { name: 'v4only.bench', prefix: '2001:db8:64::' },
  native: { name: 'native.bench', prefix: '2001:db8:2::' },
} as const;
export type Zone = (typeof zones)[keyof typeof zones];

function found(version: string | null, debianPackage: string): { version: string } | { unavailable: string } {
  return version === null
    ? { unavailable: `${debianPackage} is not installed: scripts/setup.sh bench` }
    : { version: version };
}

/** What dnsperf calls itself, or null when there is none. */
export function dnsperfVersion(): string | null {
  if (which('dnsperf') === null) return null;
  const told = spawnSync('dnsperf', ['-h'], { encoding: 'utf8' });
  return `${told.stdout}${told.stderr}`.match(/Version (\S+)/)?.[1] ?? 'of unknown version';
}

/** Starts a server on its core, and waits until it answers. */
export async function startServer(
  bench: BenchHost,
  server: DnsServer,
  core: number | undefined = cores.translator,
): Promise<RunningServer> {
  const file = join(bench.folder, `${server.name}.conf`);
  await writeFile(file, server.config(bench.folder));
  const service = bench.host.start(pinned(server.command(file, bench.folder), core), {
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  await untilAnswers(bench, server, service);
  return { server, pid: service.pid };
}

/** The question costs one name that no run asks for. */
async function untilAnswers({ host }: BenchHost, server: DnsServer, service: Service): Promise<void> {
  let ended = false;
  void service.exited.then(() => {
    ended = true;
  });
  const question = ['dig', `@${LOOPBACK}`, '-p', `${server.port}`, '+tries=1', '+time=1', '+short'];
  for (const end = Date.now() + READY_MS; ; ) {
    const answer = await host.run([...question, 'AAAA', `ready.${zones.native.name}`]);
    if (answer.ok && answer.stdout.trim() === '2001:db8:2::7') return;
    if (ended || Date.now() > end) {
      throw new Error(`${server.name} does not answer: ${`${service.stdout}${service.stderr}`.trim().slice(-300)}`);
    }
    await sleep(50);
  }
}
