/** The bytes of a described packet, with all lengths and checksums right. Payloads are zeros. */
import { octetsOf, parseAddress } from '../config/address.js';
import { errors } from '../errors.js';
import { internetChecksum, pseudoHeader } from '../internet-checksum.js';
import { type Description, protocolNumber } from './description.js';
import { FRAGMENT, TCP_FLAGS } from './names.js';

/** RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c): as much of the packet as fits into this. */
const LARGEST_ERROR = { 4: 576, 6: 1280 } as const;

/** Builds the packet. Throws PLT_PACKET_INVALID where the lengths do not go together. */
export function buildPacket(description: Description): Buffer {
  const { family, fragment } = description;
  const headerLength = (family === 4 ? 20 : 40) + (family === 6 && fragment !== null ? 8 : 0);
  const payload = payloadOf(description, headerLength);
  const header = family === 4 ? ipv4Header(description, payload) : ipv6Header(description, payload);
  return Buffer.concat([header, payload]);
}

function addressBytes(text: string): Buffer {
  const address = parseAddress(text);
  if (address === null) throw new RangeError(`not an address: ${text}`);
  return Buffer.from(octetsOf(address.value, address.family));
}

/** What stands behind the network headers. */
function payloadOf(description: Description, headerLength: number): Buffer {
  const { fragment, length } = description;
  const start = transportOf(description, headerLength);
  const more = fragment?.more === true;
  const offset = fragment?.offset ?? 0;
  let size = start.length;
  if (length !== null) size = length - headerLength;
  else if (offset > 0) size = 8;
  else if (more) size = Math.ceil(size / 8) * 8;
  // An error quotes what fits: its length may cut the quoted packet, to no less than a header and 8 bytes.
  const quoting = description.icmp?.kind === 'error';
  const least = quoting ? Math.min(start.length, 8 + headerLength + 8) : start.length;
  if (size < least || (quoting && size > start.length)) {
    const most = quoting ? ` to ${headerLength + start.length}` : '';
    throw errors.packetInvalid('description', `len=${length}`, `${headerLength + least}${most} bytes or more`);
  }
  if (more && size % 8 !== 0) {
    throw errors.packetInvalid(
      'description',
      `${size} bytes in a fragment with more to follow`,
      'a multiple of 8 bytes behind the IP headers',
    );
  }
  if (offset + size > 65_535) {
    throw errors.packetInvalid('description', `a datagram of ${offset + size} bytes`, 'at most 65535');
  }
  const payload = Buffer.alloc(size);
  start.copy(payload);
  if (offset === 0) finish(description, payload);
  return payload;
}

/** The transport header, or the whole ICMP error. */
function transportOf(description: Description, headerLength: number): Buffer {
  const { protocol, ports, icmp, fragment } = description;
  if (fragment !== null && fragment.offset > 0) return Buffer.alloc(0);
  if (protocol === 'udp') {
    const header = Buffer.alloc(8);
    header.writeUInt16BE(ports?.source ?? 0, 0);
    header.writeUInt16BE(ports?.destination ?? 0, 2);
    return header;
  }
  if (protocol === 'tcp') return tcpHeader(description);
  if (icmp === null) return Buffer.alloc(0);
  const header = Buffer.alloc(8);
  const v4 = description.family === 4;
  if (icmp.kind === 'echo' || icmp.kind === 'reply') {
    header[0] = icmp.kind === 'echo' ? (v4 ? 8 : 128) : v4 ? 0 : 129;
    header.writeUInt16BE(icmp.identifier, 4);
    header.writeUInt16BE(icmp.sequence, 6);
    return header;
  }
  header[0] = icmp.type;
  header[1] = icmp.code;
  if (icmp.kind === 'type') return header;
  if (v4) {
    header[4] = icmp.pointer;
    header.writeUInt16BE(icmp.mtu, 6);
  } else {
    header.writeUInt32BE(icmp.type === 4 ? icmp.pointer : icmp.mtu, 4);
  }
  const quoted = buildPacket(icmp.about);
  return Buffer.concat([header, quoted.subarray(0, LARGEST_ERROR[description.family] - headerLength - 8)]);
}

