/** The whole of 464XLAT, with the network of `make lab`: which way packets take, and what an operator builds with it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cable, missing } from '../../lab/host.js';
import { server6 } from '../../lab/names.js';
import { observe, translators } from '../../lab/path.js';
import { startPlat } from '../../lab/plat.js';
import { server4, through } from '../../lab/topology.js';
import { httpPort, serve, url, whoami } from '../../lab/traffic.js';
import { buildXlat464, published4, type Xlat464 } from '../../lab/xlat464.js';
import { capture, eventually } from './network.js';

/** A global address, as the well-known prefix wants it (RFC 6052 §3.1); here it is the server's. */
const global4 = '192.175.48.1';
const wellKnown = '64:ff9b::c0af:3001';
/** A server inside a private network, which has a NAT64 of its own. */
const private4 = '10.9.9.9';

describe.skipIf(missing() !== null)('464XLAT', () => {
  let net: Xlat464;
  beforeAll(async () => {
    net = await buildXlat464({ morePool6: ['64:ff9b::/96'] });
    await net.hosts.server.script(`ip address add ${global4}/32 dev lo; ip address add ${private4}/32 dev lo`);
    await net.hosts.internet.script(`ip route add ${global4} via ${server4}; ip route add 10.0.0.0/8 via ${server4}`);
    for (const address of [global4, private4]) await serve(net.hosts.server, 'http-server', address, httpPort);
  });
  afterAll(() => net?.close());

  /** What passes the access network while something is done: `source destination` of its TCP packets, each once. */
  async function onAccess(act: () => Promise<unknown>): Promise<string[]> {
    const seen = await capture(net.hosts.access, 'customers');
    await act();
    await seen.stop();
    const tcp = seen.packets().filter(({ protocol }) => protocol === 6);
    return [...new Set(tcp.map(({ source, destination }) => `${source} ${destination}`))].sort();
  }

  test('XLAT-ARCH-13 an IPv6 program and an IPv6 server: untranslated', async () => {
    const { result, passed } = await observe(net, () => whoami(net.hosts.phone, server6));
    expect(translators(passed)).toEqual([]);
    expect(result).toMatch(new RegExp(`^${net.phone6}#`));
    const ways = await onAccess(() => whoami(net.hosts.phone, server6));
    expect(ways).toEqual([`${net.phone6} ${server6}`, `${server6} ${net.phone6}`].sort());
  });

  test('XLAT-ARCH-13 an IPv6 program and an IPv4 server: by the PLAT alone', async () => {
    const { result, passed } = await observe(net, () => whoami(net.hosts.phone, through(server4)));
    expect(translators(passed)).toEqual(['plat']);
    expect(result).toMatch(/^192\.0\.2\.\d+#/);
    const ways = await onAccess(() => whoami(net.hosts.phone, through(server4)));
    expect(ways).toEqual([`${net.phone6} ${through(server4)}`, `${through(server4)} ${net.phone6}`].sort());
  });

  test('XLAT-ARCH-13 an IPv4 program and an IPv4 server: by CLAT and PLAT', async () => {
    const { result, passed } = await observe(net, () => whoami(net.hosts.customer, server4));
    expect(translators(passed)).toEqual(['home', 'plat']);
    expect(passed.home).toBe(passed.plat);
    expect(result).toMatch(/^192\.0\.2\.\d+#/);
    const ways = await onAccess(() => whoami(net.hosts.customer, server4));
    expect(ways).toEqual([`${net.homeClat6} ${through(server4)}`, `${through(server4)} ${net.homeClat6}`].sort());
  });

  test('XLAT-CLAT-01 a host that is no router has a CLAT alike', async () => {
    const { result, passed } = await observe(net, () => whoami(net.hosts.neighbour, server4));
    expect(translators(passed)).toEqual(['neighbour', 'plat']);
    expect(result).toMatch(/^192\.0\.2\.\d+#/);
  });

  test('XLAT-ARCH-14 CLAT to CLAT: by the hairpin of the PLAT', async () => {
    const { result, passed } = await observe(net, () => whoami(net.hosts.customer, published4));
    expect(translators(passed)).toEqual(['home', 'neighbour', 'plat']);
    expect(passed.hairpin).toBe(passed.plat);
    expect(result).toMatch(/^192\.0\.2\.\d+#/);
    const ways = await onAccess(() => whoami(net.hosts.customer, published4));
    expect(ways.filter((way) => way.includes(net.homeClat6) && way.includes(net.neighbourClat6))).toEqual([]);
    expect(ways).toContain(`${net.homeClat6} ${through(published4)}`);
  });

  test('XLAT-ARCH-19 an ICMPv6 error about a native packet does not reach the CLAT', async () => {
    // The router of the Internet has no route to it.
    const lost = () => net.hosts.home.run(['ping', '-6', '-n', '-c', '1', '-W', '2', '2001:db8:dead::1']);
    const { result, passed } = await observe(net, lost);
    expect(result.stdout).toMatch(/From 2001:db8:f1::1 icmp_seq=1 Destination unreachable: No route/);
    expect(translators(passed)).toEqual([]);
  });

  test('XLAT-ARCH-15 the host’s own nftables filter what the CLAT translates, by its state', async () => {
    const { neighbour, server } = net.hosts;
    await neighbour.script(`nft -f - <<END
table inet guard {
  counter refused { }
  chain input {
    type filter hook input priority filter; policy accept;
    ct state established,related accept
    iifname "clat" counter name refused drop
  }
}
END`);
    const got = await server.run(['curl', '-sS', '--max-time', '2', url('whoami', published4)]);
    expect(got.ok).toBe(false);
    expect(await neighbour.script('nft list counter inet guard refused')).toMatch(/packets [1-9]/);
    expect(await whoami(neighbour, server4)).toMatch(/^192\.0\.2\.\d+#/);
    await neighbour.script('nft delete table inet guard');
    expect(await whoami(server, published4)).toMatch(new RegExp(`^${server4}#`));
  });

  test('XLAT-DEP-08 a static BIB entry: the IPv4 Internet opens connections to a host behind the PLAT', async () => {
    await serve(net.hosts.phone, 'http-server', '::', httpPort);
    const binding = ['bib', 'add', 'tcp', `${net.phone6}#${httpPort}`, `192.0.2.6#${httpPort}`];
    expect(await net.plat.platypus(...binding)).toMatchObject({ ok: true });
    const { result, passed } = await observe(net, () => whoami(net.hosts.server, '192.0.2.6'));
    expect(translators(passed)).toEqual(['plat']);
    expect(result).toMatch(new RegExp(`^${through(server4)}#`));
    // And to one behind its own CLAT.
    expect(await whoami(net.hosts.server, published4)).toMatch(new RegExp(`^${server4}#`));
  });

  test('XLAT-DEP-01 answers of a foreign DNS64 work as well: the PLAT serves 64:ff9b::/96 beside its own prefix', async () => {
    await eventually(
      () => net.hosts.access.script('ip -6 route show 64:ff9b::/96'),
      (route) => route.includes('dev plat'),
    );
    const { result, passed } = await observe(net, () => whoami(net.hosts.phone, wellKnown));
    expect(translators(passed)).toEqual(['plat']);
    expect(result).toMatch(/^192\.0\.2\.\d+#/);
    expect(await whoami(net.hosts.phone, through(global4))).toMatch(/^192\.0\.2\.\d+#/);
  });

  test('XLAT-DEP-01 the well-known prefix does not stand for what is not global', async () => {
    const page = url('whoami', '64:ff9b::a09:909');
    const got = await net.hosts.phone.run(['curl', '-sS', '--max-time', '5', page]);
    expect(got.ok).toBe(false);
    const counters = await net.plat.counters();
    expect(counters['drop.non_global'] ?? 0).toBeGreaterThan(0);
  });

  test('XLAT-RA-14 a more specific part of pool6 goes to another PLAT, which announces it', async () => {
    const { access, internet } = net.hosts;
    const plat2 = await net.open('plat2');
    await cable(
      { host: access, name: 'plat2', addresses: ['2001:db8:f2::2/64'] },
      { host: plat2, name: 'access', addresses: ['2001:db8:f2::1/64'] },
    );
    await cable(
      { host: plat2, name: 'internet', addresses: ['203.0.113.5/30'] },
      { host: internet, name: 'plat2', addresses: ['203.0.113.6/30'] },
    );
    await plat2.script('ip -6 route add 2001:db8:1::/48 via 2001:db8:f2::2; ip route add default via 203.0.113.6');
    await plat2.script('echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; echo 1 >/proc/sys/net/ipv4/ip_forward');
    await internet.script('ip route add 192.0.2.16/28 via 203.0.113.5');
    await startPlat(
      { plat: plat2, folder: net.folder },
      {
        name: 'plat2',
        config: `plat: { pool6: "2001:db8:64::/96", pool4: 192.0.2.16/28 }
announce:
  routerId: 203.0.113.5
  hold: 0
  prefixes: "2001:db8:64::a00:0/104"
  ospf: { interface: access, versions: [ 3 ], type: point-to-point, hello: 1, dead: 4 }
`,
      },
    );
    await eventually(
      () => access.script('ip -6 route show 2001:db8:64::a00:0/104'),
      (route) => route.includes('dev plat2'),
      20_000,
    );
    // 192.0.2.16/28 is the second PLAT's, 192.0.2.0/28 the first one's.
    const second = /^192\.0\.2\.(1[6-9]|2\d|3[01])#/;
    const first = /^192\.0\.2\.(\d|1[0-5])#/;
    expect(await whoami(net.hosts.customer, private4)).toMatch(second);
    expect(await whoami(net.hosts.phone, through(private4))).toMatch(second);
    expect(await whoami(net.hosts.customer, server4)).toMatch(first);
    expect(await whoami(net.hosts.phone, through(server4))).toMatch(first);
  });
});
