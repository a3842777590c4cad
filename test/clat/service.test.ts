/** A CLAT that is exchanged for another one by a reload, and what runs when the host refuses it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ClatService, startClat } from '../../src/clat/service.js';
import type { ClatConfig } from '../../src/config/clat.js';
import { parseConfig } from '../../src/config/file.js';
import { createFakeAddon, createFakeHost, type FakeHost, systemError } from '../fakes/addon.js';

/** `off`: nothing of the kernel's is changed. */
function configOf(uplink: string): ClatConfig {
  const { clat } = parseConfig(`clat: { uplink: ${uplink}, mode: off }`, 'p').config;
  if (clat === undefined) throw new Error('no clat section');
  return clat;
}

let host: FakeHost;
let errors: string[];
let clat: ClatService;
/** Uplinks that cannot be opened. */
let refused: string[];
const started = () => host.calls.filter((call) => call.startsWith('clat '));
const later = () => vi.advanceTimersByTimeAsync(10_000);

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  host = createFakeHost();
  refused = [];
  errors = [];
  host.fail = (call) => (refused.includes(call.replace('clat ', '')) ? systemError('ENODEV', 'socket') : undefined);
  const log = { info: vi.fn(), warn: vi.fn(), error: (line: string) => errors.push(line) };
  const deps = { addon: createFakeAddon(host), log, readSysctl: async () => null, nft: async () => {} };
  clat = await startClat(configOf('eth0'), { ...deps, settingsFile: null });
});
afterEach(async () => {
  await clat.stop();
  vi.useRealTimers();
});

test('another one takes its place; the same changes nothing', async () => {
  expect(await clat.use(configOf('eth1'))).toEqual(['clat.uplink changed']);
  expect(clat.status()).toMatchObject([{ uplink: 'eth1', state: 'searching' }]);
  expect(await clat.use(configOf('eth1'))).toEqual([]);
  expect(started()).toEqual(['clat eth0', 'clat eth1']);
});

test('one that is refused: what ran before runs again', async () => {
  refused = ['eth1'];
  await expect(clat.use(configOf('eth1'))).rejects.toThrow('cannot start on eth1');
  expect(clat.status()).toMatchObject([{ uplink: 'eth0', state: 'searching' }]);
  expect(errors).toEqual([]);
});

const loseBoth = async () => {
  refused = ['eth0', 'eth1'];
  await expect(clat.use(configOf('eth1'))).rejects.toThrow('cannot start on eth1');
};

test('what ran before cannot run either: it has failed, says so once, and is tried again', async () => {
  await loseBoth();
  const words = 'the CLAT failed: cannot start on eth0: socket: ENODEV';
  expect(clat.status()).toMatchObject([{ uplink: 'eth0', device: 'clat', state: 'failed', words: `failed: ${words}` }]);
  expect(clat.counters().advertisements).toBe(0);
  await later();
  await vi.waitFor(() => expect(started()).toEqual(['clat eth0', 'clat eth1', 'clat eth0', 'clat eth0']));
  expect(errors).toEqual([`no CLAT runs: ${words}; tried again each 10 s`]);
  refused = [];
  await vi.waitFor(async () => {
    await later();
    expect(clat.status()).toMatchObject([{ uplink: 'eth0', state: 'searching' }]);
  });
  const { length } = started();
  await later();
  expect(started().length).toBe(length);
});

test('while it has failed a reload tries at once, the same configuration too', async () => {
  await loseBoth();
  refused = [];
  expect(await clat.use(configOf('eth0'))).toEqual(['the CLAT was started again']);
  expect(clat.status()).toMatchObject([{ uplink: 'eth0', state: 'searching' }]);
  const { length } = started();
  await later();
  expect(started().length).toBe(length);
});

test('a stop ends the trying', async () => {
  await loseBoth();
  await clat.stop();
  const { length } = started();
  await later();
  expect(started().length).toBe(length);
});
