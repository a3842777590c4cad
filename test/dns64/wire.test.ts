/** Reading and writing of messages, with dns-packet as the second opinion. */
import * as packet from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Rr, readMessage } from '../../src/dns64/wire/message.js';
import {
  isWithin,
  knownName,
  NameReader,
  nameFromText,
  nameToText,
  parentName,
  sameName,
} from '../../src/dns64/wire/name.js';
import { Type } from '../../src/dns64/wire/numbers.js';
import { Query, Verdict } from '../../src/dns64/wire/query.js';
import { writeMessage } from '../../src/dns64/wire/writer.js';

const label = fc.uint8Array({ minLength: 1, maxLength: 12 });
const anyName = fc.array(label, { maxLength: 6 }).map((labels) => {
  const octets: number[] = [];
  for (const part of labels) octets.push(part.length, ...part);
  return Uint8Array.from([...octets, 0]);
});

describe('names', () => {
  test('text and wire are the same name, whatever octets it has', () => {
    fc.assert(fc.property(anyName, (name) => void expect(nameFromText(nameToText(name))).toEqual(name)));
  });

  test.each(['a..b', '.a', '\\', '\\256', 'x'.repeat(64), `${'x'.repeat(63)}.`.repeat(4), 'é', 'a b'])(
    '%j is no name',
    (text) => {
      expect(nameFromText(text)).toBeNull();
    },
  );

  test('DNS-SPOOF-09 letter case does not matter, dots inside labels do', () => {
    expect(sameName(knownName('WWW.Example'), knownName('www.eXAMPLE'))).toBe(true);
    expect(sameName(knownName('a\\.b'), knownName('a.b'))).toBe(false);
  });

  test('a name is within its parents and itself, at label borders only', () => {
    const name = knownName('www.example.org');
    expect(isWithin(name, knownName('example.org'))).toBe(true);
    expect(isWithin(name, name)).toBe(true);
    expect(isWithin(name, knownName('.'))).toBe(true);
    expect(isWithin(name, knownName('ample.org'))).toBe(false);
    expect(isWithin(knownName('org'), name)).toBe(false);
    expect(parentName(name)).toEqual(knownName('example.org'));
  });

  test.each([
    ['DNS-TCP-19 a pointer to itself', [0xc0, 0]],
    ['DNS-TCP-19 a pointer forwards', [0xc0, 2, 0]],
    ['DNS-TCP-19 a pointer into its own labels', [1, 0x61, 0xc0, 0]],
    ['a pointer cut off', [0xc0]],
    ['a label type that is none', [0x40, 0]],
    ['a label past the end', [5, 0x61]],
    ['no end', [1, 0x61]],
  ])('%s is no name', (_, octets) => {
    expect(new NameReader().read(Uint8Array.from(octets), 0)).toBe(-1);
  });

  test('DNS-TCP-19 more than 255 octets are no name, also by way of pointers', () => {
    const part = [63, ...new Array<number>(63).fill(0x61)];
    const four = [...part, ...part, ...part, 61, ...new Array<number>(61).fill(0x62), 0];
    expect(new NameReader().read(Uint8Array.from(four), 0)).toBe(255);
    expect(new NameReader().read(Uint8Array.from([...four, 1, 0x61, 0xc0, 0]), 255)).toBe(-1);
  });

  test('DNS-TCP-19 a name has 127 pointers at most', () => {
    const chain = [0, ...Array.from({ length: 128 }, (_, i) => [0xc0, i === 0 ? 0 : 2 * i - 1]).flat()];
    const at = (pointers: number) => new NameReader().read(Uint8Array.from(chain), 2 * pointers - 1);
    expect([at(127), at(128)]).toEqual([255, -1]);
  });
});

const query = (more: Partial<packet.Packet>) =>
  packet.encode({
    type: 'query',
    id: 4711,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: 'AAAA', name: 'www.Example' }],
    ...more,
  });
const opt = (more: object = {}) =>
  ({
    type: 'OPT',
    name: '.',
    udpPayloadSize: 1232,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    options: [],
    ...more,
  }) as unknown as packet.OptAnswer;
/** A query with octets changed. */
const broken = (bytes: Uint8Array, changes: { [offset: number]: number }) => {
  const copy = Uint8Array.from(bytes);
  for (const [offset, octet] of Object.entries(changes)) copy[Number(offset)] = octet;
  return copy;
};

