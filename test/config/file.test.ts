import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig, MAX_FILE_BYTES, parseConfig } from '../../src/config/file.js';
import { ConfigError, PlatypusError } from '../../src/errors.js';

/** The sentences of a refused text. */
function refused(text: string): string[] {
  try {
    parseConfig(text, 'p.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  throw new Error('it was accepted');
}

const EXAMPLE = `plat:
  pool6: 64:ff9b::/96
  pool4:
    - { prefix: 100.1.2.0/28, ports: 1024-65535 }
  timeouts: &t { udp: 5m }
control: { socket: /run/platypus/control.sock }
log:
  level: info
`;

describe('places', () => {
  test('every mistake is told, each with file, line, column, what was found and what was expected', () => {
    const text = `plat:
  pool6: 64:ff9b::/95
  pool4:
    - { prefix: 100.1.2.1/28, ports: 70000 }
  mtu6: 100
`;
    expect(refused(text)).toEqual([
      'p.yaml:2:10: plat.pool6: found "64:ff9b::/95", expected a prefix length of 32, 40, 48, 56, 64 or 96 (RFC 6052 §2.2)',
      'p.yaml:4:17: plat.pool4[0].prefix: found "100.1.2.1/28", expected no bits after the prefix length, such as 100.1.2.0/28',
      'p.yaml:4:38: plat.pool4[0].ports: found 70000, expected ports as 1024-65535',
      'p.yaml:5:9: plat.mtu6: found 100, expected a whole number from 1280 to 65535 (bytes)',
    ]);
  });

  test('a missing key is placed at the section that lacks it', () => {
    expect(refused('log: { level: info }\nplat:\n  mtu6: 1500\n')).toEqual([
      expect.stringMatching(/^p\.yaml:3:3: plat\.pool4: found nothing, expected 1 to 4096 entries/),
    ]);
  });

  test('a mapping in the place of a list is looked into', () => {
    const text = `plat: { pool4: 1.2.3.4 }
announce:
  bgp:
    neighbor: 192.0.2.1
    localAs: 65001
    remoteAs: 0
    exporrt: all
dns64:
  upstream: 2001:db8::1
  groups: { name: a, clients: nobody }
`;
    expect(refused(text)).toEqual([
      expect.stringMatching(/^p\.yaml:6:15: announce\.bgp\[0\]\.remoteAs: found 0, expected an AS number/),
      'p.yaml:7:5: announce.bgp[0].exporrt: unknown key "exporrt", expected export',
      expect.stringMatching(/^p\.yaml:10:31: dns64\.groups\[0\]\.clients: found "nobody", expected /),
    ]);
    expect(refused('plat: { pool4: 1.2.3.4 }\nannounce:\n  bgp: { neighbor: 192.0.2.1, localAs: 1 }\n')).toEqual([
      expect.stringMatching(/^p\.yaml:3:8: announce\.bgp\[0\]\.remoteAs: found nothing, expected an AS number/),
    ]);
  });

  test('an aliased value is placed where it is written', () => {
    expect(refused('plat:\n  pool4: &p [ 1.2.3.4 ]\n  mtu6: *p\n')).toEqual([
      expect.stringMatching(/^p\.yaml:3:9: plat\.mtu6: found a list of 1/),
    ]);
  });

  test('an unknown key is placed at the key, and the nearest one is named', () => {
    expect(refused('plat:\n  pool4: 1.2.3.4\n  mtu7: 1500\n')).toEqual([
      'p.yaml:3:3: plat.mtu7: unknown key "mtu7", expected mtu6',
    ]);
    expect(refused('plat: { pool4: 1.2.3.4, timeouts: { tcpestablished: 9000 } }')[0]).toMatch(
      /unknown key "tcpestablished", expected tcpEstablished$/,
    );
  });

  test.each(['9464', '"127.0.0.1#0"', '"127.0.0.1#1#2"', 'localhost', '"[::1]:9464"'])(
    'control.metrics: %s is no address',
    (text) => {
      expect(refused(`plat: { pool4: 1.2.3.4 }\ncontrol: { metrics: ${text} }\n`)[0]).toMatch(
        /^p\.yaml:2:21: control\.metrics: found .*, expected an address such as 127\.0\.0\.1#9464 or ::1$/,
      );
    },
  );

  test('control.metrics is off unless told, and has a port of its own', () => {
    const metrics = (text: string) =>
      parseConfig(`plat: { pool4: 100.1.2.3 }\n${text}`, 'p.yaml').config.control.metrics;
    expect(metrics('')).toBeNull();
    expect(metrics('control: { metrics: "::1" }')).toMatchObject({ address: { text: '::1' }, port: 9464 });
    expect(metrics('control: { metrics: "192.0.2.1#9000" }')).toMatchObject({ port: 9000 });
  });

  test('a key like no other gets the list', () => {
    expect(refused('plat: { pool4: 1.2.3.4 }\nzzzzzzzz: 1\n')[0]).toMatch(
      /^p\.yaml:2:1: .*expected one of plat, siit, control, log/,
    );
  });

  test('YAML that is none is placed too', () => {
    expect(refused('plat: [\n')[0]).toMatch(/^p\.yaml:\d+:\d+: .*expected valid YAML$/);
    expect(refused('plat:\n pool4: 1.2.3.4\n pool4: 1.2.3.5\n')[0]).toMatch(/^p\.yaml:3:2: Map keys must be unique/);
    expect(refused('plat: !!js/function x\n')[0]).toMatch(/^p\.yaml:1:7: Unresolved tag/);
    expect(refused('a: 1\n---\nb: 1\n')[0]).toMatch(/^p\.yaml:2:1: /);
  });
});

describe('sections', () => {
  test('a file with both plat and siit is refused in one sentence', () => {
    expect(refused('plat: { pool4: 1.2.3.4 }\nsiit:\n  pool6: 2001:db8::/96\n')).toEqual([
      'p.yaml:3:3: siit: found siit beside plat, expected one of them: a translator is either',
    ]);
  });

  test('a file with neither is refused in one sentence', () => {
    expect(refused('log: { level: info }\n')).toEqual([
      'p.yaml:1:1: found none of plat, siit, clat, dns64, announce and responder, expected one of these sections',
    ]);
  });
});

describe('bounds', () => {
  test.each([
    ['nested brackets', '['.repeat(100_000)],
    ['nested lists', '- '.repeat(100_000)],
    ['nested questions', '? '.repeat(100_000)],
    [
      'an alias bomb',
      'a: &a [1,1,1,1]\n'.concat(
        ...'bcdefgh'.split('').map((name, i) => {
          const from = 'abcdefgh'[i];
          return `${name}: &${name} [${Array(9).fill(`*${from}`).join(',')}]\n`;
        }),
      ),
    ],
    ['an endless scalar', `x: "${'a'.repeat(1_000_000)}"`],
    ['an empty file', ''],
    ['only a comment', '# nothing\n'],
    ['a prototype', '__proto__: { plat: 1 }\nconstructor: 1\n'],
  ])('%s is refused in sentences', (_name, text) => {
    expect(refused(text).length).toBeGreaterThan(0);
  });

  test('at most 100 mistakes are told', () => {
    expect(refused(`plat: { pool4: [${'1.2.3.4,'.repeat(500)}] }`)).toHaveLength(100);
  });
});

describe('hostile text', () => {
  test('text made from a valid file by edits is accepted or refused as ConfigError, never anything else', () => {
    const edit = fc.record({
      at: fc.nat(EXAMPLE.length),
      remove: fc.nat(12),
      insert: fc.oneof(
        fc.string({ maxLength: 6, unit: 'binary' }),
        fc.constantFrom(
          '&a ',
          '*a',
          '*t',
          '!!map ',
          '<<: ',
          '{',
          '}',
          '[',
          ']',
          '- ',
          '? ',
          ': ',
          '\n',
          '\t',
          '|',
          '>-',
          '%',
          '---\n',
          '""',
          '~',
          '\0',
          '\u2028',
        ),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
        const text = edits.reduce(
          (was, { at, remove, insert }) => was.slice(0, at) + insert + was.slice(at + remove),
          EXAMPLE,
        );
        try {
          expect(parseConfig(text, 'p.yaml').config.plat?.pool4.length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          for (const issue of error.issues) {
            expect(issue.line).toBeGreaterThan(0);
            expect(issue.message).not.toBe('');
            expect(issue.message).not.toContain('\n');
          }
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('files', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'platypus-config-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function refusedFile(name: string, content?: string | Uint8Array): Promise<string> {
    const file = join(folder, name);
    if (content !== undefined) await writeFile(file, content);
    const error: unknown = await loadConfig(file).catch((caught: unknown) => caught);
    if (!(error instanceof PlatypusError)) throw new Error(`not refused in a sentence: ${String(error)}`);
    return error.message;
  }

  test('a good one is loaded', async () => {
    const file = join(folder, 'good.yaml');
    await writeFile(file, EXAMPLE);
    const { config, warnings } = await loadConfig(file);
    expect(config.plat?.timeouts.udp).toBe(300);
    expect(warnings).toEqual([]);
  });

  test('one that is missing', async () => {
    expect(await refusedFile('missing.yaml')).toMatch(/missing\.yaml: there is no such file, expected a YAML file/);
  });
  test('a folder', async () => {
    expect(await refusedFile('.')).toMatch(/not a regular file|EISDIR/);
  });
  test('one that is too large', async () => {
    expect(await refusedFile('large.yaml', Buffer.alloc(MAX_FILE_BYTES + 1, '#'))).toMatch(/larger than 1048576 bytes/);
  });
  test('one that is not UTF-8', async () => {
    expect(await refusedFile('latin.yaml', Uint8Array.of(0x70, 0xe9, 0x0a))).toMatch(/not UTF-8/);
  });
  test('a device that never ends', async () => {
    await expect(loadConfig('/dev/zero')).rejects.toThrow(/not a regular file/);
  });
});
