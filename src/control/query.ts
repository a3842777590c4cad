/** What comes over the control socket, checked before it reaches the service. */
import type { z } from 'zod';
import {
  type AddressFilter,
  formatAddress,
  hasHostBits,
  networkOf,
  type Prefix,
  parseAddress,
  parseAddressFilter,
  parsePrefix,
} from '../config/address.js';
import { corePrefix } from '../config/core.js';
import { choice, eamEntries, field, prefix, section, transportAddress } from '../config/fields.js';
import { complaintsOf, formatPath } from '../config/issues.js';
import { pool4Entry } from '../config/schema.js';
import { errors, PlatypusError } from '../errors.js';
import type { TableQuery } from '../native/addon.js';
import type { EamQuery } from './target.js';

/** Rows of a page when the query does not say, and the most it may say. */
export const DEFAULT_LIMIT = 256;
export const MAX_LIMIT = 4096;

const protocol = choice('tcp', 'udp', 'icmp');

/** A whole number in a query. */
export function count(min: number, max: number) {
  return field(`a whole number from ${min} to ${max}`, (value) => {
    if (typeof value !== 'string' || !/^\d{1,16}$/.test(value)) return null;
    const number = Number(value);
    return number >= min && number <= max ? number : null;
  });
}

function addressFilter(family: 4 | 6) {
  const examples =
    family === 4 ? '192.0.2.1, 192.0.2.0/28 or 192.0.2.1#5000' : '2001:db8::1, 2001:db8::/64 or 2001:db8::1#80';
  return field(`an IPv${family} address, prefix or transport address such as ${examples}`, (value, refuse) => {
    const filter = typeof value === 'string' ? parseAddressFilter(value) : null;
    if (filter === null || filter.prefix.family !== family) return null;
    if (hasHostBits(filter.prefix)) {
      return refuse(`no bits after the prefix length, such as ${networkOf(filter.prefix)}`);
    }
    return filter;
  });
}

const tableQuery = section({
  protocol: protocol.optional(),
  v6: addressFilter(6).optional(),
  v4: addressFilter(4).optional(),
  remote4: addressFilter(4).optional(),
  limit: count(1, MAX_LIMIT).default(DEFAULT_LIMIT),
  cursor: count(0, Number.MAX_SAFE_INTEGER).default(0),
});

const bibEntry = section({ protocol, v6: transportAddress(6), v4: transportAddress(4) });
const bibKey = section({ protocol, v4: transportAddress(4) });

const pool4Key = section({
  prefix: field('an IPv4 address or prefix such as 192.0.2.0/28', (value, refuse) => {
    const prefix = typeof value === 'string' ? parsePrefix(value) : null;
    if (prefix === null || prefix.family !== 4) return null;
    if (hasHostBits(prefix)) return refuse(`no bits after the prefix length, such as ${networkOf(prefix)}`);
    return networkOf(prefix);
  }),
});

/** Most entries of one edit; whole tables are files (siit.eamtFile). */
export const MAX_EDIT_ENTRIES = 65_536;

const eamQuery = section({
  v4: prefix(4).optional(),
  v6: prefix(6).optional(),
  limit: count(1, MAX_LIMIT).default(DEFAULT_LIMIT),
  cursor: count(0, Number.MAX_SAFE_INTEGER).default(0),
});

const eamBody = section({ entries: eamEntries(MAX_EDIT_ENTRIES) });

const eamKey = section({
  v4: prefix(4).optional(),
  v6: prefix(6).optional(),
  all: choice('true').optional(),
});

const eamAddress = section({
  address: field('an IPv4 or IPv6 address such as 192.0.2.1', (value) =>
    typeof value === 'string' ? parseAddress(value) : null,
  ),
});

const nothing = section({});

const MAX_SENTENCES = 20;

