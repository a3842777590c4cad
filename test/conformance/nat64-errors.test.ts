/** nat64.md sections 8 and 9: ICMP errors that pass, and those that the translator sends (RFC 5508, RFC 6146 §3.7). */
import { describe, expect, test } from 'vitest';
import { checksum, echo, icmp, ip, read, tcp, UDP, udp } from './packets.js';
import {
  host,
  inward,
  neighbour,
  outward,
  pool,
  server,
  stranger,
  type Translator,
  through,
  translator,
} from './translator.js';

const flow = { ...outward, sourcePort: 40_000, destinationPort: 53 };
const router = '203.0.113.1';

/** The host's packet as the IPv4 side saw it. */
const sentBy = (nat: Translator, data = 'data') => nat.pass(udp({ ...flow, data }));
/** The server's answer as the host saw it. */
function answered(nat: Translator, data = 'data') {
  const { sourcePort } = sentBy(nat);
  return nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort, data }));
}
const error4 = (body: Uint8Array, more: Partial<Parameters<typeof icmp>[0]> = {}) =>
  icmp({ source: router, destination: pool, type: 11, body, ...more });
const error6 = (body: Uint8Array, more: Partial<Parameters<typeof icmp>[0]> = {}) =>
  icmp({ ...outward, type: 1, code: 4, body, ...more });

/** The quoted packet without what follows it. */
function quote(body: Buffer) {
  return read(body.subarray(0, body[0] === 0x45 ? body.readUInt16BE(2) : 40 + body.readUInt16BE(4)));
}

describe('unwanted', () => {
  test('N64-ERR-01 an ICMPv4 error about a packet of no mapping is silently dropped', () => {
    const forged = udp({ source: pool, destination: server, sourcePort: 5000, destinationPort: 53 });
    expect(translator().drop(error4(forged, { type: 3, code: 4, rest: 1280 }))).toEqual(['drop.icmp.error_no_session']);
  });

  test('N64-ERR-01 an ICMPv6 error about a packet of no mapping is silently dropped', () => {
    const forged = udp({ source: through(server), destination: host, sourcePort: 53, destinationPort: 40_000 });
    expect(translator().drop(error6(forged))).toEqual(['drop.icmp.error_no_session']);
  });

  test('N64-ERR-02 an ICMPv4 error with a wrong checksum is silently dropped', () => {
    const nat = translator();
    const packet = error4(sentBy(nat).bytes);
    packet.writeUInt16BE(packet.readUInt16BE(22) ^ 1, 22);
    expect(nat.drop(packet)).toEqual(['drop.icmp.checksum']);
  });

  test('N64-ERR-02 an ICMPv6 error with a wrong checksum is silently dropped', () => {
    const nat = translator();
    const packet = error6(answered(nat).bytes);
    packet.writeUInt16BE(packet.readUInt16BE(42) ^ 1, 42);
    expect(nat.drop(packet)).toEqual(['drop.icmp.checksum']);
  });

  test('N64-ERR-03 a quoted IPv4 header with a wrong checksum: silently dropped', () => {
    const nat = translator();
    const body = Buffer.from(sentBy(nat).bytes);
    body.writeUInt16BE(body.readUInt16BE(10) ^ 1, 10);
    expect(nat.drop(error4(body))).toEqual(['drop.icmp.error_inner_checksum']);
  });
});

