/** Checks 01 to 09. */

import { expect, test } from 'vitest';
import { discoveryChecks, listOf } from '../../src/doctor/checks/discovery.js';
import { first, judges, type Row } from './judging.js';
import {
  address,
  advertisement,
  clatHost,
  clatRow,
  healthyReach,
  PREFIX,
  PROGRAM,
  plainHost,
  platHost,
  resolver,
  route,
} from './surveys.js';

const uplink: Record<string, Row> = {
  'a healthy one': { of: clatHost, says: [['ok', 'eth0 has 2001:db8:1:1::2 and a default route by fe80::1']] },
  'a default route without a gateway': {
    of: plainHost,
    change: ({ machine }) => (machine.defaults = [route(6, 'eth0')]),
    says: [['ok', 'a default route by the link']],
  },
  'none at all': {
    of: clatHost,
    change: (survey) => (survey.uplinks = []),
    says: [['fault', 'no IPv6 default route']],
  },
  'none on a PLAT, which needs none': { of: platHost, says: [] },
  'no such device': {
    of: clatHost,
    change: (survey) => (survey.uplinks = ['wwan0']),
    says: [['fault', 'there is no device wwan0']],
  },
  'each of two': {
    of: clatHost,
    change: (survey) => (survey.uplinks = ['eth0', 'wwan0']),
    says: [
      ['ok', 'eth0 has'],
      ['fault', 'no device wwan0'],
    ],
  },
  'switched off': {
    of: clatHost,
    change: ({ machine }) => (machine.links = machine.links.map((one) => ({ ...one, up: false, carrier: false }))),
    says: [['fault', 'eth0 is switched off']],
    hint: 'ip link set eth0 up',
  },
  'no carrier': {
    of: clatHost,
    change: ({ machine }) => (machine.links = machine.links.map((one) => ({ ...one, carrier: false }))),
    says: [['fault', 'eth0 has no carrier']],
  },
  'IPv6 switched off': {
    of: clatHost,
    change: ({ machine }) => (machine.settings['net.ipv6.conf.eth0.disable_ipv6'] = '1'),
    says: [['fault', 'IPv6 is switched off on eth0']],
  },
  'a link-local address only': {
    of: clatHost,
    change: ({ machine }) => (machine.addresses = machine.addresses.filter((one) => one.address !== '2001:db8:1:1::2')),
    says: [['fault', 'eth0 has no global IPv6 address']],
  },
  'a deprecated address only': {
    of: clatHost,
    change: ({ machine }) => (machine.addresses = [address('eth0', '2001:db8:1:1::2/64', { deprecated: true })]),
    says: [['fault', 'eth0 has no global IPv6 address']],
  },
  'an IPv4 address only': {
    of: clatHost,
    change: ({ machine }) => (machine.addresses = [address('eth0', '192.0.2.1/24')]),
    says: [['fault', 'eth0 has no global IPv6 address']],
  },
  'an address that another host has': {
    of: clatHost,
    change: ({ machine }) => (machine.addresses = [address('eth0', '2001:db8:1:1::2/64', { duplicate: true })]),
    says: [['fault', '2001:db8:1:1::2 on eth0 is used by another host']],
  },
  'no default route': {
    of: clatHost,
    change: ({ machine }) => (machine.defaults = [route(6, 'wwan0'), route(4, 'eth0')]),
    says: [['fault', 'there is no IPv6 default route by eth0']],
  },
  'a router that failed to answer': {
    of: clatHost,
    change: ({ machine }) => (first(machine.neighbours).state = 'FAILED'),
    says: [['fault', 'the router fe80::1 on eth0 does not answer']],
  },
  'a router that has not answered yet': {
    of: clatHost,
    change: ({ machine }) => (first(machine.neighbours).state = 'INCOMPLETE'),
    says: [['fault', 'does not answer neighbour discovery']],
  },
  'a router of that address on another link': {
    of: clatHost,
    change: ({ machine }) => (machine.neighbours = [{ ...first(machine.neighbours), device: 'eth1', state: 'FAILED' }]),
    says: [['ok', 'eth0 has']],
  },
};

