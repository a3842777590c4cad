import { beforeEach, describe, expect, test } from 'vitest';
import { type BenchSetup, type Ceiling, type Figure, type Measurement, runBench } from '../../src/bench/bench.js';
import { deviationsOf, FIGURE_COLUMNS } from '../../src/bench/report.js';
import { createTable } from '../../src/cli/table.js';
import { type FakeDevice, fakeDevice } from './device.js';

let figures: Figure[];
let ceilings: Ceiling[];
let said: string[];
let loop: FakeDevice;

beforeEach(() => {
  figures = [];
  ceilings = [];
  said = [];
  loop = fakeDevice();
});

function setup(
  device: FakeDevice,
  measurements: Measurement[],
  options: Partial<BenchSetup['options']> = {},
): BenchSetup {
  return {
    engine: device.engine,
    openLoop: async () => loop.engine,
    traffic: {
      stateful: measurements.some((name) => ['establishment', 'teardown', 'capacity'].includes(name)),
      protocol: 'udp',
      clients6: ['2001:db8:1::1'],
      clients4: ['192.0.2.1'],
      servers4: ['198.51.100.1'],
      servers6: ['2001:db8:64::c633:6401'],
      clientPorts: { first: 1024, last: 65535 },
      serverPorts: { first: 1, last: 49151 },
      flows: 1000,
    },
    options: {
      frameBytes: [84],
      direction: 'both',
      durationMs: 1000,
      runs: 2,
      lossTolerance: 0,
      resolution: 0,
      maxRate: null,
      rate: null,
      setupRate: null,
      capacity: { start: 1000, most: 100_000 },
      ...options,
    },
    measurements,
    clear: async () => {
      const ms = 10 + device.table.size / 100;
      device.table.clear();
      return ms;
    },
    say: (text) => said.push(text),
    ceiling: (found) => ceilings.push(found),
    found: (figure) => figures.push(figure),
    signal: undefined,
  };
}

const bench = (device: FakeDevice, measurements: Measurement[], options: Partial<BenchSetup['options']> = {}) =>
  runBench(setup(device, measurements, options));

describe('the tester’s ceiling', () => {
  test('is measured before anything else, of every size, and its cable is closed', async () => {
    const device = fakeDevice({ throughput: 1000 });
    await bench(device, ['throughput'], { frameBytes: [84, 1518], maxRate: 2000 });
    expect(ceilings).toEqual([
      { frameBytes: 84, direction: 'both', framesPerSecond: 1_000_000 },
      { frameBytes: 1518, direction: 'both', framesPerSecond: 1_000_000 },
    ]);
    expect(loop.closed).toBe(1);
    expect(loop.trials.every(({ streams }) => streams.every(({ framesPerSecond }) => framesPerSecond === 0))).toBe(
      true,
    );
  });

  test.each([
    [800_000, false],
    [800_001, true],
  ])(
    'a throughput of %i frames/s beside a ceiling of 1000000: limited by the tester %s',
    async (throughput, limited) => {
      await bench(fakeDevice({ throughput }), ['throughput'], { resolution: 0 });
      expect(figures).toMatchObject([{ median: throughput, limitedByTester: limited }]);
    },
  );

  test('a tester that receives nothing from itself measures nothing', async () => {
    loop = fakeDevice({ throughput: 0 });
    await expect(bench(fakeDevice(), ['throughput'])).rejects.toMatchObject({ code: 'PLT_BENCH_FAILED' });
  });
});