describe('the quote', () => {
  test('N64-ERR-04 quoted IPv4 options are skipped', () => {
    const nat = translator();
    const out = sentBy(nat);
    const withOptions = ip({
      source: pool,
      destination: server,
      protocol: UDP,
      options: Buffer.from([1, 1, 1, 0]),
      payload: out.payload,
    });
    const told = nat.pass(error4(withOptions));
    expect(told).toMatchObject({ destination: host, type: 3 });
    expect(read(told.data)).toMatchObject({ sourcePort: 40_000, destinationPort: 53, valid: true });
  });

  test('N64-ERR-05 the quoted transport checksum is not validated', () => {
    const nat = translator();
    const body = Buffer.from(sentBy(nat).bytes);
    body.writeUInt16BE(body.readUInt16BE(26) ^ 0x5555, 26);
    expect(nat.pass(error4(body))).toMatchObject({ destination: host, type: 3 });
  });

  test('N64-ERR-05 a quote cut to 28 octets works', () => {
    const nat = translator();
    const told = nat.pass(error4(sentBy(nat).bytes.subarray(0, 28)));
    expect(told.data.length).toBe(48);
    expect(read(told.data)).toMatchObject({ source: host, sourcePort: 40_000, destinationPort: 53 });
  });

  test.each([
    ['UDP', udp(flow)],
    ['TCP', tcp({ ...flow, flags: 'S' })],
    ['echo', echo({ ...outward, identifier: 9 })],
  ])('N64-ERR-07 4→6: the host finds the very packet that it sent, checksum included: %s', (_, packet) => {
    const nat = translator();
    const told = nat.pass(error4(nat.pass(packet).bytes));
    const quoted = quote(told.data);
    expect(quoted).toMatchObject({ source: host, destination: through(server), valid: true, hopLimit: 63 });
    expect(quoted.payload).toEqual(read(packet).payload);
  });

  test.each([
    ['UDP', (t: number) => udp({ ...inward, sourcePort: 53, destinationPort: t }), udp(flow)],
    [
      'TCP',
      (t: number) => tcp({ ...inward, sourcePort: 53, destinationPort: t, flags: 'SA' }),
      tcp({ ...flow, flags: 'S' }),
    ],
    ['echo', (t: number) => echo({ ...inward, identifier: t, reply: true }), echo({ ...outward, identifier: 9 })],
  ])('N64-ERR-07 6→4: the server finds the very packet that it sent, checksum included: %s', (_, answer, first) => {
    const nat = translator();
    const packet = answer(nat.pass(first).sourcePort);
    const told = nat.pass(error6(nat.pass(packet).bytes, { code: 0 }));
    const quoted = quote(told.data);
    expect(quoted).toMatchObject({ source: server, destination: pool, valid: true, hopLimit: 63 });
    expect(quoted.payload).toEqual(read(packet).payload);
  });

  test('N64-ERR-07 a quoted UDP without checksum keeps none', () => {
    const nat = translator();
    const { sourcePort } = sentBy(nat);
    const quoted = udp({ source: pool, destination: server, sourcePort, destinationPort: 53, checksum: 0 });
    expect(read(nat.pass(error4(quoted)).data)).toMatchObject({ sourcePort: 40_000, checksum: 0 });
  });
});

describe('RFC 4884', () => {
  /** An MPLS label stack object (RFC 4950) in its extension structure. */
  const object = Buffer.from('0008010112345001', 'hex');
  const structure = Buffer.concat([Buffer.from('20000000', 'hex'), object]);
  structure.writeUInt16BE(checksum(structure), 2);

  test('N64-ERR-06 4→6: padding and extension stay out of the quoted packet, and the extension is carried', () => {
    const nat = translator();
    const packet = udp({ ...flow, data: 'short' });
    const out = nat.pass(packet);
    const padded = Buffer.concat([out.bytes, Buffer.alloc(128 - out.bytes.length)]);
    const told = nat.pass(error4(Buffer.concat([padded, structure]), { rest: 32 << 16 }));
    expect(told).toMatchObject({ type: 3, code: 0, destination: host });
    // The length is in 64-bit words here, in the first octet of the second word.
    expect(told.rest >>> 24).toBe(16);
    expect(told.data.length).toBe(128 + structure.length);
    expect(told.data.subarray(128)).toEqual(structure);
    expect(quote(told.data)).toMatchObject({ source: host, valid: true });
    expect(quote(told.data).payload).toEqual(read(packet).payload);
  });

  test('N64-ERR-06 6→4: padding and extension stay out of the quoted packet, and the extension is carried', () => {
    const nat = translator();
    const reply = answered(nat, 'short');
    const padded = Buffer.concat([reply.bytes, Buffer.alloc(128 - reply.bytes.length)]);
    const told = nat.pass(error6(Buffer.concat([padded, structure]), { rest: (16 << 24) >>> 0 }));
    expect(told).toMatchObject({ type: 3, code: 3, source: pool });
    expect(told.rest >>> 16).toBe(32);
    expect(told.data.subarray(128)).toEqual(structure);
    expect(quote(told.data)).toMatchObject({ source: server, destination: pool, valid: true });
  });
});

