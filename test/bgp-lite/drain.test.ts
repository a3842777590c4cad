import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createDrain, type Drain } from '../../src/bgp-lite/drain.js';

let told: (string | null)[] = [];
let drain: Drain;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  told = [];
  drain = createDrain(Date.now, (action) => told.push(action));
});
afterEach(() => {
  drain.stop();
  vi.useRealTimers();
});

test('OSPF-DRAIN-07 BGP-GR-16 lowers first, withdraws when few sessions are left', () => {
  drain.start({ sessions: 10, timeoutMs: 60_000 });
  drain.sessions(500);
  expect(told).toEqual(['lower']);
  drain.sessions(10);
  expect(told).toEqual(['lower', 'withdraw']);
  expect(drain.status()).toMatchObject({ state: 'drained', ended: 'sessions', left: 10 });
});

test('OSPF-DRAIN-07 or when the time is over', () => {
  drain.start({ sessions: 0, timeoutMs: 60_000 });
  drain.sessions(500);
  vi.advanceTimersByTime(59_999);
  expect(told).toEqual(['lower']);
  vi.advanceTimersByTime(1);
  expect(told).toEqual(['lower', 'withdraw']);
  expect(drain.status()).toMatchObject({ state: 'drained', ended: 'timeout', left: 500 });
});

test('where no sessions are counted the time decides', () => {
  drain.start({ sessions: 10, timeoutMs: 1000 });
  drain.sessions(null);
  expect(drain.status().state).toBe('draining');
  vi.advanceTimersByTime(1000);
  expect(drain.status().state).toBe('drained');
});

test('a drain that is taken back withdraws nothing later', () => {
  drain.start({ sessions: 0, timeoutMs: 1000 });
  drain.cancel();
  vi.advanceTimersByTime(5000);
  expect(told).toEqual(['lower', null]);
  expect(drain.status().state).toBe('none');
});

test('another drain begins anew', () => {
  drain.start({ sessions: 0, timeoutMs: 1000 });
  vi.advanceTimersByTime(900);
  drain.start({ sessions: 0, timeoutMs: 1000 });
  vi.advanceTimersByTime(900);
  expect(drain.status().state).toBe('draining');
});
