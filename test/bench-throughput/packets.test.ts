import { describe, expect, test } from 'vitest';
import { highest } from '../../bench/throughput/highest.js';
import { count, frameBytes, frameEnds, packets } from '../../bench/throughput/packets.js';
import type { TesterResult } from '../../src/native/addon.js';

test('scenarios have names of their own that say size, flows and what is asked', () => {
  expect(packets.scenarios.map(({ name }) => name)).toEqual([
    'packets-64-1',
    'packets-64-64',
    'packets-imix-64',
    'packets-1500-64',
    'packets-64-64-most',
    'packets-64-64-flood',
    'packets-64-64-delay',
    'packets-64-10k',
    'packets-64-1m',
    'packets-64-new',
  ]);
});

describe('the highest rate', () => {
  const search = (limit: number, tried: number[] = []) =>
    highest({
      least: 10_000,
      most: 1_000_000,
      trials: 7,
      carries: async (rate) => {
        tried.push(rate);
        return rate <= limit ? rate : null;
      },
    });

  test('is found to within 4 %, in as many trials for everybody', async () => {
    for (const limit of [12_345, 150_000, 987_654]) {
      const tried: number[] = [];
      const found = (await search(limit, tried)) ?? 0;
      expect(found).toBeLessThanOrEqual(limit);
      expect(found * 1.04).toBeGreaterThan(limit);
      expect(tried).toHaveLength(7);
    }
  });

  test('is none where nothing is carried', async () => {
    expect(await search(0)).toBeNull();
  });
});

describe('frames', () => {
  test('of one size have the same packet inside, whichever family it has', () => {
    expect([frameBytes('64', 4), frameBytes('64', 6)]).toEqual([[64], [84]]);
    // 1500 bytes of IPv6, Ethernet header and check sequence.
    expect([frameBytes('1500', 4), frameBytes('1500', 6)]).toEqual([[1498], [1518]]);
  });

  test('of IMIX are seven small, four middle, one large', () => {
    const sizes = frameBytes('imix', 4);
    const many = (bytes: number) => sizes.filter((size) => size === bytes).length;
    expect([many(64), many(594), many(1498), sizes.length]).toEqual([7, 4, 1, 12]);
  });
});

describe('addresses', () => {
  test('6to4 goes to pool6, from hosts that nobody answers from', () => {
    const { sources, destinations } = frameEnds({ client: 6, server: 4 }, '6to4');
    expect(destinations).toEqual(['2001:db8:64::c633:6480']);
    expect([sources.length, sources[0], sources.at(-1)]).toEqual([128, '2001:db8:1::80', '2001:db8:1::ff']);
  });

  test('4to6 goes to what these hosts are in IPv4', () => {
    const { sources, destinations } = frameEnds({ client: 6, server: 4 }, '4to6');
    expect(sources).toEqual(['198.51.100.128']);
    expect([destinations.length, destinations[0], destinations.at(-1)]).toEqual([128, '192.0.2.128', '192.0.2.255']);
  });

  test('forwarding stays in its family', () => {
    expect(frameEnds({ client: 6, server: 6 }, '4to6').sources).toEqual(['2001:db8:2::80']);
    expect(frameEnds({ client: 4, server: 4 }, '6to4').destinations).toEqual(['198.51.100.128']);
  });
});

test('what arrived counts though the engine had no room to look at it', () => {
  const result = {
    streams: [{ sent: 1000, refused: 100, received: 700, elapsedNs: 5e8 }],
    receivers: [{ dropped: 7 }, { dropped: 50 }],
  } as unknown as TesterResult;
  expect(count(result, '6to4')).toEqual({ sent: 900, refused: 100, arrived: 750, seconds: 0.5 });
  expect(count(result, '4to6')).toEqual({ sent: 900, refused: 100, arrived: 707, seconds: 0.5 });
});
