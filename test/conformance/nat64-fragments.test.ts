/** nat64.md section 3: fragments (RFC 6146 §3.4), which this translator reassembles. */
import { describe, expect, test } from 'vitest';
import { echo, fragments, ICMP6, ip, read, tcp, UDP, udp } from './packets.js';
import { host, inward, outward, pool, type Sent, server, stranger, through, translator } from './translator.js';

const flow = { ...outward, sourcePort: 40_000, destinationPort: 53 };
const data = Buffer.from(Array.from({ length: 4000 }, (_, i) => i & 0xff));

/** The datagram that fragments make, wherever they were cut; checks that they fit together. */
function joined(sent: readonly Sent[]): ReturnType<typeof read> {
  const [first] = sent;
  if (first === undefined) throw new Error('nothing was sent');
  let at = 0;
  for (const one of sent) {
    expect(one).toMatchObject({ offset: at, identification: first.identification, valid: true });
    expect(one.more).toBe(one !== sent.at(-1));
    at += one.payload.length;
  }
  const { source, destination, protocol, hopLimit } = first;
  return read(
    ip({ source, destination, protocol, hopLimit, payload: Buffer.concat(sent.map(({ payload }) => payload)) }),
  );
}

describe('order', () => {
  test('N64-FRAG-01 nothing is sent before the last fragment came', () => {
    const nat = translator();
    const pieces = fragments(udp({ ...flow, data }), 7, 1448, 2896);
    expect(pieces.map((one) => nat.send(one).length > 0)).toEqual([false, false, true]);
  });

  test.each([
    ['in order', [0, 1, 2]],
    ['the last first', [2, 0, 1]],
    ['backwards', [2, 1, 0]],
  ])('N64-FRAG-01 6→4: %s', (_, order) => {
    const nat = translator();
    const pieces = fragments(udp({ ...flow, data }), 7, 1448, 2896);
    const out = joined(order.flatMap((i) => nat.send(pieces[i] as Buffer)));
    expect(out).toMatchObject({ source: pool, destination: server, destinationPort: 53, valid: true });
    expect(out.data).toEqual(data);
    expect(nat.session().port4).toBe(out.sourcePort);
  });

  test.each([
    ['in order', [0, 1, 2]],
    ['the last first', [2, 0, 1]],
    ['backwards', [2, 1, 0]],
  ])('N64-FRAG-01 4→6: %s', (_, order) => {
    const nat = translator();
    const { sourcePort } = nat.pass(udp(flow));
    const whole = udp({ ...inward, sourcePort: 53, destinationPort: sourcePort, data });
    const pieces = fragments(whole, 7, 1480, 2960);
    const out = joined(order.flatMap((i) => nat.send(pieces[i] as Buffer)));
    expect(out).toMatchObject({ source: through(server), destination: host, destinationPort: 40_000, valid: true });
    expect(out.data).toEqual(data);
  });

  test('N64-FRAG-01 TCP in fragments', () => {
    const nat = translator();
    nat.pass(tcp({ ...flow, flags: 'S' }));
    const pieces = fragments(tcp({ ...flow, flags: 'A', data }), 7, 1448, 2896);
    const out = joined(pieces.flatMap((one) => nat.send(one)));
    expect(out).toMatchObject({ flags: 'A', destinationPort: 53, valid: true });
    expect(out.data).toEqual(data);
  });

  test('N64-FRAG-01 a fragment that comes twice is counted once', () => {
    const nat = translator();
    const [first, second] = fragments(udp({ ...flow, data }), 7, 1448) as [Buffer, Buffer];
    expect([...nat.send(first), ...nat.send(first)]).toEqual([]);
    expect(joined(nat.send(second)).data).toEqual(data);
  });

  test('N64-FRAG-01 datagrams that differ in source, destination or identification do not mix', () => {
    const nat = translator();
    const other = Buffer.from(data.map((byte) => ~byte));
    const packets = [
      fragments(udp({ ...flow, data }), 7, 1448),
      fragments(udp({ ...flow, data: other }), 8, 1448),
      fragments(udp({ ...flow, source: '2001:db8:1::c', data: other }), 7, 1448),
      fragments(udp({ ...flow, destination: through(stranger), data: other }), 7, 1448),
    ] as [Buffer, Buffer][];
    for (const [first] of packets) expect(nat.send(first)).toEqual([]);
    const outs = packets.map(([, second]) => joined(nat.send(second)));
    expect(outs.map((out) => out.valid && (out.data.equals(data) ? 'data' : 'other'))).toEqual([
      'data',
      'other',
      'other',
      'other',
    ]);
  });
});

