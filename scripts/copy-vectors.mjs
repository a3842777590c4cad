/**
 * Copies the conformance vectors and the list of requirements from ../shared/conformance to test/vectors, so that a
 * clone without that folder has them. `--check` changes nothing and exits 1 when the copy differs.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, '..', 'shared', 'conformance');
const target = join(root, 'test', 'vectors');

/** Rows `| ID | requirement | strength | source | …` of one table file; `\|` inside a cell is text. */
function requirements(file) {
  const table = file.replace(/\.md$/, '');
  const rows = [];
  for (const line of readFileSync(join(source, file), 'utf8').split('\n')) {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    if (/^(SIIT|N64|XLAT|DNS|BGP|OSPF)-\w+-\d+[a-z]?$/.test(cells[1] ?? '')) {
      rows.push({ id: cells[1], strength: cells[3], table, source: cells[4] });
    }
  }
  return rows;
}

if (!existsSync(source)) {
  console.log('no ../shared/conformance beside this clone; test/vectors stays as it is');
  process.exit(0);
}

/** @type {Map<string, string>} name → content as it should be */
const wanted = new Map();
for (const file of readdirSync(join(source, 'vectors')).filter((name) => name.endsWith('.json'))) {
  wanted.set(file, readFileSync(join(source, 'vectors', file), 'utf8'));
}
const tables = readdirSync(source).filter((name) => name.endsWith('.md') && name !== 'README.md');
const rows = tables.flatMap(requirements).map((row) => `  ${JSON.stringify(row)}`);
wanted.set('requirements.json', `[\n${rows.join(',\n')}\n]\n`);

if (process.argv.includes('--check')) {
  const differs = [...wanted].filter(([name, text]) => {
    const file = join(target, name);
    return !existsSync(file) || readFileSync(file, 'utf8') !== text;
  });
  for (const [name] of differs) console.error(`test/vectors/${name} differs; run \`node scripts/copy-vectors.mjs\``);
  process.exitCode = differs.length > 0 ? 1 : 0;
} else {
  mkdirSync(target, { recursive: true });
  for (const [name, text] of wanted) writeFileSync(join(target, name), text);
  console.log(`${wanted.size} files, ${rows.length} requirements`);
}
