/**
 * The kinds of value the configuration is made of, as zod types. The message of every issue they raise is what was
 * expected; `issues.ts` adds where and what was found.
 */
import { z } from 'zod';
import { EAM_ADD_BYTES } from '../native/addon.js';
import {
  hasHostBits,
  knownPrefix,
  networkOf,
  overlaps,
  type PortRange,
  type Prefix,
  parseAddress,
  parseAddressAndPort,
  parsePort,
  parsePortRange,
  parsePrefix,
  parseTransportAddress,
  WELL_KNOWN_PREFIX,
} from './address.js';
import { formatDuration, parseDurationSeconds } from './duration.js';
import type { EamList } from './eam.js';
import { EXPECTED_4, EXPECTED_6, readEntry } from './eam-text.js';

/**
 * A value read by a function: it answers the value, or null for something else. `refuse(expected)` replaces the
 * sentence and answers null.
 */
export function field<T>(expected: string, read: (value: unknown, refuse: (expected: string) => null) => T | null) {
  return z.unknown().transform((value, context): T => {
    let sentence = expected;
    const result = read(value, (better) => {
      sentence = better;
      return null;
    });
    if (result !== null) return result;
    context.addIssue({ code: 'custom', message: sentence, input: value });
    return z.NEVER;
  });
}

/**
 * A mapping with these keys and no others. The message of an unknown-key issue is the list of known keys, separated by
 * `, `: `issues.ts` makes one sentence a key of it.
 */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? known : `a section with the keys ${known}`),
  });
}

/** A whole number, both bounds allowed. */
export function wholeNumber(min: number, max: number, unit: string) {
  return field(`a whole number from ${min} to ${max} (${unit})`, (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : null,
  );
}

/** A duration in seconds or as `2h4m`; `why` names the source of the minimum. */
export function duration(min: number, max: number, why: string) {
  const expected = `a duration in seconds or as 2h4m, from ${formatDuration(min)} (${why}) to ${formatDuration(max)}`;
  return field(expected, (value) => {
    const seconds = parseDurationSeconds(value);
    return seconds !== null && seconds >= min && seconds <= max ? seconds : null;
  });
}

/** true or false. */
export const flag = field('true or false', (value) => (typeof value === 'boolean' ? value : null));

/** One of these words. */
export function choice<const Word extends string>(...words: Word[]) {
  return field(`one of ${words.join(', ')}`, (value) => words.find((word) => word === value) ?? null);
}

/** A mapping, or one word in its place. */
export function mappingOrWord<Value>(mapping: z.ZodType<Value>, word: z.ZodType<Value>) {
  return either<Value>((value) => (typeof value === 'object' && value !== null ? mapping : word));
}

/** The type that fits a value, which tells by itself what is wrong with it and where. */
export function either<Value>(typeOf: (value: unknown) => z.ZodType<Value>) {
  return z.unknown().transform((value, context): Value => {
    const parsed = typeOf(value).safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: value } as never);
    return z.NEVER;
  });
}

/** A list, or a single entry in its place. */
export function listOrOne<Entry extends z.ZodType>(entry: Entry, min: number, max: number, expected: string) {
  return z.preprocess(
    (value) => (Array.isArray(value) || value === undefined || value === null ? value : [value]),
    z.array(entry, { error: expected }).min(min, { error: expected }).max(max, { error: expected }),
  );
}

/** The name of a network device (15 characters, Linux IFNAMSIZ less one). */
export const deviceName = field(
  'a device name of 1 to 15 letters, digits, ".", "_" or "-", beginning with a letter or digit',
  (value, refuse) => {
    if (typeof value !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/.test(value)) return null;
    return ['lo', 'all', 'default'].includes(value)
      ? refuse('a device name that the kernel does not use itself')
      : value;
  },
);

/** An absolute path that fits a Unix socket's address (sun_path is 108 bytes with its end). */
export const socketPath = field('an absolute path of at most 107 bytes', (value) =>
  typeof value === 'string' && value.startsWith('/') && !value.includes('\0') && Buffer.byteLength(value) <= 107
    ? value
    : null,
);

/** Octet override: a number, or `copy` (null) to carry the other family's value over. */
export const octetOrCopy = field('a whole number from 0 to 255, or copy', (value): { octet: number | null } | null => {
  if (value === 'copy' || value === null) return { octet: null };
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255 ? { octet: value } : null;
}).transform((value) => value.octet);

/** RFC 1191 §7, table 7-1. */
export const RFC1191_PLATEAUS: readonly number[] = [
  65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68,
];

