import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { clatKey } from '../../src/clat/key.js';

test('XLAT-CLAT-06 the key is that of machine and uplink, and random without a machine-id', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'platypus-key-'));
  const file = join(folder, 'machine-id');
  await writeFile(file, '0123456789abcdef0123456789abcdef\n');
  const key = await clatKey('eth0', file);
  expect(key).toHaveLength(16);
  expect(await clatKey('eth0', file)).toEqual(key);
  expect(await clatKey('eth1', file)).not.toEqual(key);
  await writeFile(file, 'uninitialized\n');
  expect(await clatKey('eth0', file)).not.toEqual(await clatKey('eth0', file));
  await rm(folder, { recursive: true });
});
