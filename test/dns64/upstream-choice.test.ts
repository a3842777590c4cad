/** Which server is asked, how long it is waited for, and what becomes of servers that do not answer. */
import { describe, expect, test } from 'vitest';
import { Health } from '../../src/dns64/upstream/health.js';
import { createRandom } from '../../src/dns64/upstream/random.js';
import { Rcode } from '../../src/dns64/wire/numbers.js';
import { about, good, PATIENT, SHORT, start, told, use } from './asking.js';
import { a, type FakeUpstream, type Script } from './fake-upstream.js';

const BOUNDS = { least: 250, most: 2_000 };
const other: Script = (question) => ({ answers: [a('192.0.2.2', question)] });
const counts = (...upstreams: FakeUpstream[]) => upstreams.map(({ asked }) => asked.length);

describe('attempts', () => {
  test('a silent server: the next one is asked', async () => {
    const [silent, alive] = [await start(() => 'silence'), await start(good)];
    const upstreams = use([silent, alive], SHORT);
    expect(told(await upstreams.ask(about('www.example')))).toBe('192.0.2.1');
    expect(counts(silent, alive)).toEqual([1, 1]);
    expect(upstreams.stats().servers.map(({ timeouts }) => timeouts)).toEqual([1, 0]);
  });

  test('the first server may still answer while the second is asked', async () => {
    const second = await start(() => 'silence');
    const first = await start((question) => ({ answers: [a('192.0.2.1', question)], after: second.questions(1) }));
    expect(await use([first, second], SHORT).ask(about('www.example'))).toMatchObject({
      kind: 'answer',
      upstream: `::1#${first.server.port}`,
    });
  });

  test('a lone silent server gets the same packet again, then TCP', async () => {
    const upstream = await start((question) => (question.transport === 'tcp' ? good(question) : 'silence'));
    expect(told(await use([upstream], SHORT).ask(about('www.example')))).toBe('192.0.2.1');
    const [first, second, third] = upstream.asked;
    expect(second).toEqual(first);
    expect(third).toMatchObject({ transport: 'tcp' });
    expect(upstream.asked.length).toBe(3);
  });

  test('the whole ends in its time, after four attempts at most', async () => {
    const silent = await Promise.all(Array.from({ length: 6 }, () => start(() => 'silence')));
    const upstreams = use(silent, { ...SHORT, timeoutMs: 1_000 });
    expect(told(await upstreams.ask(about('www.example')))).toBe('timeout');
    expect(counts(...silent)).toEqual([1, 1, 1, 1, 0, 0]);
    expect(upstreams.stats()).toMatchObject({ open: 0, failed: 1 });
  });

  test('where nobody listens the next server is asked at once', async () => {
    const gone = await start(good);
    await gone.close();
    const alive = await start(good);
    const upstreams = use([gone, alive], { attemptMs: { least: 5_000, most: 5_000 } });
    expect(told(await upstreams.ask(about('www.example')))).toBe('192.0.2.1');
    expect(upstreams.stats().servers[0]?.errors).toBe(1);
    const alone = use([gone]);
    expect(told(await alone.ask(about('www.example')))).toBe('unreachable');
  });

  test('an own address that is gone is no server to be waited for', async () => {
    const upstream = await start(good, { address: '127.0.0.1' });
    const upstreams = use([upstream], { sourceAddresses: ['192.0.2.9'] });
    expect(told(await upstreams.ask(about('www.example')))).toBe('unreachable');
    upstreams.reconfigure({ ...PATIENT, servers: [upstream.server] });
    expect(told(await upstreams.ask(about('www.example')))).toBe('192.0.2.1');
  });

  test.each([Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP])(
    'RCODE %i is held against one other opinion',
    async (rcode) => {
      const bad = await start(() => ({ rcode }));
      const [better, third] = [await start(good), await start(good)];
      expect(told(await use([bad, better, third]).ask(about('www.example')))).toBe('192.0.2.1');
      expect(counts(bad, better, third)).toEqual([1, 1, 0]);
    },
  );

  test('of two bad answers the last is told, and no third is asked for', async () => {
    const [first, second] = [
      await start(() => ({ rcode: Rcode.REFUSED })),
      await start(() => ({ rcode: Rcode.SERVFAIL })),
    ];
    const third = await start(good);
    expect(told(await use([first, second, third]).ask(about('www.example')))).toBe('rcode 2');
    expect(counts(first, second, third)).toEqual([1, 1, 0]);
  });

  test('a bad answer is told when the other opinion does not come, or cannot be had', async () => {
    const [bad, silent] = [await start(() => ({ rcode: Rcode.SERVFAIL })), await start(() => 'silence')];
    const gone = await start(good);
    await gone.close();
    expect(told(await use([bad, silent], SHORT).ask(about('www.example')))).toBe('rcode 2');
    expect(counts(bad, silent)).toEqual([1, 1]);
    expect(told(await use([bad, gone]).ask(about('www.example')))).toBe('rcode 2');
  });

  test('NXDOMAIN is an answer like any other', async () => {
    const [first, second] = [await start(() => ({ rcode: Rcode.NXDOMAIN })), await start(good)];
    expect(told(await use([first, second]).ask(about('www.example')))).toBe('rcode 3');
    expect(counts(first, second)).toEqual([1, 0]);
  });
});

