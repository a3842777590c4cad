/** TCP bulk by iperf3: the whole chain with both kernels' stacks, on whatever cores they like. */
import { failure } from '../../lab/process.js';
import { ends } from './chain.js';
import type { Sample, Scenario, Stage } from './scenario.js';

/** RFC 9438. Said here, because machines differ in their default, and BBR's pacing would be much of the figure. */
const CONGESTION_CONTROL = 'cubic';

interface Report {
  end: { sum_received: { bits_per_second: number }; sum_sent: { retransmits?: number } };
}

/** What iperf3 -J says. Throws a sentence when it says that something went wrong. */
export function readIperf(text: string): Sample[] {
  const { error, end } = JSON.parse(text) as Partial<Report> & { error?: string };
  if (error !== undefined || end === undefined) throw new Error(`iperf3: ${error ?? 'no result'}`);
  return [
    { metric: 'throughput', unit: 'Gbit/s', better: 'higher', value: end.sum_received.bits_per_second / 1e9 },
    { metric: 'retransmits', unit: 'segments', better: 'lower', value: end.sum_sent.retransmits ?? 0 },
  ];
}

function scenario(streams: number): Scenario {
  return {
    name: `tcp-bulk-${streams}`,
    title: `TCP bulk, ${streams} ${streams === 1 ? 'stream' : 'streams'} (iperf3)`,
    directions: ['up', 'down'],
    async run({ peer, chain }, direction, { seconds }) {
      const { server, client } = ends(peer.families);
      const outcome = await chain.client.run(
        [
          ...['iperf3', '--json', '--client', server, '--bind', client, '--parallel', String(streams)],
          ...['--time', String(seconds), '--connect-timeout', '3000', '--congestion', CONGESTION_CONTROL],
          ...(direction === 'down' ? ['--reverse'] : []),
        ],
        { timeoutMs: (seconds + 15) * 1000 },
      );
      if (outcome.stdout.trim() === '') throw new Error(failure(outcome));
      return readIperf(outcome.stdout);
    },
  };
}

export const bulk: Stage = {
  name: 'bulk',
  pinned: false,
  scenarios: [1, 4, 32].map(scenario),
  async prepare({ peer, chain }) {
    const listener = chain.server.start(['iperf3', '--server', '--forceflush', '--bind', ends(peer.families).listen]);
    await listener.output(/listening/i);
  },
};
