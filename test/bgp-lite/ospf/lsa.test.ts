import { describe, expect, test } from 'vitest';
import { lsaChecksumHolds, setLsaChecksum } from '../../../src/bgp-lite/ospf/codec/checksum.js';
import { buildLsa, compareInstances, readLsaHeader, withAge } from '../../../src/bgp-lite/ospf/codec/lsa.js';
import {
  readExternalLsa2,
  readRouterLsa2,
  writeExternalLsa2,
  writeRouterLsa2,
} from '../../../src/bgp-lite/ospf/codec/lsa2.js';
import {
  readExternalLsa3,
  readIntraAreaPrefixLsa,
  readLinkLsa,
  readPrefix3,
  readRouterLsa3,
  writeExternalLsa3,
  writeIntraAreaPrefixLsa,
  writeLinkLsa,
  writePrefix3,
  writeRouterLsa3,
} from '../../../src/bgp-lite/ospf/codec/lsa3.js';
import { INITIAL_SEQUENCE } from '../../../src/bgp-lite/ospf/codec/numbers.js';
import { knownPrefix } from '../../../src/config/address.js';
import { hex, lsaVector, vectors } from './vectors.js';

const OWN = 0xc0000201;
const version = (name: string): 2 | 3 => (name.startsWith('v2') ? 2 : 3);

describe('LSA header and checksum', () => {
  test.each(vectors.lsas)('OSPF-LSA-01, -02 header and Fletcher checksum of $name', ({ name, checksum }) => {
    const lsa = lsaVector(name);
    const header = readLsaHeader(version(name), lsa, 0);
    expect(header).toMatchObject({ advertiser: OWN, length: lsa.length });
    expect(header.sequence).toBeLessThan(INITIAL_SEQUENCE + 10);
    expect(header.checksum.toString(16).padStart(4, '0')).toBe(checksum);
    expect(lsaChecksumHolds(lsa)).toBe(true);
    const copy = lsa.slice();
    expect(setLsaChecksum(copy)).toBe(header.checksum);
    copy[lsa.length - 1] = (copy[lsa.length - 1] ?? 0) ^ 1;
    expect(lsaChecksumHolds(copy)).toBe(false);
  });

  test('OSPF-LSA-02 a checksum of zero never holds', () => {
    expect(lsaChecksumHolds(new Uint8Array(20))).toBe(false);
  });

  test('OSPF-LSA-10 the age is not covered: the flushed LSA has the octets of the live one', () => {
    expect(hex(withAge(lsaVector('v2-as-external-e2'), 3600))).toBe(hex(lsaVector('v2-as-external-maxage')));
  });

  test.each(vectors.newer_lsa)('OSPF-FLD-08 $why', ({ a, b, newer }) => {
    const read = (one: { seq: string; csum: string; age: number }) => ({
      sequence: Number.parseInt(one.seq, 16) | 0,
      checksum: Number.parseInt(one.csum, 16),
      ageSeconds: one.age,
    });
    const sign = newer === 'same' ? 0 : newer === 'a' ? 1 : -1;
    expect(Math.sign(compareInstances(read(a), read(b)))).toBe(sign);
    expect(Math.sign(compareInstances(read(b), read(a))) + sign).toBe(0);
  });
});

const build = (v: 2 | 3, type: number, id: number, options: number, body: Uint8Array, sequence = INITIAL_SEQUENCE) =>
  hex(buildLsa(v, { type, id, advertiser: OWN, options, sequence }, body));

describe('bodies of version 2', () => {
  test('OSPF-LSA-14, -16, -20 router-LSA with link, subnet and pool4 as stub links', () => {
    const body = {
      flags: 2,
      links: [
        { type: 1, id: 0xc0000202, data: 0x0a000001, metric: 10 },
        { type: 3, id: 0x0a000000, data: 0xfffffffc, metric: 10 },
        { type: 3, id: 0xc6336400, data: 0xffffff00, metric: 100 },
      ],
    };
    expect(build(2, 1, OWN, 2, writeRouterLsa2(body))).toBe(hex(lsaVector('v2-router-lsa-stub-pool4')));
    expect(readRouterLsa2(lsaVector('v2-router-lsa-stub-pool4').subarray(20))).toEqual(body);
  });

  test('OSPF-LSA-21 AS-external type 2, and type 1 with a tag', () => {
    const e2 = { mask: 0xffffff00, type2: true, metric: 20, forwardingAddress: 0, tag: 0 };
    const e1 = { mask: 0xffffff80, type2: false, metric: 1000, forwardingAddress: 0, tag: 0xdeadbeef };
    expect(build(2, 5, 0xc6336400, 2, writeExternalLsa2(e2))).toBe(hex(lsaVector('v2-as-external-e2')));
    expect(build(2, 5, 0xcb007180, 2, writeExternalLsa2(e1), -0x7ffffffa)).toBe(
      hex(lsaVector('v2-as-external-e1-tag')),
    );
    expect(readExternalLsa2(lsaVector('v2-as-external-e1-tag').subarray(20))).toEqual(e1);
  });

  test.each(['0000', '00000002c00002020a0000010100000a', '000000010a000000fffffffc0301000a'])(
    'a router-LSA whose lengths do not fit is refused: %s',
    (text) => {
      expect(readRouterLsa2(Buffer.from(text, 'hex'))).toBeNull();
    },
  );
});

