import { describe, expect, test } from 'vitest';
import { beside, type Record, readRecords } from '../../bench/throughput/record.js';

const one: Record = {
  scenario: 'packets-64-1',
  direction: '6to4',
  peer: 'jool',
  way: 'uml',
  metric: 'cpu',
  unit: 'ns/packet',
  better: 'lower',
  runs: [900, 950, 910],
};
const none = { peer: 'jool', way: 'qemu', unavailable: 'no kernel image' };

describe('records of another program', () => {
  test.each([
    ['an array', JSON.stringify([one, none])],
    ['an object', JSON.stringify({ records: [one, none] }, null, 2)],
    ['a record a line', `${JSON.stringify(one)}\n${JSON.stringify(none)}\n`],
  ])('%s is read', (_, text) => {
    expect(readRecords(text)).toEqual({ records: [one], absences: [none] });
  });

  test('a single one is read', () => {
    expect(readRecords(JSON.stringify(one)).records).toEqual([one]);
  });

  test.each([
    ['', 'neither JSON nor a record a line: nothing'],
    ['make: *** no rule', 'neither JSON nor a record a line: make: *** no rule'],
    [JSON.stringify([{ ...one, way: 'xen' }]), 'not the records that were expected'],
    [JSON.stringify([{ ...one, runs: [] }]), 'not the records that were expected'],
  ])('%j is refused in a sentence', (text, sentence) => {
    expect(() => readRecords(text)).toThrow(sentence);
  });
});

test('a record stands beside the one of the same scenario, direction, metric and way', () => {
  const forwarding = { ...one, peer: 'forwarding' };
  const others = [
    { ...forwarding, way: 'host' as const },
    { ...forwarding, direction: '4to6' },
    { ...forwarding, metric: 'rate' },
    { ...forwarding, scenario: 'packets-64-10k' },
  ];
  expect(beside([...others, forwarding], one, 'forwarding')).toBe(forwarding);
  expect(beside(others, one, 'forwarding')).toBeUndefined();
});
