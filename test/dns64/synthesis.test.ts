/** When AAAA records are made, and of what (RFC 6147 §5.1, §5.2, §5.4). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type AskedQuestion, addressOf, rig, rr, type Says, zone } from './rig.js';

const vectors = JSON.parse(readFileSync(new URL('../vectors/dns64_decisions.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

interface Side {
  rcode: string;
  a?: string[];
  aaaa?: string[];
  answer?: string[];
  ttl?: number;
  soa_ttl?: number | null;
  dnssec?: 'secure' | 'bogus';
}
interface Case {
  name: string;
  query: { qname?: string; qtype: string; qclass: string; do?: number; cd?: number };
  upstream_aaaa?: Side | string;
  upstream_a?: Side | string;
  expect: {
    rcode?: string;
    a?: string[];
    aaaa?: string[];
    answer?: string[];
    ttl?: number;
    ad?: number;
    authority?: string;
    resolve?: string;
  };
}

const SYN: Record<string, string> = {
  'native-aaaa': 'DNS-SYN-02, DNS-SYN-03, DNS-SYN-04',
  'nodata-then-a': 'DNS-SYN-09, DNS-REC-02',
  'nodata-soa-longer': 'DNS-REC-02',
  'nodata-no-soa-long-a': 'DNS-REC-03',
  'nodata-no-soa-short-a': 'DNS-REC-03',
  nxdomain: 'DNS-SYN-05',
  'servfail-then-a': 'DNS-SYN-06',
  'refused-then-a': 'DNS-SYN-06',
  'notimp-then-a': 'DNS-SYN-06',
  'formerr-then-a': 'DNS-SYN-06',
  'timeout-then-a': 'DNS-SYN-07',
  'nodata-and-nodata': 'DNS-SYN-11',
  'nodata-and-servfail': 'DNS-SYN-10',
  'nodata-and-nxdomain': 'DNS-SYN-10',
  'servfail-and-nodata': 'DNS-SYN-12',
  'timeout-and-nodata': 'DNS-SYN-12',
  'only-v4mapped': 'DNS-SYN-15, DNS-SYN-17',
  'mixed-excluded': 'DNS-SYN-18',
  'class-ch': 'DNS-SYN-01',
  'qtype-a': 'DNS-SYN-21',
  'cname-chain': 'DNS-CN-01, DNS-CN-02',
  'do1-cd1': 'DNS-SEC-06',
  'do1-cd0-secure': 'DNS-SEC-03, DNS-SEC-04',
  'do0-cd0-secure': 'DNS-SEC-01, DNS-SEC-02',
  'do1-cd0-bogus-negative': 'DNS-SYN-08, DNS-SEC-03, DNS-SEC-05',
  'do1-cd0-bogus-a': 'DNS-SEC-05',
  'rfc8880-ipv4only.arpa-a': 'DNS-V4O-01, DNS-V4O-02',
  'rfc8880-ipv4only.arpa-aaaa': 'DNS-V4O-01, DNS-V4O-03',
  'rfc8880-ipv4only.arpa-mx': 'DNS-V4O-04',
  'rfc8880-ipv4only.arpa-ns': 'DNS-V4O-01, DNS-V4O-04',
  'rfc8880-foo.ipv4only.arpa-a': 'DNS-V4O-06',
  'rfc8880-ipv4only.arpa-ds': 'DNS-V4O-05',
};

/** What a validating upstream says of a side of the table. */
function says(side: Side | string | undefined, name: string, { cd }: AskedQuestion): Says | 'silence' {
  if (typeof side !== 'object') return { rcode: 'REFUSED' };
  if (side.rcode === 'timeout') return 'silence';
  if (side.dnssec === 'bogus' && !cd) return { rcode: 'SERVFAIL', ede: [6] };
  const answers = [
    ...(side.answer ?? []).map((text) => {
      const [owner = '', type, data = ''] = text.split(' ');
      const make = type === 'CNAME' ? rr.cname : type === 'A' ? rr.a : rr.aaaa;
      return make(owner.slice(0, -1), type === 'CNAME' ? data.slice(0, -1) : data, side.ttl ?? 300);
    }),
    ...(side.a ?? []).map((data) => rr.a(name, data, side.ttl ?? 300)),
    ...(side.aaaa ?? []).map((data) => rr.aaaa(name, data, side.ttl ?? 300)),
  ];
  const authorities = typeof side.soa_ttl === 'number' ? [rr.soa('example', side.soa_ttl)] : [];
  return { rcode: side.rcode, answers, authorities, flags: side.dnssec === 'secure' ? 0x20 : 0 };
}

