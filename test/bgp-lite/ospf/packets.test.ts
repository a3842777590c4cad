import { describe, expect, test } from 'vitest';
import type { Authenticator, Opened } from '../../../src/bgp-lite/ospf/authentication/authenticator.js';
import { createAuthenticator2 } from '../../../src/bgp-lite/ospf/authentication/version2.js';
import { createAuthenticator3 } from '../../../src/bgp-lite/ospf/authentication/version3.js';
import { readDd, writeDd } from '../../../src/bgp-lite/ospf/codec/dd.js';
import { readHello, writeHello } from '../../../src/bgp-lite/ospf/codec/hello.js';
import { readLsack, writeLsack } from '../../../src/bgp-lite/ospf/codec/lsack.js';
import { readLsr, writeLsr } from '../../../src/bgp-lite/ospf/codec/lsr.js';
import { readLsu, writeLsu } from '../../../src/bgp-lite/ospf/codec/lsu.js';
import { readPacketHeader, writePacket } from '../../../src/bgp-lite/ospf/codec/packet.js';
import { knownPrefix } from '../../../src/config/address.js';
import type { OspfAuthentication, OspfKey } from '../../../src/config/announce.js';
import { hex, lsaVector, packetVector, vectors } from './vectors.js';

const OWN = 0xc0000201;
const PEER = 0xc0000202;
const ends = { source: knownPrefix('fe80::1').first, destination: knownPrefix('ff02::5').first };

const key = (id: number, algorithm: OspfKey['algorithm'], text: string): OspfKey => ({
  id,
  algorithm,
  key: text,
  sendFromMs: null,
  sendUntilMs: null,
  acceptFromMs: null,
  acceptUntilMs: null,
});

function authenticator(version: 2 | 3, authentication: OspfAuthentication, sequence = 0n, nowMs = 0): Authenticator {
  const create = version === 2 ? createAuthenticator2 : createAuthenticator3;
  const sequences = { next32: () => Number(sequence), next64: () => sequence };
  return create({ authentication, sequences, nowMs: () => nowMs, expired: () => undefined });
}
const none: OspfAuthentication = { type: 'none' };

function packet(version: 2 | 3, type: number, routerId: number, body: Uint8Array): Uint8Array {
  return writePacket(version, { type, routerId, areaId: 0, instanceId: 0 }, body);
}

const hello2 = {
  maskOrInterfaceId: 0xfffffffc,
  helloSeconds: 10,
  options: 2,
  priority: 0,
  deadSeconds: 40,
  dr: 0,
  backup: 0,
  neighbors: [PEER],
};
const hello3 = { ...hello2, maskOrInterfaceId: 5, options: 0x13 };

const opened = (one: Authenticator, bytes: Uint8Array): Opened => {
  const header = readPacketHeader(bytes[0] === 2 ? 2 : 3, bytes);
  return header === null ? { refused: 'ospf.drop.malformed' } : one.open(bytes, header, ends);
};

