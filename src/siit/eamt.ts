/** Edits of the EAM table, with a sentence for each refusal of the core. */
import { setImmediate as afterOtherEvents } from 'node:timers/promises';
import { networkOf, type Prefix, parsePrefix } from '../config/address.js';
import { corePrefix } from '../config/core.js';
import { entryAt } from '../config/eam.js';
import { readEntry } from '../config/eam-text.js';
import { errors } from '../errors.js';
import {
  type Addon,
  EAM_ADD_BYTES,
  EAM_REMOVE_BYTES,
  type EamBuild,
  type EamRow,
  type EamTable,
} from '../native/addon.js';

/** Records as `buildEamTable` takes them. */
export interface EamChange {
  remove?: Uint8Array;
  add?: Uint8Array;
}

/** One of the two sides of an entry: its prefix. */
export type EamKey = { v4: Prefix } | { v6: Prefix };

const NONE = new Uint8Array();

/** A table from another one. Throws PLT_EAM_REFUSED. */
export async function buildTable(
  addon: Pick<Addon, 'buildEamTable'>,
  base: EamTable | null,
  { remove = NONE, add = NONE }: EamChange,
): Promise<EamTable> {
  const built = await addon.buildEamTable(base, { remove, add });
  if ('table' in built) return built.table;
  throw refusal(built, add);
}

function refusal(built: Exclude<EamBuild, { table: EamTable }>, add: Uint8Array): Error {
  if (built.list === 'remove') return errors.eamRefused('an entry that is not in the EAM table', 'one that is');
  const row = entryAt(add, built.index);
  const other = built.other === null ? 'another entry' : `${built.other.v4} ${built.other.v6}`;
  const where = `${row.v4} ${row.v6}`;
  switch (built.refused) {
    case 'v4-taken':
      return errors.eamRefused(where, `an IPv4 prefix that ${other} does not have (RFC 7757 §5)`);
    case 'v6-taken':
      return errors.eamRefused(where, `an IPv6 prefix that ${other} does not have (RFC 7757 §5)`);
    case 'no-room':
      return errors.eamRefused(where, 'room for one more: the EAM table is full');
    default:
      return errors.eamRefused(where, 'an entry whose IPv4 suffix fits into its IPv6 suffix (RFC 7757 §3.2)');
  }
}

/** Rows asked for at once; the table answers at once, so that a page must be short. */
const PAGE_ROWS = 1024;

/** The record that removes the entry with exactly this prefix. Throws PLT_EAM_NOT_FOUND. */
export async function findEntry(eamt: EamTable | null, key: EamKey): Promise<Uint8Array> {
  const side = 'v4' in key ? 'v4' : 'v6';
  const prefix = 'v4' in key ? key.v4 : key.v6;
  let cursor: number | null = eamt === null ? null : 0;
  while (eamt !== null && cursor !== null) {
    const page = eamt.list({ [side]: corePrefix(prefix), cursor, limit: PAGE_ROWS });
    const row = page.rows.find((candidate) => {
      const other = parsePrefix(candidate[side]);
      return other !== null && other.first === prefix.first && other.length === prefix.length;
    });
    if (row !== undefined) return removeRecord(row);
    cursor = page.next;
    await afterOtherEvents();
  }
  throw errors.eamNotFound(networkOf(prefix));
}

function removeRecord({ v4, v6 }: EamRow): Uint8Array {
  const record = new Uint8Array(EAM_ADD_BYTES);
  readEntry(v4, v6, record, 0);
  return record.subarray(0, EAM_REMOVE_BYTES);
}
