/** A host's programs as tests have them: what was recorded from real ones. */
import type { Outcome, RunProgram } from '../../src/doctor/survey/program.js';

export type Outputs = Readonly<Record<string, string | Partial<Outcome>>>;

/** Answers by the whole command line; every other program is not installed. */
export function programs(outputs: Outputs): RunProgram & { asked: string[] } {
  const asked: string[] = [];
  const run: RunProgram = async (argv) => {
    const line = argv.join(' ');
    asked.push(line);
    const said = outputs[line];
    if (typeof said === 'string') return { ok: true, stdout: said, failure: '', missing: false };
    const missing = { ok: false, stdout: '', failure: `${argv[0]} is not installed`, missing: true };
    return said === undefined ? missing : { ...missing, missing: false, ...said };
  };
  return Object.assign(run, { asked });
}

const LINK_DEFAULTS = '"qdisc":"noqueue","linkmode":"DEFAULT","group":"default","txqlen":1000,"promiscuity":0';

/** iproute2 6.1 and nftables 1.0.6, much of what nobody reads left out. */
export const RECORDED: Outputs = {
  'ip -json -d link show': `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,${LINK_DEFAULTS},"operstate":"UNKNOWN","link_type":"loopback","address":"00:00:00:00:00:00"},{"ifindex":3,"link":"v1","ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,${LINK_DEFAULTS},"link_type":"ether","address":"56:70:f6:14:43:03","broadcast":"ff:ff:ff:ff:ff:ff","linkinfo":{"info_kind":"veth"}},{"ifindex":4,"ifname":"clat","flags":["NO-CARRIER","POINTOPOINT","MULTICAST","NOARP","UP"],"mtu":1500,${LINK_DEFAULTS},"link_type":"none","linkinfo":{"info_kind":"tun","info_data":{"type":"tun","pi":false}}},{"ifindex":5,"ifname":"wlan0","flags":["BROADCAST","MULTICAST"],"mtu":1500,${LINK_DEFAULTS},"link_type":"ether","address":"02:00:00:00:00:05"}]`,
  'ip -json address show':
    '[{"ifindex":1,"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo","valid_life_time":4294967295,"preferred_life_time":4294967295}]},{},{"ifindex":3,"ifname":"eth0","addr_info":[{"family":"inet","local":"192.0.2.1","prefixlen":24,"scope":"global","label":"eth0"},{"family":"inet6","local":"2001:db8::1","prefixlen":64,"scope":"global","deprecated":true,"dadfailed":true},{"family":"inet6","local":"fe80::5470:f6ff:fe14:4303","prefixlen":64,"scope":"link","tentative":true}]},{"ifindex":4,"ifname":"clat","addr_info":[{"family":"inet6","prefixlen":0,"scope":"global"}]}]',
  'ip -json -4 route show default table all':
    '[{"dst":"default","gateway":"192.0.2.2","dev":"eth0","protocol":"dhcp","metric":100,"flags":[]},{"dst":"default","dev":"clat","protocol":"186","metric":2048,"flags":[],"metrics":[{"mtu":1472}]},{"type":"unreachable","dst":"default","dev":"lo","metric":9999,"flags":[]},{"dst":"default","via":{"family":"inet6","host":"fe80::1"},"dev":"eth0","metric":300,"flags":[]}]',
  'ip -json -6 route show default table all':
    '[{"dst":"default","gateway":"fe80::2","dev":"eth0","table":"77","metric":1024,"flags":[],"pref":"medium"},{"dst":"default","gateway":"fe80::1","dev":"eth0","protocol":"ra","metric":1024,"flags":[],"pref":"medium"}]',
  'ip -json -4 rule show':
    '[{"priority":0,"src":"all","table":"local"},{"priority":100,"src":"all","fwmark":"0x1","table":"77"},{"priority":200,"src":"192.0.2.0","srclen":24,"table":"78"},{"priority":300,"src":"all","action":"unreachable"},{"priority":32766,"src":"all","table":"main"}]',
  'ip -json -6 rule show':
    '[{"priority":0,"src":"all","table":"local","protocol":"kernel"},{"priority":32766,"src":"all","table":"main"}]',
  'ip -json -4 neigh show': '',
  'ip -json -6 neigh show':
    '[{"dst":"2001:db8::9","dev":"eth0","lladdr":"02:00:00:00:00:09","state":["PERMANENT"]},{"dst":"fe80::1","dev":"eth0","state":["FAILED"]}]',
  'ip -json -6 neigh show proxy': '[{"dst":"2001:db8::77","dev":"eth0","proxy":null}]',
  'nft --json list ruleset':
    '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}]}',
  'ethtool -k eth0':
    'Features for eth0:\nrx-checksumming: on\ntx-checksumming: on\n\ttx-checksum-ipv4: off [fixed]\n\ttx-checksum-ip-generic: on\ngeneric-receive-offload: off\nlarge-receive-offload: off [fixed]\nrx-gro-list: on [requested off]\n',
  'timedatectl show --property=NTPSynchronized --value': 'yes\n',
};
