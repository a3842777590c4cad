import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatAddress, hasHostBits, knownPrefix, networkOf, parsePrefix } from '../../src/config/address.js';
import { checkEntries, type EamFindings, entryAt, warnNumbering } from '../../src/config/eam.js';
import { readEamFile } from '../../src/config/eam-file.js';
import { readEntry } from '../../src/config/eam-text.js';
import { loadConfig } from '../../src/config/file.js';
import { runAtOnce } from '../../src/config/slices.js';
import { ConfigError, PlatypusError } from '../../src/errors.js';
import { EAM_ADD_BYTES, type EamRow } from '../../src/native/addon.js';
import { loadedSiit, siitFile } from './configs.js';
import { readVectors } from './vectors.js';

const read = (text: string | Uint8Array) =>
  runAtOnce(readEamFile(typeof text === 'string' ? Buffer.from(text) : text, 'a.eamt'));

function rows(text: string): EamRow[] {
  const { records, lines } = read(text);
  return Array.from(lines, (_line, index) => entryAt(records, index));
}

/** The sentences of a refused text. */
function refused(text: string | Uint8Array): string[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  throw new Error('it was accepted');
}

describe('an EAM file', () => {
  test('has an entry a line, comments, empty lines, blanks of any number and either line end', () => {
    expect(
      rows(
        '# the table\n192.0.2.0/28 2001:db8:1::/64\r\n\n \t198.51.100.1\t\t2001:db8::1 # one host\n203.0.113.0/24  ::/96',
      ),
    ).toEqual([
      { v4: '192.0.2.0/28', v6: '2001:db8:1::/64' },
      { v4: '198.51.100.1/32', v6: '2001:db8::1/128' },
      { v4: '203.0.113.0/24', v6: '::/96' },
    ]);
  });

  test('SIIT-EAM-01 prefixes of any length; without one they are /32 and /128', () => {
    expect(rows('0.0.0.0/0 2001:db8::/32\n192.0.2.1 2001:db8:aaaa::\n')).toEqual([
      { v4: '0.0.0.0/0', v6: '2001:db8::/32' },
      { v4: '192.0.2.1/32', v6: '2001:db8:aaaa::/128' },
    ]);
  });

  test('SIIT-EAM-01 the example table of RFC 7757', () => {
    const { eamt } = readVectors<{ eamt: { ipv4: string; ipv6: string }[] }>('eam');
    const text = eamt.map(({ ipv4, ipv6 }) => `${ipv4} ${ipv6}`).join('\n');
    const full = (prefix: string) => networkOf(knownPrefix(prefix));
    expect(rows(text)).toEqual(eamt.map(({ ipv4, ipv6 }) => ({ v4: full(ipv4), v6: full(ipv6) })));
  });

  test('its mistakes are told with file, line, column, what was found and what was expected', () => {
    expect(
      refused(
        [
          '192.0.2.1 2001:db8::1',
          '192.0.2.256 2001:db8::1',
          '192.0.2.1',
          '  192.0.2.1   2001:db8::g # comment',
          '192.0.2.1/28 2001:db8::/64',
          '192.0.2.0/28 2001:db8::1/64',
          '192.0.2.1 2001:db8::2 x',
          '2001:db8::1 192.0.2.1',
          '192.0.02.1 ::1',
        ].join('\n'),
      ),
    ).toEqual([
      'a.eamt:2:1: found "192.0.2.256", expected an IPv4 prefix such as 192.0.2.0/28',
      'a.eamt:3:10: found nothing, expected an IPv6 prefix such as 2001:db8::/64',
      'a.eamt:4:15: found "2001:db8::g", expected an IPv6 prefix such as 2001:db8::/64',
      'a.eamt:5:1: found "192.0.2.1/28", expected no bits after the prefix length',
      'a.eamt:6:14: found "2001:db8::1/64", expected no bits after the prefix length',
      'a.eamt:7:23: found "x", expected the end of the line or a comment',
      'a.eamt:8:1: found "2001:db8::1", expected an IPv4 prefix such as 192.0.2.0/28',
      'a.eamt:9:1: found "192.0.02.1", expected an IPv4 prefix such as 192.0.2.0/28',
    ]);
  });

  test.each(readVectors<{ reject: { ipv4: string; ipv6: string; why: string }[] }>('eam').reject)(
    'SIIT-EAM-02 $ipv4 with $ipv6 is refused: $why',
    ({ ipv4, ipv6 }) => {
      expect(refused(`${ipv4} ${ipv6}`)).toHaveLength(1);
    },
  );

  test.each([
    ['192.0.2.0/24', '2001:db8::/121', '/120'],
    ['0.0.0.0/0', '2001:db8::/97', '/96'],
    ['192.0.2.0/31', '2001:db8::1', '/127'],
  ])('SIIT-EAM-02 %s with %s: the IPv4 suffix does not fit', (v4, v6, most) => {
    expect(refused(`${v4} ${v6}`)).toEqual([
      `a.eamt:1:${v4.length + 2}: found "${v6}", expected an IPv6 prefix of at most ${most}, with room for the IPv4 suffix (RFC 7757 §3.2)`,
    ]);
    expect(rows(`${v4} ${v6.replace(/\/.*$|$/, '').replace(/1$/, '')}${most}`)).toHaveLength(1);
  });

  test('at most 20 mistakes are told', () => {
    expect(refused('x\n'.repeat(50_000))).toHaveLength(20);
  });

  test('a line without an end is refused and what follows is not read', () => {
    expect(refused(Buffer.concat([Buffer.alloc(5_000_000, '1'), Buffer.from('\nx\nx\n')]))).toEqual([
      'a.eamt:1:1: found a line of more than 1024 bytes, expected a shorter one',
    ]);
    expect(rows(`192.0.2.1 ::1 #${'x'.repeat(1000)}\n`)).toHaveLength(1);
  });

  test('one entry more than the table has room for is refused', () => {
    const line = Buffer.from('0.0.0.0 ::\n');
    const most = Buffer.alloc(4_194_304 * line.length, line);
    expect(read(most).lines).toHaveLength(4_194_304);
    expect(refused(Buffer.concat([most, line]))).toEqual([
      'a.eamt:4194305:1: found one more entry, expected at most 4194304',
    ]);
  });

  test('any bytes are entries or a ConfigError, never anything else', () => {
    const piece = fc.constantFrom(
      '192.0.2.0/28',
      ' ',
      '\t',
      '\n',
      '\r\n',
      '2001:db8::/64',
      '#',
      '::',
      ':',
      '.',
      '/',
      '\0',
    );
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .array(fc.oneof(piece, fc.string({ maxLength: 4, unit: 'binary' })), { maxLength: 40 })
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(text, (bytes) => {
        try {
          const { records, lines } = read(bytes);
          expect(records).toHaveLength(lines.length * EAM_ADD_BYTES);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          for (const { message, line, column } of error.issues) {
            expect(message).not.toContain('\n');
            expect(line).toBeGreaterThan(0);
            expect(column).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the fast reader says what the slow one says', () => {
  /** One side by the slow reader: its network, or null where it is refused. */
  function slow(text: string, family: 4 | 6): string | null {
    const prefix = parsePrefix(text);
    return prefix === null || prefix.family !== family || hasHostBits(prefix) ? null : networkOf(prefix);
  }

  function fast(text: string, family: 4 | 6): string | null {
    const record = new Uint8Array(EAM_ADD_BYTES);
    const wrong = family === 4 ? readEntry(text, '::/0', record, 0) : readEntry('0.0.0.0', text, record, 0);
    if (wrong?.side === `v${family}`) return null;
    return entryAt(record, 0)[`v${family}`];
  }

  const group = fc.nat(0xffff).map((value) => value.toString(16));
  const padded = group.map((text) => text.padStart(4, '0').toUpperCase());
  const quad = fc.ipV4();
  const length = (most: number) =>
    fc.oneof(
      fc.constant(''),
      fc.nat(most).map((bits) => `/${bits}`),
    );
  const edit = fc.record({
    at: fc.nat(45),
    remove: fc.nat(2),
    insert: fc.oneof(fc.constantFrom('', ':', '::', '.', '/', '0', '1', 'f', 'G', ' ', '%', '12345', '256', '-', 'é')),
  });
  const broken = (text: fc.Arbitrary<string>) =>
    fc
      .tuple(text, fc.array(edit, { maxLength: 2 }))
      .map(([was, edits]) =>
        edits.reduce((now, { at, remove, insert }) => now.slice(0, at) + insert + now.slice(at + remove), was),
      );
  const zeroTail = fc
    .tuple(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), fc.nat(128))
    .map(([value, bits]) => `${formatAddress(6, (value >> BigInt(128 - bits)) << BigInt(128 - bits))}/${bits}`);
  const groups = fc
    .tuple(fc.array(fc.oneof(group, padded), { maxLength: 9 }), fc.nat(9), fc.boolean(), quad, fc.boolean())
    .map(([parts, gap, hasGap, tail, hasTail]) => {
      const all = hasTail ? [...parts, tail] : parts;
      return hasGap ? `${all.slice(0, gap).join(':')}::${all.slice(gap).join(':')}` : all.join(':');
    });

  test('IPv4', () => {
    const text = fc.tuple(quad, length(33)).map(([address, bits]) => address + bits);
    fc.assert(
      fc.property(broken(text), (candidate) => {
        expect(fast(candidate, 4)).toBe(slow(candidate, 4));
      }),
      { numRuns: 5000 },
    );
  });

  test('IPv6, in every form of RFC 4291 §2.2', () => {
    const text = fc.oneof(
      zeroTail,
      fc.tuple(fc.oneof(fc.ipV6(), groups), length(130)).map(([address, bits]) => address + bits),
    );
    fc.assert(
      fc.property(broken(text), (candidate) => {
        expect(fast(candidate, 6)).toBe(slow(candidate, 6));
      }),
      { numRuns: 10_000 },
    );
  });

  test.each([
    '::',
    '::1',
    '1::',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    '1::8',
    '::1.2.3.4',
    '1:2:3:4:5:6:1.2.3.4',
    '::ffff:1.2.3.4',
    '64:ff9b::192.0.2.33',
    '2001:DB8::A',
    '::/0',
    '8000::/1',
    '1:2:3:4:5::1.2.3.4',
  ])('%s is read', (text) => {
    expect(fast(text, 6)).toBe(slow(text, 6));
    expect(fast(text, 6)).not.toBeNull();
  });

  test.each([
    '',
    ':',
    ':::',
    '1',
    '1:',
    ':1',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '12345::',
    '::g',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1.2.3',
    '::1.2.3.4:5',
    '::1.2.3.4.5',
    '::01.2.3.4',
    '::/',
    '::/129',
    '::/01',
    '::/1/1',
    '::1%eth0',
    '::1/64',
    '1:2:3:4:5:6:7:',
    '::ffff:256.1.1.1',
    '1:2:3:4:5:6::1.2.3.4',
  ])('"%s" is refused', (text) => {
    expect(fast(text, 6)).toBe(slow(text, 6));
    expect(fast(text, 6)).toBeNull();
  });
});

describe('between entries', () => {
  const check = (text: string): EamFindings => runAtOnce(checkEntries(read(text).records, 20));

  test('SIIT-EAM-13 overlaps make one warning with the first of them and how many there are', () => {
    const text = [
      '192.0.2.0/24 2001:db8:1::/64',
      '192.0.2.8/29 2001:db8:2::/64',
      '192.0.2.9 2001:db8:1::9',
      '10.0.0.1 ::1',
    ];
    expect(check(text.join('\n'))).toEqual({
      duplicates: [],
      warnings: [
        'EAM entries have prefixes that lie in others (2 IPv4, 1 IPv6, first 192.0.2.8/29 in 192.0.2.0/24): the longest prefix is taken (RFC 7757 §5)',
      ],
    });
  });

  test('SIIT-EAM-13 an identical prefix on either side is found, wherever it stands', () => {
    expect(check('192.0.2.1 ::1\n192.0.2.2 ::2\n192.0.2.1 ::3\n192.0.2.4 ::2').duplicates).toEqual([
      { side: 'v4', index: 2, other: 0, text: '192.0.2.1/32' },
      { side: 'v6', index: 3, other: 1, text: '::2/128' },
    ]);
  });

  test('the same as a search from end to end', () => {
    const few4 = fc.tuple(fc.nat(15), fc.integer({ min: 26, max: 32 })).map(([value, bits]) => {
      return { value: (BigInt(value) >> BigInt(32 - bits)) << BigInt(32 - bits), bits };
    });
    const few6 = fc.tuple(fc.nat(15), fc.integer({ min: 120, max: 128 })).map(([value, bits]) => {
      return { value: ((BigInt(value) << 64n) >> BigInt(128 - bits)) << BigInt(128 - bits), bits: Math.min(bits, 120) };
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(few4, few6), { maxLength: 12 }), (entries) => {
        const records = new Uint8Array(entries.length * EAM_ADD_BYTES);
        for (const [index, [v4, v6]] of entries.entries()) {
          const text4 = `${formatAddress(4, v4.value)}/${v4.bits}`;
          // Only places and lengths matter here, so that an address may have bits after its length.
          readEntry(
            text4,
            networkOf(knownPrefix(`${formatAddress(6, v6.value)}/${v6.bits}`)),
            records,
            index * EAM_ADD_BYTES,
          );
        }
        const found = runAtOnce(checkEntries(records, 1000));
        const list = entries.map((_entry, index) => entryAt(records, index));
        for (const side of ['v4', 'v6'] as const) {
          const prefixes = list.map((row) => knownPrefix(row[side]));
          const again = prefixes.flatMap((prefix, index) => {
            const earlier = prefixes.slice(0, index).some((other) => networkOf(other) === networkOf(prefix));
            return earlier ? [index] : [];
          });
          const inside = prefixes.filter((prefix, index) => {
            const isIn = (other: typeof prefix) =>
              other.length < prefix.length && other.first <= prefix.first && prefix.last <= other.last;
            return !again.includes(index) && prefixes.some(isIn);
          });
          expect(
            found.duplicates
              .filter((entry) => entry.side === side)
              .map(({ index }) => index)
              .sort((a, b) => a - b),
          ).toEqual(again);
          const counts = /\((\d+) IPv4, (\d+) IPv6/.exec(found.warnings[0] ?? '(0 IPv4, 0 IPv6');
          expect(Number(counts?.[side === 'v4' ? 1 : 2])).toBe(inside.length);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('warnings about numbering', () => {
  const warn = (text: string, ...pool6: string[]) =>
    runAtOnce(warnNumbering(read(text).records, pool6.map(knownPrefix)));

  test('SIIT-ADDR-15 hosts numbered from 64:ff9b::/96', () => {
    expect(warn('192.0.2.1 2001:db8::1\n192.0.2.2 64:ff9b::1\n192.0.2.3 64:ff9b::2', '64:ff9b::/96')).toEqual([
      'EAM entries number IPv6 hosts from 64:ff9b::/96 (2 of them, first 64:ff9b::1/128), which RFC 6052 §3.1 keeps for IPv4 servers: use a prefix of your own',
    ]);
    expect(warn('192.0.2.1 64:ff9b::/64', '2001:db8::/96')).toHaveLength(1);
  });

  test('SIIT-ADDR-17 hosts numbered from a pool6 that is not the first', () => {
    const [first, second] = ['2001:db8:64::/96', '2001:db8:65::/96'];
    expect(warn('192.0.2.1 2001:db8:65::9', first, second)).toEqual([
      expect.stringMatching(
        /^EAM entries lie in 2001:db8:65::\/96 \(1 of them, first 2001:db8:65::9\/128\), which is not the first pool6/,
      ),
    ]);
    expect(warn('192.0.2.1 2001:db8:64::9', first, second)).toEqual([]);
  });
});

describe('siit.eamt and siit.eamtFile', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'platypus-eam-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function load(eamt: string, siit: string) {
    await writeFile(join(folder, 'a.eamt'), eamt);
    const file = join(folder, 'p.yaml');
    await writeFile(file, `siit: { pool6: "2001:db8:64::/96", ${siit} }\n`);
    return loadedSiit(await loadConfig(file));
  }
  const sentence = (promise: Promise<unknown>) =>
    promise.then(
      () => 'it was accepted',
      (error: unknown) => {
        if (!(error instanceof PlatypusError)) throw error;
        return error.message.replaceAll(`${folder}/`, '');
      },
    );
  const INLINE = 'eamt: [{ v4: 192.0.2.9, v6: "2001:db8::9" }]';

  test('are joined; a relative path begins at the file’s folder', async () => {
    const { config } = await load('192.0.2.1 2001:db8::1\n', `${INLINE}, eamtFile: a.eamt`);
    const { records, size } = config.siit.eamt;
    expect(size).toBe(2);
    expect(entryAt(records ?? new Uint8Array(), 0)).toEqual({ v4: '192.0.2.9/32', v6: '2001:db8::9/128' });
    expect(entryAt(records ?? new Uint8Array(), 1)).toEqual({ v4: '192.0.2.1/32', v6: '2001:db8::1/128' });
  });

  test('SIIT-EAM-13 a prefix that one has and the other too is refused at its line', async () => {
    expect(
      await sentence(load('# first\n192.0.2.1 ::1\n192.0.2.9 ::2\n192.0.2.3 ::1\n', `${INLINE}, eamtFile: a.eamt`)),
    ).toBe(
      [
        'a.eamt:3:1: found 192.0.2.9/32 again, expected an IPv4 prefix that siit.eamt[0] does not have',
        'a.eamt:4:1: found ::1/128 again, expected an IPv6 prefix that line 2 does not have',
      ].join('\n'),
    );
  });

  test('SIIT-EAM-13 and within the list at its item', () => {
    const twice = 'eamt: [{ v4: 192.0.2.9, v6: "::1" }, { v4: 192.0.2.8, v6: "::1" }]';
    expect(() => siitFile(`siit: { pool6: "2001:db8::/96", ${twice} }`)).toThrow(
      /s\.yaml:1:\d+: siit\.eamt\[1\]\.v6: found ::1\/128, expected a prefix that siit\.eamt\[0\] does not have$/,
    );
  });

  test('SIIT-EAM-13, SIIT-ADDR-15 warnings are made once for both', async () => {
    const { warnings } = await load(
      '192.0.2.0/24 64:ff9b::/104\n',
      'eamtFile: a.eamt, eamt: [{ v4: 192.0.2.9, v6: "64:ff9b::9" }]',
    );
    expect(warnings).toEqual([
      expect.stringMatching(/^EAM entries have prefixes that lie in others \(1 IPv4, 1 IPv6, /),
      expect.stringMatching(/^EAM entries number .* \(2 of them, first 64:ff9b::9\/128\)/),
    ]);
  });

  test.each([
    ['{ v4: 192.0.2.1 }', /siit\.eamt\[0\]\.v6: found nothing, expected an IPv6 prefix/],
    [
      '{ v4: 192.0.2.1, v6: "::1/64" }',
      /siit\.eamt\[0\]\.v6: found "::1\/64", expected no bits after the prefix length/,
    ],
    ['{ v4: 7, v6: "::1" }', /siit\.eamt\[0\]\.v4: found 7, expected an IPv4 prefix/],
    ['{ v4: "192.0.2.1 # x", v6: "::1" }', /siit\.eamt\[0\]\.v4: found "192\.0\.2\.1 # x", expected an IPv4 prefix/],
    ['{ v4: 192.0.2.0/24, v6: "::1" }', /siit\.eamt\[0\]\.v6: .*at most \/120/],
    ['{ v4: 192.0.2.1, v6: "::1", x: 1 }', /siit\.eamt\[0\]\.x: unknown key "x"/],
    ['192.0.2.1', /siit\.eamt\[0\]: found "192\.0\.2\.1", expected a section/],
  ])('SIIT-EAM-02 the item %s is refused', (item, pattern) => {
    expect(() => siitFile(`siit: { pool6: "2001:db8::/96", eamt: [${item}] }`)).toThrow(pattern);
  });

  test('a list of more than 10000 is refused', () => {
    const item = '{ v4: 192.0.2.1, v6: "::1" },';
    expect(() => siitFile(`siit: { pool6: "2001:db8::/96", eamt: [${item.repeat(10_001)}] }`)).toThrow(
      /siit\.eamt: found a list of 10001, expected at most 10000 EAM entries here/,
    );
  });

  test.each([
    ['missing.eamt', /missing\.eamt: there is no such file, expected an EAM file that can be read/],
    ['.', /it is not a regular file/],
    ['/dev/zero', /it is not a regular file, expected an EAM file/],
  ])('the file %s is refused', async (file, pattern) => {
    expect(await sentence(load('', `eamtFile: ${file}`))).toMatch(pattern);
  });

  test('a mistake in the EAM file refuses the whole', async () => {
    expect(await sentence(load('192.0.2.1\n', 'eamtFile: a.eamt'))).toMatch(
      /^a\.eamt:1:10: found nothing, expected an IPv6/,
    );
  });
});
