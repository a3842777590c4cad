/** Settings of the host that stop a translator's packets without a word: 20 to 29. */
import { type Check, type Finding, fault, ok, skipped, warning } from '../check.js';
import { type ClosingChain, names, passes } from '../survey/firewall.js';
import type { Survey } from '../survey/survey.js';
import { listOf } from './discovery.js';
import { defaultRoutes4, forwards4, nativeWay, servedLans } from './ipv4.js';

/** Devices of the translators that run here. */
function ownDevices(survey: Survey): string[] {
  const translator = translatorOf(survey);
  const clats = runningClats(survey).map(({ device }) => device);
  return translator === null ? clats : [translator, ...clats];
}

const translatorOf = ({ status }: Survey) => (status !== null && 'device' in status ? status.device : null);
const runningClats = ({ status }: Survey) => (status?.clat ?? []).filter(({ state }) => state === 'running');

const forwarding: Check<Survey> = {
  number: '20',
  name: 'forwarding',
  title: 'the kernel forwards what the translator gives it',
  examine(survey) {
    const { machine, role } = survey;
    if (ownDevices(survey).length === 0) return [];
    const six = machine.settings['net.ipv6.conf.all.forwarding'];
    const four = machine.settings['net.ipv4.ip_forward'];
    if (six === '0') {
      return [
        fault(
          'net.ipv6.conf.all.forwarding is 0: no translated packet leaves',
          'something has set it back: look in sysctl.d, set it to 1, and restart the translator',
        ),
      ];
    }
    if (forwards4(survey) && four === '0') {
      const whom = role === 'plat' ? 'no translated packet leaves' : 'hosts of the LAN have no IPv4';
      return [fault(`net.ipv4.ip_forward is 0: ${whom}`, 'sysctl net.ipv4.ip_forward=1, and look for who set it back')];
    }
    return [ok('forwarding is on')];
  },
};

const acceptRa: Check<Survey> = {
  number: '21',
  name: 'accept-ra',
  title: 'a host that forwards still listens to router advertisements',
  examine({ uplinks, machine, links }) {
    if (machine.settings['net.ipv6.conf.all.forwarding'] !== '1') return [];
    return uplinks.flatMap((device) => {
      // The kernel asks the device alone whether it forwards.
      if (machine.settings[`net.ipv6.conf.${device}.forwarding`] === '0') return [];
      const value = machine.settings[`net.ipv6.conf.${device}.accept_ra`];
      if (value === null || value === undefined) return [];
      if (value === '2') return [ok(`accept_ra is 2 on ${device}`)];
      // NetworkManager and systemd-networkd switch the kernel's off and listen themselves.
      if (value === '0') return [ok(`accept_ra is 0 on ${device}: not the kernel's business`)];
      const learned = machine.defaults.some(
        (one) => one.family === 6 && one.device === device && one.protocol === 'ra',
      );
      const heard = links.some((link) => link.device === device && link.routers.length > 0);
      if (!learned && !heard) return [];
      return [
        fault(
          `accept_ra is ${value} on ${device} while forwarding is on: the kernel ignores router advertisements`,
          `address and default route expire soon: sysctl net.ipv6.conf.${device}.accept_ra=2`,
        ),
      ];
    });
  },
};

const reversePath: Check<Survey> = {
  number: '22',
  name: 'rp-filter',
  title: 'the reverse path filter lets answers through',
  examine(survey) {
    const { machine } = survey;
    const all = Number(machine.settings['net.ipv4.conf.all.rp_filter'] ?? 0);
    const best = defaultRoutes4(survey)[0]?.device;
    return ownDevices(survey).map((device) => {
      const mode = Math.max(all, Number(machine.settings[`net.ipv4.conf.${device}.rp_filter`] ?? 0));
      // Strict: what comes by a device must be from where that device leads to.
      const passes = mode !== 1 || survey.role === 'plat' || best === device;
      if (passes) return ok(`rp_filter ${mode} on ${device}`);
      return fault(
        `rp_filter is 1 (strict) on ${device}, and IPv4's default route leads to ${best ?? 'nowhere'}: answers are dropped`,
        `sysctl net.ipv4.conf.${device}.rp_filter=2, and net.ipv4.conf.all.rp_filter to at most 2 (the larger of the two counts)`,
      );
    });
  },
};

