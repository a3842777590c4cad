import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/config/address.js';
import { buildPacket } from '../../src/explain/build.js';
import { type Description, formatDescription, parseDescription } from '../../src/explain/description.js';
import { lineOf } from '../../src/explain/line.js';
import { TCP_FLAGS } from '../../src/explain/names.js';
import { read } from '../conformance/packets.js';

const built = (text: string) => buildPacket(parseDescription(text));

describe('the bytes of a description', () => {
  test('TCP over IPv6', () => {
    expect(built('tcp 2001:db8::1#1234 > 64:ff9b::192.0.2.1#80 syn').toString('hex')).toBe(
      '600000000014064020010db80000000000000000000000010064ff9b0000000000000000c0000201' +
        '04d20050000000010000000050' +
        '02ffffbb040000',
    );
  });

  test('an ICMPv4 error about a UDP datagram', () => {
    const packet = built(
      "icmp 203.0.113.1 > 192.0.2.1 error 3/4 mtu=1300 about 'udp 192.0.2.1#53 > 198.51.100.1#99 len=1400 df'",
    );
    expect(packet.toString('hex')).toMatch(
      /^450002400000000040017abacb007101c00002010304e9930000051445000578000040004011493fc0000201c63364010035006305640858(00)*$/,
    );
    expect(packet).toHaveLength(576);
    expect(read(packet).valid).toBe(true);
  });

  test.each([
    ['tcp 192.0.2.1#1 > 192.0.2.2#2', { flags: 'S', hopLimit: 64 }],
    ['tcp 192.0.2.1#1 > 192.0.2.2#2 SYN,ACK mss=1400', { flags: 'SA', tcpOptions: Buffer.from('02040578', 'hex') }],
    ['tcp 192.0.2.1#1 > 192.0.2.2#2 fin psh ttl=9', { flags: 'FP', hopLimit: 9 }],
    ['tcp 192.0.2.1#1 > 192.0.2.2#2 none len=100 df', { flags: '', dontFragment: true, payload: { length: 80 } }],
    ['udp 2001:db8::1#1 > 2001:db8::2#2 tc=32 hl=3', { trafficClass: 32, hopLimit: 3, payload: { length: 8 } }],
    ['udp 192.0.2.1#1 > 192.0.2.2#2 frag=0+ ipid=7', { offset: 0, more: true, identification: 7 }],
    ['udp 2001:db8::1 > 2001:db8::2 frag=1480 ipid=70000', { offset: 1480, more: false, identification: 70_000 }],
    ['icmp 192.0.2.1 > 192.0.2.2 echo id=5 seq=6', { type: 8, sourcePort: 5, sequence: 6 }],
    ['icmp 2001:db8::1 > 2001:db8::2 reply', { type: 129, sourcePort: 1, sequence: 1 }],
    ['icmp 2001:db8::1 > 2001:db8::2 type 135/0', { type: 135, code: 0 }],
    ['proto 50 192.0.2.1 > 192.0.2.2 len=44', { protocol: 50, payload: { length: 24 } }],
  ])('%s', (text, fields) => {
    const packet = read(built(text));
    expect(packet).toMatchObject(fields);
    expect(packet.valid).toBe(true);
  });

  test('a UDP datagram without checksum', () => {
    expect(read(built('udp 192.0.2.1#1 > 192.0.2.2#2 nochecksum')).checksum).toBe(0);
  });
});

describe('what is wrong is pointed at', () => {
  test.each([
    ['sctp 192.0.2.1#1 > 192.0.2.2#2', /column 1: found "sctp", expected one of tcp, udp, icmp, or proto/],
    ['tcp 192.0.2.1 > 192.0.2.2#2', /column 5: found "192\.0\.2\.1", expected an address with a port/],
    ['icmp 192.0.2.1#1 > 192.0.2.2 echo', /column 6: .* expected an address without a port, 192\.0\.2\.1/],
    ['tcp 192.0.2.300#1 > 192.0.2.2#2', /column 5: found "192\.0\.2\.300#1"/],
    ['tcp 192.0.2.1#1 < 192.0.2.2#2', /column 17: found "<", expected ">"/],
    ['tcp 192.0.2.1#1 > 2001:db8::1#2', /column 19: found "2001:db8::1#2", expected an IPv4 address/],
    ['tcp 192.0.2.1#1 > 192.0.2.2#2 lenn=5', /column 31: found "lenn=5", expected one of len=, ttl=/],
    ['tcp 192.0.2.1#1 > 192.0.2.2#2 ttl=256', /expected ttl= with a number from 0 to 255/],
    ['tcp 192.0.2.1#1 > 192.0.2.2#2 ttl=1 ttl=2', /expected ttl only once/],
    ['tcp 192.0.2.1#1 > 192.0.2.2#2 syn syn', /expected syn only once/],
    ['tcp 2001:db8::1#1 > 2001:db8::2#2 df', /found "df"/],
    ['tcp 2001:db8::1#1 > 2001:db8::2#2 ipid=1', /found the end, expected frag= beside ipid=/],
    ['udp 192.0.2.1#1 > 192.0.2.2#2 len=27', /found len=27, expected 28 bytes or more/],
    ['udp 192.0.2.1#1 > 192.0.2.2#2 frag=7', /multiple of 8/],
    ['udp 192.0.2.1#1 > 192.0.2.2#2 frag=0', /expected frag=0\+/],
    ['udp 192.0.2.1#1 > 192.0.2.2#2 frag=0+ len=29', /found 9 bytes in a fragment with more to follow/],
    ['udp 192.0.2.1#1 > 192.0.2.2#2 frag=65528 len=100', /found a datagram of 65608 bytes, expected at most 65535/],
    ['icmp 192.0.2.1 > 192.0.2.2', /found the end, expected what ICMP says/],
    ['icmp 192.0.2.1 > 192.0.2.2 error 8/0', /found "8\/0", expected an ICMP error of IPv4/],
    ['icmp 192.0.2.1 > 192.0.2.2 error 3/1', /found the end, expected about/],
    ['icmp 192.0.2.1 > 192.0.2.2 error 3/1 about 5', /found "5", expected the packet that the error is about/],
    [
      "icmp 192.0.2.1 > 192.0.2.2 error 3/1 about 'udp 192.0.2.2#1 > x#2'",
      /column 63: found "x#2", expected an address such as/,
    ],
    [
      'icmp 192.0.2.1 > 192.0.2.2 error 3/1 about "icmp 192.0.2.1 > 192.0.2.2 error 3/1 about \'x\'"',
      /expected no error about an error/,
    ],
    ["icmp 192.0.2.1 > 192.0.2.2 error 3/1 about 'udp ::1#1 > ::2#1'", /expected an IPv4 packet/],
    ['tcp', /found the end/],
    ['x'.repeat(1001), /found 1001 characters, expected at most 1000/],
  ])('%s', (text, sentence) => {
    expect(() => built(text)).toThrow(expect.objectContaining({ code: 'PLT_PACKET_INVALID' }));
    expect(() => built(text)).toThrow(sentence);
  });
});

