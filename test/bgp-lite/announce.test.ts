import fc from 'fast-check';
import { expect, test } from 'vitest';
import { announceable } from '../../src/bgp-lite/announce.js';
import { contains, formatAddress, knownPrefix, parseAddress } from '../../src/config/address.js';

const announced = (...prefixes: string[]) => announceable(prefixes.map(knownPrefix));

test('SIIT-FRM-05 one prefix for each pool6, and none of their parts', () => {
  expect(announced('2001:db8:64::/96', '2001:db8:100::/40')).toEqual(['2001:db8:64::/96', '2001:db8:100::/40']);
});

test('SIIT-ADDR-19 64:ff9b::/96 itself, never a longer prefix of it', () => {
  expect(announced('64:ff9b::/96')).toEqual(['64:ff9b::/96']);
  expect(announced('64:ff9b::/97', '64:ff9b::c000:200/120', '64:ff9b::1/128')).toEqual([]);
  expect(announced('64:ff9b:1::/96', '64:ff9b:0:0:1::/97')).toEqual(['64:ff9b:1::/96', '64:ff9b:0:0:1::/97']);
});

test('pool4 is the fewest prefixes, in order', () => {
  expect(announced('192.0.2.128/25', '192.0.2.0/25', '10.0.0.1/32')).toEqual(['10.0.0.1/32', '192.0.2.0/24']);
  expect(announced('192.0.2.1/32', '192.0.2.2/32', '192.0.2.3/32')).toEqual(['192.0.2.1/32', '192.0.2.2/31']);
  expect(announced('192.0.2.7/32', '192.0.2.0/24')).toEqual(['192.0.2.0/24']);
  expect(announced('255.255.255.255/32', '255.255.255.254/32')).toEqual(['255.255.255.254/31']);
});

test('a default route is never announced', () => {
  expect(announced('0.0.0.0/0', '::/0')).toEqual([]);
  expect(announced('0.0.0.0/1', '128.0.0.0/1')).toEqual([]);
});

test('the same addresses, and no two prefixes that would be one', () => {
  const base = parseAddress('192.0.2.0')?.value ?? 0n;
  const prefix = fc.tuple(fc.nat(63), fc.integer({ min: 26, max: 32 })).map(([offset, length]) => {
    const size = 1n << BigInt(32 - length);
    return knownPrefix(`${formatAddress(4, base + (BigInt(offset) / size) * size)}/${length}`);
  });
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 12 }), (prefixes) => {
      const result = announceable(prefixes).map(knownPrefix);
      for (let offset = -1n; offset <= 64n; offset++) {
        const address = parseAddress(formatAddress(4, base + offset));
        if (address === null) throw new Error('no address');
        const holders = result.filter((candidate) => contains(candidate, address));
        expect(holders).toHaveLength(prefixes.some((candidate) => contains(candidate, address)) ? 1 : 0);
      }
      for (const [index, first] of result.entries()) {
        const second = result[index + 1];
        if (second === undefined) continue;
        const siblings =
          first.length === second.length && (first.first ^ second.first) === first.last - first.first + 1n;
        expect(siblings).toBe(false);
      }
    }),
  );
});
