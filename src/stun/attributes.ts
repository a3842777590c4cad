/** The values of STUN attributes: RFC 8489 §14, RFC 5780 §7, and our own (docs/reference/responder.md). */
import { octetsOf, octetsToText, parseAddress } from '../config/address.js';
import { Ask, Change, MAGIC_COOKIE } from './numbers.js';

/** A transport address: an address as text, and a port. */
export interface Endpoint {
  address: string;
  port: number;
}

/** CHANGE-REQUEST (RFC 5780 §7.2): from where an answer is wanted. */
export interface ChangeRequest {
  address: boolean;
  port: boolean;
}

/** ASK: how an answer is wanted. */
export interface AskRequest {
  /** Without a UDP checksum. */
  noChecksum: boolean;
  dontFragment: boolean;
  /** With SEEN, and OTHER-PORT where there is one. */
  report: boolean;
  /** Of the answer's IPv4 packet; 0: as it comes. */
  answerBytes: number;
}

/** SEEN: what the responder saw of a request. 0 stands for what it does not know. */
export interface Seen {
  /** Of the IPv4 packet, or of all its fragments together, with one header; 0 over TCP. */
  datagramBytes: number;
  /** Of the path back, as it knows it. */
  pathMtu: number;
  /** TCP: most data in a segment that it sends, with the room that timestamps take. */
  sendMss: number;
  /** TCP: what it announced. */
  announcedMss: number;
}

/** RFC 7323: what timestamps take of every segment. */
const TIMESTAMP_BYTES = 12;

/** `sendMss` of SEEN, from what a connection knows. */
export function segmentBytes({ sendMss, timestamps }: { sendMss: number; timestamps: boolean }): number {
  return sendMss + (timestamps ? TIMESTAMP_BYTES : 0);
}

const FAMILY4 = 1;
const FAMILY6 = 2;
/** Octets of the values of SEEN and ASK, the latter's at least. */
export const SEEN_BYTES = 8;
export const ASK_BYTES = 4;

/** MAPPED-ADDRESS and what has its form (RFC 8489 §14.1). Throws RangeError for text that is no address. */
export function endpointValue({ address, port }: Endpoint): Uint8Array {
  const read = parseAddress(address);
  if (read === null) throw new RangeError(`not an address: ${address}`);
  const octets = octetsOf(read.value, read.family);
  const value = new Uint8Array(4 + octets.length);
  value[1] = read.family === 4 ? FAMILY4 : FAMILY6;
  value[2] = port >> 8;
  value[3] = port & 0xff;
  value.set(octets, 4);
  return value;
}

/** Reads such a value; null for one of another length or family. */
export function readEndpoint(value: Uint8Array): Endpoint | null {
  const bytes = value[1] === FAMILY4 ? 4 : value[1] === FAMILY6 ? 16 : 0;
  if (bytes === 0 || value.length !== 4 + bytes) return null;
  return { address: octetsToText(value.subarray(4)), port: wordAt(value, 2) };
}

/** XOR-MAPPED-ADDRESS (RFC 8489 §14.2). */
export function xorEndpointValue(endpoint: Endpoint, transaction: Uint8Array): Uint8Array {
  return exclusive(endpointValue(endpoint), transaction);
}

/** Reads such a value; null for one of another length or family. */
export function readXorEndpoint(value: Uint8Array, transaction: Uint8Array): Endpoint | null {
  return value.length < 4 ? null : readEndpoint(exclusive(value, transaction));
}

/** The value with cookie and transaction over the address, and the cookie's first half over the port; its own inverse. */
function exclusive(value: Uint8Array, transaction: Uint8Array): Uint8Array {
  const mask = new Uint8Array(16);
  new DataView(mask.buffer).setUint32(0, MAGIC_COOKIE);
  mask.set(transaction, 4);
  return value.map((octet, index) => {
    if (index < 2) return octet;
    return octet ^ (mask[index < 4 ? index - 2 : (index - 4) & 15] as number);
  });
}

export function changeValue({ address, port }: ChangeRequest): Uint8Array {
  return Uint8Array.of(0, 0, 0, (address ? Change.ADDRESS : 0) | (port ? Change.PORT : 0));
}

/** Null for a value of another length. */
export function readChange(value: Uint8Array): ChangeRequest | null {
  if (value.length !== 4) return null;
  const bits = value[3] as number;
  return { address: (bits & Change.ADDRESS) !== 0, port: (bits & Change.PORT) !== 0 };
}

/** ASK's value, at least so long: the rest is filling, to make a long request that every server understands. */
export function askValue(ask: AskRequest, leastBytes = ASK_BYTES): Uint8Array {
  const value = new Uint8Array(Math.max(ASK_BYTES, leastBytes));
  value[0] =
    (ask.noChecksum ? Ask.NO_CHECKSUM : 0) | (ask.dontFragment ? Ask.DONT_FRAGMENT : 0) | (ask.report ? Ask.REPORT : 0);
  value[2] = ask.answerBytes >> 8;
  value[3] = ask.answerBytes & 0xff;
  return value;
}

/** Null for a value that is too short. */
export function readAsk(value: Uint8Array): AskRequest | null {
  if (value.length < ASK_BYTES) return null;
  const bits = value[0] as number;
  return {
    noChecksum: (bits & Ask.NO_CHECKSUM) !== 0,
    dontFragment: (bits & Ask.DONT_FRAGMENT) !== 0,
    report: (bits & Ask.REPORT) !== 0,
    answerBytes: wordAt(value, 2),
  };
}

export function seenValue({ datagramBytes, pathMtu, sendMss, announcedMss }: Seen): Uint8Array {
  const value = new Uint8Array(SEEN_BYTES);
  const view = new DataView(value.buffer);
  for (const [index, number] of [datagramBytes, pathMtu, sendMss, announcedMss].entries()) {
    view.setUint16(index * 2, Math.min(number, 0xffff));
  }
  return value;
}

/** Null for a value that is too short. */
export function readSeen(value: Uint8Array): Seen | null {
  if (value.length < SEEN_BYTES) return null;
  return {
    datagramBytes: wordAt(value, 0),
    pathMtu: wordAt(value, 2),
    sendMss: wordAt(value, 4),
    announcedMss: wordAt(value, 6),
  };
}

/** OTHER-PORT: the second port of a responder with one address. */
export function portValue(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff, 0, 0);
}

/** Null for a value of another length, or port 0. */
export function readPort(value: Uint8Array): number | null {
  return value.length === 4 && wordAt(value, 0) > 0 ? wordAt(value, 0) : null;
}

/** ERROR-CODE (RFC 8489 §14.8). */
export function errorValue(code: number, reason: string): Uint8Array {
  const text = Buffer.from(reason);
  const value = new Uint8Array(4 + text.length);
  value[2] = Math.floor(code / 100);
  value[3] = code % 100;
  value.set(text, 4);
  return value;
}

/** The number of an ERROR-CODE; null for a value that is none. */
export function readError(value: Uint8Array): number | null {
  const [, , hundreds = 0, rest = 0] = value;
  return value.length >= 4 && (hundreds & 7) >= 3 && (hundreds & 7) <= 6 && rest < 100
    ? (hundreds & 7) * 100 + rest
    : null;
}

/** UNKNOWN-ATTRIBUTES (RFC 8489 §14.9). */
export function unknownValue(types: readonly number[]): Uint8Array {
  return Uint8Array.from(types.flatMap((type) => [type >> 8, type & 0xff]));
}

function wordAt(value: Uint8Array, at: number): number {
  return ((value[at] as number) << 8) | (value[at + 1] as number);
}
