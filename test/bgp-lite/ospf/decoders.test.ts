import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lsaChecksumHolds, setLsaChecksum } from '../../../src/bgp-lite/ospf/codec/checksum.js';
import { readDd, writeDd } from '../../../src/bgp-lite/ospf/codec/dd.js';
import { readHello, writeHello } from '../../../src/bgp-lite/ospf/codec/hello.js';
import { compareInstances } from '../../../src/bgp-lite/ospf/codec/lsa.js';
import { readExternalLsa2, readRouterLsa2 } from '../../../src/bgp-lite/ospf/codec/lsa2.js';
import {
  readExternalLsa3,
  readIntraAreaPrefixLsa,
  readLinkLsa,
  readPrefix3,
  readRouterLsa3,
  writePrefix3,
} from '../../../src/bgp-lite/ospf/codec/lsa3.js';
import { readLsack, writeLsack } from '../../../src/bgp-lite/ospf/codec/lsack.js';
import { readLsr, writeLsr } from '../../../src/bgp-lite/ospf/codec/lsr.js';
import { readLsu, writeLsu } from '../../../src/bgp-lite/ospf/codec/lsu.js';
import { readPacketHeader } from '../../../src/bgp-lite/ospf/codec/packet.js';
import { linkStateIds2 } from '../../../src/bgp-lite/ospf/link-state-id.js';
import { knownPrefix } from '../../../src/config/address.js';

const octets = fc.uint8Array({ maxLength: 200 });
const version = fc.constantFrom(2 as const, 3 as const);

describe('any octets', () => {
  test('nothing throws, and what can be read is the same when written and read again', () => {
    fc.assert(
      fc.property(version, octets, (v, bytes) => {
        readPacketHeader(v, bytes);
        for (const read of [readRouterLsa2, readExternalLsa2, readRouterLsa3, readExternalLsa3]) read(bytes);
        for (const read of [readIntraAreaPrefixLsa, readLinkLsa]) read(bytes);
        const hello = readHello(v, bytes);
        if (hello !== null) expect(readHello(v, writeHello(v, hello))).toEqual(hello);
        const dd = readDd(v, bytes);
        if (dd !== null) expect(readDd(v, writeDd(v, dd))).toEqual(dd);
        const names = readLsr(bytes);
        if (names !== null) expect(readLsr(writeLsr(names))).toEqual(names);
        const lsas = readLsu(bytes);
        if (lsas !== null) expect(readLsu(writeLsu(lsas))).toEqual(lsas);
        const headers = readLsack(v, bytes);
        if (headers !== null) expect(readLsack(v, writeLsack(v, headers))).toEqual(headers);
      }),
      { numRuns: 2000 },
    );
  });

  test('OSPF-LSA-02 a checksum that was set holds, whatever it is about', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 5000 }), (lsa) => {
        setLsaChecksum(lsa);
        expect(lsaChecksumHolds(lsa)).toBe(true);
        lsa[0] = (lsa[0] ?? 0) ^ 0xff;
        expect(lsaChecksumHolds(lsa)).toBe(true);
      }),
    );
  });

  test('OSPF-V3LSA-09 a prefix is read as it was written, without the bits after its length', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
        fc.integer({ min: 0, max: 128 }),
        (network, length) => {
          const bytes = writePrefix3({ network, length, options: 0, metric: 7 });
          const host = (1n << BigInt(128 - length)) - 1n;
          expect(readPrefix3(bytes, 0)).toEqual({
            prefix: { network: network & ~host, length, options: 0, metric: 7 },
            next: bytes.length,
          });
        },
      ),
    );
  });

  test('OSPF-FLD-08 which instance is newer does not hang on the order of the question', () => {
    const instance = fc.record({
      sequence: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      checksum: fc.integer({ min: 0, max: 3 }),
      ageSeconds: fc.integer({ min: 0, max: 3600 }),
    });
    fc.assert(
      fc.property(instance, instance, (a, b) => {
        expect(Math.sign(compareInstances(a, b)) + Math.sign(compareInstances(b, a))).toBe(0);
      }),
    );
  });

  test('OSPF-LSA-23 every prefix has an ID of its own inside itself', () => {
    const text = fc
      .tuple(fc.constantFrom('10.0.0.0', '10.0.0.128', '10.0.0.255', '10.0.0.127'), fc.integer({ min: 8, max: 32 }))
      .map(([address, length]) => knownPrefix(`${address}/${length}`));
    fc.assert(
      fc.property(fc.uniqueArray(text, { selector: ({ first, length }) => `${first}/${length}` }), (prefixes) => {
        const ids = linkStateIds2(prefixes);
        const values = prefixes.flatMap((prefix) => ids.get(prefix) ?? []);
        expect(new Set(values).size).toBe(values.length);
        for (const [prefix, id] of ids) {
          expect(BigInt(id) >= prefix.first && BigInt(id) <= prefix.last).toBe(true);
        }
      }),
    );
  });
});
