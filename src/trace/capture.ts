/**
 * Reads capture files, pcap and pcapng in either byte order, frame by frame. A file is not to be trusted: every length
 * is checked against what is there before it is used, and each step moves on by at least eight bytes.
 */
import { errors } from '../errors.js';

/** Largest file read, bytes. */
export const MAX_CAPTURE_BYTES = 256 * 1024 * 1024;
/** Longest frame taken, bytes: what libpcap itself takes. */
const MAX_FRAME_BYTES = 262_144;
const MAX_INTERFACES = 65_536;

export interface Frame {
  /** Counts from 1. */
  number: number;
  /** LINKTYPE_* of tcpdump.org. */
  linkType: number;
  /** Milliseconds since 1970, null where the file does not say. */
  timeMs: number | null;
  /** Bytes on the wire, of which `bytes` are here. */
  length: number;
  bytes: Buffer;
  /** pcapng: the first comment of the frame. */
  comment: string | null;
  /** pcapng: name of the interface. */
  interfaceName: string | null;
}

/** The file in hand, for refusals. */
interface Source {
  name: string;
  data: Buffer;
}

/** Frames in the order of the file; `name` is for the refusals. Throws PLT_CAPTURE_INVALID at what is wrong. */
export function* readCapture(name: string, data: Buffer): Generator<Frame> {
  const source = { name, data };
  if (data.length > MAX_CAPTURE_BYTES) {
    throw errors.captureInvalid(name, null, `${data.length} bytes`, `at most ${MAX_CAPTURE_BYTES}`);
  }
  if (data.length < 4) throw notCapture(source);
  const magic = data.readUInt32BE(0);
  if (magic === SECTION) yield* readPcapng(source);
  else if (PCAP_MAGIC.has(magic)) yield* readPcap(source, magic);
  else throw notCapture(source);
}

function notCapture({ name, data }: Source): Error {
  const found = data.length < 4 ? `${data.length} bytes` : `a file that begins with 0x${data.toString('hex', 0, 4)}`;
  return errors.captureInvalid(name, 0, found, 'a pcap or pcapng file');
}

/** `length` bytes at `at`, which the file must have. */
function take({ name, data }: Source, at: number, length: number, what: string): Buffer {
  if (at + length > data.length) {
    throw errors.captureInvalid(name, at, `${Math.max(0, data.length - at)} bytes`, `${length} bytes of ${what}`);
  }
  return data.subarray(at, at + length);
}

/** 32-bit and 16-bit numbers in the byte order of the file. */
interface Order {
  u16(bytes: Buffer, at: number): number;
  u32(bytes: Buffer, at: number): number;
}
const BIG: Order = { u16: (bytes, at) => bytes.readUInt16BE(at), u32: (bytes, at) => bytes.readUInt32BE(at) };
const LITTLE: Order = { u16: (bytes, at) => bytes.readUInt16LE(at), u32: (bytes, at) => bytes.readUInt32LE(at) };

// The first word, read as big-endian → byte order and ticks a second.
const PCAP_MAGIC: ReadonlyMap<number, { order: Order; ticks: number }> = new Map([
  [0xa1b2c3d4, { order: BIG, ticks: 1e6 }],
  [0xd4c3b2a1, { order: LITTLE, ticks: 1e6 }],
  [0xa1b23c4d, { order: BIG, ticks: 1e9 }],
  [0x4d3cb2a1, { order: LITTLE, ticks: 1e9 }],
]);

const PCAP_HEADER = 24;
const PCAP_RECORD = 16;

function* readPcap(source: Source, magic: number): Generator<Frame> {
  const { order, ticks } = PCAP_MAGIC.get(magic) ?? { order: BIG, ticks: 1e6 };
  const header = take(source, 0, PCAP_HEADER, 'a pcap header');
  // The upper bits say whether frames end with a checksum; the link type is the lower 16.
  const linkType = order.u32(header, 20) & 0xffff;
  let number = 0;
  for (let at = PCAP_HEADER; at < source.data.length; ) {
    const record = take(source, at, PCAP_RECORD, 'a record header');
    const captured = order.u32(record, 8);
    const length = order.u32(record, 12);
    checkFrame(source, at, captured);
    const bytes = take(source, at + PCAP_RECORD, captured, 'a frame');
    number++;
    const timeMs = order.u32(record, 0) * 1000 + (order.u32(record, 4) / ticks) * 1000;
    yield { number, linkType, timeMs, length, bytes, comment: null, interfaceName: null };
    at += PCAP_RECORD + captured;
  }
}

function checkFrame({ name }: Source, at: number, captured: number): void {
  if (captured <= MAX_FRAME_BYTES) return;
  throw errors.captureInvalid(name, at, `a frame of ${captured} bytes`, `at most ${MAX_FRAME_BYTES}`);
}

// Block types of draft-ietf-opsawg-pcapng.
const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

interface Interface {
  linkType: number;
  snapLength: number;
  name: string | null;
  /** Of its timestamps. */
  ticksPerSecond: number;
}

