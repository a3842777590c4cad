import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { searchExponential, searchHighest } from '../../src/bench/search.js';
import { median, percentile, summarize } from '../../src/bench/summary.js';

/** A device that passes up to a limit, and the values it was tried with. */
function device(limit: number) {
  const tried: number[] = [];
  return { tried, passes: async (value: number) => tried.push(value) > 0 && value <= limit };
}

describe('binary search', () => {
  test('finds any limit exactly when asked to, in few trials', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(100_000), fc.integer({ min: 1, max: 100_000 }), async (limit, high) => {
        const { tried, passes } = device(limit);
        expect(await searchHighest({ low: 0, high, resolution: 0, passes })).toBe(Math.min(limit, high));
        expect(tried.length).toBeLessThanOrEqual(2 + Math.log2(high));
      }),
    );
  });

  test('never answers more than what passed, and is within the resolution', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1000, max: 900_000 }), async (limit) => {
        const { passes } = device(limit);
        const found = await searchHighest({ low: 0, high: 1_000_000, resolution: 0.01, passes });
        expect(found).toBeLessThanOrEqual(limit);
        expect(found).toBeGreaterThanOrEqual(limit * 0.98);
      }),
    );
  });

  test('begins at the highest rate (RFC 2544 §26.1), and stops there when it passes', async () => {
    const { tried, passes } = device(10_000);
    expect(await searchHighest({ low: 0, high: 5000, resolution: 0.01, passes })).toBe(5000);
    expect(tried).toEqual([5000]);
  });

  test('answers the lower end when nothing passes', async () => {
    const { passes } = device(0);
    expect(await searchHighest({ low: 0, high: 64, resolution: 0.01, passes })).toBe(0);
  });

  test('a good guess is tried with the number above it, and that is all', async () => {
    const { tried, passes } = device(5000);
    const found = await searchHighest({
      low: 4000,
      high: 8000,
      failed: true,
      resolution: 0,
      passes,
      likely: () => 5000,
    });
    expect(found).toBe(5000);
    expect(tried).toEqual([5000, 5001]);
  });

  test('a bad guess only costs trials', async () => {
    for (const guess of [4000, 7999, 12_000, 0]) {
      const { passes } = device(5000);
      const search = { low: 4000, high: 8000, failed: true, resolution: 0, passes, likely: () => guess };
      expect(await searchHighest(search)).toBe(5000);
    }
  });
});

describe('exponential search', () => {
  test('doubles until one fails', async () => {
    const { tried, passes } = device(5000);
    expect(await searchExponential(1000, 1_000_000, passes)).toEqual({ pass: 4000, fail: 8000 });
    expect(tried).toEqual([1000, 2000, 4000, 8000]);
  });

  test('tries the most it may, and says when that passes', async () => {
    const { tried, passes } = device(5000);
    expect(await searchExponential(1000, 3000, passes)).toEqual({ pass: 3000, fail: null });
    expect(tried).toEqual([1000, 2000, 3000]);
  });

  test('a start that fails has nothing below it', async () => {
    expect(await searchExponential(1000, 3000, device(5).passes)).toEqual({ pass: 0, fail: 1000 });
  });
});

describe('summary of runs', () => {
  test('the median of an even number is between the middle two', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
  });

  test('percentiles are of the nearest rank', () => {
    const values = Array.from({ length: 200 }, (_, i) => 200 - i);
    expect([percentile(values, 0.01), percentile(values, 0.99), percentile([5], 0.99)]).toEqual([2, 198, 5]);
    expect(summarize(values)).toEqual({ median: 100.5, p1: 2, p99: 198 });
  });

  test('nothing has no summary', () => {
    expect(() => summarize([])).toThrow(RangeError);
  });
});
