/** SipHash-2-4 and the server cookies made with it; vectors of the SipHash paper and of RFC 9018 Appendix A. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientAt } from '../../src/dns64/server/client.js';
import { createCookies } from '../../src/dns64/server/cookie-policy.js';
import { COOKIE_BYTES, CookieState, ServerCookies } from '../../src/dns64/server/cookies.js';
import { SipHash } from '../../src/dns64/server/siphash.js';
import { Query } from '../../src/dns64/wire/query.js';
import { queryBytes } from './rig.js';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function sipHash(key: Uint8Array, message: Uint8Array): string {
  const hash = new SipHash(key);
  hash.hash(message, message.length);
  const out = Buffer.alloc(8);
  out.writeInt32LE(hash.low, 0);
  out.writeInt32LE(hash.high, 4);
  return out.toString('hex');
}

/** The same by the paper's text, in 64-bit numbers. */
function slowSipHash(key: Uint8Array, message: Uint8Array): string {
  const mask = (1n << 64n) - 1n;
  const rotate = (value: bigint, by: bigint) => ((value << by) | (value >> (64n - by))) & mask;
  const [k0, k1] = [Buffer.from(key).readBigUInt64LE(0), Buffer.from(key).readBigUInt64LE(8)];
  let [v0, v1] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn];
  let [v2, v3] = [k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n];
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) & mask;
      v2 = (v2 + v3) & mask;
      v1 = rotate(v1, 13n) ^ v0;
      v3 = rotate(v3, 16n) ^ v2;
      v0 = rotate(v0, 32n);
      v2 = (v2 + v1) & mask;
      v0 = (v0 + v3) & mask;
      v1 = rotate(v1, 17n) ^ v2;
      v3 = rotate(v3, 21n) ^ v0;
      v2 = rotate(v2, 32n);
    }
  };
  const padded = Buffer.alloc((message.length & ~7) + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    v3 ^= padded.readBigUInt64LE(at);
    rounds(2);
    v0 ^= padded.readBigUInt64LE(at);
  }
  v2 ^= 0xffn;
  rounds(4);
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3);
  return out.toString('hex');
}

describe('SipHash-2-4', () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);

  test.each([
    [0, '310e0edd47db6f72'],
    [1, 'fd67dc93c539f874'],
    [7, '37d1018bf50002ab'],
    [8, '6224939a79f5f593'],
    [15, 'e545be4961ca29a1'],
  ])('the reference vector of %d octets', (length, expected) => {
    const message = Uint8Array.from({ length }, (_, i) => i);
    expect(slowSipHash(key, message)).toBe(expected);
    expect(sipHash(key, message)).toBe(expected);
  });

  test('is what 64-bit arithmetic says, for any key and message', () => {
    const anyKey = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(anyKey, fc.uint8Array({ maxLength: 70 }), (k, message) => {
        expect(sipHash(k, message)).toBe(slowSipHash(k, message));
      }),
      { numRuns: 500 },
    );
  });

  test('a key of another length is refused', () => {
    expect(() => new SipHash(new Uint8Array(15))).toThrow(RangeError);
  });
});

const FIRST = 'e5e973e5a6b2a43f48e7dc849e37bfcf';
const OLD = 'dd3bdf9344b678b185a6f5cb60fca715';
const NEW = '445536bcd2513298075a5d379663c962';
const V6_CLIENT = '2001:db8:220:1:59de:d0f4:8769:82b8';

const octetsOf = (address: string) => clientAt(address, 'udp')?.address ?? new Uint8Array(0);

/** Cookies with a clock that the test sets. */
function at(seconds: number, secret = FIRST) {
  const clock = { seconds };
  const cookies = new ServerCookies({ secret: hex(secret), now: () => clock.seconds });
  const write = (client: string, address: string) => {
    const out = new Uint8Array(COOKIE_BYTES + 4);
    expect(cookies.write(out, 2, hex(`ff${client}`), 1, octetsOf(address), clock.seconds)).toBe(2 + COOKIE_BYTES);
    return toHex(out.subarray(2, 2 + COOKIE_BYTES));
  };
  const check = (cookie: string, address: string) =>
    cookies.check(hex(`ffff${cookie}`), 2, cookie.length / 2, octetsOf(address));
  return { clock, cookies, write, check };
}

