/**
 * `make lab`: builds the demo network, starts the PLAT in it, sends real traffic through it and tells what came back.
 * Exits 0 only when all of it worked. `STAY=1` leaves it up until Ctrl-C.
 */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { enterCommand, type Host, missing } from './host.js';
import { labConfig, startUnbound, v4Name, withResolver } from './names.js';
import { type Plat, root, startPlat } from './plat.js';
import { table } from './table.js';
import { buildNetwork, customer6, type Network, plat6, pool4, pool6, server4, through } from './topology.js';
import {
  askUdp,
  download,
  httpPort,
  iperf,
  megabytes20,
  ping,
  startServers,
  superPackets,
  traceroute,
  upload,
  url,
  whoami,
} from './traffic.js';

interface Attempt {
  what: string;
  path: string;
  /** What came back, in a few words; rejects when it did not work. */
  run(network: Network, plat: Plat): Promise<string>;
}

const there = 'customer → server';
const here = 'server → customer';

const attempts: readonly Attempt[] = [
  { what: 'ping', path: there, run: ({ customer }) => ping(customer, through(server4)) },
  { what: 'ping, 4000 bytes in fragments', path: there, run: ({ customer }) => ping(customer, through(server4), 4000) },
  {
    what: 'HTTP with curl',
    path: there,
    async run({ customer }) {
      const seen = await whoami(customer);
      if (!/^192\.0\.2\.([0-9]|1[0-5])#\d+$/.test(seen)) throw new Error(`the server saw ${seen}, not a pool4 address`);
      return `the server saw ${seen}`;
    },
  },
  {
    what: 'HTTP by name, DNS64',
    path: there,
    async run({ customer, folder }) {
      const page = ['curl', '-sS', '--fail', '--max-time', '10', `http://${v4Name}:${httpPort}/whoami`];
      const { stdout } = await named(customer, folder, page);
      const { stdout: address } = await named(customer, folder, ['getent', 'ahostsv6', v4Name]);
      const seen = address.split(/\s/)[0];
      if (seen !== through(server4)) throw new Error(`${v4Name} is ${seen}`);
      return `${v4Name} is ${seen}; the server saw ${stdout.trim()}`;
    },
  },
  { what: 'UDP, question and answer', path: there, run: ({ customer }) => askUdp(customer, 64) },
  { what: 'UDP, 4000 bytes in fragments', path: there, run: ({ customer }) => askUdp(customer, 4000) },
  {
    what: 'traceroute',
    path: there,
    async run({ customer }) {
      const hops = await traceroute(customer, through(server4));
      if (hops.at(-1) !== through(server4) || hops.includes('*')) throw new Error(`hops ${hops.join(' ')}`);
      return `${hops.length} hops: ${hops.join(' ')}`;
    },
  },
  { what: 'download, 20 MB', path: here, run: ({ customer, folder }) => download(customer, folder, megabytes20) },
  { what: 'upload, 20 MB', path: there, run: ({ customer, folder }) => upload(customer, folder, megabytes20) },
  { what: 'iperf3, TCP with offload, up', path: there, run: (network, plat) => bulk(network, plat, false) },
  { what: 'iperf3, TCP with offload, down', path: here, run: (network, plat) => bulk(network, plat, true) },
  {
    what: 'platypus session list',
    path: 'control socket',
    async run(_network, plat) {
      const rows = await plat.json<{ protocol: string }[]>('session', 'list');
      const count = (protocol: string) => rows.filter((row) => row.protocol === protocol).length;
      if (count('tcp') === 0 || count('udp') === 0) throw new Error(`no flow of TCP or UDP in ${rows.length} sessions`);
      return `${count('tcp')} TCP, ${count('udp')} UDP, ${count('icmp')} ICMP`;
    },
  },
];

/** Runs a program whose system resolver is the DNS64 server on the PLAT. */
async function named(host: Host, folder: string, argv: readonly string[]) {
  const outcome = await host.run(await withResolver(host, folder, plat6, argv));
  if (!outcome.ok) throw new Error(outcome.stderr.trim());
  return outcome;
}

async function bulk({ customer, server }: Network, plat: Plat, reverse: boolean): Promise<string> {
  const before = superPackets(await plat.counters());
  const { bitsPerSecond } = await iperf(customer, server, { seconds: 3, reverse });
  const packets = superPackets(await plat.counters()) - before;
  if (packets === 0) throw new Error('no super-packet was translated: offload is off');
  return `${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s, ${packets} super-packets`;
}

/** Small programs that enter a host or call the command line with this PLAT's socket. */
async function writeDoors(network: Network, plat: Plat): Promise<Record<string, string>> {
  const doors: Record<string, string> = {
    platypus: `exec ${process.execPath} ${join(root, 'dist', 'cli', 'main.js')} "$@" --socket ${plat.socket}`,
  };
  for (const host of [network.customer, network.plat, network.router, network.server]) {
    doors[host.name] = `[ $# -gt 0 ] || set -- "\${SHELL:-/bin/sh}"\nexec ${enterCommand(host)} -- "$@"`;
  }
  for (const [name, body] of Object.entries(doors)) {
    const file = join(network.folder, name);
    await writeFile(file, `#!/bin/sh\n${body}\n`);
    await chmod(file, 0o755);
    doors[name] = file;
  }
  return doors;
}

async function stay(network: Network, plat: Plat, interrupted: AbortSignal): Promise<void> {
  const doors = await writeDoors(network, plat);
  console.log(`
The network stays up. To try, in another terminal:

  ${doors.customer} ping -6 ${through(server4)}
  ${doors.customer} curl '${url('whoami')}'
  ${doors.customer} traceroute -6 -n ${through(server4)}
  ${doors.platypus} session list
  ${doors.platypus} stats --explain
  ${doors.customer}      a shell on that host; also plat, router, server

Ctrl-C here, or \`kill ${process.pid}\`, ends it and removes everything.`);
  if (interrupted.aborted) return;
  const ended = await Promise.race([
    new Promise<string>((resolve) => interrupted.addEventListener('abort', () => resolve(''))),
    plat.service.exited.then(
      (outcome) => `the PLAT ended: ${outcome.signal ?? `exit ${outcome.code}`}\n${outcome.stderr}`,
    ),
  ]);
  if (ended !== '') throw new Error(ended);
}

async function demo(interrupted: AbortSignal): Promise<number> {
  const lacking = missing();
  if (lacking !== null) {
    console.error(`platypus lab: ${lacking}.`);
    return 1;
  }
  const network = await buildNetwork();
  // An attempt that is under way fails as soon as its host is gone.
  interrupted.addEventListener('abort', () => void network.close());
  try {
    await startServers(network.server);
    await startUnbound(network);
    const plat = await startPlat(network, { config: labConfig });
    console.log(`customer  ${customer6}
plat      pool6 ${pool6}, pool4 ${pool4}
server    ${server4}, which the customer calls ${through(server4)}
`);
    const rows: string[][] = [];
    let failures = 0;
    for (const { what, path, run } of attempts) {
      if (interrupted.aborted) return 130;
      process.stderr.write(process.stderr.isTTY ? `\r\x1b[K… ${what}` : '');
      try {
        rows.push([what, path, 'ok', await run(network, plat)]);
      } catch (error) {
        failures += 1;
        rows.push([what, path, 'FAILED', error instanceof Error ? error.message : String(error)]);
      }
    }
    process.stderr.write(process.stderr.isTTY ? '\r\x1b[K' : '');
    console.log(table(['what', 'path', 'result', 'what came back'], rows));
    console.log(`\n${rows.length - failures} of ${rows.length} worked.`);
    if (failures > 0) console.log(`\nThe PLAT's log:\n${plat.service.stderr.split('\n').slice(-40).join('\n')}`);
    if (process.env.STAY === '1') await stay(network, plat, interrupted);
    return failures === 0 ? 0 : 1;
  } finally {
    await network.close();
  }
}

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort());

try {
  process.exitCode = await demo(interruption.signal);
} catch (error) {
  console.error(`platypus lab: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
