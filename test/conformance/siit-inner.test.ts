/** siit.md section 8: packets quoted in ICMP errors, and RFC 4884 extensions behind them. */
import { describe, expect, test } from 'vitest';
import { addressBytes, checksum, echo, extension, icmp, ip, read, tcp, udp } from './packets.js';
import { server, stateless, through, translator } from './translator.js';

const host4 = '192.0.2.33';
const host6 = through(host4);
const ports = { sourcePort: 40_000, destinationPort: 53 };
/** What the host of either form had sent. */
const at4 = { source: host4, destination: server, ...ports };
const at6 = { source: host6, destination: through(server), ...ports };

const from4 = (type: number, code: number, body: Uint8Array, rest = 0) =>
  icmp({ source: server, destination: host4, type, code, rest, body });
const from6 = (type: number, code: number, body: Uint8Array, rest = 0) =>
  icmp({ source: through(server), destination: host6, type, code, rest, body });
const pass = (packet: Buffer) => translator(stateless).pass(packet);

/** A structure of `count` objects: MPLS label stacks (RFC 4950), as routers send them. */
function structure(count: number): Buffer {
  const objects = Array.from({ length: count }, (_, i) =>
    Buffer.from([0, 8, 1, 1, 0, i >> 4, ((i << 4) & 0xff) | 1, 64]),
  );
  const whole = Buffer.concat([Buffer.from('20000000', 'hex'), ...objects]);
  whole.writeUInt16BE(checksum(whole), 2);
  return whole;
}

describe('the quoted packet', () => {
  test('SIIT-INNER-02 its hop limit is copied, not decremented', () => {
    expect(read(pass(from4(11, 0, udp({ ...at4, hopLimit: 1 }))).data)).toMatchObject({ ...at6, hopLimit: 1 });
    expect(read(pass(from6(3, 0, udp({ ...at6, hopLimit: 1 }))).data)).toMatchObject({ ...at4, hopLimit: 1 });
  });

  test('SIIT-INNER-03 an error that quotes an error is dropped', () => {
    expect(translator(stateless).drop(from4(3, 1, from4(11, 0, udp(at4))))).toHaveLength(1);
    expect(translator(stateless).drop(from6(1, 0, from6(3, 0, udp(at6))))).toHaveLength(1);
  });

  test.each([
    ['4to6', from4(3, 3, udp(at4)), 20],
    ['6to4', from6(1, 4, udp(at6)), -20],
  ])('SIIT-INNER-04 %s: the outer length follows the inner', (_, packet, difference) => {
    const out = pass(packet);
    expect(out.payload.length).toBe(read(packet).payload.length + difference);
    expect(out.valid).toBe(true);
  });

  test('SIIT-INNER-05 of 8 octets of UDP the checksum is updated', () => {
    const whole = udp({ ...at4, data: 'some data' });
    const quoted = pass(from4(3, 3, whole.subarray(0, 28))).data;
    expect(quoted).toHaveLength(48);
    expect(quoted.readUInt16BE(46)).toBe(read(udp({ ...at6, data: 'some data' })).checksum);
  });

  test('SIIT-INNER-05 of 8 octets of TCP nothing is', () => {
    const whole = tcp({ ...at4, flags: 'A' });
    expect(
      pass(from4(3, 3, whole.subarray(0, 28)))
        .data.subarray(40)
        .equals(whole.subarray(20, 28)),
    ).toBe(true);
  });

  test('SIIT-INNER-06 a quote of 28 octets of 1500 speaks of 1480, and back', () => {
    const whole4 = udp({ ...at4, data: Buffer.alloc(1472) });
    expect(pass(from4(3, 3, whole4.subarray(0, 28))).data.readUInt16BE(4)).toBe(1480);
    const whole6 = udp({ ...at6, data: Buffer.alloc(1452) });
    expect(pass(from6(1, 4, whole6.subarray(0, 48))).data.readUInt16BE(2)).toBe(1480);
  });

  test('SIIT-INNER-07 a quoted fragment stays one', () => {
    const fragment = { identification: 0xbeef, offset: 0, more: true };
    const to6 = pass(from4(11, 1, udp({ ...at4, fragment })));
    expect(to6).toMatchObject({ type: 3, code: 1 });
    expect(read(to6.data)).toMatchObject({ ...at6, fragmented: true, ...fragment });
    const to4 = pass(from6(3, 1, udp({ ...at6, fragment: { ...fragment, identification: 0xdeadbeef } })));
    expect(to4).toMatchObject({ type: 11, code: 1 });
    expect(read(to4.data)).toMatchObject({ ...at4, fragmented: true, ...fragment });
  });

  test('SIIT-INNER-08 a quoted echo is one of the other family', () => {
    const to6 = read(pass(from4(11, 0, echo({ ...at4, identifier: 7 }))).data);
    expect(to6).toMatchObject({ type: 128, code: 0, valid: true, rest: 0x0007_0001 });
    const to4 = read(pass(from6(3, 0, echo({ ...at6, identifier: 7 }))).data);
    expect(to4).toMatchObject({ type: 8, code: 0, valid: true, rest: 0x0007_0001 });
  });

  test('SIIT-INNER-08 another message that has no translation drops the error', () => {
    const timestamp = icmp({ ...at4, type: 13, body: Buffer.alloc(12) });
    expect(translator(stateless).drop(from4(11, 0, timestamp))).toHaveLength(1);
    const solicitation = icmp({ ...at6, type: 135, body: addressBytes(at6.destination) });
    expect(translator(stateless).drop(from6(3, 0, solicitation))).toHaveLength(1);
  });

  test('SIIT-INNER-09 ICMPv6 errors are cut to 1280 octets, ICMPv4 errors to 576', () => {
    const to6 = pass(from4(3, 3, udp({ ...at4, data: Buffer.alloc(1224) })));
    expect(to6.bytes).toHaveLength(1280);
    expect(read(to6.data.subarray(0, 48)).source).toBe(host6);
    expect(pass(from6(1, 4, udp({ ...at6, data: Buffer.alloc(1184) }))).bytes).toHaveLength(576);
  });
});

