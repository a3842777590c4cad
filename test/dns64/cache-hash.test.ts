import { expect, test } from 'vitest';
import { keyedHash } from '../../src/dns64/cache/hash.js';

const counting = Uint8Array.from({ length: 64 }, (_, index) => index);

/** What is hashed is type, class and view (eight bytes), then the name: so are the first eight bytes of a vector's. */
function ofBytes(length: number): number {
  return keyedHash(0x03020100, 0x07060504)(counting, 8, length - 8, 0x0100, 0x0302, 0x07060504) >>> 0;
}

test.each([
  [8, 0x577999b1],
  [9, 0xc839caed],
  [10, 0xe4fa32cf],
  [11, 0x959246ee],
  [12, 0x6b28096c],
  [31, 0x08d8791a],
  [47, 0xd89c5267],
])('HalfSipHash-1-3 of the %i bytes 0, 1, … is what the Linux kernel tests for', (length, expected) => {
  expect(ofBytes(length)).toBe(expected);
});

test('letters of either case have one hash, whatever their place in a word', () => {
  const hash = keyedHash(1, 2);
  for (let offset = 0; offset < 4; offset++) {
    const lower = Buffer.from(`${'-'.repeat(offset)}azaz@[\`{mn`);
    const upper = Buffer.from(`${'-'.repeat(offset)}AZaZ@[\`{Mn`);
    expect(hash(upper, 0, upper.length, 28, 1, 0)).toBe(hash(lower, 0, lower.length, 28, 1, 0));
  }
});

test.each([
  ['@', '`'],
  ['[', '{'],
  ['\u{c1}', '\u{e1}'],
])('%s and %s are no letters of one case', (left, right) => {
  const hash = keyedHash(1, 2);
  const bytes = (text: string) => Buffer.from(text.repeat(4), 'latin1');
  expect(hash(bytes(left), 0, 4, 28, 1, 0)).not.toBe(hash(bytes(right), 0, 4, 28, 1, 0));
});

test('another seed gives other hashes', () => {
  expect(keyedHash(1, 0)(counting, 0, 20, 28, 1, 0)).not.toBe(keyedHash(2, 0)(counting, 0, 20, 28, 1, 0));
  expect(keyedHash(1, 0)(counting, 0, 20, 28, 1, 0)).not.toBe(keyedHash(1, 1)(counting, 0, 20, 28, 1, 0));
});
