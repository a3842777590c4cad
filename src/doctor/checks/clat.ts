/** The CLAT of this host: that it runs, its address, its routes: 10 to 19. */
import { parseAddress } from '../../config/address.js';
import { type Check, type Finding, fault, ok, skipped, warning } from '../check.js';
import type { Survey } from '../survey/survey.js';
import { listOf } from './discovery.js';
import { clatDevices, defaultRoutes4, isClatAddress } from './ipv4.js';
import { unanswered } from './unanswered.js';

const clat: Check<Survey> = {
  number: '10',
  name: 'clat',
  title: 'the CLAT runs',
  after: ['uplink', 'pref64'],
  examine(survey) {
    const { role, status, prefix, uplinks, reach } = survey;
    if (role === 'plat') return [];
    if (status === null) {
      const finding = unanswered(survey);
      return [role === 'clat' ? finding : skipped(finding.words)];
    }
    if (status.clat === null) {
      return [skipped('no CLAT is configured here')];
    }
    return status.clat
      .map(({ uplink, state, words }) => {
        const sentence = `the CLAT on ${uplink} ${words}`;
        if (state === 'running') return ok(sentence);
        // Standing down is what it is meant to do where IPv4 works.
        if (state === 'native-ipv4' && reach?.icmp.answered === true) return ok(sentence);
        if (state === 'native-ipv4') return warning(sentence, 'see finding 05; mode force lets it run nevertheless');
        return fault(sentence, HINTS[state] ?? 'read its log: journalctl -u platypus');
      })
      .concat(
        uplinks.length > 0 && prefix === null
          ? [fault('no NAT64 prefix is known', 'see findings 03 and 04; without any, the network has no NAT64')]
          : [],
      );
  },
};

const HINTS: Readonly<Record<string, string>> = {
  off: 'it is switched off in its file: clat.mode',
  'no-uplink': 'see finding 01',
  'uplink-down': 'see finding 01',
  'other-clat': 'see finding 13: stop one of the two',
  searching: 'wait a few seconds and ask again; see findings 03 and 04',
  'no-prefix': 'see findings 03 and 04: the network has to tell its NAT64 prefix, or clat.pool6 has to',
  'no-network': 'see finding 01: the uplink needs a /64, or an address to share',
  duplicate: 'another host has each address that was tried: look for two hosts with the same machine-id',
  'no-ipv4': 'all of 192.0.0.0/29 is in use here: look for other CLATs (finding 13), or name clat.ipv4',
};

const address: Check<Survey> = {
  number: '11',
  name: 'clat-address',
  title: 'the CLAT’s IPv6 address is its own: no other host has it, the kernel answers for it, answers come back to it',
  examine({ clats, machine }) {
    return clats.map(({ uplink, device, address, sharedAddress, claimants, answer }): Finding => {
      if (claimants !== null && claimants.length > 0) {
        return fault(
          `${sharedAddress ?? address} of the CLAT on ${uplink} is used by ${listOf(claimants)} as well`,
          'restart the CLAT, which takes another one; look for a copied machine (the same machine-id)',
        );
      }
      const table = `ip6 platypus_${device}`;
      if (sharedAddress !== null && machine.firewall.failure === null && !machine.firewall.ownTables.includes(table)) {
        return fault(
          `the table ${table}, which shares ${sharedAddress} of ${uplink}, is gone, or empty: no translated packet leaves`,
          'something empties the packet filter again and again: look for who does, and restart the CLAT',
        );
      }
      const answered = machine.proxies.some((one) => one.device === uplink && sameAddress(one.address, address));
      const onLink = machine.addresses.some(
        (one) => one.device === uplink && one.family === 6 && sameNetwork(one.address, address),
      );
      if (onLink && !answered) {
        return fault(
          `nobody answers neighbour discovery for ${address} on ${uplink}: the kernel's proxy entry is gone`,
          'something has flushed the neighbour table (ip neigh flush, a network manager): restart the CLAT',
        );
      }
      if (onLink && machine.settings['net.ipv6.conf.all.proxy_ndp'] === '0') {
        return fault(
          `nobody answers neighbour discovery for ${address}: net.ipv6.conf.all.proxy_ndp is 0`,
          'something has set it back (sysctl.d): restart the CLAT, and look for who sets it',
        );
      }
      const forwards = (what: string) => machine.settings[`net.ipv6.conf.${what}.forwarding`];
      // ndisc_recv_ns() asks the device alone. Where nothing forwards, check 20 says so.
      if (answered && forwards(uplink) === '0' && forwards('all') !== '0') {
        return fault(
          `nobody answers neighbour discovery for ${address}: net.ipv6.conf.${uplink}.forwarding is 0`,
          `the kernel answers for others only where the device forwards: sysctl net.ipv6.conf.${uplink}.forwarding=1, and look for who set it back (sysctl.d, a network manager)`,
        );
      }
      if (answer?.device !== device) {
        return fault(
          `answers to ${address} go to ${answer?.device ?? 'nowhere'}, expected ${device}`,
          'another route or rule is before that of the CLAT: ip -6 route get, ip -6 rule',
        );
      }
      const asked = claimants === null ? '; whether another host has it could not be asked' : '';
      const words = sharedAddress === null ? address : `${sharedAddress}, shared with the host,`;
      return ok(`${words} on ${uplink}${asked}`);
    });
  },
};

