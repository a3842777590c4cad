/** The conformance vectors: `test/vectors`, or the shared folder beside the work tree they are copied from. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDERS = ['../vectors/', '../../../shared/conformance/vectors/'];

/** Parsed content of `NAME.json`. Throws when it is in neither place. */
export function readVectors<Content>(name: string): Content {
  const files = FOLDERS.map((folder) => fileURLToPath(new URL(`${folder}${name}.json`, import.meta.url)));
  const file = files.find((candidate) => existsSync(candidate));
  if (file === undefined) throw new Error(`${name}.json is in none of ${files.join(', ')}; run scripts/copy-vectors`);
  return JSON.parse(readFileSync(file, 'utf8')) as Content;
}
