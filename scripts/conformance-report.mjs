/** docs/reference/conformance.md: what it says, and where it differs from what a test run gives. */

/** Most tests named for one requirement. */
const MOST_TESTS = 3;

const title = {
  bgp: 'BGP',
  dns64: 'DNS64',
  nat64: 'Stateful translation (NAT64)',
  ospf: 'OSPF',
  siit: 'Stateless translation (SIIT)',
  xlat464: '464XLAT',
};

const head = `# Conformance

Written by \`make conformance\` from the last test run. An edit by hand, or a result that changed, fails the next
\`make test\`. The requirements are those of the conformance tables, one heading a table that a test touches; their IDs stand
in the names of the tests.

- **pass**: every test that names it passed. **FAIL**: one did not. **skipped**: all were skipped.
- **refused**: on purpose, with the reason ([refused.json](refused.json)). **open**: no test yet.
`;

const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll(/\s+/g, ' ').trim();

/**
 * The tests of a requirement in a few lines: sorted, one of each file before a second of any.
 * @param {{ file: string, name: string }[]} tests
 */
function namesOf(tests) {
  const seen = new Map();
  const ranked = [...new Set(tests.map(({ file, name }) => `${file}\0${name}`))].sort(byText).map((key) => {
    const [file = '', name = ''] = key.split('\0');
    seen.set(file, (seen.get(file) ?? 0) + 1);
    return { file, name, rank: seen.get(file) };
  });
  const shown = ranked.sort((a, b) => a.rank - b.rank || byText(a.file, b.file)).slice(0, MOST_TESTS);
  const rest = ranked.length - shown.length;
  return [...shown.map(({ file, name }) => `${file}: ${cell(name)}`), ...(rest > 0 ? [`and ${rest} more`] : [])].join(
    '<br>',
  );
}

/**
 * The whole file. `rows` in the order of the tables.
 * @param {{ id: string, table: string, strength: string, source: string, state: string, reason: string | undefined,
 *   tests: { file: string, name: string }[] }[]} rows
 */
export function render(rows) {
  const parts = [head];
  for (const table of [...new Set(rows.map((row) => row.table))].sort(byText)) {
    const mine = rows.filter((row) => row.table === table);
    if (!mine.some(({ tests }) => tests.length > 0)) continue;
    const counts = ['pass', 'FAIL', 'skipped', 'refused', 'open']
      .map((state) => [mine.filter((row) => row.state === state).length, state])
      .filter(([count]) => count > 0);
    parts.push(`## ${title[table] ?? table}

${mine.length} requirements: ${counts.map(([count, state]) => `${count} ${state}`).join(', ')}.

| ID | Strength | Source | State | Tests, or why not |
|---|---|---|---|---|
${mine
  .map(
    ({ id, strength, source, state, reason, tests }) =>
      `| ${id} | ${strength} | ${cell(source)} | ${state} | ${state === 'refused' ? cell(reason ?? '') : namesOf(tests)} |`,
  )
  .join('\n')}
`);
  }
  return parts.join('\n');
}

/** ID → its line. */
function linesOf(text) {
  return new Map([...text.matchAll(/^\| ([A-Z0-9]+-\w+-\d+[a-z]?) \|.*$/gm)].map(([line, id]) => [id, line]));
}

/** ID → its state in a file written before. */
export function statesIn(text) {
  return new Map([...linesOf(text)].map(([id, line]) => [id, line.split(/(?<!\\)\|/)[4]?.trim()]));
}

/** IDs whose lines differ, in the order of their names. */
export function differences(before, now) {
  const [old, fresh] = [linesOf(before), linesOf(now)];
  return [...new Set([...old.keys(), ...fresh.keys()])].filter((id) => old.get(id) !== fresh.get(id)).sort(byText);
}