describe('extensions', () => {
  const quoted4 = udp({ ...at4, data: Buffer.alloc(1000, 'abc') }).subarray(0, 128);
  const quoted6 = udp({ ...at6, data: Buffer.alloc(1000, 'abc') });
  const small = structure(1);

  test('SIIT-INNER-11, -14 4to6: 128 octets become 148, padded to 152; length 19; the extension as it was', () => {
    const out = pass(from4(11, 0, Buffer.concat([quoted4, small]), 32 << 16));
    expect(out).toMatchObject({ type: 3, code: 0, rest: 19 << 24 });
    expect(extension(out)).toMatchObject({ valid: true, original: { length: 152 } });
    expect(out.data.subarray(152).equals(small)).toBe(true);
    expect(out.data.subarray(148, 152).equals(Buffer.alloc(4))).toBe(true);
    expect(out.data.subarray(48, 148).equals(quoted4.subarray(28))).toBe(true);
  });

  test.each([
    [136, 128, 32],
    [152, 132, 33],
    [200, 180, 45],
  ])('SIIT-INNER-11, -14 6to4: %i octets become %i, length %i', (before, after, length) => {
    const out = pass(from6(1, 4, Buffer.concat([quoted6.subarray(0, before), small]), (before / 8) << 24));
    expect(out).toMatchObject({ type: 3, code: 3, rest: length << 16 });
    expect(out.data).toHaveLength(after + small.length);
    expect(out.data.subarray(after).equals(small)).toBe(true);
    expect(extension(out)).toMatchObject({ valid: true });
  });

  test('SIIT-INNER-11 a length that the message does not hold is no extension', () => {
    for (const words of [1, 31, 255]) {
      expect(pass(from4(11, 0, Buffer.concat([quoted4, small]), words << 16)).rest).toBe(0);
    }
  });

  test('SIIT-INNER-12 first the quoted packet gives way, to 128 octets, then the extension is cut', () => {
    const large = structure(60);
    const whole = Buffer.concat([udp({ ...at4, data: Buffer.alloc(992, 'abc') }), large]);
    const kept = pass(from4(11, 0, whole, 255 << 16));
    expect(kept.bytes.length).toBeLessThanOrEqual(1280);
    expect(extension(kept)).toMatchObject({ valid: true, objects: { length: 60 } });

    const huge = structure(150);
    const cut = pass(from4(11, 0, Buffer.concat([quoted4, huge]), 32 << 16));
    expect(cut.bytes).toHaveLength(1280);
    expect(cut.rest).toBe(16 << 24);
    expect(cut.data.subarray(128).equals(huge.subarray(0, 1280 - 48 - 128))).toBe(true);
  });

  test.each([
    ['3/4 → Packet Too Big', from4(3, 4, Buffer.concat([quoted4, small]), (32 << 16) | 1400), { type: 2, rest: 1420 }],
    ['3/2 → Parameter Problem', from4(3, 2, Buffer.concat([quoted4, small]), 32 << 16), { type: 4, rest: 6 }],
    ['12/0 → Parameter Problem', from4(12, 0, Buffer.concat([quoted4, small]), 32 << 16), { type: 4, rest: 0 }],
  ])('SIIT-INNER-13 %s: the message without the extension', (_, packet, wanted) => {
    const out = pass(packet);
    expect(out).toMatchObject(wanted);
    expect(out.data).toHaveLength(148);
  });

  test('SIIT-INNER-14 addresses in objects are not rewritten', () => {
    const named = Buffer.concat([Buffer.from('20000000000c020400010000', 'hex'), addressBytes(host4)]);
    named.writeUInt16BE(checksum(named), 2);
    const out = pass(from4(11, 0, Buffer.concat([quoted4, named]), 32 << 16));
    expect(extension(out)?.valid).toBe(true);
    expect(out.data.subarray(152).equals(named)).toBe(true);
  });
});

test('SIIT-INNER-01 each header rule holds inside as well: options go, the traffic class stays', () => {
  const quoted = udp({ ...at4, trafficClass: 0xb9, options: Buffer.from('01010101', 'hex') });
  const inner = read(pass(from4(11, 0, quoted)).data);
  expect(inner).toMatchObject({ ...at6, trafficClass: 0xb9, flowLabel: 0, valid: true });
  const back = ip({ source: at6.source, destination: at6.destination, protocol: 50, payload: Buffer.alloc(16, 7) });
  expect(read(pass(from6(3, 0, back)).data)).toMatchObject({ protocol: 50, valid: true });
});