describe('packets of version 2', () => {
  test('OSPF-PKT-05, -06 and OSPF-HELLO-01, -05 Hello without authentication', () => {
    const sealed = authenticator(2, none).seal(packet(2, 1, OWN, writeHello(2, hello2)), ends);
    expect(hex(sealed)).toBe(hex(packetVector('v2-hello-null')));
    expect(readHello(2, sealed.subarray(24))).toEqual(hello2);
  });

  test('OSPF-PKT-06 an odd length is padded with zero', () => {
    const one = authenticator(2, none);
    const sealed = one.seal(packet(2, 4, OWN, Uint8Array.of(1, 2, 3)), ends);
    expect(opened(one, sealed)).toEqual({ sequence: null });
  });

  test('OSPF-ADJ-04 the first DD: I, M and MS', () => {
    const dd = { mtuBytes: 1500, options: 2, flags: 7, sequence: 0x12345678, headers: [] };
    const sealed = authenticator(2, none).seal(packet(2, 2, OWN, writeDd(2, dd)), ends);
    expect(hex(sealed)).toBe(hex(packetVector('v2-dd-first')));
    expect(readDd(2, sealed.subarray(24))).toEqual(dd);
  });

  test('OSPF-ADJ-15 LSR: type in 32 bits, Link State ID, advertising router', () => {
    const names = [{ type: 5, id: 0xc6336400, advertiser: OWN }];
    const sealed = authenticator(2, none).seal(packet(2, 3, PEER, writeLsr(names)), ends);
    expect(hex(sealed)).toBe(hex(packetVector('v2-lsr')));
    expect(readLsr(sealed.subarray(24))).toEqual(names);
  });

  test('OSPF-FLD-01, -10 LSU: count, then LSAs with InfTransDelay added to their age', () => {
    const lsa = lsaVector('v2-as-external-e2');
    lsa[1] = 1;
    const sealed = authenticator(2, none).seal(packet(2, 4, OWN, writeLsu([lsa])), ends);
    expect(hex(sealed)).toBe(hex(packetVector('v2-lsu-external')));
    expect(readLsu(sealed.subarray(24))?.map(hex)).toEqual([hex(lsa)]);
  });

  test('OSPF-FLD-12 LSAck: a list of headers', () => {
    const headers = readLsack(2, packetVector('v2-lsack').subarray(24)) ?? [];
    expect(headers).toMatchObject([{ type: 5, id: 0xc6336400, advertiser: OWN, checksum: 0x029a }]);
    const sealed = authenticator(2, none).seal(packet(2, 5, PEER, writeLsack(2, headers)), ends);
    expect(hex(sealed)).toBe(hex(packetVector('v2-lsack')));
  });

  test.each([
    ['shorter than a header', 'v2-hello-null', (bytes: Uint8Array) => bytes.subarray(0, 23)],
    ['version 3', 'v2-hello-null', (bytes: Uint8Array) => Uint8Array.of(3, ...bytes.subarray(1))],
    ['type 6', 'v2-hello-null', (bytes: Uint8Array) => Uint8Array.of(2, 6, ...bytes.subarray(2))],
    ['a length beyond the end', 'v2-hello-null', (bytes: Uint8Array) => bytes.subarray(0, 40)],
    [
      'a length below the header',
      'v2-hello-null',
      (bytes: Uint8Array) => Uint8Array.of(2, 1, 0, 23, ...bytes.subarray(4)),
    ],
  ])('OSPF-PKT-07 %s is no packet', (_, name, change) => {
    expect(readPacketHeader(2, change(packetVector(name)))).toBeNull();
  });
});

describe('authentication of version 2', () => {
  const crypto = (...keys: OspfKey[]): OspfAuthentication => ({ type: 'cryptographic', keys });

  test('OSPF-AUTH-02 a simple password, zero padded', () => {
    const one = authenticator(2, { type: 'simple', password: 'secret' });
    const sealed = one.seal(packet(2, 1, OWN, writeHello(2, hello2)), ends);
    expect(hex(sealed)).toBe(hex(packetVector('v2-hello-simple')));
    expect(opened(one, sealed)).toEqual({ sequence: null });
    const other = authenticator(2, { type: 'simple', password: 'other' });
    expect(opened(other, sealed)).toEqual({ refused: 'ospf.drop.authentication' });
  });

  const sealed2: [string, OspfKey, bigint][] = [
    ['OSPF-AUTH-03, -04, -05 v2-hello-md5', key(1, 'md5', 'ospfkey'), 0x5f000001n],
    ['OSPF-AUTH-08, -10 v2-hello-sha1', key(2, 'hmac-sha-1', 'ospfkey'), 0x5f000002n],
    ['OSPF-AUTH-08, -10 v2-hello-sha256', key(2, 'hmac-sha-256', 'ospfkey'), 0x5f000002n],
    ['OSPF-AUTH-08, -10 v2-hello-sha384', key(2, 'hmac-sha-384', 'ospfkey'), 0x5f000002n],
    ['OSPF-AUTH-08, -10 v2-hello-sha512', key(2, 'hmac-sha-512', 'ospfkey'), 0x5f000002n],
    ['OSPF-AUTH-09 v2-hello-sha256-long-key', key(3, 'hmac-sha-256', 'k'.repeat(40)), 0x5f000003n],
  ];
  test.each(sealed2)('%s', (name, one, sequence) => {
    const vector = packetVector(name.split(' ').at(-1) ?? '');
    const both = authenticator(2, crypto(one), sequence);
    expect(hex(both.seal(packet(2, 1, OWN, writeHello(2, hello2)), ends))).toBe(hex(vector));
    expect(opened(both, vector)).toEqual({ sequence });
    const changed = vector.slice();
    changed[30] = 0xff;
    expect(opened(both, changed)).toEqual({ refused: 'ospf.drop.authentication' });
  });

  test('OSPF-AUTH-01 another type than the configured one is refused, each way', () => {
    const md5 = authenticator(2, crypto(key(1, 'md5', 'ospfkey')));
    expect(opened(md5, packetVector('v2-hello-null'))).toEqual({ refused: 'ospf.drop.authentication_type' });
    expect(opened(authenticator(2, none), packetVector('v2-hello-md5'))).toEqual({
      refused: 'ospf.drop.authentication_type',
    });
  });

  test('OSPF-AUTH-11 each key has an algorithm of its own', () => {
    const both = authenticator(2, crypto(key(2, 'hmac-sha-256', 'ospfkey'), key(1, 'md5', 'ospfkey')));
    expect(opened(both, packetVector('v2-hello-sha256'))).toEqual({ sequence: 0x5f000002n });
    expect(opened(both, packetVector('v2-hello-md5'))).toEqual({ sequence: 0x5f000001n });
    expect(opened(both, packetVector('v2-hello-sha1'))).toEqual({ refused: 'ospf.drop.authentication' });
  });

  test('a digest that is cut short is refused', () => {
    const md5 = authenticator(2, crypto(key(1, 'md5', 'ospfkey')));
    expect(opened(md5, packetVector('v2-hello-md5').subarray(0, 63))).toEqual({ refused: 'ospf.drop.authentication' });
  });
});

