/** siit.md section 12 and SIIT-SRC-07: where a stateless translator fits, and that it keeps no state. RFC 6144. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { toSiitCoreConfig } from '../../src/config/core.js';
import { parseConfig } from '../../src/config/file.js';
import { fragments, icmp, read, tcp, udp } from './packets.js';
import { eamTable, server, siit, stateless, through, translator } from './translator.js';

describe('docs/guide/siit.md', () => {
  const guide = readFileSync(fileURLToPath(new URL('../../docs/guide/siit.md', import.meta.url)), 'utf8');
  /** The cells of each row of the tables. */
  const rows = [...guide.matchAll(/^\|(.*)\|$/gm)].map(([, row = '']) => row.split('|').map((cell) => cell.trim()));
  const rowOf = (scenario: number) => rows.find(([first = '']) => first.split(', ').includes(`${scenario}`)) ?? [];

  test.each([
    [1, /IPv6 network.*IPv4 Internet/, /`siit`.*`plat`/],
    [2, /IPv4 Internet.*IPv6 network/, /^`siit`$/],
    [3, /IPv6 Internet.*IPv4 network/, /^`plat`/],
    [5, /IPv6 network.*IPv4 network/, /`siit`.*`plat`/],
    [6, /IPv4 network.*IPv6 network/, /^`siit`$/],
    [4, /IPv6 Internet/, /^nothing/],
    [7, /Internet to Internet/, /^nothing/],
    [8, /Internet to Internet/, /^nothing/],
  ])('SIIT-FRM-01 scenario %i of RFC 6144 has its line', (scenario, way, use) => {
    const [, from = '', what = ''] = rowOf(scenario);
    expect(from).toMatch(way);
    expect(what).toMatch(use);
  });

  test.each([
    [/\/32/, /\/40/],
    [/\/48/, /\/56/],
    [/two networks/, /\/64 or \/96/],
  ])('SIIT-FRM-03 for %s it advises %s', (have, take) => {
    expect(rows.find(([first = '']) => have.test(first))?.[1]).toMatch(take);
  });
});

describe('two translators with the same configuration, packet by packet in turns', async () => {
  const eamt = await eamTable(['192.0.2.1', '2001:db8:1::a']);
  const pair = () => {
    const nats = [1, 2].map((seed) => translator({ ...stateless, ...siit({ eamt }) }, {}, { seed }));
    let turn = 0;
    return (packet: Buffer) => {
      turn += 1;
      const nat = nats[turn % 2];
      if (nat === undefined) throw new Error('no translator');
      return nat.pass(packet);
    };
  };
  const out = { source: '2001:db8:1::a', destination: through(server), sourcePort: 40_000, destinationPort: 80 };
  const back = { source: server, destination: '192.0.2.1', sourcePort: 80, destinationPort: 40_000 };
  const out4 = { source: '192.0.2.1', destination: server };
  const back6 = { source: through(server), destination: '2001:db8:1::a' };

  test('SIIT-FRM-02 a TCP connection lives', () => {
    const pass = pair();
    const handshake = [
      ['S', 'SA'],
      ['A', 'PA'],
      ['PA', 'A'],
      ['FA', 'FA'],
      ['A', 'A'],
    ] as const;
    for (const [i, [flags, answer]] of handshake.entries()) {
      expect(pass(tcp({ ...out, flags, sequence: i }))).toMatchObject({ ...out4, sequence: i });
      expect(pass(tcp({ ...back, flags: answer, sequence: i }))).toMatchObject({ ...back6, sequence: i });
      // One more, so that either way meets both.
      expect(pass(tcp({ ...out, flags: 'PA', data: 'more' }))).toMatchObject({ ...out4, data: Buffer.from('more') });
    }
  });

  test('SIIT-FRM-02 fragments of one datagram fit together', () => {
    const pass = pair();
    const whole = udp({ ...back, data: Buffer.alloc(2000, 'abcdefg') });
    const pieces = fragments(whole, 0xbeef, 800, 1600).map(pass);
    expect(pieces.map(({ identification, offset, more }) => [identification, offset, more])).toEqual([
      [0xbeef, 0, true],
      [0xbeef, 800, true],
      [0xbeef, 1600, false],
    ]);
    const payload = Buffer.concat(pieces.map((piece) => piece.payload));
    expect(payload.subarray(8).equals(read(whole).data)).toBe(true);
  });

  test('SIIT-FRM-02 an error about what one translated passes the other', () => {
    const pass = pair();
    const there = pass(udp(out));
    const error = pass(icmp({ source: '203.0.113.9', destination: '192.0.2.1', type: 11, body: there.bytes }));
    expect(error).toMatchObject({ destination: '2001:db8:1::a', type: 3, code: 0 });
    expect(read(error.data)).toMatchObject(out);
  });
});

test('SIIT-SRC-07 one configuration has RFC 6791 and RFC 7757', async () => {
  const text = `
siit:
  pool6: 2001:db8:64::/96
  eamt: [{ v4: 192.0.2.1, v6: "2001:db8:1::a" }]
  rfc6791v4Prefix: 203.0.113.9`;
  const { config } = parseConfig(text, 'siit.yaml');
  if (config.siit === undefined) throw new Error('no siit section');
  const nat = translator(toSiitCoreConfig(config.siit, await eamTable(['192.0.2.1', '2001:db8:1::a']), null));
  const body = udp({ source: through(server), destination: '2001:db8:1::a', sourcePort: 1, destinationPort: 2 });
  const error = nat.pass(icmp({ source: '2001:db8:ffff::1', destination: through(server), type: 3, body }));
  expect(error.source).toBe('203.0.113.9');
  expect(read(error.data).destination).toBe('192.0.2.1');
});
