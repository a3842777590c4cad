import { describe, expect, test } from 'vitest';
import { samplesOf, scenarios } from '../../bench/dns64/scenarios.js';
import { servers, upstream } from '../../bench/dns64/servers.js';
import { Collection } from '../../bench/throughput/rounds.js';
import { toSections } from '../../bench/throughput/sections.js';
import { toText } from '../../bench/throughput/text.js';

describe('a run', () => {
  test('gives answers a second, CPU an answer, and what was lost or wrong', () => {
    const samples = samplesOf({ asked: 2000, answered: 1900, wrong: 20, lost: 80, seconds: 2 }, 0.019);
    expect(Object.fromEntries(samples.map(({ metric, value }) => [metric, value]))).toEqual({
      rate: 950,
      cpu: expect.closeTo(10, 9),
      lost: 4,
      wrong: 1,
    });
  });

  test('without a right answer has no figures', () => {
    expect(() => samplesOf({ asked: 10, answered: 0, wrong: 10, lost: 0, seconds: 1 }, 1)).toThrow('none of 10');
  });
});

test('the table has each server beside Unbound and BIND, and what was lost', () => {
  const collection = new Collection();
  const add = (peer: string, round: number, answered: number, lost: number) =>
    collection.add(
      { scenario: 'cold-own', direction: 'udp', peer, way: 'host' },
      samplesOf({ asked: answered + lost, answered, wrong: 0, lost, seconds: 1 }, 0.1),
      round,
    );
  for (const round of [0, 1]) {
    add('platypus', round, 3000 + round * 300, 0);
    add('unbound', round, 1500, 0);
    add('bind', round, 990, round * 10);
  }
  const sections = toSections({ records: collection.records() }, new Map([['cold-own', 'Each asked once']]));
  const text = toText({ absences: [], incomplete: false }, 'head', sections, ['platypus']);
  expect(text).toMatch(/^Each asked once: cold-own udp, higher is better$/m);
  expect(text).toMatch(/^peer +rate, answers\/s +× unbound +× bind +runs$/m);
  expect(text).toMatch(/^platypus +3 150 \(3 000–3 300\) +2\.10 \(2\.00–2\.20\) +3\.18 \(3\.03–3\.33\) +2$/m);
  expect(text).toMatch(/^bind +990 +0\.66 +2 +lost 0\.50 \(0\.00–1\.00\) %$/m);
  expect(text).toMatch(/^cold-own udp rate +higher +platypus +2\.10 +3\.18$/m);
});

test('the names of scenarios and servers, and the ports, are each there once', () => {
  const all = [...servers, upstream];
  expect(new Set(all.map(({ port }) => port)).size).toBe(all.length);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
});
