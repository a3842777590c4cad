/**
 * How long a question of 64 bytes takes to be answered, UDP through both kernels' stacks and the peer twice: with
 * nothing else going on, and beside a steady stream of datagrams that every peer can carry.
 */
import { failure } from '../../lab/process.js';
import { ends, program } from './chain.js';
import { connections, serve } from './connections.js';
import type { Sample, Scenario, Stage } from './scenario.js';

const PORT = 7000;
const LOAD = { megabitsPerSecond: 400, bytes: 1200 } as const;

/** What `endpoint ask` says. Throws when nothing came back. */
export function readAnswers(text: string): Sample[] {
  const { asked, lost, microseconds } = JSON.parse(text) as {
    asked: number;
    lost: number;
    microseconds: { [percentile: string]: number };
  };
  if (lost >= asked) throw new Error(`none of ${asked} questions was answered`);
  return [
    ...['p50', 'p99', 'p99.9'].map(
      (metric): Sample => ({ metric, unit: 'µs', better: 'lower', value: microseconds[metric] ?? Number.NaN }),
    ),
    { metric: 'lost', unit: '%', better: 'lower', value: (lost / asked) * 100 },
  ];
}

function scenario(name: string, title: string, loaded: boolean): Scenario {
  return {
    name,
    title,
    directions: ['round-trip'],
    async run({ peer, chain }, _direction, { seconds }) {
      const { server, client } = ends(peer.families);
      const load = loaded
        ? chain.client.start([
            ...['iperf3', '--client', server, '--bind', client, '--udp', '--time', String(seconds + 30)],
            ...['--bitrate', `${LOAD.megabitsPerSecond}M`, '--length', String(LOAD.bytes), '--forceflush'],
          ])
        : undefined;
      try {
        // The first line of a second's figures: the stream is on its way.
        await load?.output(/Mbits\/sec/);
        const outcome = await chain.client.run(program('endpoint', 'ask', server, PORT, seconds, 64, 500), {
          timeoutMs: (seconds + 10) * 1000,
        });
        if (!outcome.ok) throw new Error(failure(outcome));
        return readAnswers(outcome.stdout);
      } finally {
        await load?.stop();
      }
    },
  };
}

const idle = scenario('latency-idle', 'Question and answer, 64 bytes of UDP, nothing else going on', false);
const loaded = scenario(
  'latency-loaded',
  `Question and answer, 64 bytes of UDP, beside ${LOAD.megabitsPerSecond} Mbit/s of ${LOAD.bytes}-byte datagrams`,
  true,
);

/** Connections and answers: what small things cost in time. */
export const stacks: Stage = {
  name: 'stacks',
  pinned: false,
  scenarios: [connections, idle, loaded],
  async prepare(subject) {
    await serve(subject);
    const sink = subject.chain.server.start([
      ...['iperf3', '--server', '--forceflush', '--bind', ends(subject.peer.families).listen],
    ]);
    await sink.output(/listening/i);
  },
};