describe('the outer header', () => {
  test('N64-ERR-08 4→6: from the router that spoke, in pool6, to X’', () => {
    const nat = translator();
    expect(nat.pass(error4(sentBy(nat).bytes))).toMatchObject({ source: through(router), destination: host });
  });

  test('N64-ERR-09 6→4: from T to Z, though another IPv6 node spoke', () => {
    const nat = translator();
    const reply = answered(nat);
    const told = nat.pass(error6(reply.bytes, { source: '2001:db8:ffff::1', type: 2, code: 0, rest: 1300 }));
    expect(told).toMatchObject({ source: pool, destination: server, type: 3, code: 4, rest: 1280 });
  });

  test('N64-ERR-08, -09 hop limit and TTL fall by one', () => {
    const nat = translator();
    const reply = answered(nat);
    expect(nat.pass(error6(reply.bytes, { hopLimit: 9 })).hopLimit).toBe(8);
    expect(nat.pass(error4(sentBy(nat).bytes, { hopLimit: 9 })).hopLimit).toBe(8);
  });
});

describe('type and code', () => {
  test.each([
    // type, code, second word → type, code, second word (RFC 7915 §4.2)
    [3, 0, 0, 1, 0, 0],
    [3, 1, 0, 1, 0, 0],
    [3, 2, 0, 4, 1, 6],
    [3, 3, 0, 1, 4, 0],
    [3, 4, 1400, 2, 0, 1420],
    [3, 5, 0, 1, 0, 0],
    [3, 9, 0, 1, 1, 0],
    [3, 10, 0, 1, 1, 0],
    [3, 13, 0, 1, 1, 0],
    [3, 15, 0, 1, 1, 0],
    [11, 0, 0, 3, 0, 0],
    [11, 1, 0, 3, 1, 0],
    [12, 0, 0x08000000, 4, 0, 7],
    [12, 2, 0x10000000, 4, 0, 24],
  ])('N64-ERR-10, -12 ICMPv4 %i/%i (%i) becomes ICMPv6 %i/%i (%i)', (type, code, rest, type6, code6, rest6) => {
    const nat = translator();
    const told = nat.pass(error4(sentBy(nat).bytes, { type, code, rest }));
    expect([told.type, told.code, told.rest]).toEqual([type6, code6, rest6]);
  });

  test.each([
    [1, 0, 0, 3, 1, 0],
    [1, 1, 0, 3, 10, 0],
    [1, 2, 0, 3, 1, 0],
    [1, 3, 0, 3, 1, 0],
    [1, 4, 0, 3, 3, 0],
    [2, 0, 1400, 3, 4, 1380],
    [3, 0, 0, 11, 0, 0],
    [3, 1, 0, 11, 1, 0],
    [4, 0, 7, 12, 0, 0x08000000],
    [4, 1, 6, 3, 2, 0],
  ])('N64-ERR-10, -12 ICMPv6 %i/%i (%i) becomes ICMPv4 %i/%i (%i)', (type, code, rest, type4, code4, rest4) => {
    const nat = translator();
    const told = nat.pass(error6(answered(nat).bytes, { type, code, rest }));
    expect([told.type, told.code, told.rest]).toEqual([type4, code4, rest4]);
  });

  test.each([
    [3, 14],
    [4, 0],
    [5, 1],
    [12, 1],
  ])('N64-ERR-10 ICMPv4 %i/%i has no counterpart: dropped', (type, code) => {
    const nat = translator();
    expect(nat.drop(error4(sentBy(nat).bytes, { type, code }))).toHaveLength(1);
  });
});

