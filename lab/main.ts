/**
 * `make lab`: builds a 464XLAT network, sends real traffic through it and tells what came back, and by which way.
 * Exits 0 only when all of it worked. `STAY=1` leaves it up until Ctrl-C.
 */
import { announced, attempts, detour, pathOf, sessions } from './attempts.js';
import { writeDoors } from './doors.js';
import { missing } from './host.js';
import { server6, v4Name } from './names.js';
import { observe } from './path.js';
import type { Outcome } from './process.js';
import { table } from './table.js';
import { pool4, pool6, server4, through } from './topology.js';
import { httpPort, url } from './traffic.js';
import { buildXlat464, customer4, published4, type Xlat464 } from './xlat464.js';

async function stay(network: Xlat464, interrupted: AbortSignal): Promise<void> {
  const doors = await writeDoors(network);
  console.log(`
The network stays up. To try, in another terminal:

  ${doors.customer} ping ${server4}
  ${doors.customer} curl http://${v4Name}:${httpPort}/whoami
  ${doors.customer} traceroute -n ${server4}
  ${doors.customer} curl ${url('whoami', published4)}
  ${doors.phone} curl http://${v4Name}:${httpPort}/whoami
  ${doors.phone} ping ${through(server4)}
  ${doors.phone} dig AAAA ${v4Name}
  ${doors.clat} status
  ${doors.platypus} status
  ${doors.platypus} session list
  ${doors.platypus} neighbor list
  ${doors.platypus} drain
  ${doors.birdc} show route all
  ${doors.customer}      a shell on that host; also ${Object.keys(network.hosts).slice(1).join(', ')}

Ctrl-C here, or \`kill ${process.pid}\`, ends it and removes everything.`);
  if (interrupted.aborted) return;
  const services = { PLAT: network.plat.service, CLAT: network.home.service };
  const ended = await Promise.race([
    new Promise<null>((resolve) => interrupted.addEventListener('abort', () => resolve(null))),
    ...Object.entries(services).map(async ([name, { exited }]) => lastWords(name, await exited)),
  ]);
  if (ended !== null && !interrupted.aborted) throw new Error(ended);
}

const lastWords = (name: string, { signal, code, stderr }: Outcome) =>
  `the ${name} ended: ${signal ?? `exit ${code}`}\n${stderr}`;

/** Tries everything and prints what came of it. Returns how many did not work. */
async function tryAll(network: Xlat464, interrupted: AbortSignal): Promise<number> {
  const rows: string[][] = [];
  let failures = 0;
  for (const attempt of attempts) {
    if (interrupted.aborted) return 0;
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K… ${attempt.what}, ${attempt.from} to ${attempt.to}` : '');
    try {
      const { result, passed } = await observe(network, () => attempt.run(network));
      const wrong = detour(attempt, passed);
      if (wrong !== null) failures += 1;
      const back = attempt.offload === true ? `${result}, ${passed.supers.plat} super-packets` : result;
      rows.push([attempt.what, pathOf(attempt, passed), wrong === null ? 'ok' : 'FAILED', wrong ?? back]);
    } catch (error) {
      failures += 1;
      const why = error instanceof Error ? error.message : String(error);
      rows.push([attempt.what, `${attempt.from} → ? → ${attempt.to}`, 'FAILED', why]);
    }
  }
  process.stderr.write(process.stderr.isTTY ? '\r\x1b[K' : '');
  if (interrupted.aborted) return failures;
  console.log(table(['what', 'path, packets translated', 'result', 'what came back'], rows));
  console.log(`\n${table(['sessions of', 'known to the PLAT as', 'TCP', 'UDP', 'ICMP'], await sessions(network))}`);
  console.log(`\n${rows.length - failures} of ${rows.length} worked.`);
  return failures;
}

/** What the network is made of, as its parts say it themselves. */
async function introduce(network: Xlat464): Promise<void> {
  const [row] = await network.home.status();
  const neighbors = await network.plat.json<{ bgp: { name: string; state: string }[] }>('neighbor', 'list');
  console.log(`customer   IPv4 only, ${customer4}, behind a router with a CLAT
phone      IPv6 only, ${network.phone6}
neighbour  a CLAT of its own; its HTTP server is ${published4} outside
server     IPv4 only, ${server4}, which is ${through(server4)} in pool6
server6    IPv6 only, ${server6}
PLAT       pool6 ${pool6}, pool4 ${pool4}; BGP ${neighbors.bgp.map(({ name, state }) => `${name} ${state}`).join()}
CLAT       ${row?.words.replace('; ', ';\n           ').replace(', default', ',\n           default')}
resolver   ${network.resolvers.home}, the DNS64 server, as the advertisement says
`);
  console.log(`${table(['route', 'on', 'as the kernel has it'], await announced(network))}\n`);
}

async function demo(interrupted: AbortSignal): Promise<number> {
  const lacking = missing();
  if (lacking !== null) {
    console.error(`platypus lab: ${lacking}.`);
    return 1;
  }
  const network = await buildXlat464({ signal: interrupted });
  try {
    await introduce(network);
    const failures = await tryAll(network, interrupted);
    if (interrupted.aborted) return 130;
    if (failures > 0) {
      for (const [name, { service }] of Object.entries({ PLAT: network.plat, CLAT: network.home })) {
        console.log(`\nThe ${name}'s log:\n${service.stderr.split('\n').slice(-40).join('\n')}`);
      }
    }
    if (process.env.STAY === '1') await stay(network, interrupted);
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
  if (!interruption.signal.aborted)
    console.error(`platypus lab: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
