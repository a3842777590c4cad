/** The rate limit beside a model with a bucket for everybody, and in a flood that the table cannot hold. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Client, clientAt } from '../../src/dns64/server/client.js';
import { RateLimit, type RateLimitOptions } from '../../src/dns64/server/rate-limit.js';

const options = (changed: Partial<RateLimitOptions> = {}): RateLimitOptions => ({
  ratePerSecond: 10,
  burst: 5,
  prefixLength4: 32,
  prefixLength6: 64,
  ...changed,
});

function client(text: string): Client {
  const found = clientAt(text, 'udp');
  if (found === null) throw new RangeError(text);
  return found;
}

const allow = (limit: RateLimit, text: string, nowMs: number) => {
  const { address, family } = client(text);
  return limit.allow(address, family, nowMs);
};

/** How many of `count` packets at one time pass. */
function passing(limit: RateLimit, text: string, nowMs: number, count: number): number {
  let passed = 0;
  for (let i = 0; i < count; i++) if (allow(limit, text, nowMs)) passed++;
  return passed;
}

describe('DNS-TCP-21 the rate limit', () => {
  test('DNS-TCP-21 lets a burst pass, and then the rate', () => {
    const limit = new RateLimit(options());
    expect(passing(limit, '192.0.2.1', 1000, 20)).toBe(5);
    expect(passing(limit, '192.0.2.1', 1099, 1)).toBe(0);
    expect(passing(limit, '192.0.2.1', 1100, 2)).toBe(1);
    expect(passing(limit, '192.0.2.1', 1350, 20)).toBe(2);
    expect(passing(limit, '192.0.2.1', 1400, 20)).toBe(1);
    expect(passing(limit, '192.0.2.1', 9_000_000, 20)).toBe(5);
  });

  test('DNS-TCP-21 rate 0 is no limit', () => {
    expect(passing(new RateLimit(options({ ratePerSecond: 0 })), '192.0.2.1', 0, 1000)).toBe(1000);
  });

  test.each([
    ['one address of IPv4', {}, '192.0.2.1', '192.0.2.2', false],
    ['a /24', { prefixLength4: 24 }, '192.0.2.1', '192.0.2.255', true],
    ['a /23', { prefixLength4: 23 }, '192.0.2.1', '192.0.3.1', true],
    ['outside the /23', { prefixLength4: 23 }, '192.0.2.1', '192.0.4.1', false],
    ['a /64', {}, '2001:db8::1', '2001:db8::ffff:0:0:1', true],
    ['outside the /64', {}, '2001:db8::1', '2001:db8:0:1::1', false],
    ['a /57', { prefixLength6: 57 }, '2001:db8::1', '2001:db8:0:7f::1', true],
    ['outside the /57', { prefixLength6: 57 }, '2001:db8::1', '2001:db8:0:80::1', false],
    ['one address of IPv6', { prefixLength6: 128 }, '2001:db8::1', '2001:db8::2', false],
    ['everybody', { prefixLength6: 0 }, '2001:db8::1', '3fff::1', true],
    ['the families apart', { prefixLength4: 0, prefixLength6: 0 }, '192.0.2.1', '2001:db8::1', false],
    ['the zero prefix', {}, '::1', '192.0.2.1', false],
  ])('DNS-TCP-21 %s', (_name, changed, one, other, shared) => {
    const limit = new RateLimit(options(changed));
    expect(passing(limit, one, 0, 9)).toBe(5);
    expect(passing(limit, other, 0, 9)).toBe(shared ? 0 : 5);
  });

  test('DNS-TCP-21 a clock set back refuses nobody for longer than a bucket takes to fill', () => {
    const limit = new RateLimit(options());
    expect(passing(limit, '192.0.2.1', 3_600_000, 9)).toBe(5);
    expect(passing(limit, '192.0.2.1', 0, 9)).toBe(0);
    expect(passing(limit, '192.0.2.1', 500, 9)).toBe(5);
  });

  test('DNS-TCP-21 is exact while the table holds everybody', () => {
    const step = fc.record({ who: fc.nat(7), wait: fc.oneof(fc.constant(0), fc.nat(400)) });
    const setting = fc.record({
      ratePerSecond: fc.integer({ min: 1, max: 3000 }),
      burst: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(setting, fc.array(step, { maxLength: 200 }), ({ ratePerSecond, burst }, steps) => {
        const limit = new RateLimit(options({ ratePerSecond, burst, slots: 8 }));
        // Thousandths of a packet, and since when.
        const model = Array.from({ length: 8 }, () => ({ level: burst * 1000, at: 0 }));
        let now = 0;
        for (const { who, wait } of steps) {
          now += wait;
          const bucket = model[who] as { level: number; at: number };
          bucket.level = Math.min(burst * 1000, bucket.level + (now - bucket.at) * ratePerSecond);
          bucket.at = now;
          const expected = bucket.level >= 1000;
          if (expected) bucket.level -= 1000;
          expect(allow(limit, who < 4 ? `192.0.2.${who}` : `2001:db8:0:${who}::1`, now)).toBe(expected);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('DNS-TCP-21 in a flood of forged addresses', () => {
  /** A hundred packets, each of another prefix. */
  const flood = (limit: RateLimit, nowMs: number) => {
    const address = new Uint8Array(16);
    for (let i = 0; i < 100; i++) {
      crypto.getRandomValues(address);
      limit.allow(address, 6, nowMs);
    }
  };

  test('DNS-TCP-21 whoever keeps to the rate is never refused', () => {
    const limit = new RateLimit(options({ slots: 64 }));
    for (let now = 0; now < 20_000; now += 100) {
      flood(limit, now);
      expect(allow(limit, '192.0.2.1', now)).toBe(true);
      expect(allow(limit, '2001:db8::1', now)).toBe(true);
    }
  });

  test('DNS-TCP-21 whoever is at his limit stays there', () => {
    const limit = new RateLimit(options({ slots: 64 }));
    expect(passing(limit, '192.0.2.1', 0, 50)).toBe(5);
    let passed = 0;
    for (let now = 10; now <= 10_000; now += 10) {
      flood(limit, now);
      passed += passing(limit, '192.0.2.1', now, 10);
    }
    expect(passed).toBe(100);
  });
});
