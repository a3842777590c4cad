/**
 * What the last test run says about the conformance tables: test names carry requirement IDs (`N64-HAIR-02 …`, also
 * `SIIT-ADDR-03..08` and `SIIT-ADDR-03, -04`). Reads build/reports, test/vectors/requirements.json and
 * docs/reference/refused.json (ID → why it is refused on purpose). Writes docs/reference/conformance.md and prints a
 * summary. `--check` compares instead of writing, leaves one TAP line in build/reports/conformance.tap and exits 1 when
 * the file is not what this run gives. `--list` prints each ID with its state.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { differences, render, statesIn } from './conformance-report.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const json = (...path) => JSON.parse(readFileSync(join(root, ...path), 'utf8'));
const document = 'docs/reference/conformance.md';
const reports = ['unit.json', 'e2e.json', 'native.tap'];
const missing = reports.filter((file) => !existsSync(join(root, 'build', 'reports', file)));

/** IDs named in a test name, ranges and lists written out. */
export function idsIn(name) {
  const ids = [];
  const pattern =
    /\b((?:SIIT|N64|XLAT|DNS|BGP|OSPF)-[A-Za-z0-9]+)-(\d+)([a-z]?)\b((?:(?:\.\.|…|–)-?\d+|, ?-\d+[a-z]?|\/-?\d+[a-z]?)*)/g;
  for (const [, section, first, letter, rest] of name.matchAll(pattern)) {
    const id = (number, suffix = '') => `${section}-${String(number).padStart(first.length, '0')}${suffix}`;
    ids.push(id(first, letter));
    let last = Number(first);
    for (const [, sign, number, suffix] of rest.matchAll(/(\.\.|…|–|, ?|\/)-?(\d+)([a-z]?)/g)) {
      const range = sign === '..' || sign === '…' || sign === '–';
      for (let next = range ? last + 1 : Number(number); next <= Number(number); next += 1) ids.push(id(next, suffix));
      last = Number(number);
    }
  }
  return ids;
}

/** The IDs of each section of a table: one line for `SIIT-ADDR-…`, one for `SIIT-4to6-…`. */
function bySection(rows) {
  const sections = new Map();
  for (const { id } of rows) {
    const section = id.replace(/-\d+[a-z]?$/, '');
    sections.set(section, [...(sections.get(section) ?? []), id]);
  }
  return sections.values();
}

