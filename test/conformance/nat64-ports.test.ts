/** nat64.md section 5: address and port allocation (RFC 6146 §3.5.1.1, RFC 4787, RFC 6056, RFC 6888). */
import { describe, expect, test } from 'vitest';
import { echo, tcp, udp } from './packets.js';
import { host, inward, neighbour, outward, pool, stranger, through, translator } from './translator.js';

const flow = { ...outward, sourcePort: 40_000, destinationPort: 53 };
const many = { pool4: [{ address: '192.0.2.0', length: 28, portMin: 1024, portMax: 65_535 }] };
const allPorts = { pool4: [{ address: pool, length: 32, portMin: 1, portMax: 65_535 }] };
const ports = (portMin: number, portMax: number) => ({ pool4: [{ address: pool, length: 32, portMin, portMax }] });
const room = { sessions: 65_536, bib: 65_536, hosts: 256 };

describe('paired pooling', () => {
  const sixteen = Array.from({ length: 16 }, (_, i) => `2001:db8:3::${i.toString(16)}`);

  test('N64-PORT-01, -02 TCP, UDP and ping of a host leave from one address, by default', () => {
    const nat = translator(many);
    for (const source of sixteen) {
      const addresses = [
        nat.pass(tcp({ ...flow, source, flags: 'S' })),
        nat.pass(udp({ ...flow, source })),
        nat.pass(echo({ source, destination: through(stranger), identifier: 7 })),
        nat.pass(udp({ ...flow, source, sourcePort: 1 })),
      ].map((out) => out.source);
      expect(new Set(addresses).size).toBe(1);
    }
  });

  test('N64-PORT-01 hosts are spread over the addresses', () => {
    const nat = translator(many);
    expect(new Set(sixteen.map((source) => nat.pass(udp({ ...flow, source })).source)).size).toBeGreaterThan(4);
  });

  test('N64-PORT-01 a static entry pairs its host with the address', () => {
    const nat = translator(many);
    nat.simulator.addBib({ protocol: 'tcp', v6: host, port6: 80, v4: '192.0.2.9', port4: 80 });
    expect(nat.pass(udp(flow)).source).toBe('192.0.2.9');
  });

  test('N64-PORT-03 the paired address is out of ports: refused, with another address free', () => {
    const nat = translator({ pool4: [{ address: '192.0.2.0', length: 31, portMin: 5000, portMax: 5003 }] });
    const first = nat.pass(udp(flow));
    for (let i = 1; i < 4; i += 1) expect(nat.pass(udp({ ...flow, sourcePort: 40_000 + i })).source).toBe(first.source);
    expect(nat.refuse(udp({ ...flow, sourcePort: 50_000 }))).toMatchObject({ type: 1, code: 3 });
    expect(nat.simulator.pool4().map(({ used }) => used.udp)).toContain(0);
  });

  test('N64-PORT-03 a new host is not paired with an address that is full', () => {
    const nat = translator({ pool4: [{ address: '192.0.2.0', length: 31, portMin: 5000, portMax: 5003 }] });
    const first = nat.pass(udp(flow));
    for (let i = 1; i < 4; i += 1) nat.pass(udp({ ...flow, sourcePort: 40_000 + i }));
    for (const source of sixteen.slice(0, 4)) expect(nat.pass(udp({ ...flow, source })).source).not.toBe(first.source);
  });
});

