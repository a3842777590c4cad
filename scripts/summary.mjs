/**
 * Counts what the last `make test` ran, from build/reports. Prints a line for each part, what failed and what was
 * skipped; exits 1 when anything failed or a report is missing. `--line`: prints only `N passed, N failed, N skipped`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = 'build/reports';
const expected = [
  'lint.tap',
  'native.tap',
  'threads.tap',
  'big-endian.tap',
  'fuzz.tap',
  'unit.json',
  'e2e.json',
  'e2e-workers.json',
  'conformance.tap',
];

/** @typedef {{ name: string, result: 'passed' | 'failed' | 'skipped', why?: string[] }} Case */

const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
const WHY_LINES = 12;

/** The beginning of what a failed test said, without the places in the code. @param {string[]} messages */
function whyOf(messages) {
  const lines = messages.join('\n').replaceAll(COLOURS, '').split('\n');
  return lines.filter((line) => line.trim() !== '' && !/^\s+at /.test(line)).slice(0, WHY_LINES);
}

/** @param {string} text @returns {Case[]} */
function fromTap(text) {
  const cases = [];
  for (const [, not, name, skip] of text.matchAll(/^(not )?ok (.*?)( # SKIP.*)?$/gm)) {
    cases.push({ name, result: not ? 'failed' : skip ? 'skipped' : 'passed' });
  }
  return cases;
}

/** @param {string} text @returns {Case[]} */
function fromVitest(text) {
  const cases = [];
  for (const file of JSON.parse(text).testResults) {
    for (const { fullName, status, failureMessages } of file.assertionResults) {
      const result = status === 'passed' || status === 'failed' ? status : 'skipped';
      cases.push({ name: fullName, result, why: whyOf(failureMessages ?? []) });
    }
    // A file that fails outside of its tests: it does not load, or a hook throws.
    const told = file.assertionResults.some(({ status }) => status === 'failed');
    if (file.status === 'failed' && !told) cases.push({ name: `${file.name}: ${file.message}`, result: 'failed' });
  }
  return cases;
}

/** @returns {{ part: string, cases: Case[] }[]} */
function read() {
  let there = [];
  try {
    there = readdirSync(folder);
  } catch {
    // Nothing ran: every report is missing.
  }
  return expected.map((file) => {
    const part = file.replace(/\..*/, '');
    if (!there.includes(file)) return { part, cases: [{ name: `${part}: did not run`, result: 'failed' }] };
    const text = readFileSync(join(folder, file), 'utf8');
    const cases = file.endsWith('.tap') ? fromTap(text) : fromVitest(text);
    return { part, cases: cases.length > 0 ? cases : [{ name: `${part}: ran nothing`, result: 'failed' }] };
  });
}

const parts = read();
const count = (cases, result) => cases.filter((one) => one.result === result).length;
const line = (cases) => ['passed', 'failed', 'skipped'].map((result) => `${count(cases, result)} ${result}`).join(', ');
const all = parts.flatMap(({ cases }) => cases);

if (process.argv.includes('--line')) {
  console.log(line(all));
} else {
  for (const { part, cases } of parts) console.log(`${part.padEnd(12)} ${line(cases)}`);
  for (const result of ['skipped', 'failed']) {
    const names = all
      .filter((one) => one.result === result)
      .flatMap(({ name, why = [] }) => [`  ${name}`, ...why.map((line) => `      ${line.slice(0, 300)}`)]);
    if (names.length > 0) console.log(`\n${result.toUpperCase()}:\n${names.join('\n')}`);
  }
}
process.exitCode = count(all, 'failed') > 0 ? 1 : 0;
