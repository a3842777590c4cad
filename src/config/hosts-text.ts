/**
 * Names answered here, in the format of /etc/hosts: an address and the names that have it, `#` begins a comment. The
 * only addresses of a name are the ones of the file, in both families.
 */
import { type Address, parseAddress } from './address.js';
import { parseDomain } from './domain.js';

export interface HostsFile {
  /** Addresses of each name; names as `parseDomain` gives them. */
  names: Map<string, Address[]>;
  /** Lines that say nothing this program understands. */
  wrong: { line: number; message: string }[];
}

const MAX_NAMES = 100_000;
const MAX_WRONG = 100;
const MAX_ADDRESSES = 64;

/** Reads the text of a hosts file. Every line that is wrong is told; nobody should use such a file in part. */
export function parseHosts(text: string): HostsFile {
  const names = new Map<string, Address[]>();
  const wrong: HostsFile['wrong'] = [];
  const complain = (line: number, found: string, expected: string) => {
    if (wrong.length < MAX_WRONG) wrong.push({ line, message: `found ${JSON.stringify(found)}, expected ${expected}` });
  };
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    const [first, ...rest] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (first === undefined || first === '') continue;
    const address = parseAddress(first);
    if (address === null) {
      complain(index + 1, first, 'an address and its names');
      continue;
    }
    if (rest.length === 0) complain(index + 1, first, 'at least one name behind the address');
    for (const word of rest) {
      const name = parseDomain(word);
      if (name === null) {
        complain(index + 1, word, 'a domain name');
        continue;
      }
      const known = names.get(name) ?? [];
      if (names.size >= MAX_NAMES && known.length === 0) complain(index + 1, word, `at most ${MAX_NAMES} names`);
      else if (known.length >= MAX_ADDRESSES) complain(index + 1, word, `at most ${MAX_ADDRESSES} addresses of a name`);
      else names.set(name, [...known, address]);
    }
  }
  return { names, wrong };
}
