/** BFD between the announcer and real routers: whose sessions it serves, and what it does to their routes. */
import { writeFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { cable, type Host } from '../../lab/host.js';
import { configFile, type Plat } from '../../lab/plat.js';
import { type Router, startBird, startFrr } from '../../lab/routers.js';
import type { AnnouncerStatus } from '../../src/bgp-lite/announcer.js';
import { createSwitch, onHosts, says, startAnnouncer } from './announcing.js';
import { eventually } from './network.js';

const POOL4 = '192.0.2.0/28';
// A detection time of a second: how soon it sees a loss is another test's, and here a busy machine must be none.
const BFD = 'bfd: { interval: 200ms, multiplier: 5 }';
const BGP = `  routerId: 203.0.113.2
  prefixes: ${POOL4}
  localAs: 65002
  bgp:
    - { name: edge, neighbor: 203.0.113.1, remoteAs: 65001, export: all, connectRetry: 1, advertisementInterval: 0, ${BFD} }
`;
const OSPF = `  ospf: { interface: edge, type: point-to-point, versions: 2, hello: 1, dead: 4, ${BFD} }
`;

const bird =
  (mode: string, more = '') =>
  (host: Host, folder: string) =>
    startBird(
      host,
      folder,
      `router id 203.0.113.1;
protocol device {}
protocol bfd { interface "*" { interval 200 ms; multiplier 5; }; }
protocol bgp platypus {
  local 203.0.113.1 as 65001;
  neighbor 203.0.113.2 as 65002;
  ${mode};
  ipv4 { import all; export none; };
}
${more}`,
    );

const ospf = `protocol ospf v2 {
  ipv4 { import none; export none; };
  area 0 { interface "speaker" { type ptp; hello 1; dead 4; bfd yes; }; };
}
`;

const frr = (host: Host, folder: string) =>
  startFrr(
    host,
    folder,
    ['bfdd', 'bgpd'],
    `router bgp 65001
 bgp router-id 203.0.113.1
 no bgp ebgp-requires-policy
 neighbor 203.0.113.2 remote-as 65002
 neighbor 203.0.113.2 timers connect 1
 neighbor 203.0.113.2 bfd 5 200 200
`,
  );

const ofBird = { route: ['show', 'route', 'protocol', 'platypus'], has: /192\.0\.2\.0\/28/ };
const ofFrr = { route: [`show bgp ipv4 unicast ${POOL4}`], has: /Paths: \(1 available/ };

const status = (speaker: Plat) => speaker.json<AnnouncerStatus>('neighbor', 'list');
const settled = (speaker: Plat) =>
  eventually(
    () => status(speaker),
    ({ bgp, bfd }) => bgp.every((one) => one.state === 'Established') && bfd.every((one) => one.state === 'up'),
    20_000,
  );

async function cableUp({ speaker, edge }: { speaker: Host; edge: Host }): Promise<void> {
  await cable(
    { host: speaker, name: 'edge', addresses: ['203.0.113.2/24'] },
    { host: edge, name: 'speaker', addresses: ['203.0.113.1/24'] },
  );
}

for (const { name, start, route, has, section } of [
  { name: 'BIRD, bfd on', start: bird('bfd on'), ...ofBird, section: BGP },
  { name: 'BIRD, bfd on for OSPF too', start: bird('bfd on', ospf), ...ofBird, section: BGP + OSPF },
  { name: 'BIRD, bfd graceful', start: bird('bfd graceful'), ...ofBird, section: BGP },
  { name: 'FRR', start: frr, ...ofFrr, section: BGP },
]) {
  onHosts(`A planned restart with BFD beside ${name}`, ['speaker', 'edge'], (at) => {
    let router: Router;
    let speaker: Plat;

    beforeAll(async () => {
      const { hosts, folder } = at();
      await cableUp(hosts);
      router = await start(hosts.edge, folder);
      speaker = await startAnnouncer(hosts.speaker, folder, section);
      await settled(speaker);
      await says(router, route, has);
    });

    test('the routes stay from the stop until BFD is up again', async () => {
      const { hosts, folder } = at();
      await speaker.platypus('plan-restart');
      expect((await speaker.service.stop(40_000)).code).toBe(0);
      const seen: boolean[] = [];
      let back = false;
      const watching = (async () => {
        while (!back) seen.push(has.test(await router.ask(...route)));
      })();
      speaker = await startAnnouncer(hosts.speaker, folder, section);
      await settled(speaker);
      back = true;
      await watching;
      expect(new Set(seen)).toEqual(new Set([true]));
      await speaker.stop();
      await router.stop();
    });
  });
}

onHosts('BGP and OSPF with one BIRD', ['speaker', 'edge'], (at) => {
  let router: Router;
  let speaker: Plat;

  beforeAll(async () => {
    const { hosts, folder } = at();
    await cableUp(hosts);
    router = await bird('bfd on', ospf)(hosts.edge, folder);
    speaker = await startAnnouncer(hosts.speaker, folder, BGP + OSPF);
  });

  test('share one BFD session, which stays up', async () => {
    const full = (now: AnnouncerStatus) =>
      now.ospf.neighbors[0]?.state === 'full' && now.ospf.neighbors[0].bfd === 'up';
    await eventually(() => status(speaker), full, 20_000);
    const { bfd } = await settled(speaker);
    expect(bfd).toEqual([expect.objectContaining({ remote: '203.0.113.1', state: 'up' })]);
    const sessions = ['show', 'bfd', 'sessions'];
    const before = await says(router, sessions, /203\.0\.113\.2 +speaker +Up/);
    // Several detection times, and the pace of packets while a session is down.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect(await router.ask(...sessions)).toBe(before.text);
  });

  test('a neighbour at a device that is not there yet: the reload is done, checks go on, and BFD comes with it', async () => {
    const { hosts, folder } = at();
    const ready = await createSwitch(folder, 'late');
    const late = `    - { name: late, neighbor: 198.51.100.1, remoteAs: 65001, interface: late, passive: true, ${BFD} }
`;
    const config = `announce:\n${BGP}${late}${OSPF}${ready.lines}`;
    await writeFile(configFile({ folder }, hosts.speaker.name), config);
    expect((await speaker.platypus('reload')).stdout).toMatch(/neighbor late: added/);
    expect((await speaker.platypus('neighbor', 'show', 'late')).stdout).toMatch(/error +.*no such device/i);
    await says(router, ofBird.route, ofBird.has);
    await ready.off();
    await says(router, ofBird.route, ofBird.has, { not: true });
    await ready.on();
    await cable(
      { host: hosts.speaker, name: 'late', addresses: ['198.51.100.2/24'] },
      { host: hosts.edge, name: 'early', addresses: ['198.51.100.1/24'] },
    );
    const { bfd } = await eventually(
      () => status(speaker),
      (now) => now.bfd.every((one) => !('error' in one)),
      20_000,
    );
    expect(bfd).toHaveLength(2);
    await speaker.stop();
    await router.stop();
  });
});
