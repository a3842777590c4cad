/** siit.md section 10, SIIT-ADDR-22 and SIIT-FRM-04: who may speak, and in whose name. RFC 6791, 5837, 6052 §5. */
import { describe, expect, test } from 'vitest';
import type { CoreConfig } from '../../src/native/addon.js';
import { type Extension, echo, extension, icmp, read, udp } from './packets.js';
import { eamTable, prefixOf, type Sent, server, siit, stateless, through, translator } from './translator.js';

const host4 = '192.0.2.33';
const host6 = through(host4);
/** Of the IPv6 side, with no address of the IPv4 side. */
const router = '2001:db8:ffff::1';
const ports = { sourcePort: 40_000, destinationPort: 53 };

/** A router on the way to an IPv6 host answers to the IPv4 side's server. */
function fromRouter({ type = 3, code = 0, rest = 0, data = 60, hopLimit = 64, source = router } = {}): Buffer {
  const body = udp({ source: through(server), destination: host6, ...ports, data: Buffer.alloc(data, 'abc') });
  return icmp({ source, destination: through(server), type, code, rest, hopLimit, body });
}
function pooled(change: Partial<CoreConfig['siit']> = {}) {
  return translator({ ...stateless, ...siit({ rfc6791v4: [prefixOf('203.0.113.8/30')], ...change }) });
}
function extended(sent: Sent): Extension {
  const found = extension(sent);
  if (found === null) throw new Error('no extension');
  return found;
}

describe('ICMPv6 errors from routers without an IPv4 address', () => {
  test.each([
    ['Packet Too Big', { type: 2, rest: 1400 }, { type: 3, code: 4, rest: 1380 }],
    ['Time Exceeded', { type: 3 }, { type: 11, code: 0, rest: 0 }],
    ['Destination Unreachable', { type: 1 }, { type: 3, code: 1, rest: 0 }],
  ])('SIIT-SRC-01 %s comes from the pool', (_, sent, wanted) => {
    const nat = pooled({ rfc6791v4: [prefixOf('203.0.113.9')] });
    const out = nat.pass(fromRouter(sent));
    expect(out).toMatchObject({ source: '203.0.113.9', destination: server, ...wanted });
    expect(read(out.data)).toMatchObject({ source: server, destination: host4, valid: true });
    expect(nat.counter('icmp.source_substituted')).toBe(1);
  });

  test('SIIT-SRC-01 without a pool it is dropped', () => {
    expect(translator(stateless).drop(fromRouter())).toEqual(['drop.unmappable']);
  });

  test('SIIT-SRC-01 anything but an error has no use for the pool', () => {
    const nat = pooled();
    nat.drop(echo({ source: router, destination: through(server), identifier: 1 }));
    expect(nat.refuse(udp({ source: router, destination: through(server), ...ports }))).toMatchObject({ type: 1 });
  });

  test('SIIT-SRC-01, -04 a router with an IPv4 address speaks for itself, without an object', () => {
    const nat = pooled({ rfc6791Extension: 'interface' });
    const out = nat.pass(fromRouter({ source: through('198.51.100.1') }));
    expect(out.source).toBe('198.51.100.1');
    expect(extension(out)).toBeNull();
  });

  test('SIIT-SRC-01 an ICMPv4 error from an address that IPv6 may not see comes from the IPv6 pool', () => {
    const nat = pooled({ denylist4: [prefixOf('10.0.0.0/8')], rfc6791v6: prefixOf('2001:db8:99::7') });
    const body = udp({ source: host4, destination: server, ...ports });
    const out = nat.pass(icmp({ source: '10.1.2.3', destination: host4, type: 11, body }));
    expect(out).toMatchObject({ source: '2001:db8:99::7', destination: host6, type: 3, code: 0 });
  });

  test('SIIT-SRC-03 at random: a hundred errors show all members of the pool', () => {
    const nat = pooled({ rfc6791v4: [prefixOf('203.0.113.8/30'), prefixOf('198.51.100.99')] });
    const seen = new Set(Array.from({ length: 100 }, () => nat.pass(fromRouter()).source));
    expect([...seen].sort()).toEqual(['198.51.100.99', '203.0.113.10', '203.0.113.11', '203.0.113.8', '203.0.113.9']);
  });

  test('SIIT-SRC-03 by hop: one distance has one address, four distances have four', () => {
    const nat = pooled({ rfc6791Pick: 'hop' });
    const sourceAt = (hopLimit: number) => nat.pass(fromRouter({ hopLimit })).source;
    expect(new Set(Array.from({ length: 20 }, () => sourceAt(62))).size).toBe(1);
    expect(new Set([64, 63, 62, 61].map(sourceAt)).size).toBe(4);
  });
});

