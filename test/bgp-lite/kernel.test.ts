import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createKernelTable, type KernelRoute, type KernelTable } from '../../src/bgp-lite/kernel.js';
import { knownPrefix, networkOf } from '../../src/config/address.js';
import { type Netlink, ROUTE_PROTOCOLS, type RouteRow } from '../../src/native/addon.js';

type Request = Parameters<Netlink['addRoute']>[0];

/** A kernel that keeps routes by destination, table and metric. */
function fakeKernel() {
  const routes = new Map<string, Request>();
  const refuses = new Map<string, string>();
  const keyOf = ({ destination, length, table, metric }: Partial<Request>) =>
    `${destination}/${length} ${table} ${metric}`;
  const failure = (code: string) => Object.assign(new Error(`RTM_NEWROUTE: ${code}`), { code, syscall: 'netlink' });
  const log: string[] = [];
  return {
    routes,
    refuses,
    log,
    netlink: {
      addRoute(route: Request) {
        log.push(`add ${keyOf(route)}`);
        const code = refuses.get(route.destination);
        if (code !== undefined) throw failure(code);
        routes.set(keyOf(route), route);
      },
      removeRoute(route: Partial<Request>) {
        log.push(`remove ${keyOf(route)}`);
        if (!routes.delete(keyOf(route))) throw failure('ESRCH');
      },
      routes: () =>
        [...routes.values()].map(
          ({
            destination,
            length,
            table = 254,
            metric = 0,
            protocol = 0,
            gateway = null,
            kind = 'unicast',
          }): RouteRow => ({
            destination,
            length,
            index: 1,
            gateway,
            table,
            protocol,
            metric,
            kind,
          }),
        ),
    },
  };
}

let table: KernelTable;
let wanted = new Map<string, KernelRoute[]>();
const warnings: string[] = [];
const warn = (message: string) => void warnings.push(message);

beforeEach(() => {
  vi.useFakeTimers();
  warnings.length = 0;
});
afterEach(() => {
  table.close();
  vi.useRealTimers();
});

type KernelRoutes = Pick<Netlink, 'addRoute' | 'removeRoute' | 'routes'>;

function open(netlink: KernelRoutes): void {
  wanted = new Map();
  table = createKernelTable(netlink, (prefix) => wanted.get(prefix) ?? [], warn);
}

function byPrefix(routes: readonly KernelRoute[]): Map<string, KernelRoute[]> {
  const found = new Map<string, KernelRoute[]>();
  for (const route of routes) {
    const prefix = networkOf(route.prefix);
    found.set(prefix, [...(found.get(prefix) ?? []), route]);
  }
  return found;
}

/** These are all routes that there should be, and the kernel has heard of it. */
function use(routes: readonly KernelRoute[]): void {
  const before = wanted;
  wanted = byPrefix(routes);
  for (const prefix of [...before.keys(), ...wanted.keys()]) table.touch(prefix);
  vi.advanceTimersByTime(0);
}

function way(prefix: string, keys: Partial<KernelRoute> = {}): KernelRoute {
  return {
    prefix: knownPrefix(prefix),
    kind: 'unicast',
    gateway: '203.0.113.1',
    device: null,
    onlink: false,
    table: 254,
    metric: 1000,
    ...keys,
  };
}

test('routes come, change and go, each with our protocol number', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  use([way('10.0.0.0/8'), way('44.0.0.0/9', { table: 44 })]);
  expect([...kernel.routes.values()].map(({ protocol, replace }) => [protocol, replace])).toEqual([
    [ROUTE_PROTOCOLS.announcer, true],
    [ROUTE_PROTOCOLS.announcer, true],
  ]);
  use([way('10.0.0.0/8', { gateway: '203.0.113.2' })]);
  expect([...kernel.routes.values()].map(({ destination, gateway }) => [destination, gateway])).toEqual([
    ['10.0.0.0', '203.0.113.2'],
  ]);
});

test('what is unchanged is not touched', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  use([way('10.0.0.0/8')]);
  use([way('10.0.0.0/8')]);
  expect(kernel.log).toEqual(['add 10.0.0.0/8 254 1000']);
});

test('none is left at the end', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  use([way('10.0.0.0/8'), way('192.0.2.0/28', { kind: 'blackhole', gateway: null })]);
  table.close();
  expect(kernel.routes.size).toBe(0);
  expect(warnings).toEqual([]);
});

test('what an earlier run left is removed, and only that', () => {
  const kernel = fakeKernel();
  kernel.netlink.addRoute({
    destination: '10.0.0.0',
    length: 8,
    table: 44,
    metric: 7,
    protocol: ROUTE_PROTOCOLS.announcer,
  });
  open({
    ...kernel.netlink,
    routes: (query) => {
      expect(query).toEqual({ protocol: ROUTE_PROTOCOLS.announcer });
      return kernel.netlink.routes();
    },
  });
  expect(kernel.routes.size).toBe(0);
});

test('what the kernel refuses is told once and tried again', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  kernel.refuses.set('10.0.0.0', 'ENETUNREACH');
  use([way('10.0.0.0/8')]);
  vi.advanceTimersByTime(10_000);
  expect(warnings).toEqual([
    'the kernel does not take the route 10.0.0.0/8 via 203.0.113.1 table 254: RTM_NEWROUTE: ENETUNREACH',
  ]);
  expect(table.rows()[0]?.error).toBe('RTM_NEWROUTE: ENETUNREACH');
  kernel.refuses.clear();
  vi.advanceTimersByTime(2100);
  expect(kernel.routes.size).toBe(1);
  expect(table.rows()[0]?.error).toBeNull();
});

