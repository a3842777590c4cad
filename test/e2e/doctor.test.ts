/** The doctor in a healthy network, and in the same network with one thing wrong at a time. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startClat } from '../../lab/clat.js';
import type { Host } from '../../lab/host.js';
import { program } from '../../lab/plat.js';
import type { Service } from '../../lab/process.js';
import { embed } from '../../src/doctor/survey/survey.js';
import { buildClatNetwork, type ClatNetwork, lacking, reach, second64 } from './clat-network.js';
import { askDoctor, expectHealthy, findsEach, type Plant } from './doctoring.js';
import { capture } from './network.js';

const link = '2001:db8:1:1::/64';
const resolver = '2001:db8:1:1::1';
const neighbour = '2001:db8:1:1::2';
/** Of a PLAT with a responder, which DNS names (RFC 7050 §3.2). */
const pool6 = '2001:db8:66::/96';
const responders = ['198.51.100.1', '198.51.100.3'];
const advertised = { link, pref64: [{ prefix: pool6, lifetimeSeconds: 600 }], rdnss: resolver };

/** A resolver on a router that tells a prefix. */
async function startResolver(host: Host, address: string, prefix: string): Promise<Service> {
  const records = ['aa', 'ab'].map((last) => `--host-record=ipv4only.arpa,${prefix.replace('/96', '')}c000:${last},60`);
  const wellKnown = `${prefix.replace('/96', '')}c000:aa`;
  const nat64 = [
    `--host-record=nat64.example.net,${responders[0]},${wellKnown}`,
    '--ptr-record=a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.6.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa,nat64.example.net',
  ];
  const options = [
    '--no-daemon',
    '--conf-file=/dev/null',
    '--bind-interfaces',
    '--no-resolv',
    '--no-hosts',
    '--user=root',
  ];
  const service = host.start(['dnsmasq', ...options, `--listen-address=${address}`, ...records, ...nat64]);
  await service.output(/started, version/);
  return service;
}

