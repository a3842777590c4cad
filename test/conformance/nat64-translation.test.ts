/** nat64.md section 12: packet translation details (RFC 6146 §3.7, RFC 7915), with and without offload. */
import { describe, expect, test } from 'vitest';
import type { Offload } from '../../src/native/addon.js';
import { checksum, echo, ICMP6, ip, pseudoHeader, read, TCP, tcp, UDP, udp } from './packets.js';
import {
  addon,
  host,
  inward,
  neighbour,
  outward,
  pool,
  server,
  type Translator,
  through,
  translator,
} from './translator.js';

const flow = { ...outward, sourcePort: 40_000, destinationPort: 80 };
/** As the host sees the server's answer. */
const arriving = { source: through(server), destination: host, sourcePort: 80, destinationPort: 40_000 };

/** Opens a TCP or UDP flow; t. */
const opened = (nat: Translator, protocol: 'tcp' | 'udp') =>
  nat.pass(protocol === 'tcp' ? tcp({ ...flow, flags: 'S' }) : udp(flow)).sourcePort;

describe('whole packets', () => {
  test.each([
    ['UDP', 'udp', (at: typeof flow) => udp({ ...at, trafficClass: 0xb8, hopLimit: 33, data: 'payload' })],
    ['UDP of odd length', 'udp', (at: typeof flow) => udp({ ...at, data: 'odd' })],
    ['UDP without data', 'udp', (at: typeof flow) => udp({ ...at, data: '' })],
    ['TCP', 'tcp', (at: typeof flow) => tcp({ ...at, flags: 'PA', trafficClass: 3, hopLimit: 33, data: 'payload' })],
    [
      'TCP SYN with options',
      'tcp',
      (at: typeof flow) => tcp({ ...at, flags: 'S', tcpOptions: Buffer.from('020405b4', 'hex') }),
    ],
  ] as const)('N64-XLAT-01 6→4, byte for byte: %s', (_, protocol, packet) => {
    const nat = translator();
    const sourcePort = opened(nat, protocol);
    const out = nat.pass(packet(flow));
    const same = { ...flow, source: pool, destination: server, sourcePort };
    const expected = Buffer.from(packet(same));
    const hopLimit = (expected[8] ?? 0) - 1;
    expected[8] = hopLimit;
    expected.writeUInt16BE(out.identification, 4);
    expected.writeUInt16BE(0, 10);
    expected.writeUInt16BE(checksum(expected.subarray(0, 20)), 10);
    expect(out.bytes.toString('hex')).toBe(expected.toString('hex'));
  });

  test.each([
    ['UDP', 'udp', (at: typeof flow) => udp({ ...at, trafficClass: 0xb8, hopLimit: 33, data: 'payload' })],
    ['UDP of odd length', 'udp', (at: typeof flow) => udp({ ...at, data: 'odd' })],
    ['UDP without data', 'udp', (at: typeof flow) => udp({ ...at, data: '' })],
    ['TCP', 'tcp', (at: typeof flow) => tcp({ ...at, flags: 'PA', trafficClass: 3, hopLimit: 33, data: 'payload' })],
    [
      'TCP SYN-ACK with options',
      'tcp',
      (at: typeof flow) => tcp({ ...at, flags: 'SA', tcpOptions: Buffer.from('020405b4', 'hex') }),
    ],
  ] as const)('N64-XLAT-01 4→6, byte for byte: %s', (_, protocol, packet) => {
    const nat = translator();
    const destinationPort = opened(nat, protocol);
    const out = nat.pass(packet({ ...inward, sourcePort: 80, destinationPort }));
    const expected = Buffer.from(packet(arriving));
    expected[7] = (expected[7] ?? 0) - 1;
    expect(out.bytes.toString('hex')).toBe(expected.toString('hex'));
  });

  test('N64-XLAT-01 echo request and reply, byte for byte', () => {
    const nat = translator();
    const out = nat.pass(echo({ ...outward, identifier: 7, sequence: 3, data: 'ping!' }));
    const identifier = out.sourcePort;
    const expected = echo({ source: pool, destination: server, identifier, sequence: 3, data: 'ping!' });
    expect(out.payload.toString('hex')).toBe(read(expected).payload.toString('hex'));
    const reply = nat.pass(echo({ ...inward, identifier, sequence: 3, data: 'ping!', reply: true }));
    const { source, destination } = arriving;
    expect(reply.bytes.toString('hex')).toBe(
      echo({ source, destination, identifier: 7, sequence: 3, data: 'ping!', reply: true, hopLimit: 63 }).toString(
        'hex',
      ),
    );
  });

  test.each([
    [1260, false],
    [1261, true],
  ])('N64-XLAT-01 6→4 of %i bytes as IPv4: DF is %s', (length, dontFragment) => {
    const out = translator().pass(udp({ ...flow, data: Buffer.alloc(length - 28) }));
    expect(out.bytes.length).toBe(length);
    expect(out.dontFragment).toBe(dontFragment);
  });

  test('N64-XLAT-01 IPv6 extension headers are left behind', () => {
    const nat = translator();
    const { payload } = read(udp(flow));
    const hopByHop = Buffer.from([UDP, 0, 1, 4, 0, 0, 0, 0]);
    const out = nat.pass(ip({ ...outward, protocol: 0, payload: Buffer.concat([hopByHop, payload]) }));
    expect(out).toMatchObject({ protocol: UDP, destinationPort: 80 });
    expect(out.bytes.length).toBe(20 + payload.length);
  });

  test('N64-XLAT-01 IPv4 options are left behind', () => {
    const nat = translator();
    const destinationPort = opened(nat, 'udp');
    const options = Buffer.from([1, 1, 1, 0]);
    const out = nat.pass(udp({ ...inward, sourcePort: 80, destinationPort, options }));
    expect(out.bytes.toString('hex')).toBe(udp({ ...arriving, hopLimit: 63 }).toString('hex'));
  });
});