describe('the choice', () => {
  test('falls on the faster server, and now and then on the slower', () => {
    const [fast, slow] = [new Health(), new Health()];
    for (const [health, rtt] of [
      [fast, 10],
      [slow, 40],
    ] as const) {
      expect(health.score(0)).toBe(0);
      health.asked(0);
      health.answered(rtt);
    }
    expect(fast.score(0)).toBeLessThan(slow.score(0));
    // The fast one is asked all the time; the slow one's time counts a quarter after two minutes.
    fast.asked(121_000);
    expect(slow.score(121_000)).toBeLessThan(fast.score(121_000));
    slow.asked(121_000);
    expect(fast.score(121_000)).toBeLessThan(slow.score(121_000));
  });

  test('time is smoothed, and the wait follows it within its bounds', () => {
    const health = new Health();
    expect(health.attemptMs(BOUNDS)).toBe(400);
    health.answered(100);
    expect([health.srttMs, health.attemptMs(BOUNDS)]).toEqual([100, 300]);
    health.answered(180);
    expect(health.srttMs).toBe(110);
    health.answered(null);
    expect(health.srttMs).toBe(110);
    for (let i = 0; i < 100; i++) health.answered(1);
    expect(health.attemptMs(BOUNDS)).toBe(250);
    for (let i = 0; i < 100; i++) health.answered(5_000);
    expect(health.attemptMs(BOUNDS)).toBe(2_000);
  });

  test('DNS-CACHE-07 five failures in a row mark a server, longer each time, for 300 s at most', () => {
    const health = new Health();
    for (let i = 0; i < 4; i++) health.failed(0);
    health.answered(1);
    for (let i = 0; i < 4; i++) health.failed(0);
    expect(health.dead).toBe(false);
    health.failed(0);
    expect(health.dead).toBe(true);
    let now = 0;
    const marks: number[] = [];
    for (let i = 0; i < 12; i++) {
      const from = now;
      // What failed before the time is over says nothing new.
      health.failed(now);
      while (!health.probeDue(now)) now += 500;
      marks.push((now - from) / 1000);
      health.failed(now);
    }
    expect(marks).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]);
    health.answered(1);
    expect([health.dead, health.probeDue(now)]).toEqual([false, false]);
  });

  test('DNS-CACHE-07 a dead server is probed by one question at a time, beside a living one', async () => {
    let now = 0;
    let back = false;
    const sick = await start((question) => (back ? good(question) : 'silence'));
    const well = await start(other);
    const upstreams = use([sick], { ...SHORT, timeoutMs: 30 }, { random: createRandom(), now: () => now });
    const asks = Array.from({ length: 5 }, (_, i) => upstreams.ask(about(`a${i}.example`)));
    await sick.questions(5);
    now += 30;
    expect(new Set((await Promise.all(asks)).map(told))).toEqual(new Set(['timeout']));
    expect(upstreams.usable).toBe(false);

    upstreams.reconfigure({ ...PATIENT, servers: [sick.server, well.server] });
    expect(upstreams.usable).toBeNull();
    expect(told(await upstreams.ask(about('b.example')))).toBe('192.0.2.2');
    expect(upstreams.usable).toBe(true);
    expect(counts(sick, well)).toEqual([5, 1]);

    now += 2_000;
    back = true;
    expect(
      (await Promise.all([upstreams.ask(about('c.example')), upstreams.ask(about('d.example'))])).map(told),
    ).toEqual(['192.0.2.2', '192.0.2.2']);
    await sick.questions(6);
    await expect.poll(() => upstreams.stats().servers[0]?.dead, { interval: 1 }).toBe(false);
    expect(counts(sick, well)).toEqual([6, 3]);
  });

  test('DNS-CACHE-07 watched, a server is known to live, and found again, without a question', async () => {
    let now = 0;
    let back = true;
    const server = await start((question) => (back ? good(question) : 'silence'));
    const upstreams = use([server], { ...SHORT, timeoutMs: 30 }, { random: createRandom(), now: () => now });
    upstreams.watch();
    expect(upstreams.usable).toBeNull();
    await expect.poll(() => upstreams.usable, { interval: 1 }).toBe(true);
    expect(server.asked).toMatchObject([
      { name: expect.stringMatching(/^1\.0\.0\.127\.in-addr\.arpa$/i), type: 'PTR' },
    ]);

    back = false;
    const asks = Array.from({ length: 5 }, (_, i) => upstreams.ask(about(`a${i}.example`)));
    await server.questions(6);
    now += 30;
    await Promise.all(asks);
    expect(upstreams.usable).toBe(false);
    now += 2_000;
    back = true;
    await expect.poll(() => upstreams.usable, { timeout: 5_000 }).toBe(true);
    expect(counts(server)).toEqual([7]);
  });

  test('watched, a server where nobody listens is marked without a question', async () => {
    const gone = await start(good);
    const upstreams = use([gone], SHORT);
    await gone.close();
    upstreams.watch();
    expect(upstreams.usable).toBeNull();
    await expect.poll(() => upstreams.usable, { timeout: 15_000 }).toBe(false);
  }, 20_000);

  test('with all dead, all are asked', async () => {
    let now = 0;
    let back = false;
    const servers = await Promise.all([0, 1].map(() => start((question) => (back ? good(question) : 'silence'))));
    const upstreams = use(servers, { ...SHORT, timeoutMs: 60 }, { random: createRandom(), now: () => now });
    const asks = Array.from({ length: 5 }, (_, i) => upstreams.ask(about(`a${i}.example`)));
    await Promise.all(servers.map((server) => server.questions(5)));
    now += 60;
    await Promise.all(asks);
    expect(upstreams.usable).toBe(false);
    back = true;
    expect(told(await upstreams.ask(about('b.example')))).toBe('192.0.2.1');
    expect(upstreams.usable).toBe(true);
  });
});

