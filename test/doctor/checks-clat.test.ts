/** Checks 10 to 19 and 30 to 39. */
import type { ClatUplinkStatus } from '../../src/clat/uplink.js';
import { clatChecks } from '../../src/doctor/checks/clat.js';
import { lanChecks } from '../../src/doctor/checks/lan.js';
import type { Survey } from '../../src/doctor/survey/survey.js';
import { first, judges, type Row } from './judging.js';
import { address, CLAT_ADDRESS, clatHost, clatRow, link, PROGRAM, plainHost, platHost, route } from './surveys.js';

const inState = (state: ClatUplinkStatus['state'], hint: string): Row => ({
  of: clatHost,
  change: (survey) => (survey.status = { ...PROGRAM, clat: [clatRow({ state, words: `stands down: ${state}` })] }),
  says: [['fault', `the CLAT on eth0 stands down: ${state}`]],
  hint,
});

const clat: Record<string, Row> = {
  'a healthy one': { of: clatHost, says: [['ok', 'the CLAT on eth0 runs: PREF64 64:ff9b::/96']] },
  'on a PLAT': { of: platHost, says: [] },
  'a host without Platypus': { of: plainHost, says: [['skipped', 'no Platypus answers here: found no translator']] },
  'a CLAT that does not answer': {
    of: clatHost,
    change: (survey) => Object.assign(survey, { status: null, statusFailure: 'connection refused' }),
    says: [['fault', 'no Platypus answers here: connection refused']],
    hint: 'systemctl start platypus',
  },
  'a CLAT that must not be asked': {
    of: clatHost,
    change: (survey) => Object.assign(survey, { status: null, statusFailure: 'not permitted', statusDenied: true }),
    says: [['fault', 'no Platypus answers here: not permitted']],
    hint: 'as root',
  },
  'a program without a CLAT': {
    of: plainHost,
    change: (survey) => (survey.status = { ...PROGRAM, mode: 'dns64' }),
    says: [['skipped', 'no CLAT is configured here']],
  },
  'beside native IPv4 that works': {
    of: clatHost,
    change: (survey) =>
      (survey.status = { ...PROGRAM, clat: [clatRow({ state: 'native-ipv4', words: 'stands down' })] }),
    says: [['ok', 'the CLAT on eth0 stands down']],
  },
  'beside native IPv4 that nobody has tried': {
    of: clatHost,
    change(survey) {
      survey.status = { ...PROGRAM, clat: [clatRow({ state: 'native-ipv4', words: 'stands down' })] };
      survey.reach = null;
    },
    says: [['warning', 'the CLAT on eth0 stands down']],
    hint: 'finding 05',
  },
  'switched off': inState('off', 'clat.mode'),
  'no uplink': inState('no-uplink', 'finding 01'),
  'the uplink is down': inState('uplink-down', 'finding 01'),
  'another CLAT': inState('other-clat', 'finding 13'),
  searching: inState('searching', 'wait a few seconds'),
  'no prefix': inState('no-prefix', 'findings 03 and 04'),
  'no network': inState('no-network', '/64'),
  'a duplicate': inState('duplicate', 'machine-id'),
  'no IPv4 address': inState('no-ipv4', 'clat.ipv4'),
  failed: inState('failed', 'journalctl'),
  'one of two uplinks': {
    of: clatHost,
    change: (survey) =>
      (survey.status = {
        ...PROGRAM,
        clat: [clatRow(), clatRow({ uplink: 'wwan0', state: 'searching', words: 'looks for a prefix' })],
      }),
    says: [
      ['ok', 'the CLAT on eth0 runs'],
      ['fault', 'the CLAT on wwan0 looks for a prefix'],
    ],
  },
  'no prefix known to anybody': {
    of: clatHost,
    change: (survey) => (survey.prefix = null),
    says: [
      ['ok', 'the CLAT on eth0 runs'],
      ['fault', 'no NAT64 prefix is known'],
    ],
  },
};

const view = (change: Partial<Survey['clats'][number]>) => (survey: Survey) => {
  Object.assign(first(survey.clats), change);
};

