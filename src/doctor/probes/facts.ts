/** What the probes saw of the way to a responder and back: plain facts, which JSON carries, and no judgement. */
import type { Endpoint } from '../../stun/attributes.js';

export interface ReachFacts {
  responder: Endpoint;
  /** As told; null for the kernel's choice. */
  source: string | null;
  device: string | null;
  icmp: IcmpFacts;
  tcp: TcpFacts;
  udp: UdpFacts;
  /** The rest is null where UDP is not answered, or where the responder cannot do its part. */
  fragments: BothWays | null;
  zeroChecksum: BothWays | null;
  pathMtuUp: PathMtuFacts | null;
  pathMtuDown: PathMtuFacts | null;
  mapping: MappingFacts | null;
  filtering: FilteringFacts | null;
  hairpin: HairpinFacts | null;
  ports: PortFacts | null;
}

export interface IcmpFacts {
  /** Null where it could not be tried, which `error` tells. */
  answered: boolean | null;
  milliseconds: number | null;
  error: string | null;
}

export interface TcpFacts {
  connected: boolean;
  /** Why not: ECONNREFUSED, ETIMEDOUT for silence …; or what ended the connection later. */
  error: string | null;
  milliseconds: number | null;
  /** The responder's answer came over the connection. */
  answered: boolean;
  mapped: Endpoint | null;
  /** Most data in a segment, either way, timestamps included: what the other end's MSS and the own path MTU allow. */
  sendMssUp: number | null;
  sendMssDown: number | null;
  /** What the own SYN announced, bytes. */
  announcedMss: number | null;
}

export interface UdpFacts {
  answered: boolean;
  milliseconds: number | null;
  local: Endpoint | null;
  /** What the responder saw as the source: XOR-MAPPED-ADDRESS. */
  mapped: Endpoint | null;
  /** MAPPED-ADDRESS says something else: something on the way rewrites addresses inside packets. */
  rewritten: boolean;
  /** The responder's other address and port (RFC 5780 §7.4). */
  other: Endpoint | null;
  /** With one address, its other port. */
  otherPort: number | null;
  /** It is a Platypus responder, which answers as ASK says. */
  asks: boolean;
}

export interface BothWays {
  /** Of the IPv4 packet, before it is fragmented. */
  bytes: number;
  up: boolean;
  /** Null where it cannot be told. */
  down: boolean | null;
}

export interface PathMtuFacts {
  /** Longest packet with DF that arrived, to four bytes; null: none of those tried. */
  bytes: number | null;
  /** Longest that was tried. */
  triedBytes: number;
  /** What ICMP has told the sender; null: nothing, or it is the sender's own interface. */
  toldBytes: number | null;
  /** The path was kept from longer packets by the sender's own route, not by the network. */
  own: boolean;
}

export type Behaviour = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

export interface MappingFacts {
  /** Null where an answer was missing. */
  behaviour: Behaviour | null;
  /** False where the responder has one address: only its ports were compared. */
  addresses: boolean;
  /** What was seen, in the order of RFC 5780 §4.3. */
  mapped: Endpoint[];
}

export interface FilteringFacts {
  /** `endpoint-independent` means only that the port does not matter, where `addresses` is false. */
  behaviour: Behaviour | null;
  addresses: boolean;
}

export interface HairpinFacts {
  /** A packet to a mapped address of its own came back. */
  works: boolean;
}

export interface PortFacts {
  /** Sockets looked at. */
  sockets: number;
  /** Of these, with the same port outside. */
  preserved: number;
  /** Of these, even where the own one is even, odd where it is odd. */
  parity: number;
}
