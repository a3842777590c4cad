import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createNotify } from '../../src/control/notify.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platypus-notify-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A stand-in for systemd-notify on the PATH. */
async function standIn(body: string): Promise<NodeJS.ProcessEnv> {
  const program = join(folder, 'systemd-notify');
  await writeFile(program, `#!/bin/sh\n${body}\n`);
  await chmod(program, 0o755);
  return { PATH: `${folder}:${process.env.PATH}`, NOTIFY_SOCKET: '/run/systemd/notify' };
}

test('sends its variables through systemd-notify', async () => {
  const environment = await standIn(`printf '%s\\n' "$NOTIFY_SOCKET" "$@" > ${folder}/sent`);
  await createNotify(environment, (message) => expect.fail(message))('READY=1', 'STATUS=two words');
  expect(await readFile(join(folder, 'sent'), 'utf8')).toBe('/run/systemd/notify\n--\nREADY=1\nSTATUS=two words\n');
});

test('does nothing without NOTIFY_SOCKET', async () => {
  const environment = await standIn(`touch ${folder}/sent`);
  delete environment.NOTIFY_SOCKET;
  await createNotify(environment, (message) => expect.fail(message))('READY=1');
  await expect(readFile(join(folder, 'sent'))).rejects.toThrow(/ENOENT/);
});

test.each([['fails', 'exit 3', /READY=1: systemd-notify ended with 3/]])(
  'a systemd-notify that %s is told and does no harm',
  async (_name, body, sentence) => {
    const told: string[] = [];
    await createNotify(await standIn(body), (message) => told.push(message))('READY=1');
    expect(told).toEqual([expect.stringMatching(sentence)]);
  },
);

test('a missing systemd-notify is told and does no harm', async () => {
  const told: string[] = [];
  await createNotify({ PATH: folder, NOTIFY_SOCKET: '/x' }, (message) => told.push(message))('READY=1');
  expect(told).toEqual([expect.stringMatching(/cannot tell systemd READY=1: .*ENOENT/)]);
});
