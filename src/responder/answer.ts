/**
 * What a request is answered: a pure function of its octets. An answer has at most STANDARD_BYTES, or as many as the
 * request; the one exception is a long packet with DF, which has a rate of its own.
 */
import {
  type AskRequest,
  type ChangeRequest,
  type Endpoint,
  endpointValue,
  errorValue,
  portValue,
  readAsk,
  readChange,
  SEEN_BYTES,
  type Seen,
  seenValue,
  unknownValue,
  xorEndpointValue,
} from '../stun/attributes.js';
import {
  attributeOf,
  FINGERPRINT_BYTES,
  readStun,
  type StunAttribute,
  type StunMessage,
  stunBytes,
  writeStun,
} from '../stun/message.js';
import {
  ATTRIBUTE_HEAD_BYTES,
  Attribute,
  BINDING,
  ErrorCode,
  FIRST_OPTIONAL,
  IPV4_UDP_BYTES,
} from '../stun/numbers.js';
import type { Counter } from './statistics.js';

/** One or two of each. */
export interface Layout {
  addresses: readonly string[];
  ports: readonly number[];
}

/** Which of the responder's addresses and ports, from 0 on. */
export interface Place {
  address: number;
  port: number;
}

export interface Arrival {
  octets: Uint8Array;
  source: Endpoint;
  at: Place;
  transport: 'udp' | 'tcp';
  /** Looked up only where it is asked for. */
  seen(): Seen;
  /** Takes one from the rate of long answers. */
  allowLong(): boolean;
}

export interface Answer {
  octets: Uint8Array;
  from: Place;
  noChecksum: boolean;
  dontFragment: boolean;
  counters: Counter[];
}

/** Header, XOR-MAPPED-ADDRESS, MAPPED-ADDRESS, RESPONSE-ORIGIN, OTHER-ADDRESS, FINGERPRINT: what every client needs. */
const STANDARD_BYTES = 20 + 4 * 12 + FINGERPRINT_BYTES;
/** Of an IPv4 packet, where the request is shorter: Ethernet's. */
const LONGEST_PROBE_BYTES = 1500;
const MAX_UNKNOWN = 4;

const KNOWN: readonly number[] = [
  Attribute.CHANGE_REQUEST,
  Attribute.PADDING,
  // No credentials are asked for, so what comes with them says nothing (RFC 8489 §9).
  Attribute.USERNAME,
  Attribute.REALM,
  Attribute.NONCE,
  Attribute.PASSWORD_ALGORITHM,
  Attribute.USERHASH,
  // Of ICE (RFC 8445 §16.1), whose agents may be pointed here.
  Attribute.PRIORITY,
  Attribute.USE_CANDIDATE,
];

/** The answer, or the counter of why there is none. */
export function answerRequest(arrival: Arrival, layout: Layout): Answer | { drop: Counter } {
  const reading = readStun(arrival.octets);
  if ('refused' in reading) return { drop: 'responder.drop.malformed' };
  const { message } = reading;
  if (message.kind !== 'request' || message.method !== BINDING) return { drop: 'responder.drop.not_a_request' };
  const unknown = message.attributes
    .map(({ type }) => type)
    .filter((type) => type < FIRST_OPTIONAL && !KNOWN.includes(type));
  if (unknown.length > 0) return refuse(arrival, message, ErrorCode.UNKNOWN_ATTRIBUTE, unknown);
  const wanted = attributeOf(message, Attribute.CHANGE_REQUEST);
  const change = wanted === null ? { address: false, port: false } : readChange(wanted);
  if (change === null) return refuse(arrival, message, ErrorCode.BAD_REQUEST);
  const from = place(arrival, change, layout);
  if (from === null) return refuse(arrival, message, ErrorCode.UNKNOWN_ATTRIBUTE, [Attribute.CHANGE_REQUEST]);
  const asked = attributeOf(message, Attribute.ASK);
  const ask = asked === null ? null : readAsk(asked);
  return compose(arrival, message, layout, from, ask);
}

/** RFC 5780 §6.1: null for what this responder has not, and for TCP, whose answers go where the connection goes. */
function place({ at, transport }: Arrival, change: ChangeRequest, { addresses, ports }: Layout): Place | null {
  if (!change.address && !change.port) return at;
  if (transport === 'tcp') return null;
  if ((change.address && addresses.length < 2) || (change.port && ports.length < 2)) return null;
  return { address: change.address ? 1 - at.address : at.address, port: change.port ? 1 - at.port : at.port };
}