const routers: Record<string, Row> = {
  'silence where the default route is static': {
    of: clatHost,
    change({ links, machine }) {
      first(links).routers = [];
      machine.defaults = [route(6, 'eth0', { gateway: '2001:db8:1:1::1', protocol: 'static' })];
    },
    says: [['ok', 'none on eth0, whose default route was made by the administrator']],
  },
  'a healthy one': { of: clatHost, says: [['ok', 'fe80::1 on eth0']] },
  'on a PLAT nobody listens': { of: platHost, says: [] },
  'nobody could listen': {
    of: clatHost,
    change: ({ links }) => (first(links).failure = 'listening on eth0 needs root'),
    says: [['skipped', 'needs root']],
  },
  silence: {
    of: clatHost,
    change: ({ links }) => (first(links).routers = []),
    says: [['fault', 'no router advertisement on eth0 within 4 s of a solicitation']],
  },
  'none but malformed ones': {
    of: clatHost,
    change: ({ links }) => Object.assign(first(links), { routers: [], refused: 3 }),
    says: [['fault', '3 that hosts have to ignore']],
  },
  'malformed ones as well': {
    of: clatHost,
    change: ({ links }) => (first(links).refused = 2),
    says: [['ok', 'fe80::1 on eth0, 2 that hosts have to ignore']],
  },
  'no default router': {
    of: clatHost,
    change: ({ links }) => (first(links).routers = [advertisement('fe80::1', { lifetimeSeconds: 0 })]),
    says: [['warning', 'fe80::1 on eth0 advertises no default route (router lifetime 0)']],
  },
  'one default router of two': {
    of: clatHost,
    change: ({ links }) => first(links).routers.push(advertisement('fe80::2', { lifetimeSeconds: 0 })),
    says: [['ok', 'fe80::1 on eth0']],
  },
};

const pref64: Record<string, Row> = {
  'none, and the CLAT has a prefix from its file': {
    of: clatHost,
    change(survey) {
      first(survey.links).routers = [advertisement('fe80::1', { pref64: [] })];
      survey.resolvers = [resolver('2001:db8:1:1::1', { prefixes: [] })];
      survey.status = { ...PROGRAM, clat: [clatRow({ source: 'static' })] };
    },
    says: [['ok', 'the CLAT has its own from its file']],
  },
  'a healthy one': { of: clatHost, says: [['ok', `${PREFIX} for 1800 s on eth0`]] },
  'nobody could listen': {
    of: clatHost,
    change: ({ links }) => (first(links).failure = 'listening on eth0 needs root'),
    says: [['skipped', 'needs root']],
  },
  'no router': { of: clatHost, change: ({ links }) => (first(links).routers = []), says: [] },
  'an option to ignore': {
    of: clatHost,
    change: ({ links }) => (first(first(links).routers).refusedPref64 = 1),
    says: [['fault', 'fe80::1 on eth0 advertises a PREF64 option that hosts have to ignore']],
    hint: '32, 40, 48, 56, 64 or 96',
  },
  'taken back': {
    of: clatHost,
    change: ({ links }) => (first(first(links).routers).pref64 = [{ prefix: PREFIX, lifetimeSeconds: 0 }]),
    says: [['fault', `fe80::1 on eth0 takes its NAT64 prefix ${PREFIX} back`]],
  },
  'one taken back, another there': {
    of: clatHost,
    change: ({ links }) => first(first(links).routers).pref64.push({ prefix: '2001:db8:64::/96', lifetimeSeconds: 0 }),
    says: [['ok', `${PREFIX} for 1800 s on eth0`]],
  },
  'none, and the resolvers tell one': {
    of: clatHost,
    change: ({ links }) => (first(first(links).routers).pref64 = []),
    says: [['warning', 'no router on eth0 advertises a NAT64 prefix (PREF64); the resolvers tell one']],
    hint: 'radvd',
  },
  'none, and the resolvers tell none': {
    of: clatHost,
    change: ({ links, resolvers: [one] }) => {
      first(first(links).routers).pref64 = [];
      if (one !== undefined) one.prefixes = [];
    },
    says: [['fault', '(PREF64), and no resolver tells one']],
    hint: 'radvd',
  },
  'none, and the CLAT has one of a resolver that is known to it alone': {
    of: clatHost,
    change(survey) {
      first(first(survey.links).routers).pref64 = [];
      survey.resolvers = [resolver('192.0.2.53', { from: 'resolv.conf', prefixes: [] })];
      survey.status = { ...PROGRAM, clat: [clatRow({ source: 'dns', router: null })] };
    },
    says: [['warning', 'no router on eth0 advertises a NAT64 prefix (PREF64); the resolvers tell one']],
  },
  'none, and the CLAT of another link has one of a resolver': {
    of: clatHost,
    change(survey) {
      first(first(survey.links).routers).pref64 = [];
      survey.resolvers = [];
      survey.status = { ...PROGRAM, clat: [clatRow({ source: 'dns', router: null, uplink: 'wwan0' })] };
    },
    says: [['fault', 'no resolver tells one']],
  },
  'different ones of two routers': {
    of: clatHost,
    change: ({ links }) =>
      first(links).routers.push(
        advertisement('fe80::2', { pref64: [{ prefix: '2001:db8:64::/96', lifetimeSeconds: 1800 }] }),
      ),
    says: [
      ['warning', `routers on eth0 advertise different NAT64 prefixes: ${PREFIX} by fe80::1 and 2001:db8:64::/96`],
    ],
  },
  'the same of two routers, and a third without': {
    of: clatHost,
    change: ({ links }) =>
      first(links).routers.push(advertisement('fe80::2'), advertisement('fe80::3', { pref64: [] })),
    says: [['ok', 'on eth0']],
  },
  'a lifetime of 112 s': {
    of: clatHost,
    change: ({ links }) => (first(first(links).routers).pref64 = [{ prefix: PREFIX, lifetimeSeconds: 112 }]),
    says: [['warning', 'found a lifetime of 112 s, expected at least 120 s']],
  },
  'a lifetime of 120 s': {
    of: clatHost,
    change: ({ links }) => (first(first(links).routers).pref64 = [{ prefix: PREFIX, lifetimeSeconds: 120 }]),
    says: [['ok', '120 s']],
  },
};

