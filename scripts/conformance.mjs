/**
 * What the last test run says about the conformance tables: test names carry requirement IDs (`N64-HAIR-02 …`, also
 * `SIIT-ADDR-03..08` and `SIIT-ADDR-03, -04`). Reads build/reports, test/vectors/requirements.json and
 * docs/reference/refused.json (ID → why it is refused on purpose). `--list` prints each ID with its state.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const json = (...path) => JSON.parse(readFileSync(join(root, ...path), 'utf8'));

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

/** @returns {{ name: string, result: string }[]} */
function testCases() {
  const cases = [];
  for (const file of ['unit.json', 'e2e.json']) {
    if (!existsSync(join(root, 'build', 'reports', file))) continue;
    for (const { assertionResults } of json('build', 'reports', file).testResults) {
      for (const { fullName, status } of assertionResults) cases.push({ name: fullName, result: status });
    }
  }
  const tap = join(root, 'build', 'reports', 'native.tap');
  if (existsSync(tap)) {
    for (const [, not, name] of readFileSync(tap, 'utf8').matchAll(/^(not )?ok (.*)$/gm)) {
      cases.push({ name, result: not ? 'failed' : name.includes('# SKIP') ? 'skipped' : 'passed' });
    }
  }
  return cases;
}

const requirements = json('test', 'vectors', 'requirements.json');
const refusedFile = join(root, 'docs', 'reference', 'refused.json');
const refused = existsSync(refusedFile) ? JSON.parse(readFileSync(refusedFile, 'utf8')) : {};

/** @type {Map<string, Set<string>>} ID → results of the tests that name it */
const results = new Map();
const cases = testCases();
for (const { name, result } of cases) {
  for (const id of idsIn(name)) results.set(id, (results.get(id) ?? new Set()).add(result));
}

function state({ id }) {
  const seen = results.get(id);
  if (seen?.has('failed')) return 'failing';
  if (seen?.has('passed')) return 'passing';
  if (seen !== undefined) return 'skipped';
  return id in refused ? 'refused' : 'open';
}

const known = new Set(requirements.map(({ id }) => id));
const tables = [...new Set(requirements.map(({ table }) => table))];
const must = ({ strength }) => strength.startsWith('MUST');

if (cases.length === 0) console.log('No test reports in build/reports: run `make test` first.\n');
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
    number('passing') + number('failing') + number('skipped'),
    number('passing'),
    number('failing'),
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

const failing = requirements.filter((one) => state(one) === 'failing');
if (failing.length > 0) console.log(`\nfailing: ${failing.map(({ id }) => id).join(' ')}`);
const unknown = [...results.keys(), ...Object.keys(refused)].filter((id) => !known.has(id));
if (unknown.length > 0) console.log(`\nin no table: ${unknown.join(' ')}`);
// Tables that no test touches yet would only fill the screen.
for (const table of tables) {
  const rows = requirements.filter((one) => one.table === table);
  const open = rows.filter((one) => must(one) && state(one) === 'open');
  if (open.length === 0 || !rows.some((one) => results.has(one.id))) continue;
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
