/**
 * `make soak`: the announcer beside BIRD, FRR and GoBGP with hold timers of 3 s and OSPF with a dead interval of 4 s, for
 * DURATION seconds (an hour unless told), while the event loop of its thread is busy for 80 % of the time and a readiness
 * check fails every half a minute. Prints what it saw; exits 1 when a session was lost.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cable, type Host, missing, openHost } from './host.js';
import { type Plat, root, startPlat } from './plat.js';
import { rssKib } from './process.js';
import { type Router, startBird, startFrr, startGobgp } from './routers.js';

const seconds = Number(process.argv[2] ?? 3600);
const BUSY_PERCENT = 80;
/** How often the readiness check changes its mind, and how often a line is printed, milliseconds. */
const FLAP_MS = 30_000;
const PRINT_MS = 300_000;

const NAMES = ['bird', 'frr', 'gobgp'] as const;
type Name = (typeof NAMES)[number];

const near = (name: Name) => `10.0.${NAMES.indexOf(name)}.2`;
const far = (name: Name) => `10.0.${NAMES.indexOf(name)}.1`;

const routers: Readonly<Record<Name, (host: Host, folder: string) => Promise<Router>>> = {
  bird: (host, folder) =>
    startBird(
      host,
      folder,
      `router id ${far('bird')};
protocol device {}
protocol bgp platypus {
  local ${far('bird')} as 65001;
  neighbor ${near('bird')} as 65000;
  hold time 3;
  keepalive time 1;
  ipv4 { import all; export none; };
}
protocol ospf v2 inside {
  ipv4 { import all; export none; };
  area 0 { interface "speaker" { type ptp; hello 1; dead count 4; }; };
}
`,
    ),
  frr: (host, folder) =>
    startFrr(
      host,
      folder,
      ['bgpd'],
      `router bgp 65001
 bgp router-id ${far('frr')}
 no bgp ebgp-requires-policy
 timers bgp 1 3
 neighbor ${near('frr')} remote-as 65000
 neighbor ${near('frr')} timers connect 1
`,
    ),
  gobgp: (host, folder) =>
    startGobgp(
      host,
      folder,
      `[global.config]
  as = 65001
  router-id = "${far('gobgp')}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${near('gobgp')}"
    peer-as = 65000
  [neighbors.timers.config]
    hold-time = 3
    keepalive-interval = 1
    connect-retry = 1
`,
    ),
};

const configOf = (ready: string) => `announce:
  routerId: ${near('bird')}
  prefixes: 192.0.2.0/28
  localAs: 65000
  hold: 0
  ready:
    checks: { name: switch, command: [ test, -e, "${ready}" ], every: 1s, down: 1, up: 1 }
  ospf: { interface: bird, type: point-to-point, hello: 1, dead: 4, versions: 2 }
  bgp:
${NAMES.map(
  (name) => `    - neighbor: ${far(name)}
      name: ${name}
      remoteAs: 65001
      holdTime: 3
      connectRetry: 1
      advertisementInterval: 0
      export: all
`,
).join('')}`;

interface Seen {
  bgp: { name: string; state: string; established: number; holdTimeSeconds: number | null; lastError: unknown }[];
  ospf: { neighbors: { state: string; fullForSeconds: number | null }[] };
}

const rssMib = async (pid: number) => (await rssKib(pid)) / 1024;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until all is up, for half a minute at most. */
async function settle(plat: Plat): Promise<Seen> {
  const end = Date.now() + 60_000;
  for (;;) {
    const seen = await plat.json<Seen>('neighbor', 'list');
    const up =
      seen.bgp.every(({ state }) => state === 'Established') &&
      seen.ospf.neighbors.some(({ state }) => state === 'full');
    if (up) return seen;
    if (Date.now() > end) throw new Error(`not all is up: ${JSON.stringify(seen)}`);
    await sleep(500);
  }
}

/** What was lost between two looks, as sentences. */
function losses(before: Seen, after: Seen): string[] {
  const bgp = after.bgp.flatMap(({ name, state, established, lastError }) => {
    const sessions = established - (before.bgp.find((one) => one.name === name)?.established ?? 0);
    return state === 'Established' && sessions === 0
      ? []
      : [`BGP ${name} is ${state} after ${sessions} more sessions: ${JSON.stringify(lastError)}`];
  });
  const [ospf] = after.ospf.neighbors;
  const full = (ospf?.fullForSeconds ?? 0) >= (before.ospf.neighbors[0]?.fullForSeconds ?? 0);
  return [
    ...bgp,
    ...(ospf?.state === 'full' && full ? [] : [`OSPF is ${ospf?.state ?? 'gone'}, or was not Full all the time`]),
  ];
}

async function soak(): Promise<number> {
  const lacking = missing();
  if (lacking !== null) {
    console.log(`skipped: ${lacking}`);
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), 'platypus-soak-'));
  const hosts: Host[] = [];
  try {
    const speaker = await openHost('speaker');
    hosts.push(speaker);
    for (const name of NAMES) {
      const host = await openHost(name);
      hosts.push(host);
      await cable(
        { host: speaker, name, addresses: [`${near(name)}/30`] },
        { host, name: 'speaker', addresses: [`${far(name)}/30`] },
      );
      await routers[name](host, folder);
    }
    const ready = join(folder, 'ready');
    await writeFile(ready, '');
    const busy = `--import=${join(root, 'build', 'lab', 'agents', 'busy.js')}`;
    const plat = await startPlat(
      { plat: speaker, folder },
      {
        config: configOf(ready),
        command: 'announce',
        by: ['env', `NODE_OPTIONS=${busy}`, `BUSY_PERCENT=${BUSY_PERCENT}`],
      },
    );
    const before = await settle(plat);
    const memory = [await rssMib(plat.service.pid)];
    console.log(`all sessions are up; ${seconds} s with the announcer's event loop busy for ${BUSY_PERCENT} %`);

    const endMs = Date.now() + seconds * 1000;
    let printMs = Date.now() + PRINT_MS;
    let flaps = 0;
    while (Date.now() < endMs) {
      await sleep(Math.min(FLAP_MS, endMs - Date.now()));
      flaps += 1;
      if (flaps % 2 === 1) await rm(ready, { force: true });
      else await writeFile(ready, '');
      if (Date.now() < printMs) continue;
      printMs += PRINT_MS;
      const lost = losses(before, await plat.json<Seen>('neighbor', 'list'));
      const left = Math.round((endMs - Date.now()) / 1000);
      console.log(
        `${left} s to go, ${(await rssMib(plat.service.pid)).toFixed(0)} MiB: ${lost.length === 0 ? 'nothing lost' : lost.join('; ')}`,
      );
    }
    const after = await plat.json<Seen>('neighbor', 'list');
    memory.push(await rssMib(plat.service.pid));
    const lost = losses(before, after);
    console.log(`hold times  ${after.bgp.map(({ name, holdTimeSeconds }) => `${name} ${holdTimeSeconds} s`).join(', ')}
flaps       ${flaps} changes of the readiness check
memory      ${memory.map((mib) => mib.toFixed(1)).join(', ')} MiB: before, after
sessions    ${lost.length === 0 ? 'none was lost' : lost.join('; ')}`);
    const ended = await plat.stop();
    return lost.length === 0 && ended.code === 0 ? 0 : 1;
  } finally {
    await Promise.all(hosts.map((host) => host.close()));
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await soak();
} catch (error) {
  console.error(`soak: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