describe('the decision table', () => {
  test.each(vectors.cases.map((one) => [SYN[one.name] ?? '', one.name, one] as const))('%s %s', async (_, __, one) => {
    const { query, expect: wanted } = one;
    const name = query.qname?.slice(0, -1) ?? (one.name === 'cname-chain' ? 'www.example' : 'host.example');
    const dnssec = ['upstream_aaaa', 'upstream_a'].some((key) => {
      const side = one[key as 'upstream_a'];
      return typeof side === 'object' && side.dnssec !== undefined;
    });
    const at = rig(
      (question) => says(question.type === 'A' ? one.upstream_a : one.upstream_aaaa, name, question),
      `pool6: 2001:db8:64::/96${dnssec ? ', dnssec: upstream' : ''}`,
    );
    const answer = await at.ask({
      name,
      type: query.qtype,
      class: query.qclass,
      ...(query.do === 1 ? { do: true } : {}),
      cd: query.cd === 1,
    });
    if (wanted.resolve !== undefined) {
      expect(at.asked).toEqual([`${query.qtype} ${name}`]);
      return;
    }
    expect(answer.rcode).toBe(wanted.rcode);
    const of = (type: string) => answer.answers.filter((text) => text.split(' ')[2] === type);
    if (wanted.aaaa !== undefined) expect(of('AAAA').map(addressOf)).toEqual(wanted.aaaa);
    if (wanted.a !== undefined) expect(of('A').map(addressOf)).toEqual(wanted.a);
    if (wanted.ttl !== undefined) expect(of('AAAA').map((text) => Number(text.split(' ')[1]))).toEqual([wanted.ttl]);
    if (wanted.ad !== undefined) expect(answer.flags.ad).toBe(wanted.ad === 1);
    if (wanted.authority !== undefined) expect(answer.authorities).toEqual(['example 60 SOA ns.example minimum 60']);
    if (wanted.answer !== undefined) {
      const plain = answer.answers.map((text) => {
        const [owner, , type, data = ''] = text.split(' ');
        return `${owner}. ${type} ${type === 'CNAME' ? `${data}.` : data}`;
      });
      expect(plain).toEqual(wanted.answer);
    }
    if (typeof one.upstream_a === 'string' && one.upstream_a.includes('not')) {
      expect(at.asked.filter((text) => text.startsWith('A '))).toEqual([]);
    }
    if (query.qname !== undefined) expect(at.asked).toEqual([]);
  });
});

const v4only = zone({ 'A v4.example': { answers: [rr.a('v4.example', '192.0.2.1')] } });