describe('range and parity', () => {
  const all = [0, 1, 7, 500, 501, 1022, 1023, 1024, 1025, 40_000, 40_001, 65_534, 65_535];

  test.each(all)('N64-PORT-04, -05 UDP source port %i keeps its range and its parity', (sourcePort) => {
    const nat = translator(allPorts);
    const out = nat.pass(udp({ ...flow, sourcePort }));
    expect(out.sourcePort < 1024).toBe(sourcePort < 1024);
    expect(out.sourcePort % 2).toBe(sourcePort % 2);
    expect(out.sourcePort).not.toBe(0);
  });

  test.each(all.slice(1))('N64-PORT-04 TCP source port %i keeps its range', (sourcePort) => {
    const out = translator(allPorts).pass(tcp({ ...flow, sourcePort, flags: 'S' }));
    expect(out.sourcePort < 1024).toBe(sourcePort < 1024);
  });

  test.each([
    ['low', 500, 1000, 1027, (port: number) => port < 1024],
    ['high', 5000, 1020, 1047, (port: number) => port >= 1024],
  ])('N64-PORT-04 the other range only when the %s one is full', (_, sourcePort, low, high, right) => {
    const nat = translator(ports(low, high));
    const got = Array.from({ length: high - low + 1 }, (_, i) =>
      nat.pass(tcp({ ...flow, source: `2001:db8:2::${i + 1}`, sourcePort, flags: 'S' })),
    ).map((out) => right(out.sourcePort));
    expect(got).toEqual([...got].sort((a, b) => Number(b) - Number(a)));
    expect(got.filter(Boolean)).toHaveLength(24);
  });

  test('N64-PORT-05 the other parity only when the right one is full', () => {
    const nat = translator(ports(2000, 2019));
    const got = Array.from({ length: 20 }, (_, i) =>
      nat.pass(udp({ ...flow, source: `2001:db8:2::${i + 1}`, sourcePort: 40_001 })),
    ).map((out) => out.sourcePort % 2);
    expect(got).toEqual([...Array(10).fill(1), ...Array(10).fill(0)]);
  });

  test('N64-PORT-07 TCP does not keep parity', () => {
    const nat = translator();
    const parities = Array.from(
      { length: 64 },
      (_, i) => nat.pass(tcp({ ...flow, sourcePort: 40_001 + 2 * i, flags: 'S' })).sourcePort % 2,
    );
    expect(new Set(parities)).toEqual(new Set([0, 1]));
  });
});

test('N64-PORT-08 the same (T,t) serves all three BIBs at once', () => {
  const nat = translator(ports(5000, 5000));
  expect(nat.pass(udp(flow)).sourcePort).toBe(5000);
  expect(nat.pass(tcp({ ...flow, source: neighbour, flags: 'S' })).sourcePort).toBe(5000);
  expect(nat.pass(echo({ ...outward, identifier: 3 })).sourcePort).toBe(5000);
  expect(nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: 5000 })).destination).toBe(host);
  expect(nat.pass(tcp({ ...inward, sourcePort: 53, destinationPort: 5000, flags: 'SA' })).destination).toBe(neighbour);
});

test('N64-PORT-08 a dynamic mapping does not get the port of a static one', () => {
  const nat = translator(ports(5000, 5001));
  nat.simulator.addBib({ protocol: 'udp', v6: neighbour, port6: 1, v4: pool, port4: 5000 });
  expect(nat.pass(udp(flow)).sourcePort).toBe(5001);
  expect(nat.refuse(udp({ ...flow, sourcePort: 40_002 }))).toMatchObject({ type: 1, code: 3 });
});

test.each([
  ['udp', (i: number) => udp({ ...flow, sourcePort: 1024 + i })],
  ['tcp', (i: number) => tcp({ ...flow, sourcePort: 1024 + i, flags: 'S' })],
  ['icmp', (i: number) => echo({ ...outward, identifier: i })],
] as const)('N64-PORT-09 a pool address gives every port once, and no more: %s', (_, packet) => {
  const nat = translator(ports(2000, 2999), room);
  const got = Array.from({ length: 1000 }, (_, i) => nat.pass(packet(i)).sourcePort);
  expect(new Set(got).size).toBe(1000);
  expect([Math.min(...got), Math.max(...got)]).toEqual([2000, 2999]);
  expect(nat.refuse(packet(1000))).toMatchObject({ type: 1, code: 3 });
});

test('N64-PORT-09 two hosts with the same port to the same server get different ones', () => {
  const nat = translator();
  const [a, b] = [host, neighbour].map((source) => nat.pass(udp({ ...flow, source })));
  expect(a?.source).toBe(b?.source);
  expect(a?.sourcePort).not.toBe(b?.sourcePort);
});

describe('unpredictable ports', () => {
  const allocate = (count: number, seed?: number) => {
    const nat = translator({}, room, seed === undefined ? {} : { seed });
    return Array.from(
      { length: count },
      (_, i) => nat.pass(tcp({ ...flow, sourcePort: 1024 + i, flags: 'S' })).sourcePort,
    );
  };

  test('N64-PORT-11 10,000 ports are spread evenly: chi-square over 63 blocks', () => {
    const got = allocate(10_000);
    const blocks = Array<number>(63).fill(0);
    for (const port of got)
      blocks[Math.floor((port - 1024) / 1024)] = (blocks[Math.floor((port - 1024) / 1024)] ?? 0) + 1;
    const expected = 10_000 / 63;
    const chiSquare = blocks.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    // 62 degrees of freedom: 102.2 is exceeded by chance once in a thousand; the seed is fixed.
    expect(chiSquare).toBeLessThan(102.2);
  });

  test('N64-PORT-11 there is no sequence: neighbours in time are no neighbours in number', () => {
    const got = allocate(2000);
    const close = got.filter((port, i) => i > 0 && Math.abs(port - (got[i - 1] ?? 0)) < 64);
    expect(close.length).toBeLessThan(20);
  });

  test('N64-PORT-11 another seed gives other ports', () => {
    const [a, b] = [allocate(100, 1), allocate(100, 2)];
    expect(a.filter((port, i) => port === b[i]).length).toBeLessThan(5);
  });

  test('N64-PORT-11 the external port does not follow the source port', () => {
    expect(allocate(200).filter((port, i) => port === 1024 + i)).toHaveLength(0);
  });
});

