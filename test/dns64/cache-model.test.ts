import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ABSENT, type Answer, AnswerCache } from '../../src/dns64/cache/answer-cache.js';
import { type KeyHash, keyedHash } from '../../src/dns64/cache/hash.js';
import { answer, find, wireName } from './answers.js';

/** Labels of any bytes but upper-case letters, the shortest and the longest names. */
const byte = fc.integer({ min: 0, max: 255 }).map((value) => (value >= 0x41 && value <= 0x5a ? value + 0x20 : value));
const label = fc
  .uint8Array({ minLength: 1, maxLength: 63 })
  .chain(({ length }) => fc.array(byte, { minLength: length, maxLength: length }));
const anyName = fc
  .array(label, { maxLength: 4 })
  .map((labels) => wireName(labels.map((bytes) => Uint8Array.from(bytes))))
  .filter((name) => name.length <= 255);
const longestName = fc
  .array(byte, { minLength: 250, maxLength: 250 })
  .map((bytes) =>
    wireName(
      [bytes.slice(0, 63), bytes.slice(63, 126), bytes.slice(126, 189), bytes.slice(189)].map((part) =>
        Uint8Array.from(part),
      ),
    ),
  );
const name = fc.oneof({ arbitrary: anyName, weight: 4 }, { arbitrary: longestName, weight: 1 });

const key = fc.record({
  name: fc.integer({ min: 0, max: 15 }),
  type: fc.constantFrom(0, 28),
  klass: fc.constantFrom(1, 1, 1, 0xffff),
  view: fc.constantFrom(0, 0xffffffff),
});
type Key = typeof key extends fc.Arbitrary<infer Value> ? Value : never;

const step = fc.oneof(
  {
    weight: 400,
    arbitrary: fc.record({
      what: fc.constant('put' as const),
      key,
      ttls: fc.array(fc.constantFrom(0, 1, 7, 300, 0x80000000, 0xffffffff), { maxLength: 3, size: 'max' }),
      dataBytes: fc.oneof(fc.nat({ max: 30 }), fc.integer({ min: 250, max: 290 })),
      kind: fc.nat({ max: 255 }),
      lifetimeSeconds: fc.constantFrom(0, 1, 7, 300, 300, 300, 300),
      staleSeconds: fc.constantFrom(0, 5, 86_400),
      fill: fc.nat({ max: 255 }),
    }),
  },
  { weight: 300, arbitrary: fc.record({ what: fc.constant('find' as const), key, upper: fc.nat() }) },
  { weight: 200, arbitrary: fc.record({ what: fc.constant('touch' as const), key }) },
  { weight: 50, arbitrary: fc.record({ what: fc.constant('refresh' as const), key }) },
  { weight: 50, arbitrary: fc.record({ what: fc.constant('remove' as const), key }) },
  {
    weight: 100,
    arbitrary: fc.record({ what: fc.constant('wait' as const), seconds: fc.constantFrom(1, 1, 3, 3, 60) }),
  },
  {
    weight: 30,
    arbitrary: fc.record({ what: fc.constant('others' as const), count: fc.integer({ min: 1, max: 30 }) }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('clear' as const) }) },
);

interface Expected {
  answer: Answer;
  hits: number;
  refreshing: boolean;
}

/** One of the ways to write the name: bit n of `upper` is the case of byte n, modulo 31. */
function inSomeCase(lower: Uint8Array, upper: number): Uint8Array {
  return lower.map((value, index) => {
    const letter = value >= 0x61 && value <= 0x7a;
    return letter && ((upper >> (index % 31)) & 1) === 1 ? value - 0x20 : value;
  });
}

/** The message as it should be sent at `now`. */
function aged({ message, ttlOffsets, now: storedAt, lifetimeSeconds }: Answer, now: number): Uint8Array {
  const out = Buffer.from(message);
  for (const offset of Array.from(ttlOffsets)) {
    const ttl = out.readUInt32BE(offset);
    out.writeUInt32BE(now >= storedAt + lifetimeSeconds ? 30 : Math.max(0, ttl - (now - storedAt)), offset);
  }
  return new Uint8Array(out);
}

