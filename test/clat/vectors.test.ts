/** The native decoders on the vectors of RFC 8781 and RFC 7050. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatPrefix } from '../../src/config/address.js';
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

test.each(dns.cases)(
  'XLAT-DNS-03, XLAT-DNS-04, XLAT-DNS-06, XLAT-DNS-07 $aaaa tell $prefixes',
  ({ aaaa, prefixes }) => {
    expect(addon.findPref64(aaaa).map(formatPrefix)).toEqual(prefixes);
  },
);