describe('checksums', () => {
  test.each([
    ['UDP', 'udp', 26],
    ['TCP', 'tcp', 36],
  ] as const)('N64-XLAT-02 a damaged %s packet stays damaged by the same amount', (_, protocol, field) => {
    const nat = translator();
    opened(nat, protocol);
    const good = protocol === 'udp' ? udp(flow) : tcp({ ...flow, flags: 'A', data: 'data' });
    const bad = Buffer.from(good);
    bad.writeUInt16BE(bad.readUInt16BE(bad.length - 2) ^ 0x0101, bad.length - 2);
    const [clean, damaged] = [good, bad].map((packet) => nat.send(packet)[0] ?? expect.fail('nothing was sent'));
    expect(clean?.valid).toBe(true);
    expect(damaged?.valid).toBe(false);
    expect(damaged?.bytes.readUInt16BE(field)).toBe(clean?.bytes.readUInt16BE(field));
  });

  test('N64-XLAT-02 a damaged echo stays damaged', () => {
    const nat = translator();
    const packet = echo({ ...outward, identifier: 7, data: 'data' });
    packet.writeUInt16BE(packet.readUInt16BE(packet.length - 2) ^ 1, packet.length - 2);
    expect(nat.send(packet)).toMatchObject([{ type: 8, valid: false }]);
  });

  test('N64-XLAT-02 a UDP checksum that comes out as zero is sent as ffff', () => {
    const nat = translator();
    const sourcePort = opened(nat, 'udp');
    // The word that makes the translated datagram's sum complete.
    const at = { ...flow, source: pool, destination: server, sourcePort };
    const word = read(udp({ ...at, data: Buffer.alloc(2) })).checksum;
    const out = nat.pass(udp({ ...flow, data: Buffer.from([word >> 8, word & 0xff]) }));
    expect(out.checksum).toBe(0xffff);
  });

  test('N64-XLAT-02 holds for a thousand flows of any ports and contents, both ways', () => {
    const nat = translator();
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let i = 0; i < 1000; i += 1) {
      const at = { ...outward, source: `2001:db8:1::${(random(200) + 1).toString(16)}`, sourcePort: random(65_536) };
      const data = Buffer.from(Array.from({ length: random(64) }, () => random(256)));
      const destinationPort = random(65_536);
      const there = nat.pass(
        i % 2 ? udp({ ...at, destinationPort, data }) : tcp({ ...at, destinationPort, flags: 'S', data }),
      );
      const reply = { ...inward, sourcePort: destinationPort, destinationPort: there.sourcePort, data };
      const back = nat.pass(i % 2 ? udp(reply) : tcp({ ...reply, flags: 'SA' }));
      expect(back).toMatchObject({ destination: addressOf(at.source), destinationPort: at.sourcePort });
    }
  });
});

/** The text as a packet's reader writes it. */
const addressOf = (text: string) => read(udp({ ...flow, source: text })).source;

test.each([33, 132, 136])('N64-XLAT-03 transport %i, whose NAT rules are not kept, is not carried', (protocol) => {
  const nat = translator();
  const sent = [
    ...nat.send(ip({ ...outward, protocol, payload: Buffer.alloc(32) })),
    ...nat.send(ip({ ...inward, protocol, payload: Buffer.alloc(32) })),
  ];
  expect(sent.map(({ version, type }) => [version, type])).toEqual([
    [6, 1],
    [4, 3],
  ]);
  expect(nat.counter('drop.protocol')).toBe(2);
});

