import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildPacket } from '../../src/explain/build.js';
import { parseDescription } from '../../src/explain/description.js';
import { formatHex, looksLikeHex, parseHex } from '../../src/explain/hex.js';
import { layersOf, lineOf } from '../../src/explain/line.js';
import { readPacket } from '../../src/explain/packet.js';
import { covers, embed, extract } from '../../src/explain/rfc6052.js';
import { ICMP4, ip, read, tcp } from '../conformance/packets.js';

const json = (name: string) => JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'));

interface PacketVector {
  name: string;
  in?: string;
  out?: string;
}
const vectors: PacketVector[] = json('siit_packets.json').packets;
const packets = vectors.flatMap(({ name, in: before, out }) =>
  [before, out].filter((hex) => hex !== undefined).map((hex, index) => [`${name} ${index}`, hex] as const),
);

test.each(packets)('reads %s as the slow reader does', (_name, hex) => {
  const bytes = Buffer.from(hex, 'hex');
  const slow = read(bytes);
  const packet = readPacket(bytes);
  expect(packet).toMatchObject({
    family: slow.version,
    source: slow.source,
    destination: slow.destination,
    hopLimit: slow.hopLimit,
    trafficClass: slow.trafficClass,
    dontFragment: slow.dontFragment,
    length: bytes.length,
    problem: null,
  });
  // The slow reader does not look behind other extension headers.
  if (slow.payload.length >= 8 && slow.offset === 0 && slow.protocol === packet?.protocol) {
    expect(packet.transport).toMatchObject({ checksum: slow.checksum });
    if (packet.transportValid !== null) expect(packet.transportValid).toBe(slow.valid);
  }
});

describe('what a packet shows', () => {
  test.each([
    [
      'extension headers and fragment',
      '600000000020003f20010db800000000000000000000000120010db8000000000000000000000002' +
        '3c00010400000000' +
        '2c00010400000000' +
        '1100000900000007' +
        '0001000200100000',
      [
        /^IPv6: 2001:db8::1 > 2001:db8::2, hop limit 63/,
        /^Hop-by-Hop Options header: 8 bytes/,
        /^Destination Options header: 8 bytes/,
        /^Fragment header: a middle fragment, offset 8, identification 7/,
        /^payload: 8 bytes of UDP/,
      ],
    ],
    [
      'IPv4 options and a wrong header checksum',
      '46000020000040000a3212340102030405060708010101000000000000000000',
      [/TTL 10, .*DF, 32 bytes, 4 bytes of options, header checksum wrong/, /8 bytes of ESP \(50\)/],
    ],
    [
      'a header that is not whole',
      '4f00003c000000004006000001020304050607080000000000000000',
      [/IPv4/, /not read further/],
    ],
    [
      'a cut packet',
      '4500003c000000004011000001020304050607080001000200280000',
      [/of which 28 are here/, /UDP: 1 > 2/],
    ],
  ])('%s', (_name, hex, lines) => {
    const packet = readPacket(Buffer.from(hex, 'hex'));
    const layers = packet === null ? [] : layersOf(packet);
    expect(layers).toEqual(lines.map((line) => expect.stringMatching(line)));
  });

  test('a quoted packet and its RFC 4884 extension', () => {
    const quoted = buildPacket(parseDescription('udp 192.0.2.1#53 > 198.51.100.1#99 len=128'));
    const body = Buffer.concat([
      Buffer.from('0b00000000200000', 'hex'),
      quoted,
      Buffer.from('2000ffff00080101', 'hex'),
    ]);
    const packet = readPacket(ip({ source: '203.0.113.1', destination: '192.0.2.1', protocol: ICMP4, payload: body }));
    expect(packet?.transport).toMatchObject({
      kind: 'icmp',
      error: { quotedLength: 128, extensionLength: 8, quoted: { source: '192.0.2.1', transport: { sourcePort: 53 } } },
    });
    expect(packet === null ? [] : layersOf(packet)).toContain('  extension (RFC 4884): 8 bytes');
  });

  test('a wrong transport checksum', () => {
    const flow = { source: '192.0.2.1', destination: '192.0.2.2', sourcePort: 1, destinationPort: 2 };
    const packet = readPacket(tcp({ ...flow, flags: 'S', checksum: 0x1234 }));
    expect(packet?.transportValid).toBe(false);
  });
});

test('any bytes are read without a throw', () => {
  const start = fc.constantFrom(0x45, 0x46, 0x60, 0x4f, 0x00);
  const protocol = fc.constantFrom(0, 1, 6, 17, 43, 44, 58, 60);
  const bytes = fc.tuple(fc.uint8Array({ maxLength: 2048 }), start, protocol).map(([all, first, next]) => {
    if (all.length > 0) all[0] = first;
    if (all.length > 9) all[first === 0x60 ? 6 : 9] = next;
    return all;
  });
  fc.assert(
    fc.property(bytes, (one) => {
      expect(lineOf(one)).not.toContain('\n');
      const packet = readPacket(one);
      if (packet !== null) expect(layersOf(packet).length).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});

describe('hexadecimal digits', () => {
  test.each(['45 00\n00:14', '0x45, 0x00 0x00 0x14', '45000014'])('%j', (text) => {
    expect(parseHex(text).toString('hex')).toBe('45000014');
  });

  test.each([
    ['45 0', /found 3 digits, expected two for each byte/],
    ['', /found 0 digits/],
    ['45zz', /found "z"/],
    ['00'.repeat(65_576), /found 65576 bytes, expected at most 65575/],
  ])('%.8s is refused', (text, sentence) => {
    expect(() => parseHex(text)).toThrow(sentence);
    expect(() => parseHex(text)).toThrow(expect.objectContaining({ code: 'PLT_PACKET_INVALID' }));
  });

  test('are told from a file name', () => {
    expect(looksLikeHex('45 00 00 14'.repeat(5))).toBe(true);
    expect(looksLikeHex('abba')).toBe(false);
    expect(looksLikeHex('capture.pcap')).toBe(false);
  });

  test('are shown in lines of 16 bytes', () => {
    expect(formatHex('00112233445566778899aabbccddeeff0011')).toEqual([
      '0011 2233 4455 6677 8899 aabb ccdd eeff',
      '0011',
    ]);
  });
});

describe('RFC 6052 addresses', () => {
  test.each([
    ['2001:db8::/32', '2001:db8:c000:221::'],
    ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
    ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
    ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
    ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100:0'],
    ['2001:db8:122:344::/96', '2001:db8:122:344::c000:221'],
  ])('%s with 192.0.2.33 is %s (RFC 6052 §2.4)', (prefix, address6) => {
    const [address = '', length] = prefix.split('/');
    const pool6 = { address, length: Number(length) };
    expect(embed(pool6, '192.0.2.33')).toBe(address6.replace(/:2100:0$/, ':2100:0'));
    expect(extract(pool6, address6)).toBe('192.0.2.33');
    expect(extract(pool6, '2001:db9::1')).toBeNull();
  });

  test('covers', () => {
    expect(covers({ address: '192.0.2.0', length: 24 }, '192.0.2.255')).toBe(true);
    expect(covers({ address: '192.0.2.0', length: 24 }, '192.0.3.0')).toBe(false);
    expect(covers({ address: '0.0.0.0', length: 0 }, '192.0.3.0')).toBe(true);
    expect(covers({ address: '0.0.0.0', length: 0 }, '::1')).toBe(false);
  });
});
