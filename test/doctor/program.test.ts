/** Programs that are really run. */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { createRunner } from '../../src/doctor/survey/program.js';

const never = () => new AbortController().signal;
const node = (script: string) => [process.execPath, '-e', script];

test('says what the program says', async () => {
  expect(await createRunner(never())(node('process.stdout.write("out"); process.stderr.write("err")'))).toEqual({
    ok: true,
    stdout: 'out',
    failure: '',
    missing: false,
  });
});

test('speaks English and finds what only root has in its path', async () => {
  const { stdout } = await createRunner(never())(node('console.log(process.env.LC_ALL, process.env.PATH)'));
  expect(stdout).toMatch(/^C .*:\/usr\/sbin:\/sbin\n$/);
});

test('a failure is the first line, without what a terminal would obey', async () => {
  const script = 'process.stderr.write("RTNETLINK\\u001b[31m answers: no\\u00e4\\nmore"); process.exitCode = 2';
  const outcome = await createRunner(never())(node(script));
  expect(outcome).toMatchObject({ ok: false, failure: 'RTNETLINK?[31m answers: no?', missing: false });
});

test('a long first line is cut', async () => {
  const { failure } = await createRunner(never())(node('process.stderr.write("x".repeat(999)); process.exitCode = 1'));
  expect(failure).toBe('x'.repeat(200));
});

test('a failure without a word', async () => {
  const { failure } = await createRunner(never())(node('process.exitCode = 7'));
  expect(failure).toContain(`${process.execPath}: `);
});

test('a program that is not installed', async () => {
  expect(await createRunner(never())(['platypus-has-no-such-program', '-x'])).toEqual({
    ok: false,
    stdout: '',
    failure: 'platypus-has-no-such-program is not installed',
    missing: true,
  });
});

test('no shell reads the words', async () => {
  const { stdout } = await createRunner(never())(['echo', '$HOME;', '`id`', '*']);
  expect(stdout).toBe('$HOME; `id` *\n');
});

test('one that hangs is ended', async () => {
  const outcome = await createRunner(never())(node('setInterval(() => {}, 1000)'), { timeoutMs: 300 });
  expect(outcome).toMatchObject({ ok: false, missing: false });
});

test('one that speaks without end is ended', async () => {
  const script = 'const more = () => process.stdout.write("x".repeat(65536), more); more()';
  const { ok, stdout } = await createRunner(never())(node(script), { timeoutMs: 15_000 });
  expect(ok).toBe(false);
  expect(stdout.length).toBeLessThanOrEqual(8 * 1024 * 1024);
});

test('all are ended when nobody waits any longer', async () => {
  const controller = new AbortController();
  const outcome = createRunner(controller.signal)(node('setInterval(() => {}, 1000)'));
  controller.abort();
  expect((await outcome).ok).toBe(false);
});

test('twenty at once are no leak that Node warns of', async () => {
  const warned = once(process, 'warning').then(([warning]) => (warning as Error).name);
  const run = createRunner(never());
  await Promise.all(Array.from({ length: 20 }, () => run(['true'])));
  // Warnings come in their order, so that this one is the first unless there was another.
  process.emitWarning('the end', 'TheEnd');
  expect(await warned).toBe('TheEnd');
});
