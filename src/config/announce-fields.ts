/** Kinds of value that the `announce` section is made of. */

import { z } from 'zod';
import { hasHostBits, networkOf, parseAddress, parsePrefix } from './address.js';
import type { BfdConfig, PrefixPattern } from './announce.js';
import { parseDurationSeconds } from './duration.js';
import { field, flag, listOrOne, mappingOrWord, section, wholeNumber } from './fields.js';

/** Most patterns of a filter. */
export const MAX_PATTERNS = 1024;

/** A duration in milliseconds: `50ms`, or whole seconds as everywhere else. */
export function milliseconds(min: number, max: number) {
  return field(`a duration such as 50ms or 3s, from ${showMs(min)} to ${showMs(max)}`, (value) => {
    const match = typeof value === 'string' ? /^(\d{1,9})ms$/.exec(value) : null;
    const seconds = match === null ? parseDurationSeconds(value) : null;
    const ms = match === null ? (seconds ?? -1) * 1000 : Number(match[1]);
    return ms >= min && ms <= max ? ms : null;
  });
}

function showMs(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** An address of either family. */
export const address = field('an IPv4 or IPv6 address', (value) =>
  typeof value === 'string' ? (parseAddress(value)?.text ?? null) : null,
);

/** An AS number, plain or as `65000.1` (RFC 5396); 0 and AS_TRANS are nobody's (RFC 7607, RFC 6793). */
export const asNumber = field('an AS number from 1 to 4294967294 other than 23456', (value) => {
  const asn = typeof value === 'number' ? value : typeof value === 'string' ? readAsText(value) : Number.NaN;
  return Number.isInteger(asn) && asn > 0 && asn < 0xffff_ffff && asn !== 23_456 ? asn : null;
});

function readAsText(text: string): number {
  const dotted = /^(\d{1,5})\.(\d{1,5})$/.exec(text);
  if (dotted === null) return /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  const [high, low] = [Number(dotted[1]), Number(dotted[2])];
  return high < 65_536 && low < 65_536 ? high * 65_536 + low : Number.NaN;
}

/** A 32-bit identifier other than 0, dotted or as a number (RFC 6286, RFC 5340 §2.11). */
export const routerId = field('a router ID such as 192.0.2.1', (value) => {
  const id = readDotted(value);
  return id === null || id === '0.0.0.0' ? null : id;
});

/** A 32-bit area ID, dotted or as a number. */
export const areaId = field('an area such as 0.0.0.0', readDotted);

function readDotted(value: unknown): string | null {
  if (typeof value === 'string') {
    const parsed = parseAddress(value);
    return parsed?.family === 4 ? parsed.text : null;
  }
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffff_ffff) return null;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** `192.0.2.0/28` alone, or with the lengths of what is meant inside it: `in 192.0.2.0/28 ge 28 le 32`. */
export const prefixPattern = field(
  'a prefix such as 192.0.2.0/28, or with lengths as "192.0.2.0/28 ge 28 le 32"',
  (value, refuse): PrefixPattern | null => {
    if (typeof value !== 'string') return null;
    const match = /^(?:in +)?(\S+?)(?: +ge +(\d{1,3}))?(?: +le +(\d{1,3}))?$/.exec(value.trim());
    const prefix = parsePrefix(match?.[1] ?? '');
    if (match === null || prefix === null) return null;
    if (hasHostBits(prefix)) return refuse(`no bits after the prefix length, such as ${networkOf(prefix)}`);
    const [, , from, to] = match;
    const bits = prefix.family === 4 ? 32 : 128;
    const ge = from === undefined ? prefix.length : Number(from);
    // As everywhere in the field: `ge` alone reaches to the full length, neither is this very prefix.
    const le = to !== undefined ? Number(to) : from === undefined ? prefix.length : bits;
    if (ge >= prefix.length && ge <= le && le <= bits) return { prefix, ge, le };
    return refuse(`lengths with ${prefix.length} <= ge <= le <= ${bits}`);
  },
);

/** A filter: at least one pattern. */
export const prefixPatterns = listOrOne(prefixPattern, 1, MAX_PATTERNS, `1 to ${MAX_PATTERNS} prefixes`);

const bfdMapping = section({
  interval: milliseconds(10, 60_000).default(300),
  multiplier: wholeNumber(1, 255, 'packets').default(3),
  strict: flag.default(false),
}).transform(({ interval, ...rest }): BfdConfig | null => ({ intervalMs: interval, ...rest }));
const bfdWord = field('true, false, or { interval, multiplier, strict }', (value) =>
  value === null || typeof value === 'boolean' ? { on: value === true } : null,
).transform(({ on }) => (on ? bfdMapping.parse({}) : null));

/** BFD: `true` for the defaults, a section, or `false`. */
export const bfd = mappingOrWord<BfdConfig | null>(bfdMapping, bfdWord);

/** Text that a protocol carries as a secret: printable ASCII of at most `max` characters. What was found is not shown. */
export function secret(max: number) {
  return z.unknown().transform((value, context): string => {
    if (typeof value === 'string' && value.length <= max && /^[\x20-\x7e]+$/.test(value)) return value;
    const sentence = `${value === undefined ? 'found nothing, ' : ''}expected 1 to ${max} printable ASCII characters`;
    context.addIssue({ code: 'custom', params: { sentence }, input: undefined });
    return z.NEVER;
  });
}