const clatAddress: Record<string, Row> = {
  'a healthy one': { of: clatHost, says: [['ok', `${CLAT_ADDRESS} on eth0`]] },
  'no CLAT runs': { of: plainHost, says: [] },
  'another host has it': {
    of: clatHost,
    change: view({ claimants: ['02:00:00:00:00:07', '02:00:00:00:00:08'] }),
    says: [['fault', `${CLAT_ADDRESS} of the CLAT on eth0 is used by 02:00:00:00:00:07 and 02:00:00:00:00:08 as well`]],
  },
  'nobody could ask': {
    of: clatHost,
    change: view({ claimants: null }),
    says: [['ok', 'whether another host has it could not be asked']],
  },
  'the proxy entry is gone': {
    of: clatHost,
    change: ({ machine }) => (machine.proxies = []),
    says: [
      ['fault', "nobody answers neighbour discovery for 2001:db8:1:1:8d2:c0a8:19b3:77aa on eth0: the kernel's proxy"],
    ],
  },
  'a proxy entry on another device': {
    of: clatHost,
    change: ({ machine }) => (first(machine.proxies).device = 'br-lan'),
    says: [['fault', "the kernel's proxy entry is gone"]],
  },
  'a proxy entry as another tool writes it': {
    of: clatHost,
    change: ({ machine }) => (first(machine.proxies).address = '2001:0DB8:1:1:08d2:c0a8:19b3:77aa'),
    says: [['ok', CLAT_ADDRESS]],
  },
  'proxying switched off': {
    of: clatHost,
    change: ({ machine }) => (machine.settings['net.ipv6.conf.all.proxy_ndp'] = '0'),
    says: [['fault', 'net.ipv6.conf.all.proxy_ndp is 0']],
  },
  'the uplink itself does not forward': {
    of: clatHost,
    change: ({ machine }) => (machine.settings['net.ipv6.conf.eth0.forwarding'] = '0'),
    says: [['fault', `nobody answers neighbour discovery for ${CLAT_ADDRESS}: net.ipv6.conf.eth0.forwarding is 0`]],
    hint: 'sysctl net.ipv6.conf.eth0.forwarding=1',
  },
  'nothing forwards, which check 20 says': {
    of: clatHost,
    change({ machine }) {
      machine.settings['net.ipv6.conf.all.forwarding'] = '0';
      machine.settings['net.ipv6.conf.eth0.forwarding'] = '0';
    },
    says: [['ok', CLAT_ADDRESS]],
  },
  'an address that is routed here needs no proxy': {
    of: clatHost,
    change(survey) {
      view({ address: '2001:db8:77::1' })(survey);
      survey.machine.proxies = [];
      survey.machine.settings['net.ipv6.conf.all.proxy_ndp'] = '0';
      survey.machine.settings['net.ipv6.conf.eth0.forwarding'] = '0';
    },
    says: [['ok', '2001:db8:77::1 on eth0']],
  },
  'an address that is shared with the host': {
    of: clatHost,
    change(survey) {
      view({ address: '2001:db8:77::1', sharedAddress: '2001:db8:1:1::2' })(survey);
      survey.machine.firewall.ownTables.push('ip6 platypus_clat');
    },
    says: [['ok', '2001:db8:1:1::2, shared with the host, on eth0']],
  },
  'an address that is shared, and the table is gone': {
    of: clatHost,
    change: view({ address: '2001:db8:77::1', sharedAddress: '2001:db8:1:1::2' }),
    says: [['fault', 'the table ip6 platypus_clat, which shares 2001:db8:1:1::2 of eth0, is gone']],
    hint: 'restart the CLAT',
  },
  'an address that is shared, and nobody may ask nft': {
    of: clatHost,
    change(survey) {
      view({ address: '2001:db8:77::1', sharedAddress: '2001:db8:1:1::2' })(survey);
      survey.machine.firewall.failure = 'nft is not installed';
    },
    says: [['ok', 'shared with the host']],
  },
  'another host has the shared address': {
    of: clatHost,
    change: view({ sharedAddress: '2001:db8:1:1::2', claimants: ['02:00:00:00:00:07'] }),
    says: [['fault', '2001:db8:1:1::2 of the CLAT on eth0 is used by 02:00:00:00:00:07']],
  },
  'answers go elsewhere': {
    of: clatHost,
    change: view({ answer: { device: 'wg0', gateway: null, table: '77', mtuBytes: null, local: false } }),
    says: [['fault', `answers to ${CLAT_ADDRESS} go to wg0, expected clat`]],
  },
  'answers go nowhere': {
    of: clatHost,
    change: view({ answer: null }),
    says: [['fault', 'go to nowhere, expected clat']],
  },
};

