/** siit.md sections 5 to 7 on the vectors of icmp_type_code_map and ptb_mtu. */
import { describe, expect, test } from 'vitest';
import { readVectors } from '../config/vectors.js';
import { icmp, udp } from './packets.js';
import { server, stateless, through, translator } from './translator.js';

interface Row {
  in_type: number | string;
  in_code: number | 'any';
  out_type?: number;
  out_code?: number;
  action?: 'drop';
}
interface Pointer {
  in: number;
  out: number | null;
}
const map = readVectors<{
  icmp4_to_icmp6: Row[];
  icmp6_to_icmp4: Row[];
  pointer_4to6: Pointer[];
  pointer_6to4: Pointer[];
}>('icmp_type_code_map');
const mtus = readVectors<{
  plateau: { total_length: number; rfc7915_plateau_ge_1280: number | null }[];
  icmp4_frag_needed_to_ptb: {
    icmpv4_mtu: number;
    inner_total_length: number;
    mtu_ipv6_nexthop: number;
    mtu_ipv4_nexthop: number;
    icmpv6_mtu: number;
  }[];
  ptb_to_icmp4_frag_needed: {
    icmpv6_mtu: number;
    mtu_ipv4_nexthop: number;
    mtu_ipv6_nexthop: number;
    inner_has_fragment_header: boolean;
    icmpv4_mtu: number;
  }[];
}>('ptb_mtu');

const host4 = '192.0.2.33';
const ports = { sourcePort: 40_000, destinationPort: 53 };