describe('bounds', () => {
  test('N64-FRAG-02, N64-GEN-19 unmatched first fragments of many sources leave ordinary packets alone', () => {
    const nat = translator({}, { reassembly: 16 });
    const { sourcePort } = nat.pass(udp(flow));
    for (let i = 0; i < 2000; i += 1) {
      const source = `2001:db8:2::${(i + 1).toString(16)}`;
      const [first] = fragments(udp({ ...flow, source, data }), i, 1448) as [Buffer];
      expect(nat.send(first)).toEqual([]);
    }
    expect(nat.simulator.sizes().reassembly).toBe(16);
    expect(nat.counter('drop.fragment.full')).toBe(2000 - 16);
    nat.pass(udp(flow));
    nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }));
  });

  test('N64-FRAG-02 one source cannot take all of the room', () => {
    const nat = translator({}, { reassembly: 16 });
    for (let i = 0; i < 100; i += 1) nat.send(fragments(udp({ ...flow, data }), i, 1448)[0] as Buffer);
    expect(nat.simulator.sizes().reassembly).toBeLessThan(16);
    expect(nat.counter('drop.fragment.full_for_source')).toBeGreaterThan(80);
    const [first, second] = fragments(udp({ ...flow, source: '2001:db8:1::c', data }), 1, 1448) as [Buffer, Buffer];
    nat.send(first);
    expect(joined(nat.send(second)).data).toEqual(data);
  });

  test('N64-FRAG-02 fragments to foreign addresses take no room', () => {
    const nat = translator();
    nat.send(fragments(udp({ ...flow, destination: '2001:db8:99::1', data }), 1, 1448)[0] as Buffer);
    nat.send(
      fragments(
        udp({ ...inward, sourcePort: 53, destinationPort: 5000, destination: '203.0.113.77', data }),
        2,
        1448,
      )[0] as Buffer,
    );
    expect(nat.simulator.sizes().reassembly).toBe(0);
    expect(nat.counter('drop.not_pool6')).toBe(1);
    expect(nat.counter('drop.not_pool4')).toBe(1);
  });

  test('N64-FRAG-02 the room of a datagram that never came is free again after its time', () => {
    const nat = translator({}, { reassembly: 4 });
    for (let i = 0; i < 4; i += 1) {
      nat.send(fragments(udp({ ...flow, source: `2001:db8:2::${i + 1}`, data }), i, 1448)[0] as Buffer);
    }
    expect(nat.simulator.sizes().reassembly).toBe(4);
    nat.wait(2.2);
    expect(nat.simulator.sizes().reassembly).toBe(0);
    expect(nat.counter('drop.fragment.timeout')).toBe(4);
  });
});

describe('time', () => {
  test.each([1.9, 2])('N64-FRAG-03 the second fragment %d s later is translated', (seconds) => {
    const nat = translator();
    const [first, second] = fragments(udp({ ...flow, data }), 7, 1448) as [Buffer, Buffer];
    nat.send(first);
    nat.wait(seconds);
    expect(joined(nat.send(second)).data).toEqual(data);
  });

  test('N64-FRAG-03 the interval is configurable', () => {
    const nat = translator({ timeoutsSeconds: { ...translator().config.timeoutsSeconds, fragment: 10 } });
    const [first, second] = fragments(udp({ ...flow, data }), 7, 1448) as [Buffer, Buffer];
    nat.send(first);
    nat.wait(9.9);
    expect(joined(nat.send(second)).data).toEqual(data);
  });

  test('N64-FRAG-03 after the interval nothing is left to complete', () => {
    const nat = translator();
    const [first, second] = fragments(udp({ ...flow, data }), 7, 1448) as [Buffer, Buffer];
    nat.send(first);
    nat.wait(2.2);
    expect(nat.send(second)).toEqual([]);
  });
});

test('N64-FRAG-04 a first fragment without the whole TCP header is dropped', () => {
  const nat = translator();
  const [first] = fragments(tcp({ ...flow, flags: 'S', data }), 7, 16) as [Buffer];
  expect(nat.drop(first)).toEqual(['drop.transport_truncated']);
});

test('N64-FRAG-05 a datagram cut otherwise gives the same bytes', () => {
  const cut = (...cuts: number[]) => {
    const nat = translator();
    return joined(fragments(udp({ ...flow, data }), 7, ...cuts).flatMap((one) => nat.send(one))).payload;
  };
  expect(cut(8)).toEqual(cut(1448, 2896));
  expect(cut(8).length).toBe(4008);
});

