import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Announcement } from '../../src/bgp-lite/announcement.js';
import { createGate, type Gate, type GateCondition, type GateOptions } from '../../src/bgp-lite/gate.js';
import { knownPrefix, networkOf } from '../../src/config/address.js';

const POOL4 = knownPrefix('192.0.2.0/28');
const POOL6 = knownPrefix('2001:db8:64::/96');

let told: string[][] = [];
let gate: Gate;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  told = [];
});
afterEach(() => {
  gate.stop();
  vi.useRealTimers();
});

function condition(name: string, keys: Partial<GateCondition> = {}): GateCondition {
  return { name, action: 'withdraw', down: 1, up: 1, prefixes: null, ...keys };
}

function open(conditions: GateCondition[], options: Partial<GateOptions> = {}): Gate {
  gate = createGate({ prefixes: [POOL4, POOL6], conditions, holdMs: 10_000, ...options }, Date.now, (list) =>
    told.push(list.map(show)),
  );
  return gate;
}

function show({ prefix, preference }: Announcement): string {
  return preference === 'lowered' ? `${networkOf(prefix)} lowered` : networkOf(prefix);
}

const BOTH = ['192.0.2.0/28', '2001:db8:64::/96'];

test('BGP-UPD-15 OSPF-LSA-25 nothing is announced before every condition was met', () => {
  open([condition('workers'), condition('dns64')]);
  gate.observe('workers', true, 'all run');
  expect(told).toEqual([[]]);
  gate.observe('dns64', true, 'answers');
  expect(told).toEqual([[], BOTH]);
});

test('without conditions all is announced at once', () => {
  open([]);
  expect(told).toEqual([BOTH]);
});

test('BGP-UPD-15 a failed condition withdraws at once', () => {
  open([condition('workers')]);
  gate.observe('workers', true, '');
  gate.observe('workers', false, 'one has ended');
  expect(told.at(-1)).toEqual([]);
  expect(gate.prefixes()[0]).toMatchObject({ state: 'withdrawn', reasons: ['workers: one has ended'] });
});

test('results in a row are counted, and one against them begins anew', () => {
  open([condition('check', { down: 3, up: 2 })], { holdMs: 0 });
  gate.observe('check', true, '');
  gate.observe('check', false, '');
  gate.observe('check', false, '');
  gate.observe('check', true, '');
  gate.observe('check', false, '');
  gate.observe('check', false, '');
  expect(told.at(-1)).toEqual(BOTH);
  gate.observe('check', false, '');
  expect(told.at(-1)).toEqual([]);
  gate.observe('check', true, '');
  expect(told.at(-1)).toEqual([]);
  gate.observe('check', true, '');
  expect(told.at(-1)).toEqual(BOTH);
});

test('OSPF-LSA-25 what was withdrawn stays so for the hold time', () => {
  open([condition('workers')]);
  gate.observe('workers', true, '');
  gate.observe('workers', false, '');
  vi.advanceTimersByTime(4000);
  gate.observe('workers', true, '');
  expect(told.at(-1)).toEqual([]);
  expect(gate.prefixes()[0]?.reasons).toEqual(['held for 6 s more']);
  vi.advanceTimersByTime(5999);
  expect(told.at(-1)).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told.at(-1)).toEqual(BOTH);
});

test('ten flaps in the hold time are one withdrawal and one announcement', () => {
  open([condition('workers')]);
  gate.observe('workers', true, '');
  told = [];
  for (let flap = 0; flap < 10; flap++) {
    gate.observe('workers', false, '');
    gate.observe('workers', true, '');
    vi.advanceTimersByTime(500);
  }
  vi.advanceTimersByTime(20_000);
  expect(told).toEqual([[], BOTH]);
});

test('a condition may concern some prefixes, and may only lower', () => {
  open([condition('pool4', { action: 'lower', prefixes: [{ prefix: POOL4, ge: 28, le: 28 }] })]);
  gate.observe('pool4', true, '');
  gate.observe('pool4', false, '97 % used');
  expect(told.at(-1)).toEqual(['192.0.2.0/28 lowered', '2001:db8:64::/96']);
});

test('withdrawing is stronger than lowering', () => {
  open([condition('pool4', { action: 'lower' }), condition('workers')], { holdMs: 0 });
  gate.observe('pool4', true, '');
  gate.observe('workers', true, '');
  gate.observe('pool4', false, '');
  gate.observe('workers', false, '');
  expect(told.at(-1)).toEqual([]);
  gate.observe('workers', true, '');
  expect(told.at(-1)).toEqual(['192.0.2.0/28 lowered', '2001:db8:64::/96 lowered']);
});

test('BGP-GR-16 a drain lowers, then withdraws, and may be taken back', () => {
  open([], { holdMs: 0 });
  gate.override('lower');
  expect(told.at(-1)).toEqual(['192.0.2.0/28 lowered', '2001:db8:64::/96 lowered']);
  gate.override('withdraw');
  expect(told.at(-1)).toEqual([]);
  gate.override(null);
  expect(told.at(-1)).toEqual(BOTH);
});

test('another configuration keeps what is known of its conditions', () => {
  open([condition('workers'), condition('dns64')]);
  gate.observe('workers', true, '');
  gate.observe('dns64', true, '');
  gate.use({ prefixes: [POOL6], conditions: [condition('workers')], holdMs: 0 });
  expect(told.at(-1)).toEqual(['2001:db8:64::/96']);
});

test('a condition that a reload adds counts from its first result on', () => {
  open([condition('workers')]);
  gate.observe('workers', true, '');
  told = [];
  const conditions = [condition('workers'), condition('check', { down: 2 })];
  gate.use({ prefixes: [POOL4, POOL6], conditions, holdMs: 10_000 });
  expect(told).toEqual([BOTH]);
  gate.observe('check', false, 'no answer');
  expect(told).toEqual([BOTH]);
  gate.observe('check', false, 'no answer');
  expect(told).toEqual([BOTH, []]);
});

test('a prefix lowered stays so while a new condition was not checked', () => {
  open([condition('pool4', { action: 'lower' })]);
  gate.observe('pool4', true, '');
  gate.observe('pool4', false, '97 % used');
  const lowered = ['192.0.2.0/28 lowered', '2001:db8:64::/96 lowered'];
  gate.use({
    prefixes: [POOL4, POOL6],
    conditions: [condition('pool4', { action: 'lower' }), condition('check')],
    holdMs: 10_000,
  });
  expect(told.at(-1)).toEqual(lowered);
  expect(gate.prefixes()[0]?.reasons).toEqual(['pool4: 97 % used']);
});

test('what is not announced waits for a condition that a reload adds', () => {
  open([condition('workers')], { prefixes: [POOL4], holdMs: 0 });
  gate.observe('workers', true, '');
  gate.use({ prefixes: [POOL4, POOL6], conditions: [condition('workers'), condition('check')], holdMs: 0 });
  expect(told.at(-1)).toEqual(['192.0.2.0/28']);
  expect(gate.prefixes()[1]).toMatchObject({ state: 'withdrawn', reasons: ['check: not checked yet'] });
  gate.observe('check', true, '');
  expect(told.at(-1)).toEqual(BOTH);
});

test('nothing is told twice', () => {
  open([condition('workers')]);
  gate.observe('workers', true, '');
  gate.observe('workers', true, '');
  gate.observe('nobody', false, '');
  expect(told).toEqual([[], BOTH]);
});
