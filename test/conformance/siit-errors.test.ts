/** siit.md section 9: errors that the translator originates; and what only a running worker shows. */
import { describe, expect, test } from 'vitest';
import { echo, icmp, read, tcp, udp } from './packets.js';
import { server, stateless, through, translator } from './translator.js';

const host4 = '192.0.2.33';
const ports = { sourcePort: 40_000, destinationPort: 53 };
const at4 = { source: host4, destination: server, ...ports };
const at6 = { source: through(host4), destination: through(server), ...ports };
const own = { icmpSource4: '198.51.100.1', icmpSource6: '2001:db8::1' };

test('SIIT-ERR-01 4to6: what may not be translated is answered with ICMPv4 3/13', () => {
  const nat = translator({ ...stateless, pool6: [{ address: '64:ff9b::', length: 96 }] });
  expect(nat.refuse(udp({ ...at4, destination: '10.0.0.1' }))).toMatchObject({ type: 3, code: 13 });
});

test('SIIT-ERR-02 6to4: an untranslatable destination is answered with ICMPv6 1/1', () => {
  const nat = translator(stateless);
  expect(nat.refuse(udp({ ...at6, destination: '2001:db8:ffff::1' }))).toMatchObject({ type: 1, code: 1 });
});

test('SIIT-ERR-03 6to4: no 1/1 about an echo, but 3/0 where its hop limit ends', () => {
  const nat = translator(stateless);
  nat.drop(echo({ source: through(host4), destination: '2001:db8:ffff::1', identifier: 1 }));
  expect(nat.counter('icmp.errors_suppressed')).toBe(1);
  const expired = echo({ source: through(host4), destination: through(server), identifier: 1, hopLimit: 1 });
  expect(nat.refuse(expired)).toMatchObject({ type: 3, code: 0 });
});

test('SIIT-4to6-07 TTL 1 → ICMPv4 11/0 that quotes the packet', () => {
  const packet = udp({ ...at4, hopLimit: 1 });
  const error = translator(stateless).refuse(packet);
  expect(error).toMatchObject({ type: 11, code: 0 });
  expect(error.data.equals(packet)).toBe(true);
});

test('SIIT-6to4-07 hop limit 1 → ICMPv6 3/0 that quotes the packet', () => {
  const packet = udp({ ...at6, hopLimit: 1 });
  const error = translator(stateless).refuse(packet);
  expect(error).toMatchObject({ type: 3, code: 0 });
  expect(error.data.equals(packet)).toBe(true);
});

describe('SIIT-ERR-04 send, limit, do not send', () => {
  const expired = (packets: Buffer[], icmpErrors: { ratePerSecond: number; burst: number }) => {
    const nat = translator({ ...stateless, icmpErrors });
    return packets.flatMap((packet) => nat.send(packet)).length;
  };
  test.each([
    ['IPv4', udp({ ...at4, hopLimit: 1 })],
    ['IPv6', udp({ ...at6, hopLimit: 1 })],
  ])('%s', (_, packet) => {
    const many = Array<Buffer>(50).fill(packet);
    expect(expired(many, { ratePerSecond: 1000, burst: 1000 })).toBe(50);
    expect(expired(many, { ratePerSecond: 1, burst: 3 })).toBe(3);
    expect(expired(many, { ratePerSecond: 0, burst: 1000 })).toBe(0);
  });
});

test('SIIT-ERR-05 a thousand bad packets in a second: about 20 errors at 10 a second, burst 10', () => {
  const nat = translator({ ...stateless, icmpErrors: { ratePerSecond: 10, burst: 10 } });
  let errors = 0;
  for (let i = 0; i < 1000; i += 1) {
    errors += nat.send(udp({ ...at6, hopLimit: 1 })).length;
    nat.wait(0.001);
  }
  expect(errors).toBeGreaterThanOrEqual(19);
  expect(errors).toBeLessThanOrEqual(20);
  expect(nat.counter('icmp.errors_sent') + nat.counter('icmp.errors_suppressed')).toBe(1000);
});

