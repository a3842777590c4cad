/**
 * Names answered here, in the format of /etc/hosts: an address and the names that have it, `#` begins a comment. The
 * only addresses of a name are the ones of the file, in both families.
 */
import { parseAddress } from '../../config/address.js';
import { lowerName, nameFromText, nameKey } from '../wire/name.js';
import { octetsOf } from './networks.js';

export interface HostAddresses {
  v4: Uint8Array[];
  v6: Uint8Array[];
}

export interface HostsFile {
  /** By `nameKey`. */
  names: Map<string, HostAddresses>;
  /** Sentences about lines that say nothing this program understands, `LINE: found …, expected …`. */
  wrong: string[];
}

const MAX_NAMES = 100_000;
const MAX_WRONG = 100;
const MAX_ADDRESSES = 64;

/** Reads the text of a hosts file. Every line that is wrong is told; nobody should use such a file in part. */
export function parseHosts(text: string): HostsFile {
  const names = new Map<string, HostAddresses>();
  const wrong: string[] = [];
  const complain = (line: number, found: string, expected: string) => {
    if (wrong.length < MAX_WRONG) wrong.push(`line ${line}: found ${JSON.stringify(found)}, expected ${expected}`);
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
      const name = nameFromText(word);
      if (name === null) {
        complain(index + 1, word, 'a domain name');
        continue;
      }
      const key = nameKey(lowerName(name));
      const known = names.get(key) ?? { v4: [], v6: [] };
      const list = address.family === 4 ? known.v4 : known.v6;
      if (names.size >= MAX_NAMES && !names.has(key)) complain(index + 1, word, `at most ${MAX_NAMES} names`);
      else if (list.length >= MAX_ADDRESSES) complain(index + 1, word, `at most ${MAX_ADDRESSES} addresses of a name`);
      else {
        list.push(octetsOf(address.value, address.family));
        names.set(key, known);
      }
    }
  }
  return { names, wrong };
}
