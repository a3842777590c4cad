import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatAddress,
  formatTransportAddress,
  hasHostBits,
  knownPrefix,
  networkOf,
  overlaps,
  parseAddress,
  parseAddressFilter,
  parsePortRange,
  parsePrefix,
  parseTransportAddress,
  sizeOf,
  touchesNonGlobal,
} from '../../src/config/address.js';
import { readVectors } from './vectors.js';

const address4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => formatAddress(4, value));
const address6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => formatAddress(6, value));

describe('addresses', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
  ])('%s is written %s (RFC 5952)', (text, canonical) => {
    expect(parseAddress(text)?.text).toBe(canonical);
  });

  test('SIIT-ADDR-20 the last 32 bits may be dotted decimal', () => {
    expect(parseAddress('64:ff9b::192.0.2.33')).toEqual(parseAddress('64:ff9b::c000:221'));
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '2001:db8::1%eth0',
    ':::',
    '1::2::3',
    '2001:db8::1/64',
    'a',
  ])('"%s" is none', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  test('what is formatted is read back the same', () => {
    fc.assert(
      fc.property(fc.oneof(address4, address6), (text) => {
        expect(parseAddress(text)?.text).toBe(text);
      }),
    );
  });

  test('the text of an IPv6 address is the one the URL standard writes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 65535 })), { minLength: 8, maxLength: 8 }),
        (words) => {
          const long = words.map((word) => word.toString(16)).join(':');
          expect(parseAddress(long)?.text).toBe(new URL(`http://[${long}]/`).hostname.slice(1, -1));
        },
      ),
    );
  });

  test('any text is an address or null, never an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcdef:./#%-x '), maxLength: 50 }), (text) => {
        for (const parse of [parseAddress, parsePrefix, parseTransportAddress, parseAddressFilter, parsePortRange]) {
          expect(() => parse(text)).not.toThrow();
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('prefixes', () => {
  test.each(['192.0.2.0/33', '192.0.2.0/-1', '192.0.2.0/', '192.0.2.0/024', '2001:db8::/129', '/24', '1.2.3.4/2/3'])(
    '"%s" is none',
    (text) => {
      expect(parsePrefix(text)).toBeNull();
    },
  );

  test('an address alone is a prefix of its full length', () => {
    expect(parsePrefix('192.0.2.1')).toMatchObject({ length: 32 });
    expect(parsePrefix('2001:db8::1')).toMatchObject({ length: 128 });
  });

  test('host bits are seen, and the network is told without them', () => {
    const prefix = knownPrefix('192.0.2.9/28');
    expect(hasHostBits(prefix)).toBe(true);
    expect(networkOf(prefix)).toBe('192.0.2.0/28');
    expect(hasHostBits(knownPrefix('192.0.2.0/28'))).toBe(false);
    expect(sizeOf(prefix)).toBe(16n);
  });

  test('two prefixes overlap exactly when one holds the first address of the other', () => {
    const prefix = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }));
    fc.assert(
      fc.property(prefix, prefix, ([a, aLength], [b, bLength]) => {
        const [left, right] = [knownPrefix(`192.0.2.${a}/${aLength}`), knownPrefix(`192.0.2.${b}/${bLength}`)];
        const list = new BlockList();
        list.addSubnet('192.0.2.0', 24);
        const holds = (outer: typeof left, inner: typeof left) => {
          const block = new BlockList();
          block.addSubnet(formatAddress(4, outer.first), outer.length);
          return block.check(formatAddress(4, inner.first));
        };
        expect(overlaps(left, right)).toBe(holds(left, right) || holds(right, left));
      }),
    );
  });

  test('families never overlap', () => {
    expect(overlaps(knownPrefix('0.0.0.0/0'), knownPrefix('::/0'))).toBe(false);
  });

  const { wkp_non_global } = readVectors<{
    wkp_non_global: { cases: { ipv4: string; action: string }[] };
  }>('rfc6052_embeddings');

  test.each(wkp_non_global.cases)('SIIT-ADDR-13 $ipv4 with the well-known prefix: $action', ({ ipv4, action }) => {
    expect(touchesNonGlobal(knownPrefix(ipv4))).toBe(action === 'drop');
  });
});

describe('transport addresses', () => {
  test('what is formatted is read back the same', () => {
    fc.assert(
      fc.property(fc.oneof(address4, address6), fc.integer({ min: 0, max: 65535 }), (address, port) => {
        const read = parseTransportAddress(formatTransportAddress(address, port));
        expect(read).toMatchObject({ address: { text: address }, port });
      }),
    );
  });

  test.each(['192.0.2.1', '192.0.2.1#', '192.0.2.1#65536', '192.0.2.1#-1', '192.0.2.1#1#2', '192.0.2.1:80', '#80'])(
    '"%s" is none',
    (text) => {
      expect(parseTransportAddress(text)).toBeNull();
    },
  );

  test('a filter is an address, a prefix or a transport address', () => {
    expect(parseAddressFilter('192.0.2.1')).toMatchObject({ prefix: { length: 32 }, port: null });
    expect(parseAddressFilter('192.0.2.0/28')).toMatchObject({ prefix: { length: 28 }, port: null });
    expect(parseAddressFilter('192.0.2.1#5000')).toMatchObject({ prefix: { length: 32 }, port: 5000 });
    expect(parseAddressFilter('192.0.2.1#')).toBeNull();
  });

  test.each([
    ['1024-65535', { min: 1024, max: 65535 }],
    ['80', { min: 80, max: 80 }],
    ['2-1', null],
    ['1-2-3', null],
    ['-', null],
    ['', null],
  ])('port range "%s"', (text, range) => {
    expect(parsePortRange(text)).toEqual(range);
  });
});