describe('UDP without checksum', () => {
  test('N64-FRAG-06 an IPv4 datagram arrives with the checksum computed', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(udp(flow));
    const out = nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort, checksum: 0 }));
    const expected = udp({
      ...flow,
      source: through(server),
      destination: host,
      sourcePort: 53,
      destinationPort: 40_000,
    });
    expect(out.checksum).toBe(read(expected).checksum);
    expect(out.checksum).not.toBe(0);
  });

  test('N64-FRAG-06 an IPv4 datagram in fragments is reassembled, and its checksum computed', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(udp(flow));
    const whole = udp({ ...inward, sourcePort: 53, destinationPort: sourcePort, data, checksum: 0 });
    const out = joined(fragments(whole, 7, 1480, 2960).flatMap((one) => nat.send(one)));
    expect(out.valid).toBe(true);
    expect(out.data).toEqual(data);
  });

  test('N64-FRAG-06 with no room to reassemble it is silently dropped', () => {
    const nat = translator({}, { reassembly: 0 });
    const { sourcePort } = nat.pass(udp(flow));
    const whole = udp({ ...inward, sourcePort: 53, destinationPort: sourcePort, data, checksum: 0 });
    expect(fragments(whole, 7, 1480).flatMap((one) => nat.drop(one))).toEqual([
      'drop.fragment.full',
      'drop.fragment.full',
    ]);
  });

  test('N64-FRAG-06 the setting for stateless translation does not make the stateful one drop it', () => {
    const nat = translator({ udpZeroChecksum: 'drop' });
    const { sourcePort } = nat.pass(udp(flow));
    nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort, checksum: 0 }));
  });
});

describe('overlaps', () => {
  const whole = udp({ ...flow, data });
  const piece = (offset: number, end: number, fill?: number) =>
    ip({
      ...outward,
      protocol: UDP,
      fragment: { identification: 7, offset, more: end < 4008 },
      payload: fill === undefined ? read(whole).payload.subarray(offset, end) : Buffer.alloc(end - offset, fill),
    });

  test.each([
    ['by eight bytes', [piece(0, 1448), piece(1440, 4008)]],
    ['inside', [piece(0, 2000), piece(8, 16, 0xff), piece(2000, 4008)]],
    ['with other bytes at the same place', [piece(8, 16), piece(8, 16, 0xff), piece(0, 8), piece(16, 4008)]],
    [
      'a last fragment that ends too early',
      [
        piece(16, 4008),
        piece(8, 16),
        ip({ ...outward, protocol: UDP, fragment: { identification: 7, offset: 2000 }, payload: Buffer.alloc(8) }),
        piece(0, 8),
      ],
    ],
  ])('N64-FRAG-07 %s: the whole datagram is silently discarded', (_, pieces) => {
    const nat = translator();
    expect(pieces.flatMap((one) => nat.send(one))).toEqual([]);
    expect(nat.counter('drop.fragment.overlap')).toBeGreaterThan(0);
    expect(nat.sessions()).toEqual([]);
  });

  test('N64-FRAG-07 what comes after an overlap is discarded too, though it would complete the datagram', () => {
    const nat = translator();
    nat.send(piece(0, 1448));
    nat.send(piece(8, 16, 0xff));
    expect(nat.drop(piece(1448, 4008))).toEqual(['drop.fragment.overlap']);
  });

  test('N64-FRAG-07 overlapping IPv4 fragments are discarded', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(udp(flow));
    const { payload } = read(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort, data }));
    const part = (offset: number, end: number) =>
      ip({
        ...inward,
        protocol: UDP,
        fragment: { identification: 7, offset, more: end < 4008 },
        payload: payload.subarray(offset, end),
      });
    expect([...nat.send(part(0, 1480)), ...nat.send(part(1472, 4008))]).toEqual([]);
    expect(nat.counter('drop.fragment.overlap')).toBe(1);
  });
});

describe('atomic fragments', () => {
  test('N64-FRAG-08 an atomic fragment is translated at once', () => {
    const nat = translator();
    const out = nat.pass(udp({ ...flow, fragment: { identification: 0x12345678 } }));
    expect(out).toMatchObject({ source: pool, destination: server, fragmented: false });
    expect(nat.simulator.sizes().reassembly).toBe(0);
  });

  test('N64-FRAG-08 an atomic fragment does not meet the waiting fragments of the same identification', () => {
    const nat = translator();
    const [first, second] = fragments(udp({ ...flow, data }), 7, 1448) as [Buffer, Buffer];
    nat.send(first);
    nat.pass(udp({ ...flow, fragment: { identification: 7 } }));
    expect(joined(nat.send(second)).data).toEqual(data);
  });
});

