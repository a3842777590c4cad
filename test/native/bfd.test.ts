import { afterEach, expect, test } from 'vitest';
import { type Bfd, loadAddon } from '../../src/native/addon.js';

const addon = loadAddon();
const open: Bfd[] = [];
afterEach(() => {
  for (const bfd of open.splice(0)) bfd.close();
});

function opened(): Bfd {
  const bfd = new addon.Bfd(() => {});
  open.push(bfd);
  return bfd;
}

const session = { remote: '192.0.2.2', local: null, device: null, intervalUs: 50_000, multiplier: 3 };

test('an engine without sessions lists none and has counted nothing', () => {
  const bfd = opened();
  expect(bfd.sessions()).toEqual([]);
  expect(Object.values(bfd.counters()).every((count) => count === 0)).toBe(true);
});

test('what cannot be is an Error with code and syscall', () => {
  const bfd = opened();
  const failing = (call: () => unknown, code: string, syscall: string) =>
    expect(call).toThrow(expect.objectContaining({ code, syscall }));
  failing(() => bfd.add({ ...session, device: 'nosuch0' }), 'ENODEV', 'setsockopt');
  failing(() => bfd.add({ ...session, local: '192.0.2.77' }), 'EADDRNOTAVAIL', 'bind');
  failing(() => bfd.add({ ...session, local: '::1' }), 'EINVAL', 'bfd');
  failing(() => bfd.add({ ...session, remote: 'fe80::2' }), 'EINVAL', 'bfd');
  failing(() => bfd.change(1, session), 'ENOENT', 'bfd');
  failing(() => bfd.adminDown(1), 'ENOENT', 'bfd');
  failing(() => bfd.remove(1), 'ENOENT', 'bfd');
  expect(bfd.sessions()).toEqual([]);
});

test('arguments of another type, and timings beyond bounds, are TypeErrors', () => {
  const bfd = opened();
  expect(() => bfd.add({ ...session, remote: 'router' })).toThrow(TypeError);
  for (const intervalUs of [0, 999, 60_000_001, 1000.5, Number.NaN]) {
    expect(() => bfd.add({ ...session, intervalUs })).toThrow(TypeError);
  }
  for (const multiplier of [0, 256]) expect(() => bfd.add({ ...session, multiplier })).toThrow(TypeError);
});

test('after close() there is nothing, and close() again does nothing', () => {
  const bfd = opened();
  bfd.close();
  bfd.close();
  expect(bfd.sessions()).toEqual([]);
  expect(() => bfd.add(session)).toThrow(expect.objectContaining({ code: 'EBADF' }));
});