describe('queries', () => {
  const read = (bytes: Uint8Array) => {
    const seen = new Query();
    return { seen, verdict: seen.read(bytes) };
  };

  test('DNS-EDNS-02 a plain one: the question, and 512 octets', () => {
    const { seen, verdict } = read(query({}));
    expect(verdict).toBe(Verdict.ANSWER);
    expect(seen).toMatchObject({ id: 4711, nameLength: 13, type: 28, klass: 1, edns: false, udpBytes: 512 });
  });

  test('DNS-EDNS-01, DNS-EDNS-07 sizes and DO of the OPT', () => {
    const { seen } = read(query({ additionals: [opt({ udpPayloadSize: 1400, flags: packet.DNSSEC_OK })] }));
    expect(seen).toMatchObject({ edns: true, udpBytes: 1400, dnssecOk: true });
    expect(read(query({ additionals: [opt({ udpPayloadSize: 100 })] })).seen.udpBytes).toBe(512);
  });

  test('DNS-EDNS-03 two OPTs', () => {
    expect(read(query({ additionals: [opt(), opt()] })).verdict).toBe(Verdict.FORMERR);
  });

  test('DNS-EDNS-04 version 1', () => {
    expect(read(query({ additionals: [opt({ ednsVersion: 1 })] })).verdict).toBe(Verdict.BADVERS);
  });

  test('DNS-EDNS-05 unknown options are ignored', () => {
    const options = [{ code: 65001, data: Buffer.from('abc') }];
    expect(read(query({ additionals: [opt({ options })] })).verdict).toBe(Verdict.ANSWER);
  });

  test('DNS-EDNS-11 an option that runs past its OPT', () => {
    const options = [{ code: 65001, data: Buffer.from('abc') }];
    const bytes = query({ additionals: [opt({ options })] });
    expect(read(broken(bytes, { [bytes.length - 4]: 9 })).verdict).toBe(Verdict.FORMERR);
    expect(read(bytes.subarray(0, bytes.length - 1)).verdict).toBe(Verdict.FORMERR);
  });

  test.each([
    [8, Verdict.ANSWER],
    [16, Verdict.ANSWER],
    [40, Verdict.ANSWER],
    [7, Verdict.FORMERR],
    [9, Verdict.FORMERR],
    [15, Verdict.FORMERR],
    [41, Verdict.FORMERR],
  ])('DNS-SPOOF-10 a cookie of %i octets', (length, verdict) => {
    const options = [
      { code: 10, data: Buffer.alloc(length, 7) },
      { code: 10, data: Buffer.alloc(8) },
    ];
    const result = read(query({ additionals: [opt({ options })] }));
    expect(result.verdict).toBe(verdict);
    if (verdict === Verdict.ANSWER) expect(result.seen.cookieLength).toBe(length);
  });

  test('DNS-TCP-16 two questions, and none', () => {
    const question = { type: 'A', name: 'a' } as const;
    expect(read(query({ questions: [question, question] })).verdict).toBe(Verdict.FORMERR);
    expect(read(query({ questions: [] })).verdict).toBe(Verdict.FORMERR);
  });

  test('DNS-TCP-17 a response', () => {
    expect(read(query({ type: 'response' })).verdict).toBe(Verdict.RESPONSE);
  });

  test('DNS-TCP-18 another opcode, half a header, half a question', () => {
    const bytes = query({});
    expect(read(broken(bytes, { 2: 0x11 })).verdict).toBe(Verdict.NOTIMP);
    expect(read(bytes.subarray(0, 11)).verdict).toBe(Verdict.SHORT);
    for (let cut = 12; cut < bytes.length; cut++) expect(read(bytes.subarray(0, cut)).verdict).toBe(Verdict.FORMERR);
  });

  test('DNS-TCP-19 a compressed question', () => {
    expect(read(broken(query({}), { 12: 0xc0, 13: 12 })).verdict).toBe(Verdict.FORMERR);
  });

  test('no packet throws, and what is read lies inside it', () => {
    const seen = new Query();
    const flips = fc.dictionary(fc.nat(80).map(String), fc.nat(255));
    fc.assert(
      fc.property(flips, fc.nat(90), (changes, cut) => {
        const whole = query({ additionals: [opt({ options: [{ code: 10, data: Buffer.alloc(16) }] })] });
        const bytes = broken(whole, changes).subarray(0, cut);
        if (seen.read(bytes) !== Verdict.ANSWER) return;
        expect(12 + seen.nameLength + 4).toBeLessThanOrEqual(bytes.length);
        if (seen.cookieLength > 0) expect(seen.cookieOffset + seen.cookieLength).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 3000 },
    );
  });
});

const answers = [
  { type: 'CNAME', name: 'www.example', ttl: 300, data: 'web.example' },
  { type: 'A', name: 'web.example', ttl: 60, data: '192.0.2.1' },
  { type: 'MX', name: 'web.example', ttl: 60, data: { preference: 10, exchange: 'mail.web.example' } },
  { type: 'SRV', name: 'web.example', ttl: 60, data: { priority: 1, weight: 2, port: 3, target: 'web.example' } },
  { type: 'TXT', name: 'web.example', ttl: 60, data: [Buffer.from('some text')] },
] as packet.Answer[];
const soa = {
  type: 'SOA',
  name: 'example',
  ttl: 3600,
  data: { mname: 'ns.example', rname: 'root.example', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 60 },
} as packet.Answer;
const response = packet.encode({
  type: 'response',
  id: 1,
  flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
  questions: [{ type: 'A', name: 'www.example' }],
  answers,
  authorities: [soa],
  additionals: [opt({ flags: packet.DNSSEC_OK })],
});

describe('messages', () => {
  test('what is written says what was read, compressed', () => {
    const message = readMessage(response);
    if (message === null) throw new Error('not read');
    expect(message.edns).toMatchObject({ dnssecOk: true, udpBytes: 1232 });
    const { bytes, ttlOffsets } = written(message.question ?? never(), 0x8180, message);
    const again = packet.decode(Buffer.from(bytes));
    expect(again.answers).toEqual(packet.decode(response).answers);
    expect(again.authorities).toEqual(packet.decode(response).authorities);
    expect(bytes.length).toBeLessThanOrEqual(response.length);
    const view = new DataView(bytes.buffer);
    expect(ttlOffsets.map((offset) => view.getUint32(offset))).toEqual([300, 60, 60, 60, 60, 3600]);
  });

  test('what takes more than 64 KiB is not written', () => {
    const name = knownName('www.example');
    const rr: Rr = { name, type: 16, klass: 1, ttl: 60, rdata: new Uint8Array(40_000) };
    const sections = { answer: [rr], authority: [], additional: [rr] };
    expect(writeMessage({ name, type: 16, klass: 1 }, 0x8180, sections)).toBeNull();
    expect(writeMessage({ name, type: 16, klass: 1 }, 0x8180, { ...sections, additional: [] })).not.toBeNull();
  });

  test('DNS-SVCB-03, DNS-TCP-20 RDATA of an unknown type stays byte for byte', () => {
    const data = Buffer.from('c00c00ff0a', 'hex');
    const bytes = packet.encode({
      type: 'response',
      questions: [{ type: 'A', name: 'a.example' }],
      answers: [{ type: 'UNKNOWN_65400', name: 'a.example', ttl: 5, data } as unknown as packet.Answer],
    });
    const at = bytes.length - data.length - 10;
    bytes.writeUInt16BE(65400, at);
    const message = readMessage(bytes) ?? never();
    expect(message.answer[0]).toMatchObject({ type: 65400, rdata: new Uint8Array(data) });
    const again = written(message.question ?? never(), 0, message);
    expect(again.bytes.subarray(-data.length)).toEqual(new Uint8Array(data));
  });

  test('DNS-CACHE-14 a TTL with the top bit set is a large one', () => {
    const bytes = Uint8Array.from(response);
    const message = readMessage(bytes) ?? never();
    const { bytes: copy, ttlOffsets } = written(message.question ?? never(), 0, message);
    copy[ttlOffsets[0] ?? never()] = 0xff;
    expect(readMessage(copy)?.answer[0]?.ttl).toBe(604_800);
  });

  test('what is cut off or changed is read within bounds or not at all', () => {
    for (let cut = 0; cut < response.length; cut++) expect(readMessage(response.subarray(0, cut))).toBeNull();
    fc.assert(
      fc.property(fc.dictionary(fc.nat(response.length - 1).map(String), fc.nat(255)), (changes) => {
        const message = readMessage(broken(response, changes));
        if (message?.question == null) return;
        written(message.question, 0, message);
      }),
      { numRuns: 5000 },
    );
  });

  test('any records come back as they went in', () => {
    const rr = fc.record({
      name: anyName,
      type: fc.constantFrom(1, 28, 99, 65400, Type.HTTPS),
      klass: fc.constant(1),
      ttl: fc.nat(604_800),
      rdata: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(
        anyName,
        fc.array(rr, { maxLength: 8 }),
        fc.array(rr, { maxLength: 8 }),
        (name, answer, authority) => {
          const question = { name, type: 1, klass: 1 };
          const { bytes } = written(question, 0x8000, { answer, authority, additional: [] });
          const message = readMessage(bytes) ?? never();
          const fold = (list: readonly Rr[]) =>
            list.map((one) => ({ ...one, name: nameToText(one.name).toLowerCase() }));
          expect(fold(message.answer)).toEqual(fold(answer));
          expect(fold(message.authority)).toEqual(fold(authority));
        },
      ),
    );
  });
});

const written = (...args: Parameters<typeof writeMessage>) => writeMessage(...args) ?? never();

function never(): never {
  throw new Error('not what was expected');
}
