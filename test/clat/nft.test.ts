import { beforeEach, expect, test } from 'vitest';
import { createTable, type RunNft, type Table } from '../../src/clat/nft.js';

const NONE = 'add table ip platypus_clat\ndelete table ip platypus_clat\n';
const WHOLE = `${NONE}table ip platypus_clat {\n  chain postrouting {\n  }\n}\n`;
const LIST = 'list table ip platypus_clat\n';
const lines = ['chain postrouting {', '}'];

let scripts: string[];
let failing: Error | null;
let table: Table;
const nft: RunNft = async (script) => {
  scripts.push(script);
  if (failing !== null) throw failing;
};

beforeEach(() => {
  scripts = [];
  failing = null;
  table = createTable('ip', 'clat', nft);
});

test('a table replaces the one that was left, and is removed whole', async () => {
  await table.put(lines);
  await table.remove();
  expect(scripts).toEqual([WHOLE, NONE]);
});

test('the same is said to nft once, and after a failure again', async () => {
  failing = new Error('no such thing');
  await expect(table.put(lines)).rejects.toThrow('no such thing');
  failing = null;
  await table.put(lines);
  await table.put(lines);
  await table.remove();
  await table.remove();
  expect(scripts).toEqual([WHOLE, WHOLE, NONE]);
});

test('the table of a killed one is removed; without nft there is none', async () => {
  await table.remove();
  expect(scripts).toEqual([NONE]);
  failing = Object.assign(new Error('spawn nft ENOENT'), { code: 'ENOENT' });
  await createTable('ip', 'clat', nft).remove();
});

test('a table that somebody removed is put back, one that is there is left alone', async () => {
  await table.put(lines);
  expect(await table.restore()).toBe(false);
  expect(scripts).toEqual([WHOLE, LIST]);
  const gone = createTable('ip', 'clat', async (script) => {
    scripts.push(script);
    if (script === LIST) throw new Error('No such file or directory');
  });
  await gone.put(lines);
  expect(await gone.restore()).toBe(true);
  expect(scripts.slice(2)).toEqual([WHOLE, LIST, WHOLE]);
});

test('a table that is not wanted is not put back', async () => {
  expect(await table.restore()).toBe(false);
  await table.put(lines);
  await table.remove();
  expect(await table.restore()).toBe(false);
  expect(scripts).toEqual([WHOLE, NONE]);
});
