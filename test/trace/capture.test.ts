import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Frame, readCapture } from '../../src/trace/capture.js';
import { ipPacketOf } from '../../src/trace/link.js';
import { pcapngHeader, pcapngPacket } from '../../src/trace/pcapng.js';
import { tcp, udp } from '../conformance/packets.js';

const v4 = udp({ source: '192.0.2.1', destination: '192.0.2.2', sourcePort: 1, destinationPort: 2 });
const v6 = tcp({ source: '2001:db8::1', destination: '2001:db8::2', sourcePort: 1, destinationPort: 2, flags: 'S' });

const frames = (data: Buffer) => [...readCapture('x.pcap', data)];

/** A pcap file of these frames, one second apart. */
function pcap(
  linkType: number,
  packets: readonly Buffer[],
  { big = false, nano = false, wire = 0 }: { big?: boolean; nano?: boolean; wire?: number } = {},
): Buffer {
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (big) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  };
  const version = big ? '00020004' : '02000400';
  const header = [
    u32(nano ? 0xa1b23c4d : 0xa1b2c3d4),
    Buffer.from(version, 'hex'),
    u32(0),
    u32(0),
    u32(65_535),
    u32(linkType),
  ];
  const records = packets.flatMap((packet, index) => [
    u32(1_700_000_000 + index),
    u32(nano ? 250_000_000 : 250_000),
    u32(packet.length),
    u32(wire === 0 ? packet.length : wire),
    packet,
  ]);
  return Buffer.concat([...header, ...records]);
}

const hex = (text: string) => Buffer.from(text, 'hex');
const ETHERNET = '0102030405060708090a0b0c';

describe('pcap', () => {
  test.each([
    [{ big: false, nano: false }],
    [{ big: true, nano: false }],
    [{ big: false, nano: true }],
    [{ big: true, nano: true }],
  ])('%o', (kind) => {
    const read = frames(pcap(101, [v4, v6], kind));
    expect(read.map(({ number, linkType, length }) => [number, linkType, length])).toEqual([
      [1, 101, v4.length],
      [2, 101, v6.length],
    ]);
    expect(read.map(({ bytes }) => bytes.toString('hex'))).toEqual([v4.toString('hex'), v6.toString('hex')]);
    expect(read[1]?.timeMs).toBe(1_700_000_001_250);
  });

  test('tells how long a cut frame was', () => {
    expect(frames(pcap(101, [v4], { wire: 1500 }))[0]).toMatchObject({ length: 1500 });
  });
});

describe('the packet inside a frame', () => {
  test.each<[string, number, Buffer, Buffer | null]>([
    ['raw', 101, v6, v6],
    ['IPv4', 228, v4, v4],
    ['IPv6', 229, v6, v6],
    ['Ethernet, padded', 1, Buffer.concat([hex(`${ETHERNET}0800`), v4, Buffer.alloc(20)]), v4],
    ['Ethernet with an 802.1Q tag', 1, Buffer.concat([hex(`${ETHERNET}8100000586dd`), v6]), v6],
    ['Ethernet with two tags', 1, Buffer.concat([hex(`${ETHERNET}88a80001810000050800`), v4]), v4],
    ['Ethernet with ARP', 1, Buffer.concat([hex(`${ETHERNET}0806`), v4]), null],
    ['Linux cooked', 113, Buffer.concat([hex('000000010006010203040506000086dd'), v6]), v6],
    ['Linux cooked v2', 276, Buffer.concat([hex('0800000000000001000100060102030405060000'), v4]), v4],
    ['BSD loopback, little-endian', 0, Buffer.concat([hex('1e000000'), v6]), v6],
    ['BSD loopback, big-endian', 0, Buffer.concat([hex('00000002'), v4]), v4],
    ['BSD loopback of something else', 0, Buffer.concat([hex('00000007'), v4]), null],
    ['a link type that is not known', 105, v4, null],
    ['what is no IP', 101, hex('00'.repeat(40)), null],
    ['a frame that ends too soon', 1, hex(`${ETHERNET}08`), null],
  ])('%s', (_name, linkType, bytes, packet) => {
    expect(ipPacketOf({ linkType, bytes })?.toString('hex')).toBe(packet?.toString('hex'));
  });
});

