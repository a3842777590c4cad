/** Routes as the announcer makes them, by the addon, and as `ip route` shows them. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cable, type Host, missing, openHost } from '../../lab/host.js';
import { root } from '../../lab/plat.js';
import type { RouteRow, RouteSpec } from '../../src/native/addon.js';

const lacking = missing();
const agent = join(root, 'test', 'e2e', 'agents', 'routes.mjs');
type Step =
  | { add: RouteSpec & { replace?: boolean } }
  | { remove: RouteSpec }
  | { list: { table?: number; protocol?: number } | null };

describe.skipIf(lacking !== null)('routes', () => {
  let host: Host;
  let other: Host;
  beforeAll(async () => {
    host = await openHost('host');
    other = await openHost('other');
    await cable(
      { host, name: 'h0', addresses: ['192.0.2.1/24', '2001:db8::1/64'] },
      { host: other, name: 'o0', addresses: [] },
    );
  });
  afterAll(async () => {
    await host?.close();
    await other?.close();
  });

  async function steps(...list: Step[]): Promise<RouteRow[][]> {
    const outcome = await host.run(['node', agent, ...list.map((step) => JSON.stringify(step))]);
    if (!outcome.ok) throw new Error(outcome.stderr);
    return outcome.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RouteRow[]);
  }
  const shown = async (...args: string[]) =>
    (await host.run(['ip', ...args])).stdout
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');

  const learnt: RouteSpec = {
    destination: '0.0.0.0',
    length: 0,
    gateway: '192.0.2.9',
    table: 4400,
    metric: 20,
    protocol: 65,
  };

  test('a learnt route goes into its table, is listed there, and is removed', async () => {
    const [inTable, inMain, ofUs] = await steps(
      { add: learnt },
      { list: { table: 4400 } },
      { list: null },
      { list: { protocol: 65 } },
    );
    expect(inTable).toEqual([
      {
        destination: '0.0.0.0',
        length: 0,
        index: expect.any(Number),
        gateway: '192.0.2.9',
        table: 4400,
        protocol: 65,
        metric: 20,
        kind: 'unicast',
      },
    ]);
    expect(inMain?.filter(({ table }) => table !== 254)).toEqual([]);
    expect(ofUs).toEqual(inTable);
    expect(await shown('route', 'show', 'table', '4400')).toEqual(['default via 192.0.2.9 dev h0 proto 65 metric 20']);
    expect(await steps({ remove: learnt }, { list: { protocol: 65 } })).toEqual([[]]);
  });

  test('an IPv4 route by an IPv6 gateway on a link, replaced by another', async () => {
    const route = { name: 'h0', destination: '198.51.100.0', length: 24, metric: 5, protocol: 65 };
    await steps({ add: { ...route, gateway: 'fe80::9' } }, { add: { ...route, gateway: 'fe80::8', replace: true } });
    expect(await shown('route', 'show', 'proto', '65')).toEqual(['198.51.100.0/24 via inet6 fe80::8 dev h0 metric 5']);
    await steps({ remove: { ...route, gateway: 'fe80::8' } });
    expect(await shown('route', 'show', 'proto', '65')).toEqual([]);
  });

  test('a gateway that no address tells of, with onlink', async () => {
    const route = { name: 'h0', destination: '198.51.100.0', length: 24, gateway: '203.0.113.1', protocol: 65 };
    await expect(steps({ add: route })).rejects.toThrow(/ENETUNREACH/);
    await steps({ add: { ...route, onlink: true } });
    expect(await shown('route', 'show', 'proto', '65')).toEqual(['198.51.100.0/24 via 203.0.113.1 dev h0 onlink']);
    await steps({ remove: { ...route, onlink: true } });
  });

  test('blackholes of both families', async () => {
    const pools: RouteSpec[] = [
      { destination: '203.0.113.0', length: 28, kind: 'blackhole' },
      { destination: '64:ff9b::', length: 96, kind: 'blackhole' },
    ];
    const [rows] = await steps(...pools.map((add) => ({ add })), { list: { protocol: 64 } });
    expect(rows?.map(({ destination, kind }) => ({ destination, kind }))).toEqual([
      { destination: '203.0.113.0', kind: 'blackhole' },
      { destination: '64:ff9b::', kind: 'blackhole' },
    ]);
    await steps(...pools.map((remove) => ({ remove })));
    await expect(steps({ remove: pools[0] as RouteSpec })).rejects.toThrow(/ESRCH/);
  });
});
