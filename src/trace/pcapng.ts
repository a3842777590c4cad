/** Writes pcapng (draft-ietf-opsawg-pcapng): one section, an interface for each family, a block for each packet. */

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const ENHANCED_PACKET = 6;

const OPT_COMMENT = 1;
const SHB_HARDWARE = 2;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_TSRESOL = 9;
const EPB_FLAGS = 2;

/** LINKTYPE_RAW: the frame is an IP packet. */
const LINK_RAW = 101;

/** The interfaces, in the order of their blocks. */
export const INTERFACES = ['ipv6', 'ipv4'] as const;

export interface CapturedPacket {
  interface: (typeof INTERFACES)[number];
  timeMs: number;
  direction: 'in' | 'out';
  /** Bytes of the whole packet; `bytes` may have fewer. */
  length: number;
  bytes: Uint8Array;
  comment: string;
}

/** What the file starts with: the section and its interfaces. */
export function pcapngHeader(application: string, snapBytes: number): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(0x1a2b3c4d, 0);
  section.writeUInt16LE(1, 4);
  // Length of the section: not known.
  section.fill(0xff, 8, 16);
  const options = [text(SHB_HARDWARE, 'Platypus IPv4/IPv6 translator'), text(SHB_USERAPPL, application)];
  const interfaces = INTERFACES.map((name) => {
    const body = Buffer.alloc(8);
    body.writeUInt16LE(LINK_RAW, 0);
    body.writeUInt32LE(snapBytes, 4);
    // Microseconds.
    return block(INTERFACE, [body, text(IF_NAME, name), option(IF_TSRESOL, Buffer.from([6])), END]);
  });
  return Buffer.concat([block(SECTION, [section, ...options, END]), ...interfaces]);
}

/** The block of one packet: whole, so that a file that ends behind it is valid. */
export function pcapngPacket(packet: CapturedPacket): Buffer {
  const header = Buffer.alloc(20);
  const microseconds = BigInt(Math.round(packet.timeMs * 1000));
  header.writeUInt32LE(INTERFACES.indexOf(packet.interface), 0);
  header.writeUInt32LE(Number(microseconds >> 32n), 4);
  header.writeUInt32LE(Number(microseconds & 0xffff_ffffn), 8);
  header.writeUInt32LE(packet.bytes.length, 12);
  header.writeUInt32LE(packet.length, 16);
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(packet.direction === 'in' ? 1 : 2, 0);
  return block(ENHANCED_PACKET, [
    header,
    pad(packet.bytes),
    option(EPB_FLAGS, flags),
    text(OPT_COMMENT, packet.comment),
    END,
  ]);
}

const END = Buffer.alloc(4);

function block(type: number, parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const total = body.length + 12;
  const start = Buffer.alloc(8);
  start.writeUInt32LE(type, 0);
  start.writeUInt32LE(total, 4);
  return Buffer.concat([start, body, start.subarray(4)]);
}

function option(code: number, value: Uint8Array): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16LE(code, 0);
  header.writeUInt16LE(value.length, 2);
  return Buffer.concat([header, pad(value)]);
}

const text = (code: number, value: string): Buffer => option(code, Buffer.from(value));

/** Up to a multiple of four bytes. */
function pad(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
