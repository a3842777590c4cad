/** The announcer's BGP beside BIRD, FRR and GoBGP: what each says it has learned. */
import { beforeAll, expect, test } from 'vitest';
import { cable, type Host } from '../../lab/host.js';
import type { Plat } from '../../lab/plat.js';
import { type Router, startBird, startFrr, startGobgp } from '../../lab/routers.js';
import { createSwitch, onHosts, report, says, startAnnouncer } from './announcing.js';
import { eventually, sockets } from './network.js';

const SPEAKER4 = '203.0.113.2';
const ROUTER4 = '203.0.113.1';
const POOL4 = '192.0.2.0/28';
const POOL6 = '2001:db8:64::/96';

const SECTION = `  routerId: ${SPEAKER4}
  prefixes: [ ${POOL4}, "${POOL6}" ]
  bgp:
    - neighbor: ${ROUTER4}
      name: edge
      remoteAs: 65001
      localAs: 4200000002
      families: [ ipv4, ipv6 ]
      nextHop6: "2001:db8:f::2"
      export: all
      med: 50
      prepend: 1
      communities: [ "65001:100", "65001:1:2", no-export ]
      connectRetry: 1
      holdTime: 9
      advertisementInterval: 0
`;

interface Daemon {
  name: string;
  start(host: Host, folder: string): Promise<Router>;
  /** How it is asked about a prefix, and what of the answer each attribute is. */
  ask(prefix: string): string[];
  has: RegExp;
  path: RegExp;
  med: RegExp;
  community: RegExp;
  largeCommunity: RegExp;
  nextHop6: RegExp;
  /** How it is asked about the session, and what it says with and without one. */
  session: string[];
  up: RegExp;
  down: RegExp;
}

const bird: Daemon = {
  name: 'BIRD',
  start: (host, folder) =>
    startBird(
      host,
      folder,
      `router id ${ROUTER4};
protocol device {}
protocol bgp platypus {
  local ${ROUTER4} as 65001;
  neighbor ${SPEAKER4} as 4200000002;
  ipv4 { import all; export none; };
  ipv6 { import all; export none; next hop address 2001:db8:f::1; };
}
`,
    ),
  ask: (prefix) => ['show', 'route', 'for', prefix, 'all'],
  has: /unicast|BGP\.as_path/,
  path: /BGP\.as_path: 4200000002 4200000002$/m,
  med: /BGP\.med: 50$/m,
  community: /BGP\.community: .*\(65001,100\).*\(65535,65281\)/,
  largeCommunity: /BGP\.large_community: \(65001, 1, 2\)/,
  nextHop6: /BGP\.next_hop: 2001:db8:f::2/,
  session: ['show', 'protocols', 'platypus'],
  up: /Established/,
  down: /Active|Connect|Idle|start/,
};