describe('the synthetic record', () => {
  test('DNS-REC-01, DNS-REC-13 one AAAA for each A, and no A', async () => {
    const at = rig(
      zone({ 'A v4.example': { answers: [rr.a('v4.example', '192.0.2.1', 30), rr.a('v4.example', '192.0.2.2', 30)] } }),
    );
    expect((await at.ask({ name: 'v4.example' })).answers).toEqual([
      'v4.example 30 AAAA 2001:db8:64::c000:201',
      'v4.example 30 AAAA 2001:db8:64::c000:202',
    ]);
  });

  test('DNS-REC-04 the SOA counts with the lesser of TTL and MINIMUM', async () => {
    const at = rig(({ type }) =>
      type === 'A' ? { answers: [rr.a('v4.example', '192.0.2.1')] } : { authorities: [rr.soa('example', 3600, 60)] },
    );
    expect((await at.ask({ name: 'v4.example' })).answers).toEqual(['v4.example 60 AAAA 2001:db8:64::c000:201']);
  });

  test('DNS-REC-05 TTLs are what is left of both replies', async () => {
    const at = rig(v4only);
    await at.ask({ name: 'v4.example', type: 'A' });
    at.forward(250);
    expect((await at.ask({ name: 'v4.example' })).answers).toEqual(['v4.example 50 AAAA 2001:db8:64::c000:201']);
    at.forward(20);
    expect((await at.ask({ name: 'v4.example' })).answers).toEqual(['v4.example 30 AAAA 2001:db8:64::c000:201']);
    expect(at.asked).toEqual(['A v4.example', 'AAAA v4.example']);
    at.forward(30);
    await at.ask({ name: 'v4.example' });
    expect(at.asked).toEqual(['A v4.example', 'AAAA v4.example', 'A v4.example']);
  });

  test('DNS-REC-06 the SOA is not asked for', async () => {
    const at = rig(v4only);
    await at.ask({ name: 'v4.example' });
    expect(at.asked).toEqual(['AAAA v4.example', 'A v4.example']);
    expect(at.statistics['dns64.synthesis.a_lookups']).toBe(1);
  });

  test('DNS-REC-07 each IPv4 network has its prefix, the longest network counts', async () => {
    const at = rig(
      zone({ 'A v4.example': { answers: [rr.a('v4.example', '10.1.2.3', 60), rr.a('v4.example', '192.0.2.1', 60)] } }),
      'pool6: 2001:db8:64::/96, map: [{ networks: 10.0.0.0/8, prefixes: 2001:db8:10::/96 }]',
    );
    expect((await at.ask({ name: 'v4.example' })).answers.map(addressOf)).toEqual([
      '2001:db8:10::a01:203',
      '2001:db8:64::c000:201',
    ]);
  });

  test('DNS-REC-07, XLAT-DEP-04 a network that maps to none is left out', async () => {
    const at = rig(v4only, 'pool6: 2001:db8:64::/96, map: [{ networks: 192.0.2.0/24, prefixes: none }]');
    const answer = await at.ask({ name: 'v4.example' });
    expect(answer).toMatchObject({ rcode: 'NOERROR', answers: [] });
    expect(at.statistics['dns64.synthesis.left_out']).toBe(1);
  });

  test('DNS-REC-08 two prefixes give two addresses, in their order', async () => {
    const at = rig(v4only, 'pool6: ["2001:db8:2::/96", "2001:db8:1::/96"]');
    expect((await at.ask({ name: 'v4.example' })).answers.map(addressOf)).toEqual([
      '2001:db8:2::c000:201',
      '2001:db8:1::c000:201',
    ]);
  });

  test('DNS-REC-09 without a prefix the well-known one, with one only that', async () => {
    const global = zone({ 'A v4.example': { answers: [rr.a('v4.example', '8.8.4.4')] } });
    expect((await rig(global, 'clients: "::1"').ask({ name: 'v4.example' })).answers.map(addressOf)).toEqual([
      '64:ff9b::808:404',
    ]);
    expect((await rig(global).ask({ name: 'v4.example' })).answers.map(addressOf)).toEqual(['2001:db8:64::808:404']);
  });

  test('DNS-REC-11 the well-known prefix stands for no address that is not global', async () => {
    const at = rig(zone({ 'A v4.example': { answers: [rr.a('v4.example', '10.1.2.3')] } }), 'pool6: "64:ff9b::/96"');
    expect(await at.ask({ name: 'v4.example' })).toMatchObject({ rcode: 'NOERROR', answers: [] });
    const lab = rig(v4only, 'pool6: "64:ff9b::/96", allowNonGlobal: true');
    expect((await lab.ask({ name: 'v4.example' })).answers.map(addressOf)).toEqual(['64:ff9b::c000:201']);
  });

  test.each(['0.0.0.0', '127.0.0.1', '169.254.1.1', '224.0.0.1', '255.255.255.255'])(
    'DNS-REC-12 %s is no host',
    async (address) => {
      const at = rig(zone({ 'A v4.example': { answers: [rr.a('v4.example', address)] } }));
      expect(await at.ask({ name: 'v4.example' })).toMatchObject({ rcode: 'NOERROR', answers: [] });
    },
  );

  test('DNS-REC-14, DNS-SPOOF-09, DNS-V4O-14 the question comes back letter by letter, also from the cache', async () => {
    const at = rig(v4only);
    expect((await at.ask({ name: 'V4.eXample' })).question).toBe('V4.eXample AAAA');
    expect((await at.ask({ name: 'v4.EXAMPLE' })).question).toBe('v4.EXAMPLE AAAA');
    expect((await at.ask({ name: 'IPv4Only.ARPA' })).question).toBe('IPv4Only.ARPA AAAA');
    expect(at.asked.length).toBe(2);
  });

  test('DNS-REC-15 authority and additional section are those of the A reply', async () => {
    const additional = rr.a('ns.example', '192.0.2.53');
    const ns = { type: 'NS', name: 'example', data: 'ns.example', ttl: 300 } as never;
    const at = rig(({ type }) =>
      type === 'A'
        ? { answers: [rr.a('v4.example', '192.0.2.1')], authorities: [ns], additionals: [additional] }
        : { authorities: [rr.soa()] },
    );
    const answer = await at.ask({ name: 'v4.example' });
    expect(answer.authorities).toEqual(['example 300 NS ns.example']);
    expect(answer.additionals).toEqual(['ns.example 300 A 192.0.2.53']);
  });

  test('DNS-REC-16 nothing is added for the names in MX records', async () => {
    const mx = { type: 'MX', name: 'example', ttl: 300, data: { preference: 1, exchange: 'mail.example' } } as never;
    const at = rig(zone({ 'MX example': { answers: [mx], additionals: [rr.a('mail.example', '192.0.2.25')] } }));
    expect((await at.ask({ name: 'example', type: 'MX' })).additionals).toEqual(['mail.example 300 A 192.0.2.25']);
  });

  test('DNS-REC-18 another prefix counts from the next answer on', async () => {
    const at = rig(v4only);
    await at.ask({ name: 'v4.example' });
    at.reload('pool6: 2001:db8:65::/96');
    expect((await at.ask({ name: 'v4.example' })).answers.map(addressOf)).toEqual(['2001:db8:65::c000:201']);
    expect(at.asked.length).toBe(2);
  });

  test('no more synthetic records than the rule says', async () => {
    const many = Array.from({ length: 9 }, (_, index) => rr.a('v4.example', `192.0.2.${index + 1}`));
    const at = rig(zone({ 'A v4.example': { answers: many } }), 'pool6: 2001:db8:64::/96, maxRecords: 4');
    expect((await at.ask({ name: 'v4.example' })).answers.length).toBe(4);
  });
});