test('N64-ERR-11 with address-dependent filtering an error of any router passes', () => {
  const nat = translator({ addressDependentFiltering: { tcp: true, udp: true, icmp: true } });
  for (const packet of [udp(flow), tcp({ ...flow, flags: 'S' }), echo({ ...outward, identifier: 7 })]) {
    expect(nat.pass(error4(nat.pass(packet).bytes))).toMatchObject({ source: through(router), destination: host });
  }
});

describe('as a router', () => {
  test.each([0, 1])(
    'N64-ERR-13 TTL %i towards the pool: ICMPv4 11/0 from the address that was asked for',
    (hopLimit) => {
      const nat = translator();
      const { sourcePort } = sentBy(nat);
      const packet = udp({ ...inward, sourcePort: 53, destinationPort: sourcePort, hopLimit });
      const error = nat.refuse(packet);
      expect(error).toMatchObject({ source: pool, type: 11, code: 0 });
      expect(error.data).toEqual(packet);
    },
  );

  test.each([0, 1])('N64-ERR-13 hop limit %i towards pool6: ICMPv6 3/0', (hopLimit) => {
    const nat = translator();
    const packet = udp({ ...flow, hopLimit });
    const error = nat.refuse(packet);
    expect(error).toMatchObject({ source: through('192.0.0.8'), type: 3, code: 0 });
    expect(error.data).toEqual(packet);
    expect(nat.bib()).toEqual([]);
  });

  test('N64-ERR-13 errors come from the configured addresses', () => {
    const nat = translator({ icmpSource4: '203.0.113.200', icmpSource6: '2001:db8:ffff::64' });
    expect(nat.refuse(udp({ ...flow, hopLimit: 1 })).source).toBe('2001:db8:ffff::64');
    expect(nat.refuse(udp({ ...inward, sourcePort: 1, destinationPort: 1, hopLimit: 1 })).source).toBe('203.0.113.200');
  });

  test('N64-ERR-14 a rate of zero stops all errors, the drop is still counted', () => {
    const nat = translator({ icmpErrors: { ratePerSecond: 0, burst: 0 } });
    expect(nat.drop(udp({ ...flow, hopLimit: 1 }))).toEqual(['drop.hop_limit']);
    expect(nat.drop(ip({ ...inward, protocol: 47, payload: Buffer.alloc(8) }))).toEqual(['drop.protocol']);
    expect(nat.counter('icmp.errors_suppressed')).toBe(2);
  });
});

test('N64-ERR-15 a hairpinned ICMP error is delivered to the first host', () => {
  const nat = translator();
  const there = nat.pass(udp({ ...flow, source: neighbour }));
  const packet = udp({ ...flow, destination: through(pool), destinationPort: there.sourcePort });
  const arrived = nat.pass(packet);
  const told = nat.pass(icmp({ source: neighbour, destination: through(pool), type: 1, code: 4, body: arrived.bytes }));
  expect(told).toMatchObject({ source: through(pool), destination: host, type: 1, code: 4 });
  expect(quote(told.data)).toMatchObject({ source: host, destination: through(pool), valid: true });
  expect(quote(told.data).payload).toEqual(read(packet).payload);
});

