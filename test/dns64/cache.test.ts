import { describe, expect, test, vi } from 'vitest';
import { ABSENT, AnswerCache } from '../../src/dns64/cache/answer-cache.js';
import { PROBE_LIMIT } from '../../src/dns64/cache/slots.js';
import { answer, find, messageOf, nameOf, wireName } from './answers.js';

const KIB = 1024;

const newCache = (bytes = 64 * KIB) => new AnswerCache({ bytes, seed: 7 });

/** A cache with one answer, and its handle. */
function cacheWith(options: Parameters<typeof answer>[0] = {}) {
  const cache = newCache();
  cache.put(answer(options));
  const { type = 28, klass = 1, view = 0 } = options;
  return { cache, entry: find(cache, options.name ?? nameOf('www.example.com'), { type, klass, view }) };
}

/** The message as it is at this second. */
function copied(cache: AnswerCache, entry: number, now: number, staleTtl = 30): Buffer {
  const out = Buffer.alloc(cache.length(entry));
  expect(cache.copy(entry, out, 0, now, staleTtl)).toBe(out.length);
  return out;
}

const numbered = (index: number) => nameOf(`n${String(index).padStart(5, '0')}.example`);

/** Answers of some 540 bytes: the smallest cache holds about a hundred of them. */
const large = (index: number, rest: Parameters<typeof answer>[0] = {}) =>
  answer({ name: numbered(index), dataBytes: 450, ...rest });

/** The indices below `end` that are there. */
function present(cache: AnswerCache, end: number): number[] {
  return Array.from({ length: end }, (_, index) => index).filter((index) => find(cache, numbered(index)) !== ABSENT);
}

