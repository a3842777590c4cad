/** The demo network with a running PLAT, made for one file of tests and gone after it. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { type Host, missing } from '../../lab/host.js';
import { type Plat, type PlatOptions, root, startPlat } from '../../lab/plat.js';
import { buildNetwork, type Network, type NetworkOptions } from '../../lab/topology.js';
import { startServers } from '../../lab/traffic.js';
import { type Read, read } from '../conformance/packets.js';

export { eventually } from '../../lab/eventually.js';

const lacking = missing();
if (lacking !== null) console.warn(`SKIPPED, not passed: end-to-end tests. ${lacking}.`);

export interface Running extends Network {
  /** The translator; `startPlat` again after it was stopped. */
  translator: Plat;
}

/** A group of tests on one network: hosts, servers and PLAT are up before the first, and gone after the last. */
export function onNetwork(
  title: string,
  options: NetworkOptions & PlatOptions,
  body: (at: () => Running) => void,
): void {
  onBareNetwork(title, options, (at) => {
    let translator: Plat | undefined;
    beforeAll(async () => {
      await startServers(at().server);
      translator = await startPlat(at(), options);
    });
    body(() => {
      if (translator === undefined) throw new Error('the PLAT is not up yet');
      return { ...at(), translator };
    });
  });
}

/** The same without servers and PLAT. */
export function onBareNetwork(title: string, options: NetworkOptions, body: (at: () => Network) => void): void {
  describe.skipIf(lacking !== null)(title, () => {
    let network: Network | undefined;
    beforeAll(async () => {
      network = await buildNetwork(options);
    });
    afterAll(() => network?.close());
    body(() => {
      if (network === undefined) throw new Error('the network is not up yet');
      return network;
    });
  });
}

/** `agents/sockets.py` with a command, as an argument vector. */
export function sockets(...args: (string | number)[]): string[] {
  return ['python3', join(root, 'test', 'e2e', 'agents', 'sockets.py'), ...args.map(String)];
}

/** One session as `platypus session list --json` prints it. */
export interface Session {
  protocol: 'tcp' | 'udp' | 'icmp';
  v6: string | null;
  port6: number;
  remote6: string;
  v4: string;
  port4: number;
  remote4: string;
  remotePort: number;
  state: string | null;
  expiresInSeconds: number;
}

/** One entry of `platypus bib list --json`. */
export interface BibEntry {
  protocol: 'tcp' | 'udp' | 'icmp';
  v6: string;
  port6: number;
  v4: string;
  port4: number;
  static: boolean;
  sessions: number;
}

/** What passes an interface from now on; `stop` ends it. The packets as they are on the wire, both directions. */
export async function capture(host: Host, device: string): Promise<{ packets(): Read[]; stop(): Promise<unknown> }> {
  const service = host.start(sockets('capture', device));
  await service.output(/^listening$/m);
  return {
    packets: () =>
      service.stdout
        .split('\n')
        .slice(1, -1)
        .map((line) => read(Buffer.from(line, 'hex'))),
    stop: () => service.stop(),
  };
}
