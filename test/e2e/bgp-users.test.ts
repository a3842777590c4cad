/** The announcer as four of its users run it beside BIRD, FRR and GoBGP; the wireless ISP is in failover.test.ts. */
import { beforeAll, expect, test } from 'vitest';
import { cable, type Host } from '../../lab/host.js';
import type { Plat } from '../../lab/plat.js';
import { type Router, startBird, startFrr, startGobgp } from '../../lab/routers.js';
import { onHosts, report, says, startAnnouncer } from './announcing.js';
import { eventually } from './network.js';

/** The routes of a table that the announcer put there, one a line. */
async function installed(host: Host, table: string | number = 'main', family = '-4'): Promise<string> {
  const { stdout } = await host.run(['ip', family, 'route', 'show', 'table', String(table), 'proto', '65']);
  return stdout;
}

const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim().replaceAll(/ +/g, ' '))
    .sort();

onHosts('a home network that peers over a tunnel with a table of its own', ['home', 'gateway'], (at) => {
  let gateway: Router;
  let home: Plat;

  beforeAll(async () => {
    const { hosts, folder } = at();
    await cable(
      { host: hosts.home, name: 'tunnel', addresses: ['10.44.0.2/30'], mtuBytes: 1380 },
      { host: hosts.gateway, name: 'home', addresses: ['10.44.0.1/30'], mtuBytes: 1380 },
    );
    // More than what may be announced or accepted, on both sides.
    await hosts.home.script('ip route add blackhole 192.168.0.0/16\nip route add blackhole 44.60.4.0/24');
    const many = Array.from(
      { length: 300 },
      (_, index) => `  route 10.${100 + (index % 2)}.${index >> 1}.0/24 blackhole;`,
    );
    gateway = await startBird(
      hosts.gateway,
      folder,
      `router id 10.44.0.1;
protocol device {}
protocol static {
  ipv4;
  route 0.0.0.0/0 blackhole;
  route 44.0.0.0/9 blackhole;
  route 44.128.0.0/10 blackhole;
  route 44.1.0.0/16 blackhole;
${many.join('\n')}
}
protocol bgp homenet {
  local 10.44.0.1 as 4242420001;
  neighbor 10.44.0.2 as 4242420002;
  password "over the tunnel";
  check link off;
  ipv4 { import all; export all; next hop self; };
}
`,
    );
    home = await startAnnouncer(
      hosts.home,
      folder,
      `  routerId: 10.44.0.2
  prefixes: 44.60.4.16/28
  localAs: 4242420002
  bgp:
    - neighbor: 10.44.0.1
      remoteAs: 4242420001
      interface: tunnel
      password: over the tunnel
      connectRetry: 1
      export: "in 44.60.4.16/28 ge 28 le 28"
      import:
        prefixes: [ 0.0.0.0/0, 44.0.0.0/9, 44.128.0.0/10 ]
        table: 44
        metric: 50
        device: tunnel
        onlink: true
`,
    );
  });

  test('BGP-SEC-01, BGP-SEC-06 its own /28 is all that the gateway learns', async () => {
    await says(gateway, ['show', 'route', 'protocol', 'homenet'], /44\.60\.4\.16\/28/);
    const { text } = await says(gateway, ['show', 'protocols', 'all', 'homenet'], /1 imported/);
    expect(text).toMatch(/Established/);
  });

  test('BGP-SEC-06 the default route and the two prefixes are all that it accepts', async () => {
    const found = await eventually(
      () => installed(at().hosts.home, 44),
      (text) => lines(text).length === 3,
    );
    expect(lines(found)).toEqual([
      '44.0.0.0/9 via 10.44.0.1 dev tunnel metric 50 onlink',
      '44.128.0.0/10 via 10.44.0.1 dev tunnel metric 50 onlink',
      'default via 10.44.0.1 dev tunnel metric 50 onlink',
    ]);
    expect(await installed(at().hosts.home)).toBe('');
    const [neighbor] = (await home.json<{ bgp: { routes: Record<string, unknown> }[] }>('neighbor', 'list')).bgp;
    expect(neighbor?.routes).toMatchObject({ accepted: 3 });
  });

  test('routes that the kernel dropped with the tunnel are put back while the session goes on', async () => {
    const { hosts } = at();
    const neighbors = async () =>
      (await home.json<{ bgp: { state: string; established: number }[] }>('neighbor', 'list')).bgp.map(
        ({ state, established }) => [state, established],
      );
    const [before, sessions] = [await installed(hosts.home, 44), await neighbors()];
    await hosts.home.script('ip link set tunnel down');
    expect(await installed(hosts.home, 44)).toBe('');
    await hosts.home.script('ip link set tunnel up');
    await eventually(
      () => installed(hosts.home, 44),
      (text) => lines(text).length === 3,
    );
    expect(lines(await installed(hosts.home, 44))).toEqual(lines(before));
    expect(await neighbors()).toEqual(sessions);
  });

  test('a route that the gateway takes back leaves the table', async () => {
    await gateway.services[0]?.signal('SIGKILL');
    await eventually(
      () => installed(at().hosts.home, 44),
      (text) => text === '',
      30_000,
    );
  });

  test('nothing is left at exit', async () => {
    expect((await home.stop()).code).toBe(0);
    expect(await installed(at().hosts.home, 44)).toBe('');
  });
});