test('N64-PORT-12 two hosts with the same identifier get different ones on one address', () => {
  const nat = translator();
  const [a, b] = [host, neighbour].map((source) => nat.pass(echo({ ...outward, source, identifier: 7 })));
  expect([a?.source, b?.source]).toEqual([pool, pool]);
  expect(a?.sourcePort).not.toBe(b?.sourcePort);
});

test('N64-PORT-13 the same identifier to two targets keeps i2', () => {
  const nat = translator();
  const first = nat.pass(echo({ ...outward, identifier: 7 }));
  const second = nat.pass(echo({ ...outward, destination: through(stranger), identifier: 7 }));
  expect(second.sourcePort).toBe(first.sourcePort);
});

test('N64-PORT-18 with the pool full, flows that were there go on and lose nothing', () => {
  const nat = translator(ports(5000, 5009));
  const before = Array.from({ length: 10 }, (_, i) => nat.pass(udp({ ...flow, sourcePort: 40_000 + i })).sourcePort);
  for (let i = 0; i < 50; i += 1) nat.refuse(udp({ ...flow, source: neighbour, sourcePort: 41_000 + i }));
  const after = Array.from({ length: 10 }, (_, i) => nat.pass(udp({ ...flow, sourcePort: 40_000 + i })).sourcePort);
  expect(after).toEqual(before);
  expect(nat.counter('bib.removed')).toBe(0);
});

test('N64-PORT-18 a port that is free again is given again', () => {
  const nat = translator(ports(5000, 5000));
  nat.pass(udp(flow));
  nat.wait(301);
  expect(nat.pass(udp({ ...flow, source: neighbour })).sourcePort).toBe(5000);
});

describe('a discontiguous pool', () => {
  const pieces = {
    pool4: [
      { address: '192.0.2.1', length: 32, portMin: 5000, portMax: 5001 },
      { address: '192.0.2.2', length: 31, portMin: 7000, portMax: 7001 },
      { address: '198.51.100.9', length: 32, portMin: 2000, portMax: 2001 },
    ],
  };

  test('N64-PORT-19 every address and port of it is used, and none else', () => {
    const nat = translator(pieces);
    const got = Array.from({ length: 8 }, (_, i) => nat.pass(udp({ ...flow, source: `2001:db8:2::${i + 1}` })));
    expect(got.map(({ source, sourcePort }) => `${source} ${sourcePort}`).sort()).toEqual([
      '192.0.2.1 5000',
      '192.0.2.1 5001',
      '192.0.2.2 7000',
      '192.0.2.2 7001',
      '192.0.2.3 7000',
      '192.0.2.3 7001',
      '198.51.100.9 2000',
      '198.51.100.9 2001',
    ]);
    expect(nat.refuse(udp(flow))).toMatchObject({ type: 1, code: 3 });
  });

  test('N64-PORT-19 an address that leaves the pool takes its mappings along, the others stay', () => {
    const nat = translator(pieces);
    for (let i = 0; i < 8; i += 1) nat.pass(udp({ ...flow, source: `2001:db8:2::${i + 1}` }));
    nat.configure({ pool4: pieces.pool4.slice(0, 2) });
    expect(nat.bib().map(({ v4 }) => v4)).not.toContain('198.51.100.9');
    expect(nat.bib()).toHaveLength(6);
    expect(nat.drop(udp({ ...inward, destination: '198.51.100.9', sourcePort: 53, destinationPort: 2000 }))).toEqual([
      'drop.not_pool4',
    ]);
  });

  test('N64-PORT-19 an address that joins the pool is used', () => {
    const nat = translator(ports(5000, 5000));
    nat.pass(udp(flow));
    nat.configure({
      pool4: [...nat.config.pool4, { address: '203.0.113.77', length: 32, portMin: 9000, portMax: 9000 }],
    });
    expect(nat.pass(udp({ ...flow, source: neighbour }))).toMatchObject({ source: '203.0.113.77' });
    expect(nat.pass(udp(flow)).source).toBe(pool);
  });
});
