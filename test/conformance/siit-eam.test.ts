/** siit.md section 11 on the vectors of eam.json: explicit address mappings and hairpinning, RFC 7757. */
import { describe, expect, test } from 'vitest';
import { toSiitCoreConfig } from '../../src/config/core.js';
import { parseConfig } from '../../src/config/file.js';
import { readVectors } from '../config/vectors.js';
import { type Addresses, icmp, read, tcp, udp } from './packets.js';
import { buildEamt, eamTable, prefixOf, type Sent, server, siit, stateless, translator } from './translator.js';

interface Quoting {
  src: string;
  dst: string;
  inner_src?: string;
  inner_dst?: string;
}

const { eamt, translations, hairpin, reject } = readVectors<{
  eamt: { ipv4: string; ipv6: string }[];
  translations: { ipv4: string; ipv6: string; by: 'eam' | 'rfc6052' }[];
  hairpin: { kind: string; in: Quoting; mid: Quoting; out: Quoting }[];
  reject: { ipv4: string; ipv6: string; why: string }[];
}>('eam');

const table = await eamTable(...eamt.map(({ ipv4, ipv6 }) => [ipv4, ipv6] as const));
/** RFC 7757 takes its examples from the documentation addresses, which 64:ff9b::/96 may not carry. */
const example = { ...stateless, pool6: [prefixOf('64:ff9b::/96')], allowNonGlobal: true };
const ports = { sourcePort: 40_000, destinationPort: 53 };
/** The server of these tests, as pool6 has it. */
const server6 = '64:ff9b::c633:6407';

const mapping = (mode: 'none' | 'simple' | 'intrinsic', change: Parameters<typeof siit>[0] = {}) =>
  translator({ ...example, ...siit({ eamt: table, hairpin: mode, rfc6791v4: [prefixOf('198.51.100.1')], ...change }) });

describe('translations of RFC 7757 appendix B', () => {
  const rows = translations.map((row) => ({
    ...row,
    to6: row.by === 'eam' ? 'SIIT-EAM-03' : 'SIIT-EAM-05',
    to4: row.by === 'eam' ? 'SIIT-EAM-04' : 'SIIT-EAM-05',
  }));

  test.each(rows)('$to6 $ipv4 is $ipv6, as destination and as source', ({ ipv4, ipv6 }) => {
    const nat = mapping('none');
    expect(nat.pass(udp({ source: server, destination: ipv4, ...ports })).destination).toBe(ipv6);
    expect(nat.pass(udp({ source: ipv4, destination: server, ...ports })).source).toBe(ipv6);
  });

  test.each(rows)('$to4 $ipv6 is $ipv4, as destination and as source', ({ ipv4, ipv6 }) => {
    const nat = mapping('none');
    expect(nat.pass(udp({ source: server6, destination: ipv6, ...ports })).destination).toBe(ipv4);
    expect(nat.pass(udp({ source: ipv6, destination: server6, ...ports })).source).toBe(ipv4);
  });

  test('SIIT-EAM-04 bits behind the IPv4 suffix do not count', () => {
    const destination = '2001:db8:dddd:0:63ff:ffff:ffff:ffff';
    const out = mapping('none').pass(udp({ source: server6, destination, ...ports }));
    expect(out.destination).toBe('192.0.2.152');
  });
});

describe('the longest prefix', async () => {
  const overlapping = await eamTable(
    ['192.0.2.0/24', '2001:db8:1::/64'],
    ['192.0.2.128/25', '2001:db8:2::/121'],
    ['192.0.2.200', '2001:db8:1::7'],
  );
  const nat = () => mapping('none', { eamt: overlapping });

  test.each([
    ['192.0.2.5', '2001:db8:1:0:500::'],
    ['192.0.2.199', '2001:db8:2::47'],
    ['192.0.2.200', '2001:db8:1::7'],
    ['192.0.2.201', '2001:db8:2::49'],
  ])('SIIT-EAM-03 of the IPv4 column wins: %s is %s', (ipv4, ipv6) => {
    expect(nat().pass(udp({ source: server, destination: ipv4, ...ports })).destination).toBe(ipv6);
  });

  test.each([
    ['2001:db8:1::6', '192.0.2.0'],
    ['2001:db8:1::7', '192.0.2.200'],
    ['2001:db8:1:0:500::', '192.0.2.5'],
    ['2001:db8:2::47', '192.0.2.199'],
  ])('SIIT-EAM-04 of the IPv6 column wins: %s is %s', (ipv6, ipv4) => {
    expect(nat().pass(udp({ source: server6, destination: ipv6, ...ports })).destination).toBe(ipv4);
  });
});

