/** Settings that the kernel writes over by itself when forwarding begins and ends; files take the kernel's place. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startForwarding } from '../../src/clat/forwarding.js';
import { openSettings, type Settings } from '../../src/clat/settings.js';

/** What else a written setting changes, as addrconf_fixup_forwarding() and inet_forward_change() of Linux do. */
const EFFECTS: Readonly<Record<string, readonly [string, (value: string) => string][]>> = {
  'ipv6/conf/all/forwarding': [
    ['ipv6/conf/default/forwarding', String],
    ['ipv6/conf/eth0/forwarding', String],
    ['ipv6/conf/eth1/forwarding', String],
  ],
  'ipv4/ip_forward': [
    ['ipv4/conf/eth0/forwarding', String],
    ['ipv4/conf/eth1/forwarding', String],
    ['ipv4/conf/all/accept_redirects', (value) => (value === '1' ? '0' : '1')],
  ],
};

let root: string;
let settings: Settings;
let written: string[];
vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  return {
    ...actual,
    async writeFile(path: string, value: string) {
      await actual.writeFile(path, value);
      const name = path.slice(root.length + 1);
      written.push(`${name} ${value}`);
      for (const [other, of] of EFFECTS[name] ?? []) await actual.writeFile(join(root, other), of(value));
    },
  };
});

/** eth1 forwards, although the host does not; it takes no redirects. */
const FILES = {
  'ipv4/ip_forward': '0',
  'ipv4/conf/eth0/forwarding': '0',
  'ipv4/conf/eth1/forwarding': '1',
  'ipv4/conf/all/accept_redirects': '0',
  'ipv6/conf/all/forwarding': '0',
  'ipv6/conf/all/proxy_ndp': '0',
  'ipv6/conf/default/forwarding': '0',
  'ipv6/conf/eth0/forwarding': '0',
  'ipv6/conf/eth0/accept_ra': '1',
  'ipv6/conf/eth1/forwarding': '1',
  'ipv6/conf/eth1/accept_ra': '1',
};
const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
const open = () => openSettings({ file: join(root, 'settings'), log, root });
const values = async () => {
  const all = Object.keys(FILES).map(async (name) => [name, await readFile(join(root, name), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(all));
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'platypus-sysctl-'));
  written = [];
  const names = Object.keys(FILES);
  for (const name of names) await mkdir(dirname(join(root, name)), { recursive: true });
  // What writes over others first.
  names.sort((a, b) => Number(b in EFFECTS) - Number(a in EFFECTS));
  for (const name of names) await writeFile(join(root, name), FILES[name as keyof typeof FILES]);
  settings = await open();
  await startForwarding({ ipv4: true, settings, log });
  written = [];
});
afterEach(() => rm(root, { recursive: true }));

test('devices that forwarded before go on to, and redirects stay off', async () => {
  expect(await values()).toMatchObject({ 'ipv4/conf/eth0/forwarding': '1', 'ipv6/conf/eth0/forwarding': '1' });
  await settings.restore();
  expect(await values()).toEqual(FILES);
});

test('a device forwards again while advertisements are still taken from it: their routes stay', async () => {
  await settings.restore();
  const at = (line: string) => written.indexOf(line);
  expect(at('ipv6/conf/all/forwarding 0')).toBeGreaterThanOrEqual(0);
  expect(at('ipv6/conf/eth1/forwarding 1')).toBeGreaterThan(at('ipv6/conf/all/forwarding 0'));
  expect(at('ipv6/conf/eth1/accept_ra 1')).toBeGreaterThan(at('ipv6/conf/eth1/forwarding 1'));
});

test('after a killed one as well, but for what somebody has changed since', async () => {
  await open();
  expect(await values()).toEqual(FILES);
  settings = await open();
  await startForwarding({ ipv4: true, settings, log });
  await writeFile(join(root, 'ipv6/conf/eth1/forwarding'), '0');
  await open();
  expect(await values()).toEqual({ ...FILES, 'ipv6/conf/eth1/forwarding': '0' });
});

test('where the host forwards already nothing is written over, nor taken back', async () => {
  await settings.restore();
  await writeFile(join(root, 'ipv4/ip_forward'), '1');
  await writeFile(join(root, 'ipv6/conf/all/forwarding'), '1');
  await startForwarding({ ipv4: true, settings, log });
  written = [];
  await settings.restore();
  expect(written).toEqual(['ipv6/conf/all/proxy_ndp 0']);
});
