/** A CLAT under trial: the real command, on a host or a router. */
import { join } from 'node:path';
import { eventually } from './eventually.js';
import type { Host } from './host.js';
import { platypus, program } from './plat.js';
import { failure, type Service } from './process.js';

export interface Running {
  readonly service: Service;
  readonly socket: string;
  status(): Promise<UplinkStatus[]>;
  /** Waits for a state of an uplink, the first unless told. */
  until(state: string, uplink?: number): Promise<UplinkStatus>;
  json<T>(...args: string[]): Promise<T>;
  stop(): Promise<unknown>;
}

export interface UplinkStatus {
  uplink: string;
  device: string;
  state: string;
  words: string;
  source: string;
  prefixes: string[];
  address: string | null;
  sharedAddress: string | null;
  ipv4: string | null;
  metric: number | null;
  mtu4: number | null;
}

/** Runs `platypus clat ARGS` on a host, by a command of its own if told, and waits until the socket `name` answers. */
export async function startClat(
  net: { host: Host; folder: string },
  args: readonly string[],
  name = 'clat',
  by: readonly string[] = [],
): Promise<Running> {
  const socket = join(net.folder, `${name}.sock`);
  const service = net.host.start([
    ...by,
    process.execPath,
    program,
    args[0] === '-c' ? 'run' : 'clat',
    ...args,
    '--socket',
    socket,
  ]);
  await service.output(/control socket/);
  const json = async <T>(...words: string[]) => {
    const outcome = await platypus(net.host, [...words, '--json', '--socket', socket]);
    if (!outcome.ok) throw new Error(`${failure(outcome)}\n${service.stderr}`);
    return JSON.parse(outcome.stdout) as T;
  };
  const status = async () => (await json<{ clat: UplinkStatus[] }>('status')).clat;
  return {
    service,
    socket,
    json,
    status,
    async until(state, uplink = 0) {
      const rows = await eventually(status, (list) => list[uplink]?.state === state, 30_000);
      return rows[uplink] as UplinkStatus;
    },
    stop: () => service.stop(),
  };
}
