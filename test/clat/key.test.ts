import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clatKey } from '../../src/clat/key.js';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platypus-'));
  file = join(folder, 'machine-id');
  await writeFile(file, '0123456789abcdef0123456789abcdef\n');
});
afterEach(() => rm(folder, { recursive: true }));

/** A host whose eth0 has this link address. */
async function devices(name: string, linkAddress: string): Promise<string> {
  await mkdir(join(folder, name, 'eth0'), { recursive: true });
  await writeFile(join(folder, name, 'eth0', 'address'), `${linkAddress}\n`);
  return join(folder, name);
}

test('XLAT-CLAT-06 the key is of host and uplink, the same after each start, and random without a machine-id', async () => {
  const key = await clatKey('eth0', file, folder);
  expect(key).toHaveLength(16);
  expect(await clatKey('eth0', file, folder)).toEqual(key);
  expect(await clatKey('eth1', file, folder)).not.toEqual(key);
  await writeFile(file, 'uninitialized\n');
  expect(await clatKey('eth0', file, folder)).not.toEqual(await clatKey('eth0', file, folder));
});

test('virtual machines that were copied, machine-id and all, have different keys by their link addresses', async () => {
  const original = await devices('original', '52:54:00:00:00:01');
  const copy = await devices('copy', '52:54:00:00:00:02');
  const key = await clatKey('eth0', file, original);
  expect(await clatKey('eth0', file, original)).toEqual(key);
  expect(await clatKey('eth0', file, copy)).not.toEqual(key);
  expect(await clatKey('eth0', file, folder)).not.toEqual(key);
});