describe('errors of its own', () => {
  const full = { pool4: [{ address: pool, length: 32, portMin: 5000, portMax: 5000 }] };

  test.each([
    ['udp', (sourcePort: number) => udp({ ...flow, sourcePort })],
    ['tcp', (sourcePort: number) => tcp({ ...flow, sourcePort, flags: 'S' })],
    ['icmp', (identifier: number) => echo({ ...outward, identifier })],
  ] as const)('N64-ORIG-01, -02 no port for %s: ICMPv6 1/3 that quotes the packet', (_, packet) => {
    const nat = translator(full);
    nat.pass(packet(40_000));
    const error = nat.refuse(packet(40_002));
    expect(error).toMatchObject({ type: 1, code: 3, rest: 0 });
    expect(error.data).toEqual(packet(40_002));
  });

  test('N64-ORIG-03 exhaustion is counted, mappings are kept', () => {
    const nat = translator(full);
    const { sourcePort } = sentBy(nat);
    for (let i = 0; i < 10; i += 1) nat.refuse(udp({ ...flow, sourcePort: 41_000 + i }));
    expect(nat.counter('drop.pool4_exhausted')).toBe(10);
    expect(nat.bib()).toMatchObject([{ port4: sourcePort }]);
  });

  test('N64-ORIG-04 what filtering drops is not answered', () => {
    const nat = translator({ addressDependentFiltering: { tcp: false, udp: true, icmp: true } });
    const { sourcePort } = sentBy(nat);
    nat.drop(udp({ source: stranger, destination: pool, sourcePort: 53, destinationPort: sourcePort }));
    const { sourcePort: identifier } = nat.pass(echo({ ...outward, identifier: 7 }));
    nat.drop(echo({ source: stranger, destination: pool, identifier, reply: true }));
    expect(nat.counter('drop.filtered')).toBe(2);
  });

  test('N64-ORIG-05 what has no BIB entry is not answered', () => {
    const nat = translator();
    nat.drop(udp({ ...inward, sourcePort: 53, destinationPort: 5000 }));
    nat.drop(echo({ ...inward, identifier: 5000 }));
    expect(nat.counter('drop.no_bib')).toBe(2);
  });

  test('N64-ORIG-06 too big for the IPv4 side: Packet Too Big with 20 more than its MTU', () => {
    const nat = translator({ mtu4: 1400 });
    const packet = udp({ ...flow, data: Buffer.alloc(1421 - 48) });
    const error = nat.refuse(packet);
    expect(error).toMatchObject({ type: 2, code: 0, rest: 1420 });
    expect(error.bytes.length).toBe(1280);
    expect(error.data).toEqual(packet.subarray(0, 1232));
    expect(nat.bib()).toEqual([]);
    expect(nat.pass(udp({ ...flow, data: Buffer.alloc(1420 - 48) })).bytes.length).toBe(1400);
  });

  test('N64-ORIG-06 errors are limited: a burst, then a rate', () => {
    const nat = translator({ icmpErrors: { ratePerSecond: 10, burst: 5 } });
    const burst = () =>
      Array.from({ length: 20 }, () => nat.send(udp({ ...flow, hopLimit: 1 })).length).filter(Boolean).length;
    expect(burst()).toBe(5);
    expect(nat.counter('icmp.errors_suppressed')).toBe(15);
    nat.wait(0.3);
    expect(burst()).toBe(3);
    nat.wait(60);
    expect(burst()).toBe(5);
  });

  test('N64-ORIG-06 the families have a limit each', () => {
    const nat = translator({ icmpErrors: { ratePerSecond: 1, burst: 1 } });
    nat.refuse(udp({ ...flow, hopLimit: 1 }));
    nat.drop(udp({ ...flow, hopLimit: 1 }));
    nat.refuse(udp({ ...inward, sourcePort: 1, destinationPort: 1, hopLimit: 1 }));
  });

  test('N64-ORIG-06 an error is not answered with an error', () => {
    const nat = translator();
    const reply = answered(nat);
    expect(nat.drop(error6(reply.bytes, { hopLimit: 1 }))).toEqual(['drop.hop_limit']);
    expect(nat.drop(error4(sentBy(nat).bytes, { hopLimit: 1 }))).toEqual(['drop.hop_limit']);
  });

  test('N64-ORIG-06 a source that is not one host is not answered', () => {
    const nat = translator();
    expect(nat.send(udp({ ...flow, source: '::', hopLimit: 1 }))).toEqual([]);
    expect(nat.send(udp({ ...flow, source: 'ff02::1', hopLimit: 1 }))).toEqual([]);
    const from = (source: string) => udp({ ...inward, source, sourcePort: 1, destinationPort: 1, hopLimit: 1 });
    for (const source of ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255']) {
      expect(nat.send(from(source))).toEqual([]);
    }
  });
});
