import { expect, test } from 'vitest';
import type { LearnedRoute } from '../../src/bgp-lite/bgp/import.js';
import type { KernelRoute } from '../../src/bgp-lite/kernel.js';
import { createLearnedTable } from '../../src/bgp-lite/learned.js';
import { knownPrefix, networkOf } from '../../src/config/address.js';
import { parseConfig } from '../../src/config/file.js';

const DEFAULT = knownPrefix('0.0.0.0/0');

function neighbors(...written: string[]) {
  const text = `announce: { prefixes: 192.0.2.0/28, localAs: 65000, bgp: [ ${written.join(', ')} ] }`;
  return parseConfig(text, 'a.yaml').config.announce?.bgp ?? [];
}

const neighbor = (name: string, keys = '') =>
  `{ name: ${name}, neighbor: 203.0.113.${name.charCodeAt(0)}, remoteAs: 65001, import: { prefixes: 0.0.0.0/0${keys} } }`;

function route(keys: Partial<LearnedRoute> = {}): LearnedRoute {
  return {
    prefix: DEFAULT,
    nextHop: '203.0.113.1',
    linkLocal: null,
    localPref: 100,
    med: null,
    asPath: [65001],
    asPathLength: 1,
    origin: 0,
    internal: false,
    neighborAs: 65001,
    routerId: '203.0.113.1',
    communities: [],
    largeCommunities: [],
    stale: false,
    ...keys,
  };
}

function open(...written: string[]) {
  const kernel = new Map<string, KernelRoute[]>();
  const table = createLearnedTable(neighbors(...written), (prefix) => {
    kernel.set(prefix, table.routes(prefix));
  });
  return {
    table,
    teach: (name: string, keys: Partial<LearnedRoute> = {}) =>
      table.update(name, [{ prefix: DEFAULT, route: route(keys) }]),
    gone: (name: string) => table.update(name, [{ prefix: DEFAULT, route: null }]),
    ways: () =>
      [...kernel.values()]
        .flat()
        .map(({ prefix, gateway, device, table: id, metric }) => [networkOf(prefix), gateway, device, id, metric]),
  };
}

test('what a neighbour taught goes into its table with its metric', () => {
  const { teach, ways, gone } = open(neighbor('a', ', table: 44, metric: 50'));
  teach('a', { nextHop: '203.0.113.7' });
  expect(ways()).toEqual([['0.0.0.0/0', '203.0.113.7', null, 44, 50]]);
  gone('a');
  expect(ways()).toEqual([]);
});

test('next hop, device and onlink may be overridden for tunnels', () => {
  const { teach, ways } = open(neighbor('a', ', nextHop: 10.0.0.1, device: tun0, onlink: true'));
  teach('a');
  expect(ways()).toEqual([['0.0.0.0/0', '10.0.0.1', 'tun0', 254, 1000]]);
});

test('a link-local next hop is on the session’s interface', () => {
  const { teach, ways } = open(
    '{ name: a, neighbor: "fe80::1", interface: eth0, remoteAs: 65001, import: { prefixes: "::/0" } }',
  );
  teach('a', { nextHop: 'fe80::1' });
  expect(ways()[0]?.slice(1, 3)).toEqual(['fe80::1', 'eth0']);
});

test.each<[string, Partial<LearnedRoute>, Partial<LearnedRoute>]>([
  ['the greater local preference', { localPref: 200, asPathLength: 5 }, { localPref: 100 }],
  ['then the shorter path', { asPathLength: 1, med: 900 }, { asPathLength: 2, med: 1 }],
  ['then the lower origin', { origin: 0 }, { origin: 2 }],
  ['then the lower MED of the same AS', { med: 10 }, { med: 20 }],
  ['where none is the lowest', { med: null }, { med: 1 }],
  ['then an external one', { internal: false }, { internal: true }],
  ['then the lower router ID', { routerId: '9.0.0.1' }, { routerId: '10.0.0.1' }],
])('between neighbours: %s', (_what, better, worse) => {
  const first = open(neighbor('a'), neighbor('b'));
  first.teach('a', { ...better, nextHop: '192.0.2.1' });
  first.teach('b', { ...worse, nextHop: '192.0.2.2' });
  expect(first.ways().map(([, gateway]) => gateway)).toEqual(['192.0.2.1']);
  const second = open(neighbor('a'), neighbor('b'));
  second.teach('a', { ...worse, nextHop: '192.0.2.2' });
  second.teach('b', { ...better, nextHop: '192.0.2.1' });
  expect(second.ways().map(([, gateway]) => gateway)).toEqual(['192.0.2.1']);
});

test('MEDs of different ASes do not compare', () => {
  const { teach, ways } = open(neighbor('a'), neighbor('b'));
  teach('a', { med: 900, neighborAs: 65001, routerId: '1.0.0.1', nextHop: '192.0.2.1' });
  teach('b', { med: 1, neighborAs: 65002, routerId: '2.0.0.1', nextHop: '192.0.2.2' });
  expect(ways()[0]?.[1]).toBe('192.0.2.1');
});

test('the preference of an import stands over that of the route', () => {
  const { teach, ways } = open(neighbor('a', ', localPref: 50'), neighbor('b'));
  teach('a', { localPref: 900, nextHop: '192.0.2.1' });
  teach('b', { nextHop: '192.0.2.2' });
  expect(ways()[0]?.[1]).toBe('192.0.2.2');
});

test('each table has its own best', () => {
  const { teach, ways } = open(neighbor('a', ', table: 1'), neighbor('b', ', table: 2'));
  teach('a');
  teach('b');
  expect(ways().map((way) => way[3])).toEqual([1, 2]);
});

test('a gateway that does not answer takes the routes of its neighbour out, and the other’s are used', () => {
  const { table, teach, ways } = open(neighbor('a', ', localPref: 200, check: bfd'), neighbor('b'));
  teach('a', { nextHop: '192.0.2.1' });
  teach('b', { nextHop: '192.0.2.2' });
  expect(ways()[0]?.[1]).toBe('192.0.2.2');
  table.usable('a', null);
  expect(ways()[0]?.[1]).toBe('192.0.2.1');
  table.usable('a', 'BFD is down');
  expect(ways()[0]?.[1]).toBe('192.0.2.2');
  expect(table.rows().map(({ neighbor: name, best, unusable }) => [name, best, unusable])).toEqual([
    ['a', false, 'BFD is down'],
    ['b', true, null],
  ]);
});

test('a neighbour that is gone from the configuration takes its routes along', () => {
  const { table, teach, ways } = open(neighbor('a'), neighbor('b'));
  teach('a');
  table.use(neighbors(neighbor('b')));
  expect(ways()).toEqual([]);
  expect(table.rows()).toEqual([]);
});

test('what a change costs does not depend on how many routes there are', () => {
  const changed: string[] = [];
  const table = createLearnedTable(neighbors(neighbor('a'), neighbor('b')), (prefix) => {
    changed.push(prefix);
    table.routes(prefix);
  });
  let compared = 0;
  const counted = (prefix: string): LearnedRoute => ({
    ...route({ prefix: knownPrefix(prefix) }),
    get localPref() {
      compared += 1;
      return 100;
    },
  });
  const prefixes = Array.from({ length: 2000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`);
  for (const name of ['a', 'b']) {
    for (const prefix of prefixes) table.update(name, [{ prefix: knownPrefix(prefix), route: counted(prefix) }]);
  }
  expect(changed).toEqual([...prefixes, ...prefixes]);
  // Each prefix once, when the second neighbour taught it.
  expect(compared).toBe(2 * 2000);
});
