import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../bench/jool/results.mjs', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platypus-jool-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(text: string): Promise<string> {
  const name = join(folder, 'console');
  await writeFile(name, text);
  return name;
}

function results(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

const run = (mode: string, scenario: string, round: number, nanos: number) =>
  `@@ run mode=${mode} scenario=${scenario} direction=6to4 round=${round} packets=1000 busyNanos=${nanos * 1000}`;

const oneRound = [
  '@@ kernel 6.1.0',
  run('generator', 'nat64-1', 1, 400),
  run('forwarding', 'nat64-1', 1, 700),
  run('jool', 'nat64-1', 1, 1300),
  run('platypus', 'nat64-1', 1, 1600),
];

test('what a packet costs is net of the generator, and relative to forwarding and to Jool', async () => {
  const { code, stdout } = await results('--way', 'qemu', '--json', await file([...oneRound, '@@ end ok'].join('\n')));
  expect(code).toBe(0);
  const common = { scenario: 'nat64-1', direction: '6to4', way: 'qemu', better: 'lower' };
  const time = { ...common, metric: 'net-time-per-packet', unit: 'ns' };
  const ratio = { ...common, unit: 'x' };
  expect(JSON.parse(stdout)).toEqual([
    { ...time, peer: 'forwarding', runs: [300] },
    { ...time, peer: 'jool', runs: [900] },
    { ...ratio, peer: 'jool', metric: 'ratio-to-forwarding', runs: [3] },
    { ...time, peer: 'platypus', runs: [1200] },
    { ...ratio, peer: 'platypus', metric: 'ratio-to-forwarding', runs: [4] },
    { ...ratio, peer: 'platypus', metric: 'ratio-to-jool', runs: [1.333] },
  ]);
});

test('the stateless scenario takes forwarding from the scenario with one flow', async () => {
  const lines = [...oneRound.slice(0, 3), run('jool', 'siit', 1, 1000), '@@ end ok'];
  const { stdout } = await results('--way', 'uml', '--json', await file(lines.join('\n')));
  const siit = JSON.parse(stdout).filter((record: { scenario: string }) => record.scenario === 'siit');
  expect(siit.map(({ peer, metric, runs }: Record<string, unknown>) => [peer, metric, runs])).toEqual([
    ['forwarding', 'net-time-per-packet', [300]],
    ['jool', 'net-time-per-packet', [600]],
    ['jool', 'ratio-to-forwarding', [2]],
  ]);
});

test('new sessions are counted by the second', async () => {
  const lines = [run('generator', 'new-sessions', 1, 500), run('jool', 'new-sessions', 1, 2500), '@@ end ok'];
  const { stdout } = await results('--way', 'uml', '--json', await file(lines.join('\n')));
  expect(JSON.parse(stdout)).toEqual([
    {
      scenario: 'new-sessions',
      direction: '6to4',
      peer: 'jool',
      way: 'uml',
      metric: 'sessions-per-second',
      unit: '1/s',
      better: 'higher',
      runs: [500_000],
    },
  ]);
});

test("lines are found behind a terminal's carriage returns and the kernel's own words", async () => {
  const noise = ['[    1.0] tun: loaded', ...oneRound.map((line) => `[    2.0] ${line}`), '@@ end ok'];
  const { stdout } = await results('--way', 'uml', '--json', await file(noise.join('\r\n')));
  expect(JSON.parse(stdout)[0].runs).toEqual([300]);
});

test('a round in which packets were lost does not count, and is told', async () => {
  const lost = '@@ lost mode=jool scenario=nat64-1 direction=6to4 round=2 packets=1000 delivered=999';
  const second = [run('generator', 'nat64-1', 2, 400), run('forwarding', 'nat64-1', 2, 720), lost];
  const { stdout, stderr } = await results(
    '--way',
    'uml',
    '--json',
    await file([...oneRound, ...second, '@@ end ok'].join('\n')),
  );
  const records: { peer: string; metric: string; runs: number[] }[] = JSON.parse(stdout);
  expect(records.find(({ peer }) => peer === 'forwarding')?.runs).toEqual([300, 320]);
  expect(records.find(({ peer }) => peer === 'jool')?.runs).toEqual([900]);
  expect(stderr).toContain('packets were lost, so this does not count: mode=jool');
});

test('a guest that failed, or did not end, gives no records and says so', async () => {
  const failed = await results('--way', 'uml', '--json', await file('@@ end failed: insmod jool.ko\n'));
  expect(failed).toMatchObject({ code: 3, stdout: '' });
  expect(failed.stderr).toContain('not available: the guest failed: insmod jool.ko');
  const cut = await results('--way', 'uml', '--json', await file(oneRound.join('\n')));
  expect(cut).toMatchObject({ code: 3, stdout: '' });
  expect(cut.stderr).toContain('not available: the guest did not reach its end');
});

test('the two ways are compared, and a disagreement is told', async () => {
  const records = (runs: number[]) =>
    JSON.stringify([
      { scenario: 'siit', direction: '4to6', peer: 'jool', metric: 'ratio-to-forwarding', unit: 'x', runs },
    ]);
  const uml = join(folder, 'uml.json');
  const qemu = join(folder, 'qemu.json');
  await writeFile(uml, records([1.9, 2, 9]));
  await writeFile(qemu, records([2.2, 2.4, 2.3]));
  expect((await results('--compare', uml, qemu)).stdout).toContain('2.00 x in UML, 2.30 x in QEMU; they agree');
  await writeFile(qemu, records([3]));
  expect((await results('--compare', uml, qemu)).stdout).toContain('they disagree by 1.50 x');
});

test('the records are also left in a file', async () => {
  const kept = join(folder, 'kept.json');
  const { stdout } = await results(
    '--way',
    'uml',
    '--records',
    kept,
    await file([...oneRound, '@@ end ok'].join('\n')),
  );
  expect(stdout).toBe('');
  expect(JSON.parse(await readFile(kept, 'utf8'))).toHaveLength(6);
});