describe('bounds and ends', () => {
  test('too many different questions are refused', async () => {
    const upstream = await start(() => 'silence');
    const upstreams = use([upstream], { maxOpen: 2 });
    const open = ['a', 'b'].map((name) => upstreams.ask(about(name)));
    expect(told(await upstreams.ask(about('c')))).toBe('overload');
    expect(upstreams.stats()).toMatchObject({ open: 2, overload: 1 });
    void upstreams.ask(about('a'));
    expect(upstreams.stats()).toMatchObject({ open: 2, overload: 1, joined: 1 });
    upstreams.close();
    expect((await Promise.all(open)).map(told)).toEqual(['unreachable', 'unreachable']);
  });

  test('open questions end with the servers they began with', async () => {
    const next = await start(other);
    const before = await start((question) => ({ answers: [a('192.0.2.1', question)], after: next.questions(1) }));
    const upstreams = use([before]);
    const open = upstreams.ask(about('www.example'));
    await before.questions(1);
    upstreams.reconfigure({ ...PATIENT, servers: [next.server] });
    expect(told(await upstreams.ask(about('www.example')))).toBe('192.0.2.2');
    expect(told(await open)).toBe('192.0.2.1');
    expect(counts(before, next)).toEqual([1, 1]);
  });

  test('counters and health outlive a reconfiguration', async () => {
    const upstream = await start(good);
    const upstreams = use([upstream]);
    await upstreams.ask(about('a.example'));
    const [before] = upstreams.stats().servers;
    upstreams.reconfigure({ ...PATIENT, servers: [upstream.server], timeoutMs: 500 });
    expect(upstreams.stats().servers[0]).toEqual(before);
  });

  test('close leaves no socket and no timer, whatever is open', { timeout: 5_000 }, async () => {
    const held = () => process.getActiveResourcesInfo().sort().join(' ');
    const settled = async (wanted: (now: string) => boolean) => {
      while (!wanted(held())) await new Promise((go) => setImmediate(go));
    };
    // What other tests left goes first.
    await settled((now) => !/UDP|TCP|TLS/.test(now));
    const silent = await start((question) => (question.name.startsWith('t') ? { tc: true } : 'silence'));
    const silence = await start(() => 'silence');
    const before = held();
    const upstreams = use([silent, silence], { caseRandomisation: false });
    const asks = ['a', 'b', 't'].map((name) => upstreams.ask(about(name)));
    await silent.questions(2);
    // Sockets that are still being made are closed too.
    asks.push(upstreams.ask(about('c')), upstreams.ask(about('d')));
    expect(held()).not.toBe(before);
    upstreams.close();
    expect((await Promise.all(asks)).map(told)).toEqual(new Array(5).fill('unreachable'));
    expect(told(await upstreams.ask(about('e')))).toBe('unreachable');
    await settled((now) => now === before);
  });
});