test('what the kernel dropped, with a device for instance, is put back', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  use([way('10.0.0.0/8'), way('192.0.2.0/28', { kind: 'blackhole', gateway: null }), way('2001:db8::/32')]);
  kernel.routes.delete('10.0.0.0/8 254 1000');
  kernel.log.length = 0;
  vi.advanceTimersByTime(2100);
  expect(kernel.log).toEqual(['add 10.0.0.0/8 254 1000']);
  expect(kernel.routes.size).toBe(3);
  vi.advanceTimersByTime(20_000);
  expect(kernel.log).toHaveLength(1);
});

test('what cannot be put back is told once, and shown', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  use([way('10.0.0.0/8')]);
  kernel.routes.clear();
  kernel.refuses.set('10.0.0.0', 'ENETDOWN');
  vi.advanceTimersByTime(10_000);
  expect(warnings).toHaveLength(1);
  expect(table.rows()[0]?.error).toBe('RTM_NEWROUTE: ENETDOWN');
  kernel.refuses.clear();
  vi.advanceTimersByTime(2100);
  expect(kernel.routes.size).toBe(1);
});

test('a route that comes later with our protocol number is left alone: it may be another announcer’s', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  use([way('10.0.0.0/8')]);
  kernel.netlink.addRoute({ destination: '10.1.0.0', length: 16, table: 254, metric: 1000 });
  vi.advanceTimersByTime(2100);
  expect([...kernel.routes.keys()]).toEqual(['10.0.0.0/8 254 1000', '10.1.0.0/16 254 1000']);
});

test('a destination that the kernel writes in another way is the same', () => {
  const kernel = fakeKernel();
  const netlink: typeof kernel.netlink = {
    ...kernel.netlink,
    routes: () => kernel.netlink.routes().map((row) => ({ ...row, destination: '::ffff:192.0.2.0' })),
  };
  open(netlink);
  use([way('::ffff:192.0.2.0/124')]);
  kernel.log.length = 0;
  vi.advanceTimersByTime(10_000);
  expect(kernel.log).toEqual([]);
});

test('when the kernel cannot be asked nothing changes, and what it refused is tried again', () => {
  const kernel = fakeKernel();
  let broken = false;
  const netlink: typeof kernel.netlink = {
    ...kernel.netlink,
    routes: () => {
      if (broken) throw new Error('ENOBUFS');
      return kernel.netlink.routes();
    },
  };
  open(netlink);
  kernel.refuses.set('10.0.0.0', 'ENETUNREACH');
  use([way('10.0.0.0/8'), way('10.9.0.0/16')]);
  broken = true;
  kernel.refuses.clear();
  kernel.log.length = 0;
  vi.advanceTimersByTime(4000);
  expect(kernel.log).toEqual(['add 10.0.0.0/8 254 1000']);
});

test('a route whose replacement the kernel refuses is removed, and nothing is left at the end', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  use([way('10.0.0.0/8')]);
  kernel.refuses.set('10.0.0.0', 'ENETUNREACH');
  use([way('10.0.0.0/8', { gateway: '198.51.100.1' })]);
  expect(kernel.routes.size).toBe(0);
  expect(table.rows()).toMatchObject([{ gateway: '198.51.100.1', error: 'RTM_NEWROUTE: ENETUNREACH' }]);
  kernel.refuses.clear();
  vi.advanceTimersByTime(2100);
  expect([...kernel.routes.values()].map(({ gateway }) => gateway)).toEqual(['198.51.100.1']);
  table.close();
  expect(kernel.routes.size).toBe(0);
});

test('a route that somebody removed is no failure at the end', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  use([way('10.0.0.0/8')]);
  kernel.routes.clear();
  table.close();
  expect(warnings).toEqual([]);
});

test('of several routes to a prefix each table and metric has its own, and the last one counts', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  use([way('10.0.0.0/8'), way('10.0.0.0/8', { table: 44 }), way('10.0.0.0/8', { gateway: '203.0.113.9' })]);
  expect([...kernel.routes.values()].map(({ table: id, gateway }) => [id, gateway])).toEqual([
    [254, '203.0.113.9'],
    [44, '203.0.113.1'],
  ]);
  use([way('10.0.0.0/8', { table: 44 })]);
  expect([...kernel.routes.keys()]).toEqual(['10.0.0.0/8 44 1000']);
});

test('a flood of changes costs one operation each, and other work has its turn', () => {
  const kernel = fakeKernel();
  open(kernel.netlink);
  const flood = Array.from({ length: 5000 }, (_, index) => way(`10.${index >> 8}.${index & 255}.0/24`));
  wanted = byPrefix(flood);
  const asked = vi.spyOn(wanted, 'get');
  // Told twice before the first turn: done once.
  for (let round = 0; round < 2; round++) for (const prefix of wanted.keys()) table.touch(prefix);
  expect(kernel.log).toEqual([]);
  let most = 0;
  for (let before = -1; before < kernel.log.length; ) {
    before = kernel.log.length;
    vi.advanceTimersToNextTimer();
    if (kernel.log.length < 5000) most = Math.max(most, kernel.log.length - before);
  }
  expect(most).toBe(200);
  expect(kernel.log).toHaveLength(5000);
  expect(asked).toHaveBeenCalledTimes(5000);
});