const forwardPolicy: Check<Survey> = {
  number: '23',
  name: 'forward-policy',
  title: 'no firewall (firewalld, ufw, Docker) drops what is forwarded to and from the translator',
  examine(survey) {
    const { machine } = survey;
    const devices = ownDevices(survey);
    if (devices.length === 0) return [];
    const { failure, closing } = machine.firewall;
    if (failure !== null) return [skipped(`the packet filter could not be read: ${failure}`)];
    const ways = waysOf(survey);
    const findings = closing.flatMap((closed): Finding[] => {
      const { family, table, chain } = closed;
      const shut = ways.filter((way) => isShut(closed, way));
      const [first] = shut;
      if (first === undefined) return [];
      const whom = listOf(namesOf(shut));
      const where = `the chain ${chain} of the table ${family} ${table} drops what is forwarded`;
      const hint =
        FIREWALLS.find(({ pattern }) => pattern.test(`${table} ${chain}`))?.hint(first.device) ??
        `nft insert rule ${family} ${table} ${chain} iifname "${first.device}" accept, and the same with oifname`;
      // What this host asks itself is forwarded as IPv6 alone: it shows nothing of the LAN's IPv4.
      if (answersCome(survey) && shut.some((way) => way.family === 'ip6')) {
        return [
          warning(
            `${where}, and no rule that the doctor understands lets ${whom} through; answers come nevertheless`,
            `if something fails behind it: ${hint}`,
          ),
        ];
      }
      return [fault(`${where}, and lets nothing through for ${whom}`, hint)];
    });
    return findings.length > 0 ? findings : [ok('no chain of the forward hook is closed to it')];
  },
};

/** What is forwarded for a translator: the first packet's devices, null where any may be meant. Answers come back. */
interface ForwardedWay {
  device: string;
  family: 'ip6' | 'ip';
  in: string | null;
  out: string | null;
}

function waysOf(survey: Survey): ForwardedWay[] {
  const four = forwards4(survey);
  const translator = translatorOf(survey);
  const lans = [...new Set(servedLans(survey).map(({ device }) => device))];
  const ways: ForwardedWay[] = runningClats(survey).flatMap(({ device, uplink }) => [
    { device, family: 'ip6', in: device, out: uplink },
    ...(four ? lans.map((lan) => ({ device, family: 'ip', in: lan, out: device }) as const) : []),
  ]);
  if (translator === null) return ways;
  ways.unshift({ device: translator, family: 'ip6', in: null, out: translator });
  if (four) ways.unshift({ device: translator, family: 'ip', in: translator, out: null });
  return ways;
}

/** Of translators, each once; of LANs where nothing else is shut. */
function namesOf(ways: readonly ForwardedWay[]): string[] {
  const whole = ways.filter((way) => way.in === null || way.in === way.device);
  const told = whole.length > 0 ? whole.map(({ device }) => device) : ways.map((way) => `${way.device} from ${way.in}`);
  return [...new Set(told)];
}

function isShut(chain: ClosingChain, way: ForwardedWay): boolean {
  if (chain.family !== 'inet' && chain.family !== way.family) return false;
  // A rule that names the device may be for some packets only; who wrote it knew of the translator.
  if (names(chain.accepted, way.device)) return false;
  return !passes(chain, way, false) || !passes(chain, { in: way.out, out: way.in }, true);
}

/** Somebody beyond the CLAT answers this host. */
function answersCome(survey: Survey): boolean {
  const { reach } = survey;
  return nativeWay(survey) === null && (reach?.udp.answered === true || reach?.tcp.answered === true);
}

const FIREWALLS = [
  {
    pattern: /^firewalld /,
    hint: (device: string) =>
      `firewall-cmd --permanent --zone=trusted --add-interface=${device} && firewall-cmd --reload`,
  },
  {
    pattern: /ufw/,
    hint: (device: string) => `ufw route allow in on ${device} && ufw route allow out on ${device}`,
  },
  {
    // Docker and libvirt set the policy of iptables' own chain.
    pattern: /^filter FORWARD$/,
    hint: (device: string) =>
      `Docker or an iptables script has closed FORWARD: ip6tables -I FORWARD -i ${device} -j ACCEPT, the same with -o, and iptables for IPv4`,
  },
];

const offload: Check<Survey> = {
  number: '24',
  name: 'offload',
  title: 'the network card merges packets in a way that can be forwarded (no LRO, no rx-gro-list)',
  examine(survey) {
    const { machine, uplinks, role } = survey;
    if (machine.features === null) return [skipped('ethtool is not installed')];
    const devices = role === 'plat' ? Object.keys(machine.features) : uplinks;
    const findings = devices.flatMap((device): Finding[] => {
      const on = machine.features?.[device] ?? {};
      const wrong = ['large-receive-offload', 'rx-gro-list'].filter((feature) => on[feature] === true);
      if (wrong.length === 0) return [];
      const short = wrong.map((feature) => (feature === 'rx-gro-list' ? feature : 'lro'));
      return [
        warning(
          `${listOf(wrong)} is on for ${device}: merged packets cannot be translated and are split by the kernel, or lost`,
          `ethtool -K ${device} ${short.map((feature) => `${feature} off`).join(' ')}`,
        ),
      ];
    });
    return findings.length > 0 ? findings : [ok('neither LRO nor rx-gro-list')];
  },
};

const programs: Check<Survey> = {
  number: '29',
  name: 'programs',
  title: 'what the doctor asks on this host',
  examine({ machine }) {
    return machine.failures.map((sentence) => skipped(sentence));
  },
};

export const trapChecks = [forwarding, acceptRa, reversePath, forwardPolicy, offload, programs];
