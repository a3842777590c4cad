/** Checks 20 to 29. */
import { trapChecks } from '../../src/doctor/checks/traps.js';
import type { ClosingChain, DeviceMatch, ForwardRule } from '../../src/doctor/survey/firewall.js';
import { judges, type Row } from './judging.js';
import {
  address,
  clatHost,
  clatRow,
  healthyReach,
  link,
  PROGRAM,
  plainHost,
  platHost,
  route,
  translator,
} from './surveys.js';

const forwarding: Record<string, Row> = {
  'a CLAT': { of: clatHost, says: [['ok', 'forwarding is on']] },
  'a PLAT': { of: platHost, says: [['ok', 'forwarding is on']] },
  'nothing to forward for': { of: plainHost, says: [] },
  'a CLAT that stands down': {
    of: clatHost,
    change(survey) {
      survey.status = { ...PROGRAM, clat: [clatRow({ state: 'searching' })] };
      survey.machine.settings['net.ipv6.conf.all.forwarding'] = '0';
    },
    says: [],
  },
  'not for IPv6': {
    of: clatHost,
    change: ({ machine }) => (machine.settings['net.ipv6.conf.all.forwarding'] = '0'),
    says: [['fault', 'net.ipv6.conf.all.forwarding is 0']],
  },
  'not for IPv4, which a LAN needs': {
    of: clatHost,
    change: ({ machine }) => (machine.settings['net.ipv4.ip_forward'] = '0'),
    says: [['fault', 'net.ipv4.ip_forward is 0: hosts of the LAN have no IPv4']],
  },
  'not for IPv4, without a LAN': {
    of: clatHost,
    change(survey) {
      survey.expectations = null;
      survey.machine.settings['net.ipv4.ip_forward'] = '0';
    },
    says: [['ok', 'forwarding is on']],
  },
  'not for IPv4, with lan: none': {
    of: clatHost,
    change(survey) {
      survey.expectations = { lan: { mode: 'none', networks: [], device: 'clat' }, pool4: [], queryLog: null };
      survey.machine.settings['net.ipv4.ip_forward'] = '0';
    },
    says: [['ok', 'forwarding is on']],
  },
  'not for IPv4, on a PLAT': {
    of: platHost,
    change: ({ machine }) => (machine.settings['net.ipv4.ip_forward'] = '0'),
    says: [['fault', 'net.ipv4.ip_forward is 0: no translated packet leaves']],
  },
};

const acceptRa: Record<string, Row> = {
  'a healthy one': { of: clatHost, says: [['ok', 'accept_ra is 2 on eth0']] },
  'a host that does not forward': { of: plainHost, says: [] },
  'no such setting': {
    of: clatHost,
    change: ({ machine }) => (machine.settings['net.ipv6.conf.eth0.accept_ra'] = null),
    says: [],
  },
  'a device that was not looked at': { of: clatHost, change: (survey) => (survey.uplinks = ['eth9']), says: [] },
  '1, and a router speaks': {
    of: clatHost,
    change({ machine }) {
      machine.settings['net.ipv6.conf.eth0.accept_ra'] = '1';
      machine.defaults = [];
    },
    says: [['fault', 'accept_ra is 1 on eth0 while forwarding is on']],
    hint: 'net.ipv6.conf.eth0.accept_ra=2',
  },
  '1, and the kernel’s route has not expired yet': {
    of: clatHost,
    change(survey) {
      survey.machine.settings['net.ipv6.conf.eth0.accept_ra'] = '1';
      survey.links = [];
    },
    says: [['fault', 'accept_ra is 1 on eth0']],
  },
  '1 on an uplink that does not forward': {
    of: clatHost,
    change({ machine }) {
      machine.settings['net.ipv6.conf.eth0.accept_ra'] = '1';
      machine.settings['net.ipv6.conf.eth0.forwarding'] = '0';
    },
    says: [],
  },
  '1, and nobody advertises': {
    of: clatHost,
    change(survey) {
      survey.machine.settings['net.ipv6.conf.eth0.accept_ra'] = '1';
      survey.links = [];
      survey.machine.defaults = [route(6, 'eth0', { protocol: 'static' })];
    },
    says: [],
  },
  '0, and a network manager does it': {
    of: clatHost,
    change({ machine }) {
      machine.settings['net.ipv6.conf.eth0.accept_ra'] = '0';
      machine.defaults = [route(6, 'eth0', { protocol: 'static' })];
    },
    says: [['ok', "accept_ra is 0 on eth0: not the kernel's business"]],
  },
  '0, as NetworkManager has it, whose routes say ra as well': {
    of: clatHost,
    change: ({ machine }) => (machine.settings['net.ipv6.conf.eth0.accept_ra'] = '0'),
    says: [['ok', "accept_ra is 0 on eth0: not the kernel's business"]],
  },
};

