/** The hosts behind a CLAT: 30 to 39. */
import { type Check, fault, ok, warning } from '../check.js';
import type { HostAddress } from '../survey/machine.js';
import type { Survey } from '../survey/survey.js';
import { listOf } from './discovery.js';
import { isClatAddress, lanAddresses, servedLans } from './ipv4.js';

const nat44: Check<Survey> = {
  number: '30',
  name: 'lan-nat44',
  title: 'NAT44 for the LAN is in the kernel',
  examine({ expectations, machine, clats }) {
    if (expectations?.lan?.mode !== 'nat44' || clats.length === 0 || machine.firewall.failure !== null) return [];
    const table = `ip platypus_${expectations.lan.device}`;
    if (machine.firewall.ownTables.includes(table)) return [ok(`the table ${table} is there`)];
    return [
      fault(
        `the table ${table} is gone, or empty: hosts of the LAN have no IPv4`,
        'something empties the packet filter again and again: look for who does, and restart the CLAT',
      ),
    ];
  },
};

const network: Check<Survey> = {
  number: '31',
  name: 'lan-network',
  title: 'the LAN has an IPv4 address of this host, outside of what CLATs use',
  examine(survey) {
    const lan = survey.expectations?.lan;
    if (lan == null || lan.mode === 'none' || survey.clats.length === 0) return [];
    const there = lanAddresses(survey);
    const clash = there.find(({ address }) => isClatAddress(address));
    if (clash !== undefined) {
      return [
        fault(
          `the LAN on ${clash.device} uses ${clash.address}/${clash.length}, which is for CLATs (192.0.0.0/29)`,
          'number the LAN from 192.168.0.0/16 or 10.0.0.0/8',
        ),
      ];
    }
    if (there.length === 0) {
      return [
        fault(
          'a LAN is configured, and no device but the uplink has an IPv4 address',
          'give the LAN device its address: ip address add 192.168.1.1/24 dev br-lan',
        ),
      ];
    }
    const served = servedLans(survey);
    // Containers, virtual machines and ports for management have networks that nobody means to be served.
    if (served.length === 0) {
      return [
        warning(
          `no address is inside of lan.networks: ${listOf(there.map(nameOf))}`,
          'no host is translated: put the network of the LAN into clat.lan.networks',
        ),
      ];
    }
    return [ok(listOf(served.map(nameOf)))];
  },
};

const nameOf = ({ device, address, length }: HostAddress) => `${address}/${length} on ${device}`;

export const lanChecks = [nat44, network];