describe.skipIf(lacking !== null)('doctor', () => {
  let net: ClatNetwork;
  let clat: Running;
  let file: string;

  const doctor = (...args: string[]) =>
    askDoctor({ host: net.host, folder: net.folder, socket: clat.socket, resolver }, ...args);

  async function startPlat(): Promise<void> {
    await net.plat.script('ip address add 198.51.100.3/24 dev internet');
    const config = join(net.folder, 'plat.yaml');
    const lines = ['plat:', `  pool6: ${pool6}`, '  pool4: 192.0.2.9', '  device: plat9'];
    await writeFile(config, [...lines, `responder: { listen: [${responders.join(', ')}] }`, ''].join('\n'));
    const socket = join(net.folder, 'plat9.sock');
    await net.plat.start([process.execPath, program, 'run', '-c', config, '--socket', socket]).output(/control socket/);
  }

  beforeAll(async () => {
    net = await buildClatNetwork();
    file = join(net.folder, 'clat.yaml');
    await writeFile(file, 'clat: { uplink: eth0, lan: nat44 }\n');
    await startPlat();
    await net.access.advertise(advertised);
    await net.access.host.script(`ip -6 address add ${neighbour}/64 dev eth0`);
    await startResolver(net.access.host, resolver, pool6);
    clat = await startClat(net, ['-c', file]);
    await clat.until('running');
    await reach(net.host);
  });
  afterAll(async () => {
    await clat?.stop();
    await net?.close();
  });

  test('finds nothing in a healthy network', async () => {
    const { report } = await expectHealthy(doctor);
    expect(report.counts.ok).toBeGreaterThan(25);
    expect(report.survey.responder).toEqual({ address: responders[0], port: 3478, name: 'nat64.example.net' });
  });

  test.each([
    [
      'the LAN and towards the uplink',
      ['ct state established,related accept', 'iifname lan accept', 'oifname eth0 accept'],
    ],
    ['all but the uplink', ['ct state vmap { established : accept, invalid : drop }', 'iifname != eth0 accept']],
  ])('finds no closed chain in a firewall that is open for %s, and does not name the CLAT', async (_what, rules) => {
    const chain = "nft 'add chain inet fw forward { type filter hook forward priority 0; policy drop; }'";
    const lines = ['nft add table inet fw', chain, ...rules.map((rule) => `nft 'add rule inet fw forward ${rule}'`)];
    await net.host.script(lines.join('\n'));
    try {
      const { report, wrong } = await doctor();
      expect(report.survey.machine.firewall.closing.length).toBe(1);
      expect(report.findings.find(({ name }) => name === 'forward-policy')?.verdict).toBe('ok');
      // Whom nobody has asked is not let in, as such a firewall is meant.
      expect(wrong).toEqual(['filtering?']);
    } finally {
      await net.host.script('nft delete table inet fw');
    }
  });

  test('speaks to nobody beyond the access network but to the responder', async () => {
    const seen = await capture(net.access.host, 'plat');
    await expectHealthy(doctor);
    await seen.stop();
    const sent = seen.packets().filter(({ source }) => source.startsWith('2001:db8:1:1:'));
    const destinations = new Set(sent.map(({ destination }) => destination));
    // Its two addresses, and the host's own mapped one: the hairpin.
    const named = [...responders, '192.0.2.9'].map((address) => embed(pool6, address));
    expect([...destinations].sort()).toEqual([...named].sort());
  });

  const on = (script: string, undo: string): Pick<Plant, 'plant' | 'repair'> => ({
    plant: () => net.host.script(script),
    repair: () => net.host.script(undo),
  });
  const says = (what: Parameters<ClatNetwork['access']['advertise']>[0]): Pick<Plant, 'plant' | 'repair'> => ({
    plant: () => net.access.advertise(what),
    repair: () => net.access.advertise(advertised),
  });
  /** Dropped by the router of the access network. */
  const dropped = (expression: string): Pick<Plant, 'plant' | 'repair'> => ({
    plant: () =>
      net.access.host.script(
        `nft add table inet broken
         nft 'add chain inet broken forward { type filter hook forward priority 0; }'
         nft add rule inet broken forward ${expression} drop`,
      ),
    repair: () => net.access.host.script('nft delete table inet broken'),
  });
  let other: Service;

  const plants: Record<string, Plant> = {
    'a router without PREF64': { wrong: ['pref64?'], ...says({ link, rdnss: resolver }) },
    'a lifetime that ends before long': {
      wrong: ['pref64?'],
      ...says({ ...advertised, pref64: [{ prefix: pool6, lifetimeSeconds: 40 }] }),
    },
    'a router that is silent': { wrong: ['routers'], ...says(null) },
    'two resolvers with different prefixes': {
      wrong: ['resolvers'],
      async plant() {
        other = await startResolver(net.access.host, neighbour, second64);
        await net.access.advertise({ ...advertised, rdnss: `${resolver} ${neighbour}` });
      },
      async repair() {
        await other.stop();
        await net.access.advertise(advertised);
      },
    },
    'a resolver that is down': {
      wrong: ['resolvers'],
      ...says({ ...advertised, rdnss: `${resolver} ${neighbour}` }),
    },
    'an IPv4 default route of a DHCP client, on another device': {
      wrong: ['native-ipv4'],
      ...on(
        'ip route add default via 192.168.1.10 dev lan proto dhcp metric 3000',
        'ip route del default via 192.168.1.10 dev lan proto dhcp metric 3000',
      ),
    },
    'an address that nobody answers for': {
      wrong: ['clat-address'],
      async plant() {
        await net.host.script('ip -6 neigh show proxy | while read a d; do ip -6 neigh del proxy $a dev eth0; done');
      },
      async repair() {
        const [row] = await clat.status();
        await net.host.script(`ip -6 neigh add proxy ${row?.address} dev eth0`);
      },
    },
    'an uplink that does not forward by itself': {
      wrong: ['clat-address'],
      ...on('sysctl -qw net.ipv6.conf.eth0.forwarding=0', 'sysctl -qw net.ipv6.conf.eth0.forwarding=1'),
    },
    'another host with the address': {
      wrong: ['clat-address'],
      async plant() {
        const [row] = await clat.status();
        await net.access.host.script(`ip -6 address add ${row?.address}/128 dev eth0 nodad`);
      },
      async repair() {
        const [row] = await clat.status();
        await net.access.host.script(`ip -6 address del ${row?.address}/128 dev eth0`);
      },
    },
    'a PLAT that is not reached': {
      wrong: ['nat64'],
      plant: () => net.access.host.script(`ip -6 route add unreachable ${pool6}`),
      repair: () => net.access.host.script(`ip -6 route del unreachable ${pool6}`),
    },
    'a router that drops TCP': { wrong: ['literal-tcp'], ...dropped('meta l4proto tcp') },
    'a router that drops fragments': { wrong: ['fragments-down'], ...dropped('iifname plat exthdr frag exists') },
    'a host that loses UDP without checksum': {
      wrong: ['zero-checksum'],
      ...on(
        `nft add table inet broken; nft 'add chain inet broken output { type filter hook output priority 0; }'; nft add rule inet broken output udp checksum 0 drop`,
        'nft delete table inet broken',
      ),
    },
    'a firewall that lets nobody but the server asked answer': {
      wrong: ['filtering?'],
      ...on(
        `nft add table inet broken; nft 'add chain inet broken input { type filter hook input priority 0; policy drop; }'
         nft add rule inet broken input ct state established,related accept; nft add rule inet broken input meta l4proto { icmp, ipv6-icmp } accept
         nft add rule inet broken input iifname lo accept`,
        'nft delete table inet broken',
      ),
    },
    'a VPN’s rule before the main table': {
      wrong: ['clat-routes'],
      ...on(
        'ip route add default dev lan table 77; ip rule add pref 100 lookup 77',
        'ip rule del pref 100; ip route flush table 77',
      ),
    },
    'a second CLAT': {
      wrong: ['other-clat'],
      ...on('ip tuntap add clatd mode tun; ip address add 192.0.0.4/32 dev clatd', 'ip link del clatd'),
    },
    'forwarding switched off': {
      wrong: ['forwarding'],
      ...on('sysctl -qw net.ipv4.ip_forward=0', 'sysctl -qw net.ipv4.ip_forward=1'),
    },
    'accept_ra 1 on a host that forwards': {
      wrong: ['accept-ra'],
      ...on('sysctl -qw net.ipv6.conf.eth0.accept_ra=1', 'sysctl -qw net.ipv6.conf.eth0.accept_ra=2'),
    },
    'a strict reverse path filter, and IPv4 that leads elsewhere': {
      wrong: ['native-ipv4', 'rp-filter'],
      ...on(
        'sysctl -qw net.ipv4.conf.clat.rp_filter=1; ip route add default via 192.168.1.10 dev lan metric 50',
        'ip route del default via 192.168.1.10 dev lan metric 50; sysctl -qw net.ipv4.conf.clat.rp_filter=0',
      ),
    },
    'a firewall with a closed forward chain': {
      wrong: ['forward-policy'],
      ...on(
        'nft add table inet fw; nft "add chain inet fw forward { type filter hook forward priority 0; policy drop; }"; nft add rule inet fw forward ct state established,related accept',
        'nft delete table inet fw',
      ),
    },
    'rx-gro-list on the uplink': {
      wrong: ['offload?'],
      ...on('ethtool -K eth0 rx-gro-list on', 'ethtool -K eth0 rx-gro-list off'),
    },
    'NAT44 without its rule': {
      wrong: ['lan-nat44'],
      plant: () => net.host.script('nft flush table ip platypus_clat'),
      repair: async () => {
        await clat.stop();
        clat = await startClat(net, ['-c', file]);
        await clat.until('running');
      },
    },
    'Packet Too Big that is dropped': {
      wrong: ['path-mtu-up'],
      plant: () =>
        net.access.host.script(
          `ip -6 route replace default via 2001:db8:f0::1 mtu 1400
           nft add table inet broken
           nft 'add chain inet broken output { type filter hook output priority 0; }'
           nft add rule inet broken output icmpv6 type packet-too-big drop`,
        ),
      repair: () =>
        net.access.host.script('ip -6 route replace default via 2001:db8:f0::1; nft delete table inet broken'),
    },
    'an uplink without a carrier': {
      wrong: ['uplink'],
      plant: () => net.access.host.script('ip link set eth0 down'),
      async repair() {
        await net.access.host.script(
          `ip link set eth0 up; ip -6 address add fe80::1/64 dev eth0 nodad; ip -6 address add ${resolver}/64 dev eth0 nodad; ip -6 address add ${neighbour}/64 dev eth0 nodad; true`,
        );
        await net.access.advertise(advertised);
      },
    },
  };

  findsEach(plants, doctor);
});