describe('exclusions and names with rules', () => {
  test('DNS-SYN-14 the list is what the operator says', async () => {
    const both = zone({
      'AAAA dual.example': { answers: [rr.aaaa('dual.example', '2001:db8:bad::1')] },
      'A dual.example': { answers: [rr.a('dual.example', '192.0.2.1')] },
    });
    const at = rig(both, 'pool6: 2001:db8:64::/96, exclude: "2001:db8:bad::/48"');
    expect((await at.ask({ name: 'dual.example' })).answers.map(addressOf)).toEqual(['2001:db8:64::c000:201']);
  });

  test('DNS-SYN-16, DNS-OPS-02 addresses of the own prefix pass unless they are in the list', async () => {
    const chained = zone({
      'AAAA dual.example': { answers: [rr.aaaa('dual.example', '2001:db8:64::c000:209')] },
      'A dual.example': { answers: [rr.a('dual.example', '192.0.2.1')] },
    });
    expect((await rig(chained).ask({ name: 'dual.example' })).answers.map(addressOf)).toEqual([
      '2001:db8:64::c000:209',
    ]);
    const at = rig(chained, 'pool6: 2001:db8:64::/96, exclude: "2001:db8:64::/96"');
    expect((await at.ask({ name: 'dual.example' })).answers.map(addressOf)).toEqual(['2001:db8:64::c000:201']);
  });

  test('DNS-SYN-19, DNS-SYN-20 an excluded record is not in the cache either, and its signature goes', async () => {
    const mixed = [rr.aaaa('dual.example', '::ffff:192.0.2.9'), rr.aaaa('dual.example', '2001:db8:f::1')];
    const signed = [...mixed, rr.rrsig('dual.example', 'AAAA')];
    const at = rig(zone({ 'AAAA dual.example': { answers: signed, flags: 0x20 } }), 'dnssec: upstream');
    for (const _ of [1, 2]) {
      const answer = await at.ask({ name: 'dual.example', do: true });
      expect(answer.answers.map(addressOf)).toEqual(['2001:db8:f::1']);
      expect(answer.flags.ad).toBe(false);
    }
    expect((await at.ask({ name: 'dual.example', cd: true })).answers.map(addressOf)).toEqual(['2001:db8:f::1']);
    expect((await at.ask({ name: 'dual.example', do: true, cd: true })).answers.length).toBe(3);
    // Once for those with DO, once for those with CD; DO and CD together exclude nothing.
    expect(at.statistics['dns64.synthesis.excluded']).toBe(2);
  });

  test('names never synthesised, and names always', async () => {
    const both = zone({
      'A v4.example': { answers: [rr.a('v4.example', '192.0.2.1')] },
      'AAAA www.dual.test': { answers: [rr.aaaa('www.dual.test', '2001:db8:f::1')] },
      'A www.dual.test': { answers: [rr.a('www.dual.test', '192.0.2.2')] },
    });
    const at = rig(both, 'pool6: 2001:db8:64::/96, never: v4.example, always: dual.test');
    expect((await at.ask({ name: 'v4.example' })).answers).toEqual([]);
    expect((await at.ask({ name: 'www.dual.test' })).answers.map(addressOf)).toEqual(['2001:db8:64::c000:202']);
  });

  test('synthesis after NODATA only, where the rule says so', async () => {
    const failing = ({ type }: AskedQuestion): Says =>
      type === 'A' ? { answers: [rr.a('v4.example', '192.0.2.1')] } : { rcode: 'SERVFAIL' };
    const at = rig(failing, 'pool6: 2001:db8:64::/96, synthesiseOn: nodata');
    expect((await at.ask({ name: 'v4.example' })).rcode).toBe('SERVFAIL');
    expect(at.asked).toEqual(['AAAA v4.example']);
  });

  test('A records kept from clients without IPv4', async () => {
    const at = rig(v4only, 'pool6: 2001:db8:64::/96, dropA: true');
    expect(await at.ask({ name: 'v4.example', type: 'A' })).toMatchObject({ rcode: 'NOERROR', answers: [] });
    expect((await at.ask({ name: 'v4.example' })).answers.map(addressOf)).toEqual(['2001:db8:64::c000:201']);
  });

  test('DNS-SYN-22, XLAT-DEP-04 synthesis by client prefix; who is in a group without a prefix gets plain DNS', async () => {
    const groups = '{ name: dual, clients: "192.0.2.0/24", pool6: [] }';
    const at = rig(v4only, `pool6: 2001:db8:64::/96, groups: [${groups}]`);
    expect((await at.ask({ name: 'v4.example' })).answers.length).toBe(1);
    expect((await at.ask({ name: 'v4.example', from: Uint8Array.of(192, 0, 2, 7) })).answers).toEqual([]);
    expect(await at.ask({ name: 'ipv4only.arpa', type: 'A', from: Uint8Array.of(192, 0, 2, 7) })).toMatchObject({
      rcode: 'NXDOMAIN',
    });
    // DNS-V4O-09: it went upstream, untouched.
    expect(at.asked.at(-1)).toBe('A ipv4only.arpa');
  });

  test('DNS-SYN-13 a native AAAA that comes after the A still wins', async () => {
    let release: () => void = () => undefined;
    const late = new Promise<void>((resolve) => {
      release = resolve;
    });
    const at = rig(async ({ type }) => {
      if (type === 'A') {
        setImmediate(release);
        return { answers: [rr.a('dual.example', '192.0.2.1')] };
      }
      await late;
      return { answers: [rr.aaaa('dual.example', '2001:db8:f::1')] };
    }, 'pool6: 2001:db8:64::/96, parallel: true');
    expect((await at.ask({ name: 'dual.example' })).answers.map(addressOf)).toEqual(['2001:db8:f::1']);
    expect(at.asked).toEqual(['A dual.example', 'AAAA dual.example']);
  });
});