function* readPcapng(source: Source): Generator<Frame> {
  const { name, data } = source;
  let order = LITTLE;
  let interfaces: Interface[] = [];
  let number = 0;
  for (let at = 0; at < data.length; ) {
    const start = take(source, at, 12, 'a block header');
    const isSection = start.readUInt32BE(0) === SECTION;
    if (isSection) order = sectionOrder(source, at, start);
    const type = order.u32(start, 0);
    const total = order.u32(start, 4);
    if (total < 12 || total % 4 !== 0) {
      throw errors.captureInvalid(name, at, `a block of ${total} bytes`, 'a multiple of 4, at least 12');
    }
    const block = take(source, at, total, 'a block');
    if (order.u32(block, total - 4) !== total) {
      throw errors.captureInvalid(name, at, `a block that ends with another length`, `${total} at its end too`);
    }
    const body = block.subarray(8, total - 4);
    if (isSection) {
      interfaces = [];
    } else if (type === INTERFACE) {
      if (interfaces.length === MAX_INTERFACES) {
        throw errors.captureInvalid(name, at, 'another interface', `at most ${MAX_INTERFACES}`);
      }
      interfaces.push(readInterface(source, at, body, order));
    } else if (type === ENHANCED_PACKET || type === SIMPLE_PACKET) {
      number++;
      yield type === ENHANCED_PACKET
        ? readEnhanced(source, at, body, order, interfaces, number)
        : readSimple(source, at, body, order, interfaces, number);
    }
    at += total;
  }
}

function sectionOrder({ name }: Source, at: number, start: Buffer): Order {
  if (start.readUInt32BE(8) === BYTE_ORDER_MAGIC) return BIG;
  if (start.readUInt32LE(8) === BYTE_ORDER_MAGIC) return LITTLE;
  throw errors.captureInvalid(name, at + 8, `0x${start.toString('hex', 8, 12)}`, 'the byte order of the section');
}

/** The fixed part of a block's body, which must be there. */
function fixed({ name }: Source, at: number, body: Buffer, length: number): void {
  if (body.length >= length) return;
  throw errors.captureInvalid(name, at, `a body of ${body.length} bytes`, `at least ${length}`);
}

function readInterface(source: Source, at: number, body: Buffer, order: Order): Interface {
  fixed(source, at, body, 8);
  const options = readOptions(body.subarray(8), order);
  const resolution = options.get(9)?.[0] ?? 6;
  const ticksPerSecond = (resolution & 0x80) === 0 ? 10 ** resolution : 2 ** (resolution & 0x7f);
  const name = options.get(2)?.toString('utf8') ?? null;
  return { linkType: order.u16(body, 0), snapLength: order.u32(body, 4), name, ticksPerSecond };
}

/** The first option of each code. What runs past the end is left out: no frame depends on it. */
function readOptions(bytes: Buffer, order: Order): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const code = order.u16(bytes, at);
    const length = order.u16(bytes, at + 2);
    if (code === 0 || at + 4 + length > bytes.length) break;
    if (!options.has(code)) options.set(code, bytes.subarray(at + 4, at + 4 + length));
    at += 4 + padded(length);
  }
  return options;
}

const padded = (length: number): number => Math.ceil(length / 4) * 4;

function readEnhanced(
  source: Source,
  at: number,
  body: Buffer,
  order: Order,
  interfaces: readonly Interface[],
  number: number,
): Frame {
  fixed(source, at, body, 20);
  const from = interfaceAt(source, at, interfaces, order.u32(body, 0));
  const captured = order.u32(body, 12);
  checkFrame(source, at, captured);
  fixed(source, at, body, 20 + captured);
  const ticks = order.u32(body, 4) * 2 ** 32 + order.u32(body, 8);
  const comment = readOptions(body.subarray(20 + padded(captured)), order).get(1);
  return {
    number,
    linkType: from.linkType,
    timeMs: (ticks / from.ticksPerSecond) * 1000,
    length: order.u32(body, 16),
    bytes: body.subarray(20, 20 + captured),
    comment: comment?.toString('utf8') ?? null,
    interfaceName: from.name,
  };
}

function readSimple(
  source: Source,
  at: number,
  body: Buffer,
  order: Order,
  interfaces: readonly Interface[],
  number: number,
): Frame {
  fixed(source, at, body, 4);
  const { linkType, snapLength, name } = interfaceAt(source, at, interfaces, 0);
  const length = order.u32(body, 0);
  const captured = Math.min(length, snapLength === 0 ? length : snapLength);
  checkFrame(source, at, captured);
  fixed(source, at, body, 4 + captured);
  const bytes = body.subarray(4, 4 + captured);
  return { number, linkType, timeMs: null, length, bytes, comment: null, interfaceName: name };
}

function interfaceAt({ name }: Source, at: number, interfaces: readonly Interface[], index: number): Interface {
  const found = interfaces[index];
  if (found !== undefined) return found;
  throw errors.captureInvalid(name, at, `a frame of interface ${index}`, `one of ${interfaces.length} interfaces`);
}