/** Checks data against a schema. Throws PLT_REQUEST_INVALID with the complaints, at most MAX_SENTENCES. */
export function check<Schema extends z.ZodType>(schema: Schema, where: string, data: unknown): z.output<Schema> {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const sentences = complaintsOf(parsed.error, data)
    .slice(0, MAX_SENTENCES)
    .map(({ path, message }) => (path.length === 0 ? message : `${formatPath(path)}: ${message}`));
  throw new PlatypusError('PLT_REQUEST_INVALID', `${where}: ${sentences.join('; ')}`, { status: 400 });
}

function filterOf(filter: AddressFilter | undefined): { address: string; length: number } | undefined {
  if (filter === undefined) return undefined;
  const { family, first, length } = filter.prefix;
  return { address: formatAddress(family, first), length };
}

/** The query of a sessions or BIB listing. Throws PLT_REQUEST_INVALID. */
export function readTableQuery(data: unknown, table: 'sessions' | 'bib'): TableQuery {
  const query = check(tableQuery, 'query', data);
  if (query.remote4 !== undefined && (table === 'bib' || query.remote4.port !== null)) {
    const why = table === 'bib' ? 'no remote4 for the BIB' : 'remote4 without a port';
    throw new PlatypusError('PLT_REQUEST_INVALID', `query: remote4: expected ${why}`, { status: 400 });
  }
  const result: TableQuery = { cursor: query.cursor, limit: query.limit };
  if (query.protocol !== undefined) result.protocol = query.protocol;
  const v6 = filterOf(query.v6);
  if (v6 !== undefined) result.v6 = v6;
  if (query.v6 !== undefined && query.v6.port !== null) result.port6 = query.v6.port;
  const v4 = filterOf(query.v4);
  if (v4 !== undefined) result.v4 = v4;
  if (query.v4 !== undefined && query.v4.port !== null) result.port4 = query.v4.port;
  const remote4 = filterOf(query.remote4);
  if (remote4 !== undefined) result.remote4 = remote4;
  return result;
}

/** The body of POST /v1/bib. */
export const readBibEntry = (data: unknown) => check(bibEntry, 'body', data);
/** The query of DELETE /v1/bib. */
export const readBibKey = (data: unknown) => check(bibKey, 'query', data);
/** The body of POST /v1/pool4: `{ prefix, ports }`. */
export const readPool4Entry = (data: unknown) => check(pool4Entry, 'body', data);
/** The query of DELETE /v1/pool4. */
export const readPool4Key = (data: unknown) => check(pool4Key, 'query', data).prefix;
/** The query of GET /v1/eamt. */
export function readEamQuery(data: unknown): EamQuery {
  const { v4, v6, cursor, limit } = check(eamQuery, 'query', data);
  const result: EamQuery = { cursor, limit };
  if (v4 !== undefined) result.v4 = corePrefix(v4);
  if (v6 !== undefined) result.v6 = corePrefix(v6);
  return result;
}

/** The body of POST /v1/eamt: `{ entries: [{ v4, v6 }] }`, as records. */
export function readEamEntries(data: unknown): Uint8Array {
  const { records, size } = check(eamBody, 'body', data).entries;
  if (records !== null && size > 0) return records;
  throw errors.requestInvalid('body: entries', 'an empty list', `1 to ${MAX_EDIT_ENTRIES} EAM entries`);
}

/** The query of DELETE /v1/eamt: one of `v4`, `v6` and `all=true`. */
export function readEamKey(data: unknown): { v4: Prefix } | { v6: Prefix } | 'all' {
  const { v4, v6, all } = check(eamKey, 'query', data);
  const given = [v4, v6, all].filter((value) => value !== undefined).length;
  if (given !== 1) throw errors.requestInvalid('query', `${given} of v4, v6 and all`, 'one of them');
  if (v4 !== undefined) return { v4 };
  return v6 !== undefined ? { v6 } : 'all';
}

/** The query of GET /v1/eamt/lookup. */
export const readEamAddress = (data: unknown) => check(eamAddress, 'query', data).address.text;
/** A request that takes no parameters. */
export const readNothing = (data: unknown) => check(nothing, 'query', data);