describe('RFC 9018 Appendix A', () => {
  test.each([
    ['A.1', FIRST, '198.51.100.100', 1559731985, '2464c4abcf10c957010000005cf79f111f8130c3eee29480'],
    ['A.2', FIRST, '198.51.100.100', 1559734385, '2464c4abcf10c957010000005cf7a871d4a564a1442aca77'],
    ['A.3', FIRST, '203.0.113.203', 1559734700, 'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e'],
    ['A.4', NEW, V6_CLIENT, 1559741961, '22681ab97d52c298010000005cf7c609a6bb79d16625507a'],
  ])('DNS-SPOOF-11 %s: the cookie of the answer', (_name, secret, address, seconds, cookie) => {
    const { write, check } = at(seconds, secret);
    expect(write(cookie.slice(0, 16), address)).toBe(cookie);
    expect(check(cookie, address)).toBe(CookieState.VALID);
  });

  test('DNS-SPOOF-12 A.2: a cookie forty minutes old is valid and renewed', () => {
    const { check } = at(1559734385);
    expect(check('2464c4abcf10c957010000005cf79f111f8130c3eee29480', '198.51.100.100')).toBe(CookieState.RENEW);
  });

  test('DNS-SPOOF-11 A.3: reserved octets that are not zero count as they came', () => {
    const cookie = 'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5';
    expect(at(1559727985).check(cookie, '203.0.113.203')).toBe(CookieState.VALID);
    expect(at(1559727985).check(cookie.replace('abcdef', 'abcdee'), '203.0.113.203')).toBe(CookieState.INVALID);
  });

  test('DNS-SPOOF-16 A.4: a cookie of the secret before is valid and renewed', () => {
    const cookie = '22681ab97d52c298010000005cf7c57926556bd0934c72f8';
    const { cookies, check, write } = at(1559741961, OLD);
    expect(check(cookie, V6_CLIENT)).toBe(CookieState.VALID);
    cookies.roll(hex(NEW));
    expect(check(cookie, V6_CLIENT)).toBe(CookieState.RENEW);
    expect(write('22681ab97d52c298', V6_CLIENT)).toBe('22681ab97d52c298010000005cf7c609a6bb79d16625507a');
  });
});

