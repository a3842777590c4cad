import { expect, test } from 'vitest';
import { createFakeHost } from '../fakes/addon.js';
import { run } from './run.js';

test.each(['plat', 'siit', 'clat', 'dns64'])('%s takes every log level of the file', async (command) => {
  const { stdout } = await run(createFakeHost(), command, '--help');
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
    '--log-level <level> what to log (choices: "trace", "debug", "info", "warn", "error", "silent")',
  );
});