const frr: Daemon = {
  name: 'FRR',
  start: (host, folder) =>
    startFrr(
      host,
      folder,
      ['bgpd'],
      `router bgp 65001
 bgp router-id ${ROUTER4}
 no bgp ebgp-requires-policy
 neighbor ${SPEAKER4} remote-as 4200000002
 neighbor ${SPEAKER4} timers connect 1
 address-family ipv6 unicast
  neighbor ${SPEAKER4} activate
 exit-address-family
`,
    ),
  ask: (prefix) => ['show', 'bgp', prefix.includes(':') ? 'ipv6' : 'ipv4', 'unicast', prefix],
  has: /Paths: \(1 available/,
  path: /^ {2}4200000002 4200000002$/m,
  med: /metric 50,/,
  community: /Community: 65001:100 no-export/,
  largeCommunity: /Large Community: 65001:1:2/,
  nextHop6: /2001:db8:f::2/,
  session: [`show bgp neighbors ${SPEAKER4}`],
  up: /BGP state = Established/,
  down: /BGP state = (?!Established)/,
};

const gobgp: Daemon = {
  name: 'GoBGP',
  start: (host, folder) =>
    startGobgp(
      host,
      folder,
      `[global.config]
  as = 65001
  router-id = "${ROUTER4}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${SPEAKER4}"
    peer-as = 4200000002
  [neighbors.timers.config]
    connect-retry = 1
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 60
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
`,
    ),
  ask: (prefix) => ['global', 'rib', '-a', prefix.includes(':') ? 'ipv6' : 'ipv4', prefix],
  has: /4200000002 4200000002/,
  path: /4200000002 4200000002 /,
  med: /\{Med: 50\}/,
  community: /\{Communities: .*65001:100.*no-export/,
  largeCommunity: /65001:1:2/,
  nextHop6: /2001:db8:f::2/,
  session: ['neighbor', SPEAKER4],
  up: /BGP state = ESTABLISHED/i,
  down: /BGP state = (?!ESTABLISHED)/i,
};

for (const daemon of [bird, frr, gobgp]) {
  onHosts(`BGP beside ${daemon.name}`, ['speaker', 'edge'], (at) => {
    let router: Router;
    let speaker: Plat;
    let ready: Awaited<ReturnType<typeof createSwitch>>;

    beforeAll(async () => {
      const { hosts, folder } = at();
      await cable(
        { host: hosts.speaker, name: 'edge', addresses: [`${SPEAKER4}/24`, '2001:db8:f::2/64'] },
        { host: hosts.edge, name: 'speaker', addresses: [`${ROUTER4}/24`, '2001:db8:f::1/64'] },
      );
      ready = await createSwitch(folder, 'bgp');
      router = await daemon.start(hosts.edge, folder);
      speaker = await startAnnouncer(hosts.speaker, folder, SECTION + ready.lines);
    });

    test('BGP-UPD-03, BGP-UPD-05, BGP-UPD-08, BGP-COM-01, BGP-COM-02, BGP-AS4-04 pool4 is learned with its attributes', async () => {
      const { text } = await says(router, daemon.ask(POOL4), daemon.has);
      expect(text).toMatch(daemon.path);
      expect(text).toMatch(daemon.med);
      expect(text).toMatch(daemon.community);
      expect(text).toMatch(daemon.largeCommunity);
      expect(text).toContain(SPEAKER4);
    });

    test('BGP-MP-02, BGP-MP-05, BGP-MP-06 pool6 over the same session has its next hop', async () => {
      const { text } = await says(router, daemon.ask(POOL6), daemon.has);
      expect(text).toMatch(daemon.nextHop6);
      expect(text).toMatch(daemon.path);
    });

    test('the operator sees neighbour and routes', async () => {
      const list = await speaker.platypus('neighbor', 'list');
      expect(list.stdout).toMatch(/^edge +eBGP +Established .*announced 2/m);
      const show = await speaker.platypus('neighbor', 'show', 'edge');
      expect(show.stdout).toMatch(/^hold time seconds +9$/m);
      const routes = await speaker.platypus('route', 'list');
      expect(routes.stdout).toMatch(
        /^192\.0\.2\.0\/28 +announced +edge +203\.0\.113\.2 +announced +path 4200000002 4200000002, med 50/m,
      );
    });

    test('BGP-UPD-12, BGP-UPD-15 a failed readiness condition withdraws, and the session stays', async () => {
      await ready.off();
      const gone = await says(router, daemon.ask(POOL4), daemon.has, { not: true });
      report(`${daemon.name}: withdrawn after the check failed (a look each 100 ms)`, gone.tookMs);
      await says(router, daemon.ask(POOL6), daemon.has, { not: true });
      expect((await speaker.platypus('neighbor', 'list')).stdout).toMatch(/Established/);
      await ready.on();
      await says(router, daemon.ask(POOL4), daemon.has);
    });

    test('BGP-GR-16 a drain lowers the preference before anything is withdrawn', async () => {
      expect((await speaker.platypus('drain', '--timeout', '60')).stdout).toMatch(/^draining/);
      const { text } = await says(router, daemon.ask(POOL4), /1050/);
      expect(text).toMatch(daemon.has);
      await speaker.platypus('undrain');
      await says(router, daemon.ask(POOL4), daemon.med);
    });

    test('BGP-SEC-05 forged ICMP errors about its packets end no session', async () => {
      const established = async () => {
        const { bgp } = await speaker.json<{ bgp: { state: string; established: number }[] }>('neighbor', 'list');
        return bgp.map(({ state, established: times }) => `${state} ${times}`);
      };
      const before = await established();
      const forger = at().hosts.edge.start(sockets('refuse-tcp', 'speaker', 4));
      expect((await forger.exited).stdout).toMatch(/refused/);
      const { stdout } = await at().hosts.speaker.run(['cat', '/proc/net/snmp']);
      const [, names = '', values = ''] = /^Icmp: (.*)\nIcmp: (.*)$/m.exec(stdout) ?? [];
      expect(Number(values.split(' ')[names.split(' ').indexOf('InDestUnreachs')])).toBeGreaterThanOrEqual(8);
      expect(await established()).toEqual(before);
    });

    test('BGP-GR-01, BGP-GR-06, BGP-GR-16 over a planned restart the routes stay, and are refreshed', async () => {
      const { hosts, folder } = at();
      expect((await speaker.platypus('plan-restart')).stdout).toMatch(/planned restart/);
      // Each session is opened again to say that it is a restart, which GoBGP takes some seconds to accept.
      expect((await speaker.service.stop(40_000)).code).toBe(0);
      // The router has seen the end of the connection, and keeps what it learned.
      await says(router, daemon.session, daemon.down);
      expect(await router.ask(...daemon.ask(POOL4))).toMatch(daemon.has);
      // The session can be up long before the check has its first result.
      const seen: string[] = [];
      let announced = false;
      const watching = (async () => {
        while (!announced) {
          for (const prefix of [POOL4, POOL6]) seen.push(await router.ask(...daemon.ask(prefix)).catch(String));
        }
      })();
      try {
        speaker = await startAnnouncer(hosts.speaker, folder, SECTION + ready.slowLines);
        await eventually(
          () => speaker.json<{ bgp: { routes: { announced: number } }[] }>('neighbor', 'list'),
          ({ bgp }) => bgp[0]?.routes.announced === 2,
          20_000,
        );
      } finally {
        announced = true;
        await watching;
      }
      expect(seen.filter((text) => !daemon.has.test(text))).toEqual([]);
      await says(router, daemon.session, daemon.up);
      expect((await says(router, daemon.ask(POOL4), daemon.has)).text).not.toMatch(/stale/i);
    });

    test('BGP-CEASE-03, BGP-GR-16 at shutdown the routes are gone', async () => {
      const fromMs = performance.now();
      const stopping = speaker.stop();
      const gone = await says(router, daemon.ask(POOL4), daemon.has, { not: true });
      report(`${daemon.name}: withdrawn after SIGTERM`, gone.tookMs);
      expect((await stopping).code).toBe(0);
      report(`${daemon.name}: ended after SIGTERM`, performance.now() - fromMs);
      await router.stop();
    });
  });
}
