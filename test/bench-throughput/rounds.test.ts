import { describe, expect, test } from 'vitest';
import { readIperf } from '../../bench/throughput/bulk.js';
import { readConnections } from '../../bench/throughput/connections.js';
import { readAnswers } from '../../bench/throughput/latency.js';
import { Collection, turn } from '../../bench/throughput/rounds.js';

test('each round begins with the next subject', () => {
  const subjects = ['a', 'b', 'c'];
  expect([0, 1, 2, 3].map((round) => turn(subjects, round).join(''))).toEqual(['abc', 'bca', 'cab', 'abc']);
  expect(turn([], 4)).toEqual([]);
});

test('runs of one figure become one record, in the order of the rounds', () => {
  const collection = new Collection();
  const of = { scenario: 'tcp-bulk-1', direction: 'up', peer: 'plat', way: 'host' } as const;
  const sample = (value: number) => ({ metric: 'throughput', unit: 'Gbit/s', better: 'higher', value }) as const;
  collection.add(of, [sample(3)], 0);
  collection.add({ ...of, direction: 'down' }, [sample(7)], 0);
  collection.add(of, [{ ...sample(1), note: 'slow' }], 1);
  expect(collection.records()).toEqual([
    { ...of, metric: 'throughput', unit: 'Gbit/s', better: 'higher', runs: [3, 1], note: 'slow' },
    { ...of, direction: 'down', metric: 'throughput', unit: 'Gbit/s', better: 'higher', runs: [7] },
  ]);
});

test('net is less the floor of the same round, and nothing where a round has no floor', () => {
  const collection = new Collection();
  const of = (peer: string) => ({ scenario: 'packets-64-1', direction: '6to4', peer, way: 'host' }) as const;
  const sample = (value: number) => [{ metric: 'cpu-all', unit: 'ns/packet', better: 'lower', value } as const];
  collection.add(of('plat'), sample(5000), 0);
  collection.add(of('plat'), sample(6000), 1);
  collection.add(of('plat'), sample(5500), 2);
  collection.add(of('cable'), sample(3000), 0);
  collection.add(of('cable'), sample(3100), 2);
  collection.addNet('cpu-all', 'cpu', 'cable');
  const net = collection.records().filter(({ metric }) => metric === 'cpu');
  expect(net).toEqual([{ ...of('plat'), metric: 'cpu', unit: 'ns/packet', better: 'lower', runs: [2000, 2400] }]);
});

describe('what the programs say', () => {
  test('iperf3: received bits and retransmits', () => {
    const text = JSON.stringify({
      end: { sum_received: { bits_per_second: 9.5e9 }, sum_sent: { bits_per_second: 9.6e9, retransmits: 12 } },
    });
    expect(readIperf(text)).toMatchObject([
      { metric: 'throughput', value: 9.5 },
      { metric: 'retransmits', value: 12 },
    ]);
  });

  test('iperf3: an error is an error', () => {
    expect(() => readIperf('{"error":"unable to connect to server"}')).toThrow('iperf3: unable to connect to server');
  });

  test('connections: by the second, and how many failed', () => {
    expect(readConnections('{"opened":30000,"failed":2,"seconds":2.0}')).toMatchObject([
      { metric: 'rate', value: 15000 },
      { metric: 'failed', value: 2 },
    ]);
  });

  test('answers: percentiles and loss', () => {
    const microseconds = { p50: 20, p90: 25, p99: 40, 'p99.9': 90, max: 200 };
    expect(readAnswers(JSON.stringify({ asked: 200, lost: 1, microseconds }))).toMatchObject([
      { metric: 'p50', value: 20 },
      { metric: 'p99', value: 40 },
      { metric: 'p99.9', value: 90 },
      { metric: 'lost', value: 0.5 },
    ]);
  });

  test('answers: none at all is an error, not a good time', () => {
    expect(() => readAnswers('{"asked":4,"lost":4,"microseconds":{}}')).toThrow('none of 4 questions was answered');
  });
});