test('SIIT-ERR-05 the two families do not spend each other’s tokens', () => {
  const nat = translator({ ...stateless, icmpErrors: { ratePerSecond: 1, burst: 1 } });
  nat.refuse(udp({ ...at6, hopLimit: 1 }));
  nat.refuse(udp({ ...at4, hopLimit: 1 }));
});

describe('where none may be sent', () => {
  test.each([
    ['an ICMPv6 error', icmp({ ...at6, type: 1, code: 4, body: udp(at6), hopLimit: 1 })],
    ['a multicast destination', udp({ ...at6, destination: 'ff02::1', hopLimit: 1 })],
    ['an unspecified source', udp({ ...at6, source: '::', hopLimit: 1 })],
    ['a multicast source', udp({ ...at6, source: 'ff02::1', hopLimit: 1 })],
  ])('SIIT-ERR-06 about %s', (_, packet) => {
    translator(stateless).drop(packet);
  });

  test.each([
    ['an ICMPv4 error', icmp({ ...at4, type: 3, code: 3, body: udp(at4), hopLimit: 1 })],
    ['a later fragment', udp({ ...at4, hopLimit: 1, fragment: { identification: 1, offset: 8 } })],
    ['a broadcast destination', udp({ ...at4, destination: '255.255.255.255', hopLimit: 1 })],
    ['a multicast destination', udp({ ...at4, destination: '224.0.0.1', hopLimit: 1 })],
    ['a multicast source', udp({ ...at4, source: '224.0.0.1', hopLimit: 1 })],
  ])('SIIT-ERR-07 about %s', (_, packet) => {
    translator(stateless).drop(packet);
  });

  test('SIIT-ERR-07 about a wrong header checksum', () => {
    const packet = udp({ ...at4, hopLimit: 1 });
    packet.writeUInt16BE(packet.readUInt16BE(10) ^ 1, 10);
    expect(translator(stateless).drop(packet)).toEqual(['drop.v4.header_checksum']);
  });
});

test('SIIT-ERR-08 errors come from the configured addresses of either family', () => {
  const nat = translator({ ...stateless, ...own });
  expect(nat.refuse(udp({ ...at4, hopLimit: 1 })).source).toBe('198.51.100.1');
  expect(nat.refuse(udp({ ...at6, hopLimit: 1 })).source).toBe('2001:db8::1');
});

test('SIIT-6to4-13 a routing header with segments left → ICMPv6 4/0, pointer 43', () => {
  const packet = udp(at6);
  const routing = Buffer.concat([packet.subarray(0, 40), Buffer.from('1100000100000000', 'hex'), packet.subarray(40)]);
  routing[6] = 43;
  routing.writeUInt16BE(packet.length - 40 + 8, 4);
  expect(translator(stateless).refuse(routing)).toMatchObject({ type: 4, code: 0, rest: 43 });
});

test('SIIT-4to6-12 a source route with hops left → ICMPv4 3/5', () => {
  const packet = udp({ ...at4, options: Buffer.from('8307040a00000100', 'hex') });
  expect(translator(stateless).refuse(packet)).toMatchObject({ type: 3, code: 5 });
});

test('SIIT-6to4-13 the pointer counts a hop-by-hop header in front of the routing header: 51', () => {
  const packet = udp(at6);
  const headers = Buffer.from('2b000104000000001100000100000000', 'hex');
  const routing = Buffer.concat([packet.subarray(0, 40), headers, packet.subarray(40)]);
  routing[6] = 0;
  routing.writeUInt16BE(packet.length - 40 + 16, 4);
  expect(translator(stateless).refuse(routing)).toMatchObject({ type: 4, code: 0, rest: 51 });
});

