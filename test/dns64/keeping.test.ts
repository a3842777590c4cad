/** What is kept, for how long, and what happens when upstream is gone (RFC 2308, 8020, 8767, 9520). */
import { describe, expect, test, vi } from 'vitest';
import { type AskedQuestion, addressOf, rig, rr, type Says, type Upstream, zone } from './rig.js';

const a = (ttl = 300): Says => ({ answers: [rr.a('v4.example', '192.0.2.1', ttl)] });

describe('lifetimes', () => {
  test('DNS-CACHE-01, DNS-CACHE-04 a denial counts down with its SOA, and ends with it', async () => {
    const at = rig(() => ({ rcode: 'NXDOMAIN', authorities: [rr.soa('example', 3600, 60)] }));
    await at.ask({ name: 'x.example', type: 'A' });
    at.forward(20);
    expect((await at.ask({ name: 'x.example', type: 'A' })).authorities).toEqual([
      'example 40 SOA ns.example minimum 60',
    ]);
    at.forward(40);
    await at.ask({ name: 'x.example', type: 'A' });
    expect(at.asked.length).toBe(2);
  });

  test('DNS-CACHE-02 NXDOMAIN is for every type, NODATA for its own', async () => {
    const at = rig(zone({ 'A v4.example': a() }));
    for (const type of ['AAAA', 'A', 'MX'])
      expect((await at.ask({ name: 'gone.example', type })).rcode).toBe('NXDOMAIN');
    expect(at.asked).toEqual(['AAAA gone.example']);
    await at.ask({ name: 'v4.example', type: 'MX' });
    await at.ask({ name: 'v4.example', type: 'SRV' });
    expect(at.asked.slice(1)).toEqual(['MX v4.example', 'SRV v4.example']);
  });

  test('DNS-CACHE-03 a denial without SOA is not kept', async () => {
    const at = rig(() => ({ rcode: 'NXDOMAIN' }));
    await at.ask({ name: 'x.example', type: 'A' });
    await at.ask({ name: 'x.example', type: 'A' });
    expect(at.asked.length).toBe(2);
  });

  test('DNS-CACHE-05 denials are kept for three hours at most', async () => {
    const at = rig(
      () => ({ rcode: 'NXDOMAIN', authorities: [rr.soa('example', 604_800)] }),
      'cache: { maxNegativeTtl: 3h }',
    );
    await at.ask({ name: 'x.example', type: 'A' });
    at.forward(10_799);
    await at.ask({ name: 'x.example', type: 'A' });
    expect(at.asked.length).toBe(1);
    at.forward(1);
    await at.ask({ name: 'x.example', type: 'A' });
    expect(at.asked.length).toBe(2);
  });

  test.each([{ rcode: 'SERVFAIL' }, 'silence'] as const)(
    'DNS-CACHE-06, DNS-CACHE-08 a failure (%j) is remembered for a short while',
    async (says) => {
      const at = rig(() => says);
      for (let i = 0; i < 100; i++) expect((await at.ask({ name: 'x.example', type: 'A' })).rcode).toBe('SERVFAIL');
      expect(at.asked.length).toBe(1);
      at.forward(5);
      await at.ask({ name: 'x.example', type: 'A' });
      expect(at.asked.length).toBe(2);
    },
  );

  test('DNS-CACHE-09 what is below a name that does not exist does not exist', async () => {
    const at = rig(zone({}));
    await at.ask({ name: 'foo.example' });
    expect((await at.ask({ name: 'bar.foo.example', type: 'MX' })).rcode).toBe('NXDOMAIN');
    expect(at.asked).toEqual(['AAAA foo.example']);
  });

  test('DNS-CACHE-10 at the end of a chain it is the last name that does not exist', async () => {
    const at = rig(() => ({
      rcode: 'NXDOMAIN',
      answers: [rr.cname('a.example', 'b.example')],
      authorities: [rr.soa()],
    }));
    await at.ask({ name: 'a.example', type: 'A' });
    await at.ask({ name: 'x.a.example', type: 'A' });
    await at.ask({ name: 'x.b.example', type: 'A' });
    expect(at.asked).toEqual(['A a.example', 'A x.a.example']);
  });

  test('DNS-CACHE-11 what is in the cache below such a name may still be used', async () => {
    const at = rig(zone({ 'A www.foo.example': { answers: [rr.a('www.foo.example', '192.0.2.1')] } }));
    await at.ask({ name: 'www.foo.example', type: 'A' });
    await at.ask({ name: 'foo.example', type: 'A' });
    expect((await at.ask({ name: 'www.foo.example', type: 'A' })).answers.length).toBe(1);
  });

  test('DNS-CACHE-13 NODATA says nothing of the names below', async () => {
    const at = rig(() => ({ authorities: [rr.soa()] }));
    await at.ask({ name: 'foo.example', type: 'A' });
    await at.ask({ name: 'bar.foo.example', type: 'A' });
    expect(at.asked.length).toBe(2);
  });

  test('DNS-CACHE-14 TTLs are capped, and 0 is for one answer', async () => {
    const at = rig(
      ({ name }) => (name === 'zero.example' ? { answers: [rr.a(name, '192.0.2.1', 0)] } : a(4_000_000)),
      'cache: { maxTtl: 1h }',
    );
    await at.ask({ name: 'v4.example', type: 'A' });
    at.forward(3600);
    await at.ask({ name: 'v4.example', type: 'A' });
    expect(at.asked.length).toBe(2);
    await at.ask({ name: 'zero.example', type: 'A' });
    await at.ask({ name: 'zero.example', type: 'A' });
    expect(at.asked.length).toBe(4);
  });

  test('DNS-CACHE-15 of different TTLs in a set the smallest counts', async () => {
    const at = rig(() => ({ answers: [rr.a('v4.example', '192.0.2.1', 300), rr.a('v4.example', '192.0.2.2', 60)] }));
    const { answers } = await at.ask({ name: 'v4.example', type: 'A' });
    expect(answers.map((text) => text.split(' ')[1])).toEqual(['60', '60']);
  });
});