test('N64-FRAG-09 two hosts with the same identification leave with different ones', () => {
  const nat = translator();
  const [a, b] = [host, '2001:db8:1::c'].map((source) =>
    fragments(udp({ ...flow, source, data }), 7, 1448).flatMap((one) => nat.send(one)),
  ) as [Sent[], Sent[]];
  expect([joined(a).source, joined(b).source]).toEqual([pool, pool]);
  expect(a[0]?.identification).not.toBe(b[0]?.identification);
});

test('N64-FRAG-09 identifications of one pair do not repeat within 65,536 packets', () => {
  const nat = translator();
  const seen = new Set(Array.from({ length: 5000 }, () => nat.send(udp(flow))[0]?.identification));
  expect(seen.size).toBe(5000);
});

test('N64-FRAG-10 a fragmented ping goes and its reply comes back', () => {
  const nat = translator();
  const there = joined(fragments(echo({ ...outward, identifier: 7, data }), 7, 1448).flatMap((one) => nat.send(one)));
  expect(there).toMatchObject({ type: 8, valid: true, source: pool });
  const reply = echo({ ...inward, identifier: there.sourcePort, reply: true, data });
  const back = joined(fragments(reply, 9, 1480).flatMap((one) => nat.send(one)));
  expect(back).toMatchObject({ type: 129, sourcePort: 7, destination: host, valid: true, protocol: ICMP6 });
  expect(back.data).toEqual(data);
});

describe('too big for the IPv6 side', () => {
  const opened = (mtu6: number) => {
    const nat = translator({ mtu6 });
    return { nat, port: nat.pass(udp(flow)).sourcePort };
  };

  test('N64-FRAG-11 DF=1: ICMPv4 3/4 with the MTU less 20, and nothing passes', () => {
    const { nat, port } = opened(1400);
    const packet = udp({
      ...inward,
      sourcePort: 53,
      destinationPort: port,
      dontFragment: true,
      data: data.subarray(0, 1353),
    });
    expect(packet.length).toBe(1381);
    const error = nat.refuse(packet);
    expect(error).toMatchObject({ type: 3, code: 4, rest: 1380, source: pool });
    expect(error.bytes.length).toBe(576);
    expect(error.data).toEqual(packet.subarray(0, 548));
  });

  test('N64-FRAG-11 DF=1 and one byte less passes whole', () => {
    const { nat, port } = opened(1400);
    const out = nat.pass(
      udp({ ...inward, sourcePort: 53, destinationPort: port, dontFragment: true, data: data.subarray(0, 1352) }),
    );
    expect(out.bytes.length).toBe(1400);
    expect(out.fragmented).toBe(false);
  });

  test('N64-FRAG-11 DF=0: fragments of at most 1280, in order, with the IPv4 identification', () => {
    const { nat, port } = opened(1500);
    const packet = udp({
      ...inward,
      sourcePort: 53,
      destinationPort: port,
      data: data.subarray(0, 1400),
      fragment: { identification: 0xbeef },
    });
    const sent = nat.send(packet);
    expect(sent.map(({ bytes, offset, more, identification }) => [bytes.length, offset, more, identification])).toEqual(
      [
        [1280, 0, true, 0xbeef],
        [48 + 1408 - 1232, 1232, false, 0xbeef],
      ],
    );
    expect(joined(sent).data).toEqual(data.subarray(0, 1400));
  });
});

describe('malformed', () => {
  test.each([
    ['a middle fragment that is not a multiple of 8', 0, true, 1001],
    ['a fragment past 65,535', 65_528, false, 100],
    ['an empty fragment', 8, true, 0],
  ])('N64-FRAG-02 %s is dropped and takes no room', (_, offset, more, length) => {
    const nat = translator();
    const packet = ip({
      ...outward,
      protocol: UDP,
      fragment: { identification: 7, offset, more },
      payload: Buffer.alloc(length),
    });
    if (offset === 0) packet.writeUInt16BE(length, 52);
    expect(nat.drop(packet)).toEqual(['drop.fragment.malformed']);
    expect(nat.simulator.sizes().reassembly).toBe(0);
  });

  test('N64-FRAG-06 an IPv6 datagram in fragments without checksum is dropped', () => {
    const nat = translator();
    const pieces = fragments(udp({ ...flow, data, checksum: 0 }), 7, 1448);
    expect(pieces.flatMap((one) => nat.drop(one))).toEqual(['drop.udp_checksum_zero']);
  });
});
