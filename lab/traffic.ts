/**
 * Things to try through the translator, each with the kernel's own stack at both ends. Each resolves to what came
 * back in a few words, and rejects with what went wrong.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pattern, patternSha256 } from './agents/pattern.js';
import type { Host } from './host.js';
import { agent } from './plat.js';
import { failure, type Outcome, type Service } from './process.js';
import { server4, through } from './topology.js';

export const httpPort = 8080;
export const udpPort = 9000;
export const megabytes20 = 20 * 1024 * 1024;

async function must(outcome: Promise<Outcome>): Promise<string> {
  const result = await outcome;
  if (!result.ok) throw new Error(failure(result));
  return result.stdout;
}

/** Starts an agent that prints `listening` when it does. */
export async function serve(host: Host, name: string, ...args: (string | number)[]): Promise<Service> {
  const service = host.start(agent(name, ...args));
  await service.output(/^listening$/m);
  return service;
}

/** What the demo needs on the IPv4 side: HTTP and a UDP echo. They end with their host. */
export async function startServers(server: Host, address = server4): Promise<void> {
  await serve(server, 'http-server', address, httpPort);
  await serve(server, 'udp-echo', address, udpPort);
}

const family = (address: string) => (address.includes(':') ? '-6' : '-4');

/** `ping`: every request must be answered. */
export async function ping(from: Host, to: string, bytes = 56): Promise<string> {
  const out = await must(
    from.run(['ping', family(to), '-n', '-c', '3', '-i', '0.2', '-w', '10', '-s', String(bytes), to]),
  );
  const times = out.match(/= [\d.]+\/([\d.]+)\//)?.[1];
  const received = out.match(/(\d+) received/)?.[1];
  if (received !== '3') throw new Error(`${received ?? 'none'} of 3 came back`);
  return `3 of 3 back, ${times} ms on average`;
}

export function url(path: string, address = through(server4)): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${httpPort}/${path}`;
}

/** `curl`: a small page. Returns who the server thinks is asking, `192.0.2.1#5000`. */
export async function whoami(from: Host, address?: string): Promise<string> {
  return (await must(from.run(['curl', '-sS', '--fail', '--max-time', '10', url('whoami', address)]))).trim();
}

export async function askUdp(from: Host, bytes: number, to = through(server4), port = udpPort): Promise<string> {
  return (await must(from.run(agent('udp-ask', to, port, bytes)))).trim();
}

/** Downloads `bytes` bytes and compares their SHA-256 with that of the pattern. */
export async function download(from: Host, folder: string, bytes: number, address?: string): Promise<string> {
  const file = join(folder, 'download');
  const target = url(`bytes/${bytes}`, address);
  const rate = await must(
    from.run(['curl', '-sS', '--fail', '--max-time', '60', '-w', '%{speed_download}', '-o', file, target], {
      timeoutMs: 70_000,
    }),
  );
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  if (hash.digest('hex') !== patternSha256(bytes)) throw new Error('the SHA-256 differs');
  return `SHA-256 equal, ${Math.round((Number(rate) * 8) / 1e6)} Mbit/s`;
}

/** Uploads `bytes` bytes; the server says which SHA-256 arrived. */
export async function upload(from: Host, folder: string, bytes: number, address?: string): Promise<string> {
  const file = join(folder, 'upload');
  const target = url('sink', address);
  await writeFile(file, pattern(bytes));
  const out = await must(
    from.run(
      ['curl', '-sS', '--fail', '--max-time', '60', '-H', 'Expect:', '-w', '%{speed_upload}', '-T', file, target],
      { timeoutMs: 70_000 },
    ),
  );
  const [arrived, rate] = out.split('\n');
  if (arrived !== `${bytes} ${patternSha256(bytes)}`) throw new Error(`the server got ${arrived}`);
  return `SHA-256 equal, ${Math.round((Number(rate) * 8) / 1e6)} Mbit/s`;
}

/** The hops of a traceroute, `*` for one that was silent. UDP probes unless told. */
export async function traceroute(from: Host, to: string, ...options: string[]): Promise<string[]> {
  const out = await must(from.run(['traceroute', family(to), '-n', '-q', '1', '-w', '2', '-m', '8', ...options, to]));
  return [...out.matchAll(/^ *\d+ +(\S+)/gm)].map((match) => match[1] ?? '*');
}

export interface Throughput {
  bitsPerSecond: number;
  retransmits: number;
}

/** iperf3 over TCP, one stream unless told, to `to` in place of the server in pool6. `reverse`: the server sends. */
export async function iperf(
  from: Host,
  server: Host,
  options: { seconds: number; reverse?: boolean; streams?: number; to?: string },
): Promise<Throughput> {
  const to = options.to ?? through(server4);
  const listener = server.start(['iperf3', '--server', '--one-off', '--forceflush', '--bind', server4]);
  await listener.output(/listening/i);
  try {
    const out = await must(
      from.run(
        [
          'iperf3',
          family(to),
          '-J',
          '-t',
          String(options.seconds),
          ...(options.reverse ? ['-R'] : []),
          ...['-P', String(options.streams ?? 1)],
          '-c',
          to,
        ],
        { timeoutMs: (options.seconds + 20) * 1_000 },
      ),
    );
    const { end } = JSON.parse(out) as {
      end: { sum_received: { bits_per_second: number }; sum_sent: { retransmits?: number } };
    };
    return { bitsPerSecond: end.sum_received.bits_per_second, retransmits: end.sum_sent.retransmits ?? 0 };
  } finally {
    await listener.stop();
  }
}

/** TCP super-packets translated whole so far, both directions. */
export function superPackets(counters: Record<string, number>): number {
  return (counters['offload.tcp_super.v6_to_v4'] ?? 0) + (counters['offload.tcp_super.v4_to_v6'] ?? 0);
}
