import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startForwarding } from '../../src/clat/forwarding.js';

let root: string;
const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
const FILES = {
  'ipv4/ip_forward': '0',
  'ipv6/conf/all/forwarding': '0',
  'ipv6/conf/all/proxy_ndp': '0',
  'ipv6/conf/all/accept_ra': '1',
  'ipv6/conf/eth0/accept_ra': '1',
  'ipv6/conf/eth1/accept_ra': '0',
};

const values = async () =>
  Object.fromEntries(
    await Promise.all(
      Object.keys(FILES).map(async (name) => [name, (await readFile(join(root, name), 'utf8')).trim()] as const),
    ),
  );

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'platypus-sysctl-'));
  for (const [name, value] of Object.entries(FILES)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `${value}\n`);
  }
});
afterEach(() => rm(root, { recursive: true }));

test('a host goes on listening to advertisements when it begins to forward, and all is taken back', async () => {
  const stop = await startForwarding({ ipv4: false, log, root });
  expect(await values()).toEqual({
    ...FILES,
    'ipv6/conf/all/forwarding': '1',
    'ipv6/conf/all/proxy_ndp': '1',
    'ipv6/conf/all/accept_ra': '2',
    'ipv6/conf/eth0/accept_ra': '2',
  });
  await stop();
  expect(await values()).toEqual(FILES);
});

test('a LAN needs IPv4 as well', async () => {
  const stop = await startForwarding({ ipv4: true, log, root });
  expect((await values())['ipv4/ip_forward']).toBe('1');
  await stop();
});

test('a router’s settings stay as they are', async () => {
  await writeFile(join(root, 'ipv6/conf/all/forwarding'), '1\n');
  await startForwarding({ ipv4: false, log, root });
  expect((await values())['ipv6/conf/eth0/accept_ra']).toBe('1');
});

test('what cannot be set is said, and what was set is taken back', async () => {
  await rm(join(root, 'ipv6/conf/all/proxy_ndp'));
  await expect(startForwarding({ ipv4: false, log, root })).rejects.toThrow(/cannot have the kernel forward/);
  expect(await readFile(join(root, 'ipv6/conf/eth0/accept_ra'), 'utf8')).toBe('1');
});
