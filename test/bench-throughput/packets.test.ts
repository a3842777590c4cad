import { describe, expect, test } from 'vitest';
import { count, frameBytes, frameEnds } from '../../bench/throughput/packets.js';
import type { TesterResult } from '../../src/native/addon.js';

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
  expect(count(result, '6to4')).toEqual({ sent: 900, arrived: 750, seconds: 0.5 });
  expect(count(result, '4to6')).toEqual({ sent: 900, arrived: 707, seconds: 0.5 });
});