describe('server cookies', () => {
  const CLIENT = '0011223344556677';
  const ADDRESS = '2001:db8::1';

  test.each([
    ['DNS-SPOOF-12 at once', 0, CookieState.VALID],
    ['DNS-SPOOF-12 30 minutes old', 1800, CookieState.VALID],
    ['DNS-SPOOF-12 past 30 minutes', 1801, CookieState.RENEW],
    ['DNS-SPOOF-12 an hour old', 3600, CookieState.RENEW],
    ['DNS-SPOOF-12 past an hour', 3601, CookieState.INVALID],
    ['DNS-SPOOF-12 5 minutes ahead', -300, CookieState.VALID],
    ['DNS-SPOOF-12 more than 5 minutes ahead', -301, CookieState.INVALID],
    ['DNS-SPOOF-12 half the number circle away', 2 ** 31, CookieState.INVALID],
  ])('%s', (_name, age, state) => {
    // The second start is where the 32-bit time stamp goes round, in 2106 (RFC 9018 §4.3: serial arithmetic).
    for (const start of [1_700_000_000, 2 ** 32 - 100, 2 ** 32 + 100]) {
      const { clock, write, check } = at(start);
      const cookie = write(CLIENT, ADDRESS);
      clock.seconds = start + age;
      expect(check(cookie, ADDRESS)).toBe(state);
    }
  });

  test.each([
    ['DNS-SPOOF-10 no option', '', CookieState.NONE],
    ['DNS-SPOOF-10 the client alone', CLIENT, CookieState.CLIENT_ONLY],
    ['DNS-SPOOF-10 the shortest of another server', `${CLIENT}${'01'.repeat(8)}`, CookieState.INVALID],
    ['DNS-SPOOF-10 the longest of another server', `${CLIENT}${'01'.repeat(32)}`, CookieState.INVALID],
    ['DNS-SPOOF-11 another version', `${CLIENT}02${'00'.repeat(15)}`, CookieState.INVALID],
  ])('%s', (_name, cookie, state) => {
    expect(at(1_700_000_000).check(cookie, ADDRESS)).toBe(state);
  });

  test('DNS-SPOOF-13 a cookie is of one client at one address, and no bit of it may differ', () => {
    const { write, check } = at(1_700_000_000);
    const cookie = write(CLIENT, ADDRESS);
    expect(check(cookie, ADDRESS)).toBe(CookieState.VALID);
    expect(check(cookie, '2001:db8::2')).toBe(CookieState.INVALID);
    expect(check(cookie, '192.0.2.1')).toBe(CookieState.INVALID);
    for (let bit = 0; bit < COOKIE_BYTES * 8; bit++) {
      const forged = hex(cookie);
      forged[bit >> 3] = (forged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(check(toHex(forged), ADDRESS)).toBe(CookieState.INVALID);
    }
  });

  test('DNS-SPOOF-16 the former secret is forgotten when no cookie of it can be valid', () => {
    const { clock, cookies, write, check } = at(1_700_000_000, OLD);
    const forger = at(1_700_000_000, OLD);
    const before = write(CLIENT, ADDRESS);
    cookies.roll(hex(NEW));
    expect(check(before, ADDRESS)).toBe(CookieState.RENEW);
    expect(check(write(CLIENT, ADDRESS), ADDRESS)).toBe(CookieState.VALID);
    for (const [later, state] of [
      [3900, CookieState.RENEW],
      [3901, CookieState.INVALID],
    ] as const) {
      clock.seconds = 1_700_000_000 + later;
      forger.clock.seconds = clock.seconds;
      expect(check(forger.write(CLIENT, ADDRESS), ADDRESS)).toBe(state);
    }
  });

  test('DNS-SPOOF-16 a second rollover forgets the first secret', () => {
    const { cookies, write, check } = at(1_700_000_000, FIRST);
    const cookie = write(CLIENT, ADDRESS);
    cookies.roll(hex(OLD));
    cookies.roll(hex(NEW));
    expect(check(cookie, ADDRESS)).toBe(CookieState.INVALID);
  });
});

describe('clients', () => {
  test.each([
    ['192.0.2.7', 4, 'c0000207'],
    ['::ffff:192.0.2.7', 4, 'c0000207'],
    ['::1', 6, '00000000000000000000000000000001'],
    ['fe80::2%eth0', 6, 'fe800000000000000000000000000002'],
  ])('%s', (text, family, octets) => {
    const client = clientAt(text, 'tcp');
    expect(client?.family).toBe(family);
    expect(toHex(client?.address ?? new Uint8Array(0))).toBe(octets);
  });

  test('a socket that is gone has no client', () => {
    expect(clientAt(undefined, 'tcp')).toBeNull();
  });
});

describe('what becomes of a query', () => {
  /** 'none' without a cookie, 'bad' for BADCOOKIE, else the cookie of the answer. */
  function answerTo(setting: 'off' | 'on' | 'require', cookie: string, transport: 'udp' | 'tcp' = 'udp') {
    const { cookies, clock } = at(1559731985);
    const policy = createCookies(
      cookies,
      () => setting,
      () => clock.seconds,
    );
    const query = new Query();
    query.read(queryBytes({ name: 'v4.example', options: [{ code: 10, data: Buffer.from(cookie, 'hex') }] }));
    const client = { family: 6 as const, address: octetsOf(V6_CLIENT), transport };
    const write = policy.answer(query, client);
    if (write === null || write === 'bad') return write ?? 'none';
    const out = new Uint8Array(COOKIE_BYTES);
    write(out, 0);
    return toHex(out);
  }
  const CLIENT = '2464c4abcf10c957';
  const good = at(1559731985).write(CLIENT, V6_CLIENT);

  test('DNS-SPOOF-13 off: none', () => {
    expect([answerTo('off', CLIENT), answerTo('off', good)]).toEqual(['none', 'none']);
  });

  test('DNS-SPOOF-13 on: whatever came, the answer brings a good one', () => {
    expect([answerTo('on', CLIENT), answerTo('on', `${CLIENT}${'00'.repeat(16)}`)]).toEqual([good, good]);
  });

  test('DNS-SPOOF-13 require: a good one or BADCOOKIE, which does not concern connections', () => {
    expect([answerTo('require', CLIENT), answerTo('require', good), answerTo('require', CLIENT, 'tcp')]).toEqual([
      'bad',
      good,
      good,
    ]);
  });
});