describe('find', () => {
  test('an answer by its question', () => {
    const { cache, entry } = cacheWith();
    expect(entry).toBeGreaterThanOrEqual(0);
    expect(cache.message(entry)).toEqual(answer().message);
  });

  test('nothing under another name, type or class', () => {
    const { cache } = cacheWith();
    expect(find(cache, nameOf('ww.example.com'))).toBe(ABSENT);
    expect(find(cache, nameOf('wwx.example.com'))).toBe(ABSENT);
    expect(find(cache, nameOf('example.com'))).toBe(ABSENT);
    expect(find(cache, nameOf('www.example.com'), { type: 1 })).toBe(ABSENT);
    expect(find(cache, nameOf('www.example.com'), { klass: 3 })).toBe(ABSENT);
  });

  test('the type is what the caller says, not what the message asks: 0 stands beside AAAA', () => {
    const { cache, entry } = cacheWith({ type: 0, kind: 3 });
    cache.put(answer({ kind: 4 }));
    expect(cache.kind(find(cache, nameOf('www.example.com'), { type: 0 }))).toBe(3);
    expect(cache.kind(find(cache, nameOf('www.example.com')))).toBe(4);
    expect(cache.message(entry)).toEqual(answer().message);
  });

  test('DNS-SPOOF-09 one entry for every letter case of the name', () => {
    const { cache, entry } = cacheWith();
    expect(find(cache, nameOf('WwW.ExAmPLe.CoM'))).toBe(entry);
    expect(find(cache, nameOf('WWW.EXAMPLE.COM'))).toBe(entry);
    expect(cache.put(answer({ now: 1001 }))).toBe(true);
    expect(cache.stats()).toMatchObject({ entries: 1, replaced: 1 });
  });

  test.each([
    ['@', '`'],
    ['[', '{'],
    ['\u{c1}', '\u{e1}'],
    ['\u{00}', ' '],
  ])('bytes that differ like letters of two cases but are none are two names: %j, %j', (stored, asked) => {
    const label = (text: string) => wireName([Buffer.from(`abc${text}efg${text}`, 'latin1')]);
    const cache = new AnswerCache({ bytes: 64 * KIB, seed: 7 }, () => 1);
    cache.put(answer({ name: label(stored) }));
    expect(find(cache, label(asked))).toBe(ABSENT);
    expect(find(cache, label(stored))).not.toBe(ABSENT);
  });

  test('labels are compared, not dotted text', () => {
    const { cache } = cacheWith({ name: wireName(['a.b', 'c']) });
    expect(find(cache, wireName(['a', 'b.c']))).toBe(ABSENT);
    expect(find(cache, wireName(['a', 'b', 'c']))).toBe(ABSENT);
  });

  test('DNS-REC-18 each view has answers of its own', () => {
    const { cache } = cacheWith({ view: 1, kind: 1 });
    cache.put(answer({ view: 0xffffffff, kind: 2 }));
    expect(cache.kind(find(cache, nameOf('www.example.com'), { view: 1 }))).toBe(1);
    expect(cache.kind(find(cache, nameOf('www.example.com'), { view: 0xffffffff }))).toBe(2);
    expect(find(cache, nameOf('www.example.com'), { view: 0 })).toBe(ABSENT);
  });

  test('the root, and a name of 255 bytes', () => {
    const longest = wireName(['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(61)]);
    expect(longest).toHaveLength(255);
    const { cache } = cacheWith({ name: longest, kind: 1 });
    cache.put(answer({ name: wireName([]), kind: 2 }));
    expect(cache.kind(find(cache, longest))).toBe(1);
    expect(cache.kind(find(cache, wireName([])))).toBe(2);
  });

  test('nothing for a name that leaves the packet', () => {
    const { cache } = cacheWith();
    const name = nameOf('www.example.com');
    expect(cache.find(name, 0, name.length + 1, 28, 1, 0)).toBe(ABSENT);
    expect(cache.find(name, -1, name.length, 28, 1, 0)).toBe(ABSENT);
    expect(cache.find(name, 0, 0, 28, 1, 0)).toBe(ABSENT);
  });
});

describe('time', () => {
  test('DNS-CACHE-01 a negative answer counts down and is not fresh at 0', () => {
    const { cache, entry } = cacheWith({ ttls: [60], lifetimeSeconds: 60 });
    const ttl = (now: number) => copied(cache, entry, now).readUInt32BE(39);
    expect(ttl(1000)).toBe(60);
    expect(ttl(1020)).toBe(40);
    expect([ttl(1059), cache.freshness(entry, 1059)]).toEqual([1, 'fresh']);
    expect(cache.freshness(entry, 1060)).toBe('stale');
  });

  test('each TTL counts down by itself, not below 0', () => {
    const { cache, entry } = cacheWith({ ttls: [10, 300, 0xffffffff], dataBytes: 4 });
    expect(copied(cache, entry, 1020).toString('hex')).toBe(
      `000181800001000000000000${Buffer.from(nameOf('www.example.com')).toString('hex')}001c0001${[
        'c00c001c0001000000000004',
        'c00c001c0001000001180004',
        'c00c001c0001ffffffeb0004',
      ]
        .map((record) => `${record}5a5a5a5a`)
        .join('')}`,
    );
  });

  test('from expiry on every TTL is the stale one', () => {
    const { cache, entry } = cacheWith({ ttls: [300, 900] });
    const out = copied(cache, entry, 1300, 30);
    expect([out.readUInt32BE(39), out.readUInt32BE(39 + 28)]).toEqual([30, 30]);
  });

  test('a copy leaves the entry as it was', () => {
    const { cache, entry } = cacheWith();
    copied(cache, entry, 1200);
    expect(cache.message(entry)).toEqual(answer().message);
  });

  test('fresh, stale and dead, with the seconds of the changes', () => {
    const { cache, entry } = cacheWith({ lifetimeSeconds: 60, staleSeconds: 100 });
    expect([cache.expiresAt(entry), cache.staleUntil(entry)]).toEqual([1060, 1160]);
    expect([1000, 1059, 1060, 1159, 1160].map((now) => cache.freshness(entry, now))).toEqual([
      'fresh',
      'fresh',
      'stale',
      'stale',
      'dead',
    ]);
  });

  test('an entry is found after its time too', () => {
    const { cache, entry } = cacheWith({ lifetimeSeconds: 1, staleSeconds: 0 });
    expect(cache.freshness(entry, 5000)).toBe('dead');
    expect(find(cache, nameOf('www.example.com'))).toBe(entry);
  });

  test('its age', () => {
    const { cache, entry } = cacheWith();
    expect([cache.ageSeconds(entry, 1000), cache.ageSeconds(entry, 1077)]).toEqual([0, 77]);
    expect(cache.ageSeconds(entry, 999)).toBe(0);
  });

  test('times end where uint32 ends', () => {
    const { cache, entry } = cacheWith({ lifetimeSeconds: 0xfffffff0, staleSeconds: Number.POSITIVE_INFINITY });
    expect([cache.expiresAt(entry), cache.staleUntil(entry)]).toEqual([0xffffffff, 0xffffffff]);
  });
});

describe('copy', () => {
  test('writes at the offset, and nothing beside', () => {
    const { cache, entry } = cacheWith();
    const out = new Uint8Array(100).fill(0xee);
    expect(cache.copy(entry, out, 5, 1000, 30)).toBe(61);
    expect(out.subarray(5, 66)).toEqual(answer().message);
    expect([...out.subarray(0, 5), ...out.subarray(66)]).toEqual(Array(39).fill(0xee));
  });

  test('writes nothing where there is not enough room', () => {
    const { cache, entry } = cacheWith();
    const out = new Uint8Array(65);
    expect(cache.copy(entry, out, 5, 1000, 30)).toBe(0);
    expect(cache.copy(entry, out, -1, 1000, 30)).toBe(0);
    expect(out).toEqual(new Uint8Array(65));
  });

  test('goes to each buffer in turn, also to a part of one', () => {
    const { cache, entry } = cacheWith();
    const shared = new Uint8Array(200);
    for (const out of [new Uint8Array(61), shared.subarray(7, 68), new Uint8Array(61)]) {
      expect(cache.copy(entry, out, 0, 1000, 30)).toBe(61);
      expect(out).toEqual(answer().message);
    }
    expect(shared[6]).toBe(0);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('%i bytes of data more', (more) => {
    const { cache, entry } = cacheWith({ ttls: [300, 300], dataBytes: 1 + more });
    const expected = messageOf(nameOf('www.example.com'), [290, 290], 1 + more).message;
    expect(new Uint8Array(copied(cache, entry, 1010))).toEqual(expected);
  });

  test('message is a copy of its own', () => {
    const { cache, entry } = cacheWith();
    cache.message(entry).fill(0);
    expect(cache.message(entry)).toEqual(answer().message);
  });
});

describe('what is told of an entry', () => {
  test('kind and length', () => {
    const { cache, entry } = cacheWith({ kind: 0xa5 });
    expect([cache.kind(entry), cache.length(entry)]).toEqual([0xa5, 61]);
  });

  test('hits, up to 65535', () => {
    const { cache, entry } = cacheWith();
    expect(cache.hits(entry)).toBe(0);
    for (let hit = 0; hit < 3; hit++) cache.touch(entry);
    expect(cache.hits(entry)).toBe(3);
    for (let hit = 0; hit < 70_000; hit++) cache.touch(entry);
    expect(cache.hits(entry)).toBe(65_535);
  });

  test('one refresh at a time', () => {
    const { cache, entry } = cacheWith();
    expect([cache.beginRefresh(entry), cache.beginRefresh(entry)]).toEqual([true, false]);
  });

  test('a new answer has no hits, and no refresh runs for it', () => {
    const { cache, entry } = cacheWith();
    cache.touch(entry);
    cache.beginRefresh(entry);
    cache.put(answer());
    const next = find(cache, nameOf('www.example.com'));
    expect([cache.hits(next), cache.beginRefresh(next)]).toEqual([0, true]);
  });
});

describe('put', () => {
  test('replaces the answer of the same key', () => {
    const { cache } = cacheWith();
    expect(cache.put(answer({ ttls: [60, 60], now: 1100, kind: 9 }))).toBe(true);
    const entry = find(cache, nameOf('www.example.com'));
    expect([cache.kind(entry), cache.ageSeconds(entry, 1100), cache.length(entry)]).toEqual([9, 0, 89]);
    expect(cache.stats()).toMatchObject({ entries: 1, inserted: 1, replaced: 1, evicted: 0 });
    cache.check();
  });

  test.each<[string, Parameters<typeof answer>[0]]>([
    ['a lifetime of 0', { lifetimeSeconds: 0 }],
    ['a lifetime that is no number', { lifetimeSeconds: Number.NaN }],
    ['a TTL offset in the question', { ttlOffsets: [30] }],
    ['a TTL offset past the end', { ttlOffsets: [58] }],
    ['a TTL offset that is no number', { ttlOffsets: [Number.NaN] }],
    ['more TTLs than records', { ttlOffsets: Array(6).fill(39) }],
  ])('refuses %s, counts it, and keeps what was there', (_, options) => {
    const { cache, entry } = cacheWith({ kind: 1 });
    expect(cache.put(answer({ kind: 2, ...options }))).toBe(false);
    expect([find(cache, nameOf('www.example.com')), cache.kind(entry)]).toEqual([entry, 1]);
    expect(cache.stats()).toMatchObject({ entries: 1, inserted: 1, refused: 1 });
  });

  test.each<[string, Uint8Array]>([
    ['is in upper case', nameOf('WWW.example.com')],
    ['is compressed', Uint8Array.of(3, 0x77, 0x77, 0x77, 0xc0, 0x0c)],
    ['has 256 bytes', wireName(['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(62)])],
    ['does not end', Uint8Array.of(63)],
  ])('refuses a message whose question name %s', (_, name) => {
    const cache = newCache();
    expect(cache.put(answer({ name, ttls: [] }))).toBe(false);
    expect(cache.stats()).toMatchObject({ entries: 0, refused: 1 });
  });

  test('refuses a message that ends in its question, or before', () => {
    const cache = newCache();
    const { message } = messageOf(nameOf('www.example.com'), []);
    for (let length = 0; length < message.length; length++) {
      expect(cache.put(answer({ message: message.subarray(0, length), ttlOffsets: [] }))).toBe(false);
    }
    expect(cache.put(answer({ message, ttlOffsets: [] }))).toBe(true);
  });

  test('keeps a message of 1/64 of the arena, and none larger', () => {
    const cache = newCache();
    expect(cache.largestMessage).toBe(Math.floor(cache.stats().capacityBytes / 64));
    const dataBytes = cache.largestMessage - 45;
    expect(cache.put(answer({ dataBytes }))).toBe(true);
    expect(cache.length(find(cache, nameOf('www.example.com')))).toBe(cache.largestMessage);
    expect(cache.put(answer({ dataBytes: dataBytes + 1 }))).toBe(false);
  });

  test('keeps a message of 65535 bytes in a large cache, and none larger', () => {
    const cache = newCache(5 * KIB * KIB);
    expect(cache.largestMessage).toBe(65_535);
    expect(cache.put(answer({ dataBytes: 65_535 - 45 }))).toBe(true);
    expect(copied(cache, find(cache, nameOf('www.example.com')), 1000)).toHaveLength(65_535);
  });
});

describe('remove and clear', () => {
  test('remove forgets one', () => {
    const { cache, entry } = cacheWith();
    cache.put(answer({ type: 1 }));
    cache.remove(entry);
    expect(find(cache, nameOf('www.example.com'))).toBe(ABSENT);
    expect(find(cache, nameOf('www.example.com'), { type: 1 })).not.toBe(ABSENT);
    expect(cache.stats()).toMatchObject({ entries: 1, evicted: 0, expiredEvicted: 0 });
    cache.check();
  });

  test('clear forgets all, and counts on', () => {
    const { cache } = cacheWith();
    cache.clear();
    expect(find(cache, nameOf('www.example.com'))).toBe(ABSENT);
    expect(cache.stats()).toMatchObject({ entries: 0, usedBytes: 0, inserted: 1 });
    cache.check();
    cache.put(answer());
    expect(find(cache, nameOf('www.example.com'))).not.toBe(ABSENT);
  });
});

describe('eviction', () => {
  test('the oldest gives way', () => {
    const cache = newCache();
    for (let index = 0; index < 200; index++) cache.put(large(index));
    const { entries, evicted } = cache.stats();
    expect(entries).toBeGreaterThan(100);
    expect(evicted).toBe(200 - entries);
    expect(present(cache, 200)).toEqual(Array.from({ length: entries }, (_, index) => 200 - entries + index));
    cache.check();
  });

  test('one that was touched is spared, once', () => {
    const cache = newCache();
    // Its space lets the next one move down, not only stay where it is.
    cache.put(answer());
    cache.put(large(0, { kind: 5, ttls: [300, 300], dataBytes: 200 }));
    cache.touch(find(cache, numbered(0)));
    for (let index = 1; index < 150; index++) cache.put(large(index));
    const entry = find(cache, numbered(0));
    expect([cache.kind(entry), cache.hits(entry)]).toEqual([5, 1]);
    const { message } = large(0, { ttls: [290, 290], dataBytes: 200 });
    expect(new Uint8Array(copied(cache, entry, 1010))).toEqual(message);
    for (let index = 150; index < 300; index++) cache.put(large(index));
    expect(find(cache, numbered(0))).toBe(ABSENT);
    cache.check();
  });

  test('one that is touched again is spared again', () => {
    const cache = newCache();
    for (let index = 0; index < 1000; index++) {
      cache.put(large(index));
      cache.touch(find(cache, numbered(0)));
    }
    expect(cache.hits(find(cache, numbered(0)))).toBe(1000);
  });

  test('a refresh that runs goes with the entry that is spared', () => {
    const cache = newCache();
    cache.put(large(0));
    cache.touch(find(cache, numbered(0)));
    cache.beginRefresh(find(cache, numbered(0)));
    for (let index = 1; index < 150; index++) cache.put(large(index));
    expect(cache.beginRefresh(find(cache, numbered(0)))).toBe(false);
  });

  test('one put spares four, then the oldest leaves although it was touched', () => {
    const cache = newCache();
    let count = 0;
    for (; cache.stats().evicted === 0; count++) cache.put(large(count));
    for (const index of present(cache, count)) cache.touch(find(cache, numbered(index)));
    const before = present(cache, count);
    cache.put(large(count));
    expect(present(cache, count)).toEqual(before.filter((index) => index !== before[4]));
    cache.check();
  });

  test('one that was touched but has expired is not spared', () => {
    const cache = newCache();
    cache.put(large(0, { lifetimeSeconds: 10 }));
    cache.touch(find(cache, numbered(0)));
    for (let index = 1; index < 150; index++) cache.put(large(index, { now: 1010 }));
    expect(find(cache, numbered(0))).toBe(ABSENT);
    expect(cache.stats().expiredEvicted).toBe(1);
  });

  test('what was replaced or removed gives its space back and is not counted', () => {
    const cache = newCache();
    for (let round = 0; round < 1000; round++) {
      cache.put(large(0, { now: 1000 + round }));
      cache.put(large(1));
      cache.remove(find(cache, numbered(1)));
    }
    expect(cache.stats()).toMatchObject({ entries: 1, evicted: 0, expiredEvicted: 0, inserted: 1001, replaced: 999 });
    cache.check();
  });

  test('where answers are small the index is full first, and the oldest gives way too', () => {
    const cache = newCache();
    for (let index = 0; index < 1000; index++) cache.put(answer({ name: numbered(index), ttls: [] }));
    const { entries, usedBytes, capacityBytes } = cache.stats();
    expect(entries).toBe(491);
    expect(usedBytes).toBeLessThan(capacityBytes);
    expect(present(cache, 1000)).toEqual(Array.from({ length: 491 }, (_, index) => 509 + index));
    cache.check();
  });
});

describe('memory', () => {
  test('10,000 answers of a name of 20 characters and two AAAA records fit in 250 bytes each', () => {
    const cache = newCache(10_000 * 250);
    const name = (index: number) => nameOf(`w${String(index).padStart(7, '0')}.example.com`);
    for (let index = 0; index < 10_000; index++) cache.put(answer({ name: name(index), ttls: [300, 300] }));
    expect(cache.length(find(cache, name(0)))).toBe(94);
    expect(cache.stats()).toMatchObject({
      entries: 10_000,
      inserted: 10_000,
      evicted: 0,
      expiredEvicted: 0,
      refused: 0,
    });
    for (let index = 0; index < 10_000; index++) expect(find(cache, name(index))).not.toBe(ABSENT);
    cache.check();
  });

  test.each([64 * KIB, 64 * KIB + 1, 99_999])('%i bytes are one buffer of so many, arena and index', (bytes) => {
    const sizes: number[] = [];
    class Recorded extends ArrayBuffer {
      constructor(size: number) {
        super(size);
        sizes.push(size);
      }
    }
    vi.stubGlobal('ArrayBuffer', Recorded);
    try {
      const cache = newCache(bytes);
      for (let index = 0; index < 1000; index++) cache.put(large(index));
      expect(sizes).toEqual([bytes]);
      expect(cache.stats().usedBytes).toBeLessThanOrEqual(cache.stats().capacityBytes);
      expect(cache.stats().capacityBytes).toBeLessThan(bytes);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test.each([64 * KIB - 1, 1024 ** 3 + 1, 100_000.5, Number.NaN])('%d bytes are refused', (bytes) => {
    expect(() => newCache(bytes)).toThrow(RangeError);
  });

  test.each([-1, 1.5, 2 ** 53])('the seed %d is refused', (seed) => {
    expect(() => new AnswerCache({ bytes: 64 * KIB, seed })).toThrow(RangeError);
  });
});

describe('keys of one hash', () => {
  const colliding = (hash: number) => new AnswerCache({ bytes: 64 * KIB, seed: 0 }, () => hash);

  // The last is at home in the last slot, so that its run goes on at the table's start.
  test.each([0, 5, -1])('hash %i: each is found, and after one is removed the others still are', (hash) => {
    const cache = colliding(hash);
    for (let index = 0; index < 20; index++) cache.put(answer({ name: numbered(index), kind: index }));
    cache.remove(find(cache, numbered(0)));
    cache.remove(find(cache, numbered(7)));
    const left = Array.from({ length: 20 }, (_, index) => index).filter((index) => index !== 0 && index !== 7);
    expect(present(cache, 20)).toEqual(left);
    expect(left.map((index) => cache.kind(find(cache, numbered(index))))).toEqual(left);
    cache.check();
  });

  test.each([4, 5, 6, 7])('names of %i characters that differ in one of them are two', (length) => {
    const cache = colliding(5);
    cache.put(answer({ name: nameOf('a'.repeat(length)) }));
    for (let index = 0; index < length; index++) {
      const other = `${'a'.repeat(index)}b${'a'.repeat(length - index - 1)}`;
      expect(find(cache, nameOf(other))).toBe(ABSENT);
    }
    expect(find(cache, nameOf('A'.repeat(length)))).not.toBe(ABSENT);
  });

  test('no more than the probe limit are kept, the newest among them', () => {
    const cache = colliding(5);
    for (let index = 0; index < 3 * PROBE_LIMIT; index++) {
      cache.put(answer({ name: numbered(index) }));
      expect(find(cache, numbered(index))).not.toBe(ABSENT);
    }
    expect(cache.stats()).toMatchObject({ entries: PROBE_LIMIT, evicted: 2 * PROBE_LIMIT });
    cache.check();
  });
});