describe('RFC 8219', () => {
  test('throughput is the highest rate without loss, of each run, and the median', async () => {
    await bench(fakeDevice({ throughput: 123_456 }), ['throughput']);
    expect(figures).toMatchObject([
      { measurement: 'throughput', frameBytes: 84, values: [123_456, 123_456], median: 123_456, unit: 'frames/s' },
    ]);
  });

  test('both directions send at once, 20 bytes less on the IPv4 side', async () => {
    const device = fakeDevice();
    await bench(device, ['throughput'], { runs: 1 });
    expect(device.trials[0]?.streams).toMatchObject([
      { from: 0, family: 6, frameBytes: [84], framesPerSecond: 1_000_000 },
      { from: 1, family: 4, frameBytes: [64], framesPerSecond: 1_000_000 },
    ]);
  });

  test.each([
    ['6to4', 0],
    ['4to6', 1],
  ] as const)('%s alone is side %i alone', async (direction, from) => {
    const device = fakeDevice();
    await bench(device, ['throughput'], { runs: 1, direction });
    expect(device.trials[0]?.streams.map((stream) => stream.from)).toEqual([from]);
  });

  test('a loss tolerance finds more, and is told', async () => {
    const device = fakeDevice({ throughput: 100_000 });
    await bench(device, ['throughput'], { lossTolerance: 0.5, runs: 1 });
    expect(figures[0]?.median).toBeGreaterThan(199_000);
    expect(figures[0]?.notes).toContain('up to 50 % lost, which is not the throughput of RFC 2544');
  });

  test('what the tester loses is not the device’s loss, and passes no trial', async () => {
    const device = fakeDevice({ testerLost: 3 });
    await bench(device, ['loss'], { rate: 1000, runs: 1 });
    expect(figures.every(({ values, limitedByTester }) => values[0] === 0 && limitedByTester)).toBe(true);
    figures = [];
    await bench(device, ['throughput'], { maxRate: 100, runs: 1 });
    expect(figures).toMatchObject([{ median: 0 }]);
  });

  test('a rate that the tester cannot keep is no result', async () => {
    await bench(fakeDevice({ tester: 50_000 }), ['throughput'], { runs: 1 });
    expect(figures[0]?.median).toBe(50_000);
    expect(figures[0]?.notes).toContain('the tester failed in some trials above this rate');
  });

  test('loss falls by tenths until two rates in a row lose nothing (RFC 2544 §26.3)', async () => {
    await bench(fakeDevice({ throughput: 80_000 }), ['loss'], { rate: 100_000, runs: 1 });
    expect(figures.map(({ rate, median }) => [rate, Math.round(median)])).toEqual([
      [100_000, 20],
      [90_000, 11],
      [80_000, 0],
      [70_000, 0],
    ]);
  });

  test('latency is measured at the throughput, of either direction, after a warm-up', async () => {
    const device = fakeDevice({ throughput: 10_000 });
    await bench(device, ['latency'], { runs: 1 });
    expect(
      figures.map(({ measurement, direction, rate, median, unit }) => [measurement, direction, rate, median, unit]),
    ).toEqual([
      ['throughput', 'both', null, 10_000, 'frames/s'],
      ['latency, typical', '6to4', 10_000, 5, 'µs'],
      ['latency, worst case', '6to4', 10_000, 21, 'µs'],
      ['latency, typical', '4to6', 10_000, 5, 'µs'],
      ['latency, worst case', '4to6', 10_000, 21, 'µs'],
    ]);
    expect(device.trials.slice(-2).map(({ streams }) => streams[0]?.delaySamples === 0)).toEqual([true, false]);
  });

  test('PDV is the 99.9th percentile less the least', async () => {
    await bench(fakeDevice(), ['pdv'], { runs: 1, rate: 1000, direction: '6to4' });
    expect(figures.map(({ measurement, median }) => [measurement, median])).toEqual([
      ['pdv', 20],
      ['ipdv, least', -3],
      ['ipdv, median', 0],
      ['ipdv, most', 4],
    ]);
  });

  test('a device that passes nothing has no latency', async () => {
    await bench(fakeDevice({ throughput: 0 }), ['latency'], { runs: 1 });
    expect(figures.map(({ measurement }) => measurement)).toEqual(['throughput']);
    expect(said.at(-1)).toMatch(/not measured, no rate passes/);
  });
});