const way = (device: string, mtuBytes: number | null = null) =>
  ({ device, gateway: null, table: 'main', mtuBytes, local: false }) as const;

const clatRoutes: Record<string, Row> = {
  'a healthy one': { of: clatHost, says: [['ok', 'IPv4 goes by clat, translated by eth0']] },
  'no CLAT runs': { of: plainHost, says: [] },
  'IPv4 goes nowhere': {
    of: clatHost,
    change: view({ literal: null }),
    says: [['fault', 'IPv4 packets go to nowhere, expected clat']],
    hint: 'ip route get 198.51.100.1',
  },
  'a rule before the main table': {
    of: clatHost,
    change(survey) {
      view({ literal: way('wg0') })(survey);
      survey.machine.rules.push({ family: 4, priority: 100, table: '77', selective: false });
    },
    says: [['fault', 'IPv4 packets go to wg0, expected clat']],
    hint: 'the rule with priority 100 (table 77)',
  },
  'native IPv4 is told elsewhere': {
    of: clatHost,
    change(survey) {
      view({ literal: way('eth1') })(survey);
      survey.machine.defaults.push(route(4, 'eth1'));
    },
    says: [['ok', 'IPv4 goes by clat']],
  },
  'one of two CLATs has the first way': {
    of: clatHost,
    change(survey) {
      view({ literal: way('clat1') })(survey);
      survey.clats.push({ ...first(survey.clats), device: 'clat1' });
    },
    says: [
      ['ok', 'IPv4 goes by clat,'],
      ['ok', 'IPv4 goes by clat1,'],
    ],
  },
  'translated packets go to a VPN': {
    of: clatHost,
    change: view({ translated: way('wg0') }),
    says: [['fault', 'translated packets go to wg0, expected eth0']],
  },
  'an MTU that is too big': {
    of: clatHost,
    change: view({ literal: way('clat', 1500) }),
    says: [['warning', 'the IPv4 route by clat has an MTU of 1500, expected 1472']],
  },
  'a smaller MTU': { of: clatHost, change: view({ literal: way('clat', 1280) }), says: [['ok', 'IPv4 goes by clat']] },
  both: {
    of: clatHost,
    change: view({ literal: null, translated: way('wg0') }),
    says: [
      ['fault', 'IPv4 packets go to nowhere'],
      ['fault', 'translated packets go to wg0'],
    ],
  },
};

const otherClat: Record<string, Row> = {
  none: { of: clatHost, says: [['ok', 'no other device has an address of 192.0.0.0/29']] },
  'on a PLAT': { of: platHost, says: [] },
  clatd: {
    of: clatHost,
    change: ({ machine }) => machine.addresses.push(address('clatd', '192.0.0.4/32')),
    says: [['fault', 'clatd has 192.0.0.4, an address of CLATs']],
  },
  'NetworkManager’s, on a host without ours': {
    of: plainHost,
    change: ({ machine }) => machine.addresses.push(address('nm-clat', '192.0.0.5/32')),
    says: [['ok', 'nm-clat has 192.0.0.5: the CLAT of this host is not Platypus']],
  },
  'one with two addresses, on a host without ours': {
    of: plainHost,
    change: ({ machine }) => machine.addresses.push(address('clatd', '192.0.0.1/32'), address('clatd', '192.0.0.2/32')),
    says: [['ok', 'clatd has 192.0.0.1 and clatd has 192.0.0.2']],
  },
  'two, on a host without ours': {
    of: plainHost,
    change: ({ machine }) =>
      machine.addresses.push(address('nm-clat', '192.0.0.5/32'), address('v4-wwan0', '192.0.0.7/32')),
    says: [['fault', 'nm-clat has 192.0.0.5 and v4-wwan0 has 192.0.0.7, an address of CLATs']],
  },
  'a modem’s, while ours stands down': {
    of: clatHost,
    change(survey) {
      survey.status = { ...PROGRAM, clat: [clatRow({ state: 'other-clat' })] };
      survey.machine.addresses = [address('v4-wwan0', '192.0.0.7/32')];
    },
    says: [['fault', 'v4-wwan0 has 192.0.0.7']],
  },
  'a modem’s, and ours does not answer': {
    of: clatHost,
    change(survey) {
      survey.status = null;
      survey.machine.addresses = [address('v4-wwan0', '192.0.0.7/32')];
    },
    says: [['fault', 'v4-wwan0 has 192.0.0.7']],
  },
  'an address after the range': {
    of: clatHost,
    change: ({ machine }) => machine.addresses.push(address('eth1', '192.0.0.8/32')),
    says: [['ok', 'no other device']],
  },
};