function tcpHeader({ ports, flags, mss }: Description): Buffer {
  const header = Buffer.alloc(mss === null ? 20 : 24);
  header.writeUInt16BE(ports?.source ?? 0, 0);
  header.writeUInt16BE(ports?.destination ?? 0, 2);
  header.writeUInt32BE(1, 4);
  header.writeUInt32BE(flags.includes('ACK') ? 1 : 0, 8);
  header[12] = (header.length / 4) << 4;
  header[13] = TCP_FLAGS.reduce((bits, flag, bit) => (flags.includes(flag) ? bits | (1 << bit) : bits), 0);
  header.writeUInt16BE(0xffff, 14);
  if (mss !== null) {
    header.writeUInt16BE(0x0204, 20);
    header.writeUInt16BE(mss, 22);
  }
  return header;
}

/** Lengths and checksum of the transport header in a payload that starts with one. */
function finish(description: Description, payload: Buffer): void {
  const { family, protocol, noChecksum } = description;
  // The rest of a datagram whose first fragment this is: 8 zeros, which no sum notices.
  const length = payload.length + (description.fragment?.more ? 8 : 0);
  if (protocol === 'udp') payload.writeUInt16BE(length, 4);
  const at = protocol === 'tcp' ? 16 : protocol === 'udp' ? 6 : protocol === 'icmp' ? 2 : null;
  if (at === null || noChecksum || payload.length < at + 2) return;
  const covered: Uint8Array[] = [payload];
  if (protocol !== 'icmp' || family === 6) {
    const [source, destination] = [addressBytes(description.source), addressBytes(description.destination)];
    covered.unshift(pseudoHeader(source, destination, protocolNumber(description), length));
  }
  const sum = internetChecksum(...covered);
  // RFC 768: a computed zero is sent as all ones.
  payload.writeUInt16BE(sum === 0 && protocol === 'udp' ? 0xffff : sum, at);
}

function ipv4Header(description: Description, payload: Buffer): Buffer {
  const { fragment } = description;
  if (payload.length > 65_515) {
    throw errors.packetInvalid('description', `${payload.length + 20} bytes`, 'at most 65535');
  }
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header[1] = description.trafficClass;
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt16BE(description.identification, 4);
  const flags = (description.dontFragment ? 0x4000 : 0) | (fragment?.more ? 0x2000 : 0);
  header.writeUInt16BE(flags | ((fragment?.offset ?? 0) >> 3), 6);
  header[8] = description.hopLimit;
  header[9] = protocolNumber(description);
  addressBytes(description.source).copy(header, 12);
  addressBytes(description.destination).copy(header, 16);
  header.writeUInt16BE(internetChecksum(header), 10);
  return header;
}

function ipv6Header(description: Description, payload: Buffer): Buffer {
  const { fragment } = description;
  const header = Buffer.alloc(fragment === null ? 40 : 48);
  const payloadLength = header.length - 40 + payload.length;
  if (payloadLength > 65_535) {
    throw errors.packetInvalid('description', `${payloadLength + 40} bytes`, 'at most 65575');
  }
  const protocol = protocolNumber(description);
  header.writeUInt32BE(0x6000_0000 + description.trafficClass * 0x10_0000, 0);
  header.writeUInt16BE(payloadLength, 4);
  header[6] = fragment === null ? protocol : FRAGMENT;
  header[7] = description.hopLimit;
  addressBytes(description.source).copy(header, 8);
  addressBytes(description.destination).copy(header, 24);
  if (fragment !== null) {
    header[40] = protocol;
    header.writeUInt16BE(fragment.offset | (fragment.more ? 1 : 0), 42);
    header.writeUInt32BE(description.identification, 44);
  }
  return header;
}