onHosts('a Kubernetes cluster with GoBGP, iBGP over IPv6 ULA', ['plat', 'node'], (at) => {
  let node: Router;
  let plat: Plat;

  beforeAll(async () => {
    const { hosts, folder } = at();
    await cable(
      { host: hosts.plat, name: 'cluster', addresses: ['fd00:10::2/64'] },
      { host: hosts.node, name: 'plat', addresses: ['fd00:10::1/64'] },
    );
    node = await startGobgp(
      hosts.node,
      folder,
      `[global.config]
  as = 64512
  router-id = "10.0.0.1"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "fd00:10::2"
    peer-as = 64512
  [neighbors.timers.config]
    connect-retry = 1
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
`,
    );
    plat = await startAnnouncer(
      hosts.plat,
      folder,
      `  routerId: 10.0.0.2
  prefixes: [ 192.0.2.0/28, "2001:db8:64::/96" ]
  bgp:
    - neighbor: "fd00:10::1"
      name: cluster
      localAs: 64512
      remoteAs: 64512
      families: [ ipv4, ipv6 ]
      extendedNextHop: true
      export: all
      localPref: 150
      connectRetry: 1
      import: { prefixes: [ "10.244.0.0/16 le 28" ], table: 100 }
`,
    );
  });

  test('BGP-MP-08, BGP-MP-10, BGP-UPD-07 IPv4 prefixes arrive with an IPv6 next hop and a local preference', async () => {
    const four = await says(node, ['global', 'rib', '-a', 'ipv4', '192.0.2.0/28'], /192\.0\.2\.0\/28/);
    expect(four.text).toMatch(/fd00:10::2/);
    expect(four.text).toMatch(/LocalPref: 150/);
    await says(node, ['global', 'rib', '-a', 'ipv6', '2001:db8:64::/96'], /2001:db8:64::\/96 +fd00:10::2/);
  });

  test('BGP-MP-09 a pod network with an IPv6 next hop goes into the kernel', async () => {
    await node.ask('global', 'rib', 'add', '-a', 'ipv4', '10.244.1.0/24', 'nexthop', 'fd00:10::1');
    await eventually(
      () => installed(at().hosts.plat, 100),
      (text) => /^10\.244\.1\.0\/24 via inet6 fd00:10::1 dev cluster/m.test(text),
    );
    await node.ask('global', 'rib', 'del', '-a', 'ipv4', '10.244.1.0/24');
    await eventually(
      () => installed(at().hosts.plat, 100),
      (text) => text === '',
    );
  });

  test('a prefix outside of the import is counted and forgotten', async () => {
    await node.ask('global', 'rib', 'add', '-a', 'ipv4', '10.99.0.0/24', 'nexthop', 'fd00:10::1');
    await eventually(
      () => plat.json<{ bgp: { routes: { refused: Record<string, number> } }[] }>('neighbor', 'list'),
      ({ bgp }) => bgp[0]?.routes.refused.filter === 1,
    );
    expect(await installed(at().hosts.plat, 100)).toBe('');
  });

  test('ends', async () => {
    expect((await plat.stop()).code).toBe(0);
  });
});