const strict =
  (name: string): NonNullable<Row['change']> =>
  ({ machine }) => {
    machine.settings[`net.ipv4.conf.${name}.rp_filter`] = '1';
  };

const rpFilter: Record<string, Row> = {
  'a healthy one': { of: clatHost, says: [['ok', 'rp_filter 0 on clat']] },
  'no translator': { of: plainHost, says: [] },
  'strict, and the route fits': { of: clatHost, change: strict('clat'), says: [['ok', 'rp_filter 1 on clat']] },
  'strict, and IPv4 leads elsewhere': {
    of: clatHost,
    change(survey) {
      strict('clat')(survey);
      survey.machine.defaults.push(route(4, 'eth1', { metric: 50 }));
    },
    says: [['fault', "rp_filter is 1 (strict) on clat, and IPv4's default route leads to eth1"]],
    hint: 'net.ipv4.conf.clat.rp_filter=2',
  },
  'strict for all, and no route': {
    of: clatHost,
    change(survey) {
      strict('all')(survey);
      survey.machine.defaults = [];
    },
    says: [['fault', 'leads to nowhere']],
  },
  'loose goes before strict': {
    of: clatHost,
    change(survey) {
      strict('clat')(survey);
      survey.machine.settings['net.ipv4.conf.all.rp_filter'] = '2';
      survey.machine.defaults = [];
    },
    says: [['ok', 'rp_filter 2 on clat']],
  },
  'strict on a PLAT, whose pool4 is routed to the device': {
    of: platHost,
    change: strict('platypus'),
    says: [['ok', 'rp_filter 1 on platypus']],
  },
  'settings that could not be read': {
    of: clatHost,
    change: ({ machine }) => (machine.settings = {}),
    says: [['ok', 'rp_filter 0 on clat']],
  },
};

const closed =
  (change: Partial<ClosingChain>): NonNullable<Row['change']> =>
  (survey) => {
    survey.machine.firewall.closing.push({
      family: 'inet',
      table: 'fw',
      chain: 'forward',
      accepted: [],
      rules: [],
      ...change,
    });
    survey.reach = null;
  };

/** A rule by the words of nft: `oifname wan`, `iifname !wan`, `established`. */
function rule(words: string, accept = true): ForwardRule {
  const [key = '', name = ''] = words.split(' ');
  const side = key === 'iifname' ? 'in' : 'out';
  const devices: DeviceMatch[] =
    name === '' ? [] : [{ side, names: [name.replace('!', '')], not: name.startsWith('!') }];
  return { devices, established: words === 'established', accept };
}
const rules = (...words: string[]) => words.map((one) => rule(one));