describe('chains', () => {
  test('DNS-CN-01, DNS-CN-02, DNS-CN-03 the chain is that of the A reply, the AAAA hangs at its end', async () => {
    const at = rig(({ type }) =>
      type === 'A'
        ? { answers: [rr.cname('a.example', 'c.example'), rr.a('c.example', '192.0.2.1', 60)] }
        : { answers: [rr.cname('a.example', 'b.example')], authorities: [rr.soa()] },
    );
    expect((await at.ask({ name: 'a.example' })).answers).toEqual([
      'a.example 300 CNAME c.example',
      'c.example 60 AAAA 2001:db8:64::c000:201',
    ]);
  });

  test('DNS-CN-02 DNAME and the CNAME that it makes come along', async () => {
    const at = rig(({ type }) => {
      const chain = [rr.dname('old.example', 'new.example'), rr.cname('a.old.example', 'a.new.example')];
      return type === 'A'
        ? { answers: [...chain, rr.a('a.new.example', '192.0.2.1', 60)] }
        : { answers: chain, authorities: [rr.soa()] };
    });
    expect((await at.ask({ name: 'a.old.example' })).answers).toEqual([
      'old.example 300 DNAME new.example',
      'a.old.example 300 CNAME a.new.example',
      'a.new.example 60 AAAA 2001:db8:64::c000:201',
    ]);
  });

  test('DNS-CN-04 a chain to a name that does not exist: NXDOMAIN with the chain', async () => {
    const at = rig(() => ({
      rcode: 'NXDOMAIN',
      answers: [rr.cname('www.example', 'gone.example')],
      authorities: [rr.soa()],
    }));
    const answer = await at.ask({ name: 'www.example' });
    expect(answer).toMatchObject({ rcode: 'NXDOMAIN', answers: ['www.example 300 CNAME gone.example'] });
    expect(at.asked).toEqual(['AAAA www.example']);
  });

  test('DNS-CN-05 a loop, and a chain without end', async () => {
    const loop = rig(() => ({ answers: [rr.cname('a.example', 'b.example'), rr.cname('b.example', 'a.example')] }));
    expect((await loop.ask({ name: 'a.example' })).rcode).toBe('SERVFAIL');
    const names = Array.from({ length: 20 }, (_, index) => rr.cname(`${index}.example`, `${index + 1}.example`));
    expect((await rig(() => ({ answers: names })).ask({ name: '0.example' })).rcode).toBe('SERVFAIL');
  });

  test('DNS-CN-06 YXDOMAIN of upstream is passed on where nothing can be synthesised', async () => {
    const at = rig(() => ({ rcode: 'YXDOMAIN', answers: [rr.dname('old.example', 'new.example')] }));
    expect((await at.ask({ name: 'a.old.example', type: 'MX' })).rcode).toBe('YXDOMAIN');
  });

  test('DNS-CN-07 the CNAME of a DNAME counts down with it', async () => {
    const chain = [rr.dname('old.example', 'new.example'), rr.cname('a.old.example', 'a.new.example')];
    const at = rig(() => ({ answers: [...chain, rr.a('a.new.example', '192.0.2.1')] }));
    await at.ask({ name: 'a.old.example', type: 'A' });
    at.forward(20);
    const answer = await at.ask({ name: 'a.old.example', type: 'A' });
    expect(answer.answers.map((text) => text.split(' ')[1])).toEqual(['280', '280', '280']);
  });

  test('DNS-CN-08 a DNAME is not used for other names', async () => {
    const at = rig(({ name }) => ({
      answers: [
        rr.dname('old.example', 'new.example'),
        rr.cname(name, name.replace('old', 'new')),
        rr.a(name.replace('old', 'new'), '192.0.2.1'),
      ],
    }));
    await at.ask({ name: 'a.old.example', type: 'A' });
    await at.ask({ name: 'b.old.example', type: 'A' });
    expect(at.asked).toEqual(['A a.old.example', 'A b.old.example']);
  });

  test('DNS-CACHE-22 records that the question does not lead to are not passed on', async () => {
    const at = rig(() => ({ answers: [rr.a('host.example', '192.0.2.1'), rr.a('bank.example', '192.0.2.66')] }));
    expect((await at.ask({ name: 'host.example', type: 'A' })).answers).toEqual(['host.example 300 A 192.0.2.1']);
  });
});

