import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Results, readRecords } from '../../bench/throughput/record.js';
import { eventually } from '../../lab/eventually.js';
import { missing } from '../../lab/host.js';
import { root } from '../../lab/plat.js';
import { run, start } from '../../lab/process.js';

// How fast anything is, is not asked here: only that the benchmark runs, tells, and leaves nothing.

const mark = 'PLATYPUS_BENCH_TEST';

/** Processes that the benchmark of this test began. Its namespaces have no name: they end with the last of these. */
async function leftOver(id: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')));
  return pids.filter((_, index) => environments[index]?.split('\0').includes(`${mark}=${id}`));
}

/** A process that was killed takes a moment to go. Rejects when one stays. */
async function nothingLeft(id: string): Promise<void> {
  await eventually(
    () => leftOver(id),
    (pids) => pids.length === 0,
  );
}

describe.skipIf(missing() !== null)('bench/throughput', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'platypus-throughput-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const command = (...args: string[]) => [
    process.execPath,
    join(root, 'build', 'bench', 'bench', 'throughput', 'main.js'),
    ...['--json', join(folder, 'report.json'), '--html', join(folder, 'report.html'), '--quick', ...args],
  ];
  const environment = () => ({ [mark]: folder });

  test('--quick: a record of one run for each figure of each peer, a page, and nothing left', async () => {
    const scenarios = ['tcp-bulk-1', 'packets-64-1', 'packets-64-64-flood', 'tcp-connections', 'latency-idle'];
    const outcome = await run(command('--only', scenarios.join(' ')), { timeoutMs: 110_000, env: environment() });
    expect(outcome.stdout).toContain('platypus-throughput-');
    const results = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Results;
    expect(results.absences).toEqual([]);
    expect(outcome.ok).toBe(true);

    const { records } = readRecords(JSON.stringify(results.records));
    expect(records).toEqual(results.records);
    for (const peer of ['plat', 'forwarding']) {
      const mine = records.filter((record) => record.peer === peer);
      expect(new Set(mine.map(({ scenario }) => scenario))).toEqual(new Set(scenarios));
      expect(mine.every(({ way, runs }) => way === 'host' && runs.length === 1 && runs.every(Number.isFinite))).toBe(
        true,
      );
      const directions = (scenario: string) =>
        mine.filter((record) => record.scenario === scenario).map(({ direction }) => direction);
      expect(new Set(directions('tcp-bulk-1'))).toEqual(new Set(['up', 'down']));
      expect(new Set(directions('packets-64-1'))).toEqual(new Set(['6to4', '4to6']));
    }
    expect(results.machine.cores).toBeGreaterThan(0);
    expect(await readFile(join(folder, 'report.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    await nothingLeft(folder);
  });

  test('Ctrl-C in the middle of a run ends it with 130, and nothing is left', async () => {
    const service = start(command('--only', 'tcp-bulk-1', '--seconds', '60'), { input: '', env: environment() });
    try {
      await service.output(/tcp-bulk-1 up, round 1 of 1/, 90_000);
      expect((await leftOver(folder)).length).toBeGreaterThan(1);
      service.signal('SIGINT');
      expect(await service.exited).toMatchObject({ code: 130, signal: null });
    } finally {
      await service.stop(20_000);
    }
    await nothingLeft(folder);
  });

  test('a peer that nobody knows is refused before anything is built', async () => {
    const outcome = await run(command('--peers', 'joool'), { env: environment() });
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^bench\/throughput: "joool" is no peer; expected some of plat, /);
  });
});
