/**
 * What a packet says, header by header: network header → extension headers → fragment → transport → the packet that an
 * ICMP error quotes. Takes any bytes and never throws: `problem` says where reading had to stop.
 */
import { octetsToText } from '../config/address.js';
import { internetChecksum, pseudoHeader } from '../internet-checksum.js';
import { EXTENSION_HEADERS, FRAGMENT, ICMP4, ICMP6, isIcmpError, TCP, TCP_FLAGS, UDP } from './names.js';

export interface Tcp {
  kind: 'tcp';
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgement: number;
  /** `SYN`, `ACK` and so on. */
  flags: string[];
  window: number;
  /** Of the header with options, bytes. */
  headerLength: number;
  /** The MSS option (RFC 9293 §3.2), null when there is none. */
  mss: number | null;
  checksum: number;
}

export interface Udp {
  kind: 'udp';
  sourcePort: number;
  destinationPort: number;
  /** As its header says, bytes. */
  length: number;
  checksum: number;
}

export interface Icmp {
  kind: 'icmp';
  type: number;
  code: number;
  checksum: number;
  echo: { identifier: number; sequence: number } | null;
  error: IcmpError | null;
}

export interface IcmpError {
  /** MTU of fragmentation needed or packet too big; null for other messages. */
  mtu: number | null;
  /** Of a parameter problem; null for other messages. */
  pointer: number | null;
  /** Null where what is quoted is no IP packet. */
  quoted: Packet | null;
  /** Bytes of the quoted packet that are here, padding included. */
  quotedLength: number;
  /** Bytes after it (RFC 4884), 0 for none. */
  extensionLength: number;
}

export interface Packet {
  family: 4 | 6;
  source: string;
  destination: string;
  /** TTL in IPv4. */
  hopLimit: number;
  /** TOS in IPv4. */
  trafficClass: number;
  /** 0 in IPv4. */
  flowLabel: number;
  /** Of the whole packet, as its header says, and what of it is here; bytes. */
  length: number;
  present: number;
  /** IPv4: bytes of options. IPv6: extension headers but the Fragment Header, in order. */
  optionsLength: number;
  extensions: { protocol: number; length: number }[];
  /** IPv4 only. */
  dontFragment: boolean;
  /** IPv4: of every packet. IPv6: of the Fragment Header, 0 without one. */
  identification: number;
  /** Offset in bytes. IPv6: there is a Fragment Header. IPv4: there is an offset or more follow. */
  fragment: { offset: number; more: boolean } | null;
  /** IPv4: whether the header checksum holds; true for IPv6. */
  headerValid: boolean;
  /** Of the payload: the first header that is neither network nor extension header. */
  protocol: number;
  /** Where the payload starts, and how long it is by the network header; bytes. */
  payloadOffset: number;
  payloadLength: number;
  /** Null for other protocols, later fragments, and where the header is not whole. */
  transport: Tcp | Udp | Icmp | null;
  /** Whether the transport checksum holds; null where there is none or not all of the packet is here. */
  transportValid: boolean | null;
  /** Why reading stopped early. */
  problem: string | null;
}

const MAX_EXTENSIONS = 8;

/** Reads a packet; null when it is too short for a header or neither IPv4 nor IPv6. */
export function readPacket(bytes: Uint8Array): Packet | null {
  return read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), true);
}

function read(bytes: Buffer, outermost: boolean): Packet | null {
  const version = (bytes[0] ?? 0) >> 4;
  const packet = version === 4 ? readIpv4(bytes) : version === 6 ? readIpv6(bytes) : null;
  if (packet === null || packet.problem !== null) return packet;
  if (packet.fragment !== null && packet.fragment.offset > 0) return packet;
  const end = Math.min(packet.length, bytes.length);
  packet.transport = readTransport(packet, bytes.subarray(Math.min(packet.payloadOffset, end), end), outermost);
  if (outermost) packet.transportValid = transportValid(packet, bytes);
  return packet;
}

