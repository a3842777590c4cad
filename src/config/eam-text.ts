/**
 * Explicit address mappings as text, byte by byte: tables have up to four million of them, and a configuration must be
 * read in a moment. `address.ts` reads the same language slowly, and a test holds the two to the same answers.
 */

/** Where an entry's parts stand in its record (`EAM_ADD_BYTES` in src/native/addon.ts). */
export const V4 = { at: 0, bytes: 4 } as const;
export const V6 = { at: 5, bytes: 16 } as const;

const SLASH = 0x2f;
const COLON = 0x3a;
const DOT = 0x2e;

export const EXPECTED_4 = 'an IPv4 prefix such as 192.0.2.0/28';
export const EXPECTED_6 = 'an IPv6 prefix such as 2001:db8::/64';
const HOST_BITS = 'no bits after the prefix length';

/**
 * Reads `192.0.2.0/28` or `192.0.2.1` (a /32, RFC 7757 §3.2) from `text[from..to)` into the record at `record`. Returns
 * null, or what was expected.
 */
export function readPrefix4(
  text: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  record: number,
): string | null {
  const at = record + V4.at;
  const end = readQuad(text, from, to, out, at);
  if (end < 0) return EXPECTED_4;
  return readLength(text, end, to, out, at, V4.bytes);
}

/** The same for `2001:db8::/64` or `2001:db8::1` (a /128). */
export function readPrefix6(
  text: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  record: number,
): string | null {
  const at = record + V6.at;
  const end = readGroups(text, from, to, out, at);
  if (end < 0) return EXPECTED_6;
  return readLength(text, end, to, out, at, V6.bytes);
}

/** Null, or what was expected of the IPv6 prefix (RFC 7757 §3.2: the IPv4 suffix must fit into the IPv6 suffix). */
export function checkSuffix(records: Uint8Array, record: number): string | null {
  const most = 96 + (records[record + V4.at + V4.bytes] ?? 0);
  if ((records[record + V6.at + V6.bytes] ?? 0) <= most) return null;
  return `an IPv6 prefix of at most /${most}, with room for the IPv4 suffix (RFC 7757 §3.2)`;
}

/** Four octets without leading zeros. Returns where they end, -1 when they are none. */
function readQuad(text: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
  let position = from;
  for (let octet = 0; octet < 4; octet++) {
    if (octet > 0 && (position >= to || text[position++] !== DOT)) return -1;
    const start = position;
    let value = 0;
    while (position < to && position - start < 4) {
      const digit = (text[position] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      position++;
    }
    const digits = position - start;
    if (digits === 0 || value > 255 || (digits > 1 && text[start] === 0x30)) return -1;
    out[at + octet] = value;
  }
  return position;
}

/** Eight groups, `::` for one or more of them that are zero, the last two perhaps as dotted quad (RFC 4291 §2.2). */
function readGroups(text: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
  let position = from;
  let written = 0;
  let gap = -1;
  if (position < to && text[position] === COLON) {
    if (text[position + 1] !== COLON || position + 1 >= to) return -1;
    gap = 0;
    position += 2;
  }
  for (;;) {
    const start = position;
    let value = 0;
    while (position < to && position - start < 5) {
      const digit = HEX[text[position] ?? 0] ?? -1;
      if (digit < 0) break;
      value = value * 16 + digit;
      position++;
    }
    const digits = position - start;
    const next = position < to ? text[position] : 0;
    if (next === DOT) {
      if (written > 12) return -1;
      position = readQuad(text, start, to, out, at + written);
      if (position < 0) return -1;
      written += 4;
      break;
    }
    if (digits === 0) {
      // Only right after `::` may there be no group.
      if (gap !== written) return -1;
      break;
    }
    if (digits > 4 || written >= 16) return -1;
    out[at + written] = value >> 8;
    out[at + written + 1] = value & 0xff;
    written += 2;
    if (next !== COLON) break;
    position++;
    if (position < to && text[position] === COLON) {
      if (gap >= 0) return -1;
      gap = written;
      position++;
    }
  }
  if (gap < 0) return written === 16 ? position : -1;
  if (written > 14) return -1;
  const moved = written - gap;
  out.copyWithin(at + 16 - moved, at + gap, at + written);
  out.fill(0, at + gap, at + 16 - moved);
  return position;
}

/** Value of a hexadecimal digit by its byte, -1 for any other byte. */
const HEX = Int8Array.from({ length: 256 }, (_, byte) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase()),
);

/** `/28` up to `to`, or nothing for all bits; writes it after the address. Null, or what was expected. */
function readLength(
  text: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
  bytes: number,
): string | null {
  const bits = bytes * 8;
  const expected = bytes === 4 ? EXPECTED_4 : EXPECTED_6;
  let length = bits;
  if (from < to) {
    const digits = to - from - 1;
    if (text[from] !== SLASH || digits < 1 || digits > 3 || (digits > 1 && text[from + 1] === 0x30)) return expected;
    length = 0;
    for (let position = from + 1; position < to; position++) {
      const digit = (text[position] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) return expected;
      length = length * 10 + digit;
    }
    if (length > bits) return expected;
  }
  for (let byte = length >> 3; byte < bytes; byte++) {
    const mask = byte === length >> 3 ? 0xff >> (length & 7) : 0xff;
    if (((out[at + byte] ?? 0) & mask) !== 0) return HOST_BITS;
  }
  out[at + bytes] = length;
  return null;
}

const MAX_PREFIX_CHARACTERS = 64;

/** Reads an entry from its two texts into the record at `record`. Null, or which text is wrong and what was expected. */
export function readEntry(
  v4: string,
  v6: string,
  out: Uint8Array,
  record: number,
): { side: 'v4' | 'v6'; expected: string } | null {
  const expected4 = readText(v4, out, record, readPrefix4);
  if (expected4 !== null) return { side: 'v4', expected: expected4 };
  const expected6 = readText(v6, out, record, readPrefix6) ?? checkSuffix(out, record);
  return expected6 === null ? null : { side: 'v6', expected: expected6 };
}

function readText(text: string, out: Uint8Array, record: number, read: typeof readPrefix4): string | null {
  const bytes = Buffer.from(text.slice(0, MAX_PREFIX_CHARACTERS));
  return read(bytes, 0, bytes.length, out, record);
}