const resolvers: Record<string, Row> = {
  'a healthy one': { of: clatHost, says: [['ok', `${PREFIX} by 2001:db8:1:1::1`]] },
  'none known': {
    of: clatHost,
    change: (survey) => (survey.resolvers = []),
    says: [['fault', 'no resolver is known']],
  },
  'none known but to the CLAT': {
    of: clatHost,
    change(survey) {
      survey.resolvers = [];
      survey.status = { ...PROGRAM, clat: [clatRow({ source: 'dns', router: null })] };
    },
    says: [['skipped', 'none is known but to the CLAT']],
  },
  'the CLAT’s in its file does DNS64, and the host’s is none': {
    of: clatHost,
    change(survey) {
      first(first(survey.links).routers).pref64 = [];
      survey.resolvers = [
        resolver('192.0.2.53', { from: 'resolv.conf', prefixes: [] }),
        resolver('2001:db8::64', { from: 'configuration' }),
      ];
    },
    says: [
      ['ok', 'no prefix by 192.0.2.53'],
      ['ok', `${PREFIX} by 2001:db8::64`],
    ],
  },
  'a PLAT without one': { of: platHost, change: (survey) => (survey.resolvers = []), says: [] },
  'a PLAT’s own DNS64 and another that is none': {
    of: platHost,
    change: (survey) =>
      (survey.resolvers = [
        resolver('127.0.0.1', { from: 'resolv.conf' }),
        resolver('192.0.2.53', { from: 'resolv.conf', prefixes: [] }),
      ]),
    says: [['ok', `${PREFIX} by 127.0.0.1; no prefix by 192.0.2.53`]],
  },
  'a PLAT’s that is silent': {
    of: platHost,
    change: (survey) =>
      (survey.resolvers = [resolver('::1'), resolver('192.0.2.53', { prefixes: [], failure: 'ETIMEOUT' })]),
    says: [['warning', 'the resolver 192.0.2.53 (advertisement) does not answer: ETIMEOUT']],
  },
  'one that is silent, one that lies': {
    of: clatHost,
    change: (survey) =>
      survey.resolvers.push(
        resolver('2001:db8::53', { from: 'resolv.conf', prefixes: [], failure: 'ETIMEOUT' }),
        resolver('192.0.2.53', { from: 'command line', prefixes: [], strangers: 1 }),
      ),
    says: [
      ['fault', 'the resolver 2001:db8::53 (resolv.conf) does not answer: ETIMEOUT'],
      ['fault', 'the resolver 192.0.2.53 (command line) makes addresses of ipv4only.arpa up'],
    ],
  },
  'two that do not agree': {
    of: clatHost,
    change: (survey) => survey.resolvers.push(resolver('2001:db8::53', { prefixes: [] })),
    says: [['fault', `do not agree: ${PREFIX} by 2001:db8:1:1::1 and no prefix by 2001:db8::53`]],
  },
  'two that tell the same in another order': {
    of: clatHost,
    change: (survey) =>
      (survey.resolvers = [
        resolver('2001:db8::53', { prefixes: [PREFIX, '2001:db8:64::/96'] }),
        resolver('2001:db8::54', { prefixes: ['2001:db8:64::/96', PREFIX] }),
      ]),
    says: [['ok', 'by 2001:db8::53 and 2001:db8::54']],
  },
  'another prefix than the routers’': {
    of: clatHost,
    change: (survey) => (survey.resolvers = [resolver('2001:db8::53', { prefixes: ['2001:db8:64::/96'] })]),
    says: [['warning', `the resolvers tell 2001:db8:64::/96, and the routers ${PREFIX}`]],
  },
  'none that does DNS64, and PREF64': {
    of: clatHost,
    change: (survey) => (survey.resolvers = [resolver('2001:db8::53', { prefixes: [] })]),
    says: [['ok', 'no prefix by 2001:db8::53']],
  },
  'a host without anything': {
    of: plainHost,
    change: (survey) => {
      survey.resolvers = [resolver('2001:db8::53', { prefixes: [] })];
      first(first(survey.links).routers).pref64 = [];
    },
    says: [['warning', 'no DNS64: no prefix by 2001:db8::53']],
  },
};