/** Runs the steps beside a Map. What the cache has is what the Map has; what it lost, it counted. */
function runBeside(
  hash: KeyHash,
  names: readonly Uint8Array[],
  steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
) {
  const cache = new AnswerCache({ bytes: 64 * 1024, seed: 0 }, hash);
  const model = new Map<string, Expected>();
  const seen = new Map<string, Key>();
  const out = new Uint8Array(2000);
  let now = 1000;
  let lost = 0;
  let others = 0;

  const nameAt = (at: Key) => names[at.name % names.length] as Uint8Array;
  const keyOf = (at: Key) => `${Buffer.from(nameAt(at)).toString('hex')} ${at.type} ${at.klass} ${at.view}`;
  const lose = (at: string) => {
    if (model.delete(at)) lost++;
  };
  /** The handle and what is expected of it, or null when both know nothing. */
  const look = (at: Key, upper = 0) => {
    const entry = find(cache, inSomeCase(nameAt(at), upper), at);
    const expected = model.get(keyOf(at));
    if (entry === ABSENT) {
      lose(keyOf(at));
      return null;
    }
    if (expected === undefined) throw new Error('found what was never put, or was removed');
    return { entry, expected };
  };

  const verify = (at: Key, upper: number) => {
    const found = look(at, upper);
    if (found === null) return;
    const { entry, expected } = found;
    const length = cache.copy(entry, out, 3, now, 30);
    expect(out.slice(3, 3 + length)).toEqual(aged(expected.answer, now));
    expect(cache.kind(entry)).toBe(expected.answer.kind);
    expect(cache.hits(entry)).toBe(expected.hits);
    expect(cache.ageSeconds(entry, now)).toBe(now - expected.answer.now);
    expect(cache.expiresAt(entry)).toBe(expected.answer.now + expected.answer.lifetimeSeconds);
    expect(cache.staleUntil(entry)).toBe(cache.expiresAt(entry) + expected.answer.staleSeconds);
  };

  for (const next of steps) {
    if (next.what === 'put') {
      const { what: _, key: at, fill, ...rest } = next;
      const given = answer({ ...rest, ...at, name: nameAt(at), now });
      given.message.fill(fill, given.message.length - Math.min(rest.ttls.length, 1) * rest.dataBytes);
      const { inserted } = cache.stats();
      const kept = cache.put(given);
      expect(kept).toBe(rest.lifetimeSeconds > 0 && given.message.length <= cache.largestMessage);
      if (kept) {
        // What the model still had was lost before, when it was not replaced.
        if (cache.stats().inserted > inserted) lose(keyOf(at));
        model.set(keyOf(at), { answer: given, hits: 0, refreshing: false });
        seen.set(keyOf(at), at);
        expect(look(at)).not.toBeNull();
      }
    } else if (next.what === 'find') {
      verify(next.key, next.upper);
    } else if (next.what === 'touch') {
      const found = look(next.key);
      if (found !== null) {
        cache.touch(found.entry);
        found.expected.hits++;
      }
    } else if (next.what === 'refresh') {
      const found = look(next.key);
      if (found !== null) {
        expect(cache.beginRefresh(found.entry)).toBe(!found.expected.refreshing);
        found.expected.refreshing = true;
      }
    } else if (next.what === 'remove') {
      const found = look(next.key);
      if (found !== null) {
        cache.remove(found.entry);
        model.delete(keyOf(next.key));
      }
    } else if (next.what === 'others') {
      // Nobody asks for them again: they drive the ring round.
      for (let count = 0; count < next.count; count++) {
        const given = answer({ name: wireName([`other${++others}`]), type: 2, dataBytes: 800, now });
        expect(cache.put(given)).toBe(true);
        model.set(`other ${others}`, { answer: given, hits: 0, refreshing: false });
      }
      // Some have moved.
      for (const at of seen.values()) verify(at, 0);
    } else if (next.what === 'wait') {
      now += next.seconds;
    } else {
      // Before all is gone, what was lost is.
      lost += model.size - cache.stats().entries;
      model.clear();
      cache.clear();
    }
    cache.check();
  }
  const { entries, evicted, expiredEvicted } = cache.stats();
  expect(lost + model.size - entries).toBe(evicted + expiredEvicted);
  return evicted + expiredEvicted;
}

const steps = fc.array(step, { minLength: 200, maxLength: 500, size: 'max' });
const names = fc.uniqueArray(name, {
  minLength: 8,
  maxLength: 64,
  selector: (bytes) => Buffer.from(bytes).toString('hex'),
});

test.each<[string, KeyHash]>([
  ['the hash of a seed', keyedHash(1, 2)],
  [
    'four hashes for all keys',
    (bytes, offset, length) => Math.imul((bytes[offset + (length >> 1)] as number) & 2, 0x40000000) + (length & 1),
  ],
  ['one hash, in the last slot', () => -1],
])('like a Map that forgets the oldest: %s', (_, hash) => {
  let evicted = 0;
  fc.assert(
    fc.property(names, steps, (given, then) => {
      evicted += runBeside(hash, given, then);
    }),
    // Shrinking hundreds of steps would take minutes.
    { numRuns: 10, interruptAfterTimeLimit: 15_000 },
  );
  expect(evicted).toBeGreaterThan(100);
});
