/** The native decoders on the vectors of RFC 8781 and RFC 7050. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatPrefix } from '../../src/config/address.js';
import { pool6Prefix } from '../../src/config/fields.js';
import { loadAddon } from '../../src/native/addon.js';

const addon = loadAddon();
const read = <T>(name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, '..', 'vectors', `${name}.json`), 'utf8')) as T;

const ra = read<{
  options: { prefix: string; lifetime_s: number; hex: string }[];
  must_ignore: { hex: string; why?: string; reason?: string }[];
}>('pref64_ra_option');
const dns = read<{ cases: { aaaa: string[]; prefixes: string[]; note?: string }[] }>('pref64_discovery_rfc7050');

test.each(ra.options)('XLAT-RA-01, XLAT-RA-02, XLAT-RA-05 $hex is $prefix for $lifetime_s s', (row) => {
  const option = addon.readPref64(Buffer.from(row.hex, 'hex'));
  expect(option).not.toBeNull();
  expect(option && formatPrefix(option.prefix)).toBe(row.prefix);
  expect(option?.lifetimeSeconds).toBe(row.lifetime_s);
});

test.each(ra.must_ignore)('XLAT-RA-03, XLAT-RA-04 $hex is ignored', ({ hex }) => {
  expect(addon.readPref64(Buffer.from(hex, 'hex'))).toBeNull();
});

/** Prefixes in, beside and around the blocks that hold no pool6. */
const EDGES = '0064ff9b 0064ff9b0001 0064ff9a 20010db8 fe7f fe80 febf fec0 feff ff 00 01'.split(' ');

test.each(EDGES)('what the core takes of %s… with any length, the translator takes as pool6', (edge) => {
  for (const filler of ['0', '1', 'f']) {
    for (let code = 0; code < 8; code++) {
      const bits = edge.padEnd(16, filler).padEnd(24, '0');
      const option = addon.readPref64(Buffer.from(`2602070${(8 + code).toString(16)}${bits}`, 'hex'));
      if (option !== null) expect(pool6Prefix.safeParse(formatPrefix(option.prefix)).error).toBeUndefined();
    }
  }
});

test.each(dns.cases)(
  'XLAT-DNS-03, XLAT-DNS-04, XLAT-DNS-06, XLAT-DNS-07 $aaaa tell $prefixes',
  ({ aaaa, prefixes }) => {
    expect(addon.findPref64(aaaa).map(formatPrefix)).toEqual(prefixes);
  },
);
