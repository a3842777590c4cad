/** Numbers of the packet formats, and what people call them. */

export const ICMP4 = 1;
export const IGMP = 2;
export const TCP = 6;
export const UDP = 17;
export const FRAGMENT = 44;
export const ICMP6 = 58;

/** Extension headers that RFC 8200 §4 lets stand before the payload, but for the Fragment Header. */
export const EXTENSION_HEADERS: ReadonlyMap<number, string> = new Map([
  [0, 'Hop-by-Hop Options'],
  [43, 'Routing'],
  [60, 'Destination Options'],
]);

const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [ICMP4, 'ICMP'],
  [IGMP, 'IGMP'],
  [TCP, 'TCP'],
  [UDP, 'UDP'],
  [47, 'GRE'],
  [50, 'ESP'],
  [51, 'AH'],
  [ICMP6, 'ICMPv6'],
  [59, 'no next header'],
  [132, 'SCTP'],
  [136, 'UDP-Lite'],
]);

/** `ESP (50)`, `protocol 253`. */
export function protocolName(protocol: number): string {
  const name = PROTOCOLS.get(protocol);
  return name === undefined ? `protocol ${protocol}` : `${name} (${protocol})`;
}

const ICMP4_TYPES: ReadonlyMap<string, string> = new Map([
  ['0/0', 'echo reply'],
  ['3/0', 'network unreachable'],
  ['3/1', 'host unreachable'],
  ['3/2', 'protocol unreachable'],
  ['3/3', 'port unreachable'],
  ['3/4', 'fragmentation needed'],
  ['3/5', 'source route failed'],
  ['3/9', 'network administratively prohibited'],
  ['3/10', 'host administratively prohibited'],
  ['3/13', 'communication administratively prohibited'],
  ['3/15', 'precedence cutoff in effect'],
  ['5/0', 'redirect'],
  ['5/1', 'redirect'],
  ['8/0', 'echo request'],
  ['11/0', 'TTL exceeded in transit'],
  ['11/1', 'reassembly time exceeded'],
  ['12/0', 'parameter problem'],
  ['12/2', 'bad length'],
]);

const ICMP6_TYPES: ReadonlyMap<string, string> = new Map([
  ['1/0', 'no route to destination'],
  ['1/1', 'communication administratively prohibited'],
  ['1/2', 'beyond scope of source address'],
  ['1/3', 'address unreachable'],
  ['1/4', 'port unreachable'],
  ['1/5', 'source address failed policy'],
  ['1/6', 'reject route to destination'],
  ['2/0', 'packet too big'],
  ['3/0', 'hop limit exceeded in transit'],
  ['3/1', 'reassembly time exceeded'],
  ['4/0', 'erroneous header field'],
  ['4/1', 'unrecognized next header'],
  ['4/2', 'unrecognized IPv6 option'],
  ['128/0', 'echo request'],
  ['129/0', 'echo reply'],
  ['133/0', 'router solicitation'],
  ['134/0', 'router advertisement'],
  ['135/0', 'neighbor solicitation'],
  ['136/0', 'neighbor advertisement'],
]);

/** `port unreachable (3/3)`, `type 13/0`. */
export function icmpName(family: 4 | 6, type: number, code: number): string {
  const name = (family === 4 ? ICMP4_TYPES : ICMP6_TYPES).get(`${type}/${code}`);
  return name === undefined ? `type ${type}/${code}` : `${name} (${type}/${code})`;
}

/** True for messages that quote a packet (RFC 792, RFC 4443 §2.1). */
export function isIcmpError(family: 4 | 6, type: number): boolean {
  return family === 6 ? type >= 1 && type < 128 : [3, 4, 5, 11, 12].includes(type);
}

/** TCP flags, lowest bit first. */
export const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;
