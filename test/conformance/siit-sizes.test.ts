/** siit.md on the vectors of siit_sizes: DF, fragments and the translator's own "too big". */
import { describe, expect, test } from 'vitest';
import { readVectors } from '../config/vectors.js';
import { icmp, UDP, udp } from './packets.js';
import { server, stateless, through, translator } from './translator.js';

interface To6 {
  ipv4_total_length: number;
  df: 0 | 1;
  lowest_ipv6_mtu: number;
  mtu_ipv6_nexthop: number;
  action: 'forward' | 'fragment' | 'icmp4-frag-needed';
  ipv6_length?: number;
  fragments?: { offset: number; data: number; ipv6_length: number; m: 0 | 1 }[];
  mtu?: number;
}

interface To4 {
  ipv6_length: number;
  ipv4_length: number;
  mtu_ipv4_nexthop: number;
  action: 'forward' | 'fragment-ipv4' | 'icmp6-packet-too-big';
  df?: 0 | 1;
  mtu?: number;
}

const { v4_to_v6, v6_to_v4 } = readVectors<{ v4_to_v6: To6[]; v6_to_v4: To4[] }>('siit_sizes');
const ports = { sourcePort: 40_000, destinationPort: 53 };
const data = (length: number) => Buffer.alloc(length, 'abcdefg');

function to6(row: To6) {
  const nat = translator({
    ...stateless,
    mtu6: row.mtu_ipv6_nexthop,
    lowestIpv6Mtu: row.lowest_ipv6_mtu,
  });
  const payload = data(row.ipv4_total_length - 28);
  const packet = udp({
    source: '192.0.2.33',
    destination: server,
    ...ports,
    data: payload,
    dontFragment: row.df === 1,
    fragment: { identification: 0xbeef },
  });
  return { nat, packet };
}
const title6 =
  '$ipv4_total_length octets, DF $df, lowest-ipv6-mtu $lowest_ipv6_mtu, next hop $mtu_ipv6_nexthop: $action';
const rows6 = (action: To6['action']) => v4_to_v6.filter((row) => row.action === action);

test.each(rows6('forward'))(`SIIT-4to6-13, -14 ${title6}`, (row) => {
  const { nat, packet } = to6(row);
  expect(nat.pass(packet)).toMatchObject({ protocol: UDP, fragmented: false });
  expect(nat.pass(packet).bytes).toHaveLength(row.ipv6_length ?? 0);
});

test.each(rows6('fragment'))(`SIIT-4to6-15, -17 ${title6}`, (row) => {
  const { nat, packet } = to6(row);
  const sent = nat.send(packet);
  expect(
    sent.map((piece) => ({
      offset: piece.offset,
      data: piece.payload.length,
      ipv6_length: piece.bytes.length,
      m: piece.more ? 1 : 0,
    })),
  ).toEqual(row.fragments);
  for (const piece of sent) expect(piece).toMatchObject({ identification: 0xbeef, protocol: UDP });
});

test.each(rows6('icmp4-frag-needed'))(`SIIT-4to6-16 ${title6}, MTU $mtu`, (row) => {
  const { nat, packet } = to6(row);
  expect(nat.refuse(packet)).toMatchObject({ type: 3, code: 4, rest: row.mtu });
});

function to4(row: To4) {
  const nat = translator({ ...stateless, mtu4: row.mtu_ipv4_nexthop });
  const payload = data(row.ipv6_length - 48);
  const packet = udp({ source: through('192.0.2.33'), destination: through(server), ...ports, data: payload });
  return { nat, packet };
}
const title4 = '$ipv6_length octets to a next hop of $mtu_ipv4_nexthop: $action';
const rows4 = (action: To4['action']) => v6_to_v4.filter((row) => row.action === action);

test.each(rows4('forward'))(`SIIT-6to4-05 ${title4}, DF $df`, (row) => {
  const { nat, packet } = to4(row);
  const out = nat.pass(packet);
  expect(out).toMatchObject({ dontFragment: row.df === 1, fragmented: false });
  expect(out.bytes).toHaveLength(row.ipv4_length);
});

test.each(rows4('fragment-ipv4'))(`SIIT-6to4-17 ${title4}, DF $df`, (row) => {
  const { nat, packet } = to4(row);
  const sent = nat.send(packet);
  expect(sent.length).toBeGreaterThan(1);
  for (const piece of sent) {
    expect(piece).toMatchObject({ dontFragment: false, valid: true, identification: sent[0]?.identification });
    expect(piece.bytes.length).toBeLessThanOrEqual(row.mtu_ipv4_nexthop);
  }
  const whole = Buffer.concat(sent.map(({ payload }) => payload));
  expect(whole.subarray(8).equals(packet.subarray(48))).toBe(true);
  expect(20 + whole.length).toBe(row.ipv4_length);
});

test.each(rows4('icmp6-packet-too-big'))(`SIIT-6to4-18 ${title4}, MTU $mtu`, (row) => {
  const { nat, packet } = to4(row);
  expect(nat.refuse(packet)).toMatchObject({ type: 2, code: 0, rest: row.mtu });
});

describe('an IPv4 path below 1260 bytes', () => {
  const host = '192.0.2.33';
  const large = (destination: string) =>
    udp({ source: through(host), destination: through(destination), ...ports, data: data(1232) });

  test('SIIT-6to4-17, SIIT-MTU-02 a router’s 1000 is told as 1280 and served by fragments from then on', () => {
    const nat = translator(stateless);
    const there = nat.pass(large(server));
    const error = icmp({ source: '203.0.113.9', destination: host, type: 3, code: 4, rest: 1000, body: there.bytes });
    expect(nat.pass(error)).toMatchObject({ type: 2, rest: 1280 });
    const pieces = nat.send(large(server));
    expect(pieces.map(({ bytes, dontFragment }) => [bytes.length, dontFragment])).toEqual([
      [996, false],
      [284, false],
    ]);
    expect(nat.counter('icmp.path_mtu_learned')).toBe(1);
  });

  test('SIIT-6to4-17 other destinations are not slowed down, and after ten minutes it is tried anew', () => {
    const nat = translator(stateless);
    const there = nat.pass(large(server));
    nat.pass(icmp({ source: server, destination: host, type: 3, code: 4, rest: 1000, body: there.bytes }));
    nat.pass(large('198.51.100.8'));
    expect(nat.send(large(server))).toHaveLength(2);
    nat.wait(599);
    expect(nat.send(large(server))).toHaveLength(2);
    nat.wait(2);
    nat.pass(large(server));
  });
});