const forwardPolicy: Record<string, Row> = {
  'a healthy one': { of: clatHost, says: [['ok', 'no chain of the forward hook is closed to it']] },
  'no translator': { of: plainHost, change: closed({}), says: [] },
  'nft could not be asked': {
    of: clatHost,
    change: ({ machine }) => (machine.firewall.failure = 'nft is not installed'),
    says: [['skipped', 'the packet filter could not be read: nft is not installed']],
  },
  closed: {
    of: clatHost,
    change: closed({}),
    says: [
      ['fault', 'the chain forward of the table inet fw drops what is forwarded, and lets nothing through for clat'],
    ],
    hint: 'nft insert rule inet fw forward iifname "clat" accept',
  },
  'open by name': { of: clatHost, change: closed({ accepted: ['lo', 'clat'] }), says: [['ok', 'no chain']] },
  'open by the beginning of a name': {
    of: clatHost,
    change: closed({ accepted: ['cl*'] }),
    says: [['ok', 'no chain']],
  },
  'open to others': { of: clatHost, change: closed({ accepted: ['eth0', 'cla'] }), says: [['fault', 'for clat']] },
  'open to all': { of: clatHost, change: closed({ rules: rules('') }), says: [['ok', 'no chain']] },
  'firewalld’s': {
    of: clatHost,
    change: closed({ table: 'firewalld', chain: 'filter_FORWARD' }),
    says: [['fault', 'inet firewalld']],
    hint: 'firewall-cmd --permanent --zone=trusted --add-interface=clat',
  },
  'ufw’s': {
    of: clatHost,
    change: closed({ family: 'ip6', table: 'filter', chain: 'ufw6-before-forward' }),
    says: [['fault', 'ip6 filter']],
    hint: 'ufw route allow in on clat',
  },
  'Docker’s for IPv6': {
    of: clatHost,
    change: closed({ family: 'ip6', table: 'filter', chain: 'FORWARD' }),
    says: [['fault', 'the chain FORWARD of the table ip6 filter']],
    hint: 'ip6tables -I FORWARD -i clat -j ACCEPT',
  },
  'for IPv4, with a LAN': {
    of: clatHost,
    change: closed({ family: 'ip', table: 'filter', chain: 'FORWARD' }),
    says: [['fault', 'ip filter']],
  },
  'for IPv4, without a LAN': {
    of: clatHost,
    change(survey) {
      survey.expectations = null;
      closed({ family: 'ip' })(survey);
    },
    says: [['ok', 'no chain']],
  },
  'for IPv4, on a PLAT': { of: platHost, change: closed({ family: 'ip' }), says: [['fault', 'for platypus']] },
  'of bridges': { of: platHost, change: closed({ family: 'bridge' }), says: [['ok', 'no chain']] },
  'two of them': {
    of: clatHost,
    change(survey) {
      closed({})(survey);
      closed({ family: 'ip6' })(survey);
    },
    says: [
      ['fault', 'inet fw'],
      ['fault', 'ip6 fw'],
    ],
  },
  'open to one of two devices': {
    of: clatHost,
    change(survey) {
      survey.status = translator({ mode: 'siit', device: 'siit0', clat: [clatRow()] });
      closed({ accepted: ['clat'] })(survey);
    },
    says: [['fault', 'lets nothing through for siit0']],
  },
  'closed to both': {
    of: clatHost,
    change(survey) {
      survey.status = translator({ mode: 'siit', device: 'siit0', clat: [clatRow()] });
      closed({})(survey);
    },
    says: [['fault', 'lets nothing through for siit0 and clat']],
  },
  'without a LAN, open towards the uplink, and to answers': {
    of: clatHost,
    change(survey) {
      survey.expectations = null;
      closed({ rules: rules('established', 'oifname eth0') })(survey);
    },
    says: [['ok', 'no chain']],
  },
  'open towards the uplink, and not to answers': {
    of: clatHost,
    change(survey) {
      survey.expectations = null;
      closed({ rules: rules('oifname eth0') })(survey);
    },
    says: [['fault', 'for clat']],
  },
  'open towards the uplink, and not from the LAN': {
    of: clatHost,
    change(survey) {
      closed({ rules: rules('established', 'oifname eth0') })(survey);
      survey.reach = healthyReach;
    },
    says: [['fault', 'lets nothing through for clat from br-lan']],
  },
  'open towards the uplink and from the LAN': {
    of: clatHost,
    change: closed({ rules: rules('established', 'oifname eth0', 'iifname br-lan') }),
    says: [['ok', 'no chain']],
  },
  'open but from the uplink': {
    of: clatHost,
    change: closed({ rules: rules('established', 'iifname !eth0') }),
    says: [['ok', 'no chain']],
  },
  'open but from the Internet, on a PLAT': {
    of: platHost,
    change: closed({ rules: rules('established', 'iifname !eth1') }),
    says: [['ok', 'no chain']],
  },
  'closed to a LAN that is not served': {
    of: clatHost,
    change(survey) {
      survey.expectations = {
        lan: { mode: 'nat44', networks: ['192.168.1.0/24'], device: 'clat' },
        pool4: [],
        queryLog: null,
      };
      survey.machine.links.push(link('virbr0', { kind: 'bridge' }));
      survey.machine.addresses.push(address('virbr0', '192.168.122.1/24'));
      closed({ rules: rules('established', 'oifname eth0', 'iifname br-lan') })(survey);
    },
    says: [['ok', 'no chain']],
  },
  'open to containers, with a LAN': {
    of: clatHost,
    change(survey) {
      survey.machine.links.push(link('docker0', { kind: 'bridge' }));
      survey.machine.addresses.push(address('docker0', '172.17.0.1/16'));
      closed({ family: 'ip', rules: rules('established', 'iifname docker0') })(survey);
    },
    says: [['fault', 'ip fw']],
  },
  'answers come nevertheless': {
    of: clatHost,
    change(survey) {
      closed({})(survey);
      survey.reach = healthyReach;
    },
    says: [['warning', 'no rule that the doctor understands lets clat through; answers come nevertheless']],
    hint: 'iifname "clat" accept',
  },
  'answers come by native IPv4': {
    of: clatHost,
    change(survey) {
      closed({})(survey);
      survey.reach = healthyReach;
      survey.machine.defaults.push(route(4, 'eth1', { metric: 50 }));
    },
    says: [['fault', 'for clat']],
  },
  'answers come to this host, and the LAN’s IPv4 is closed': {
    of: clatHost,
    change(survey) {
      closed({ family: 'ip' })(survey);
      survey.reach = healthyReach;
    },
    says: [['fault', 'ip fw']],
  },
};