describe('RFC 9693', () => {
  const stateful = (device: FakeDevice, measurements: Measurement[], options: Partial<BenchSetup['options']> = {}) => {
    const given = setup(device, measurements, options);
    return runBench({ ...given, traffic: { ...given.traffic, stateful: true, clients4: [] } });
  };

  test('every trial of phase 2 follows a phase 1, and what comes back is an answer', async () => {
    const device = fakeDevice({ throughput: 10_000 });
    await stateful(device, ['throughput'], { runs: 1, maxRate: 10_000 });
    expect(device.trials.map(({ streams }) => streams.map(({ state }) => state))).toEqual([
      ['record'],
      ['compare', 'answer'],
    ]);
    expect(device.trials[0]?.streams[0]).toMatchObject({ flows: 1000, frames: 1000, order: 'in-turn' });
  });

  test('phase 1 is tried slower when flows are lost, and refused in a sentence when they still are', async () => {
    const device = fakeDevice({ establishment: 20_000 });
    await stateful(device, ['throughput'], { runs: 1, maxRate: 10 });
    expect(device.trials.map(({ streams }) => streams[0]?.framesPerSecond)).toEqual([50_000, 25_000, 12_500, 10]);
    await expect(stateful(fakeDevice({ capacity: 40 }), ['throughput'])).rejects.toThrow(
      '40 of 1000 flows came through the device in phase 1',
    );
  });

  test('the maximum establishment rate is found, each trial into an empty table', async () => {
    await stateful(fakeDevice({ establishment: 77_777 }), ['establishment']);
    expect(figures).toMatchObject([{ measurement: 'establishment', values: [77_777, 77_777], unit: 'connections/s' }]);
  });

  test.each([50, 1000, 5000, 99_999])('a table of %i connections is found exactly', async (capacity) => {
    await stateful(fakeDevice({ capacity }), ['capacity'], { runs: 1 });
    expect(figures).toMatchObject([{ measurement: 'capacity', median: capacity, unit: 'connections' }]);
  });

  test('a table larger than the search may try is said to be at least that', async () => {
    await stateful(fakeDevice(), ['capacity'], { runs: 1 });
    expect(figures).toMatchObject([
      { median: 100_000, notes: [expect.anything(), expect.stringMatching(/^at least/)] },
    ]);
  });

  test('tear-down is the time of the command, less that with an empty table', async () => {
    await stateful(fakeDevice(), ['teardown'], { runs: 1 });
    // 1000 connections in 20 ms, an empty table in 10.
    expect(figures).toMatchObject([{ measurement: 'teardown', median: 100_000 }]);
  });

  test('without a way to empty the table these are refused', async () => {
    const given = setup(fakeDevice(), ['capacity']);
    await expect(runBench({ ...given, clear: null })).rejects.toThrow(/expected --clear COMMAND/);
  });
});

describe('report', () => {
  test('tells in what it is not as the RFCs have it', () => {
    const { options } = setup(fakeDevice(), []);
    expect(deviationsOf(options, ['latency'])).toEqual([
      'trials of 1 s, not 60 s',
      '2 runs of each measurement, not 20',
      'frame sizes 84 without 128, 256, 512, 768, 1024, 1280, 1518',
      expect.stringMatching(/^latency of every frame/),
    ]);
    const strict = { ...options, durationMs: 60_000, runs: 20, frameBytes: [84, 128, 256, 512, 768, 1024, 1280, 1518] };
    expect(deviationsOf(strict, ['throughput'])).toEqual([]);
  });

  test('a figure limited by the tester says so in the table', async () => {
    await bench(fakeDevice(), ['throughput'], { runs: 1 });
    const text = createTable(FIGURE_COLUMNS).lines(figures).join('\n');
    expect(text).toMatch(/^throughput +84 +both +- +1000000 .* limited by the tester \(above 80 % of its ceiling/m);
  });
});