describe('each address by itself', () => {
  test('SIIT-EAM-06 4to6: the error of a router about a packet of a mapped host', () => {
    const nat = mapping('simple');
    const quoted = udp({ source: '192.0.2.1', destination: server, ...ports });
    const error = icmp({ source: '203.0.113.9', destination: '192.0.2.1', type: 11, body: quoted });
    const out = nat.pass(error);
    expect(out).toMatchObject({ source: '64:ff9b::cb00:7109', destination: '2001:db8:aaaa::', type: 3, code: 0 });
    expect(read(out.data)).toMatchObject({ source: '2001:db8:aaaa::', destination: server6, valid: true });
  });

  test('SIIT-EAM-06 6to4: the error of a mapped host about a packet that came by pool6', () => {
    const quoted = udp({ source: server6, destination: '2001:db8:bbbb::b', ...ports });
    const error = icmp({ source: '2001:db8:bbbb::b', destination: server6, type: 1, code: 4, body: quoted });
    const out = mapping('intrinsic').pass(error);
    expect(out).toMatchObject({ source: '192.0.2.2', destination: server, type: 3, code: 3 });
    expect(read(out.data)).toMatchObject({ source: server, destination: '192.0.2.2', valid: true });
  });
});

describe('SIIT-EAM-14 a checksum-neutral pool6 does not spare the update where an entry is used', () => {
  const at4 = { source: server, destination: '192.0.2.2', ...ports };
  const at6 = { source: '2001:db8:bbbb::b', destination: server6, ...ports };

  test.each([
    ['UDP 4to6', udp(at4)],
    ['TCP 4to6', tcp({ ...at4, flags: 'S' })],
    ['UDP 6to4', udp(at6)],
    ['TCP 6to4', tcp({ ...at6, flags: 'S' })],
  ])('%s', (_, packet) => {
    // pass() verifies the new one.
    expect(mapping('intrinsic').pass(packet).checksum).not.toBe(read(packet).checksum);
  });

  test('and without entries it does', () => {
    const packet = udp({ ...at4, destination: '192.0.2.248' });
    expect(mapping('intrinsic').pass(packet).checksum).toBe(read(packet).checksum);
  });
});

describe('hairpins of RFC 7757 appendix B', () => {
  const at = ({ src, dst }: Quoting): Addresses => ({ source: src, destination: dst });
  const quotedAt = ({ inner_src = '', inner_dst = '' }: Quoting) => ({ source: inner_src, destination: inner_dst });

  /** What a host, or a router on the way to it, sends. */
  function packetOf({ kind, in: given }: (typeof hairpin)[number], hopLimit = 64): Buffer {
    if (given.inner_src === undefined) return udp({ ...at(given), ...ports, hopLimit });
    const body = udp({ ...quotedAt(given), ...ports, hopLimit: 17 });
    // Code 0 (no route) is a router's, code 4 (port unreachable) the host's.
    return icmp({ ...at(given), type: 1, code: kind.includes('router') ? 0 : 4, hopLimit, body });
  }
  function verify(sent: Sent, wanted: Quoting): void {
    expect(sent).toMatchObject(at(wanted));
    if (wanted.inner_src !== undefined) {
      expect(read(sent.data)).toMatchObject({ ...quotedAt(wanted), valid: true, hopLimit: 17 });
    }
  }
  const rule = (kind: string) =>
    kind.includes('router') ? 'SIIT-EAM-09' : kind.includes('host') ? 'SIIT-EAM-10' : 'SIIT-EAM-08';
  const rows = hairpin.map((row) => ({ ...row, id: rule(row.kind) }));

  test('the four of them', () => {
    expect(rows.map(({ id }) => id)).toEqual(['SIIT-EAM-08', 'SIIT-EAM-08', 'SIIT-EAM-09', 'SIIT-EAM-10']);
  });

  test.each(rows)('$id, SIIT-EAM-07 simple, by way of IPv4: $kind', (row) => {
    const nat = mapping('simple');
    const there = nat.pass(packetOf(row));
    verify(there, row.mid);
    verify(nat.pass(there.bytes), row.out);
  });

  test.each(rows)('SIIT-EAM-11, SIIT-EAM-07 intrinsic, at once: $kind', (row) => {
    verify(mapping('intrinsic').pass(packetOf(row)), row.out);
  });

  test.each(rows)('SIIT-EAM-12 intrinsic, the hop limit is decremented once: $kind', (row) => {
    expect(mapping('intrinsic').pass(packetOf(row)).hopLimit).toBe(63);
    expect(mapping('intrinsic').pass(packetOf(row, 2)).hopLimit).toBe(1);
  });

  test.each(rows)('SIIT-EAM-07 none, by way of IPv4: the sender does not know what comes back: $kind', (row) => {
    const nat = mapping('none');
    const there = nat.pass(packetOf(row));
    verify(there, row.mid);
    const back = nat.pass(there.bytes);
    expect(() => verify(back, row.out)).toThrow();
  });
});

