/**
 * Packets built and read by the RFCs' plain arithmetic, sharing no code with the native core: what a test sends, and
 * what it expects. The family of a packet is that of its addresses; lengths and offsets are bytes; a checksum that is
 * not given is computed in full.
 */

export const TCP = 6;
export const UDP = 17;
export const ICMP4 = 1;
export const ICMP6 = 58;

export function addressBytes(text: string): Buffer {
  if (!text.includes(':')) return Buffer.from(text.split('.').map(Number));
  const words = (part: string) =>
    part === ''
      ? []
      : part.split(':').flatMap((word) => {
          if (!word.includes('.')) return [Number.parseInt(word, 16)];
          const bytes = addressBytes(word);
          return [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
        });
  const [front = '', back] = text.split('::');
  const head = words(front);
  const tail = back === undefined ? [] : words(back);
  const all = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

/** RFC 5952 text of 16 bytes, dotted text of 4. */
export function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const words = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
  const zeros = words.match(/\b0(?::0)+\b/g)?.reduce((a, b) => (b.length > a.length ? b : a));
  if (zeros === undefined) return words;
  return words.replace(new RegExp(`(^|:)${zeros}(:|$)`), '::');
}

/** The Internet checksum (RFC 1071) over the parts, each of which starts at an even offset. */
export function checksum(...parts: Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The pseudo-header of either family (RFC 9293 §3.1, RFC 8200 §8.1). */
export function pseudoHeader(source: string, destination: string, protocol: number, length: number): Buffer {
  const tail = Buffer.alloc(8);
  tail.writeUInt32BE(length, 0);
  tail.writeUInt32BE(protocol, 4);
  return Buffer.concat([addressBytes(source), addressBytes(destination), tail]);
}

export interface Addresses {
  source: string;
  destination: string;
}

export interface IpFields {
  /** TTL in IPv4. */
  hopLimit?: number;
  /** TOS in IPv4. */
  trafficClass?: number;
  /** A Fragment Header in IPv6; the identification, offset and more bit of IPv4. */
  fragment?: { identification: number; offset?: number; more?: boolean };
  /** IPv4 only. */
  dontFragment?: boolean;
  /** IPv4 only, a multiple of four bytes. */
  options?: Uint8Array;
  /** IPv6 only. */
  flowLabel?: number;
}

/** A whole packet around `payload`. */
export function ip(at: Addresses & IpFields & { protocol: number; payload: Uint8Array }): Buffer {
  const { hopLimit = 64, trafficClass = 0, fragment, options = Buffer.alloc(0) } = at;
  if (at.source.includes(':')) {
    const header = Buffer.alloc(fragment === undefined ? 40 : 48);
    header.writeUInt32BE(0x60000000 + trafficClass * 0x100000 + (at.flowLabel ?? 0), 0);
    header.writeUInt16BE(header.length - 40 + at.payload.length, 4);
    header[6] = fragment === undefined ? at.protocol : 44;
    header[7] = hopLimit;
    addressBytes(at.source).copy(header, 8);
    addressBytes(at.destination).copy(header, 24);
    if (fragment !== undefined) {
      header[40] = at.protocol;
      header.writeUInt16BE((fragment.offset ?? 0) | (fragment.more ? 1 : 0), 42);
      header.writeUInt32BE(fragment.identification, 44);
    }
    return Buffer.concat([header, at.payload]);
  }
  const header = Buffer.alloc(20 + options.length);
  header[0] = 0x40 | (header.length / 4);
  header[1] = trafficClass;
  header.writeUInt16BE(header.length + at.payload.length, 2);
  header.writeUInt16BE(fragment?.identification ?? 0, 4);
  header.writeUInt16BE(
    (at.dontFragment ? 0x4000 : 0) | (fragment?.more ? 0x2000 : 0) | ((fragment?.offset ?? 0) >> 3),
    6,
  );
  header[8] = hopLimit;
  header[9] = at.protocol;
  addressBytes(at.source).copy(header, 12);
  addressBytes(at.destination).copy(header, 16);
  header.set(options, 20);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, at.payload]);
}

export interface Flow extends Addresses {
  sourcePort: number;
  destinationPort: number;
}

/** Bytes of a payload or a text. */
export type Data = string | Uint8Array;
const bytes = (data: Data = '') => (typeof data === 'string' ? Buffer.from(data) : Buffer.from(data));

function sealed(at: Addresses, protocol: number, segment: Buffer, field: number, given: number | undefined): Buffer {
  const sum = checksum(pseudoHeader(at.source, at.destination, protocol, segment.length), segment);
  // RFC 768: a computed zero is sent as all ones.
  segment.writeUInt16BE(given ?? (protocol === UDP && sum === 0 ? 0xffff : sum), field);
  return segment;
}