describe('when upstream is gone', () => {
  /** Upstream that can be switched off. */
  function switchable(says: (question: AskedQuestion) => Says, text?: string) {
    const state: { fails: Says | 'silence' | null } = { fails: null };
    return { at: rig((question) => state.fails ?? says(question), text), state };
  }

  test.each([{ rcode: 'SERVFAIL' }, { rcode: 'REFUSED' }, 'silence'] as const)(
    'DNS-CACHE-16, DNS-CACHE-17 %j: what is past its time is used, for 30 s each, and said so',
    async (fails) => {
      const { at, state } = switchable(() => a(60));
      await at.ask({ name: 'v4.example', type: 'A' });
      at.forward(61);
      state.fails = fails;
      const answer = await at.ask({ name: 'v4.example', type: 'A', do: false });
      expect(answer).toMatchObject({ rcode: 'NOERROR', answers: ['v4.example 30 A 192.0.2.1'], opt: { ede: [3] } });
      state.fails = { rcode: 'NXDOMAIN', authorities: [rr.soa()] };
      at.forward(31);
      expect((await at.ask({ name: 'v4.example', type: 'A' })).rcode).toBe('NXDOMAIN');
      state.fails = fails;
      at.forward(61);
      expect((await at.ask({ name: 'v4.example', type: 'A' })).answers).toEqual([]);
    },
  );

  test('DNS-CACHE-18 upstream is left alone for 30 s, and stale answers end after their longest time', async () => {
    const { at, state } = switchable(() => a(60), 'cache: { stale: 1h }');
    await at.ask({ name: 'v4.example', type: 'A' });
    state.fails = 'silence';
    at.forward(61);
    for (let i = 0; i < 29; i++) {
      await at.ask({ name: 'v4.example', type: 'A' });
      at.forward(1);
    }
    expect(at.asked.length).toBe(2);
    at.forward(1);
    await at.ask({ name: 'v4.example', type: 'A' });
    expect(at.asked.length).toBe(3);
    at.forward(3600);
    expect((await at.ask({ name: 'v4.example', type: 'A' })).rcode).toBe('SERVFAIL');
  });

  test('DNS-CACHE-18 who waits longer than 1.8 s gets what is past its time', async () => {
    vi.useFakeTimers();
    try {
      let open = true;
      const at = rig(() => (open ? a(60) : new Promise<Says>(() => undefined)));
      const native = { name: 'v4.example', type: 'AAAA' };
      open = true;
      await at.ask(native);
      open = false;
      at.forward(301);
      const pending = at.ask(native);
      await vi.advanceTimersByTimeAsync(1799);
      let done = false;
      void pending.then(() => {
        done = true;
      });
      await vi.advanceTimersByTimeAsync(0);
      expect(done).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect((await pending).answers).toEqual(['v4.example 30 AAAA 2001:db8:64::c000:201']);
    } finally {
      vi.useRealTimers();
    }
  });

  test('DNS-CACHE-20 a synthetic answer from what is past its time', async () => {
    const { at, state } = switchable(({ type }) => (type === 'A' ? a(60) : { authorities: [rr.soa()] }));
    await at.ask({ name: 'v4.example' });
    at.forward(61);
    state.fails = 'silence';
    const answer = await at.ask({ name: 'v4.example', do: false });
    expect(answer.answers).toEqual(['v4.example 30 AAAA 2001:db8:64::c000:201']);
    expect(answer.opt?.ede).toContain(3);
  });

  test('DNS-CACHE-21 a native AAAA past its time is better than a synthetic one', async () => {
    const { at, state } = switchable(() => ({ answers: [rr.aaaa('v4.example', '2001:db8:f::1', 60)] }));
    await at.ask({ name: 'v4.example' });
    at.forward(61);
    state.fails = null;
    const mixed = rig(() => ({ rcode: 'SERVFAIL' }));
    expect((await mixed.ask({ name: 'v4.example' })).rcode).toBe('SERVFAIL');
    state.fails = { rcode: 'SERVFAIL' };
    expect((await at.ask({ name: 'v4.example' })).answers.map(addressOf)).toEqual(['2001:db8:f::1']);
  });

  test('DNS-CACHE-19 without RD nothing past its time', async () => {
    const { at, state } = switchable(() => a(60));
    await at.ask({ name: 'v4.example', type: 'A' });
    at.forward(61);
    state.fails = 'silence';
    expect(await at.ask({ name: 'v4.example', type: 'A', rd: false })).toMatchObject({
      rcode: 'SERVFAIL',
      answers: [],
    });
    expect((await at.ask({ name: 'v4.example', type: 'A' })).answers).toEqual(['v4.example 30 A 192.0.2.1']);
    expect(at.statistics['dns64.cache.stale']).toBe(1);
  });

  test('DNS-CACHE-16, DNS-CACHE-19 what is past its time stays so when it is ready', async () => {
    const { at, state } = switchable(() => ({ answers: [rr.aaaa('v4.example', '2001:db8:f::1', 60)] }));
    await at.ask({ name: 'v4.example' });
    at.forward(61);
    state.fails = 'silence';
    for (let i = 0; i < 3; i++) await at.ask({ name: 'v4.example' });
    expect(at.statistics['dns64.cache.stale']).toBe(3);
    expect(await at.ask({ name: 'v4.example', rd: false })).toMatchObject({ rcode: 'SERVFAIL', answers: [] });
    at.forward(86_400 - 2);
    expect((await at.ask({ name: 'v4.example' })).answers.length).toBe(1);
    at.forward(2);
    expect((await at.ask({ name: 'v4.example' })).rcode).toBe('SERVFAIL');
  });

  test('DNS-CACHE-18 the second time, too, nobody waits longer than 1.8 s', async () => {
    vi.useFakeTimers();
    try {
      let says: () => Says | 'silence' | Promise<Says> = () => a(60);
      const at = rig(() => says());
      await at.ask({ name: 'v4.example' });
      at.forward(301);
      says = () => 'silence';
      await at.ask({ name: 'v4.example' });
      at.forward(31);
      says = () => new Promise<Says>(() => undefined);
      const pending = at.ask({ name: 'v4.example' });
      await vi.advanceTimersByTimeAsync(1800);
      expect((await pending).answers).toEqual(['v4.example 30 AAAA 2001:db8:64::c000:201']);
    } finally {
      vi.useRealTimers();
    }
  });

  test('answers that are asked for again and again are had anew before their time ends', async () => {
    const at = rig(() => a(100));
    for (let i = 0; i < 5; i++) await at.ask({ name: 'v4.example', type: 'A' });
    at.forward(95);
    await at.ask({ name: 'v4.example', type: 'A' });
    await vi.waitFor(() => expect(at.asked.length).toBe(2));
    at.forward(50);
    expect((await at.ask({ name: 'v4.example', type: 'A' })).answers).toEqual(['v4.example 50 A 192.0.2.1']);
    expect(at.asked.length).toBe(2);
  });
});

