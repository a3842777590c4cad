/** How this host comes to know that IPv6 is there, and the NAT64 behind it: 01 to 09. */
import type { ClatUplinkStatus } from '../../clat/uplink.js';
import { type Check, type Finding, fault, ok, skipped, warning } from '../check.js';
import type { Advertisement } from '../survey/advertisement.js';
import { advertisedPref64, type LinkView } from '../survey/link.js';
import type { ResolverView } from '../survey/resolvers.js';
import type { Survey } from '../survey/survey.js';
import { clatDevices, defaultRoutes4, nativeWay } from './ipv4.js';

/** RFC 8781 §5.1: the lifetime is meant to outlast several advertisements, which may be 30 minutes apart. */
const SHORT_LIFETIME_SECONDS = 120;

const uplink: Check<Survey> = {
  number: '01',
  name: 'uplink',
  title: 'the device towards the network: carrier, IPv6 address, default route, router',
  examine({ role, uplinks, machine }) {
    if (uplinks.length === 0) {
      if (role === 'plat') return [];
      return [
        fault(
          'there is no IPv6 default route, and no uplink is configured',
          'connect the uplink, or name it: platypus doctor --uplink eth0',
        ),
      ];
    }
    return uplinks.map((device) => {
      const link = machine.links.find(({ name }) => name === device);
      if (link === undefined) return fault(`there is no device ${device}`, 'check the name of the uplink: ip link');
      if (!link.up) return fault(`${device} is switched off`, `switch it on: ip link set ${device} up`);
      if (!link.carrier) return fault(`${device} has no carrier`, 'check the cable, the radio or the SIM');
      if (machine.settings[`net.ipv6.conf.${device}.disable_ipv6`] === '1') {
        return fault(`IPv6 is switched off on ${device}`, `sysctl net.ipv6.conf.${device}.disable_ipv6=0`);
      }
      const address = machine.addresses.find(
        (one) => one.device === device && one.family === 6 && one.scope === 'global' && !one.deprecated,
      );
      if (address === undefined) {
        return fault(
          `${device} has no global IPv6 address`,
          'check that the router advertises a prefix (finding 02) or that DHCPv6 runs',
        );
      }
      if (address.duplicate) {
        return fault(`${address.address} on ${device} is used by another host`, 'give one of the two another address');
      }
      const route = machine.defaults.find((one) => one.family === 6 && one.device === device);
      if (route === undefined) {
        return fault(
          `there is no IPv6 default route by ${device}`,
          'check the router and its advertisements (finding 02)',
        );
      }
      const neighbour = machine.neighbours.find((one) => one.device === device && one.address === route.gateway);
      if (neighbour?.state === 'FAILED' || neighbour?.state === 'INCOMPLETE') {
        return fault(
          `the router ${route.gateway} on ${device} does not answer neighbour discovery`,
          'check the router, and that no switch or access point filters ICMPv6 multicast',
        );
      }
      return ok(`${device} has ${address.address} and a default route by ${route.gateway ?? 'the link'}`);
    });
  },
};

const routers: Check<Survey> = {
  number: '02',
  name: 'routers',
  title: 'router advertisements on the uplink',
  after: ['uplink'],
  examine({ links, machine }) {
    return links.map(({ device, routers, refused, failure }) => {
      if (failure !== null) return skipped(failure);
      const malformed = refused === 0 ? '' : `, ${refused} that hosts have to ignore`;
      const defaults = routers.filter(({ lifetimeSeconds }) => lifetimeSeconds > 0);
      const route = machine.defaults.find((one) => one.family === 6 && one.device === device);
      if (routers.length === 0 && route !== undefined && route.protocol !== 'ra') {
        return ok(`none on ${device}, whose default route was made by ${OWNERS[route.protocol] ?? route.protocol}`);
      }
      if (routers.length === 0) {
        return fault(
          `no router advertisement on ${device} within 4 s of a solicitation${malformed}`,
          'check that the router sends them (radvd, RouterOS ipv6/nd) and that the Wi-Fi or switch does not filter multicast',
        );
      }
      if (defaults.length === 0) {
        return warning(
          `${listOf(routers.map(({ router }) => router))} on ${device} advertises no default route (router lifetime 0)`,
          'check whether the router has lost its own uplink',
        );
      }
      return ok(`${listOf(defaults.map(({ router }) => router))} on ${device}${malformed}`);
    });
  },
};