const routes: Check<Survey> = {
  number: '12',
  name: 'clat-routes',
  title: 'IPv4 goes to the CLAT, and its translation to the uplink: routes and rules in their order',
  examine(survey) {
    const { clats, machine, status } = survey;
    return clats.flatMap(({ uplink, device, literal, translated }) => {
      const findings: Finding[] = [];
      const row = status?.clat?.find((one) => one.device === device);
      const native = defaultRoutes4(survey).some((one) => one.device !== device);
      if (literal?.device !== device && !native && clats.length === 1) {
        const rule = machine.rules.find((one) => one.family === 4 && one.priority > 0 && one.priority < 32_766);
        findings.push(
          fault(
            `IPv4 packets go to ${literal?.device ?? 'nowhere'}, expected ${device}`,
            rule === undefined
              ? 'a more specific route takes them: ip route get 198.51.100.1'
              : `the rule with priority ${rule.priority} (table ${rule.table}) is asked before the main table: ip rule; VPNs make such rules`,
          ),
        );
      }
      if (translated !== null && translated.device !== uplink) {
        findings.push(
          fault(
            `translated packets go to ${translated.device}, expected ${uplink}`,
            'another IPv6 route or rule takes them: ip -6 rule; a VPN that carries all IPv6 is the usual one',
          ),
        );
      }
      const mtu4 = row?.mtu4 ?? null;
      if (literal?.device === device && mtu4 !== null && literal.mtuBytes !== null && literal.mtuBytes > mtu4) {
        findings.push(
          warning(
            `the IPv4 route by ${device} has an MTU of ${literal.mtuBytes}, expected ${mtu4}: 28 less than IPv6 carries`,
            'something has changed the route: restart the CLAT',
          ),
        );
      }
      return findings.length > 0 ? findings : [ok(`IPv4 goes by ${device}, translated by ${uplink}`)];
    });
  },
};

const others: Check<Survey> = {
  number: '13',
  name: 'other-clat',
  title: 'no second CLAT on this host',
  examine(survey) {
    if (survey.role === 'plat') return [];
    const own = clatDevices(survey);
    const found = survey.machine.addresses.filter(
      ({ address, device }) => isClatAddress(address) && !own.includes(device),
    );
    if (found.length === 0) return [ok('no other device has an address of 192.0.0.0/29')];
    const words = listOf(found.map(({ device, address }) => `${device} has ${address}`));
    const devices = new Set(found.map(({ device }) => device));
    // A host whose CLAT is another program's has no second one.
    if (survey.role === 'host' && devices.size === 1) return [ok(`${words}: the CLAT of this host is not Platypus`)];
    return [
      fault(
        `${words}, an address of CLATs`,
        'another CLAT runs here (clatd, tayga, NetworkManager, a modem’s own): stop one of the two',
      ),
    ];
  },
};

const sameAddress = (a: string, b: string) => parseAddress(a)?.value === parseAddress(b)?.value;
const sameNetwork = (a: string, b: string) =>
  (parseAddress(a)?.value ?? 0n) >> 64n === (parseAddress(b)?.value ?? 1n) >> 64n;

export const clatChecks = [clat, address, routes, others];