judges(clatChecks, { clat, 'clat-address': clatAddress, 'clat-routes': clatRoutes, 'other-clat': otherClat });

const lanMode =
  (mode: 'nat44' | 'none' | 'prefix' | 'eamt', networks: string[] = []) =>
  (survey: Survey) => {
    survey.expectations = { lan: { mode, networks, device: 'clat' }, pool4: [], queryLog: null };
  };

judges(lanChecks, {
  'lan-nat44': {
    there: { of: clatHost, says: [['ok', 'the table ip platypus_clat is there']] },
    flushed: {
      of: clatHost,
      change: ({ machine }) => (machine.firewall.ownTables = ['ip6 platypus_clat']),
      says: [['fault', 'the table ip platypus_clat is gone']],
    },
    'another mode': { of: clatHost, change: lanMode('prefix'), says: [] },
    'no CLAT runs': { of: clatHost, change: (survey) => (survey.clats = []), says: [] },
    'without a file': { of: clatHost, change: (survey) => (survey.expectations = null), says: [] },
    'the packet filter could not be read': {
      of: clatHost,
      change: ({ machine }) => (machine.firewall = { closing: [], ownTables: [], failure: 'nft is not installed' }),
      says: [],
    },
  },
  'lan-network': {
    'a healthy one': { of: clatHost, says: [['ok', '192.168.1.1/24 on br-lan']] },
    'no LAN': { of: clatHost, change: lanMode('none'), says: [] },
    'no CLAT runs': { of: clatHost, change: (survey) => (survey.clats = []), says: [] },
    'without a file': { of: clatHost, change: (survey) => (survey.expectations = null), says: [] },
    'an address for CLATs': {
      of: clatHost,
      change: ({ machine }) => machine.addresses.push(address('br-lan', '192.0.0.6/29')),
      says: [['fault', 'the LAN on br-lan uses 192.0.0.6/29']],
    },
    'no address': {
      of: clatHost,
      change: ({ machine }) => (machine.addresses = machine.addresses.filter(({ device }) => device !== 'br-lan')),
      says: [['fault', 'no device but the uplink has an IPv4 address']],
    },
    'a tunnel is no LAN': {
      of: clatHost,
      change({ machine }) {
        machine.links = [link('eth0'), link('br-lan', { linkAddress: '' })];
      },
      says: [['fault', 'no device but the uplink']],
    },
    'inside of one of the networks': {
      of: clatHost,
      change: lanMode('eamt', ['192.168.1.0/25', '10.0.0.0/8']),
      says: [['ok', '192.168.1.1/24 on br-lan']],
    },
    'containers beside a LAN that is served': {
      of: clatHost,
      change(survey) {
        lanMode('nat44', ['192.168.1.0/24'])(survey);
        survey.machine.links.push(link('docker0', { kind: 'bridge' }));
        survey.machine.addresses.push(address('docker0', '172.17.0.1/16'));
      },
      says: [['ok', '192.168.1.1/24 on br-lan']],
    },
    'a part of the LAN is served': {
      of: clatHost,
      change: lanMode('nat44', ['192.168.1.128/25']),
      says: [['ok', '192.168.1.1/24 on br-lan']],
    },
    'no LAN that is served': {
      of: clatHost,
      change(survey) {
        lanMode('nat44', ['192.168.3.0/24'])(survey);
        survey.machine.links.push(link('br-guest'));
        survey.machine.addresses.push(address('br-guest', '192.168.2.1/24'));
      },
      says: [
        ['warning', 'no address is inside of lan.networks: 192.168.1.1/24 on br-lan and 192.168.2.1/24 on br-guest'],
      ],
    },
  },
});
