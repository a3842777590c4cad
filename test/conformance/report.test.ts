/** `make conformance`: docs/reference/conformance.md from a test run, and whether it still is what a run gives. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));
type Result = 'passed' | 'failed' | 'pending';
let folder = '';

/** A project with the two scripts, four requirements and reports of a test run. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'platypus-conformance-'));
  for (const name of ['conformance.mjs', 'conformance-report.mjs']) {
    mkdirSync(join(folder, 'scripts'), { recursive: true });
    copyFileSync(join(scripts, name), join(folder, 'scripts', name));
  }
  const rows = ['SIIT-ADDR-01', 'SIIT-ADDR-02', 'SIIT-ADDR-03', 'SIIT-ADDR-04', 'BGP-HDR-01'].map((id) => ({
    id,
    strength: id.endsWith('4') ? 'MAY' : 'MUST',
    table: id.startsWith('S') ? 'siit' : 'bgp',
    source: 'RFC 6052 s2.2',
  }));
  write('test/vectors/requirements.json', JSON.stringify(rows));
  write('docs/reference/refused.json', JSON.stringify({ 'SIIT-ADDR-04': 'nobody | wants it' }));
  report({});
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}
const document = () => readFileSync(join(folder, 'docs/reference/conformance.md'), 'utf8');

function report({ unit = 'passed', e2e = 'passed' }: { unit?: Result; e2e?: Result }): void {
  const file = (name: string, titles: string[], status: Result) => ({
    name: join(folder, name),
    assertionResults: titles.map((fullName) => ({ fullName, status })),
  });
  const titles = ['SIIT-ADDR-01 c', 'SIIT-ADDR-01 a|b', 'SIIT-ADDR-01 d', 'SIIT-ADDR-01 <e>'];
  write('build/reports/unit.json', JSON.stringify({ testResults: [file('test/a.test.ts', titles, unit)] }));
  const reach = file('test/e2e/b.test.ts', ['reach SIIT-ADDR-02 far'], e2e);
  write('build/reports/e2e.json', JSON.stringify({ testResults: [reach] }));
  write('build/reports/native.tap', 'ok SIIT-ADDR-01, -02 bits\nok other # SKIP no\n');
}
function conformance(...args: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [join(folder, 'scripts/conformance.mjs'), ...args], {
    encoding: 'utf8',
  });
  return { status, stdout };
}
const tap = () => readFileSync(join(folder, 'build/reports/conformance.tap'), 'utf8');

test('the file has a line for each requirement of a table that a test touches', () => {
  expect(conformance()).toMatchObject({ status: 0 });
  const [, text = ''] = document().split('\n## ');
  expect(text).toBe(`Stateless translation (SIIT)

4 requirements: 2 pass, 1 refused, 1 open.

| ID | Strength | Source | State | Tests, or why not |
|---|---|---|---|---|
| SIIT-ADDR-01 | MUST | RFC 6052 s2.2 | pass | native: SIIT-ADDR-01, -02 bits<br>test/a.test.ts: SIIT-ADDR-01 &lt;e><br>test/a.test.ts: SIIT-ADDR-01 a\\|b<br>and 2 more |
| SIIT-ADDR-02 | MUST | RFC 6052 s2.2 | pass | native: SIIT-ADDR-01, -02 bits<br>test/e2e/b.test.ts: reach SIIT-ADDR-02 far |
| SIIT-ADDR-03 | MUST | RFC 6052 s2.2 | open |  |
| SIIT-ADDR-04 | MAY | RFC 6052 s2.2 | refused | nobody \\| wants it |
`);
});

test('--check is content with a file that the same run wrote, and changes nothing', () => {
  conformance();
  const before = document();
  expect(conformance('--check').status).toBe(0);
  expect(tap()).toBe('ok conformance: docs/reference/conformance.md says what this run gives\n');
  expect(document()).toBe(before);
});

test('--check finds an edit by hand and names the requirement', () => {
  conformance();
  write(
    'docs/reference/conformance.md',
    document().replace('| SIIT-ADDR-03 | MUST | RFC 6052 s2.2 | open', '| SIIT-ADDR-03 | MUST | RFC 6052 s2.2 | pass'),
  );
  expect(conformance('--check').status).toBe(1);
  expect(tap()).toBe(
    'not ok conformance: docs/reference/conformance.md is not what this run gives: SIIT-ADDR-03; `make conformance` writes it anew\n',
  );
});

test('--check finds an edit around the lines', () => {
  conformance();
  write('docs/reference/conformance.md', document().replace('2 pass', '3 pass'));
  expect(conformance('--check').status).toBe(1);
  expect(tap()).toContain('the text around the rows');
});

test('--check finds a changed result', () => {
  conformance();
  report({ unit: 'failed' });
  expect(conformance('--check').status).toBe(1);
  expect(tap()).toContain(': SIIT-ADDR-01;');
});

test('--check finds that there is no file', () => {
  expect(conformance('--check').status).toBe(1);
});

test('tests that were skipped do not make the file stale, but are told about', () => {
  write('build/reports/native.tap', 'ok something\n');
  conformance();
  report({ e2e: 'pending' });
  write('build/reports/native.tap', 'ok something\n');
  expect(conformance('--check').status).toBe(0);
  expect(tap()).toBe(
    'ok conformance: docs/reference/conformance.md says what this run gives (1 skipped in this run, taken as they are there)\n',
  );
  conformance();
  expect(document()).toMatch(/SIIT-ADDR-02 .* pass/);
});

test('what no run has shown yet is skipped, not passed', () => {
  report({ e2e: 'pending' });
  write('build/reports/native.tap', 'ok something\n');
  conformance();
  expect(document()).toMatch(/^\| SIIT-ADDR-02 .*\| skipped \|/m);
});

test('without all reports nothing is written, and --check fails', () => {
  conformance();
  const before = document();
  rmSync(join(folder, 'build/reports/e2e.json'));
  expect(conformance().stdout).toContain('stays as it is: build/reports lacks e2e.json');
  expect(document()).toBe(before);
  expect(conformance('--check').status).toBe(1);
});