/** A pcapng block, big-endian. */
function block(type: number, body: Buffer): Buffer {
  const start = Buffer.alloc(8);
  start.writeUInt32BE(type, 0);
  start.writeUInt32BE(body.length + 12, 4);
  return Buffer.concat([start, body, start.subarray(4)]);
}
const section = block(0x0a0d0d0a, hex('1a2b3c4d00010000ffffffffffffffff'));

describe('pcapng', () => {
  test('what was written is read: interfaces, times, lengths and comments', () => {
    const data = Buffer.concat([
      pcapngHeader('platypus test', 64),
      pcapngPacket({
        interface: 'ipv6',
        timeMs: 1_700_000_000_123.5,
        direction: 'in',
        length: 1500,
        bytes: v6,
        comment: 'in, dropped: drop.not_pool6',
      }),
      pcapngPacket({ interface: 'ipv4', timeMs: 5, direction: 'out', length: v4.length, bytes: v4, comment: 'out' }),
    ]);
    expect(frames(data)).toMatchObject([
      { number: 1, linkType: 101, length: 1500, comment: 'in, dropped: drop.not_pool6', interfaceName: 'ipv6' },
      { number: 2, linkType: 101, length: v4.length, comment: 'out', interfaceName: 'ipv4' },
    ]);
    expect(frames(data)[0]?.timeMs).toBeCloseTo(1_700_000_000_123.5, 2);
    expect(frames(data)[0]?.bytes.toString('hex')).toBe(v6.toString('hex'));
  });

  test('the blocks are those of the format', () => {
    const header = pcapngHeader('p', 256);
    expect(header.toString('hex', 0, 28)).toMatch(/^0a0d0d0a\w{8}4d3c2b1a01000000ffffffffffffffff0200/);
    const packet = pcapngPacket({
      interface: 'ipv4',
      timeMs: 1,
      direction: 'in',
      length: 5,
      bytes: Buffer.from('4500001400', 'hex'),
      comment: 'in',
    });
    expect(packet.toString('hex')).toBe(
      '06000000' +
        '3c000000' +
        '01000000' +
        '00000000' +
        'e8030000' +
        '05000000' +
        '05000000' +
        '4500001400000000' +
        '02000400' +
        '01000000' +
        '01000200' +
        '696e0000' +
        '00000000' +
        '3c000000',
    );
  });

  test('big-endian, with nanoseconds, a simple packet, an unknown block and a second section', () => {
    const nanoseconds = block(1, hex('0065000000000000' + '0009000109000000' + '00000000'));
    const simple = Buffer.alloc(4);
    simple.writeUInt32BE(v4.length);
    const enhanced = Buffer.alloc(20);
    enhanced.writeUInt32BE(1_000_000_000, 8);
    enhanced.writeUInt32BE(v6.length, 12);
    enhanced.writeUInt32BE(v6.length, 16);
    const data = Buffer.concat([
      section,
      nanoseconds,
      block(0x0bad, hex('00000000')),
      block(3, Buffer.concat([simple, v4])),
      section,
      nanoseconds,
      block(6, Buffer.concat([enhanced, v6])),
    ]);
    expect(frames(data).map(({ bytes, timeMs }) => [bytes.toString('hex'), timeMs])).toEqual([
      [v4.toString('hex'), null],
      [v6.toString('hex'), 1000],
    ]);
  });

  test.each<[string, Buffer, RegExp]>([
    ['an empty file', Buffer.alloc(0), /x\.pcap, byte 0: found 0 bytes, expected a pcap or pcapng file/],
    ['text', Buffer.from('hello'), /begins with 0x68656c6c/],
    ['half a pcap header', pcap(101, []).subarray(0, 20), /byte 0: found 20 bytes, expected 24 bytes of a pcap header/],
    ['half a record header', pcap(101, [v4]).subarray(0, 30), /byte 24: found 6 bytes, expected 16 bytes of a record/],
    ['half a frame', pcap(101, [v4]).subarray(0, 50), /byte 40: found 10 bytes, expected 32 bytes of a frame/],
    ['half a block', section.subarray(0, 20), /byte 0: found 20 bytes, expected 28 bytes of a block/],
    ['no byte order', block(0x0a0d0d0a, Buffer.alloc(16)), /byte 8: found 0x00000000, expected the byte order/],
    ['a frame of no interface', Buffer.concat([section, block(6, Buffer.alloc(20))]), /byte 28: .* interface 0/],
    [
      'a short interface',
      Buffer.concat([section, block(1, Buffer.alloc(4))]),
      /a body of 4 bytes, expected at least 8/,
    ],
    [
      'a block of an odd length',
      Buffer.concat([section, hex(`000000010000000d${'00'.repeat(5)}`)]),
      /a block of 13 bytes, expected a multiple of 4, at least 12/,
    ],
    [
      'a block that ends otherwise',
      Buffer.concat([section, hex('00000001' + '00000010' + '00000000' + '00000014')]),
      /ends with another length, expected 16/,
    ],
  ])('%s is refused', (_name, data, sentence) => {
    expect(() => frames(data)).toThrow(expect.objectContaining({ code: 'PLT_CAPTURE_INVALID' }));
    expect(() => frames(data)).toThrow(sentence);
  });

  test('a frame that is too long is refused before it is looked for', () => {
    const data = pcap(101, [v4]);
    data.writeUInt32LE(300_000, 32);
    expect(() => frames(data)).toThrow(/found a frame of 300000 bytes, expected at most 262144/);
  });
});