function readIpv4(bytes: Buffer): Packet | null {
  if (bytes.length < 20) return null;
  const headerLength = (bytes.readUInt8(0) & 15) * 4;
  const word = bytes.readUInt16BE(6);
  const length = bytes.readUInt16BE(2);
  const offset = (word & 0x1fff) * 8;
  const more = (word & 0x2000) !== 0;
  const packet: Packet = {
    family: 4,
    source: octetsToText(bytes.subarray(12, 16)),
    destination: octetsToText(bytes.subarray(16, 20)),
    hopLimit: bytes.readUInt8(8),
    trafficClass: bytes.readUInt8(1),
    flowLabel: 0,
    length,
    present: Math.min(length, bytes.length),
    optionsLength: Math.max(0, headerLength - 20),
    extensions: [],
    dontFragment: (word & 0x4000) !== 0,
    identification: bytes.readUInt16BE(4),
    fragment: offset > 0 || more ? { offset, more } : null,
    headerValid: false,
    protocol: bytes.readUInt8(9),
    payloadOffset: headerLength,
    payloadLength: Math.max(0, length - headerLength),
    transport: null,
    transportValid: null,
    problem: null,
  };
  if (headerLength < 20 || headerLength > length) {
    packet.problem = `a header length of ${headerLength} and a total length of ${length} bytes`;
  } else if (headerLength > bytes.length) {
    packet.problem = `${bytes.length} bytes of a header of ${headerLength}`;
  } else {
    packet.headerValid = internetChecksum(bytes.subarray(0, headerLength)) === 0;
  }
  return packet;
}

function readIpv6(bytes: Buffer): Packet | null {
  if (bytes.length < 40) return null;
  const length = 40 + bytes.readUInt16BE(4);
  const packet: Packet = {
    family: 6,
    source: octetsToText(bytes.subarray(8, 24)),
    destination: octetsToText(bytes.subarray(24, 40)),
    hopLimit: bytes.readUInt8(7),
    trafficClass: (bytes.readUInt16BE(0) >> 4) & 0xff,
    flowLabel: bytes.readUInt32BE(0) & 0xfffff,
    length,
    present: Math.min(length, bytes.length),
    optionsLength: 0,
    extensions: [],
    dontFragment: false,
    identification: 0,
    fragment: null,
    headerValid: true,
    protocol: bytes.readUInt8(6),
    payloadOffset: 40,
    payloadLength: length - 40,
    transport: null,
    transportValid: null,
    problem: null,
  };
  const end = packet.present;
  for (;;) {
    const { protocol, payloadOffset: at } = packet;
    // Behind a Fragment Header of a later fragment there is no header to read.
    if (packet.fragment !== null && packet.fragment.offset > 0) break;
    const extension = EXTENSION_HEADERS.has(protocol);
    if (!extension && (protocol !== FRAGMENT || packet.fragment !== null)) break;
    if (packet.extensions.length === MAX_EXTENSIONS) {
      packet.problem = `more than ${MAX_EXTENSIONS} extension headers`;
      break;
    }
    const headerLength = protocol === FRAGMENT ? 8 : ((bytes[at + 1] ?? 0) + 1) * 8;
    if (at + 8 > end || at + headerLength > length) {
      packet.problem = 'extension headers that run past the end';
      break;
    }
    if (protocol === FRAGMENT) {
      const word = bytes.readUInt16BE(at + 2);
      packet.fragment = { offset: word & 0xfff8, more: (word & 1) !== 0 };
      packet.identification = bytes.readUInt32BE(at + 4);
    } else {
      packet.extensions.push({ protocol, length: headerLength });
    }
    packet.protocol = bytes.readUInt8(at);
    packet.payloadOffset = at + headerLength;
    packet.payloadLength = length - packet.payloadOffset;
    if (packet.payloadOffset > end) {
      packet.problem = 'extension headers that are not all here';
      break;
    }
  }
  return packet;
}

