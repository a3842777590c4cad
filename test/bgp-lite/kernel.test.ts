import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createKernelTable, type KernelRoute, type KernelTable } from '../../src/bgp-lite/kernel.js';
import { knownPrefix } from '../../src/config/address.js';
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
  table = createKernelTable(kernel.netlink, warn);
  table.use([way('10.0.0.0/8'), way('44.0.0.0/9', { table: 44 })]);
  expect([...kernel.routes.values()].map(({ protocol, replace }) => [protocol, replace])).toEqual([
    [ROUTE_PROTOCOLS.announcer, true],
    [ROUTE_PROTOCOLS.announcer, true],
  ]);
  table.use([way('10.0.0.0/8', { gateway: '203.0.113.2' })]);
  expect([...kernel.routes.values()].map(({ destination, gateway }) => [destination, gateway])).toEqual([
    ['10.0.0.0', '203.0.113.2'],
  ]);
});

test('what is unchanged is not touched', () => {
  const kernel = fakeKernel();
  table = createKernelTable(kernel.netlink, warn);
  table.use([way('10.0.0.0/8')]);
  table.use([way('10.0.0.0/8')]);
  expect(kernel.log).toEqual(['add 10.0.0.0/8 254 1000']);
});

test('none is left at the end', () => {
  const kernel = fakeKernel();
  table = createKernelTable(kernel.netlink, warn);
  table.use([way('10.0.0.0/8'), way('192.0.2.0/28', { kind: 'blackhole', gateway: null })]);
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
  table = createKernelTable(
    {
      ...kernel.netlink,
      routes: (query) => {
        expect(query).toEqual({ protocol: ROUTE_PROTOCOLS.announcer });
        return kernel.netlink.routes();
      },
    },
    warn,
  );
  expect(kernel.routes.size).toBe(0);
});

test('what the kernel refuses is told once and tried again', () => {
  const kernel = fakeKernel();
  table = createKernelTable(kernel.netlink, warn);
  kernel.refuses.set('10.0.0.0', 'ENETUNREACH');
  table.use([way('10.0.0.0/8')]);
  vi.advanceTimersByTime(10_000);
  expect(warnings).toEqual([
    'the kernel does not take the route 10.0.0.0/8 via 203.0.113.1 table 254: RTM_NEWROUTE: ENETUNREACH',
  ]);
  expect(table.rows()[0]?.error).toBe('RTM_NEWROUTE: ENETUNREACH');
  kernel.refuses.clear();
  vi.advanceTimersByTime(2000);
  expect(kernel.routes.size).toBe(1);
  expect(table.rows()[0]?.error).toBeNull();
});

test('what the kernel dropped, with a device for instance, is put back', () => {
  const kernel = fakeKernel();
  table = createKernelTable(kernel.netlink, warn);
  table.use([way('10.0.0.0/8'), way('192.0.2.0/28', { kind: 'blackhole', gateway: null }), way('2001:db8::/32')]);
  kernel.routes.delete('10.0.0.0/8 254 1000');
  kernel.log.length = 0;
  vi.advanceTimersByTime(2000);
  expect(kernel.log).toEqual(['add 10.0.0.0/8 254 1000']);
  expect(kernel.routes.size).toBe(3);
  vi.advanceTimersByTime(20_000);
  expect(kernel.log).toHaveLength(1);
});

test('what cannot be put back is told once, and shown', () => {
  const kernel = fakeKernel();
  table = createKernelTable(kernel.netlink, warn);
  table.use([way('10.0.0.0/8')]);
  kernel.routes.clear();
  kernel.refuses.set('10.0.0.0', 'ENETDOWN');
  vi.advanceTimersByTime(10_000);
  expect(warnings).toHaveLength(1);
  expect(table.rows()[0]?.error).toBe('RTM_NEWROUTE: ENETDOWN');
  kernel.refuses.clear();
  vi.advanceTimersByTime(2000);
  expect(kernel.routes.size).toBe(1);
});

test('a route with our protocol number that is not wanted goes', () => {
  const kernel = fakeKernel();
  table = createKernelTable(kernel.netlink, warn);
  table.use([way('10.0.0.0/8')]);
  kernel.netlink.addRoute({ destination: '10.1.0.0', length: 16, table: 254, metric: 1000 });
  vi.advanceTimersByTime(2000);
  expect([...kernel.routes.keys()]).toEqual(['10.0.0.0/8 254 1000']);
});

test('a destination that the kernel writes in another way is the same', () => {
  const kernel = fakeKernel();
  const netlink: typeof kernel.netlink = {
    ...kernel.netlink,
    routes: () => kernel.netlink.routes().map((row) => ({ ...row, destination: '::ffff:192.0.2.0' })),
  };
  table = createKernelTable(netlink, warn);
  table.use([way('::ffff:192.0.2.0/124')]);
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
  table = createKernelTable(netlink, warn);
  kernel.refuses.set('10.0.0.0', 'ENETUNREACH');
  table.use([way('10.0.0.0/8'), way('10.9.0.0/16')]);
  broken = true;
  kernel.refuses.clear();
  kernel.log.length = 0;
  vi.advanceTimersByTime(4000);
  expect(kernel.log).toEqual(['add 10.0.0.0/8 254 1000']);
});

test('a route whose replacement the kernel refuses is removed, and nothing is left at the end', () => {
  const kernel = fakeKernel();
  table = createKernelTable(kernel.netlink, warn);
  table.use([way('10.0.0.0/8')]);
  kernel.refuses.set('10.0.0.0', 'ENETUNREACH');
  table.use([way('10.0.0.0/8', { gateway: '198.51.100.1' })]);
  expect(kernel.routes.size).toBe(0);
  expect(table.rows()).toMatchObject([{ gateway: '198.51.100.1', error: 'RTM_NEWROUTE: ENETUNREACH' }]);
  kernel.refuses.clear();
  vi.advanceTimersByTime(2000);
  expect([...kernel.routes.values()].map(({ gateway }) => gateway)).toEqual(['198.51.100.1']);
  table.close();
  expect(kernel.routes.size).toBe(0);
});

test('a route that somebody removed is no failure at the end', () => {
  const kernel = fakeKernel();
  table = createKernelTable(kernel.netlink, warn);
  table.use([way('10.0.0.0/8')]);
  kernel.routes.clear();
  table.close();
  expect(warnings).toEqual([]);
});
