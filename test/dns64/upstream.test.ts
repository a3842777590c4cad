/** The client side of the DNS64 server against upstream servers that do what they are told. */
import { describe, expect, test } from 'vitest';
import { Histogram } from '../../src/dns64/upstream/histogram.js';
import { below, createRandom } from '../../src/dns64/upstream/random.js';
import { drawPort } from '../../src/dns64/upstream/source.js';
import { knownName } from '../../src/dns64/wire/name.js';
import { Rcode, Type } from '../../src/dns64/wire/numbers.js';
import { about, good, PATIENT, start, told, use } from './asking.js';
import { type Asked, a, type FakeUpstream } from './fake-upstream.js';

describe('a question', () => {
  test.each(['::1', '127.0.0.1'])('DNS-TCP-01 is asked over UDP and TCP at %s', async (address) => {
    const upstream = await start(
      (question) => (question.name.startsWith('b') && question.transport === 'udp' ? { tc: true } : good(question)),
      { address },
    );
    const upstreams = use([upstream], { caseRandomisation: false });
    const outcome = await upstreams.ask(about('a.example'));
    expect(told(outcome)).toBe('192.0.2.1');
    expect(outcome).toMatchObject({
      upstream: `${address}#${upstream.server.port}`,
    });
    expect(told(await upstreams.ask(about('b.example')))).toBe('192.0.2.1');
    expect(upstream.asked.map(({ transport }) => transport)).toEqual(['udp', 'udp', 'tcp']);
  });

  test('DNS-EDNS-06, DNS-SEC-13 has an OPT of our own, with the bits that are asked for, and always AD', async () => {
    const upstream = await start(good);
    const upstreams = use([upstream], { cookies: false });
    await upstreams.ask(about('a.example'));
    await upstreams.ask(about('b.example', { dnssecOk: true }));
    await upstreams.ask(about('c.example', { checkingDisabled: true, type: Type.AAAA }));
    const bits = { rd: true, ad: true, cd: false, do: false, edns: true, udpBytes: 1232, options: [], type: 'A' };
    expect(upstream.asked).toMatchObject([bits, { ...bits, do: true }, { ...bits, cd: true, type: 'AAAA' }]);
  });

  test('any RCODE is an answer when there is one server', async () => {
    const upstream = await start(() => ({ rcode: Rcode.REFUSED }));
    const upstreams = use([upstream]);
    expect(told(await upstreams.ask(about('a.example')))).toBe('rcode 5');
    expect(upstreams.stats().servers[0]).toMatchObject({ queries: 1, answers: 1, timeouts: 0, dead: false });
  });

  test('without servers it fails at once', async () => {
    const upstreams = use([]);
    expect(await upstreams.ask(about('a.example'))).toEqual({ kind: 'failed', reason: 'unreachable' });
    expect(upstreams.usable).toBe(false);
    expect(upstreams.stats()).toMatchObject({ open: 0, failed: 1 });
  });

  test('the answer is counted in the histogram by its time', async () => {
    const upstream = await start(good);
    const upstreams = use([upstream]);
    await upstreams.ask(about('a.example'));
    const { latency } = upstreams.stats();
    expect(latency.counts.reduce((sum, count) => sum + count)).toBe(1);
    const histogram = new Histogram();
    for (const ms of [0, 0.25, 0.26, 0.5, 16_384, 16_385, 1e9]) histogram.add(ms);
    expect(histogram.counts.slice(0, 3)).toEqual([2, 2, 0]);
    expect(histogram.counts.slice(-2)).toEqual([1, 2]);
  });
});

