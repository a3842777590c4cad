/** What a CLAT does and why, in words. */
import { formatPrefix } from '../config/address.js';
import { formatDuration } from '../config/duration.js';
import type { ClatPlan } from '../native/addon.js';

const RESTS: Readonly<Record<Exclude<ClatPlan['state'], 'running'>, (uplink: string, plan: ClatPlan) => string>> = {
  off: () => 'switched off (mode: off)',
  'no-uplink': (uplink) => `stands down: there is no device ${uplink}`,
  'uplink-down': (uplink) => `stands down: ${uplink} is down, or has no carrier`,
  'native-ipv4': (uplink) => `stands down: ${uplink} has native IPv4 (mode: force would go on)`,
  'other-clat': (_, { otherClat }) => `stands down: another CLAT runs on ${otherClat} (mode: force would go on)`,
  searching: (uplink) => `looks for the prefix of a NAT64 by ${uplink}`,
  'no-prefix': (uplink) => `stands down: no router advertisement and no resolver of ${uplink} names a NAT64 prefix`,
  unsteady: (uplink) =>
    `stands down: the NAT64 prefix that ${uplink} is told of changed too often; it is used once it was steady for 30 s`,
  'no-network': (uplink) => `waits for an IPv6 address on ${uplink}`,
  duplicate: (uplink) => `stands down for a minute: other hosts of ${uplink} have each address that was tried`,
  'no-ipv4': () => 'stands down: other devices have all addresses of 192.0.0.0/29 (RFC 7335)',
};

/** `PREF64 64:ff9b::/96 from RA of fe80::1 on eth0, 600 s left`. */
export function prefixWords(uplink: string, plan: ClatPlan): string {
  const list = plan.prefixes.map(formatPrefix).join(', ');
  const left = plan.expiresInSeconds === null ? '' : `, ${formatSeconds(plan.expiresInSeconds)} left`;
  switch (plan.source) {
    case 'router':
      return `PREF64 ${list} from RA of ${plan.router} on ${uplink}${left}`;
    case 'dns':
      return `PREF64 ${list} from DNS (ipv4only.arpa) by ${uplink}${left}`;
    case 'static':
      return `PREF64 ${list} from the configuration (pool6)`;
    case 'fallback':
      return `PREF64 ${list} from the configuration (fallback): RA and DNS name none`;
    default:
      return 'no PREF64';
  }
}

/** Up to a quarter of an hour plain seconds, as in the advertisements. */
function formatSeconds(seconds: number): string {
  return seconds <= 900 ? `${seconds} s` : formatDuration(seconds);
}

/** One sentence about the uplink, without its name in front. */
export function planWords(uplink: string, device: string, plan: ClatPlan): string {
  if (plan.state !== 'running') return RESTS[plan.state](uplink, plan);
  const { ipv4, address, sharedAddress, metric, mtu4 } = plan;
  const is =
    sharedAddress === null
      ? `${ipv4} is ${address}`
      : `${ipv4} shares ${sharedAddress} with ${uplink} (inside the host ${address}, told apart by connection tracking)`;
  return `runs: ${prefixWords(uplink, plan)}; ${is}, default route by ${device} with metric ${metric}, MTU ${mtu4}`;
}
