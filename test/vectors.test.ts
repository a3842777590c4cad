import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

test('the vectors are those of ../shared/conformance, where that is there', () => {
  execFileSync(process.execPath, [path('../scripts/copy-vectors.mjs'), '--check'], { stdio: 'pipe' });
});

test('the list of requirements has every table, and no ID twice', () => {
  const rows = JSON.parse(readFileSync(path('vectors/requirements.json'), 'utf8')) as { id: string; table: string }[];
  expect(new Set(rows.map(({ table }) => table))).toEqual(
    new Set(['bgp', 'dns64', 'nat64', 'ospf', 'siit', 'xlat464']),
  );
  expect(new Set(rows.map(({ id }) => id)).size).toBe(945);
  expect(rows).toHaveLength(945);
});
