import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CheckOptions, pingCommand, startCheck } from '../../src/bgp-lite/checks.js';

/** The first `count` results. */
function results(command: string[], count = 1, keys: Partial<CheckOptions> = {}): Promise<[boolean, string][]> {
  return new Promise((resolve) => {
    const found: [boolean, string][] = [];
    const check = startCheck({ command, everyMs: 10, timeoutMs: 5000, ...keys }, (ok, detail) => {
      found.push([ok, detail]);
      if (found.length < count) return;
      check.stop();
      resolve(found);
    });
  });
}

test('exit 0 is good, with the first line of what it said', async () => {
  expect(await results(['/bin/sh', '-c', 'echo all well; echo more'])).toEqual([[true, 'all well']]);
  expect(await results(['/bin/true'])).toEqual([[true, 'exit 0']]);
});

test('another exit is not, with what it complained about', async () => {
  expect(await results(['/bin/sh', '-c', 'echo out; echo wrong >&2; exit 3'])).toEqual([[false, 'wrong']]);
  expect(await results(['/bin/sh', '-c', 'exit 3'])).toEqual([[false, 'exit 3']]);
});

test('a program that is not there is a bad result', async () => {
  expect(await results(['/nowhere/check'])).toEqual([[false, 'ENOENT']]);
});

test('one that does not end is killed', async () => {
  expect(await results(['/bin/sleep', '60'], 1, { timeoutMs: 50 })).toEqual([[false, 'no end within 50 ms']]);
});

test('one that talks without end is killed', async () => {
  const [[ok, detail] = []] = await results(['/usr/bin/yes', 'x'.repeat(200)]);
  expect(ok).toBe(false);
  expect((detail ?? '').length).toBeLessThan(130);
});

test('it runs again and again', async () => {
  expect(await results(['/bin/true'], 3)).toHaveLength(3);
});

test('a run that somebody stops says nothing, two in a row do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'platypus-checks-'));
  const script = `test -e '${folder}/ran' || { touch '${folder}/ran'; kill -TERM $$; }; echo then`;
  try {
    expect(await results(['/bin/sh', '-c', script])).toEqual([[true, 'then']]);
  } finally {
    await rm(folder, { recursive: true });
  }
  expect(await results(['/bin/sh', '-c', 'kill -TERM $$'])).toEqual([[false, 'SIGTERM']]);
});

test('one that ends by a fault of its own is a bad result at once', async () => {
  expect(await results(['/bin/sh', '-c', 'kill -SEGV $$'])).toEqual([[false, 'SIGSEGV']]);
});

test('no shell: an argument is one argument', async () => {
  expect(await results(['/bin/echo', '$HOME; true'])).toEqual([[true, '$HOME; true']]);
});

test('what a terminal would act on is not kept', async () => {
  expect(await results(['/usr/bin/printf', '\\033[31mred'])).toEqual([[true, '?[31mred']]);
});

test('ping is asked for one echo', () => {
  expect(pingCommand('192.0.2.1', 1500, 'vrf0')).toEqual([
    'ping',
    '-n',
    '-q',
    '-c',
    '1',
    '-W',
    '1.5',
    '-I',
    'vrf0',
    '192.0.2.1',
  ]);
});
