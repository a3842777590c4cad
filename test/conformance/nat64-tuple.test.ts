/** nat64.md section 2: the incoming tuple and unknown protocols (RFC 6146 §3.4). */
import { describe, expect, test } from 'vitest';
import { echo, icmp, ip, read, tcp, udp } from './packets.js';
import { host, inward, outward, pool, server, stranger, through, translator } from './translator.js';

const flow = { ...outward, sourcePort: 40_000, destinationPort: 53 };
const router = '203.0.113.1';

describe('queries', () => {
  test('N64-TUP-01 UDP: a packet that differs in any of five fields is another session', () => {
    const nat = translator();
    const variants = [
      flow,
      { ...flow, source: '2001:db8:1::c' },
      { ...flow, destination: through(stranger) },
      { ...flow, sourcePort: 40_001 },
      { ...flow, destinationPort: 54 },
    ];
    for (const one of [...variants, ...variants]) nat.pass(udp(one));
    expect(nat.sessions()).toHaveLength(5);
  });

  test('N64-TUP-01 TCP: a packet that differs in any of five fields is another session', () => {
    const nat = translator();
    const variants = [
      flow,
      { ...flow, source: '2001:db8:1::c' },
      { ...flow, destination: through(stranger) },
      { ...flow, sourcePort: 40_001 },
      { ...flow, destinationPort: 54 },
    ];
    for (const one of [...variants, ...variants]) nat.pass(tcp({ ...one, flags: 'S' }));
    expect(nat.sessions()).toHaveLength(5);
  });

  test('N64-TUP-01 echo: source, destination and identifier make the session, the sequence does not', () => {
    const nat = translator();
    for (const sequence of [1, 2, 3]) nat.pass(echo({ ...outward, identifier: 7, sequence }));
    nat.pass(echo({ ...outward, identifier: 8 }));
    nat.pass(echo({ ...outward, source: '2001:db8:1::c', identifier: 7 }));
    nat.pass(echo({ ...outward, destination: through(stranger), identifier: 7 }));
    expect(nat.sessions()).toHaveLength(4);
  });
});