/** A router's message to 192.0.2.33, which had sent a datagram; `quoted` bytes of it. */
function from4(type: number, code: number, rest = 0, { total = 100, quoted = 60 } = {}) {
  const body = udp({ source: host4, destination: server, ...ports, data: Buffer.alloc(total - 28) });
  return icmp({ source: server, destination: host4, type, code, rest, body: body.subarray(0, quoted) });
}
function from6(type: number, code: number, rest = 0, fragmentHeader = false) {
  const at = { source: through(host4), destination: through(server), ...ports, data: Buffer.alloc(60) };
  const body = udp({ ...at, ...(fragmentHeader && { fragment: { identification: 1 } }) });
  return icmp({ source: through(server), destination: through(host4), type, code, rest, body });
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
const codesOf = (row: Row) => (row.in_code === 'any' ? [0, 1, 255] : [row.in_code]);
/** "unknown" is every type that the table does not name. */
function typesOf(row: Row, rows: Row[]): number[] {
  if (typeof row.in_type === 'number') return [row.in_type];
  const known = new Set(rows.map(({ in_type }) => in_type));
  const [from, to] = row.in_type.includes('<128') ? [0, 128] : row.in_type.includes('>=128') ? [128, 256] : [0, 256];
  return range(from, to).filter((type) => !known.has(type));
}

function id46({ in_type, in_code, action }: Row): string {
  if (in_type === 0 || in_type === 8) return 'SIIT-IC46-01';
  if (in_type === 11) return 'SIIT-IC46-10';
  if (in_type === 12) return 'SIIT-IC46-11';
  if (in_type !== 3) return 'SIIT-IC46-02';
  if (action === 'drop') return 'SIIT-IC46-09';
  if (in_code === 2) return 'SIIT-IC46-05';
  if (in_code === 3) return 'SIIT-IC46-06';
  if (in_code === 4) return 'SIIT-IC46-07';
  return [9, 10, 13, 15].includes(Number(in_code)) ? 'SIIT-IC46-08' : 'SIIT-IC46-04';
}

function id64({ in_type, in_code, action }: Row): string {
  if (in_type === 128 || in_type === 129) return 'SIIT-IC64-01';
  if (in_type === 1) {
    if (action === 'drop') return 'SIIT-IC64-06';
    return in_code === 1 ? 'SIIT-IC64-04' : in_code === 4 ? 'SIIT-IC64-05' : 'SIIT-IC64-03';
  }
  if (in_type === 2) return 'SIIT-IC64-07';
  if (in_type === 3) return 'SIIT-IC64-08';
  if (in_type === 4) return action === 'drop' ? 'SIIT-IC64-11' : in_code === 1 ? 'SIIT-IC64-10' : 'SIIT-IC64-09';
  return String(in_type).includes('<128') ? 'SIIT-IC64-11' : 'SIIT-IC64-02';
}

describe('types and codes', () => {
  const rows4 = map.icmp4_to_icmp6.map((row) => ({
    ...row,
    id: id46(row),
    to: row.action ?? `${row.out_type}/${row.out_code}`,
  }));
  const rows6 = map.icmp6_to_icmp4.map((row) => ({
    ...row,
    id: id64(row),
    to: row.action ?? `${row.out_type}/${row.out_code}`,
  }));

  test.each(rows4)('$id ICMPv4 $in_type/$in_code → $to', (row) => {
    const nat = translator(stateless);
    for (const type of typesOf(row, map.icmp4_to_icmp6)) {
      for (const code of codesOf(row)) {
        const packet = from4(type, code, type === 3 && code === 4 ? 1400 : 0);
        if (row.action === 'drop') expect(nat.drop(packet)).toHaveLength(1);
        else expect(nat.pass(packet)).toMatchObject({ type: row.out_type, code: row.out_code });
      }
    }
  });

  test.each(rows6)('$id ICMPv6 $in_type/$in_code → $to', (row) => {
    const nat = translator(stateless);
    for (const type of typesOf(row, map.icmp6_to_icmp4)) {
      for (const code of codesOf(row)) {
        const packet = from6(type, code, type === 2 ? 1400 : 0);
        if (row.action === 'drop') expect(nat.drop(packet)).toHaveLength(1);
        else expect(nat.pass(packet)).toMatchObject({ type: row.out_type, code: row.out_code });
      }
    }
  });

  test('SIIT-IC64-07 the code of Packet Too Big is not looked at', () => {
    const nat = translator(stateless);
    for (const code of [1, 200]) expect(nat.pass(from6(2, code, 1400))).toMatchObject({ type: 3, code: 4, rest: 1380 });
  });

  test('SIIT-IC46-05 the pointer of protocol unreachable is that of Next Header', () => {
    expect(translator(stateless).pass(from4(3, 2, 0xffff_ffff)).rest).toBe(6);
  });

  // What has an MTU, a pointer or an echo's identifier there.
  const meant4 = (type: number, code: number) => (type === 3 && [2, 4].includes(code)) || [0, 8, 12].includes(type);
  test.each(rows4.filter((row) => row.action !== 'drop' && !meant4(Number(row.in_type), Number(row.in_code))))(
    'SIIT-IC46-13 ICMPv4 $in_type/$in_code → $to: the second word is zero',
    ({ in_type, in_code }) => {
      expect(translator(stateless).pass(from4(Number(in_type), Number(in_code), 0xffff_ffff)).rest).toBe(0);
    },
  );

  test.each([
    ['SIIT-IC64-03', 1, 0],
    ['SIIT-IC64-05', 1, 4],
    ['SIIT-IC64-08', 3, 0],
    ['SIIT-IC64-10', 4, 1],
  ])('%s ICMPv6 %i/%i: the second word is zero', (_, type, code) => {
    expect(translator(stateless).pass(from6(type, code, 0x00ff_ff06)).rest).toBe(0);
  });
});

describe('pointers', () => {
  test.each(map.pointer_4to6)('SIIT-IC46-12 pointer $in → $out', ({ in: pointer, out }) => {
    const nat = translator(stateless);
    const packet = from4(12, 0, pointer * 0x1000000);
    if (out === null) expect(nat.drop(packet)).toEqual(['drop.icmp.pointer']);
    else expect(nat.pass(packet)).toMatchObject({ type: 4, code: 0, rest: out });
  });

  test('SIIT-IC46-12 pointers past the IPv4 header are dropped', () => {
    const nat = translator(stateless);
    for (const pointer of [20, 21, 60, 255]) expect(nat.drop(from4(12, 0, pointer * 0x1000000))).toHaveLength(1);
  });

  test.each(map.pointer_6to4)('SIIT-IC64-12 pointer $in → $out', ({ in: pointer, out }) => {
    const nat = translator(stateless);
    const packet = from6(4, 0, pointer);
    if (out === null) expect(nat.drop(packet)).toEqual(['drop.icmp.pointer']);
    else expect(nat.pass(packet)).toMatchObject({ type: 12, code: 0, rest: out * 0x1000000 });
  });

  test('SIIT-IC64-12 pointers past the IPv6 header are dropped', () => {
    const nat = translator(stateless);
    for (const pointer of [40, 41, 256, 0x80000000]) expect(nat.drop(from6(4, 0, pointer))).toHaveLength(1);
  });
});

describe('path MTU', () => {
  test.each(mtus.icmp4_frag_needed_to_ptb)(
    'SIIT-MTU-01..05 MTU $icmpv4_mtu for $inner_total_length octets, next hops $mtu_ipv6_nexthop and $mtu_ipv4_nexthop → $icmpv6_mtu',
    (row) => {
      const nat = translator({ ...stateless, mtu6: row.mtu_ipv6_nexthop, mtu4: row.mtu_ipv4_nexthop });
      const packet = from4(3, 4, row.icmpv4_mtu, { total: row.inner_total_length, quoted: 28 });
      expect(nat.pass(packet)).toMatchObject({ type: 2, code: 0, rest: row.icmpv6_mtu });
    },
  );

  test.each(mtus.plateau)(
    'SIIT-MTU-03, -04 without an MTU, $total_length octets: plateau $rfc7915_plateau_ge_1280',
    ({ total_length, rfc7915_plateau_ge_1280: plateau }) => {
      const nat = translator({ ...stateless, mtu6: 65_535, mtu4: 65_535 });
      const packet = from4(3, 4, 0, { total: total_length, quoted: 28 });
      expect(nat.pass(packet).rest).toBe(plateau === null ? 1280 : plateau + 20);
    },
  );

  test.each(mtus.ptb_to_icmp4_frag_needed)(
    'SIIT-MTU-06, -07 MTU $icmpv6_mtu, next hops $mtu_ipv4_nexthop and $mtu_ipv6_nexthop, Fragment Header $inner_has_fragment_header → $icmpv4_mtu',
    (row) => {
      const nat = translator({ ...stateless, mtu6: row.mtu_ipv6_nexthop, mtu4: row.mtu_ipv4_nexthop });
      const packet = from6(2, 0, row.icmpv6_mtu, row.inner_has_fragment_header);
      expect(nat.pass(packet)).toMatchObject({ type: 3, code: 4, rest: row.icmpv4_mtu });
    },
  );

  test('SIIT-MTU-03, -04 the plateaus are the operator’s to choose', () => {
    const nat = translator({ ...stateless, mtu6: 9000, mtu4: 9000, plateaus: [4000, 1450, 1300] });
    const rest = (total: number) => nat.pass(from4(3, 4, 0, { total, quoted: 28 })).rest;
    expect([9000, 4001, 4000, 1500, 1450, 1301, 1300].map(rest)).toEqual([4020, 4020, 1470, 1470, 1320, 1320, 1280]);
  });

  test.each([
    [100_000, 65_535],
    [0xffff_ffff, 65_535],
    [87, 68],
    [0, 68],
  ])('SIIT-MTU-08 Packet Too Big with MTU %i → %i', (mtu, rest) => {
    const nat = translator({ ...stateless, mtu6: 65_535, mtu4: 65_535 });
    // The MTU of the IPv6 next hop takes its part.
    expect(nat.pass(from6(2, 0, mtu)).rest).toBe(Math.min(rest, 65_515));
  });

  test('SIIT-MTU-09 the high half of the second word is zero, whatever the code', () => {
    const nat = translator(stateless);
    for (const mtu of [1280, 1400, 0x0001_0000, 0xffff_0000]) {
      expect(nat.pass(from6(2, 0, mtu)).payload.readUInt16BE(4)).toBe(0);
    }
  });

  test('SIIT-MTU-10 a hundred Packet Too Big in a burst are a hundred messages', () => {
    const nat = translator({ ...stateless, icmpErrors: { ratePerSecond: 1, burst: 1 } });
    for (let i = 0; i < 100; i += 1) nat.pass(from6(2, 0, 1400));
  });
});
