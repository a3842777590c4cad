/** The query log: a line for each answer, bounded. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openQueryLog } from '../../src/dns64/query-log.js';
import { Query } from '../../src/dns64/wire/query.js';
import { LOOPBACK6, queryBytes } from './rig.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platypus-log-'));
});
afterEach(() => rm(folder, { recursive: true }));

function finished(name: string) {
  const query = new Query();
  query.read(queryBytes({ name }));
  const client = { family: 6 as const, address: LOOPBACK6, transport: 'udp' as const };
  return { query, client, rcode: 3, cached: true, bytes: 42 };
}

test('a line says who asked what, and what came of it', async () => {
  const file = join(folder, 'queries.json');
  const none = () => expect.unreachable();
  const log = openQueryLog({ file, perSecond: 10, nowMs: () => 0, leftOut: none, failed: none });
  log.write(finished('a\\.b.Example'));
  await log.close();
  const { time, ...rest } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  expect(String(time)).toMatch(/^\d{4}-\d\d-\d\dT/);
  expect(rest).toEqual({
    client: '::1',
    transport: 'udp',
    name: 'a\\\\.b.Example.',
    type: 'AAAA',
    rcode: 'NXDOMAIN',
    cached: true,
    bytes: 42,
  });
});

test('above its rate lines are left out and counted, until the next second', async () => {
  const file = join(folder, 'queries.json');
  let nowMs = 0;
  let leftOut = 0;
  const failed = () => expect.unreachable();
  const log = openQueryLog({ file, perSecond: 3, nowMs: () => nowMs, leftOut: () => leftOut++, failed });
  for (let i = 0; i < 5; i++) log.write(finished('a.example'));
  nowMs = 1000;
  log.write(finished('b.example'));
  await log.close();
  expect(leftOut).toBe(2);
  expect((await readFile(file, 'utf8')).trim().split('\n').length).toBe(4);
});

test('a file that cannot be opened is told of once, and its lines are counted', async () => {
  let leftOut = 0;
  let resolve: (error: Error) => void = () => undefined;
  const promise = new Promise<Error>((settle) => {
    resolve = settle;
  });
  const file = join(folder, 'no', 'such');
  const log = openQueryLog({ file, perSecond: 3, nowMs: () => 0, leftOut: () => leftOut++, failed: resolve });
  log.write(finished('a.example'));
  expect((await promise).message).toMatch(/ENOENT/);
  log.write(finished('a.example'));
  await log.close();
  expect(leftOut).toBe(1);
});
