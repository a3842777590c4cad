import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { forwardUplink, startForwarding } from '../../src/clat/forwarding.js';
import { openSettings, type Setting, type Settings } from '../../src/clat/settings.js';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, writeFile: vi.fn(real.writeFile) };
});

let root: string;
let settings: Settings;
const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
const FILES = {
  'ipv4/ip_forward': '0',
  'ipv4/conf/all/accept_redirects': '1',
  'ipv6/conf/all/forwarding': '0',
  'ipv6/conf/all/proxy_ndp': '0',
  'ipv6/conf/all/accept_ra': '1',
  'ipv6/conf/eth0/accept_ra': '1',
  'ipv6/conf/eth0/proxy_ndp': '0',
  'ipv6/conf/eth0/forwarding': '0',
  'ipv6/conf/eth1/accept_ra': '0',
};
const FORWARDING = {
  ...FILES,
  'ipv6/conf/all/forwarding': '1',
  'ipv6/conf/all/proxy_ndp': '1',
  'ipv6/conf/all/accept_ra': '2',
  'ipv6/conf/eth0/accept_ra': '2',
};

const values = async () =>
  Object.fromEntries(
    await Promise.all(
      Object.keys(FILES).map(async (name) => [name, (await readFile(join(root, name), 'utf8')).trim()] as const),
    ),
  );
const open = () => openSettings({ file: join(root, 'run', 'settings'), log, root });
const start = (ipv4 = false) => startForwarding({ ipv4, settings, log });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'platypus-sysctl-'));
  for (const [name, value] of Object.entries(FILES)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `${value}\n`);
  }
  settings = await open();
});
afterEach(async () => {
  vi.mocked(writeFile).mockReset();
  await rm(root, { recursive: true });
});

test('a host goes on listening to advertisements when it begins to forward, and all is taken back', async () => {
  await start();
  expect(await values()).toEqual(FORWARDING);
  await settings.restore();
  expect(await values()).toEqual(FILES);
});

test('a LAN needs IPv4 as well', async () => {
  await start(true);
  expect((await values())['ipv4/ip_forward']).toBe('1');
});

test('a router’s settings stay as they are', async () => {
  await writeFile(join(root, 'ipv6/conf/all/forwarding'), '1\n');
  await start();
  expect((await values())['ipv6/conf/eth0/accept_ra']).toBe('1');
});

test('an uplink that does not forward although others do is made to, advertisements first, and it is taken back', async () => {
  await writeFile(join(root, 'ipv6/conf/all/forwarding'), '1\n');
  const before = await values();
  await start();
  const order: string[] = [];
  const spied = {
    ...settings,
    change: async (list: readonly Setting[]) => {
      order.push(...list.map(({ name, value }) => `${name} ${value}`));
      await settings.change(list);
    },
  };
  await forwardUplink('eth0', spied, log);
  // eth1 does not listen, and all the others go on to.
  expect(order.slice(0, -1).sort()).toEqual(['ipv6/conf/all/accept_ra 2', 'ipv6/conf/eth0/accept_ra 2']);
  expect(order.at(-1)).toBe('ipv6/conf/eth0/forwarding 1');
  expect(await values()).toMatchObject({ 'ipv6/conf/eth0/forwarding': '1', 'ipv6/conf/eth0/accept_ra': '2' });
  await settings.restore();
  expect(await values()).toEqual(before);
});

test('the forwarding of an uplink is taken back after a killed one too', async () => {
  await writeFile(join(root, 'ipv6/conf/all/forwarding'), '1\n');
  const before = await values();
  await forwardUplink('eth0', settings, log);
  settings = await open();
  expect(await values()).toEqual(before);
});

test('what cannot be set is said, and what was set is taken back', async () => {
  await rm(join(root, 'ipv6/conf/all/proxy_ndp'));
  await expect(start()).rejects.toThrow(/cannot have the kernel forward/);
  expect(await readFile(join(root, 'ipv6/conf/eth0/accept_ra'), 'utf8')).toBe('1');
});