const pref64: Check<Survey> = {
  number: '03',
  name: 'pref64',
  title: 'the NAT64 prefix in router advertisements (RFC 8781), and its lifetime',
  after: ['uplink', 'routers'],
  examine({ links, resolvers, status }) {
    const told = new Map((status?.clat ?? []).map((clat) => [clat.uplink, clat]));
    return links.flatMap((link) => {
      if (link.failure !== null) return [skipped(link.failure)];
      if (link.routers.length === 0) return [];
      const clat = told.get(link.device);
      const byFile = ['static', 'fallback'].includes(clat?.source ?? '');
      const byDns = isToldByDns(clat) || resolvers.some(({ prefixes }) => prefixes.length > 0);
      return [examinePref64(link, { byDns, byFile })];
    });
  },
};

function examinePref64({ device, routers }: LinkView, { byDns, byFile }: { byDns: boolean; byFile: boolean }) {
  const configure =
    'configure the router: nat64prefix in radvd ≥ 2.20, pref64 in RouterOS ≥ 7.8, odhcpd or systemd-networkd';
  const all = routers.flatMap(({ router, pref64 }) => pref64.map((option) => ({ router, ...option })));
  const live = all.filter(({ lifetimeSeconds }) => lifetimeSeconds > 0);
  const refused = routers.find(({ refusedPref64 }) => refusedPref64 > 0);
  if (refused !== undefined) {
    return fault(
      `${refused.router} on ${device} advertises a PREF64 option that hosts have to ignore`,
      `expected a prefix of 32, 40, 48, 56, 64 or 96 bits with octet 8 zero: ${configure}`,
    );
  }
  if (all.length > 0 && live.length === 0) {
    return fault(
      `${all[0]?.router} on ${device} takes its NAT64 prefix ${all[0]?.prefix} back (lifetime 0)`,
      'the network is about to lose or to change its NAT64: ask its operator',
    );
  }
  if (live.length === 0) {
    const words = `no router on ${device} advertises a NAT64 prefix (PREF64)`;
    if (byFile) return ok(`${words}; the CLAT has its own from its file`);
    return byDns
      ? warning(`${words}; the resolvers tell one`, `hosts depend on these resolvers: ${configure}`)
      : fault(`${words}, and no resolver tells one`, configure);
  }
  const sets = new Set(routers.filter(({ pref64 }) => pref64.length > 0).map(liveSet));
  if (sets.size > 1) {
    return warning(
      `routers on ${device} advertise different NAT64 prefixes: ${listOf(live.map(({ router, prefix }) => `${prefix} by ${router}`))}`,
      'expected the same of all routers of a link (RFC 8781 §5.2): flows break when a host changes from one to another',
    );
  }
  const shortest = Math.min(...live.map(({ lifetimeSeconds }) => lifetimeSeconds));
  const words = listOf(live.map(({ prefix, lifetimeSeconds }) => `${prefix} for ${lifetimeSeconds} s`));
  if (shortest < SHORT_LIFETIME_SECONDS) {
    return warning(
      `${words} on ${device}: found a lifetime of ${shortest} s, expected at least ${SHORT_LIFETIME_SECONDS} s`,
      'one lost advertisement takes IPv4 away: let the lifetime be three times the interval of advertisements',
    );
  }
  return ok(`${words} on ${device}`);
}