const offload: Record<string, Row> = {
  'a healthy one': { of: clatHost, says: [['ok', 'neither LRO nor rx-gro-list']] },
  'a PLAT': { of: platHost, says: [['ok', 'neither']] },
  'without ethtool': {
    of: clatHost,
    change: ({ machine }) => (machine.features = null),
    says: [['skipped', 'ethtool is not installed']],
  },
  'rx-gro-list and LRO': {
    of: clatHost,
    change: ({ machine }) => (machine.features = { eth0: { 'rx-gro-list': true, 'large-receive-offload': true } }),
    says: [['warning', 'large-receive-offload and rx-gro-list is on for eth0']],
    hint: 'ethtool -K eth0 lro off rx-gro-list off',
  },
  'on a device that is no uplink': {
    of: clatHost,
    change: ({ machine }) => (machine.features = { 'br-lan': { 'rx-gro-list': true } }),
    says: [['ok', 'neither']],
  },
  'on any device of a PLAT': {
    of: platHost,
    change: ({ machine }) => (machine.features = { eth0: {}, eth1: { 'large-receive-offload': true } }),
    says: [['warning', 'large-receive-offload is on for eth1']],
    hint: 'ethtool -K eth1 lro off',
  },
};

judges(trapChecks, {
  forwarding,
  'accept-ra': acceptRa,
  'rp-filter': rpFilter,
  'forward-policy': forwardPolicy,
  offload,
  programs: {
    'all answered': { of: clatHost, says: [] },
    'two did not': {
      of: clatHost,
      change: ({ machine }) => machine.failures.push('ip is not installed', 'ip rule show: found another form'),
      says: [
        ['skipped', 'ip is not installed'],
        ['skipped', 'ip rule show'],
      ],
    },
  },
});