describe('what a group does not see', () => {
  const any = zone({
    'ANY v4.example': {
      answers: [rr.nsec('v4.example', ['A']), rr.a('v4.example', '192.0.2.1'), rr.rrsig('v4.example', 'A')],
    },
    'ANY mapped.example': {
      answers: [rr.aaaa('mapped.example', '::ffff:1.2.3.4'), rr.a('mapped.example', '192.0.2.1')],
    },
    'A v4.example': { answers: [rr.a('v4.example', '192.0.2.1'), rr.rrsig('v4.example', 'A')] },
  });

  test('A records are kept from clients without synthesis too', async () => {
    const at = rig(any, 'pool6: [], dropA: true');
    expect(await at.ask({ name: 'v4.example', type: 'A', do: true })).toMatchObject({ rcode: 'NOERROR', answers: [] });
  });

  test('DNS-ANY-01 ANY has neither A records that are kept back, nor excluded ones', async () => {
    const drops = rig(any, 'pool6: 2001:db8:64::/96, dropA: true');
    expect((await drops.ask({ name: 'v4.example', type: 'ANY' })).answers).toEqual([]);
    const mapped = await rig(any).ask({ name: 'mapped.example', type: 'ANY' });
    expect(mapped.answers).toEqual(['mapped.example 300 A 192.0.2.1']);
  });

  test('DNS-ANY-01 ANY is cut down to an RRset that the client may see', async () => {
    expect((await rig(any).ask({ name: 'v4.example', type: 'ANY' })).answers).toEqual(['v4.example 300 A 192.0.2.1']);
    const withDo = await rig(any).ask({ name: 'v4.example', type: 'ANY', do: true });
    expect(withDo.answers.map((text) => text.split(' ')[2])).toEqual(['NSEC']);
  });
});