describe('bodies of version 3', () => {
  const network = (text: string) => knownPrefix(text).first;

  test('OSPF-V3LSA-04, -06 router-LSA', () => {
    const link = { type: 1, metric: 10, interfaceId: 5, neighborInterfaceId: 7, neighborRouterId: 0xc0000202 };
    const body = { flags: 2, options: 0x13, links: [link] };
    expect(build(3, 0x2001, 0, 0, writeRouterLsa3(body))).toBe(hex(lsaVector('v3-router-lsa')));
    expect(readRouterLsa3(lsaVector('v3-router-lsa').subarray(20))).toEqual(body);
  });

  test('OSPF-V3LSA-08, -10 intra-area-prefix-LSA with pool6 and a loopback', () => {
    const body = {
      referencedType: 0x2001,
      referencedId: 0,
      referencedRouter: OWN,
      prefixes: [
        { network: network('2001:db8:64::/96'), length: 96, options: 0, metric: 100 },
        { network: network('2001:db8:1::1/128'), length: 128, options: 2, metric: 0 },
      ],
    };
    expect(build(3, 0x2009, 1, 0, writeIntraAreaPrefixLsa(body))).toBe(hex(lsaVector('v3-intra-area-prefix-pool6')));
    expect(readIntraAreaPrefixLsa(lsaVector('v3-intra-area-prefix-pool6').subarray(20))).toEqual(body);
  });

  test('OSPF-V3LSA-11 AS-external without and with a tag', () => {
    const prefix = { network: network('64:ff9b::/96'), length: 96, options: 0, metric: 0 };
    const plain = { type2: true, metric: 20, prefix, forwardingAddress: null, tag: null };
    expect(build(3, 0x4005, 1, 0, writeExternalLsa3(plain))).toBe(hex(lsaVector('v3-as-external-pool6')));
    const tagged = readExternalLsa3(lsaVector('v3-as-external-tag').subarray(20));
    expect(tagged).toMatchObject({ type2: true, tag: 1, prefix: { length: 40 } });
    if (tagged !== null) {
      expect(build(3, 0x4005, 2, 0, writeExternalLsa3(tagged))).toBe(hex(lsaVector('v3-as-external-tag')));
    }
  });

  test('OSPF-V3LSA-07 link-LSA', () => {
    const prefix = { network: network('2001:db8:1:2::/64'), length: 64, options: 0, metric: 0 };
    const body = { priority: 0, options: 0x13, linkLocal: network('fe80::1/128'), prefixes: [prefix] };
    expect(readLinkLsa(lsaVector('v3-link-lsa').subarray(20))).toMatchObject({ ...body, prefixes: [{ length: 64 }] });
    const again = readLinkLsa(lsaVector('v3-link-lsa').subarray(20));
    if (again !== null) expect(build(3, 8, 5, 0, writeLinkLsa(again))).toBe(hex(lsaVector('v3-link-lsa')));
  });

  test.each([
    ['2001:db8::/96', '60000000' + '20010db80000000000000000'],
    ['2001:db8:aaaa::/40', '28000000' + '20010db8aa000000'],
    ['::/0', '00000000'],
  ])('OSPF-V3LSA-09 %s in whole words, the bits after its length zero', (text, expected) => {
    const [address = '', length = ''] = text.split('/');
    const one = { network: knownPrefix(`${address}/128`).first, length: Number(length), options: 0, metric: 0 };
    expect(hex(writePrefix3(one))).toBe(expected);
    expect(readPrefix3(Buffer.from(expected, 'hex'), 0)).toMatchObject({ next: expected.length / 2 });
    expect(readPrefix3(Buffer.from('8100000000000000', 'hex'), 0)).toBeNull();
  });
});