test.each([
  ['FTP', 21, 'PORT 192,0,2,1,19,136\r\n'],
  ['FTP over IPv6', 21, 'EPRT |2|2001:db8:1::a|5000|\r\n'],
  ['SIP', 5060, 'INVITE sip:a@[2001:db8:1::a] SIP/2.0\r\nContact: <sip:b@[2001:db8:1::a]:5060>\r\n'],
])('N64-XLAT-04 no ALG: the addresses inside of %s pass as they are', (_, destinationPort, data) => {
  const nat = translator();
  nat.pass(tcp({ ...flow, destinationPort, flags: 'S' }));
  const out = nat.pass(tcp({ ...flow, destinationPort, flags: 'PA', data }));
  expect(out.data.toString()).toBe(data);
});

test('N64-XLAT-05 state, counters and limits can be read', () => {
  const nat = translator();
  opened(nat, 'udp');
  expect(nat.simulator.pool4()).toEqual([
    { v4: pool, portMin: 1024, portMax: 65_535, hosts: 1, used: { tcp: 0, udp: 1, icmp: 0 } },
  ]);
  expect(nat.simulator.sizes()).toMatchObject({ sessions: 1, bib: 1, staticBib: 0, hosts: 1, reassembly: 0 });
  expect(nat.counter('received.v6.packets')).toBe(1);
  expect(nat.counter('sent.v4.packets')).toBe(1);
  expect(addon.counters.every(({ name, explain }) => name !== '' && explain.endsWith('.'))).toBe(true);
});

// --- Offload: what the kernel leaves to the card (struct virtio_net_hdr) -----------------------------------------

/** The pseudo-header's sum, which a partial checksum holds. */
const partial = (source: string, destination: string, protocol: number, length: number) =>
  ~checksum(pseudoHeader(source, destination, protocol, length)) & 0xffff;

const TCP4 = 1;
const TCP6 = 4;
const USO = 5;
const ECN = 0x80;

/** A packet as the kernel hands it over: checksum partial, `gsoSize` for a super-packet. */
function offloaded(packet: Buffer, gsoType = 0, gsoSize = 0): [Buffer, Offload] {
  const { version, source, destination, protocol, payload } = read(packet);
  const start = packet.length - payload.length;
  const offset = protocol === TCP ? 16 : 6;
  const header = protocol === TCP ? ((payload[12] ?? 0) >> 4) * 4 : 8;
  const result = Buffer.from(packet);
  result.writeUInt16BE(partial(source, destination, protocol, payload.length), start + offset);
  expect(start).toBe(version === 6 ? 40 : 20);
  return [
    result,
    {
      needsChecksum: true,
      gsoType,
      gsoSize,
      headerLength: start + header,
      checksumStart: start,
      checksumOffset: offset,
    },
  ];
}

const big = Buffer.from(Array.from({ length: 14_000 }, (_, i) => (i * 7) & 0xff));