/** Reads everything; the refusal is the only way to fail, and there are no more frames than bytes allow. */
function readOrRefuse(data: Buffer): void {
  let count = 0;
  try {
    for (const frame of readCapture('x', data)) {
      count++;
      checkFrame(frame);
    }
  } catch (error) {
    expect(error).toMatchObject({ code: 'PLT_CAPTURE_INVALID' });
    expect((error as Error).message).not.toContain('\n');
  }
  expect(count).toBeLessThanOrEqual(data.length / 16);
}

function checkFrame(frame: Frame): void {
  const packet = ipPacketOf(frame);
  expect(packet === null || packet.length >= 20).toBe(true);
}

test('any bytes are read or refused', () => {
  const magic = fc.constantFrom('', 'a1b2c3d4', 'd4c3b2a1', '4d3cb2a1', section.toString('hex'));
  fc.assert(
    fc.property(magic, fc.uint8Array({ maxLength: 512 }), (start, rest) => {
      readOrRefuse(Buffer.concat([hex(start), rest]));
    }),
    { numRuns: 1000 },
  );
});

test('a valid file with some bytes changed is read or refused', () => {
  const packet = { timeMs: 1, direction: 'in', length: 60, comment: 'in' } as const;
  const valid = [
    pcap(1, [Buffer.concat([hex(`${ETHERNET}0800`), v4]), v6]),
    pcap(101, [v4, v6], { big: true }),
    Buffer.concat([
      pcapngHeader('x', 64),
      pcapngPacket({ ...packet, interface: 'ipv6', bytes: v6 }),
      pcapngPacket({ ...packet, interface: 'ipv4', bytes: v4 }),
    ]),
  ];
  const changes = fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(...valid), changes, fc.nat({ max: 400 }), (file, list, cut) => {
      const data = Buffer.from(file.subarray(0, Math.max(0, file.length - (cut > 300 ? cut - 300 : 0))));
      for (const [at, value] of list) if (at < data.length) data[at] = value;
      readOrRefuse(data);
    }),
    { numRuns: 1000 },
  );
});
