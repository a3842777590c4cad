/**
 * `platypus bench` against the translators of this repository, between two namespaces. Nothing here depends on how fast
 * the machine is: rates are low, and what is asserted is what arrived.
 */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { program, root } from '../../lab/plat.js';
import { failure, type Outcome, run, start } from '../../lab/process.js';
import { customer6, pool4, pool6 } from '../../lab/topology.js';
import type { Figure } from '../../src/bench/bench.js';
import type { Report } from '../../src/bench/report.js';
import { onNetwork, type Running, type Session } from './network.js';

/** Addresses that no kernel owns; routed to the customer and to the server. */
const client6 = '2001:db8:a::1';
const server4 = '198.51.101.1';
const sessions = 50;

/** Routes to the tester's addresses. */
async function route({ plat, router }: Running): Promise<void> {
  await plat.script(`ip -6 route add 2001:db8:a::/64 via ${customer6}`);
  await router.script('ip route add 198.51.101.0/24 via 198.51.100.2');
}

/** `platypus bench`, from outside of all namespaces. */
function command({ customer, server }: Running, ...args: string[]): string[] {
  const [translator = '', ...more] = args;
  return [
    ...[process.execPath, program, 'bench', translator],
    ...['--v6', `${customer.pid}:eth0`, '--v4', `${server.pid}:eth0`, '--pool6', pool6],
    ...['--client6', client6, '--server4', server4, '--pool4', '192.0.2.1', '--json'],
    // Who says one of these again is right.
    ...more,
  ];
}

async function bench(at: Running, ...args: string[]): Promise<Report> {
  const outcome = await run(command(at, ...args), { timeoutMs: 110_000 });
  if (!outcome.ok) throw new Error(failure(outcome));
  return JSON.parse(outcome.stdout) as Report;
}

/** Frames at a rate that any machine keeps, once. */
const gently = ['--rate', '500', '--duration', '0.4', '--runs', '1', '--flows', '100'];

const named = (report: Report, name: string): Figure[] =>
  report.figures.filter(({ measurement }) => measurement === name);

onNetwork('bench of a stateful translator', {}, (at) => {
  beforeAll(() => route(at()));

  test('RFC 8219 §7.4: nothing is lost at a low rate, in both directions and at both ends of the sizes', async () => {
    const report = await bench(at(), 'nat64', 'loss', ...gently, '--size', '84,1518', '--clients', '8');
    expect(named(report, 'loss').map(({ frameBytes, rate, median }) => [frameBytes, rate, median])).toEqual([
      [84, 500, 0],
      [84, 450, 0],
      [1518, 500, 0],
      [1518, 450, 0],
    ]);
    // Phase 1 opened the flows, and the responder's frames belonged to them.
    const rows = await at().translator.json<Session[]>('session', 'list', '--proto', 'udp');
    expect(rows).toHaveLength(100);
    expect(new Set(rows.map(({ v6 }) => v6)).size).toBe(8);
    expect(rows.every(({ remote4 }) => remote4 === server4)).toBe(true);
  });

  test('the ceiling of the tester is told, of what is measured', async () => {
    const report = await bench(at(), 'nat64', 'loss', ...gently);
    expect(report.ceilings.map(({ frameBytes, direction }) => [frameBytes, direction])).toEqual([
      [84, 'both'],
      [84, '6to4'],
    ]);
    expect(report.ceilings.every(({ framesPerSecond }) => framesPerSecond > 0)).toBe(true);
    expect(report.deviations).toContain('trials of 0.4 s, not 60 s');
  });

  test('ICMP echoes are test frames too', async () => {
    const report = await bench(at(), 'nat64', 'loss', ...gently, '--protocol', 'icmp');
    expect(named(report, 'loss').map(({ median }) => median)).toEqual([0, 0]);
    expect(await at().translator.json<Session[]>('session', 'list', '--proto', 'icmp')).toHaveLength(100);
  });

  test('RFC 8219 §7.2, §7.3: delays of either direction, in their order', async () => {
    const report = await bench(at(), 'nat64', 'latency', 'pdv', ...gently);
    for (const direction of ['6to4', '4to6']) {
      const of = (name: string) => named(report, name).find((row) => row.direction === direction)?.median ?? Number.NaN;
      expect(of('latency, typical')).toBeGreaterThan(0);
      expect(of('latency, worst case')).toBeGreaterThanOrEqual(of('latency, typical'));
      expect(of('pdv')).toBeGreaterThanOrEqual(0);
      expect(of('ipdv, most')).toBeGreaterThanOrEqual(of('ipdv, least'));
    }
  });

  test('half of the servers behind a black hole: about half of the flows are missing in phase 1, which is said', async () => {
    await at().router.script('ip route add blackhole 198.51.101.2');
    const args = ['--direction', '6to4', '--servers', '2'];
    const outcome = await run(command(at(), 'nat64', 'loss', ...gently, ...args), { timeoutMs: 60_000 });
    await at().router.script('ip route del blackhole 198.51.101.2');
    expect(outcome.code).toBe(1);
    const [, arrived] = /(\d+) of 100 flows came through the device in phase 1/.exec(outcome.stderr) ?? [];
    expect(Number(arrived)).toBeGreaterThan(20);
    expect(Number(arrived)).toBeLessThan(80);
  });

  test('an interrupt ends it with 1 and one sentence, and nothing goes on sending', async () => {
    const service = start(command(at(), 'nat64', 'loss', '--rate', '500', '--duration', '600', '--runs', '1'));
    // The first trial follows the ceilings; phase 1 has passed when its sessions are there.
    await service.output(/tester's ceiling: 84 bytes, 6to4/);
    service.signal('SIGINT');
    const outcome: Outcome = await service.exited;
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toBe('');
    expect(outcome.stderr).toMatch(/platypus: stopped before the measurement was complete\n$/);
  });

  test.each([
    [['--v6', 'nowhere:eth0'], /cannot use nowhere:eth0: no network namespace "nowhere"/],
    [['--server4', '203.0.113.1', '--v6', 'lo'], /cannot use lo: /],
  ])('%s is refused in a sentence', async (args, sentence) => {
    const outcome = await run([...command(at(), 'nat64', 'loss', ...gently), ...args], { timeoutMs: 30_000 });
    expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(sentence) });
  });

  test('an address of the tester’s own, and an interface that is not there, are refused', async () => {
    const { customer, server } = at();
    const own = await run([...command(at(), 'nat64', 'loss', ...gently), '--pool4', '198.51.100.2'], {
      timeoutMs: 30_000,
    });
    expect(own.stderr).toMatch(`cannot use ${server.pid}:eth0: 198.51.100.2 is an address of the tester’s own`);
    const none = await run([...command(at(), 'nat64', 'loss', ...gently), '--v6', `${customer.pid}:eth9`]);
    expect(none.stderr).toMatch(`cannot use ${customer.pid}:eth9: no such interface`);
  });
});