const native: Record<string, Row> = {
  'none but the CLAT’s': { of: clatHost, says: [['ok', 'no other IPv4 default route']] },
  'a PLAT has it by right': { of: platHost, says: [] },
  'a host without a CLAT': {
    of: plainHost,
    change: ({ machine }) => machine.defaults.push(route(4, 'eth0', { gateway: '192.0.2.1', protocol: 'dhcp' })),
    says: [['ok', 'by 192.0.2.1 on eth0, metric 100, made by a DHCP client']],
  },
  'on the uplink, and nobody to ask whether it works': {
    of: clatHost,
    change(survey) {
      survey.machine.defaults.push(route(4, 'eth0', { protocol: 'boot' }));
      survey.reach = null;
    },
    says: [['warning', 'there is a native IPv4 default route on eth0, metric 100, made by ip or a boot script']],
    hint: 'stands down',
  },
  'that works': {
    of: clatHost,
    change: ({ machine }) => machine.defaults.push(route(4, 'eth0', { protocol: 'dhcp' })),
    says: [['ok', 'made by a DHCP client, and IPv4 works by it']],
  },
  'that leads nowhere, on another device, by an unknown program': {
    of: clatHost,
    change(survey) {
      survey.machine.defaults.push(route(4, 'wwan0', { protocol: '99' }));
      survey.reach = { ...healthyReach, icmp: { answered: false, milliseconds: null, error: null } };
    },
    says: [['fault', 'on wwan0, metric 100, made by 99, and IPv4 does not work by it']],
    hint: 'the lower metric',
  },
  'behind the CLAT’s': {
    of: clatHost,
    change: ({ machine }) => machine.defaults.push(route(4, 'wwan0', { metric: 9000 })),
    says: [['ok', 'the CLAT’s is before it']],
  },
  'in another table': {
    of: clatHost,
    change: ({ machine }) => machine.defaults.push(route(4, 'wg0', { table: '77' })),
    says: [['ok', 'no other']],
  },
};

const prefix: Record<string, Row> = {
  'told by the network': { of: clatHost, says: [['ok', `${PREFIX}, which the network tells too`]] },
  'without a CLAT': { of: plainHost, says: [] },
  'none in use': {
    of: clatHost,
    change: (survey) => (survey.status = { ...PROGRAM, clat: [clatRow({ prefixes: [] })] }),
    says: [],
  },
  'the network tells none': {
    of: clatHost,
    change: (survey) => Object.assign(survey, { links: [], resolvers: [] }),
    says: [],
  },
  'by DNS alone': { of: clatHost, change: (survey) => (survey.links = []), says: [['ok', PREFIX]] },
  'of the file, and wrong': {
    of: clatHost,
    change: (survey) =>
      (survey.status = { ...PROGRAM, clat: [clatRow({ prefixes: ['2001:db8:64::/96'], source: 'static' })] }),
    says: [['fault', `the CLAT on eth0 uses 2001:db8:64::/96 (static), and the network tells ${PREFIX}`]],
    hint: 'clat.pool6',
  },
  'learned, and old': {
    of: clatHost,
    change: (survey) => (survey.status = { ...PROGRAM, clat: [clatRow({ prefixes: ['2001:db8:64::/96'] })] }),
    says: [['fault', '(router), and the network tells']],
    hint: 'second router',
  },
};

const nat64: Record<string, Row> = {
  'one that answers': { of: clatHost, says: [['ok', '2001:db8:64::cb00:7105 answers to ping']] },
  'nobody to ask': { of: clatHost, change: (survey) => (survey.nat64 = null), says: [] },
  silence: {
    of: clatHost,
    change: (survey) => (survey.nat64 = { address6: '2001:db8:64::1', answered: false, error: null }),
    says: [['fault', `2001:db8:64::1 behind ${PREFIX} does not answer to ping`]],
    hint: 'platypus doctor on the PLAT',
  },
  'a router that knows no way': {
    of: clatHost,
    change: (survey) =>
      (survey.nat64 = { address6: '2001:db8:64::1', answered: false, error: 'From fe80::1 Destination unreachable' }),
    says: [['fault', '(From fe80::1 Destination unreachable)']],
  },
};

judges(discoveryChecks, { uplink, routers, pref64, resolvers, 'native-ipv4': native, prefix, nat64 });

test('a list in words', () => {
  expect([listOf([]), listOf(['a']), listOf(['a', 'b']), listOf(['a', 'b', 'c'])]).toEqual([
    'none',
    'a',
    'a and b',
    'a, b and c',
  ]);
});