/** Path MTUs to guess for routers that name none (RFC 1191 §7). */
export const plateaus = field('1 to 32 whole numbers from 68 to 65535, each smaller than the one before', (value) => {
  if (!Array.isArray(value) || value.length < 1 || value.length > 32) return null;
  const sizes: number[] = [];
  for (const size of value as unknown[]) {
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 68 || size > 65_535) return null;
    if (size >= (sizes.at(-1) ?? 65_536)) return null;
    sizes.push(size);
  }
  return sizes;
});

/** Largest TCP MSS let through: a number of bytes, `auto` (what the MTUs allow) or `off`. */
export const mssClamp = field('off, auto or a whole number from 536 to 65475 (bytes)', (value) => {
  if (value === 'off' || value === 'auto') return value;
  return typeof value === 'number' && Number.isInteger(value) && value >= 536 && value <= 65_475 ? value : null;
});

/** Of what exports metrics without one of its own (OpenTelemetry's Prometheus exporter). */
const METRICS_PORT = 9464;

const RFC6052_LENGTHS = [32, 40, 48, 56, 64, 96];

/** Blocks that hold no unicast address a translator may use (N64-GEN-01: Pref64 is unicast). */
const NOT_PREF64: readonly (readonly [Prefix, string])[] = [
  [knownPrefix('ff00::/8'), 'multicast'],
  [knownPrefix('fe80::/10'), 'link-local'],
  [knownPrefix('::/128'), 'unspecified'],
  [knownPrefix('::1/128'), 'loopback'],
  [knownPrefix('::ffff:0:0/96'), 'IPv4-mapped'],
];

/** An RFC 6052 prefix: its lengths, octet u (bits 64..71) zero, no host bits, not half of the well-known prefix. */
export const pool6Prefix = field('an IPv6 prefix such as 64:ff9b::/96', (value, refuse) => {
  const prefix = typeof value === 'string' && value.includes('/') ? parsePrefix(value) : null;
  if (prefix === null || prefix.family !== 6) return null;
  if (!RFC6052_LENGTHS.includes(prefix.length)) {
    return refuse('a prefix length of 32, 40, 48, 56, 64 or 96 (RFC 6052 §2.2)');
  }
  if (prefix.length === 96 && ((prefix.first >> 56n) & 0xffn) !== 0n) {
    return refuse('a /96 prefix whose bits 64 to 71 are zero (RFC 6052 §2.2)');
  }
  if (hasHostBits(prefix)) return refuse(`no bits after the prefix length, such as ${networkOf(prefix)}`);
  const block = NOT_PREF64.find(([other]) => overlaps(other, prefix));
  if (block !== undefined) return refuse(`a unicast prefix, which ${block[1]} addresses are not`);
  const wellKnown = knownPrefix(WELL_KNOWN_PREFIX);
  if (overlaps(wellKnown, prefix) && networkOf(prefix) !== WELL_KNOWN_PREFIX) {
    return refuse(`${WELL_KNOWN_PREFIX} itself: the well-known prefix has no other length (RFC 6052 §2.1)`);
  }
  return prefix;
});

const NOT_POOL4: readonly (readonly [Prefix, string])[] = [
  [knownPrefix('0.0.0.0/8'), '0.0.0.0/8'],
  [knownPrefix('127.0.0.0/8'), 'loopback'],
  [knownPrefix('224.0.0.0/4'), 'multicast'],
  [knownPrefix('255.255.255.255/32'), 'broadcast'],
];

/** Most pool4 addresses in all; the core keeps a row of ports for each. */
export const MAX_POOL4_ADDRESSES = 4096;

function readPool4Prefix(value: unknown, refuse: (expected: string) => null): Prefix | null {
  const prefix = typeof value === 'string' ? parsePrefix(value) : null;
  if (prefix === null || prefix.family !== 4) return null;
  if (hasHostBits(prefix)) return refuse(`no bits after the prefix length, such as ${networkOf(prefix)}`);
  const block = NOT_POOL4.find(([other]) => overlaps(other, prefix));
  if (block !== undefined) return refuse(`unicast addresses of this network, which ${block[1]} is not`);
  return prefix;
}

/** A prefix of one family; an address alone is a prefix of its full length. */
export function prefix(family: 4 | 6) {
  const example = family === 4 ? '192.0.2.0/28' : '2001:db8::/64';
  return field(`an IPv${family} address or prefix such as ${example}`, (value, refuse) => {
    const read = readPrefix(value, refuse);
    return read?.family === family ? read : null;
  });
}