describe('SIIT-EAM-11 what does not turn round', () => {
  const nat = () => mapping('intrinsic');

  test('a destination that the table mapped', () => {
    const out = nat().pass(udp({ source: '2001:db8:aaaa::', destination: '2001:db8:bbbb::b', ...ports }));
    expect(out).toMatchObject({ source: '192.0.2.1', destination: '192.0.2.2' });
  });

  test('a destination that is in no entry', () => {
    const out = nat().pass(udp({ source: '2001:db8:aaaa::', destination: server6, ...ports }));
    expect(out).toMatchObject({ source: '192.0.2.1', destination: server });
  });

  test('an error about a packet whose source the table mapped', () => {
    const body = udp({ source: '2001:db8:aaaa::', destination: '2001:db8:bbbb::b', ...ports });
    const source = '2001:db8:bbbb::b';
    const error = icmp({ source, destination: '64:ff9b::c000:201', type: 1, code: 4, body });
    expect(nat().pass(error)).toMatchObject({ source: '192.0.2.2', destination: '192.0.2.1', type: 3, code: 3 });
  });

  test('in mode simple, anything', () => {
    const out = mapping('simple').pass(udp({ source: '2001:db8:aaaa::', destination: '64:ff9b::c000:202', ...ports }));
    expect(out).toMatchObject({ source: '192.0.2.1', destination: '192.0.2.2' });
  });
});

test('SIIT-EAM-07 a configuration that does not speak of it hairpins', () => {
  const { config } = parseConfig('siit: { pool6: "64:ff9b::/96", allowNonGlobal: true }', 'siit.yaml');
  if (config.siit === undefined) throw new Error('no siit section');
  const [row] = hairpin;
  if (row === undefined) throw new Error('no hairpin in the vectors');
  const nat = translator(toSiitCoreConfig(config.siit, table, null));
  const packet = udp({ source: row.in.src, destination: row.in.dst, ...ports });
  expect(nat.pass(packet)).toMatchObject({ source: row.out.src, destination: row.out.dst });
});

describe('what the core refuses', () => {
  test.each(reject)('SIIT-EAM-02 $ipv4 with $ipv6: $why', async ({ ipv4, ipv6 }) => {
    expect(await buildEamt([ipv4, ipv6])).toMatchObject({ refused: 'suffix', list: 'add', index: 0 });
  });

  test.each([
    ['IPv4', ['192.0.2.1', '2001:db8::2'] as const, 'v4-taken'],
    ['IPv6', ['192.0.2.2', '2001:db8::1'] as const, 'v6-taken'],
  ])('SIIT-EAM-13 an %s prefix that another entry has', async (_, entry, refused) => {
    const other = { v4: '192.0.2.1/32', v6: '2001:db8::1/128' };
    expect(await buildEamt(['192.0.2.1', '2001:db8::1'], entry)).toMatchObject({ refused, index: 1, other });
  });
});
