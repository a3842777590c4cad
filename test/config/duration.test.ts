import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDurationSeconds } from '../../src/config/duration.js';

test.each([
  [300, 300],
  ['300', 300],
  ['2h4m', 7440],
  ['1d', 86_400],
  ['90s', 90],
  ['1d2h3m4s', 93_784],
])('%s is %d seconds', (text, seconds) => {
  expect(parseDurationSeconds(text)).toBe(seconds);
});

test.each(['', '4m2h', '1.5h', '-1', -1, 1.5, '5 m', 'h', null, undefined, [], Number.NaN, '5w'])(
  '%s is none',
  (value) => {
    expect(parseDurationSeconds(value)).toBeNull();
  },
);

test('what is formatted is read back the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000_000 }), (seconds) => {
      expect(parseDurationSeconds(formatDuration(seconds))).toBe(seconds);
    }),
  );
});
