import { describe, expect, test } from 'vitest';
import { knownPrefix } from '../../src/config/address.js';
import { createRate } from '../../src/responder/rate.js';
import { createSources } from '../../src/responder/sources.js';

describe('the rate of an address', () => {
  const options = { perSecond: 10, burst: 3, addresses: 2 };

  test('a burst, and then one each tenth of a second', () => {
    const rate = createRate(options);
    expect([0, 0, 0, 0].map((now) => rate.allow('a', now))).toEqual([true, true, true, false]);
    expect(rate.allow('a', 99)).toBe(false);
    expect(rate.allow('a', 100)).toBe(true);
    expect(rate.allow('a', 100)).toBe(false);
    expect([10_000, 10_000, 10_000, 10_000].map((now) => rate.allow('a', now))).toEqual([true, true, true, false]);
  });

  test('one address does not use up what another has', () => {
    const rate = createRate(options);
    for (let i = 0; i < 5; i++) rate.allow('a', 0);
    expect(rate.allow('b', 0)).toBe(true);
    expect(rate.allow('a', 0)).toBe(false);
  });

  test('the table is bounded: the address that asked longest ago is forgotten', () => {
    const rate = createRate(options);
    for (let i = 0; i < 4; i++) rate.allow('a', 0);
    rate.allow('b', 0);
    rate.allow('c', 0);
    expect(rate.allow('a', 0)).toBe(true);
  });
});

test('sources are the prefixes, joined where they touch, and nobody else', () => {
  const welcome = createSources(['192.0.2.0/28', '192.0.2.8/29', '198.51.100.7/32', '2001:db8::/32'].map(knownPrefix));
  const asked = ['192.0.2.0', '192.0.2.15', '198.51.100.7', '192.0.1.255', '192.0.2.16', '198.51.100.8', '::1', 'x'];
  expect(asked.map(welcome)).toEqual([true, true, true, false, false, false, false, false]);
  expect(createSources([])('192.0.2.1')).toBe(false);
});
