/**
 * The wireless ISP: two PLATs, OSPF towards the customers and BGP towards the Internet, the second at a higher cost.
 *
 *                    ┌─ plat1 ─┐
 *     customer ─ core           edge ─ server
 *                    └─ plat2 ─┘
 */
import { beforeAll, expect, test } from 'vitest';
import { cable, forward, type Host } from '../../lab/host.js';
import { type Plat, startPlat } from '../../lab/plat.js';
import { type Router, startBird, startFrr } from '../../lab/routers.js';
import { pool6, server4, through } from '../../lab/topology.js';
import { onHosts, report, says } from './announcing.js';
import { eventually } from './network.js';

const NAMES = ['customer', 'core', 'plat1', 'plat2', 'edge', 'server'] as const;

const coreConfig = (bfd: boolean) => `router id 10.0.0.1;
protocol device { scan time 1; }
protocol bfd { interface "*" { interval 50 ms; multiplier 3; }; }
protocol kernel { ipv4 { export all; import none; }; }
protocol kernel { ipv6 { export all; import none; }; }
protocol ospf v2 inside4 {
  ipv4 { import all; export none; };
  area 0 { interface "plat*" { type ptp; hello 1; dead count 4; cost 5; bfd ${bfd ? 'yes' : 'no'}; }; };
}
protocol ospf v3 inside6 {
  ipv6 { import all; export none; };
  area 0 {
    interface "plat*" { type ptp; hello 1; dead count 4; cost 5; bfd ${bfd ? 'yes' : 'no'}; };
    interface "customer" { stub yes; };
  };
}
`;

const EDGE = `router bgp 65010
 bgp router-id 203.0.113.2
 no bgp ebgp-requires-policy
 neighbor 203.0.113.1 remote-as 65002
 neighbor 203.0.113.1 timers connect 1
 neighbor 203.0.113.5 remote-as 65002
 neighbor 203.0.113.5 timers connect 1
`;

/** Each has a pool4 of its own, so that answers come back to the one that has the session. */
const pool4 = (net: 1 | 2) => (net === 1 ? '192.0.2.0/28' : '192.0.2.16/28');

/** `net` tells the two PLATs apart; the second has the worse metric. */
const platConfig = (net: 1 | 2, bfd: boolean) => `plat:
  pool6: ${pool6}
  pool4: ${pool4(net)}
announce:
  routerId: 10.${net}.0.2
  hold: 500ms
  blackhole: true
  drain: { timeout: 60s }
  ospf:
    interface: core
    type: point-to-point
    hello: 1
    dead: 4
    metric: ${net * 10}
    bfd: ${bfd ? '{ interval: 50ms, multiplier: 3 }' : 'false'}
  bgp:
    - neighbor: 203.0.113.${net === 1 ? 2 : 6}
      name: edge
      remoteAs: 65010
      localAs: 65002
      connectRetry: 1
      holdTime: 9
      advertisementInterval: 0
      export: ${pool4(net)}
`;