/** A UDP datagram in its packet. */
export function udp(at: Flow & IpFields & { data?: Data; checksum?: number }): Buffer {
  const data = bytes(at.data ?? 'data');
  const header = Buffer.alloc(8);
  header.writeUInt16BE(at.sourcePort, 0);
  header.writeUInt16BE(at.destinationPort, 2);
  header.writeUInt16BE(8 + data.length, 4);
  return ip({ ...at, protocol: UDP, payload: sealed(at, UDP, Buffer.concat([header, data]), 6, at.checksum) });
}

const FLAGS = 'FSRPAUEC';

/** A TCP segment in its packet; `flags` are letters of FSRPAUEC. */
export function tcp(
  at: Flow &
    IpFields & {
      flags: string;
      sequence?: number;
      acknowledgement?: number;
      tcpOptions?: Uint8Array;
      data?: Data;
      checksum?: number;
    },
): Buffer {
  const { tcpOptions = Buffer.alloc(0) } = at;
  const header = Buffer.alloc(20);
  header.writeUInt16BE(at.sourcePort, 0);
  header.writeUInt16BE(at.destinationPort, 2);
  header.writeUInt32BE(at.sequence ?? 1000, 4);
  header.writeUInt32BE(at.acknowledgement ?? (at.flags.includes('A') ? 2000 : 0), 8);
  header[12] = ((20 + tcpOptions.length) / 4) << 4;
  header[13] = [...at.flags].reduce((all, letter) => all | (1 << FLAGS.indexOf(letter)), 0);
  header.writeUInt16BE(65535, 14);
  const segment = Buffer.concat([header, tcpOptions, bytes(at.data)]);
  return ip({ ...at, protocol: TCP, payload: sealed(at, TCP, segment, 16, at.checksum) });
}

/** An ICMP message of the addresses' family: `rest` is the second word. */
export function icmp(
  at: Addresses & IpFields & { type: number; code?: number; rest?: number; body?: Data; checksum?: number },
): Buffer {
  const header = Buffer.alloc(8);
  header[0] = at.type;
  header[1] = at.code ?? 0;
  header.writeUInt32BE(at.rest ?? 0, 4);
  const message = Buffer.concat([header, bytes(at.body)]);
  const v6 = at.source.includes(':');
  const covered = v6 ? [pseudoHeader(at.source, at.destination, ICMP6, message.length), message] : [message];
  message.writeUInt16BE(at.checksum ?? checksum(...covered), 2);
  return ip({ ...at, protocol: v6 ? ICMP6 : ICMP4, payload: message });
}

/** An echo request, or the reply, of the addresses' family. */
export function echo(
  at: Addresses & IpFields & { identifier: number; sequence?: number; reply?: boolean; data?: Data },
): Buffer {
  const [request, reply] = at.source.includes(':') ? [128, 129] : [8, 0];
  return icmp({
    ...at,
    type: at.reply ? reply : request,
    rest: at.identifier * 0x10000 + (at.sequence ?? 1),
    body: at.data ?? 'ping',
  });
}

/** The packet in fragments that start at 0 and at each of `cuts` (payload offsets, multiples of 8). */
export function fragments(packet: Buffer, identification: number, ...cuts: number[]): Buffer[] {
  const whole = read(packet);
  const starts = [0, ...cuts];
  return starts.map((offset, i) =>
    ip({
      source: whole.source,
      destination: whole.destination,
      hopLimit: whole.hopLimit,
      trafficClass: whole.trafficClass,
      protocol: whole.protocol,
      fragment: { identification, offset, more: i + 1 < starts.length },
      payload: whole.payload.subarray(offset, starts[i + 1]),
    }),
  );
}

/** What a packet says. Fields that its protocol does not have are zero or empty. */
export interface Read {
  /** The packet as it was. */
  bytes: Buffer;
  version: 4 | 6;
  source: string;
  destination: string;
  hopLimit: number;
  trafficClass: number;
  flowLabel: number;
  protocol: number;
  identification: number;
  dontFragment: boolean;
  /** IPv6: a Fragment Header is there. IPv4: an offset or the more bit. */
  fragmented: boolean;
  offset: number;
  more: boolean;
  /** Everything behind the network headers. */
  payload: Buffer;
  /** Ports; of an echo both are the identifier. */
  sourcePort: number;
  destinationPort: number;
  /** Letters of FSRPAUEC. */
  flags: string;
  sequence: number;
  acknowledgement: number;
  tcpOptions: Buffer;
  type: number;
  code: number;
  /** The second word of an ICMP message. */
  rest: number;
  /** The transport checksum as it stands. */
  checksum: number;
  /** Header checksum (IPv4) and transport checksum hold; a fragment is judged by its header alone. */
  valid: boolean;
  /** Behind the transport header; of an ICMP error the quoted packet and what follows it. */
  data: Buffer;
}

