import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { median, ratio, spread } from '../../bench/throughput/statistics.js';

describe('median', () => {
  test.each([
    [[3], 3],
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 8, 100, 1], 9],
  ])('of %j is %d', (numbers, expected) => {
    expect(median(numbers)).toBe(expected);
  });

  test('of nothing is nothing', () => expect(median([])).toBeUndefined());
});

describe('spread', () => {
  test('tells least, median, most and how many', () => {
    expect(spread([5, 1, 3])).toEqual({ least: 1, median: 3, most: 5, runs: 3 });
  });

  test('the median lies between least and most, whatever the order', () => {
    const figures = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(figures, (runs) => {
        const told = spread(runs);
        expect(told?.least).toBeLessThanOrEqual(told?.median ?? Number.NaN);
        expect(told?.median).toBeLessThanOrEqual(told?.most ?? Number.NaN);
        expect(spread([...runs].reverse())).toEqual(told);
      }),
    );
  });
});

describe('ratio', () => {
  test('is taken round by round: a slow round of both does not show', () => {
    expect(ratio([10, 5, 10], [20, 10, 20])).toEqual({ least: 0.5, median: 0.5, most: 0.5, runs: 3 });
  });

  test('is of the medians where the rounds differ', () => {
    expect(ratio([10, 20, 30], [10, 10])).toEqual({ least: 2, median: 2, most: 2, runs: 1 });
  });

  test('to nothing or to zero is nothing', () => {
    expect(ratio([1], [])).toBeUndefined();
    expect(ratio([1], [0])).toBeUndefined();
    expect(ratio([], [])).toBeUndefined();
    expect(ratio([-1], [-2])).toBeUndefined();
  });
});
