/** The lab's verdict on the way that packets took. */
import { expect, test } from 'vitest';
import { type Attempt, detour, pathOf } from '../../lab/attempts.js';
import type { Passed } from '../../lab/path.js';

const attempt = (more: Partial<Attempt>): Attempt => ({
  what: 'ping',
  from: 'customer',
  to: 'server',
  by: ['home', 'plat'],
  run: async () => '',
  ...more,
});
const passed = (more: Partial<Passed>): Passed => ({
  home: 0,
  neighbour: 0,
  plat: 0,
  hairpin: 0,
  supers: { home: 0, plat: 0 },
  ...more,
});

test('the way is told with what each translator sent', () => {
  expect(pathOf(attempt({}), passed({ home: 6, plat: 7 }))).toBe('customer → CLAT 6 → PLAT 7 → server');
  expect(pathOf(attempt({ from: 'phone', to: 'server6', by: [] }), passed({}))).toBe('phone → untranslated → server6');
  expect(
    pathOf(attempt({ by: ['home', 'plat', 'neighbour'] }), passed({ home: 1, plat: 2, neighbour: 3, hairpin: 2 })),
  ).toBe('customer → CLAT 1 → PLAT 2 (hairpin 2) → CLAT 3 → server');
});

test('a translator that nothing passed is a detour, and so is one too many', () => {
  expect(detour(attempt({}), passed({ home: 6, plat: 6 }))).toBeNull();
  expect(detour(attempt({}), passed({ plat: 6 }))).toBe('packets passed plat, expected home, plat');
  expect(detour(attempt({ by: [] }), passed({ plat: 1 }))).toBe('packets passed plat, expected no translator');
  expect(pathOf(attempt({ by: [] }), passed({ plat: 1 }))).toBe('customer → PLAT 1 → server');
});

test('a hairpin is wanted or it is not', () => {
  const through = { home: 2, plat: 2 };
  expect(detour(attempt({ hairpin: true }), passed(through))).toBe('0 packets were hairpinned');
  expect(detour(attempt({}), passed({ ...through, hairpin: 2 }))).toBe('2 packets were hairpinned');
});

test('bulk traffic without super-packets is a detour', () => {
  const through = { home: 9, plat: 9 };
  expect(detour(attempt({ offload: true }), passed({ ...through, supers: { home: 5, plat: 0 } }))).toBe(
    'no super-packet was translated by plat: offload is off',
  );
  expect(detour(attempt({ offload: true }), passed({ ...through, supers: { home: 5, plat: 5 } }))).toBeNull();
});
