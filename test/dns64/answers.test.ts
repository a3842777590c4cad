/** DNSSEC, reverse names, names answered here, EDNS and header of the answers, ANY, HTTPS. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { addressOf, queryBytes, readAnswer, rig, rr, type Says, zone } from './rig.js';

const v4only = zone({ 'A v4.example': { answers: [rr.a('v4.example', '192.0.2.1')] } });
const AD = 0x20;

describe('DNSSEC', () => {
  const signed = ({ type }: { type: string }): Says =>
    type === 'A'
      ? { answers: [rr.a('v4.example', '192.0.2.1'), rr.rrsig('v4.example', 'A')], flags: AD }
      : {
          authorities: [rr.soa(), rr.rrsig('example', 'SOA'), rr.nsec('v4.example', ['A', 'RRSIG', 'NSEC'])],
          flags: AD,
        };

  test('DNS-SEC-04, DNS-SEC-09, DNS-SEC-10 AD, and no signature or proof beside what is synthetic', async () => {
    const at = rig(signed, 'pool6: 2001:db8:64::/96, dnssec: upstream');
    const answer = await at.ask({ name: 'v4.example', do: true });
    expect(answer).toMatchObject({ answers: ['v4.example 60 AAAA 2001:db8:64::c000:201'], authorities: [] });
    expect(answer.flags.ad).toBe(true);
  });

  test('DNS-SEC-09 signatures of the chain stay for those who set DO, and go for others', async () => {
    const chain = [rr.cname('www.example', 'v4.example'), rr.rrsig('www.example', 'CNAME')];
    const at = rig(({ type }) =>
      type === 'A' ? { answers: [...chain, rr.a('v4.example', '192.0.2.1')] } : { authorities: [rr.soa()] },
    );
    const types = (list: string[]) => list.map((text) => text.split(' ')[2]);
    expect(types((await at.ask({ name: 'www.example', do: true })).answers)).toEqual(['CNAME', 'RRSIG', 'AAAA']);
    expect(types((await at.ask({ name: 'www.example' })).answers)).toEqual(['CNAME', 'AAAA']);
  });

  test('DNS-SEC-02 AD is clear without DO, also for who asks for AD', async () => {
    const at = rig(signed, 'pool6: 2001:db8:64::/96, dnssec: upstream');
    expect((await at.ask({ name: 'v4.example', ad: true })).flags.ad).toBe(false);
    expect((await at.ask({ name: 'v4.example' })).flags.ad).toBe(false);
  });

  test('DNS-SEC-06, XLAT-DEP-02 with DO and CD the data are what upstream has', async () => {
    const at = rig(signed, 'pool6: 2001:db8:64::/96, dnssec: upstream');
    const answer = await at.ask({ name: 'v4.example', do: true, cd: true });
    expect(answer.answers).toEqual([]);
    expect(answer.authorities.map((text) => text.split(' ')[2])).toEqual(['SOA', 'RRSIG', 'NSEC']);
    expect(answer.flags.cd).toBe(true);
  });

  test('DNS-SEC-07 CD without DO: no synthesis, unless the operator wants it', async () => {
    expect((await rig(v4only).ask({ name: 'v4.example', cd: true })).answers).toEqual([]);
    const at = rig(v4only, 'pool6: 2001:db8:64::/96, synthesiseWithCd: true');
    expect((await at.ask({ name: 'v4.example', cd: true })).answers.length).toBe(1);
  });

  test('DNS-SEC-08 unsigned data are synthesised without AD', async () => {
    const at = rig(v4only, 'pool6: 2001:db8:64::/96, dnssec: upstream');
    const answer = await at.ask({ name: 'v4.example', do: true });
    expect(answer.answers.length).toBe(1);
    expect(answer.flags.ad).toBe(false);
  });

  test('DNS-SEC-11 where upstream is not trusted, AD is never on a synthetic answer', async () => {
    expect((await rig(signed).ask({ name: 'v4.example', do: true })).flags.ad).toBe(false);
  });

  test('DNS-SEC-12 DO of the query is in the reply, whatever upstream says', async () => {
    const at = rig(v4only);
    expect((await at.ask({ name: 'v4.example', do: true })).opt?.do).toBe(true);
    expect((await at.ask({ name: 'v4.example', do: false })).opt?.do).toBe(false);
    expect(at.questions.map((question) => question.do)).toEqual([true, true, false, false]);
  });

  test('DNS-SEC-13 AD of passed data is for those who set DO or AD', async () => {
    const at = rig(signed);
    const ad = async (more: object) => (await at.ask({ name: 'v4.example', type: 'A', ...more })).flags.ad;
    expect([await ad({}), await ad({ ad: true }), await ad({ do: true })]).toEqual([false, true, true]);
  });

  test('DNS-SEC-15 CD goes upstream; a failure without it is no answer with it', async () => {
    const at = rig(({ cd }) => (cd ? { answers: [rr.a('v4.example', '192.0.2.1')] } : { rcode: 'SERVFAIL' }));
    expect((await at.ask({ name: 'v4.example', type: 'A' })).rcode).toBe('SERVFAIL');
    expect((await at.ask({ name: 'v4.example', type: 'A', cd: true })).rcode).toBe('NOERROR');
    expect(at.questions.map((question) => question.cd)).toEqual([false, true]);
  });

  test('DNS-SYN-07 silence to the AAAA question is no sign of bogus data', async () => {
    const at = rig(({ type, cd }) => {
      if (type === 'A') return { answers: [rr.a('v4.example', '192.0.2.1')] };
      return cd ? { authorities: [rr.soa()] } : 'silence';
    }, 'pool6: 2001:db8:64::/96, dnssec: upstream');
    const answer = await at.ask({ name: 'v4.example', do: false });
    expect(answer).toMatchObject({ rcode: 'NOERROR', opt: { ede: [4] } });
    expect(answer.answers.map(addressOf)).toEqual(['2001:db8:64::c000:201']);
  });

  test('DNS-SEC-05, DNS-SEC-16, DNS-EDNS-14 bogus data: SERVFAIL that says so, and is remembered', async () => {
    // This upstream speaks of no extended errors: that it answers without its checks gives it away.
    const at = rig(({ type, cd }) => {
      if (type === 'A') return { answers: [rr.a('v4.example', '192.0.2.1')], flags: AD };
      return cd ? { authorities: [rr.soa()] } : { rcode: 'SERVFAIL' };
    }, 'pool6: 2001:db8:64::/96, dnssec: upstream');
    for (const _ of [1, 2, 3]) {
      const answer = await at.ask({ name: 'v4.example', do: true });
      expect(answer).toMatchObject({ rcode: 'SERVFAIL', answers: [], opt: { ede: [6] } });
    }
    expect(at.questions).toMatchObject([
      { type: 'AAAA', cd: false },
      { type: 'AAAA', cd: true },
    ]);
    expect(at.statistics['dns64.synthesis.bogus']).toBe(1);
  });

  test('DNS-SEC-17 a proof whose bitmap has CNAME is none', async () => {
    const at = rig(
      ({ type }) =>
        type === 'A'
          ? { answers: [rr.a('v4.example', '192.0.2.1')], flags: AD }
          : { authorities: [rr.soa(), rr.nsec('v4.example', ['CNAME', 'RRSIG', 'NSEC'])], flags: AD },
      'pool6: 2001:db8:64::/96, dnssec: upstream',
    );
    expect((await at.ask({ name: 'v4.example', do: true })).rcode).toBe('SERVFAIL');
    expect(at.asked).toEqual(['AAAA v4.example']);
  });

  test('DNS-SEC-18, XLAT-DEP-02 DNSKEY, DS and RRSIG pass unchanged', async () => {
    const ds = {
      type: 'DS',
      name: 'example',
      ttl: 60,
      data: { keyTag: 1, algorithm: 13, digestType: 2, digest: Buffer.alloc(32, 7) },
    };
    const at = rig(() => ({ answers: [ds as never, rr.rrsig('example', 'DS', 60)] }));
    const answer = await at.ask({ name: 'example', type: 'DS', do: true });
    expect(answer.answers.length).toBe(2);
    expect(Buffer.from(answer.bytes).includes(Buffer.alloc(32, 7))).toBe(true);
  });
});

describe('reverse names', () => {
  const vectors = JSON.parse(readFileSync(new URL('../vectors/ip6arpa_ptr.json', import.meta.url), 'utf8')) as {
    synthesis: { pref64: string; ptr_qname: string; cname_target: string }[];
    not_synthesised: { ptr_qname: string; pref64?: string; why?: string }[];
  };
  const pointers = ({ name }: { name: string }): Says =>
    name.endsWith('in-addr.arpa')
      ? { answers: [rr.ptr(name, 'host.example', 86_400)] }
      : { rcode: 'NXDOMAIN', authorities: [rr.soa()] };

  test.each(vectors.synthesis)('DNS-PTR-01, DNS-PTR-04, DNS-PTR-09, XLAT-DEP-07 $pref64 $cname_target', async (row) => {
    const at = rig(pointers, `pool6: "${row.pref64}", localZones: false`);
    const name = row.ptr_qname.slice(0, -1);
    const target = row.cname_target.slice(0, -1);
    expect((await at.ask({ name, type: 'PTR' })).answers).toEqual([
      `${name} 600 CNAME ${target}`,
      `${target} 86400 PTR host.example`,
    ]);
  });

  test.each(vectors.not_synthesised)(
    'DNS-PTR-06, DNS-PTR-07, DNS-PTR-08 $ptr_qname is asked for as it is',
    async (row) => {
      const name = row.ptr_qname.replace(/\.$/, '');
      const at = rig(pointers, 'pool6: ["64:ff9b::/96", "2001:db8:100::/40"], localZones: false');
      await at.ask({ name, type: 'PTR' });
      expect(at.asked).toEqual([`PTR ${name}`]);
    },
  );

  test('DNS-PTR-01 64:ff9b::/96 counts beside a prefix of one’s own', async () => {
    const wellKnown = vectors.synthesis.find((row) => row.pref64 === '64:ff9b::/96');
    const name = wellKnown?.ptr_qname.slice(0, -1) ?? '';
    const answer = await rig(pointers).ask({ name, type: 'PTR' });
    expect(answer.answers[0]).toBe(`${name} 600 CNAME ${wellKnown?.cname_target.slice(0, -1)}`);
    // Without synthesis it is a name like others.
    const plain = rig(pointers, 'pool6: []');
    await plain.ask({ name, type: 'PTR' });
    expect(plain.asked).toEqual([`PTR ${name}`]);
  });

  test('DNS-PTR-08 an octet u that is not zero', async () => {
    const at = rig(pointers, 'pool6: "2001:db8:100::/40", localZones: false');
    const name = '0.0.0.0.0.0.0.0.0.0.0.0.1.2.f.f.2.0.0.0.0.c.1.0.8.b.d.0.1.0.0.2.ip6.arpa';
    await at.ask({ name, type: 'PTR' });
    expect(at.asked).toEqual([`PTR ${name}`]);
  });

  const name = '1.0.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa';

  test('DNS-PTR-02, DNS-PTR-03 a name of the operator for all, with AA', async () => {
    const at = rig(pointers, 'pool6: 2001:db8:64::/96, reverse: nat64.example');
    const answer = await at.ask({ name, type: 'PTR' });
    expect(answer).toMatchObject({ answers: [`${name} 600 PTR nat64.example`], flags: { aa: true } });
    expect(at.asked).toEqual([]);
  });

  test('DNS-PTR-05 no CNAME to where there is nothing', async () => {
    const at = rig(
      () => ({ rcode: 'NXDOMAIN', authorities: [rr.soa()] }),
      'pool6: 2001:db8:64::/96, localZones: false',
    );
    expect(await at.ask({ name, type: 'PTR' })).toMatchObject({ rcode: 'NXDOMAIN', answers: [] });
  });

  test('DNS-PTR-05 no CNAME to a CNAME: the pointers themselves', async () => {
    const target = '1.2.0.192.in-addr.arpa';
    const at = rig(
      () => ({
        answers: [
          rr.cname(target, '1.0-63.2.0.192.in-addr.arpa'),
          rr.ptr('1.0-63.2.0.192.in-addr.arpa', 'host.example', 60),
        ],
      }),
      'pool6: 2001:db8:64::/96, localZones: false',
    );
    expect((await at.ask({ name, type: 'PTR' })).answers).toEqual([`${name} 60 PTR host.example`]);
  });

  test('DNS-PTR-10 AD is clear on a made CNAME', async () => {
    const at = rig(
      ({ name: target }) => ({ answers: [rr.ptr(target, 'host.example')], flags: AD }),
      'pool6: 2001:db8:64::/96, localZones: false, dnssec: upstream',
    );
    const answer = await at.ask({ name, type: 'PTR', do: true });
    expect(answer.answers.length).toBe(2);
    expect(answer.flags.ad).toBe(false);
  });

  test('DNS-V4O-12 the addresses of ipv4only.arpa have its name', async () => {
    const at = rig(pointers);
    const reverse = 'a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa';
    expect((await at.ask({ name: reverse, type: 'PTR' })).answers).toEqual([`${reverse} 3600 PTR ipv4only.arpa`]);
    expect(at.asked).toEqual([]);
  });

  describe('a name for the NAT64 in the hosts file (RFC 7050 §3.1, §3.2)', () => {
    const reverse = 'a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa';
    const hosts = [
      '2001:db8:64::192.0.0.170 NAT64.example.net',
      '203.0.113.5 nat64.example.net',
      '203.0.113.6 nat64.example.net',
      '2001:db8:64::192.0.2.170 other.example.net',
      '2001:db8:99::192.0.0.170 elsewhere.example.net',
    ].join('\n');
    const named = () => rig(pointers, 'pool6: 2001:db8:64::/96, hosts: hosts', hosts);

    test('XLAT-DNS-13 it is what the addresses of ipv4only.arpa are called', async () => {
      const at = named();
      expect((await at.ask({ name: reverse, type: 'PTR' })).answers).toEqual([`${reverse} 60 PTR nat64.example.net`]);
      expect(at.asked).toEqual([]);
    });

    test('XLAT-DNS-13 its A records are the servers to check connectivity with', async () => {
      const at = named();
      expect((await at.ask({ name: 'nat64.example.net', type: 'A' })).answers).toEqual([
        'nat64.example.net 60 A 203.0.113.5',
        'nat64.example.net 60 A 203.0.113.6',
      ]);
      expect((await at.ask({ name: 'nat64.example.net' })).answers).toEqual([
        'nat64.example.net 60 AAAA 2001:db8:64::c000:aa',
      ]);
    });

    test('192.0.0.171 has no such name and stays ipv4only.arpa', async () => {
      const second = `b${reverse.slice(1)}`;
      expect((await named().ask({ name: second, type: 'PTR' })).answers).toEqual([`${second} 3600 PTR ipv4only.arpa`]);
    });

    test('other addresses of the file have no reverse names of ours', async () => {
      const other = 'a.a.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa';
      const at = named();
      await at.ask({ name: other, type: 'PTR' });
      expect(at.asked).toEqual(['PTR 170.2.0.192.in-addr.arpa']);
    });
  });

  test('DNS-V4O-13 their IPv4 reverse names are asked for', async () => {
    const at = rig(pointers);
    await at.ask({ name: '170.0.0.192.in-addr.arpa', type: 'PTR' });
    expect(at.asked).toEqual(['PTR 170.0.0.192.in-addr.arpa']);
  });
});

describe('names answered here', () => {
  test.each(['2001:db8::/32', '2001:db8::/40', '2001:db8::/48', '2001:db8::/56', '2001:db8::/64', '2001:db8::/96'])(
    'DNS-V4O-03 ipv4only.arpa has both addresses of %s',
    async (prefix) => {
      const at = rig(v4only, `pool6: "${prefix}"`);
      const answer = await at.ask({ name: 'ipv4only.arpa' });
      const wanted: Record<string, string[]> = {
        '2001:db8::/32': ['2001:db8:c000:aa::', '2001:db8:c000:ab::'],
        '2001:db8::/40': ['2001:db8:c0:0:aa::', '2001:db8:c0:0:ab::'],
        '2001:db8::/48': ['2001:db8:0:c000:0:aa00::', '2001:db8:0:c000:0:ab00::'],
        '2001:db8::/56': ['2001:db8:0:c0:0:aa::', '2001:db8:0:c0:0:ab::'],
        '2001:db8::/64': ['2001:db8::c0:0:aa00:0', '2001:db8::c0:0:ab00:0'],
        '2001:db8::/96': ['2001:db8::c000:aa', '2001:db8::c000:ab'],
      };
      expect(answer.answers.map(addressOf)).toEqual(wanted[prefix]);
      expect(at.asked).toEqual([]);
    },
  );

  test('DNS-V4O-03, DNS-V4O-07, XLAT-DNS-21 every prefix is found, whatever the map says of 192.0.0.0/24', async () => {
    const at = rig(
      v4only,
      'pool6: ["64:ff9b::/96", "2001:db8:64::/96"], map: [{ networks: 192.0.0.0/24, prefixes: none }]',
    );
    expect((await at.ask({ name: 'ipv4only.arpa' })).answers.map(addressOf)).toEqual([
      '64:ff9b::c000:aa',
      '64:ff9b::c000:ab',
      '2001:db8:64::c000:aa',
      '2001:db8:64::c000:ab',
    ]);
  });

  test.each(['A', 'AAAA', 'NS'])(
    'DNS-V4O-01, DNS-V4O-02 what a group without a prefix was told of ipv4only.arpa is not for the others (%s)',
    async (type) => {
      const at = rig(
        () => ({ rcode: 'NXDOMAIN', authorities: [rr.soa('arpa')] }),
        'pool6: 2001:db8:64::/96, groups: [ { name: plain, clients: 10.0.0.0/8, pool6: [] } ]',
      );
      const plain = await at.ask({ name: 'ipv4only.arpa', type, from: Uint8Array.of(10, 0, 0, 1) });
      expect(plain.rcode).toBe('NXDOMAIN');
      expect((await at.ask({ name: 'ipv4only.arpa', type })).rcode).toBe('NOERROR');
      expect(at.asked.length).toBe(1);
    },
  );

  test('DNS-V4O-08 its TTL is the operator’s', async () => {
    expect((await rig(v4only).ask({ name: 'ipv4only.arpa', type: 'A' })).answers[0]).toMatch(/^ipv4only.arpa 3600 A/);
    const at = rig(v4only, 'pool6: 2001:db8:64::/96, discoveryTtl: 600');
    expect((await at.ask({ name: 'ipv4only.arpa' })).answers[0]).toMatch(/^ipv4only.arpa 600 AAAA/);
  });

  test('DNS-V4O-10, DNS-V4O-11, XLAT-DNS-21 DO and CD do not change it, AD is clear', async () => {
    for (const more of [{ do: true }, { cd: true }, { do: true, cd: true }]) {
      const answer = await rig(v4only, 'pool6: 2001:db8:64::/96, dnssec: upstream').ask({
        name: 'ipv4only.arpa',
        ...more,
      });
      expect(answer.answers.length).toBe(2);
      expect(answer.flags.ad).toBe(false);
    }
  });

  test('DNS-OPS-04 localhost and what is below', async () => {
    const at = rig(v4only);
    expect((await at.ask({ name: 'localhost' })).answers.map(addressOf)).toEqual(['::1']);
    expect((await at.ask({ name: 'a.localhost', type: 'A' })).answers.map(addressOf)).toEqual(['127.0.0.1']);
    expect(await at.ask({ name: 'localhost', type: 'MX' })).toMatchObject({ rcode: 'NOERROR', answers: [] });
    expect(at.asked).toEqual([]);
  });

  test('DNS-OPS-04a onion names do not exist', async () => {
    const at = rig(v4only);
    expect((await at.ask({ name: 'x.onion' })).rcode).toBe('NXDOMAIN');
    expect(at.asked).toEqual([]);
  });

  test('DNS-OPS-03 reverse zones of private addresses, unless the operator has them elsewhere', async () => {
    const at = rig(v4only);
    const answer = await at.ask({ name: '1.0.0.10.in-addr.arpa', type: 'PTR' });
    expect(answer.rcode).toBe('NXDOMAIN');
    expect(answer.authorities).toEqual(['10.in-addr.arpa 3600 SOA 10.in-addr.arpa minimum 3600']);
    expect(at.asked).toEqual([]);
    const elsewhere = rig(v4only, 'pool6: 2001:db8:64::/96, localZones: false');
    await elsewhere.ask({ name: '1.0.0.10.in-addr.arpa', type: 'PTR' });
    expect(elsewhere.asked.length).toBe(1);
  });
});

describe('other types', () => {
  const https = {
    type: 'UNKNOWN_65',
    name: 'svc.example',
    ttl: 300,
    data: Buffer.from('00010000040004c0000201', 'hex'),
  };
  const encoded = (additionals: Says['additionals']): Says => ({
    answers: [https as never],
    additionals: additionals ?? [],
  });

  test('DNS-SVCB-01, DNS-SVCB-06 hints stay as they are', async () => {
    const at = rig(() => encoded([]));
    const query = queryBytes({ name: 'svc.example', type: 'UNKNOWN_65' });
    const answer = readAnswer((await at.send(query)) ?? new Uint8Array(0));
    expect(answer.answers.length).toBe(1);
    expect(Buffer.from(answer.bytes).includes(https.data)).toBe(true);
  });

  test('DNS-SVCB-02 A records in the additional section get AAAA records beside them', async () => {
    const at = rig(() => encoded([rr.a('svc.example', '192.0.2.1')]));
    const query = queryBytes({ name: 'svc.example', type: 'UNKNOWN_65' });
    expect(readAnswer((await at.send(query)) ?? new Uint8Array(0)).additionals).toEqual([
      'svc.example 300 A 192.0.2.1',
      'svc.example 300 AAAA 2001:db8:64::c000:201',
    ]);
  });

  test.each([
    ['DNS-SVCB-02, DNS-EDNS-14 that they are made up is said', '', {}, 2, [4]],
    ['DNS-SEC-06 not for who validates', '', { cd: true, do: true }, 1, []],
    ['nor for names that are never synthesised', ', never: svc.example', {}, 1, []],
  ])('%s', async (_, more, flags, additionals, ede) => {
    const at = rig(() => encoded([rr.a('svc.example', '192.0.2.1')]), `pool6: 2001:db8:64::/96${more}`);
    const query = queryBytes({ name: 'svc.example', type: 'UNKNOWN_65', do: false, ...flags });
    for (const _ of ['from upstream', 'from the cache']) {
      const answer = readAnswer((await at.send(query)) ?? new Uint8Array(0));
      expect(answer.additionals.length).toBe(additionals);
      expect(answer.opt?.ede).toEqual(ede);
    }
  });

  test('DNS-SVCB-04 nothing is asked for beside it, so nothing can fail', async () => {
    const at = rig(({ type }) => (type === 'HTTPS' ? encoded([]) : 'silence'));
    const query = queryBytes({ name: 'svc.example', type: 'UNKNOWN_65' });
    expect(readAnswer((await at.send(query)) ?? new Uint8Array(0))).toMatchObject({ rcode: 'NOERROR' });
    expect(at.asked).toEqual(['HTTPS svc.example']);
  });

  test('DNS-SYN-21, DNS-ANY-01 ANY: one RRset, none of it synthetic', async () => {
    const at = rig(() => ({
      answers: [rr.a('v4.example', '192.0.2.1'), rr.a('v4.example', '192.0.2.2'), rr.ptr('v4.example', 'x')],
    }));
    for (const _ of ['from upstream', 'from the cache']) {
      const answer = await at.ask({ name: 'v4.example', type: 'ANY' });
      expect(answer.answers).toEqual(['v4.example 300 A 192.0.2.1', 'v4.example 300 A 192.0.2.2']);
    }
    expect(at.asked.length).toBe(1);
  });

  test('DNS-ANY-03 with its signature for those who set DO', async () => {
    const at = rig(() => ({
      answers: [rr.a('v4.example', '192.0.2.1'), rr.rrsig('v4.example', 'A'), rr.rrsig('v4.example', 'PTR')],
    }));
    const answer = await at.ask({ name: 'v4.example', type: 'ANY', do: true });
    expect(answer.answers.map((text) => text.split(' ')[2])).toEqual(['A', 'RRSIG']);
  });

  test('DNS-ANY-05 a HINFO record is a record like others', async () => {
    const hinfo = { type: 'HINFO', name: 'v4.example', ttl: 60, data: { cpu: 'RFC8482', os: '' } } as never;
    const at = rig(() => ({ answers: [hinfo] }));
    for (const _ of ['from upstream', 'from the cache']) {
      expect((await at.ask({ name: 'v4.example', type: 'HINFO' })).answers.length).toBe(1);
    }
    expect(at.asked.length).toBe(1);
  });
});

describe('header, EDNS and size', () => {
  test.each([
    ['silence', 22],
    ['unreachable', 23],
  ] as const)('DNS-EDNS-14 why there is no answer: %s, also while it is remembered', async (says, ede) => {
    const at = rig(() => says);
    for (const type of ['AAAA', 'AAAA', 'A', 'A']) {
      expect(await at.ask({ name: 'x.example', type, udpBytes: 1232 })).toMatchObject({
        rcode: 'SERVFAIL',
        opt: { ede: [ede] },
      });
    }
    expect((await at.ask({ name: 'x.example' })).opt).toBeNull();
    expect(at.asked).toEqual(['AAAA x.example', 'A x.example']);
  });

  test('DNS-EDNS-14 an RCODE of upstream is no silence', async () => {
    const at = rig(() => ({ rcode: 'SERVFAIL' }));
    expect((await at.ask({ name: 'x.example', udpBytes: 1232 })).opt?.ede).toEqual([]);
  });

  test('DNS-EDNS-02, DNS-EDNS-06 an OPT for an OPT, and none of its options', async () => {
    const at = rig(v4only);
    expect((await at.ask({ name: 'v4.example' })).opt).toBeNull();
    const answer = await at.ask({ name: 'v4.example', options: [{ code: 65001, data: Buffer.from('abc') }] });
    expect(answer.opt).toEqual({ udpBytes: 1232, do: false, version: 0, ede: [4], options: [15] });
  });

  test('DNS-EDNS-08, DNS-EDNS-09, DNS-REC-17, DNS-TCP-15 what is too large is cut, with TC and the OPT', async () => {
    const many = Array.from({ length: 60 }, (_, index) => rr.a('v4.example', `192.0.2.${index + 1}`));
    const at = rig(zone({ 'A v4.example': { answers: many } }));
    const small = await at.ask({ name: 'v4.example' });
    expect(small).toMatchObject({ answers: [], flags: { tc: true } });
    expect(small.bytes.length).toBeLessThanOrEqual(512);
    const large = await at.ask({ name: 'v4.example', udpBytes: 4096 });
    expect(large).toMatchObject({ answers: [], flags: { tc: true }, opt: { udpBytes: 1232 } });
    expect(large.bytes.length).toBeLessThanOrEqual(1232);
    const whole = await at.ask({ name: 'v4.example', transport: 'tcp' });
    expect(whole.answers.length).toBe(60);
    expect(whole.flags.tc).toBe(false);
    expect(at.statistics['dns64.answers.truncated']).toBe(2);
  });

  test('DNS-EDNS-10 without its additional section it may fit, then TC is clear', async () => {
    const glue = Array.from({ length: 40 }, (_, index) => rr.a(`ns${index}.example`, '192.0.2.1'));
    const at = rig(() => ({ answers: [rr.a('v4.example', '192.0.2.1')], additionals: glue }));
    for (const _ of ['from upstream', 'from the cache']) {
      const answer = await at.ask({ name: 'v4.example', type: 'A' });
      expect(answer).toMatchObject({ answers: ['v4.example 300 A 192.0.2.1'], additionals: [], flags: { tc: false } });
    }
  });

  test('DNS-EDNS-13 each query has its own size', async () => {
    const many = Array.from({ length: 40 }, (_, index) => rr.a('v4.example', `192.0.2.${index + 1}`));
    const at = rig(() => ({ answers: many }));
    expect((await at.ask({ name: 'v4.example', type: 'A', udpBytes: 1232 })).answers.length).toBe(40);
    expect((await at.ask({ name: 'v4.example', type: 'A' })).flags.tc).toBe(true);
    expect((await at.ask({ name: 'v4.example', type: 'A', udpBytes: 1232 })).answers.length).toBe(40);
  });

  test('DNS-EDNS-03, DNS-EDNS-11 FORMERR comes with an OPT', async () => {
    const bytes = queryBytes({ name: 'v4.example', options: [{ code: 65001, data: Buffer.from('abc') }] });
    bytes[bytes.length - 4] = 9;
    const answer = readAnswer((await rig(v4only).send(bytes)) ?? new Uint8Array(0));
    expect(answer).toMatchObject({ rcode: 'FORMERR', opt: { version: 0 } });
  });

  test('DNS-EDNS-04 BADVERS with version 0', async () => {
    const bytes = queryBytes({ name: 'v4.example', do: false });
    bytes[bytes.length - 5] = 1;
    const at = rig(v4only);
    const answer = readAnswer((await at.send(bytes)) ?? new Uint8Array(0));
    expect(answer).toMatchObject({ rcode: 'BADVERS', opt: { version: 0 } });
    expect(at.logged).toEqual([16]);
    expect(at.statistics).toMatchObject({ 'dns64.answers.noerror': 0, 'dns64.answers.other': 1 });
  });

  test('DNS-TCP-16, DNS-TCP-18 refusals carry the id and the RCODE', async () => {
    const at = rig(v4only);
    const bytes = queryBytes({ name: 'v4.example' });
    const changed = async (offset: number, octet: number) => {
      const copy = bytes.slice();
      copy[offset] = octet;
      return (await at.send(copy)) ?? new Uint8Array(0);
    };
    const notimp = await changed(2, 0x11);
    // RFC 1035 §4.1.1: the opcode is the query's too.
    expect([...notimp.subarray(0, 3), (notimp[3] ?? 0) & 15]).toEqual([4711 >> 8, 4711 & 255, 0x91, 4]);
    const formerr = await changed(5, 2);
    expect((formerr[3] ?? 0) & 15).toBe(1);
    expect(at.asked).toEqual([]);
  });

  test('DNS-TCP-17 silence to responses, and to what is no message', async () => {
    const at = rig(v4only);
    const bytes = queryBytes({ name: 'v4.example' });
    bytes[2] = 0x81;
    expect(await at.send(bytes)).toBeNull();
    expect(await at.send(bytes.slice(0, 11))).toBeNull();
    expect(at.statistics).toMatchObject({ 'dns64.drop.response': 1, 'dns64.drop.short': 1 });
  });

  test('DNS-TCP-21 who is no client is refused, or not answered', async () => {
    const stranger = Uint8Array.of(192, 0, 2, 66);
    const at = rig(v4only, 'clients: "2001:db8::/32"');
    expect((await at.ask({ name: 'v4.example', from: stranger })).rcode).toBe('REFUSED');
    expect(
      await rig(v4only, 'clients: "::1", strangers: drop').send({ name: 'v4.example', from: stranger }),
    ).toBeNull();
    expect(at.asked).toEqual([]);
  });

  test('a synthetic answer says so to those who speak EDNS', async () => {
    const at = rig(v4only);
    for (const _ of ['from upstream', 'from the cache']) {
      expect((await at.ask({ name: 'v4.example', do: false })).opt?.ede).toEqual([4]);
    }
    expect((await at.ask({ name: 'v4.example', type: 'A', do: false })).opt?.ede).toEqual([]);
  });

  test('zone transfers are not for this server', async () => {
    expect((await rig(v4only).ask({ name: 'example', type: 'AXFR' })).rcode).toBe('NOTIMP');
  });
});