describe('ICMP errors', () => {
  test('N64-TUP-02 an ICMPv4 error that quotes UDP finds the session by the quote turned round', () => {
    const nat = translator();
    const out = nat.pass(udp(flow));
    nat.pass(udp({ ...flow, source: '2001:db8:1::c' }));
    const error = nat.pass(icmp({ source: router, destination: pool, type: 11, body: out.bytes }));
    expect(error).toMatchObject({ destination: host, type: 3, code: 0 });
    expect(read(error.data)).toMatchObject({ source: host, sourcePort: 40_000, destination: through(server) });
  });

  test('N64-TUP-02 an ICMPv4 error that quotes TCP finds the session by the quote turned round', () => {
    const nat = translator();
    const out = nat.pass(tcp({ ...flow, flags: 'S' }));
    const error = nat.pass(icmp({ source: router, destination: pool, type: 11, body: out.bytes }));
    expect(error).toMatchObject({ destination: host, type: 3, code: 0 });
    expect(read(error.data)).toMatchObject({ source: host, sourcePort: 40_000, destinationPort: 53, flags: 'S' });
  });

  test('N64-TUP-02 an ICMPv6 error that quotes UDP finds the session by the quote turned round', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(udp(flow));
    const reply = nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }));
    const error = nat.pass(icmp({ ...outward, type: 1, code: 4, body: reply.bytes }));
    expect(error).toMatchObject({ source: pool, destination: server, type: 3, code: 3 });
    expect(read(error.data)).toMatchObject({ source: server, sourcePort: 53, destination: pool });
    expect(read(error.data).destinationPort).toBe(sourcePort);
  });

  test('N64-TUP-02 a quote with another remote port belongs to no session', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(udp(flow));
    const quoted = udp({ source: pool, destination: server, sourcePort, destinationPort: 54 });
    expect(nat.drop(icmp({ source: router, destination: pool, type: 11, body: quoted }))).toEqual([
      'drop.icmp.error_no_session',
    ]);
  });

  test('N64-TUP-03 an ICMPv4 error that quotes an echo reaches who pinged, with its identifier', () => {
    const nat = translator();
    const out = nat.pass(echo({ ...outward, identifier: 7, sequence: 3 }));
    const error = nat.pass(icmp({ source: router, destination: pool, type: 11, body: out.bytes }));
    expect(error).toMatchObject({ destination: host, type: 3, code: 0 });
    expect(read(error.data)).toMatchObject({
      source: host,
      destination: through(server),
      type: 128,
      sourcePort: 7,
      sequence: 3,
    });
  });

  test('N64-TUP-03 an ICMPv6 error that quotes an echo reply reaches the IPv4 node, with its identifier', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(echo({ ...outward, identifier: 7 }));
    const reply = nat.pass(echo({ ...inward, identifier: sourcePort, sequence: 3, reply: true }));
    const error = nat.pass(icmp({ ...outward, type: 1, code: 1, body: reply.bytes }));
    expect(error).toMatchObject({ source: pool, destination: server, type: 3, code: 10 });
    expect(read(error.data)).toMatchObject({ source: server, destination: pool, type: 0, sequence: 3, sourcePort });
  });

  test.each([19, 20, 27])('N64-TUP-04 an ICMPv4 error that quotes %i octets is silently dropped', (length) => {
    const nat = translator();
    const out = nat.pass(udp(flow));
    const error = icmp({ source: router, destination: pool, type: 11, body: out.bytes.subarray(0, length) });
    expect(nat.drop(error)).toEqual(['drop.icmp.error_truncated']);
  });

  test('N64-TUP-04 the least that RFC 792 asks for, 28 octets, is enough', () => {
    const nat = translator();
    const out = nat.pass(udp(flow));
    const error = icmp({ source: router, destination: pool, type: 11, body: out.bytes.subarray(0, 28) });
    expect(nat.pass(error)).toMatchObject({ destination: host, type: 3 });
  });

  test.each([39, 40, 47])('N64-TUP-04 an ICMPv6 error that quotes %i octets is silently dropped', (length) => {
    const nat = translator();
    const { sourcePort } = nat.pass(udp(flow));
    const reply = nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }));
    expect(nat.drop(icmp({ ...outward, type: 1, code: 4, body: reply.bytes.subarray(0, length) }))).toEqual([
      'drop.icmp.error_truncated',
    ]);
  });

  test('N64-TUP-05 an ICMPv4 error that quotes an error is silently dropped', () => {
    const nat = translator();
    const out = nat.pass(udp(flow));
    const inner = icmp({ source: pool, destination: router, type: 3, code: 3, body: out.bytes });
    expect(nat.drop(icmp({ source: router, destination: pool, type: 11, body: inner }))).toEqual([
      'drop.icmp.error_inner',
    ]);
  });

  test('N64-TUP-05 an ICMPv6 error that quotes an error is silently dropped', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(udp(flow));
    const reply = nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }));
    const inner = icmp({ source: through(server), destination: host, type: 1, code: 4, body: reply.bytes });
    expect(nat.drop(icmp({ ...outward, type: 3, body: inner }))).toEqual(['drop.icmp.error_inner']);
  });
});

describe('other protocols', () => {
  test.each([132, 47, 50, 4, 41, 33, 136])('N64-TUP-06 IPv6 with next header %i gets ICMPv6 1/4', (protocol) => {
    const nat = translator();
    const packet = ip({ ...outward, protocol, payload: Buffer.alloc(24) });
    const error = nat.refuse(packet);
    expect(error).toMatchObject({ type: 1, code: 4 });
    expect(error.data).toEqual(packet);
  });

  test.each([47, 132, 50, 41, 33, 136])('N64-TUP-07 IPv4 with protocol %i gets ICMPv4 3/2', (protocol) => {
    const nat = translator();
    const packet = ip({ ...inward, protocol, payload: Buffer.alloc(24) });
    const error = nat.refuse(packet);
    expect(error).toMatchObject({ source: pool, type: 3, code: 2 });
    expect(error.data).toEqual(packet);
  });

  test.each([13, 14, 15, 17, 5, 4])('N64-TUP-08 ICMPv4 type %i is dropped', (type) => {
    const nat = translator();
    expect(nat.drop(icmp({ ...inward, type, body: Buffer.alloc(28) }))).toHaveLength(1);
  });

  test.each([133, 135, 139, 144, 160, 200])('N64-TUP-08 ICMPv6 type %i to pool6 is dropped', (type) => {
    const nat = translator();
    expect(nat.drop(icmp({ ...outward, type, body: Buffer.alloc(28) }))).toEqual(['drop.icmp.type']);
  });
});
