/** The OSPF announcer beside BIRD and FRR: what they have learned, and that it is gone when it has to be. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cable, type Host, missing, openHost } from '../../lab/host.js';
import { root } from '../../lab/plat.js';
import type { Service } from '../../lab/process.js';
import { type Router, startBird, startFrr } from '../../lab/routers.js';
import type { OspfNeighborStatus } from '../../src/bgp-lite/ospf/status.js';
import type { OspfAuthentication, OspfConfig, OspfInterfaceConfig } from '../../src/config/announce.js';
import { eventually } from './network.js';

const lacking = missing();
const POOL4 = '198.51.100.0/24';
const POOL6 = '64:ff9b::/96';

const ospfKey = (algorithm: 'md5' | 'hmac-sha-256'): OspfAuthentication => ({
  type: 'cryptographic',
  keys: [
    { id: 1, algorithm, key: 'sesame', sendFromMs: null, sendUntilMs: null, acceptFromMs: null, acceptUntilMs: null },
  ],
});

function config(over: Partial<OspfConfig>, iface: Partial<OspfInterfaceConfig>): OspfConfig {
  return {
    versions: [2, 3],
    areas: [{ id: iface.area ?? '0.0.0.0', type: 'normal' }],
    interfaces: [
      {
        name: 'p0',
        area: '0.0.0.0',
        type: 'point-to-point',
        cost: 10,
        priority: 0,
        helloSeconds: 1,
        deadSeconds: 4,
        retransmitSeconds: 5,
        transmitDelaySeconds: 1,
        mtuIgnore: false,
        instanceId: 0,
        authentication2: { type: 'none' },
        authentication3: { type: 'none' },
        bfd: null,
        ...iface,
      },
    ],
    as: 'external-2',
    metric: 20,
    loweredMetric: 0xfffffe,
    tag: null,
    prefixes: null,
    maxLsas: 10_000,
    stateFile: null,
    ...over,
  };
}

interface Announcer {
  service: Service;
  say(line: string): Promise<unknown>;
}

describe.skipIf(lacking !== null)('OSPF beside other daemons', () => {
  let ours: Host;
  let theirs: Host;
  let folder: string;
  let announcer: Announcer | null = null;
  let router: Router | null = null;

  async function connect(): Promise<void> {
    folder = await mkdtemp(join(tmpdir(), 'platypus-ospf-'));
    ours = await openHost('ours');
    theirs = await openHost('theirs');
    await cable(
      { host: ours, name: 'p0', addresses: ['192.0.2.1/24', 'fe80::1/64', '2001:db8:1::1/64'] },
      { host: theirs, name: 'r0', addresses: ['192.0.2.2/24', 'fe80::2/64', '2001:db8:1::2/64'] },
    );
  }

  async function announce(options: OspfConfig, line = `announce ${POOL4} ${POOL6}`): Promise<Announcer> {
    const service = ours.start(['node', join(root, 'test', 'e2e', 'agents', 'announcer.mjs')]);
    service.write(`${JSON.stringify({ routerId: '192.0.2.1', config: options })}\n`);
    await service.output(/^ready$/m);
    let answers = 1;
    const say = async (words: string): Promise<unknown> => {
      service.write(`${words}\n`);
      answers += 1;
      const [text = ''] = await service.output(new RegExp(`^(?:.*\\n){${answers}}`), 20_000);
      return JSON.parse(text.trim().split('\n').at(-1) ?? 'null');
    };
    announcer = { service, say };
    await say(line);
    return announcer;
  }

  const full = ({ say }: Announcer, versions: number) =>
    eventually(
      async () => (await say('neighbors')) as OspfNeighborStatus[],
      (rows) => rows.filter(({ state }) => state === 'full').length === versions,
      40_000,
    );

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail')
      console.log(announcer?.service.stderr, router?.services.at(-1)?.stdout.slice(-3000));
    await announcer?.service.stop();
    await router?.stop();
    announcer = null;
    router = null;
    await ours?.close();
    await theirs?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const birdInterface = (type: 'ptp' | 'bcast', more: string) =>
    `interface "r0" { type ${type}; hello 1; dead 4; wait 2; priority 10; ${more} };`;
  const bird = (type: 'ptp' | 'bcast', more2 = '', more3 = '', area = '') => `
log stderr all;
router id 192.0.2.2;
protocol device {}
protocol ospf v2 o4 { ipv4 { import all; export none; }; area 0 { ${area} ${birdInterface(type, more2)} }; }
protocol ospf v3 o6 { ipv6 { import all; export none; }; area 0 { ${area} ${birdInterface(type, more3)} }; }
`;

  test('OSPF-ADJ-01, -12 and OSPF-LSA-11, -21 BIRD, point-to-point: externals with their metric, gone at exit', async () => {
    await connect();
    router = await startBird(theirs, folder, bird('ptp'));
    const { ask } = router;
    const ends = await announce(config({}, {}));
    await full(ends, 2);
    const routes = () => ask('show', 'route', 'all');
    const text = await eventually(routes, (all) => all.includes(POOL4) && all.includes(POOL6));
    expect(text).toMatch(/198\.51\.100\.0\/24\s.*E2 \(150\/10\/20\)/);
    expect(text).toMatch(/64:ff9b::\/96\s.*E2 \(150\/10\/20\)/);
    await ends.say('stop');
    const after = await routes();
    expect(after).not.toContain(POOL4);
    expect(after).not.toContain(POOL6);
    expect(await ask('show', 'ospf', 'lsadb', 'o4')).not.toMatch(/192\.0\.2\.1\b.*192\.0\.2\.1\b/);
  });

  test('OSPF-LSA-20 and OSPF-V3LSA-08 BIRD, broadcast: stub links and intra-area prefixes, lowered and withdrawn', async () => {
    await connect();
    router = await startBird(theirs, folder, bird('bcast'));
    const { ask } = router;
    const ends = await announce(config({ as: 'stub', metric: 7, loweredMetric: 65_535 }, { type: 'broadcast' }));
    const rows = await full(ends, 2);
    expect(rows.map(({ role }) => role)).toEqual(['dr', 'dr']);
    const routes = () => ask('show', 'route', 'all');
    const metrics = (all: string, metric: number) =>
      all.includes(`I (150/${metric})`) && all.split(`I (150/${metric})`).length === 3;
    await eventually(routes, (all) => metrics(all, 17));
    await ends.say(`lower ${POOL4} ${POOL6}`);
    await eventually(routes, (all) => metrics(all, 65_545), 15_000);
    await ends.say('announce');
    await eventually(routes, (all) => !all.includes(POOL4) && !all.includes(POOL6));
    await ends.say('stop');
  });

  test('OSPF-AUTH-05, -08 and OSPF-V3AUTH-02 BIRD with MD5, and with HMAC-SHA-256 for both versions', async () => {
    const key = (algorithm: string) =>
      `authentication cryptographic; password "sesame" { id 1; algorithm ${algorithm}; };`;
    for (const [algorithm, name] of [
      ['md5', 'keyed md5'],
      ['hmac-sha-256', 'hmac sha256'],
    ] as const) {
      await connect();
      router = await startBird(theirs, folder, bird('ptp', key(name), key('hmac sha256')));
      const authentication = { authentication2: ospfKey(algorithm), authentication3: ospfKey('hmac-sha-256') };
      const ends = await announce(config({}, authentication));
      await full(ends, 2);
      const { ask } = router;
      await eventually(
        () => ask('show', 'route'),
        (all) => all.includes(POOL4) && all.includes(POOL6),
      );
      await ends.say('stop');
      await router.stop();
      await Promise.all([ours.close(), theirs.close(), rm(folder, { recursive: true })]);
    }
  });

  test('OSPF-LSA-15 BIRD, NSSA: type 7 with an own address to forward to', async () => {
    await connect();
    const text = bird('ptp').replaceAll('area 0 {', 'area 1 { nssa;');
    router = await startBird(theirs, folder, text);
    const { ask } = router;
    const options = config({ areas: [{ id: '0.0.0.1', type: 'nssa' }] }, { area: '0.0.0.1' });
    const ends = await announce(options);
    await full(ends, 2);
    const routes = () => ask('show', 'route', 'all');
    await eventually(routes, (all) => all.includes(POOL4) && all.includes(POOL6));
    await ends.say('stop');
    expect(await routes()).not.toContain(POOL4);
  });

  const frr = (network: 'point-to-point' | 'broadcast', more4 = '', more6 = '') => `
interface r0
 ip ospf area 0
 ip ospf network ${network}
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip ospf priority 10
 ${more4}
 ipv6 ospf6 area 0
 ipv6 ospf6 network ${network}
 ipv6 ospf6 hello-interval 1
 ipv6 ospf6 dead-interval 4
 ipv6 ospf6 priority 10
 ${more6}
router ospf
 ospf router-id 192.0.2.2
 timers throttle spf 0 50 100
router ospf6
 ospf6 router-id 192.0.2.2
 timers throttle spf 0 50 100
`;

  test.each(['point-to-point', 'broadcast'] as const)(
    'OSPF-ADJ-01 and OSPF-LSA-11, -21 FRR, %s: externals, lowered, gone at exit',
    async (type) => {
      await connect();
      router = await startFrr(theirs, folder, ['ospfd', 'ospf6d'], frr(type));
      const { ask } = router;
      const ends = await announce(config({}, { type }));
      await full(ends, 2);
      const both = async () => `${await ask('show ip ospf route')}\n${await ask('show ipv6 ospf6 route detail')}`;
      const text = await eventually(both, (all) => all.includes(POOL4) && all.includes(POOL6));
      expect(text).toMatch(/N E2 198\.51\.100\.0\/24\s+\[\d+\/20\]/);
      await ends.say(`lower ${POOL4} ${POOL6}`);
      await eventually(
        both,
        (all) => /198\.51\.100\.0\/24\s+\[\d+\/16777214\]/.test(all) && all.includes('16777214'),
        15_000,
      );
      await ends.say('stop');
      await eventually(both, (all) => !all.includes(POOL4) && !all.includes(POOL6), 1000);
      // FRR keeps what was flushed for a while, and shows its age.
      expect(await ask('show ip ospf database external')).toMatch(/LS age: 3600|^(?!.*198)/s);
    },
  );

  test('OSPF-HELLO-08 BIRD and FRR of priority 0: this announcer is their Designated Router', async () => {
    for (const daemon of ['bird', 'frr'] as const) {
      await connect();
      const zero = (text: string) => text.replaceAll('priority 10', 'priority 0');
      router =
        daemon === 'bird'
          ? await startBird(theirs, folder, zero(bird('bcast')))
          : await startFrr(theirs, folder, ['ospfd', 'ospf6d'], zero(frr('broadcast')));
      const { ask } = router;
      const ends = await announce(config({}, { type: 'broadcast', priority: 1 }));
      await full(ends, 2);
      const routes = async () =>
        daemon === 'bird'
          ? ask('show', 'route', 'all')
          : `${await ask('show ip ospf route')}\n${await ask('show ipv6 ospf6 route')}`;
      await eventually(routes, (all) => all.includes(POOL4) && all.includes(POOL6), 15_000);
      await ends.say('stop');
      await eventually(routes, (all) => !all.includes(POOL4) && !all.includes(POOL6), 1000);
      await router.stop();
      await Promise.all([ours.close(), theirs.close(), rm(folder, { recursive: true })]);
    }
  });

  test('OSPF-LSA-20 FRR: stub links and intra-area prefixes, and the adjacency outlives a blocked event loop', async () => {
    await connect();
    router = await startFrr(
      theirs,
      folder,
      ['ospfd', 'ospf6d'],
      frr('point-to-point').replaceAll('interval 4', 'interval 20'),
    );
    const { ask } = router;
    const ends = await announce(config({ as: 'stub', metric: 7, loweredMetric: 65_535 }, { deadSeconds: 20 }));
    await full(ends, 2);
    const both = async () => `${await ask('show ip ospf route')}\n${await ask('show ipv6 ospf6 route')}`;
    await eventually(both, (all) => all.includes(POOL4) && all.includes(POOL6));
    await ends.say('block 5000');
    expect(((await ends.say('neighbors')) as OspfNeighborStatus[]).map(({ state }) => state)).toEqual(['full', 'full']);
    await ends.say('stop');
    await eventually(both, (all) => !all.includes(POOL4) && !all.includes(POOL6), 1000);
  });
});