/** Whoever was asked: resolvers of `platypus clat --resolver` are known to the CLAT alone. */
const isToldByDns = (clat: ClatUplinkStatus | undefined) => clat?.state === 'running' && clat.source === 'dns';

const liveSet = ({ pref64 }: Advertisement) =>
  pref64
    .filter(({ lifetimeSeconds }) => lifetimeSeconds > 0)
    .map(({ prefix }) => prefix)
    .sort()
    .join(' ');

const resolvers: Check<Survey> = {
  number: '04',
  name: 'resolvers',
  title: 'the NAT64 prefix by DNS (RFC 7050) at each resolver, and whether they agree',
  after: ['uplink'],
  examine({ role, resolvers, links, status }) {
    if (role === 'plat') return examineOfPlat(resolvers);
    if (resolvers.length === 0) {
      if (status?.clat?.some(isToldByDns))
        return [skipped('none is known but to the CLAT, which has its prefix of one')];
      return [fault('no resolver is known: none in router advertisements, none in /etc/resolv.conf', 'configure one')];
    }
    const findings = resolvers.flatMap((one) => {
      const { server, from, failure, strangers } = one;
      if (failure !== null) return [fault(...silent(one))];
      if (strangers === 0) return [];
      return [
        fault(
          `the resolver ${server} (${from}) makes addresses of ipv4only.arpa up that hold neither 192.0.0.170 nor .171`,
          'somebody tampers with DNS answers, or its prefix length is wrong',
        ),
      ];
    });
    if (findings.length > 0) return findings;
    // The CLAT's own are there because the host's know no prefix.
    const [own, rest] = [resolvers.filter(isOfFile), resolvers.filter((one) => !isOfFile(one))];
    return [rest, own].flatMap((some) => (some.length === 0 ? [] : [examineAgreement(some, links, role)]));
  },
};

const isOfFile = ({ from }: ResolverView) => from === 'configuration';

/** A PLAT's resolvers are for its own names: beside its DNS64 there may be one that is none. */
function examineOfPlat(resolvers: readonly ResolverView[]): Finding[] {
  const warnings = resolvers.filter(({ failure }) => failure !== null).map((one) => warning(...silent(one)));
  if (warnings.length > 0 || resolvers.length === 0) return warnings;
  return [ok(tellEach(resolvers).join('; '))];
}

/** Each answer, and who gives it. */
function tellEach(resolvers: readonly ResolverView[]): string[] {
  const answers = new Map<string, string[]>();
  for (const { server, prefixes } of resolvers) {
    const key = prefixes.length === 0 ? 'no prefix' : [...prefixes].sort().join(' and ');
    answers.set(key, [...(answers.get(key) ?? []), server]);
  }
  return [...answers].map(([prefixes, servers]) => `${prefixes} by ${listOf(servers)}`);
}

/** Words and hint about one that does not answer. */
const silent = ({ server, from, failure }: Pick<ResolverView, 'server' | 'from' | 'failure'>): [string, string] => [
  `the resolver ${server} (${from}) does not answer: ${failure}`,
  'names resolve slowly or not at all with it: check that it runs and may be asked from here',
];

function examineAgreement(resolvers: readonly ResolverView[], links: readonly LinkView[], role: Survey['role']) {
  const each = tellEach(resolvers);
  if (each.length > 1) {
    return fault(
      `the resolvers do not agree: ${listOf(each)}`,
      'whichever answers first decides: let all of them do DNS64 with the same prefix, or none',
    );
  }
  const [told = []] = resolvers.map(({ prefixes }) => prefixes);
  const advertised = advertisedPref64(links).map(({ prefix }) => prefix);
  const other = advertised.find((prefix) => told.length > 0 && !told.includes(prefix));
  if (other !== undefined) {
    return warning(
      `the resolvers tell ${listOf(told)}, and the routers ${other}`,
      'two NAT64s work, but a network with one has a wrong prefix in one of the two places',
    );
  }
  if (told.length === 0 && role === 'host' && advertised.length === 0) {
    return warning(`no DNS64: ${listOf(each)}`, 'IPv6-only hosts without a CLAT reach no IPv4-only server by name');
  }
  return ok(each.join('; '));
}

