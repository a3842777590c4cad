/** Several workers on one device: with the kernel's steering, and without it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { customer6, neighbour6, server4, through } from '../../lab/topology.js';
import { askUdp, download, iperf, megabytes20, ping, upload } from '../../lab/traffic.js';
import { onNetwork, type Running, type Session } from './network.js';

interface Status {
  workers: { count: number; steered: boolean };
}
const WORKERS = ['--workers', '4'];
/** The kernel takes BPF programs from the first user namespace only. */
const steers = /^\s*0\s+0\s+4294967295$/m.test(readFileSync('/proc/self/uid_map', 'utf8'));
/** Without CAP_BPF and CAP_SYS_ADMIN the kernel takes no program. */
const WITHOUT_BPF = ['setpriv', '--bounding-set', '-sys_admin,-bpf', '--'];

async function handedOver({ translator }: Running): Promise<number> {
  return (await translator.counters())['workers.handed_over'] ?? 0;
}

/** TCP both ways with its content, in one and in many connections, fragments, ping; everything arrives. */
function carriesEverything(at: () => Running): void {
  test('20 MB come down and go up unharmed', async () => {
    const { customer, folder } = at();
    expect(await download(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
    expect(await upload(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
  });

  test('many connections at once, both ways', async () => {
    const { customer, server, translator } = at();
    for (const reverse of [false, true]) {
      const { bitsPerSecond } = await iperf(customer, server, { seconds: 2, reverse, streams: 16 });
      expect(bitsPerSecond).toBeGreaterThan(0);
    }
    expect((await translator.counters())['drop.workers.handover_full']).toBe(0);
  });

  test('fragments and pings of two customers', async () => {
    for (const host of [at().customer, at().neighbour]) {
      expect(await askUdp(host, 4000, through(server4), 9000)).toMatch(/^4000 bytes .*, the same$/);
      await ping(host, through(server4));
    }
  });

  test('the list shows the sessions of all workers', async () => {
    const sessions = await at().translator.json<Session[]>('session', 'list');
    expect(new Set(sessions.map(({ v6 }) => v6))).toEqual(new Set([customer6, neighbour6]));
  });
}

onNetwork('workers that the kernel steers to', { neighbour: true, args: WORKERS }, (at) => {
  test.skipIf(!steers)('the status says so', async () => {
    expect((await at().translator.json<Status>('status')).workers).toEqual({ count: 4, steered: true });
  });

  carriesEverything(at);

  test.skipIf(!steers)('nothing had to be handed over but fragments', async () => {
    const counters = await at().translator.counters();
    expect(counters['workers.handed_over']).toBeLessThanOrEqual(counters['fragments.reassembled'] ?? 0);
  });
});

/** The capabilities of packaging/platypus.service. */
const AS_A_SERVICE = ['setpriv', '--bounding-set', '-all,+net_admin,+bpf', '--'];

onNetwork('workers with the privileges of the unit file', { args: WORKERS, by: AS_A_SERVICE }, (at) => {
  test.skipIf(!steers)('the kernel steers', async () => {
    expect((await at().translator.json<Status>('status')).workers).toEqual({ count: 4, steered: true });
    await ping(at().customer, through(server4));
  });
});

onNetwork('workers without steering', { neighbour: true, args: WORKERS, by: WITHOUT_BPF }, (at) => {
  test('the status says so', async () => {
    expect((await at().translator.json<Status>('status')).workers).toEqual({ count: 4, steered: false });
  });

  carriesEverything(at);

  test('packets were handed over', async () => {
    expect(await handedOver(at())).toBeGreaterThan(0);
  });
});