describe('forged replies', () => {
  const other = (question: Asked, more: Partial<{ name: string; type: string; class: string }>) => ({
    questions: [{ name: question.name, type: 'A', ...more }],
  });
  test.each<[string, (question: Asked) => object]>([
    ['id', () => ({ idOffset: 1 })],
    ['name', (question) => other(question, { name: 'evil.example' })],
    ['length of the name', (question) => other(question, { name: `${question.name}.example` })],
    ['type', (question) => other(question, { type: 'AAAA' })],
    ['class', (question) => other(question, { class: 'CH' })],
    ['port', () => ({ fromOtherPort: true })],
    ['direction', (question) => ({ raw: Buffer.from([question.id >> 8, question.id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) })],
    ['length', () => ({ raw: Buffer.from([1]) })],
  ])('DNS-SPOOF-01 DNS-SPOOF-02 another %s: the reply is dropped and the right one is waited for', async (_, wrong) => {
    const upstream = await start((question) => [
      { answers: [a('203.0.113.66', question)], ...wrong(question) },
      { answers: [a('192.0.2.1', question)], delayMs: 20 },
    ]);
    const upstreams = use([upstream]);
    expect(told(await upstreams.ask(about('www.example')))).toBe('192.0.2.1');
    expect(upstream.asked.length).toBe(1);
    // The kernel drops what comes from another port: the socket is connected.
    expect(upstreams.stats().servers[0]?.mismatches).toBe(
      Object.hasOwn(wrong(upstream.asked[0] as Asked), 'fromOtherPort') ? 0 : 1,
    );
  });

  test('DNS-SPOOF-02 a reply that cannot be read is counted and dropped', async () => {
    const upstream = await start((question) => {
      const name = Buffer.concat([
        ...question.name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
        Buffer.alloc(1),
      ]);
      const head = Buffer.from([question.id >> 8, question.id, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
      return [
        { raw: Buffer.concat([head, name, Buffer.from([0, 1, 0, 1, 0xc0])]) },
        { answers: [a('192.0.2.1', question)], delayMs: 20 },
      ];
    });
    const upstreams = use([upstream]);
    expect(told(await upstreams.ask(about('www.example')))).toBe('192.0.2.1');
    expect(upstreams.stats().servers[0]).toMatchObject({ malformed: 1, mismatches: 1 });
  });

  test('DNS-SPOOF-03 ports are spread evenly over 1024..65535, without those to be avoided', () => {
    const random = createRandom();
    const classes = new Array<number>(63).fill(0);
    let outside = 0;
    for (let i = 0; i < 63_000; i++) {
      const port = drawPort(random, [{ from: 5000, to: 5001 }]);
      if (port < 1024 || port > 65_535 || port === 5000 || port === 5001) outside++;
      const index = Math.floor((port - 1024) / 1024);
      classes[index] = (classes[index] as number) + 1;
    }
    expect(outside).toBe(0);
    // 62 degrees of freedom: 122 is passed once in 10,000,000 runs.
    expect(classes.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(122);
    expect(drawPort(random, [{ from: 1, to: 65_535 }])).toBe(0);
  });

  test('DNS-SPOOF-03 several ports are in use, none for long', async () => {
    const upstream = await start(good);
    const upstreams = use([upstream]);
    for (let i = 0; i < 1_000; i++) await upstreams.ask(about(`a${i}.example`));
    const uses = new Map<number, number>();
    for (const { port } of upstream.asked) uses.set(port, (uses.get(port) ?? 0) + 1);
    expect(uses.size).toBeGreaterThan(12);
    expect(Math.max(...uses.values())).toBeLessThanOrEqual(64);
    // Ports one after the other would be a counter's.
    const ports = [...uses.keys()];
    expect(ports.filter((port, i) => Math.abs(port - (ports[i - 1] ?? 0)) < 16).length).toBeLessThan(3);
  });

  test('DNS-SPOOF-03 a port that is taken is left for another', async () => {
    const upstream = await start(good);
    const taken = await start(good);
    const random = createRandom();
    const words = [0, taken.server.port - 1024];
    const upstreams = use([upstream], {}, { random: { word: () => words.shift() ?? random.word() }, now: () => 0 });
    expect(told(await upstreams.ask(about('1.1')))).toBe('192.0.2.1');
    expect(upstream.asked[0]?.port).not.toBe(taken.server.port);
  });

  test('DNS-SPOOF-04 numbers are spread evenly over all 16 bits', () => {
    const random = createRandom();
    const bits = new Array<number>(16).fill(0);
    for (let i = 0; i < 20_000; i++) {
      const word = random.word();
      for (let bit = 0; bit < 16; bit++) bits[bit] = (bits[bit] as number) + ((word >> bit) & 1);
    }
    // Six standard deviations of sqrt(20000) / 2.
    for (const count of bits) expect(Math.abs(count - 10_000)).toBeLessThan(425);
    const words = [65_535, 65_534, 7];
    expect(below({ word: () => words.shift() as number }, 3)).toBe(2);
    expect(below({ word: () => 65_535 - words.length }, 65_536)).toBe(65_534);
  });

  test('DNS-SPOOF-04 DNS-TCP-07 no id is used twice at a time, though the generator repeats itself', async () => {
    const upstream = await start((question) =>
      question.transport === 'udp' && question.name.startsWith('t') ? { tc: true } : 'silence',
    );
    const upstreams = use(
      [upstream],
      { caseRandomisation: false },
      { random: { word: () => 7 }, now: () => performance.now() },
    );
    for (const name of ['a', 'b', 'c', 't1', 't2', 't3']) void upstreams.ask(about(name));
    await upstream.questions(9);
    const ids = (transport: string) => upstream.asked.filter((one) => one.transport === transport).map(({ id }) => id);
    expect(new Set(upstream.asked.map(({ port }) => port)).size).toBe(2);
    expect(ids('udp').slice(0, 3)).toEqual([7, 8, 9]);
    expect(ids('tcp')).toEqual([7, 8, 9]);
  });

  test('DNS-SPOOF-05 all own addresses are used', async () => {
    const upstream = await start(good, { address: '127.0.0.1' });
    const upstreams = use([upstream], { sourceAddresses: ['127.0.0.2', '127.0.0.3', '::1'] });
    for (let i = 0; i < 1_500; i++) await upstreams.ask(about(`a${i}.example`));
    const cookies = new Map(upstream.asked.map(({ address, cookie }) => [address, cookie?.toString('hex')]));
    expect([...cookies.keys()].sort()).toEqual(['127.0.0.2', '127.0.0.3']);
    // RFC 9018 §3: another address, another client cookie.
    expect(new Set(cookies.values()).size).toBe(2);
  });

  test('DNS-SPOOF-06 the same question is open once, in whatever letter case', async () => {
    const upstream = await start(good);
    const upstreams = use([upstream]);
    const asks = Array.from({ length: 100 }, (_, i) =>
      upstreams.ask({
        ...about('x'),
        name:
          i % 2 === 0
            ? knownName('www.example')
            : Uint8Array.from([3, 87, 87, 119, 7, 69, 120, 97, 109, 112, 108, 101, 0]),
      }),
    );
    expect(new Set((await Promise.all(asks)).map(told))).toEqual(new Set(['192.0.2.1']));
    expect(upstream.asked.length).toBe(1);
    expect(upstreams.stats().joined).toBe(99);
    await Promise.all([
      upstreams.ask(about('www.example')),
      upstreams.ask(about('www.example', { dnssecOk: true })),
      upstreams.ask(about('www.example', { checkingDisabled: true })),
      upstreams.ask(about('www.example', { type: Type.AAAA })),
    ]);
    expect(upstream.asked.length).toBe(5);
  });

  test('DNS-SPOOF-07 after 20 mismatches the question goes over TCP', async () => {
    const forged = (count: number) => Array.from({ length: count }, (_, i) => ({ idOffset: i + 1 }));
    const upstream = await start((question) => {
      if (question.transport === 'tcp') return good(question);
      return question.name.toLowerCase().startsWith('many')
        ? forged(20)
        : [...forged(19), { answers: [a('192.0.2.2', question)], delayMs: 10 }];
    });
    const upstreams = use([upstream]);
    expect(told(await upstreams.ask(about('some.example')))).toBe('192.0.2.2');
    expect(upstreams.stats().servers[0]).toMatchObject({ mismatches: 19, flooded: 0, tcp: 0 });
    expect(told(await upstreams.ask(about('many.example')))).toBe('192.0.2.1');
    expect(upstreams.stats().servers[0]).toMatchObject({ mismatches: 39, flooded: 1, tcp: 1 });
  });
});

describe('letter case', () => {
  const lowered = (question: Asked) => ({ questions: [{ name: question.name.toLowerCase(), type: question.type }] });

  test('DNS-SPOOF-08 it differs from question to question, and only when wanted', async () => {
    const upstream = await start(good);
    const upstreams = use([upstream]);
    for (let i = 0; i < 5; i++) await upstreams.ask(about('a-name-of-many-letters.example'));
    expect(new Set(upstream.asked.map(({ name }) => name)).size).toBe(5);
    upstreams.reconfigure({ ...PATIENT, servers: [upstream.server], caseRandomisation: false });
    await upstreams.ask(about('a-name-of-many-letters.example'));
    expect(upstream.asked[5]?.name).toBe('a-name-of-many-letters.example');
  });

  test('DNS-SPOOF-08 a server that does not keep it is asked over TCP, and without it for ten minutes', async () => {
    let now = 0;
    const upstream = await start((question) => ({ answers: [a('192.0.2.1', question)], ...lowered(question) }));
    const upstreams = use([upstream], {}, { random: createRandom(), now: () => now });
    for (const step of [0, 1, 600_000]) {
      now += step;
      expect(told(await upstreams.ask(about('a-name-of-many-letters.example')))).toBe('192.0.2.1');
    }
    expect(upstream.asked.map(({ transport }) => transport)).toEqual(['udp', 'tcp', 'udp', 'udp', 'tcp']);
    expect(upstream.asked[2]?.name).toBe('a-name-of-many-letters.example');
  });

  test('DNS-SPOOF-08 a forger cannot switch it off: TCP tells that the server keeps it', async () => {
    const upstream = await start((question) =>
      question.transport === 'udp' ? { answers: [a('203.0.113.66', question)], ...lowered(question) } : good(question),
    );
    const upstreams = use([upstream]);
    for (let i = 0; i < 2; i++)
      expect(told(await upstreams.ask(about('a-name-of-many-letters.example')))).toBe('192.0.2.1');
    expect(upstream.asked.map(({ transport }) => transport)).toEqual(['udp', 'tcp', 'udp', 'tcp']);
    expect(upstream.asked[2]?.name).not.toBe('a-name-of-many-letters.example');
    expect(upstreams.stats().servers[0]?.mismatches).toBe(2);
  });
});

describe('cookies', () => {
  const server = Buffer.from('0100000065f1c2d30011223344556677', 'hex');
  const withCookie = (question: Asked, more = {}) => ({
    answers: [a('192.0.2.1', question)],
    cookie: Buffer.concat([(question.cookie as Buffer).subarray(0, 8), server]),
    ...more,
  });

  test('DNS-SPOOF-14 each server has a client cookie of its own, and gets its server cookie back', async () => {
    const first = await start((question) => withCookie(question));
    const second = await start((question) => withCookie(question));
    const one = use([first, second]);
    for (let i = 0; i < 4; i++) await one.ask(about(`a${i}.example`));
    const sent = (upstream: FakeUpstream) => upstream.asked.map(({ cookie }) => cookie as Buffer);
    expect(sent(first)[0]?.length).toBe(8);
    expect(sent(first)[0]).not.toEqual(sent(second)[0]);
    const later = [...sent(first).slice(1), ...sent(second).slice(1)];
    for (const cookie of later) expect(cookie.subarray(8)).toEqual(server);
    one.reconfigure({ ...PATIENT, servers: [first.server] });
    await one.ask(about('b.example'));
    const fresh = sent(first).at(-1) as Buffer;
    expect(fresh.length).toBe(8);
    expect(fresh).not.toEqual(sent(first)[0]);
  });

  test.each([
    ['wrong', (right: Buffer) => Buffer.concat([Buffer.alloc(8), right.subarray(8)])],
    ['too short', (right: Buffer) => right.subarray(0, 7)],
    ['of a wrong length', (right: Buffer) => right.subarray(0, 12)],
    ['too long', (right: Buffer) => Buffer.concat([right, Buffer.alloc(20)])],
  ])('DNS-SPOOF-14 a reply whose cookie is %s is discarded', async (_, spoil) => {
    const upstream = await start((question) => [
      { answers: [a('203.0.113.66', question)], cookie: spoil(withCookie(question).cookie) },
      withCookie(question, { delayMs: 20 }),
    ]);
    const upstreams = use([upstream]);
    expect(told(await upstreams.ask(about('www.example')))).toBe('192.0.2.1');
    expect(upstreams.stats().servers[0]).toMatchObject({ badCookies: 1, mismatches: 1 });
  });

  test('DNS-SPOOF-14 a reply without the expected cookie is discarded; a server that gave them up is believed over TCP', async () => {
    let gives = true;
    const upstream = await start((question) => (gives ? withCookie(question) : good(question)));
    const upstreams = use([upstream]);
    await upstreams.ask(about('a.example'));
    gives = false;
    await upstreams.ask(about('b.example'));
    await upstreams.ask(about('c.example'));
    expect(upstream.asked.map(({ transport }) => transport)).toEqual(['udp', 'udp', 'tcp', 'udp']);
    expect(upstreams.stats().servers[0]?.badCookies).toBe(1);
  });

  test('DNS-SPOOF-15 BADCOOKIE: once more with the new cookie', async () => {
    const upstream = await start((question) =>
      withCookie(question, question.cookie?.length === 8 ? { rcode: Rcode.BADCOOKIE, answers: [] } : {}),
    );
    expect(told(await use([upstream]).ask(about('www.example')))).toBe('192.0.2.1');
    expect(upstream.asked.map(({ transport, cookie }) => [transport, cookie?.length])).toEqual([
      ['udp', 8],
      ['udp', 24],
    ]);
  });

  test('DNS-SPOOF-15 BADCOOKIE again: TCP', async () => {
    const upstream = await start((question) =>
      withCookie(question, question.transport === 'udp' ? { rcode: Rcode.BADCOOKIE, answers: [] } : {}),
    );
    expect(told(await use([upstream]).ask(about('www.example')))).toBe('192.0.2.1');
    expect(upstream.asked.map(({ transport }) => transport)).toEqual(['udp', 'udp', 'tcp']);
  });
});

describe('servers without EDNS', () => {
  test.each([Rcode.FORMERR, Rcode.NOTIMP])(
    'DNS-EDNS-12 RCODE %i: once without OPT, and so for five minutes',
    async (rcode) => {
      let now = 0;
      const upstream = await start((question) => (question.edns ? { rcode, edns: false } : good(question)));
      const upstreams = use([upstream], {}, { random: createRandom(), now: () => now });
      for (const step of [0, 299_999, 1]) {
        now += step;
        expect(told(await upstreams.ask(about('www.example')))).toBe('192.0.2.1');
      }
      expect(upstream.asked.map(({ edns }) => edns)).toEqual([true, false, false, true, false]);
    },
  );

  test('DNS-EDNS-12 who needs DNSSEC gets the error', async () => {
    const upstream = await start((question) =>
      question.edns ? { rcode: Rcode.FORMERR, edns: false } : good(question),
    );
    expect(told(await use([upstream]).ask(about('www.example', { dnssecOk: true })))).toBe('rcode 1');
    expect(upstream.asked.length).toBe(1);
  });

  test('DNS-EDNS-12 FORMERR with an OPT is about something else', async () => {
    const upstream = await start(() => ({ rcode: Rcode.FORMERR }));
    expect(told(await use([upstream]).ask(about('www.example')))).toBe('rcode 1');
    expect(upstream.asked.length).toBe(1);
  });

  test('DNS-EDNS-12 an error without a question is not believed over UDP, but over TCP', async () => {
    const upstream = await start((question) =>
      question.edns ? { rcode: Rcode.FORMERR, edns: false, questions: [] } : good(question),
    );
    expect(told(await use([upstream]).ask(about('www.example')))).toBe('192.0.2.1');
    expect(upstream.asked.map(({ transport, edns }) => [transport, edns])).toEqual([
      ['udp', true],
      ['tcp', true],
      ['tcp', false],
    ]);
  });
});
