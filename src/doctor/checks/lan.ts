/** The hosts behind a CLAT: 30 to 39. */
import { contains, parseAddress, parsePrefix } from '../../config/address.js';
import { type Check, fault, ok, warning } from '../check.js';
import type { Survey } from '../survey/survey.js';
import { listOf } from './discovery.js';
import { isClatAddress, lanAddresses } from './ipv4.js';

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
    const unserved = there.filter(({ address }) => {
      const parsed = parseAddress(address);
      const networks = lan.networks.map(parsePrefix).filter((prefix) => prefix !== null);
      return networks.length > 0 && parsed !== null && !networks.some((prefix) => contains(prefix, parsed));
    });
    if (unserved.length > 0) {
      return [
        warning(
          `${listOf(unserved.map(({ device, address, length }) => `${address}/${length} on ${device}`))} is outside of lan.networks`,
          'its hosts are not translated: add the network to clat.lan.networks if they should be',
        ),
      ];
    }
    return [ok(listOf(there.map(({ device, address, length }) => `${address}/${length} on ${device}`)))];
  },
};

export const lanChecks = [nat44, network];
