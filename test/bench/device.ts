/**
 * FAKE: the traffic engine with a translator between its sides that exists only in memory: it loses what is above a
 * rate, and holds so many connections. Nothing is sent.
 */
import type { Engine } from '../../src/bench/engine.js';
import type { TesterDelays, TesterResult, TesterStream, TesterTrial } from '../../src/native/addon.js';

export interface FakeDevice {
  /** Frames a second of each direction that pass. */
  throughput: number;
  /** Connections a second that are made. */
  establishment: number;
  /** Connections it holds. */
  capacity: number;
  /** What the tester itself sends at most. */
  tester: number;
  /** Frames that the tester's receiver loses in each trial. */
  testerLost: number;
  /** Connections there are. */
  table: Set<number>;
  trials: TesterTrial[];
  engine: Engine;
  closed: number;
}

const NO_DELAYS: TesterDelays = {
  count: 0,
  least: 0,
  median: 0,
  p999: 0,
  most: 0,
  mean: 0,
  pairs: 0,
  ipdvLeast: 0,
  ipdvMedian: 0,
  ipdvMost: 0,
};

/** A device that passes everything, unless told. */
export function fakeDevice(options: Partial<FakeDevice> = {}): FakeDevice {
  const recorded = new Set<number>();
  const device: FakeDevice = {
    throughput: Number.POSITIVE_INFINITY,
    establishment: Number.POSITIVE_INFINITY,
    capacity: Number.POSITIVE_INFINITY,
    tester: 1_000_000,
    testerLost: 0,
    table: new Set(),
    trials: [],
    closed: 0,
    engine: {
      async run(trial, signal) {
        signal?.throwIfAborted();
        device.trials.push({ settleMs: 0, ...trial });
        return resultOf(trial.streams);
      },
      clearState: () => recorded.clear(),
      close() {
        device.closed++;
      },
    },
    ...options,
  };

  function resultOf(streams: readonly TesterStream[]): TesterResult {
    const results = streams.map((stream) => {
      const rate = stream.framesPerSecond === 0 ? device.tester : Math.min(stream.framesPerSecond, device.tester);
      const planned = stream.framesPerSecond === 0 ? (rate * stream.durationMs) / 1000 : stream.frames;
      const sent = stream.framesPerSecond > device.tester ? Math.floor((planned * device.tester) / rate / 2) : planned;
      return {
        sent,
        refused: 0,
        skipped: 0,
        elapsedNs: (planned / rate) * 1e9,
        lateNs: 0,
        sendCpuNs: 1,
        received: Math.max(0, arriving(stream, sent, rate) - device.testerLost),
        duplicates: 0,
        reordered: 0,
        delays:
          stream.delaySamples === 0
            ? NO_DELAYS
            : {
                ...NO_DELAYS,
                count: sent,
                least: 1000,
                median: 5000,
                p999: 21_000,
                pairs: 1,
                ipdvLeast: -3000,
                ipdvMost: 4000,
              },
      };
    });
    const receiver = { frames: 0, foreign: 0, cpuNs: 1, stateNew: 0, stateSame: 0, stateChanged: 0 };
    return {
      streams: results,
      receivers: [
        { ...receiver, dropped: streams.some(({ from }) => from === 1) ? device.testerLost : 0 },
        { ...receiver, dropped: streams.some(({ from }) => from === 0) ? device.testerLost : 0 },
      ],
      stateSize: recorded.size,
      aborted: false,
    };
  }

  function arriving(stream: TesterStream, sent: number, rate: number): number {
    if (stream.state === 'record') {
      // What is too fast is lost evenly.
      const share = Math.min(1, device.establishment / rate);
      let arrived = 0;
      for (let flow = 0; flow < Math.floor(sent * share); flow++) {
        if (!device.table.has(flow) && device.table.size >= device.capacity) continue;
        device.table.add(flow);
        recorded.add(flow);
        arrived++;
      }
      return arrived;
    }
    if (stream.state === 'answer' && stream.order === 'in-turn') {
      return [...recorded].filter((flow) => flow < stream.flows && device.table.has(flow)).length;
    }
    return Math.floor(sent * Math.min(1, device.throughput / rate));
  }

  return device;
}