for (const bfd of [false, true]) {
  onHosts(`two PLATs at different cost, ${bfd ? 'with' : 'without'} BFD`, NAMES, (at) => {
    let core: Router;
    let edge: Router;
    const plats: Plat[] = [];

    const start = async (net: 1 | 2) => {
      const { hosts, folder } = at();
      plats[net] = await startPlat(
        { plat: hosts[`plat${net}`], folder },
        { config: platConfig(net, bfd), name: `plat${net}` },
      );
    };

    beforeAll(async () => {
      const { hosts, folder } = at();
      await cable(
        { host: hosts.core, name: 'customer', addresses: ['2001:db8:1::1/64'] },
        { host: hosts.customer, name: 'eth0', addresses: ['2001:db8:1::2/64'] },
      );
      await hosts.customer.script('ip -6 route add default via 2001:db8:1::1');
      for (const net of [1, 2] as const) {
        const plat: Host = hosts[`plat${net}`];
        const outside = net === 1 ? [1, 2] : [5, 6];
        await cable(
          { host: hosts.core, name: `plat${net}`, addresses: [`10.${net}.0.1/30`, `2001:db8:a${net}::1/64`] },
          { host: plat, name: 'core', addresses: [`10.${net}.0.2/30`, `2001:db8:a${net}::2/64`] },
        );
        await cable(
          { host: plat, name: 'edge', addresses: [`203.0.113.${outside[0]}/30`] },
          { host: hosts.edge, name: `plat${net}`, addresses: [`203.0.113.${outside[1]}/30`] },
        );
        await plat.script(
          `ip -6 route add 2001:db8:1::/64 via 2001:db8:a${net}::1\nip route add default via 203.0.113.${outside[1]}`,
        );
        await forward(plat);
      }
      await cable(
        { host: hosts.edge, name: 'server', addresses: ['198.51.100.1/24'] },
        { host: hosts.server, name: 'eth0', addresses: [`${server4}/24`] },
      );
      await hosts.server.script('ip route add default via 198.51.100.1');
      await forward(hosts.core);
      await forward(hosts.edge);
      core = await startBird(hosts.core, folder, coreConfig(bfd));
      edge = await startFrr(hosts.edge, folder, ['bgpd'], EDGE);
      await Promise.all([start(1), start(2)]);
    });

    const reaches = async () =>
      (await at().hosts.customer.run(['ping', '-6', '-n', '-q', '-c', '1', '-W', '1', through(server4)])).ok;
    const pool6By = (net: number) => new RegExp(`via fe80::.* dev plat${net} proto bird`);
    const inside = async () => (await at().hosts.core.run(['ip', '-6', 'route', 'show', pool6])).stdout;
    const outside = async () => (await at().hosts.edge.run(['ip', 'route', 'show', 'proto', 'bgp'])).stdout;
    const both = /192\.0\.2\.0\/28 .*via 203\.0\.113\.1 [\s\S]*192\.0\.2\.16\/28 .*via 203\.0\.113\.5 /;

    test('OSPF-ADJ-01, OSPF-V3LSA-11 both adjacencies are Full, and the cheaper PLAT is used', async () => {
      await says(core, ['show', 'ospf', 'neighbors', 'inside6'], /Full.*[\s\S]*Full/);
      await says(core, ['show', 'ospf', 'neighbors', 'inside4'], /Full.*[\s\S]*Full/);
      const { text } = await says(core, ['show', 'route', 'for', pool6, 'all'], /OSPF\.metric2: 10$/m);
      expect(text).toMatch(/E2/);
      await eventually(inside, (found) => pool6By(1).test(found), 20_000);
      await eventually(outside, (found) => both.test(found), 20_000);
      expect(await eventually(reaches, Boolean)).toBe(true);
      const { stdout } = await at().hosts.core.run([
        'birdc',
        '-r',
        '-s',
        `${at().folder}/core.bird.ctl`,
        'show',
        'bfd',
        'sessions',
      ]);
      if (bfd) expect(stdout).toMatch(/Up +[\d.:-]+ +0\.050/);
    });

    test('OSPF-DRAIN-03, BGP-GR-16 a drained PLAT hands its customers over without a lost ping', async () => {
      const ping = at().hosts.customer.start(['ping', '-6', '-n', '-q', '-i', '0.02', '-W', '1', through(server4)]);
      expect((await plats[1]?.platypus('drain', '--timeout', '60s'))?.stdout).toMatch(/^draining/);
      await eventually(inside, (found) => pool6By(2).test(found), 20_000);
      ping.signal('SIGINT');
      const { stdout } = await ping.exited;
      const [, sent = '', received = ''] = /(\d+) packets transmitted, (\d+) received/.exec(stdout) ?? [];
      // The last one may be on its way when ping is told to end.
      expect(Number(sent)).toBeGreaterThan(5);
      expect(Number(sent) - Number(received)).toBeLessThanOrEqual(1);
      await plats[1]?.platypus('undrain');
      await eventually(inside, (found) => pool6By(1).test(found), 20_000);
    });

    test('OSPF-LSA-13, BGP-BFD-12 when the cheaper PLAT is killed the other one takes over', async () => {
      expect(await eventually(reaches, Boolean)).toBe(true);
      const fromMs = performance.now();
      plats[1]?.service.signal('SIGKILL');
      await eventually(inside, (found) => pool6By(2).test(found), 30_000);
      report(
        `${bfd ? 'with BFD (50 ms × 3)' : 'without BFD (dead interval 4 s)'}: route to the other`,
        performance.now() - fromMs,
      );
      expect(await eventually(reaches, Boolean, 30_000)).toBe(true);
      report(`${bfd ? 'with' : 'without'} BFD: the customer reaches the server again`, performance.now() - fromMs);
    });

    test('OSPF-FLD-15 and comes back after it was started again', async () => {
      await start(1);
      await eventually(inside, (found) => pool6By(1).test(found), 60_000);
      await eventually(outside, (found) => both.test(found), 20_000);
      expect(await eventually(reaches, Boolean)).toBe(true);
    });

    test('OSPF-LSA-11, OSPF-LSA-12 at SIGTERM its LSAs are flushed before the translator ends', async () => {
      const fromMs = performance.now();
      const stopping = plats[1]?.stop();
      await eventually(inside, (found) => pool6By(2).test(found), 20_000);
      report('SIGTERM: route to the other', performance.now() - fromMs);
      expect((await stopping)?.code).toBe(0);
      // What BIRD still has of it is at MaxAge, about to go.
      await says(core, ['show', 'ospf', 'lsadb', 'inside6'], /^ *4005 .* 10\.1\.0\.2 +[0-9a-f]+ +(?!3600 )\d+ /m, {
        not: true,
      });
      expect((await plats[2]?.stop())?.code).toBe(0);
      await edge.stop();
    });
  });
}