onHosts('a friend’s network with two uplinks, one preferred', ['friend', 'first', 'second'], (at) => {
  let first: Router;
  let second: Router;
  let friend: Plat;

  beforeAll(async () => {
    const { hosts, folder } = at();
    await cable(
      { host: hosts.friend, name: 'first', addresses: ['203.0.113.2/30'] },
      { host: hosts.first, name: 'friend', addresses: ['203.0.113.1/30'] },
    );
    await cable(
      { host: hosts.friend, name: 'second', addresses: ['203.0.113.6/30'] },
      { host: hosts.second, name: 'friend', addresses: ['203.0.113.5/30'] },
    );
    first = await startFrr(
      hosts.first,
      folder,
      ['bgpd'],
      `router bgp 65010
 bgp router-id 203.0.113.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 203.0.113.2 remote-as 65000
 neighbor 203.0.113.2 timers connect 1
 address-family ipv4 unicast
  neighbor 203.0.113.2 default-originate
  network 198.51.100.0/24
  exit-address-family
`,
    );
    second = await startBird(
      hosts.second,
      folder,
      `router id 203.0.113.5;
protocol device {}
protocol static { ipv4; route 0.0.0.0/0 blackhole; }
protocol bgp friend {
  local 203.0.113.5 as 65020;
  neighbor 203.0.113.6 as 65000;
  ipv4 { import all; export all; next hop self; };
}
`,
    );
    friend = await startAnnouncer(
      hosts.friend,
      folder,
      `  routerId: 203.0.113.2
  prefixes: 192.0.2.0/28
  localAs: 65000
  bgp:
    - neighbor: 203.0.113.1
      name: first
      remoteAs: 65010
      connectRetry: 1
      holdTime: 3
      role: customer
      export: all
      import: { prefixes: [ 0.0.0.0/0, "198.51.100.0/24" ], localPref: 200 }
    - neighbor: 203.0.113.5
      name: second
      remoteAs: 65020
      connectRetry: 1
      holdTime: 3
      export: all
      prepend: 3
      import: { prefixes: 0.0.0.0/0, localPref: 100 }
`,
    );
  });

  const way = () => installed(at().hosts.friend);

  test('the default route is the preferred uplink’s', async () => {
    await eventually(way, (text) => /^default via 203\.0\.113\.1 dev first/m.test(text));
    await eventually(
      () => friend.json<{ learned: { best: boolean }[] }>('route', 'list'),
      ({ learned }) => learned.length === 3 && learned.filter(({ best }) => best).length === 2,
    );
  });

  test('BGP-UPD-05 the backup hears a longer path', async () => {
    await says(second, ['show', 'route', 'for', '192.0.2.0/28', 'all'], /BGP\.as_path: 65000 65000 65000 65000$/m);
    await says(first, ['show bgp ipv4 unicast 192.0.2.0/28'], /^ {2}65000$/m);
  });

  test('BGP-SEC-08 nothing that one uplink taught goes to the other', async () => {
    const { text } = await says(second, ['show', 'route', 'protocol', 'friend'], /192\.0\.2\.0\/28/);
    expect(text).not.toMatch(/198\.51\.100/);
    expect(
      (await says(first, ['show bgp ipv4 unicast neighbors 203.0.113.2 routes'], /192\.0\.2\.0\/28/)).text,
    ).toMatch(/Displayed +1 routes/);
  });

  test('BGP-FSM-08 when the preferred uplink dies the backup takes over', async () => {
    const fromMs = performance.now();
    // Silence, not an end: no packet says that it is gone.
    await at().hosts.first.script('ip link set friend down');
    await eventually(way, (text) => /^default via 203\.0\.113\.5 dev second/m.test(text), 30_000);
    report('the backup’s default route is in the kernel (hold time 3 s, no BFD)', performance.now() - fromMs);
    await at().hosts.first.script('ip link set friend up');
    await eventually(way, (text) => /^default via 203\.0\.113\.1 dev first/m.test(text), 30_000);
  });

  test('nothing is left at exit', async () => {
    expect((await friend.stop()).code).toBe(0);
    expect(await way()).toBe('');
  });
});