function compose(arrival: Arrival, message: StunMessage, layout: Layout, from: Place, ask: AskRequest | null): Answer {
  const { source, at, octets, transport } = arrival;
  const { addresses, ports } = layout;
  const attributes: StunAttribute[] = [
    { type: Attribute.XOR_MAPPED_ADDRESS, value: xorEndpointValue(source, message.transaction) },
    { type: Attribute.MAPPED_ADDRESS, value: endpointValue(source) },
    { type: Attribute.RESPONSE_ORIGIN, value: endpointValue(endpointAt(from, layout)) },
  ];
  if (addresses.length === 2 && ports.length === 2) {
    const other = endpointAt({ address: 1 - at.address, port: 1 - at.port }, layout);
    attributes.push({ type: Attribute.OTHER_ADDRESS, value: endpointValue(other) });
  }
  const tail = message.fingerprint ? FINGERPRINT_BYTES : 0;
  /** Bytes that one more attribute's value may have in an answer of so many bytes. */
  const roomIn = (bytes: number) => bytes - stunBytes(attributes) - tail - ATTRIBUTE_HEAD_BYTES;
  const mostBytes = Math.max(STANDARD_BYTES, octets.length);
  if (ask?.report && roomIn(mostBytes) >= SEEN_BYTES) {
    attributes.push({ type: Attribute.SEEN, value: seenValue(arrival.seen()) });
  }
  if (ask?.report && ports.length === 2 && roomIn(mostBytes) >= 4) {
    attributes.push({ type: Attribute.OTHER_PORT, value: portValue(ports[1 - at.port] as number) });
  }

  const counters: Counter[] = ['responder.answers'];
  const padding = attributeOf(message, Attribute.PADDING);
  if (ask === null && padding !== null) {
    // RFC 5780 §7.6: as much of it as the request has.
    const bytes = Math.min(padding.length, roomIn(mostBytes)) & ~3;
    if (bytes >= 0) attributes.push({ type: Attribute.PADDING, value: new Uint8Array(bytes) });
  }
  if (ask !== null && ask.answerBytes > 0 && transport === 'udp') {
    const bytes = roomIn((ask.answerBytes - IPV4_UDP_BYTES) & ~3);
    if (bytes >= 0 && mayBeLong(arrival, ask)) {
      attributes.push({ type: Attribute.PADDING, value: new Uint8Array(bytes) });
    } else {
      counters.push('responder.shortened');
    }
  }
  const dontFragment = ask?.dontFragment === true && transport === 'udp';
  if (dontFragment) counters.push('responder.answers.dont_fragment');
  const noChecksum = ask?.noChecksum === true && transport === 'udp';
  if (noChecksum) counters.push('responder.answers.no_checksum');
  if (from !== at) counters.push('responder.answers.changed');
  const { transaction, fingerprint } = message;
  return {
    octets: writeStun({ kind: 'success', method: BINDING, transaction, attributes, fingerprint }),
    from,
    noChecksum,
    dontFragment,
    counters,
  };
}

/** Whether an answer may have the length that is asked for. */
function mayBeLong({ octets, allowLong }: Arrival, { answerBytes, dontFragment }: AskRequest): boolean {
  if (answerBytes - IPV4_UDP_BYTES <= octets.length) return true;
  return dontFragment && answerBytes <= LONGEST_PROBE_BYTES && allowLong();
}

/** An error, as long as no answer may be: without a reason's text. */
function refuse(arrival: Arrival, message: StunMessage, code: number, unknown: readonly number[] = []): Answer {
  const attributes: StunAttribute[] = [{ type: Attribute.ERROR_CODE, value: errorValue(code, '') }];
  if (unknown.length > 0) {
    attributes.push({ type: Attribute.UNKNOWN_ATTRIBUTES, value: unknownValue(unknown.slice(0, MAX_UNKNOWN)) });
  }
  const { transaction, fingerprint } = message;
  return {
    octets: writeStun({ kind: 'error', method: BINDING, transaction, attributes, fingerprint }),
    from: arrival.at,
    noChecksum: false,
    dontFragment: false,
    counters: ['responder.answers.errors'],
  };
}

function endpointAt({ address, port }: Place, { addresses, ports }: Layout): Endpoint {
  return { address: addresses[address] as string, port: ports[port] as number };
}
