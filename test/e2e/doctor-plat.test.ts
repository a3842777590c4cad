/** The doctor on a PLAT that announces itself, and with one thing wrong at a time. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { missing } from '../../lab/host.js';
import { labConfig, startUnbound } from '../../lab/names.js';
import { type Plat, startPlat } from '../../lab/plat.js';
import type { Service } from '../../lab/process.js';
import { startBird } from '../../lab/routers.js';
import { buildNetwork, type Network, plat4, plat6, pool4, router4 } from '../../lab/topology.js';
import { askDoctor, expectHealthy, findsEach, type Plant } from './doctoring.js';
import { eventually } from './network.js';

const bird = `router id ${router4};
protocol device { }
protocol bgp plat {
  local ${router4} as 65001;
  neighbor ${plat4} as 65002;
  ipv4 { import all; export none; };
}
`;

interface Status {
  announcer: { neighborsUp: number; prefixes: { state: string }[] };
  dns64: { ready: boolean };
}

describe.skipIf(missing() !== null)('doctor on a PLAT', () => {
  let network: Network;
  let plat: Plat;
  let unbound: Service;
  let logs: string;
  let willing: string;

  const config = () => `${labConfig}  queryLog: { file: ${join(logs, 'queries.json')} }
announce:
  prefixes: pool4
  ready:
    checks: { name: willing, command: [test, -e, ${willing}], every: 100ms, timeout: 2s }
    dns64: null
  hold: 0ms
  bgp:
    - { neighbor: ${router4}, remoteAs: 65001, localAs: 65002, export: all }
`;
  const ask = () => askDoctor({ host: network.plat, folder: network.folder, socket: plat.socket, resolver: plat6 });
  const until = (wanted: (status: Status) => boolean) => eventually(() => plat.json<Status>('status'), wanted, 30_000);
  /** Questions show whether upstream lives. */
  const untilAsked = (wanted: (status: Status) => boolean) => {
    let count = 0;
    const asked = async () => {
      await network.plat.run(['dig', '+tries=1', '+time=1', `@${plat6}`, `n${++count}.example.net`, 'AAAA']);
      return plat.json<Status>('status');
    };
    return eventually(asked, wanted, 60_000);
  };
  const announced = ({ announcer }: Status) =>
    announcer.neighborsUp === 1 && announcer.prefixes.every(({ state }) => state === 'announced');

  beforeAll(async () => {
    network = await buildNetwork();
    logs = join(network.folder, 'logs');
    willing = join(network.folder, 'willing');
    await mkdir(logs);
    await writeFile(willing, '');
    unbound = await startUnbound(network);
    await startBird(network.router, network.folder, bird);
    plat = await startPlat(network, { config: config() });
    await until((status) => announced(status) && status.dns64.ready);
  });
  afterAll(async () => {
    await plat?.stop();
    await network?.close();
  });

  test('finds nothing where all is well', () => expectHealthy(ask));

  const on = (script: string, undo: string): Pick<Plant, 'plant' | 'repair'> => ({
    plant: () => network.plat.script(script),
    repair: () => network.plat.script(undo),
  });

  findsEach(
    {
      'a router that does not route pool4 back': {
        wrong: ['pool-returned'],
        plant: () => network.router.script(`ip route del ${pool4}`),
        repair: () => network.router.script(`ip route add ${pool4} via ${plat4}`),
      },
      'an address of the host inside pool4': {
        wrong: ['pool-addresses'],
        ...on('ip address add 192.0.2.5/32 dev lo', 'ip address del 192.0.2.5/32 dev lo'),
      },
      'a check that fails and has the prefix withdrawn': {
        wrong: ['announcement'],
        async plant() {
          await rm(willing);
          await until(({ announcer }) => announcer.prefixes.some(({ state }) => state === 'withdrawn'));
        },
        async repair() {
          await writeFile(willing, '');
          await until(announced);
        },
      },
      'a neighbour that was shut down': {
        wrong: ['announcement'],
        async plant() {
          await plat.platypus('neighbor', 'shutdown', router4);
          await until(({ announcer }) => announcer.neighborsUp === 0);
        },
        async repair() {
          await plat.platypus('neighbor', 'enable', router4);
          await until(announced);
        },
      },
      'a resolver upstream that is gone': {
        // ipv4only.arpa is answered without upstream (RFC 8880).
        wrong: ['dns64'],
        async plant() {
          await unbound.stop();
          await untilAsked(({ dns64 }) => !dns64.ready);
        },
        async repair() {
          unbound = await startUnbound(network);
          await untilAsked(({ dns64 }) => dns64.ready);
        },
      },
      'a log whose folder is gone': {
        wrong: ['logs'],
        plant: () => rm(logs, { recursive: true }),
        repair: () => mkdir(logs),
      },
      'IPv4 forwarding switched off': {
        wrong: ['forwarding'],
        ...on('sysctl -qw net.ipv4.ip_forward=0', 'sysctl -qw net.ipv4.ip_forward=1'),
      },
      'Docker’s closed FORWARD chain': {
        wrong: ['forward-policy'],
        ...on(
          'nft add table ip filter; nft "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"',
          'nft delete table ip filter',
        ),
      },
    },
    ask,
  );
});