onHosts('somebody with two BIRD routers', ['plat', 'left', 'right'], (at) => {
  const routers: Record<string, Router> = {};
  let plat: Plat;

  beforeAll(async () => {
    const { hosts, folder } = at();
    for (const [name, net] of [
      ['left', 1],
      ['right', 2],
    ] as const) {
      await cable(
        { host: hosts.plat, name, addresses: [`10.0.${net}.2/24`] },
        { host: hosts[name], name: 'plat', addresses: [`10.0.${net}.1/24`, `10.9.${net}.1/32`] },
      );
      await hosts.plat.script(`ip route add 10.9.${net}.1 via 10.0.${net}.1`);
      routers[name] = await startBird(
        hosts[name],
        folder,
        `router id 10.0.${net}.1;
protocol device {}
protocol static { ipv4; route 0.0.0.0/0 blackhole; }
protocol bfd { interface "*" { interval 50 ms; multiplier 3; }; }
protocol bgp plat {
  local 10.0.${net}.1 as 65001;
  neighbor 10.0.${net}.2 as 65002;
  ttl security on;
  bfd on;
  ipv4 { import all; export all; next hop self; };
}
`,
      );
    }
    plat = await startAnnouncer(
      hosts.plat,
      folder,
      `  routerId: 10.0.1.2
  prefixes: 192.0.2.0/28
  localAs: 65002
  blackhole: true
  bgp:
    - neighbor: 10.0.1.1
      name: left
      remoteAs: 65001
      connectRetry: 1
      gtsm: 1
      bfd: { interval: 50ms, multiplier: 3 }
      export: all
      med: 10
      import:
        prefixes: 0.0.0.0/0
        localPref: 200
        check: { ping: 10.9.1.1, every: 200ms, timeout: 500ms, down: 2, up: 2 }
    - neighbor: 10.0.2.1
      name: right
      remoteAs: 65001
      connectRetry: 1
      gtsm: 1
      bfd: { interval: 50ms, multiplier: 3 }
      export: all
      med: 20
      import: { prefixes: 0.0.0.0/0, localPref: 100 }
`,
    );
  });

  const way = () => installed(at().hosts.plat);

  test('BGP-SEC-04, BGP-UPD-08 both learn pool4, each with its MED', async () => {
    for (const [name, med] of [
      ['left', 10],
      ['right', 20],
    ] as const) {
      const router = routers[name];
      if (router === undefined) throw new Error(`${name} is not up`);
      await says(router, ['show', 'route', 'for', '192.0.2.0/28', 'all'], new RegExp(`BGP\\.med: ${med}$`, 'm'));
    }
  });

  test('a blackhole of pool4 keeps strays from looping', async () => {
    expect(await way()).toMatch(/^blackhole 192\.0\.2\.0\/28/m);
  });

  test('a gateway that does not answer takes its neighbour’s routes out, and they come back', async () => {
    await eventually(way, (text) => /^default via 10\.0\.1\.1 /m.test(text));
    await at().hosts.left.script('ip address del 10.9.1.1/32 dev plat');
    await eventually(way, (text) => /^default via 10\.0\.2\.1 /m.test(text));
    expect((await plat.platypus('route', 'list')).stdout).toMatch(/10\.9\.1\.1 does not answer/);
    await at().hosts.left.script('ip address add 10.9.1.1/32 dev plat');
    await eventually(way, (text) => /^default via 10\.0\.1\.1 /m.test(text));
  });

  test('BGP-BFD-12 BFD takes the session down when its router is silent', async () => {
    await eventually(
      () => plat.platypus('neighbor', 'show', 'left'),
      ({ stdout }) => /^bfd +up$/m.test(stdout),
    );
    const fromMs = performance.now();
    await at().hosts.left.script('ip link set plat down');
    await eventually(way, (text) => /^default via 10\.0\.2\.1 /m.test(text));
    report('the other router’s default route is in the kernel (BFD 50 ms × 3)', performance.now() - fromMs);
    const { stdout } = await plat.platypus('neighbor', 'show', 'left');
    expect(stdout).toMatch(/BFD/);
  });

  test('nothing is left at exit', async () => {
    expect((await plat.stop()).code).toBe(0);
    expect(await way()).toBe('');
  });
});