function readTransport(packet: Packet, bytes: Buffer, outermost: boolean): Packet['transport'] {
  // Of a quoted packet often only 8 bytes are here; they hold the ports.
  if (bytes.length < 8) return null;
  if (packet.protocol === UDP) {
    return {
      kind: 'udp',
      sourcePort: bytes.readUInt16BE(0),
      destinationPort: bytes.readUInt16BE(2),
      length: bytes.readUInt16BE(4),
      checksum: bytes.readUInt16BE(6),
    };
  }
  if (packet.protocol === TCP) return readTcp(bytes, outermost);
  if (packet.protocol === (packet.family === 4 ? ICMP4 : ICMP6)) return readIcmp(packet, bytes, outermost);
  return null;
}

function readTcp(bytes: Buffer, outermost: boolean): Tcp | null {
  const whole = bytes.length >= 20;
  if (!whole && outermost) return null;
  const headerLength = whole ? (bytes.readUInt8(12) >> 4) * 4 : 20;
  const flags = whole ? bytes.readUInt8(13) : 0;
  return {
    kind: 'tcp',
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    sequence: bytes.readUInt32BE(4),
    acknowledgement: whole ? bytes.readUInt32BE(8) : 0,
    flags: TCP_FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0),
    window: whole ? bytes.readUInt16BE(14) : 0,
    headerLength,
    mss: whole ? readMss(bytes.subarray(20, Math.min(headerLength, bytes.length))) : null,
    checksum: whole ? bytes.readUInt16BE(16) : 0,
  };
}

function readMss(options: Buffer): number | null {
  for (let at = 0; at < options.length; ) {
    const kind = options[at] ?? 0;
    if (kind === 0) return null;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) return null;
    if (kind === 2 && length === 4) return options.readUInt16BE(at + 2);
    at += length;
  }
  return null;
}

function readIcmp(packet: Packet, bytes: Buffer, outermost: boolean): Icmp {
  const { family } = packet;
  const type = bytes.readUInt8(0);
  const code = bytes.readUInt8(1);
  const echo = (family === 4 ? [0, 8] : [128, 129]).includes(type)
    ? { identifier: bytes.readUInt16BE(4), sequence: bytes.readUInt16BE(6) }
    : null;
  const quotes = outermost && isIcmpError(family, type) && packet.fragment?.more !== true;
  const error = quotes ? readError(family, type, code, bytes) : null;
  return { kind: 'icmp', type, code, checksum: bytes.readUInt16BE(2), echo, error };
}

function readError(family: 4 | 6, type: number, code: number, bytes: Buffer): IcmpError {
  const v4 = family === 4;
  const body = bytes.subarray(8);
  // RFC 4884 §4: the length of the quoted packet, in 32-bit (IPv4) or 64-bit words (IPv6).
  const extensible = v4 ? [3, 11, 12].includes(type) : type === 1 || type === 3;
  const claimed = extensible ? bytes.readUInt8(v4 ? 5 : 4) * (v4 ? 4 : 8) : 0;
  const quotedLength = claimed >= 128 && claimed < body.length ? claimed : body.length;
  const mtu = v4
    ? type === 3 && code === 4
      ? bytes.readUInt16BE(6)
      : null
    : type === 2
      ? bytes.readUInt32BE(4)
      : null;
  const pointer = v4 ? (type === 12 ? bytes.readUInt8(4) : null) : type === 4 ? bytes.readUInt32BE(4) : null;
  const quoted = read(body.subarray(0, quotedLength), false);
  return {
    mtu,
    pointer,
    quoted: quoted?.family === family ? quoted : null,
    quotedLength,
    extensionLength: body.length - quotedLength,
  };
}

function transportValid(packet: Packet, bytes: Buffer): boolean | null {
  const { transport, family } = packet;
  if (transport === null || packet.present < packet.length || packet.fragment?.more === true) return null;
  if (transport.kind === 'udp' && (transport.checksum === 0 || transport.length !== packet.payloadLength)) return null;
  const payload = bytes.subarray(packet.payloadOffset, packet.length);
  if (transport.kind === 'icmp' && family === 4) return internetChecksum(payload) === 0;
  const [source, destination] =
    family === 4 ? [bytes.subarray(12, 16), bytes.subarray(16, 20)] : [bytes.subarray(8, 24), bytes.subarray(24, 40)];
  return internetChecksum(pseudoHeader(source, destination, packet.protocol, payload.length), payload) === 0;
}
