import { describe, expect, test } from 'vitest';
import { readArguments } from '../../bench/dns64/arguments.js';

describe('the command line', () => {
  test('says nothing: five rounds of three seconds with 10,000 names', () => {
    expect(readArguments([])).toEqual({
      rounds: 5,
      seconds: 3,
      names: 10_000,
      json: 'bench/dns64-report.json',
    });
  });

  test('says all', () => {
    const argv = ['--rounds', '2', '--seconds', '1', '--names', '500', '--json', 'x.json'];
    expect(readArguments(argv)).toEqual({ rounds: 2, seconds: 1, names: 500, json: 'x.json' });
  });

  test.each([
    [['--names', '3'], '--names "3": expected a whole number from 100 to 1000000'],
    [['--rounds', 'many'], '--rounds "many"'],
  ])('%j is refused in a sentence', (argv, sentence) => {
    expect(() => readArguments(argv)).toThrow(sentence);
  });
});
