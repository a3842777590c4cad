/**
 * FAKE: the core's EAM table (RFC 7757) as a list that is searched from end to end. It refuses what the core refuses.
 */
import {
  contains,
  formatAddress,
  formatPrefix,
  knownPrefix,
  overlaps,
  type Prefix,
  parseAddress,
} from '../../src/config/address.js';
import {
  type Addon,
  type CorePrefix,
  EAM_ADD_BYTES,
  EAM_REMOVE_BYTES,
  type EamBuild,
  type EamRow,
  type EamTable,
} from '../../src/native/addon.js';

interface Entry {
  v4: Prefix;
  v6: Prefix;
}

const rowOf = ({ v4, v6 }: Entry): EamRow => ({ v4: formatPrefix(v4), v6: formatPrefix(v6) });
const same = (a: Prefix, b: Prefix) => a.first === b.first && a.length === b.length;

function prefixAt(bytes: Uint8Array, at: number, size: number): Prefix {
  const value = bytes.subarray(at, at + size).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return knownPrefix(`${formatAddress(size === 4 ? 4 : 6, value)}/${bytes[at + size]}`);
}

/** Entries of every table that was made, so that one can be made of another. */
const entriesOf = new WeakMap<EamTable, readonly Entry[]>();

/** As the addon's. */
export const buildFakeEamTable: Addon['buildEamTable'] = async (base, { remove, add }): Promise<EamBuild> => {
  let entries = [...(base === null ? [] : (entriesOf.get(base) ?? []))];
  for (let index = 0; index * EAM_REMOVE_BYTES < remove.length; index++) {
    const v4 = prefixAt(remove, index * EAM_REMOVE_BYTES, 4);
    const rest = entries.filter((entry) => !same(entry.v4, v4));
    if (rest.length === entries.length) return { refused: 'missing', list: 'remove', index, other: null };
    entries = rest;
  }
  for (let index = 0; index * EAM_ADD_BYTES < add.length; index++) {
    const at = index * EAM_ADD_BYTES;
    const entry = { v4: prefixAt(add, at, 4), v6: prefixAt(add, at + 5, 16) };
    const taken4 = entries.find((other) => same(other.v4, entry.v4));
    const taken6 = entries.find((other) => same(other.v6, entry.v6));
    const taken = taken4 ?? taken6;
    if (taken !== undefined) {
      return { refused: taken4 === undefined ? 'v6-taken' : 'v4-taken', list: 'add', index, other: rowOf(taken) };
    }
    entries.push(entry);
  }
  entries.sort((a, b) => Number(a.v4.first - b.v4.first) || a.v4.length - b.v4.length);
  return { table: createTable(entries) };
};

function createTable(entries: readonly Entry[]): EamTable {
  const overlapping = (filter: CorePrefix | undefined, prefix: Prefix) =>
    filter === undefined || overlaps(knownPrefix(formatPrefix(filter)), prefix);
  const table: EamTable = {
    size: entries.length,
    memoryBytes: entries.length * EAM_ADD_BYTES,
    list({ v4, v6, cursor, limit }) {
      const end = cursor + limit;
      const found = entries
        .slice(cursor, end)
        .filter((entry) => overlapping(v4, entry.v4) && overlapping(v6, entry.v6));
      return { rows: found.map(rowOf), next: end < entries.length ? end : null };
    },
    lookup(text) {
      const address = parseAddress(text);
      if (address === null) throw new TypeError(`not an address: ${text}`);
      const [from, to] = address.family === 4 ? (['v4', 'v6'] as const) : (['v6', 'v4'] as const);
      const [best] = entries
        .filter((entry) => contains(entry[from], address))
        .sort((a, b) => b[from].length - a[from].length);
      if (best === undefined) return null;
      const bits = { v4: 32, v6: 128 };
      const suffix = address.value - best[from].first;
      const shift = BigInt(bits[to] - best[to].length - (bits[from] - best[from].length));
      const value = best[to].first + (shift >= 0n ? suffix << shift : suffix >> -shift);
      return { entry: rowOf(best), counterpart: formatAddress(best[to].family, value) };
    },
    // Not the fewest, which no test of the services needs.
    networks4(limit) {
      if (entries.length > limit) return null;
      return entries.map(({ v4 }) => ({ address: v4.address, length: v4.length }));
    },
  };
  entriesOf.set(table, entries);
  return table;
}
