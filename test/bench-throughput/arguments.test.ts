import { describe, expect, test } from 'vitest';
import { readArguments } from '../../bench/throughput/arguments.js';

const known = {
  peers: ['plat', 'siit', 'forwarding', 'tayga'],
  ours: ['plat', 'siit'],
  only: ['bulk', 'packets-64-1'],
};
const read = (...argv: string[]) => readArguments(argv, known);

describe('the command line', () => {
  test('says nothing: ours beside forwarding, five rounds', () => {
    expect(read()).toMatchObject({ peers: ['plat', 'siit', 'forwarding'], rounds: 5, only: [] });
  });

  test('names peers as make passes them, and each is there once', () => {
    expect(read('--peers', ' forwarding tayga,siit ').peers).toEqual(['plat', 'siit', 'forwarding', 'tayga']);
  });

  test('--quick is one round of a second with two peers', () => {
    expect(read('--quick')).toMatchObject({ peers: ['plat', 'forwarding'], rounds: 1, seconds: 1 });
  });

  test('what is said counts more than --quick', () => {
    expect(read('--quick', '--rounds', '3', '--ours', 'siit', '--peers', 'tayga')).toMatchObject({
      peers: ['siit', 'tayga'],
      rounds: 3,
    });
  });

  test.each([
    [['--peers', 'joool'], '"joool" is no peer; expected some of plat, siit, forwarding, tayga'],
    [['--only', 'bulk latency'], '"latency" is no scenario; expected some of bulk, packets-64-1'],
    [['--rounds', '0'], '--rounds "0": expected a whole number from 1 to 1000'],
    [['--seconds', 'two'], '--seconds "two": expected a whole number from 1 to 600'],
    [['--loud'], '--loud'],
  ])('%j is refused with what was expected', (argv, sentence) => {
    expect(() => read(...argv)).toThrow(sentence);
  });
});