const nativeIpv4: Check<Survey> = {
  number: '05',
  name: 'native-ipv4',
  title: 'IPv4 that is not the CLAT’s, and who made it',
  examine(survey) {
    const { role, status, uplinks, reach } = survey;
    if (role === 'plat') return [];
    const own = clatDevices(survey);
    const others = defaultRoutes4(survey).filter(({ device }) => !own.includes(device));
    if (others.length === 0) return [ok('no other IPv4 default route')];
    const words = listOf(
      others.map(
        ({ device, gateway, metric, protocol }) =>
          `${gateway === null ? '' : `by ${gateway} `}on ${device}, metric ${metric}, made by ${OWNERS[protocol] ?? protocol}`,
      ),
    );
    const sentence = `there is a native IPv4 default route ${words}`;
    if (status?.clat == null) return [ok(sentence)];
    if (nativeWay(survey) === null) return [ok(`${sentence}; the CLAT’s is before it`)];
    const hint = others.some(({ device }) => uplinks.includes(device))
      ? 'the CLAT stands down beside native IPv4 on its uplink: remove the route or stop its DHCP client if this network is meant to be IPv6-only'
      : 'IPv4 packets take the route with the lower metric: remove it if IPv4 is meant to go by the CLAT';
    if (reach === null || reach.icmp.answered === null) return [warning(sentence, hint)];
    if (reach.icmp.answered) return [ok(`${sentence}, and IPv4 works by it`)];
    return [fault(`${sentence}, and IPv4 does not work by it`, hint)];
  },
};

const OWNERS: Readonly<Record<string, string>> = {
  boot: 'ip or a boot script',
  dhcp: 'a DHCP client',
  ra: 'router advertisements',
  static: 'the administrator',
  kernel: 'the kernel',
  bird: 'BIRD',
  zebra: 'FRR',
};

const prefixAgreement: Check<Survey> = {
  number: '06',
  name: 'prefix',
  title: 'the prefix that the CLAT uses is one that the network tells',
  examine({ status, links, resolvers }) {
    const told = new Set([
      ...advertisedPref64(links).map(({ prefix }) => prefix),
      ...resolvers.flatMap(({ prefixes }) => prefixes),
    ]);
    return (status?.clat ?? []).flatMap(({ uplink, prefixes, source }) => {
      const [first] = prefixes;
      if (first === undefined || told.size === 0) return [];
      if (told.has(first)) return [ok(`${first}, which the network tells too`)];
      return [
        fault(
          `the CLAT on ${uplink} uses ${first} (${source}), and the network tells ${listOf([...told])}`,
          source === 'static' || source === 'fallback'
            ? 'take the prefix out of the file (clat.pool6, clat.fallback), or correct it'
            : 'wait for the old prefix to expire, or restart the CLAT; look for a second router on the link',
        ),
      ];
    });
  },
};

const nat64: Check<Survey> = {
  number: '07',
  name: 'nat64',
  title: 'the PLAT is reached over IPv6 alone, without the CLAT',
  after: ['uplink', 'prefix'],
  examine({ nat64, prefix }) {
    if (nat64 === null) return [];
    const { address6, answered, error } = nat64;
    if (answered) return [ok(`${address6} answers to ping`)];
    return [
      fault(
        `${address6} behind ${prefix} does not answer to ping${error === null ? '' : ` (${error})`}`,
        'the PLAT, the way to it, or its way to the IPv4 side is broken: platypus doctor on the PLAT tells which',
      ),
    ];
  },
};

export function listOf(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? 'none') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

export const discoveryChecks = [uplink, routers, pref64, resolvers, nativeIpv4, prefixAgreement, nat64];