export function read(packet: Buffer): Read {
  const version = (packet[0] ?? 0) >> 4;
  if (version !== 4 && version !== 6) throw new Error(`not an IP packet: ${packet.toString('hex')}`);
  const v6 = version === 6;
  let at = v6 ? 40 : ((packet[0] ?? 0) & 15) * 4;
  const length = v6 ? 40 + packet.readUInt16BE(4) : packet.readUInt16BE(2);
  let protocol = packet[v6 ? 6 : 9] ?? 0;
  const header = protocol === 44 && v6;
  const word = v6 ? (header ? packet.readUInt16BE(42) : 0) : packet.readUInt16BE(6);
  const result: Read = {
    bytes: packet,
    version,
    source: addressText(v6 ? packet.subarray(8, 24) : packet.subarray(12, 16)),
    destination: addressText(v6 ? packet.subarray(24, 40) : packet.subarray(16, 20)),
    hopLimit: packet[v6 ? 7 : 8] ?? 0,
    trafficClass: v6 ? (packet.readUInt16BE(0) >> 4) & 0xff : (packet[1] ?? 0),
    flowLabel: v6 ? packet.readUInt32BE(0) & 0xfffff : 0,
    protocol,
    identification: v6 ? (header ? packet.readUInt32BE(44) : 0) : packet.readUInt16BE(4),
    dontFragment: !v6 && (word & 0x4000) !== 0,
    fragmented: v6 ? header : (word & 0x3fff) !== 0,
    offset: v6 ? word & 0xfff8 : (word & 0x1fff) * 8,
    more: v6 ? (word & 1) !== 0 : (word & 0x2000) !== 0,
    payload: Buffer.alloc(0),
    sourcePort: 0,
    destinationPort: 0,
    flags: '',
    sequence: 0,
    acknowledgement: 0,
    tcpOptions: Buffer.alloc(0),
    type: 0,
    code: 0,
    rest: 0,
    checksum: 0,
    valid: length === packet.length && (v6 || checksum(packet.subarray(0, at)) === 0),
    data: Buffer.alloc(0),
  };
  if (header) {
    protocol = packet[40] ?? 0;
    at = 48;
  }
  result.protocol = protocol;
  const payload = packet.subarray(at, length);
  result.payload = payload;
  result.data = payload;
  if (result.offset !== 0 || payload.length < 8) return result;
  const pseudo = pseudoHeader(result.source, result.destination, protocol, payload.length);
  const covered = protocol === ICMP4 ? [payload] : [pseudo, payload];
  if (![TCP, UDP, ICMP4, ICMP6].includes(protocol)) return result;
  if (!result.more) result.valid &&= checksum(...covered) === 0;
  if (protocol === ICMP4 || protocol === ICMP6) {
    result.type = payload[0] ?? 0;
    result.code = payload[1] ?? 0;
    result.checksum = payload.readUInt16BE(2);
    result.rest = payload.readUInt32BE(4);
    result.sourcePort = payload.readUInt16BE(4);
    result.destinationPort = result.sourcePort;
    result.sequence = payload.readUInt16BE(6);
    result.data = payload.subarray(8);
    return result;
  }
  result.sourcePort = payload.readUInt16BE(0);
  result.destinationPort = payload.readUInt16BE(2);
  if (protocol === UDP) {
    result.checksum = payload.readUInt16BE(6);
    result.valid &&= result.checksum !== 0 && (result.more || payload.readUInt16BE(4) === payload.length);
    result.data = payload.subarray(8);
  } else if (payload.length >= 20) {
    const header = ((payload[12] ?? 0) >> 4) * 4;
    result.sequence = payload.readUInt32BE(4);
    result.acknowledgement = payload.readUInt32BE(8);
    result.flags = [...FLAGS].filter((_, i) => ((payload[13] ?? 0) & (1 << i)) !== 0).join('');
    result.checksum = payload.readUInt16BE(16);
    result.tcpOptions = payload.subarray(20, header);
    result.data = payload.subarray(header);
  }
  return result;
}

/** What RFC 4884 appends to an ICMP error. */
export interface Extension {
  /** The quoted packet with its padding. */
  original: Buffer;
  objects: { class: number; type: number; payload: Buffer }[];
  /** Version 2, a checksum that holds, and objects that end where the message does. */
  valid: boolean;
}

/** The extension of an ICMP error, or null where its length attribute is zero (RFC 4884 §4). */
export function extension(error: Read): Extension | null {
  const length = error.version === 6 ? (error.payload[4] ?? 0) * 8 : (error.payload[5] ?? 0) * 4;
  if (length === 0) return null;
  const structure = error.data.subarray(length);
  const objects: Extension['objects'] = [];
  let at = 4;
  while (at + 4 <= structure.length && structure.readUInt16BE(at) >= 4) {
    const end = at + structure.readUInt16BE(at);
    objects.push({
      class: structure[at + 2] ?? 0,
      type: structure[at + 3] ?? 0,
      payload: structure.subarray(at + 4, end),
    });
    at = end;
  }
  return {
    original: error.data.subarray(0, length),
    objects,
    valid: structure.readUInt16BE(0) === 0x2000 && checksum(structure) === 0 && at === structure.length,
  };
}