describe('offload', () => {
  test('N64-XLAT-02 6→4 a TCP super-packet stays whole: type, sizes, offsets and partial checksum of IPv4', () => {
    const nat = translator();
    const sourcePort = opened(nat, 'tcp');
    const [out, ...others] = nat.send(...offloaded(tcp({ ...flow, flags: 'PA', data: big }), TCP6, 1400));
    expect(others).toEqual([]);
    expect(out).toMatchObject({ version: 4, source: pool, destination: server, sourcePort, flags: 'PA' });
    expect(out?.offload).toEqual({
      needsChecksum: true,
      gsoType: TCP4,
      gsoSize: 1400,
      headerLength: 40,
      checksumStart: 20,
      checksumOffset: 16,
    });
    expect(out?.checksum).toBe(partial(pool, server, TCP, 20 + big.length));
    expect(out?.data).toEqual(big);
    expect(checksum(out?.bytes.subarray(0, 20) ?? Buffer.alloc(0))).toBe(0);
    expect(nat.counter('offload.tcp_super.v6_to_v4')).toBe(1);
  });

  test('N64-XLAT-02 4→6 a TCP super-packet stays whole: type, sizes, offsets and partial checksum of IPv6', () => {
    const nat = translator();
    const destinationPort = opened(nat, 'tcp');
    const packet = tcp({ ...inward, sourcePort: 80, destinationPort, flags: 'SA', data: big, dontFragment: true });
    const [out, ...others] = nat.send(...offloaded(packet, TCP4, 1400));
    expect(others).toEqual([]);
    expect(out).toMatchObject({ version: 6, source: through(server), destination: host, destinationPort: 40_000 });
    expect(out?.offload).toEqual({
      needsChecksum: true,
      gsoType: TCP6,
      gsoSize: 1400,
      headerLength: 60,
      checksumStart: 40,
      checksumOffset: 16,
    });
    expect(out?.checksum).toBe(partial(through(server), host, TCP, 20 + big.length));
    expect(out?.data).toEqual(big);
  });

  test('N64-XLAT-02 TCP options are counted in the header length', () => {
    const nat = translator();
    opened(nat, 'tcp');
    const tcpOptions = Buffer.from('0101080a0000000100000002', 'hex');
    const [out] = nat.send(...offloaded(tcp({ ...flow, flags: 'A', tcpOptions, data: big }), TCP6, 1388));
    expect(out?.offload).toMatchObject({ headerLength: 52, gsoSize: 1388 });
    expect(out?.tcpOptions).toEqual(tcpOptions);
  });

  test.each([
    ['6→4', TCP6, TCP4],
    ['4→6', TCP4, TCP6],
  ])('N64-XLAT-02 %s the ECN bit of a super-packet is kept', (direction, from, to) => {
    const nat = translator();
    const t = opened(nat, 'tcp');
    const packet =
      direction === '6→4'
        ? tcp({ ...flow, flags: 'AC', data: big })
        : tcp({ ...inward, sourcePort: 80, destinationPort: t, flags: 'AC', data: big, dontFragment: true });
    const [out] = nat.send(...offloaded(packet, from | ECN, 1400));
    expect(out?.offload.gsoType).toBe(to | ECN);
  });

  test('N64-XLAT-02 6→4 a UDP super-packet stays whole', () => {
    const nat = translator();
    const sourcePort = opened(nat, 'udp');
    const [out, ...others] = nat.send(...offloaded(udp({ ...flow, data: big }), USO, 1200));
    expect(others).toEqual([]);
    expect(out?.offload).toEqual({
      needsChecksum: true,
      gsoType: USO,
      gsoSize: 1200,
      headerLength: 28,
      checksumStart: 20,
      checksumOffset: 6,
    });
    expect(out).toMatchObject({ sourcePort, checksum: partial(pool, server, UDP, 8 + big.length) });
    expect(out?.data).toEqual(big);
  });

  test('N64-XLAT-02 4→6 a UDP super-packet stays whole', () => {
    const nat = translator();
    const destinationPort = opened(nat, 'udp');
    const [out, ...others] = nat.send(
      ...offloaded(udp({ ...inward, sourcePort: 80, destinationPort, data: big }), USO, 1200),
    );
    expect(others).toEqual([]);
    expect(out?.offload).toMatchObject({ gsoType: USO, gsoSize: 1200, headerLength: 48, checksumStart: 40 });
    expect(out?.checksum).toBe(partial(through(server), host, UDP, 8 + big.length));
    expect(out?.data).toEqual(big);
  });

  test.each([
    ['TCP', 'tcp'],
    ['UDP', 'udp'],
  ] as const)(
    'N64-XLAT-02 a partial checksum of an ordinary %s packet is translated as partial, both ways',
    (_, protocol) => {
      const nat = translator();
      const t = opened(nat, protocol);
      const make = (at: typeof flow) => (protocol === 'tcp' ? tcp({ ...at, flags: 'A', data: 'data' }) : udp(at));
      const number = protocol === 'tcp' ? TCP : UDP;
      const length = protocol === 'tcp' ? 24 : 12;
      const [out] = nat.send(...offloaded(make(flow)));
      expect(out?.offload).toMatchObject({ needsChecksum: true, gsoType: 0, checksumStart: 20 });
      expect(out?.checksum).toBe(partial(pool, server, number, length));
      const [back] = nat.send(...offloaded(make({ ...inward, sourcePort: 80, destinationPort: t })));
      expect(back?.offload).toMatchObject({ needsChecksum: true, gsoType: 0, checksumStart: 40 });
      expect(back?.checksum).toBe(partial(through(server), host, number, length));
    },
  );

  test('N64-XLAT-02 6→4 segments too long for the IPv4 side are made shorter', () => {
    const nat = translator({ mtu4: 1000 });
    opened(nat, 'tcp');
    const [out, ...others] = nat.send(...offloaded(tcp({ ...flow, flags: 'A', data: big }), TCP6, 1400));
    expect(others).toEqual([]);
    expect(out?.offload).toMatchObject({ gsoType: TCP4, gsoSize: 960 });
    expect(nat.counter('offload.gso_size_lowered')).toBe(1);
  });

  test('N64-XLAT-02 4→6 segments too long for the IPv6 side are made shorter', () => {
    const nat = translator();
    const destinationPort = opened(nat, 'tcp');
    const packet = tcp({ ...inward, sourcePort: 80, destinationPort, flags: 'A', data: big, dontFragment: true });
    const [out] = nat.send(...offloaded(packet, TCP4, 1460));
    expect(out?.offload).toMatchObject({ gsoType: TCP6, gsoSize: 1440 });
  });

  test('N64-XLAT-02 UDP datagrams too long for the other side are split, and each is complete', () => {
    const nat = translator({ mtu4: 1000 });
    const sourcePort = opened(nat, 'udp');
    const data = big.subarray(0, 3000);
    const sent = nat.send(...offloaded(udp({ ...flow, data }), USO, 1200));
    // Each datagram of 1200 bytes is over 1000 as IPv4 and within 1280 as IPv6: two fragments (RFC 7915 §5.1.1).
    const first = sent.slice(0, 2);
    expect(sent.map(({ more }) => more)).toEqual([true, false, true, false, false]);
    expect(
      sent.every(({ offload, bytes }) => !offload.needsChecksum && offload.gsoType === 0 && bytes.length <= 1000),
    ).toBe(true);
    const whole = read(
      ip({
        source: pool,
        destination: server,
        protocol: UDP,
        payload: Buffer.concat(first.map(({ payload }) => payload)),
      }),
    );
    expect(whole).toMatchObject({ sourcePort, destinationPort: 80, valid: true });
    expect(whole.data).toEqual(data.subarray(0, 1200));
    expect(sent[4]).toMatchObject({ sourcePort, valid: true });
    expect(sent[4]?.data).toEqual(data.subarray(2400));
  });

  test('N64-XLAT-02 an echo whose checksum was left is sent complete', () => {
    const nat = translator();
    const packet = echo({ ...outward, identifier: 7, data: 'data' });
    packet.writeUInt16BE(partial(host, through(server), ICMP6, 12), 42);
    const [out] = nat.send(packet, { needsChecksum: true, checksumStart: 40, checksumOffset: 2 });
    expect(out).toMatchObject({ type: 8, valid: true });
    expect(out?.offload.needsChecksum).toBe(false);
  });

  test('N64-HAIR-04 a TCP super-packet to the neighbour stays whole', () => {
    const nat = translator();
    nat.simulator.addBib({ protocol: 'tcp', v6: neighbour, port6: 80, v4: pool, port4: 8080 });
    const at = { source: host, destination: through(pool), sourcePort: 40_000, destinationPort: 8080 };
    const t1 = nat.pass(tcp({ ...at, flags: 'S' })).sourcePort;
    const [out, ...others] = nat.send(...offloaded(tcp({ ...at, flags: 'A', data: big }), TCP6, 1400));
    expect(others).toEqual([]);
    expect(out).toMatchObject({ version: 6, source: through(pool), sourcePort: t1, destination: neighbour });
    expect(out?.offload).toMatchObject({ needsChecksum: true, gsoType: TCP6, gsoSize: 1400, checksumStart: 40 });
    expect(out?.checksum).toBe(partial(through(pool), neighbour, TCP, 20 + big.length));
    expect(out?.data).toEqual(big);
  });

  test('N64-ORIG-06 a super-packet that is refused is quoted like any packet', () => {
    const nat = translator({ pool4: [] });
    const [packet, offload] = offloaded(tcp({ ...flow, flags: 'S', data: big }), TCP6, 1400);
    const [error] = nat.send(packet, offload);
    expect(error).toMatchObject({ type: 1, code: 3, valid: true });
    expect(error?.offload).toMatchObject({ needsChecksum: false, gsoType: 0 });
    expect(error?.bytes.length).toBe(1280);
  });

  test.each([
    ['a type of the other family', { gsoType: TCP4 }],
    ['TCP segments in a UDP packet’s name', { gsoType: USO }],
    ['no segment size', { gsoSize: 0 }],
    ['an unknown type', { gsoType: 3 }],
    ['a checksum elsewhere', { checksumStart: 41 }],
    ['a checksum past the end', { checksumOffset: 60_000 }],
    ['segments without a checksum left', { needsChecksum: false }],
  ])('N64-XLAT-02 %s: dropped', (_, wrong) => {
    const nat = translator();
    opened(nat, 'tcp');
    const [packet, offload] = offloaded(tcp({ ...flow, flags: 'A', data: big }), TCP6, 1400);
    expect(nat.send(packet, { ...offload, ...wrong })).toEqual([]);
    expect(nat.counter('drop.offload_malformed')).toBe(1);
  });
});
