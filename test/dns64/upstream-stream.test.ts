/** TCP and TLS to upstream servers, well-behaved and hostile. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { Frames } from '../../src/dns64/wire/frames.js';
import { Rcode } from '../../src/dns64/wire/numbers.js';
import { about, good, onlyTcp, overTcp, start, told, use } from './asking.js';
import { a, type Certificate, makeCertificate } from './fake-upstream.js';

const words = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));

describe('TCP', () => {
  test('DNS-TCP-13 the content of a reply with TC is not used', async () => {
    const upstream = await start((question) =>
      question.transport === 'udp' ? { tc: true, answers: [a('203.0.113.66', question)] } : good(question),
    );
    const upstreams = use([upstream]);
    expect(told(await upstreams.ask(about('www.example')))).toBe('192.0.2.1');
    expect(upstreams.stats().servers[0]).toMatchObject({ queries: 1, truncated: 1, tcp: 1, answers: 1 });
  });

  test('TC over TCP is no answer', async () => {
    const upstream = await start(() => ({ tc: true }));
    expect(told(await use([upstream]).ask(about('www.example')))).toBe('unreachable');
  });

  test('DNS-TCP-03 length and message leave in one write', async () => {
    const upstream = await start(overTcp(good));
    await use([upstream]).ask(about('www.example'));
    expect(upstream.chunks.length).toBe(1);
    expect(upstream.chunks[0]?.readUInt16BE()).toBe((upstream.chunks[0]?.length ?? 0) - 2);
  });

  test('DNS-TCP-06 answers come in any order', async () => {
    const upstream = await start(
      overTcp(async (question) => {
        const slow = question.name.toLowerCase() === 'slow.example';
        if (slow) await upstream.questions(4);
        return { answers: [a(slow ? '192.0.2.1' : '192.0.2.2', question)], delayMs: slow ? 20 : 0 };
      }),
    );
    const upstreams = use([upstream]);
    const ended: string[] = [];
    const note = async (name: string) => ended.push(`${name} ${told(await upstreams.ask(about(name)))}`);
    await Promise.all([note('slow.example'), note('fast.example')]);
    expect(ended).toEqual(['fast.example 192.0.2.2', 'slow.example 192.0.2.1']);
  });

  test('DNS-TCP-06 an answer to another question under its id is not taken', async () => {
    const upstream = await start(
      overTcp((question) => [
        { answers: [a('203.0.113.66', question)], questions: [{ name: 'evil.example', type: 'A' }] },
        { answers: [a('203.0.113.66', question)], idOffset: 1 },
        { answers: [a('192.0.2.1', question)] },
      ]),
    );
    const upstreams = use([upstream]);
    expect(told(await upstreams.ask(about('www.example')))).toBe('192.0.2.1');
    expect(upstreams.stats().servers[0]?.mismatches).toBe(2);
  });

  test('DNS-TCP-07 DNS-TCP-08 questions share one connection, each with an id of its own', async () => {
    const upstream = await start(
      overTcp(async (question) => {
        await upstream.questions(200);
        return good(question) as { answers: [] };
      }),
    );
    const upstreams = use([upstream]);
    const asks = Array.from({ length: 100 }, (_, i) => upstreams.ask(about(`a${i}.example`)));
    expect((await Promise.all(asks)).map(told)).toEqual(new Array(100).fill('192.0.2.1'));
    expect(upstream.connections).toBe(1);
    expect(new Set(onlyTcp(upstream).map(({ id }) => id)).size).toBe(100);
  });

  test('DNS-TCP-08 an idle connection is closed after ten seconds, and made anew when needed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const upstream = await start(overTcp(good));
    const upstreams = use([upstream]);
    await upstreams.ask(about('a.example'));
    vi.advanceTimersByTime(9_000);
    await upstreams.ask(about('b.example'));
    expect(upstream.connections).toBe(1);
    vi.advanceTimersByTime(9_900);
    expect(told(await upstreams.ask(about('c.example')))).toBe('192.0.2.1');
    expect(upstream.connections).toBe(1);
    vi.advanceTimersByTime(10_001);
    await upstream.disconnected();
    expect(told(await upstreams.ask(about('d.example')))).toBe('192.0.2.1');
    expect(upstream.connections).toBe(2);
  });

  test('a connection that brings nothing for five seconds is replaced', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const upstream = await start(overTcp((question) => (question.connection === 1 ? 'silence' : good(question))));
    const upstreams = use([upstream], { attemptMs: { least: 10_000, most: 10_000 } });
    const outcome = upstreams.ask(about('www.example'));
    await upstream.questions(2);
    vi.advanceTimersByTime(5_001);
    expect(told(await outcome)).toBe('192.0.2.1');
    expect(upstream.connections).toBe(2);
  });

  test('DNS-TCP-12 what a closed connection leaves unanswered is asked on a new one', async () => {
    const upstream = await start(overTcp((question) => ({ answers: [a('192.0.2.1', question)], close: true })));
    const upstreams = use([upstream]);
    const asks = ['a', 'b', 'c', 'd'].map((name) => upstreams.ask(about(`${name}.example`)));
    expect((await Promise.all(asks)).map(told)).toEqual(new Array(4).fill('192.0.2.1'));
    expect(upstream.connections).toBeGreaterThan(0);
  });

  test('DNS-TCP-12 a server that closes after each answer answers all', async () => {
    const served = new Set<number>();
    const upstream = await start(
      overTcp((question) => {
        if (served.has(question.connection)) return 'silence';
        served.add(question.connection);
        return { answers: [a('192.0.2.1', question)], close: true };
      }),
    );
    const upstreams = use([upstream]);
    const asks = ['a', 'b', 'c', 'd'].map((name) => upstreams.ask(about(`${name}.example`)));
    expect((await Promise.all(asks)).map(told)).toEqual(new Array(4).fill('192.0.2.1'));
    expect(upstream.connections).toBe(4);
  });

  test('DNS-TCP-12 a server that closes without an answer is tried once more, not for ever', async () => {
    const upstream = await start(overTcp(() => 'reset'));
    expect(told(await use([upstream]).ask(about('www.example')))).toBe('refused-transport');
    expect(upstream.connections).toBe(2);
  });

  test('no TCP at all ends the question, unless another server has it', async () => {
    const lame = await start(() => ({ tc: true }), { tcp: false });
    expect(told(await use([lame]).ask(about('www.example')))).toBe('refused-transport');
    const whole = await start(good);
    expect(told(await use([lame, whole]).ask(about('www.example')))).toBe('192.0.2.1');
  });

  test('DNS-TCP-04 an answer in pieces of one octet is put together', async () => {
    const upstream = await start(overTcp((question) => ({ answers: [a('192.0.2.1', question)], pieceBytes: 1 })));
    expect(told(await use([upstream]).ask(about('www.example')))).toBe('192.0.2.1');
  });

  test('messages are the same however they are cut', () => {
    const first = Buffer.alloc(12, 1);
    const second = Buffer.alloc(300, 2);
    const bytes = Buffer.concat([words(12), first, words(300), second, words(12), first]);
    for (let step = 1; step <= bytes.length; step++) {
      const frames = new Frames();
      const taken: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += step) {
        frames.push(bytes.subarray(at, at + step));
        for (let next = frames.next(); next !== null; next = frames.next()) taken.push(Buffer.from(next));
      }
      expect(taken).toEqual([first, second, first]);
    }
  });

  test.each([0, 11])('a length of %i ends the connection', async (length) => {
    const upstream = await start(overTcp(() => ({ raw: Buffer.concat([words(length), Buffer.alloc(length)]) })));
    expect(told(await use([upstream]).ask(about('www.example')))).toBe('refused-transport');
    await upstream.disconnected();
    expect(upstream.connections).toBe(2);
  });

  test('a great length and nothing behind it holds the question no longer than silence', async () => {
    const upstream = await start(overTcp(() => ({ raw: words(65_535, 0, 0) })));
    const upstreams = use([upstream], { timeoutMs: 60 });
    expect(told(await upstreams.ask(about('www.example')))).toBe('timeout');
  });

  test('a flood of answers that nobody asked for ends the connection', async () => {
    const upstream = await start(overTcp(() => Array.from({ length: 100 }, (_, i) => ({ idOffset: i + 1 }))));
    const upstreams = use([upstream]);
    expect(told(await upstreams.ask(about('www.example')))).toBe('refused-transport');
    expect(upstreams.stats().servers[0]?.mismatches).toBe(40);
  });

  test('a forged cookie is not taken over TCP either', async () => {
    const upstream = await start(
      overTcp((question) => [
        { answers: [a('203.0.113.66', question)], cookie: Buffer.alloc(16) },
        { rcode: Rcode.NXDOMAIN },
      ]),
    );
    expect(told(await use([upstream]).ask(about('www.example')))).toBe('rcode 3');
  });
});

describe('TLS', () => {
  let certificate: Certificate;
  beforeAll(() => {
    certificate = makeCertificate('dns.example');
  });

  test('a server with the right name is asked over TLS alone, on one connection', async () => {
    const upstream = await start(good, { tls: certificate });
    const upstreams = use([upstream]);
    const asks = ['a', 'b', 'c'].map((name) => upstreams.ask(about(`${name}.example`)));
    expect((await Promise.all(asks)).map(told)).toEqual(new Array(3).fill('192.0.2.1'));
    expect(upstream.asked.map(({ transport }) => transport)).toEqual(['tls', 'tls', 'tls']);
    expect(upstream.connections).toBe(1);
    expect(upstreams.stats().servers[0]).toMatchObject({ transport: 'tls', tcp: 3, answers: 3 });
  });

  test.each([
    ['another name', 'other.example'],
    ['an address it does not have', '192.0.2.1'],
  ])('a server with %s is refused, and not asked in the clear', async (_, tlsName) => {
    const upstream = await start(good, { tls: certificate, tlsName });
    const upstreams = use([upstream]);
    expect(told(await upstreams.ask(about('www.example')))).toBe('refused-transport');
    expect(upstream.asked).toEqual([]);
    expect(upstreams.stats().servers[0]?.errors).toBe(1);
  });

  test('a certificate of nobody known is refused when there is a name', async () => {
    const upstream = await start(good, { tls: certificate });
    const stranger = { ...upstream.server, tls: { name: 'dns.example' } };
    expect(told(await use([], { servers: [stranger] }).ask(about('www.example')))).toBe('refused-transport');
    expect(upstream.asked).toEqual([]);
  });

  test('without a name any certificate does', async () => {
    const upstream = await start(good, { tls: certificate });
    const anybody = { ...upstream.server, tls: { name: null } };
    expect(told(await use([], { servers: [anybody] }).ask(about('www.example')))).toBe('192.0.2.1');
  });

  test('a server that speaks no TLS is not asked in the clear', async () => {
    const upstream = await start(good);
    const tls = { ...upstream.server, tls: { name: null } };
    const upstreams = use([], { servers: [tls], timeoutMs: 100, attemptMs: { least: 100, most: 100 } });
    expect(['timeout', 'refused-transport']).toContain(told(await upstreams.ask(about('www.example'))));
    expect(upstream.asked).toEqual([]);
  });

  test('the session is resumed on the next connection', async () => {
    const upstream = await start((question) => ({ answers: [a('192.0.2.1', question)], close: true }), {
      tls: certificate,
    });
    const upstreams = use([upstream]);
    for (const name of ['a.example', 'b.example']) {
      expect(told(await upstreams.ask(about(name)))).toBe('192.0.2.1');
      await upstream.disconnected();
    }
    expect(upstream.asked.map(({ resumed }) => resumed)).toEqual([false, true]);
  });
});