describe('SIIT-6to4-15 a fragment with an extension header behind its Fragment Header', () => {
  const fragment = (nextHeader: number) => {
    const packet = udp({ ...at6, data: 'datadata', fragment: { identification: 1, more: true } });
    packet[40] = nextHeader;
    return packet;
  };

  test.each([
    ['hop-by-hop', 0],
    ['routing', 43],
    ['AH', 51],
    ['destination options', 60],
  ])('%s: it is dropped and told about', (_, protocol) => {
    const nat = translator(stateless);
    expect(nat.drop(fragment(protocol))).toEqual(['drop.fragment.extension_header']);
    expect(nat.simulator.readEvents()).toEqual({
      events: [
        {
          timeMs: expect.any(Number),
          reason: 'drop.fragment.extension_header',
          protocol,
          source: at6.source,
          destination: at6.destination,
          sourcePort: null,
          destinationPort: null,
        },
      ],
      lost: 0,
    });
  });

  test('ESP is none: it passes', () => {
    const nat = translator(stateless);
    expect(nat.pass(fragment(50))).toMatchObject({ version: 4, protocol: 50, more: true });
    expect(nat.simulator.readEvents().events).toEqual([]);
  });
});

test('SIIT-4to6-03 a fixed traffic class', () => {
  expect(translator(stateless).pass(udp({ ...at4, trafficClass: 0xb9 })).trafficClass).toBe(0xb9);
  const nat = translator({ ...stateless, trafficClass: 0 });
  expect(nat.pass(udp({ ...at4, trafficClass: 0xb9 })).trafficClass).toBe(0);
});

test('SIIT-6to4-02 a fixed TOS', () => {
  const sent = (tos: number | null) =>
    translator({ ...stateless, tos }).pass(udp({ ...at6, trafficClass: 0xb9 })).trafficClass;
  expect([null, 0, 0x28].map(sent)).toEqual([0xb9, 0, 0x28]);
});

test.each([
  ['SIIT-4to6-20', at4],
  ['SIIT-6to4-21', at6],
])('%s a thousand datagrams leave in the order in which they came', (_, at) => {
  const nat = translator(stateless);
  for (let i = 0; i < 1000; i += 1) expect(nat.pass(udp({ ...at, data: `${i}` })).data.toString()).toBe(`${i}`);
});

describe('the MSS option', () => {
  const mss = Buffer.from('020405b4', 'hex');
  const syn4 = tcp({ ...at4, flags: 'S', tcpOptions: mss });
  const syn6 = tcp({ ...at6, flags: 'S', tcpOptions: mss });

  test('SIIT-MTU-11 is not touched unless the operator says so', () => {
    const nat = translator(stateless);
    expect(nat.pass(syn4).tcpOptions.equals(mss)).toBe(true);
    expect(nat.pass(syn6).tcpOptions.equals(mss)).toBe(true);
  });

  test('SIIT-MTU-11 is lowered to the clamp, both ways', () => {
    const nat = translator({ ...stateless, mssClamp: 1220 });
    expect(nat.pass(syn4).tcpOptions.toString('hex')).toBe('020404c4');
    expect(nat.pass(syn6).tcpOptions.toString('hex')).toBe('020404c4');
  });
});

describe('super-packets', () => {
  const offload = (size: number) => ({
    needsChecksum: true,
    gsoType: 5,
    gsoSize: size,
    headerLength: 28,
    checksumStart: 20,
    checksumOffset: 6,
  });
  const data = Buffer.alloc(5000, 'abcdefg');

  test('a UDP super-packet that fits stays one', () => {
    const sent = translator(stateless).send(udp({ ...at4, data, dontFragment: true }), offload(1400));
    expect(sent).toHaveLength(1);
    expect(sent[0]?.offload).toMatchObject({ gsoType: 5, gsoSize: 1400, checksumStart: 40 });
  });

  test('SIIT-4to6-15 one whose datagrams do not fit is split, and each is fragmented', () => {
    const nat = translator(stateless);
    const sent = nat.send(udp({ ...at4, data }), offload(1400));
    expect(sent.map(({ bytes }) => bytes.length)).toEqual([1280, 224, 1280, 224, 1280, 224, 848]);
    expect(Buffer.concat(sent.map(({ payload, offset }) => payload.subarray(offset === 0 ? 8 : 0))).equals(data)).toBe(
      true,
    );
    expect(nat.counter('offload.udp_super_split')).toBe(1);
    expect(read(sent[6]?.bytes ?? Buffer.alloc(0)).valid).toBe(true);
  });
});