const address = (family: 4 | 6) =>
  (family === 4 ? fc.ipV4() : fc.ipV6()).map((text) => parseAddress(text)?.text ?? '2001:db8::1');
const word = (max: number) => fc.integer({ min: 0, max });

/** A description that is as `parseDescription` leaves one. */
function description(outermost: boolean, families: readonly (4 | 6)[] = [4, 6]): fc.Arbitrary<Description> {
  return fc
    .record({
      protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const, 50),
      family: fc.constantFrom(...families),
      offset: fc.option(word(100).map((units) => units * 8)),
      more: fc.boolean(),
      extra: fc.option(word(40).map((units) => units * 8)),
    })
    .chain(({ protocol, family, offset, more, extra }) => {
      const fragment = offset === null || (family === 4 && offset === 0 && !more) ? null : { offset, more };
      const later = fragment !== null && fragment.offset > 0;
      const kinds = [
        fc.record({ kind: fc.constantFrom('echo', 'reply'), identifier: word(65_535), sequence: word(65_535) }),
        fc.record({ kind: fc.constant('type'), type: fc.constantFrom(13, 135, 200), code: word(255) }),
      ];
      if (outermost) {
        const error = { kind: fc.constant('error'), code: word(5), mtu: word(65_535), pointer: fc.constant(0) };
        const type = fc.constantFrom(3);
        kinds.push(fc.record({ ...error, type, about: description(false, [family]) }) as never);
      }
      const ports = { source: word(65_535), destination: word(65_535) };
      const hasPorts = !later && (protocol === 'tcp' || protocol === 'udp');
      const headers = (family === 4 ? 20 : fragment === null ? 40 : 48) + (protocol === 'tcp' && !later ? 24 : 8);
      return fc.record({
        protocol: fc.constant(protocol),
        family: fc.constant(family),
        source: address(family),
        destination: address(family),
        ports: hasPorts ? fc.record(ports) : fc.constant(null),
        hopLimit: word(255),
        trafficClass: word(255),
        dontFragment: family === 4 ? fc.boolean() : fc.constant(false),
        identification: family === 6 && fragment === null ? fc.constant(0) : word(family === 4 ? 65_535 : 0xffff_ffff),
        fragment: fc.constant(fragment),
        length: fc.constant(protocol === 'icmp' || extra === null ? null : headers + extra),
        flags: protocol === 'tcp' && !later ? fc.subarray([...TCP_FLAGS]) : fc.constant([]),
        mss: protocol === 'tcp' && !later ? fc.option(word(65_535)) : fc.constant(null),
        noChecksum: protocol === 'udp' && !later ? fc.boolean() : fc.constant(false),
        icmp: protocol === 'icmp' && !later ? fc.oneof(...kinds) : fc.constant(null),
      }) as fc.Arbitrary<Description>;
    });
}

test('what is formatted is read again', () => {
  fc.assert(
    fc.property(description(true), (one) => {
      expect(parseDescription(formatDescription(one))).toEqual(one);
    }),
  );
});

test('the line of a built packet gives the same bytes', () => {
  fc.assert(
    fc.property(description(false), (one) => {
      fc.pre(one.fragment?.more !== true || one.length === null);
      const packet = buildPacket({ ...one, flags: one.flags });
      expect(built(lineOf(packet)).toString('hex')).toBe(packet.toString('hex'));
    }),
  );
});

test('any text is read or refused', () => {
  const words = fc.constantFrom(
    'tcp',
    'udp',
    'icmp',
    '192.0.2.1',
    '192.0.2.1#1',
    '::1#1',
    '>',
    'echo',
    'error',
    '3/4',
    'about',
    "'udp 192.0.2.1#1 > 192.0.2.2#2'",
    'frag=8+',
    'len=60',
    "'",
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(words, fc.string())).map((parts) => parts.join(' ')),
  );
  fc.assert(
    fc.property(text, (one) => {
      try {
        built(one);
      } catch (error) {
        expect(error).toMatchObject({ code: 'PLT_PACKET_INVALID' });
        expect((error as Error).message).not.toContain('\n');
      }
    }),
    { numRuns: 1000 },
  );
});