test('without rights the sentence says which, and only what was written is taken back', async () => {
  const tried: string[] = [];
  vi.mocked(writeFile).mockImplementation(async (path, value) => {
    const name = String(path).slice(root.length + 1);
    if (name.startsWith('run/')) return;
    tried.push(`${name} ${String(value)}`);
    if (tried.length === 2) throw Object.assign(new Error('denied'), { code: 'EACCES' });
  });
  await expect(start()).rejects.toMatchObject({
    code: 'PLT_NOT_PERMITTED',
    message:
      'cannot have the kernel forward: not permitted, expected root or a process with the capability CAP_NET_ADMIN',
  });
  const [first] = tried;
  expect(tried).toEqual([first, expect.any(String), first?.replace(/2$/, '1')]);
});

test('after a killed one the next finds the settings as they were, and leaves them so', async () => {
  await start(true);
  await settings.remember([{ name: 'ipv6/conf/eth0/proxy_ndp', value: '1' }]);
  await writeFile(join(root, 'ipv6/conf/eth0/proxy_ndp'), '1');
  // No restore: it was killed.
  settings = await open();
  expect(await values()).toEqual(FILES);
  await start(true);
  await settings.restore();
  expect(await values()).toEqual(FILES);
  await expect(readFile(join(root, 'run', 'settings'))).rejects.toThrow(/ENOENT/);
});

test('uplinks that change and remember at once write the file one after the other', async () => {
  log.warn.mockClear();
  const before = await values();
  const names = Object.entries(FILES).flatMap(([name, value]) =>
    value === '0' && !name.endsWith('accept_ra') ? name : [],
  );
  await Promise.all(
    names.flatMap((name) => [
      settings.change([{ name, value: '1' }]),
      settings.change([{ name, value: '1' }]),
      settings.remember([{ name: 'ipv6/conf/eth1/accept_ra', value: '2' }]),
    ]),
  );
  expect(log.warn).not.toHaveBeenCalled();
  const { settings: record } = JSON.parse(await readFile(join(root, 'run', 'settings'), 'utf8')) as {
    settings: { name: string; before: string }[];
  };
  expect(record.map(({ name, before }) => `${name} ${before}`).sort()).toEqual(
    [...names, 'ipv6/conf/eth1/accept_ra'].map((name) => `${name} 0`).sort(),
  );
  await settings.restore();
  expect(await values()).toEqual(before);
});

test('what somebody changed since a killed one stays', async () => {
  await start();
  await writeFile(join(root, 'ipv6/conf/eth0/accept_ra'), '0');
  settings = await open();
  expect((await values())['ipv6/conf/eth0/accept_ra']).toBe('0');
  expect((await values())['ipv6/conf/all/forwarding']).toBe('0');
});

test.each([
  ['no record', 'what is this'],
  ['of another boot', JSON.stringify({ host: 'x', settings: [{ name: 'ipv4/ip_forward', before: '1', value: '0' }] })],
])('a file that is %s changes nothing', async (_, content) => {
  await mkdir(join(root, 'run'), { recursive: true });
  await writeFile(join(root, 'run', 'settings'), content);
  await open();
  expect(await values()).toEqual(FILES);
});

test('a record names settings below its folder only', async () => {
  await start();
  const file = join(root, 'run', 'settings');
  const record = JSON.parse(await readFile(file, 'utf8')) as { settings: object[] };
  const outside = join(dirname(root), `${root.split('/').at(-1)}-outside`);
  await writeFile(outside, 'ours');
  record.settings = [{ name: `../${outside.split('/').at(-1)}`, before: 'theirs', value: 'ours' }];
  await writeFile(file, JSON.stringify(record));
  await open();
  expect(await readFile(outside, 'utf8')).toBe('ours');
  await rm(outside);
});

test('where nothing can be written it is said, and goes on', async () => {
  settings = await openSettings({ file: join(root, 'ipv4', 'ip_forward', 'settings'), log, root });
  await start();
  expect(log.warn).toHaveBeenCalledWith(expect.stringMatching(/^cannot remember the kernel's settings in/));
  expect(await values()).toEqual(FORWARDING);
});