test('DNS-SPOOF-06 a hundred who ask the same wait for one question', async () => {
  const at = rig(async () => {
    await new Promise(setImmediate);
    return a();
  });
  const answers = await Promise.all(Array.from({ length: 100 }, () => at.ask({ name: 'v4.example', type: 'A' })));
  expect(new Set(answers.map(({ answers: list }) => list.join())).size).toBe(1);
  expect(at.asked.length).toBe(1);
  expect(at.statistics['dns64.joined']).toBe(99);
});

test('DNS-OPS-05 questions, synthesis and bogus names are counted', async () => {
  const at = rig(zone({ 'A v4.example': a() }));
  await at.ask({ name: 'v4.example' });
  await at.ask({ name: 'v4.example' });
  expect(at.statistics).toMatchObject({
    'dns64.queries.udp': 2,
    'dns64.queries.aaaa': 2,
    'dns64.cache.hits': 1,
    'dns64.cache.misses': 1,
    'dns64.synthesis.answers': 1,
    'dns64.answers.noerror': 2,
  });
});

describe('what must not change what is known', () => {
  const native = rr.aaaa('dual.example', '2001:db8:f::1', 100);
  const v4 = rr.a('dual.example', '198.51.100.2', 1000);

  test('DNS-CACHE-17, DNS-CACHE-21 a refresh that fails leaves a native AAAA record in force', async () => {
    let sick = false;
    const at = rig(({ type }) => {
      if (type === 'A') return { answers: [v4] };
      return sick ? { rcode: 'SERVFAIL' } : { answers: [native] };
    });
    for (let i = 0; i < 3; i++) await at.ask({ name: 'dual.example' });
    sick = true;
    at.forward(92);
    await at.ask({ name: 'dual.example' });
    await new Promise((done) => setImmediate(done));
    expect(at.asked).toEqual(['AAAA dual.example', 'AAAA dual.example']);
    expect((await at.ask({ name: 'dual.example' })).answers).toEqual(['dual.example 8 AAAA 2001:db8:f::1']);
  });

  test('DNS-CACHE-18 with no room for more questions, what is past its time is still served', async () => {
    let says: Upstream = () => a(60);
    const at = rig((question) => says(question), 'pool6: 2001:db8:64::/96, limits: { open: 16 }');
    await at.ask({ name: 'v4.example', type: 'A' });
    at.forward(61);
    says = () => new Promise(() => undefined);
    for (let i = 0; i < 16; i++) void at.send({ name: `x${i}.example`, type: 'A' });
    const answer = await at.ask({ name: 'v4.example', type: 'A', do: false });
    expect(answer).toMatchObject({ answers: ['v4.example 30 A 192.0.2.1'], opt: { ede: [3] } });
    expect((await at.ask({ name: 'other.example', type: 'A' })).rcode).toBe('SERVFAIL');
    expect(at.statistics['dns64.drop.overload']).toBe(2);
  });

  test.each(['A', 'AAAA'])('DNS-CACHE-17 what NXDOMAIN denied by the other type is not used (%s)', async (type) => {
    const other = type === 'A' ? 'AAAA' : 'A';
    let says: Upstream = (question) => ({ answers: question.type === 'A' ? [v4] : [native] });
    const at = rig((question) => says(question));
    await at.ask({ name: 'dual.example', type });
    at.forward(1001);
    says = () => ({ rcode: 'NXDOMAIN', authorities: [rr.soa()] });
    await at.ask({ name: 'dual.example', type: other });
    at.forward(61);
    says = () => 'silence';
    const answer = await at.ask({ name: 'dual.example', type, do: false });
    expect(answer).toMatchObject({ rcode: 'NXDOMAIN', answers: [], opt: { ede: [3] } });
  });

  test('DNS-CACHE-17 nor is a synthetic address whose name is gone, however long upstream takes', async () => {
    vi.useFakeTimers();
    let says: Upstream = zone({ 'A v4.example': a(60) });
    const at = rig((question) => says(question));
    await at.ask({ name: 'v4.example' });
    at.forward(61);
    says = zone({});
    expect((await at.ask({ name: 'v4.example' })).rcode).toBe('NXDOMAIN');
    const misses = at.statistics['dns64.cache.misses'];
    expect((await at.ask({ name: 'v4.example' })).rcode).toBe('NXDOMAIN');
    // At once, though an answer of before is still there.
    expect(at.statistics['dns64.cache.misses']).toBe(misses);
    at.forward(61);
    let answers = (_: 'silence') => {};
    says = () =>
      new Promise((resolve) => {
        answers = resolve;
      });
    const slow = at.ask({ name: 'v4.example' });
    await vi.advanceTimersByTimeAsync(2000);
    answers('silence');
    expect((await slow).rcode).toBe('NXDOMAIN');
    vi.useRealTimers();
  });

  test.each([
    ['an address for this once', { answers: [rr.a('v4.example', '192.0.2.99', 0)] }],
    ['no address, without a SOA', {}],
  ])('DNS-CACHE-17 an answer that is not kept ends what was known: %s', async (_, now) => {
    let says: Says | 'silence' = a(60);
    const at = rig(() => says);
    await at.ask({ name: 'v4.example', type: 'A' });
    at.forward(61);
    says = now;
    await at.ask({ name: 'v4.example', type: 'A' });
    says = 'silence';
    expect(await at.ask({ name: 'v4.example', type: 'A' })).toMatchObject({ rcode: 'SERVFAIL', answers: [] });
  });

  test('DNS-CACHE-17 the same of an answer of the group’s own', async () => {
    let known: Says = a(60);
    const at = rig(({ type }) => (type === 'A' ? known : { authorities: [rr.soa('example', 60)] }));
    await at.ask({ name: 'v4.example' });
    at.forward(61);
    known = a(0);
    await at.ask({ name: 'v4.example' });
    expect(at.cache.stats().entries).toBe(1);
  });

  test('DNS-SEC-05 what fails validation is not hidden by what is past its time', async () => {
    let says: Says = a(60);
    const at = rig(({ type }) => (type === 'A' ? says : { authorities: [rr.soa()] }), 'dnssec: upstream');
    await at.ask({ name: 'v4.example', type: 'A' });
    at.forward(61);
    says = { rcode: 'SERVFAIL', ede: [6] };
    for (const _ of ['from upstream', 'remembered']) {
      const answer = await at.ask({ name: 'v4.example', type: 'A', do: false });
      expect(answer).toMatchObject({ rcode: 'SERVFAIL', answers: [] });
    }
  });

  test('DNS-CACHE-01 that there is no address to make one of holds as long as that A record', async () => {
    let address = '0.0.0.0';
    const at = rig(({ type }) =>
      type === 'A' ? { answers: [rr.a('dyn.example', address, 5)] } : { authorities: [rr.soa('example', 3600)] },
    );
    const denial = await at.ask({ name: 'dyn.example' });
    expect(denial).toMatchObject({ answers: [], authorities: ['example 5 SOA ns.example minimum 3600'] });
    address = '198.51.100.1';
    at.forward(5);
    expect((await at.ask({ name: 'dyn.example' })).answers.map(addressOf)).toEqual(['2001:db8:64::c633:6401']);
  });

  test('DNS-SYN-02 where a question was not sent for want of room, there is no synthesis, and nothing is remembered', async () => {
    let full = true;
    const at = rig(
      ({ type }) => (type === 'A' ? { answers: [v4] } : full ? 'overload' : { answers: [native] }),
      'pool6: 2001:db8:64::/96, parallel: true',
    );
    expect((await at.ask({ name: 'dual.example' })).rcode).toBe('SERVFAIL');
    full = false;
    expect((await at.ask({ name: 'dual.example' })).answers.map(addressOf)).toEqual(['2001:db8:f::1']);
  });

  test('DNS-PTR-01, DNS-V4O-12 that a synthetic reverse name does not exist upstream is no answer to PTR', async () => {
    const name = `${'2.0.4.6.3.3.6.c'}.${'0.'.repeat(12)}4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa`;
    const at = rig(
      zone({ 'PTR 2.100.51.198.in-addr.arpa': { answers: [rr.ptr('2.100.51.198.in-addr.arpa', 'host.example')] } }),
    );
    expect((await at.ask({ name, type: 'TXT' })).rcode).toBe('NXDOMAIN');
    for (const asked of [name, name.toUpperCase()]) {
      const { answers } = await at.ask({ name: asked, type: 'PTR' });
      expect(answers.map((text) => addressOf(text).toLowerCase())).toEqual([
        '2.100.51.198.in-addr.arpa',
        'host.example',
      ]);
    }
  });
});