describe('packets and trailers of version 3', () => {
  test('OSPF-V3-03, -04, -07, -09 Hello with the checksum of IPv6', () => {
    const one = authenticator(3, none);
    const sealed = one.seal(packet(3, 1, OWN, writeHello(3, hello3)), ends);
    expect(hex(sealed)).toBe(hex(packetVector('v3-hello')));
    expect(readHello(3, sealed.subarray(16))).toEqual(hello3);
    expect(opened(one, sealed)).toEqual({ sequence: null });
    sealed[20] = 7;
    expect(opened(one, sealed)).toEqual({ refused: 'ospf.drop.checksum' });
  });

  test('OSPF-V3-11 DD: options of 24 bits, MTU, headers with types of 16 bits', () => {
    const body = Buffer.from(`0000001305dc000200000007${hex(lsaVector('v3-router-lsa').subarray(0, 20))}`, 'hex');
    const dd = readDd(3, body);
    expect(dd).toMatchObject({ mtuBytes: 1500, options: 0x13, flags: 2, sequence: 7, headers: [{ type: 0x2001 }] });
    if (dd !== null) expect(hex(writeDd(3, dd))).toBe(hex(body));
  });

  test.each(vectors.packets.filter(({ name }) => name.startsWith('v3-hello-at')))(
    'OSPF-V3AUTH-02, -03, -04, -05, -06 $name',
    ({ name, key: text = '' }) => {
      const algorithm = (
        {
          'v3-hello-at-sha1': 'hmac-sha-1',
          'v3-hello-at-sha384': 'hmac-sha-384',
          'v3-hello-at-sha512': 'hmac-sha-512',
        } as const
      )[name];
      const sequence = (3n << 32n) | (name.endsWith('key31') ? 10n : 9n);
      const keys = [key(7, algorithm ?? 'hmac-sha-256', text)];
      const one = authenticator(3, { type: 'cryptographic', keys }, sequence);
      const sealed = one.seal(packet(3, 1, OWN, writeHello(3, { ...hello3, options: 0x413 })), ends);
      expect(hex(sealed)).toBe(hex(packetVector(name)));
      expect(opened(one, sealed)).toEqual({ sequence });
      sealed[20] = 7;
      expect(opened(one, sealed)).toEqual({ refused: 'ospf.drop.authentication' });
    },
  );

  test('OSPF-V3AUTH-01 a Hello without AT bit, or without a trailer, is refused', () => {
    const one = authenticator(3, { type: 'cryptographic', keys: [key(7, 'hmac-sha-256', 'ospfkey')] });
    expect(opened(one, packetVector('v3-hello'))).toEqual({ refused: 'ospf.drop.authentication_type' });
    const cut = packetVector('v3-hello-at-sha256').subarray(0, 40);
    expect(opened(one, cut)).toEqual({ refused: 'ospf.drop.authentication_type' });
  });

  test('OSPF-V3AUTH-02 a signalling block between packet and trailer is stepped over', () => {
    const keys = [key(7, 'hmac-sha-256', 'ospfkey')];
    const one = authenticator(3, { type: 'cryptographic', keys }, 5n);
    const head = packet(3, 1, OWN, writeHello(3, { ...hello3, options: 0x613 }));
    const block = Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 0);
    const sealed = one.seal(Uint8Array.of(...head, ...block), ends);
    expect(opened(one, sealed)).toEqual({ sequence: 5n });
  });
});
