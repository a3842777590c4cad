/** Who shares a BFD session, and what becomes of one that cannot be opened; the engine itself is native/test/bfd_*. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type BfdSessions, createBfdSessions } from '../../src/bgp-lite/bfd.js';
import type { Addon, BfdChange, BfdSessionOptions, RouteRow } from '../../src/native/addon.js';

const config = { intervalMs: 50, multiplier: 3, strict: false };

let engine: Engine;
let sessions: BfdSessions;
let log: string[] = [];

/** The addon's engine, with what it was asked to do. */
class Engine {
  readonly running = new Map<number, BfdSessionOptions>();
  /** Message of the error that each `add` throws. */
  refuses: string | null = null;
  private ids = 0;
  constructor(readonly tell: (change: BfdChange) => void) {
    engine = this;
    this.refuses = refuses;
  }
  add(options: BfdSessionOptions): number {
    if (this.refuses !== null) throw new Error(this.refuses);
    this.ids += 1;
    this.running.set(this.ids, options);
    return this.ids;
  }
  change(): void {}
  remove(id: number): void {
    this.running.delete(id);
  }
  sessions(): unknown[] {
    return [...this.running].map(([id, options]) => ({ id, ...options }));
  }
  close(): void {}
}

/** What a new engine refuses with. */
let refuses: string | null = null;

let routes: RouteRow[] = [];
const netlink = {
  routes: () => routes,
  links: () => ['lo', 'eth0', 'eth1'].map((name, at) => ({ index: at + 1, name, mtu: 1500, up: true })),
};

function route(prefix: string, index: number, gateway: string | null = null): RouteRow {
  const [destination = '', length] = prefix.split('/');
  return { destination, length: Number(length), index, gateway, table: 254, protocol: 2, metric: 0, kind: 'unicast' };
}

beforeEach(() => {
  vi.useFakeTimers();
  refuses = null;
  routes = [route('0.0.0.0/0', 2, '198.51.100.1'), route('198.51.100.0/24', 2), route('192.0.2.0/24', 3)];
  log = [];
  const addon = { Bfd: Engine } as unknown as Pick<Addon, 'Bfd'>;
  sessions = createBfdSessions(addon, netlink, { warn: (message) => log.push(message) });
});
afterEach(() => {
  sessions.close();
  vi.useRealTimers();
});

function watch(remote: string, device: string | null = null, local: string | null = null) {
  const told: string[] = [];
  const one = sessions.watch({ remote, local, device, config }, (state) => told.push(state));
  return { ...one, told };
}

const running = () => [...engine.running.values()].map(({ remote, local, device }) => ({ remote, local, device }));

test('a session that cannot be opened is Down with its error, and is opened once it can be', () => {
  refuses = 'setsockopt: no such device';
  const one = watch('192.0.2.2', 'tun44');
  expect(one.state()).toBe('down');
  expect(sessions.rows()).toEqual([
    { remote: '192.0.2.2', local: null, device: 'tun44', state: 'down', error: 'setsockopt: no such device' },
  ]);
  vi.advanceTimersByTime(60_000);
  expect(log).toEqual(['cannot open a BFD session with 192.0.2.2 at tun44: setsockopt: no such device; trying again']);
  engine.refuses = null;
  vi.advanceTimersByTime(2000);
  expect(running()).toEqual([{ remote: '192.0.2.2', local: null, device: 'tun44' }]);
  expect(sessions.rows()).toEqual([expect.not.objectContaining({ error: expect.anything() })]);
  engine.tell({ id: 1, state: 'up', diagnostic: 0, remoteState: 'up' });
  expect(one.told).toEqual(['up']);
});

test('nobody watches it any more → it is not tried again', () => {
  refuses = 'no such device';
  watch('192.0.2.2', 'tun44').close();
  engine.refuses = null;
  vi.advanceTimersByTime(10_000);
  expect(running()).toEqual([]);
  expect(sessions.rows()).toEqual([]);
});

test('a hundred sessions without a slot are ten lines in the log', () => {
  refuses = 'no space left';
  for (let i = 0; i < 100; i++) watch(`192.0.2.${i}`, 'eth1');
  expect(log).toHaveLength(10);
});

test.each([
  ['BGP without interface, then OSPF', null, 'eth1'],
  ['OSPF, then BGP without interface', 'eth1', null],
  ['both at the same device', 'eth1', 'eth1'],
])('RFC 5882 §2 one session, whatever the source: %s', (_, first, second) => {
  const one = watch('192.0.2.2', first, null);
  const two = watch('192.0.2.2', second, '192.0.2.1');
  expect(running()).toEqual([{ remote: '192.0.2.2', local: null, device: first }]);
  engine.tell({ id: 1, state: 'up', diagnostic: 0, remoteState: 'up' });
  expect([one.told, two.told]).toEqual([['up'], ['up']]);
  one.close();
  expect(running()).toHaveLength(1);
  two.close();
  expect(running()).toEqual([]);
});

test('the link of a neighbour that came up after its session is known to the next one', () => {
  routes = [];
  watch('192.0.2.2');
  routes = [route('192.0.2.0/24', 3)];
  watch('192.0.2.2', 'eth1');
  expect(running()).toHaveLength(1);
});

test('the same address at two links is two neighbours', () => {
  watch('fe80::1', 'eth0');
  watch('fe80::1', 'eth1');
  // One of a VRF, one of the main table.
  watch('192.0.2.2');
  watch('192.0.2.2', 'eth0');
  expect(running().map(({ device }) => device)).toEqual(['eth0', 'eth1', null, 'eth0']);
});

test('an address behind a gateway is on no link', () => {
  watch('203.0.113.1');
  watch('203.0.113.1', 'eth0');
  expect(running()).toHaveLength(2);
});