const small = `plat:
  pool6: ${pool6}
  pool4: [ ${pool4} ]
  limits: { sessions: ${sessions}, bib: 1000, hosts: 100 }
`;

onNetwork('bench of a table with a limit', { config: small }, (at) => {
  beforeAll(() => route(at()));
  const emptied = () => [
    '--clear',
    `${process.execPath} ${join(root, 'test', 'e2e', 'agents', 'clear-bib.mjs')} ${at().translator.socket}`,
  ];
  const slowly = ['--setup-rate', '500', '--runs', '1', '--duration', '0.4'];

  test('RFC 9693: the search finds the capacity that was configured', async () => {
    const report = await bench(
      at(),
      'nat64',
      'capacity',
      ...slowly,
      ...emptied(),
      '--flows',
      '20',
      '--resolution',
      '0',
    );
    expect(named(report, 'capacity')).toMatchObject([{ median: sessions, unit: 'connections', values: [sessions] }]);
  });

  test('RFC 9693: connections within it are established at a rate that is low enough, and torn down', async () => {
    const args = [...slowly, ...emptied(), '--flows', '40', '--max-rate', '200'];
    const report = await bench(at(), 'nat64', 'establishment', 'teardown', ...args);
    expect(named(report, 'establishment')).toMatchObject([{ median: 200, unit: 'connections/s' }]);
    expect(await at().translator.json<Session[]>('session', 'list')).toEqual([]);
  });

  test('a table too small for the flows is said in a sentence', async () => {
    const outcome = await run(command(at(), 'nat64', 'loss', ...gently), { timeoutMs: 60_000 });
    expect(outcome.stderr).toMatch(/50 of 100 flows came through the device in phase 1, expected all/);
  });
});

describe('bench of a stateless translator', () => {
  const eamt = '192.0.2.0/28 2001:db8:a::/124\n';
  onNetwork('siit with an EAM table', { siit: { args: ['--pool6', pool6], eamt } }, (at) => {
    beforeAll(() => route(at()));
    const clients = ['--clients', '8', '--pool4', '192.0.2.1'];

    test('RFC 8219 §7.4: nothing is lost at a low rate, both directions at once', async () => {
      const report = await bench(at(), 'siit', 'loss', ...gently, ...clients, '--size', '84,512');
      expect(named(report, 'loss').map(({ median }) => median)).toEqual([0, 0, 0, 0]);
    });

    test('frames to clients that the table does not have are lost, all of them and no others', async () => {
      const report = await bench(at(), 'siit', 'loss', ...gently, '--direction', '4to6', '--pool4', '192.0.2.77');
      // Every rate down to a tenth: none passes.
      expect(named(report, 'loss').map(({ median }) => median)).toEqual(Array.from({ length: 10 }, () => 100));
    });

    test('half of the servers behind a black hole: about half of the frames', async () => {
      await at().router.script('ip route add blackhole 198.51.101.2');
      const args = ['--direction', '6to4', '--servers', '2', '--runs', '1'];
      const report = await bench(at(), 'siit', 'loss', ...gently, ...clients, ...args);
      await at().router.script('ip route del blackhole 198.51.101.2');
      for (const { median } of named(report, 'loss')) {
        expect(median).toBeGreaterThan(20);
        expect(median).toBeLessThan(80);
      }
    });

    test('a rate that passes is the throughput when no higher one may be tried', async () => {
      const args = ['--max-rate', '300', '--duration', '0.4', '--runs', '1', '--flows', '100'];
      const report = await bench(at(), 'siit', 'throughput', ...args, ...clients);
      expect(named(report, 'throughput')).toMatchObject([
        { median: 300, limitedByTester: false, notes: ['the highest rate tried'] },
      ]);
    });
  });
});