/** @returns {{ file: string, name: string, result: string }[]} */
function testCases() {
  const cases = [];
  for (const report of reports.filter((file) => !missing.includes(file))) {
    if (report.endsWith('.json')) {
      for (const { name, assertionResults } of json('build', 'reports', report).testResults) {
        const file = relative(root, name);
        for (const { fullName, status } of assertionResults) cases.push({ file, name: fullName, result: status });
      }
    } else {
      const tap = readFileSync(join(root, 'build', 'reports', report), 'utf8');
      for (const [, not, name, skip] of tap.matchAll(/^(not )?ok (.*?)( # SKIP.*)?$/gm)) {
        cases.push({ file: 'native', name, result: not ? 'failed' : skip ? 'skipped' : 'passed' });
      }
    }
  }
  return cases;
}

const requirements = json('test', 'vectors', 'requirements.json');
const refusedFile = join(root, 'docs', 'reference', 'refused.json');
const refused = existsSync(refusedFile) ? JSON.parse(readFileSync(refusedFile, 'utf8')) : {};

/** @type {Map<string, { file: string, name: string, result: string }[]>} ID → the tests that name it */
const tests = new Map();
const cases = testCases();
for (const one of cases) {
  for (const id of new Set(idsIn(one.name))) tests.set(id, [...(tests.get(id) ?? []), one]);
}

function state({ id }) {
  const results = new Set(tests.get(id)?.map(({ result }) => result));
  if (results.has('failed')) return 'FAIL';
  if (results.has('passed')) return 'pass';
  if (results.size > 0) return 'skipped';
  return id in refused ? 'refused' : 'open';
}

const known = new Set(requirements.map(({ id }) => id));
const tables = [...new Set(requirements.map(({ table }) => table))];
const must = ({ strength }) => strength.startsWith('MUST');

const row = (...cells) =>
  console.log(cells.map((cell, i) => String(cell)[i === 0 ? 'padEnd' : 'padStart'](i === 0 ? 10 : 8)).join(' '));
row('table', 'rows', 'covered', 'passing', 'failing', 'skipped', 'refused', 'MUSTs', 'of them');
row('', '', '', '', '', '', '', '', 'open');
const total = Array(8).fill(0);
for (const table of tables) {
  const rows = requirements.filter((one) => one.table === table);
  const number = (wanted) => rows.filter((one) => state(one) === wanted).length;
  const cells = [
    rows.length,
    number('pass') + number('FAIL') + number('skipped'),
    number('pass'),
    number('FAIL'),
    number('skipped'),
    number('refused'),
    rows.filter(must).length,
    rows.filter((one) => must(one) && state(one) === 'open').length,
  ];
  cells.forEach((cell, i) => {
    total[i] += cell;
  });
  row(table, ...cells);
}
row('all', ...total);

const failing = requirements.filter((one) => state(one) === 'FAIL');
if (failing.length > 0) console.log(`\nfailing: ${failing.map(({ id }) => id).join(' ')}`);
const unknown = [...tests.keys(), ...Object.keys(refused)].filter((id) => !known.has(id));
if (unknown.length > 0) console.log(`\nin no table: ${unknown.join(' ')}`);
const covered = Object.keys(refused).filter((id) => tests.has(id));
if (covered.length > 0) console.log(`\nrefused, but tests name them: ${covered.join(' ')}`);
// Tables that no test touches yet would only fill the screen.
for (const table of tables) {
  const rows = requirements.filter((one) => one.table === table);
  const open = rows.filter((one) => must(one) && state(one) === 'open');
  if (open.length === 0 || !rows.some((one) => tests.has(one.id))) continue;
  console.log(`\n${table}, MUSTs that no test covers:`);
  for (const ids of bySection(open)) console.log(`  ${ids.join(' ')}`);
}
if (process.argv.includes('--list')) {
  console.log();
  for (const one of requirements) {
    console.log(
      `${one.id.padEnd(14)} ${one.strength.padEnd(10)} ${state(one)}${one.id in refused ? `: ${refused[one.id]}` : ''}`,
    );
  }
}

/**
 * The file as this run gives it. What was skipped here keeps the state that `before` gives it: a run without root or
 * namespaces knows no better.
 */
function documentAfter(before) {
  const known = statesIn(before);
  const rows = requirements.map((one) => {
    const ran = known.get(one.id);
    const keep = state(one) === 'skipped' && (ran === 'pass' || ran === 'FAIL');
    return {
      ...one,
      state: keep ? ran : state(one),
      reason: refused[one.id],
      tests: tests.get(one.id) ?? [],
    };
  });
  return render(rows);
}

const path = join(root, document);
const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
const skipped = requirements.filter((one) => state(one) === 'skipped').length;
const note = skipped === 0 ? '' : ` (${skipped} skipped in this run, taken as they are there)`;
const gap = `build/reports lacks ${missing.join(', ')}: run \`make test\``;
console.log();

/** Why the committed file is not what this run gives, or null. */
function complaint() {
  if (missing.length > 0) return gap;
  const now = documentAfter(before);
  if (now === before) return null;
  const ids = differences(before, now);
  const where =
    ids.length === 0
      ? 'the text around the rows'
      : `${ids.slice(0, 20).join(', ')}${ids.length > 20 ? ` and ${ids.length - 20} more` : ''}`;
  return `${document} is not what this run gives: ${where}; \`make conformance\` writes it anew`;
}

if (process.argv.includes('--check')) {
  const wrong = complaint();
  const line =
    wrong === null ? `ok conformance: ${document} says what this run gives${note}` : `not ok conformance: ${wrong}`;
  writeFileSync(join(root, 'build', 'reports', 'conformance.tap'), `${line}\n`);
  console.log(line);
  process.exitCode = wrong === null ? 0 : 1;
} else if (missing.length > 0) {
  console.log(`${document} stays as it is: ${gap}.`);
} else {
  writeFileSync(path, documentAfter(before));
  console.log(`${document} is written${note}.`);
}