describe('who it really was', () => {
  test('SIIT-SRC-04 an Interface Information Object with the IPv6 address', () => {
    const { objects, valid } = extended(pooled({ rfc6791Extension: 'interface' }).pass(fromRouter()));
    expect(valid).toBe(true);
    expect(objects).toHaveLength(1);
    expect(objects[0]).toMatchObject({ class: 2, type: 0x04 });
    // AFI 2, reserved, address (RFC 5837 §4.2).
    expect(objects[0]?.payload.toString('hex')).toBe('0002000020010db8ffff00000000000000000001');
  });

  test('SIIT-SRC-05 192.0.0.8 and a Node Identification object with the IPv6 address', () => {
    const nat = pooled({ rfc6791v4: [prefixOf('192.0.0.8')], rfc6791Extension: 'node' });
    const out = nat.pass(fromRouter({ source: '2001:db8::1' }));
    expect(out).toMatchObject({ source: '192.0.0.8', type: 11, code: 0 });
    const { objects, valid } = extended(out);
    expect(valid).toBe(true);
    expect(objects[0]).toMatchObject({ class: 5, type: 0x04 });
    expect(objects[0]?.payload.toString('hex')).toBe('0002000020010db8000000000000000000000001');
  });

  test.each(['interface', 'node'] as const)('SIIT-SRC-05 %s: never about who has an IPv4 address', (object) => {
    const nat = pooled({ rfc6791v4: [prefixOf('192.0.0.8')], rfc6791Extension: object });
    const out = nat.pass(fromRouter({ source: host6, type: 1, code: 4 }));
    expect(out.source).toBe(host4);
    expect(extension(out)).toBeNull();
  });

  test('SIIT-SRC-04 none where the operator wants none', () => {
    expect(extension(pooled({ rfc6791Extension: 'none' }).pass(fromRouter()))).toBeNull();
  });

  test.each([0, 1, 2, 3, 60, 79])(
    'SIIT-SRC-06 a quoted datagram of %i bytes of data is padded to 128 octets',
    (data) => {
      const out = pooled({ rfc6791Extension: 'interface' }).pass(fromRouter({ data }));
      expect(out.rest).toBe(32 << 16);
      const { original, valid } = extended(out);
      expect(valid).toBe(true);
      expect(original).toHaveLength(128);
      expect(original.subarray(28 + data).equals(Buffer.alloc(100 - data))).toBe(true);
      expect(original.readUInt16BE(2)).toBe(28 + data);
    },
  );

  test.each([101, 102, 103, 104])('SIIT-SRC-06 one of %i bytes of data is padded to four octets', (data) => {
    const out = pooled({ rfc6791Extension: 'interface' }).pass(fromRouter({ data }));
    expect(out.rest).toBe(33 << 16);
    expect(extended(out)).toMatchObject({ valid: true, original: { length: 132 } });
  });

  test('SIIT-SRC-06 a long one gives way: 576 octets in all, and the object is whole', () => {
    const out = pooled({ rfc6791Extension: 'interface' }).pass(fromRouter({ data: 1000 }));
    expect(out.bytes).toHaveLength(576);
    const { original, objects, valid } = extended(out);
    expect(valid).toBe(true);
    expect(objects).toHaveLength(1);
    // 576 less IPv4, ICMP and the structure's header and object.
    expect(original).toHaveLength(576 - 20 - 8 - 4 - 24);
  });

  test('SIIT-SRC-06 the MTU stays beside the length', () => {
    const out = pooled({ rfc6791Extension: 'interface' }).pass(fromRouter({ type: 2, rest: 1400 }));
    expect(out).toMatchObject({ type: 3, code: 4, rest: (32 << 16) | 1380 });
    expect(extended(out).valid).toBe(true);
  });
});

describe('forged sources', () => {
  const forged = through('203.0.113.1');
  const own = { sources4: [prefixOf('192.0.2.0/24')] };
  const from = (source: string) => udp({ source, destination: through(server), ...ports });

  test('SIIT-ADDR-22 a source in pool6 that no IPv6 host has is dropped silently', () => {
    expect(pooled(own).drop(from(forged))).toEqual(['drop.source_forged']);
  });

  test('SIIT-ADDR-22 nor does it get an error through, in its own name or the pool’s', () => {
    const nat = pooled(own);
    expect(nat.drop(fromRouter({ source: forged }))).toEqual(['drop.source_forged']);
    expect(nat.counter('icmp.source_substituted')).toBe(0);
  });

  test('SIIT-ADDR-22 the hosts’ own addresses pass, and with the check off all do', () => {
    expect(pooled(own).pass(from(host6)).source).toBe(host4);
    expect(pooled({ sources4: null }).pass(from(forged)).source).toBe('203.0.113.1');
  });

  test('SIIT-ADDR-22 the check is about pool6: the EAM table says who has its addresses', async () => {
    const nat = pooled({ ...own, eamt: await eamTable(['203.0.113.1', '2001:db8:1::1']) });
    expect(nat.pass(from('2001:db8:1::1')).source).toBe('203.0.113.1');
    nat.drop(from(forged));
  });

  test('SIIT-ADDR-22 it is not about packets from IPv4', () => {
    expect(pooled(own).pass(udp({ source: '203.0.113.1', destination: host4, ...ports })).source).toBe(forged);
  });
});

describe('SIIT-FRM-04 denylist4 blocks an IPv4 address in either form', () => {
  const denied = '203.0.113.7';
  const nat = () => translator({ ...stateless, ...siit({ denylist4: [prefixOf('203.0.113.4/30')] }) });

  test.each([
    ['4to6, to it', udp({ source: host4, destination: denied, ...ports }), { type: 3, code: 13 }],
    ['4to6, from it', udp({ source: denied, destination: host4, ...ports }), { type: 3, code: 13 }],
    ['6to4, to it', udp({ source: host6, destination: through(denied), ...ports }), { type: 1, code: 1 }],
    ['6to4, from it', udp({ source: through(denied), destination: host6, ...ports }), { type: 1, code: 1 }],
  ])('%s', (_, packet, answer) => {
    const one = nat();
    expect(one.refuse(packet)).toMatchObject(answer);
    expect(one.counter('drop.denylist4')).toBe(1);
  });

  test('its neighbours pass', () => {
    for (const address of ['203.0.113.3', '203.0.113.8']) {
      expect(nat().pass(udp({ source: host4, destination: address, ...ports })).destination).toBe(through(address));
      expect(nat().pass(udp({ source: host6, destination: through(address), ...ports })).destination).toBe(address);
    }
  });

  test('a quoted packet of its too', () => {
    const body = udp({ source: host4, destination: denied, ...ports });
    expect(nat().drop(icmp({ source: server, destination: host4, type: 11, body }))).toEqual(['drop.denylist4']);
  });
});
