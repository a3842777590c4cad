/**
 * TCP connections a second: the client opens one and closes it as soon as it is open, 64 at any time, from 120 addresses
 * in turn. A program of our own (native/bench/programs/endpoint.cpp), because wrk and ab speak HTTP and would measure
 * that too, and because neither closes first from many addresses: the server's TIME-WAIT would end the run.
 */
import { failure } from '../../lab/process.js';
import { ends, program } from './chain.js';
import type { Sample, Scenario, Subject } from './scenario.js';

const PORT = 7000;
const AT_ONCE = 64;
const HOSTS = 120;

/** Starts the other end, for this and for latency.ts. */
export async function serve({ peer, chain }: Subject): Promise<void> {
  const server = chain.server.start(program('endpoint', 'serve', ends(peer.families).listen, PORT));
  await server.output(/^listening$/m);
}

/** What `endpoint connect` says. */
export function readConnections(text: string): Sample[] {
  const { opened, failed, seconds } = JSON.parse(text) as { opened: number; failed: number; seconds: number };
  return [
    { metric: 'rate', unit: 'connections/s', better: 'higher', value: opened / seconds },
    { metric: 'failed', unit: 'connections', better: 'lower', value: failed },
  ];
}

export const connections: Scenario = {
  name: 'tcp-connections',
  title: 'New TCP connections, opened and closed, 64 at once',
  directions: ['up'],
  async run({ peer, chain }, _direction, { seconds }) {
    const { server, client } = ends(peer.families);
    const hosts = peer.oneHost === undefined ? HOSTS : 1;
    const outcome = await chain.client.run(
      program('endpoint', 'connect', server, PORT, client, hosts, seconds, AT_ONCE),
      { timeoutMs: (seconds + 10) * 1000 },
    );
    if (!outcome.ok) throw new Error(failure(outcome));
    return readConnections(outcome.stdout);
  },
};
