/** `platypus trace` and `explain` on live traffic: what the kernels sent, before and after. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Outcome } from '../../lab/process.js';
import { customer6, pool4, server4, through } from '../../lab/topology.js';
import { askUdp, ping } from '../../lab/traffic.js';
import { onNetwork, type Running } from './network.js';

const there = through(server4);

/** A trace, with traffic until it has enough; it ends by itself after 20 seconds. */
async function trace({ translator }: Running, send: () => Promise<unknown>, ...args: string[]): Promise<Outcome> {
  let ended = false;
  const traced = translator.platypus('trace', '--seconds', '20', ...args).finally(() => {
    ended = true;
  });
  while (!ended) await send();
  return traced;
}

interface Line {
  reason: string | null;
  packets: { direction: 'in' | 'out' }[];
}

onNetwork('trace', {}, (at) => {
  test('a ping on both sides of the translator, and a file of it that explain reads', async () => {
    const { customer, folder, translator } = at();
    const file = join(folder, 'ping.pcapng');
    const filter = ['--proto', 'icmp', '--v4', server4, '--count', '2', '--write', file];
    const { stdout } = await trace(at(), () => ping(customer, there), ...filter);
    const [request, translated, reply, answered] = stdout.split('\n');
    expect(request).toMatch(new RegExp(`^icmp ${customer6} > ${there} echo `));
    expect(translated).toMatch(new RegExp(`^ {2}-> icmp 192\\.0\\.2\\.\\d+ > ${server4} echo `));
    expect(reply).toMatch(new RegExp(`^icmp ${server4} > 192\\.0\\.2\\.\\d+ `));
    expect(answered).toMatch(new RegExp(`^ {2}-> icmp ${there} > ${customer6} `));
    const explained = await translator.platypus('explain', file, '--frame', '1');
    expect(explained.stdout).toContain('checksum 0x');
    expect(explained.stdout).not.toContain('(wrong)');
    expect(explained.stdout).toMatch(new RegExp(`becomes ${server4}`));
  });

  test('--drops shows only what is dropped, with the reason', async () => {
    const { customer, server } = at();
    const nobody = pool4.replace(/\.\d+\/\d+$/, '.9');
    const send = () => Promise.all([ping(customer, there), server.run(['ping', '-c', '1', '-W', '1', nobody])]);
    const { stdout } = await trace(at(), send, '--drops', '--count', '2', '--json');
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(records).toHaveLength(2);
    for (const { reason, packets } of records) {
      expect(reason).toBe('drop.no_bib');
      expect(packets.map(({ direction }) => direction)).toEqual(['in']);
    }
  });

  test('nothing is lost and nothing else is shown when the filter names one port', async () => {
    const { customer } = at();
    const { stdout } = await trace(
      at(),
      () => askUdp(customer, 64),
      '--proto',
      'udp',
      '--port',
      '9000',
      '--count',
      '4',
    );
    const before = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(' '));
    expect(before).toHaveLength(4);
    for (const line of before) expect(line).toMatch(/^udp .*#9000\b/);
  });
});