/** A prefix of either family. */
export const anyPrefix = field('a prefix such as 192.0.2.0/28 or 2001:db8::/64', readPrefix);

function readPrefix(value: unknown, refuse: (expected: string) => null): Prefix | null {
  const read = typeof value === 'string' ? parsePrefix(value) : null;
  if (read === null || !hasHostBits(read)) return read;
  return refuse(`no bits after the prefix length, such as ${networkOf(read)}`);
}

/** Most prefixes of a list that the packet path or the routing table gets. */
export const MAX_PREFIXES = 1024;

/** Most EAM entries written in the file itself; more belong in a file of their own. */
export const MAX_INLINE_EAMT = 10_000;

const eamEntry = section({ v4: z.string({ error: EXPECTED_4 }), v6: z.string({ error: EXPECTED_6 }) });

/** EAM entries as a list of `{ v4, v6 }`, at most `max`. */
export function eamEntries(max: number) {
  const list = z
    .array(eamEntry, { error: 'a list of { v4: 192.0.2.1, v6: "2001:db8::1" }' })
    .max(max, { error: `at most ${max} EAM entries here` });
  return list.transform((entries, context): EamList => {
    const records = new Uint8Array(entries.length * EAM_ADD_BYTES);
    for (const [index, { v4, v6 }] of entries.entries()) {
      const wrong = readEntry(v4, v6, records, index * EAM_ADD_BYTES);
      if (wrong === null) continue;
      context.addIssue({ code: 'custom', message: wrong.expected, path: [index, wrong.side] });
    }
    return context.issues.length > 0 ? z.NEVER : { size: entries.length, records };
  });
}

/** A path; a relative one begins at the folder of the file it stands in. */
export const filePath = field('a path of at most 4096 bytes', (value) =>
  typeof value === 'string' && value !== '' && !value.includes('\0') && Buffer.byteLength(value) <= 4096 ? value : null,
);

/** pool4's prefix in its mapping form. */
export const pool4Prefix = field('an IPv4 address or prefix such as 192.0.2.0/28', readPool4Prefix);

function readPorts(value: unknown): PortRange | null {
  if (typeof value === 'number') return parsePortRange(String(value));
  return typeof value === 'string' ? parsePortRange(value) : null;
}

const PORTS = 'ports as 1024-65535';

/** Ports as `1024-65535`, or one port. */
export const ports = field(PORTS, readPorts);

export const DEFAULT_PORTS: Readonly<PortRange> = { min: 1024, max: 65535 };

/** pool4's entry as one word: `192.0.2.0/28`, or with ports `192.0.2.0/28#1024-65535`. */
export const pool4Word = field('an IPv4 address or prefix such as 192.0.2.0/28', (value, refuse) => {
  if (typeof value !== 'string') return null;
  const hash = value.indexOf('#');
  const prefix = readPool4Prefix(hash < 0 ? value : value.slice(0, hash), refuse);
  if (prefix === null) return null;
  const range = hash < 0 ? { ...DEFAULT_PORTS } : parsePortRange(value.slice(hash + 1));
  return range === null ? refuse(`${PORTS} after the #`) : { prefix, ports: range };
});

/** An address of one family, or null. */
export function addressOrNull(family: 4 | 6) {
  const expected = family === 4 ? 'an IPv4 address such as 192.0.2.1' : 'an IPv6 address such as 2001:db8::1';
  return field(expected, (value): { text: string | null } | null => {
    if (value === null) return { text: null };
    const address = typeof value === 'string' ? parseAddress(value) : null;
    return address !== null && address.family === family ? { text: address.text } : null;
  }).transform((value) => value.text);
}

/** A transport address of one family, `192.0.2.1#5000`. */
export function transportAddress(family: 4 | 6) {
  const expected = `an IPv${family} transport address such as ${family === 4 ? '192.0.2.1#80' : '2001:db8::1#80'}`;
  return field(expected, (value) => {
    const transport = typeof value === 'string' ? parseTransportAddress(value) : null;
    return transport !== null && transport.address.family === family ? transport : null;
  });
}

/** Where metrics are told over TCP: `127.0.0.1#9464`, or an address alone with that port. */
export const metricsAddress = field('an address such as 127.0.0.1#9464 or ::1', (value) => {
  const read = typeof value === 'string' ? parseAddressAndPort(value, METRICS_PORT) : null;
  return read === null || read.port === 0 ? null : read;
});

/** A port on its own, as a number or as text. */
export const port = field('a port from 0 to 65535', (value) => {
  if (typeof value === 'number') return parsePort(String(value));
  return typeof value === 'string' ? parsePort(value) : null;
});
