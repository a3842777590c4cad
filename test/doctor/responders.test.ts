import { describe, expect, test } from 'vitest';
import { knownPrefix } from '../../src/config/address.js';
import { findResponders, type NameResolver } from '../../src/doctor/probes/responders.js';

type Records = Record<string, string[] | string>;

/** Answers from a table by `TYPE name`; a word is an error's code, and what is not there has no such record. */
function resolver(records: Records): NameResolver & { asked: string[] } {
  const asked: string[] = [];
  const answer = async (type: string, name: string) => {
    asked.push(`${type} ${name}`);
    const found = records[`${type} ${name}`] ?? 'ENOTFOUND';
    if (typeof found === 'string') throw Object.assign(new Error(found), { code: found });
    return found;
  };
  return {
    asked,
    resolvePtr: (name) => answer('PTR', name),
    resolve4: (name) => answer('A', name),
    resolve6: (name) => answer('AAAA', name),
    cancel: () => undefined,
  };
}

const prefix = knownPrefix('2001:db8:64::/96');
const well = '2001:db8:64::c000:aa';
const reverse = 'a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa';
const { signal } = new AbortController();
const find = (records: Records) => findResponders({ prefix, resolver: resolver(records), signal });

describe('the responders that the operator names', () => {
  test('XLAT-DNS-13 PTR of Pref64::192.0.0.170, then the A records of that name', async () => {
    const names = resolver({
      [`PTR ${reverse}`]: ['NAT64.example.net.'],
      'A nat64.example.net': ['203.0.113.5', '203.0.113.6'],
      'AAAA nat64.example.net': [well],
    });
    expect(await findResponders({ prefix, resolver: names, signal })).toEqual({
      responders: [
        { address: '203.0.113.5', name: 'nat64.example.net', confirmed: true },
        { address: '203.0.113.6', name: 'nat64.example.net', confirmed: true },
      ],
      names: ['nat64.example.net'],
      why: null,
    });
    expect(names.asked).toEqual([`PTR ${reverse}`, 'A nat64.example.net', 'AAAA nat64.example.net']);
  });

  test('the name has to have the address itself, or it is not confirmed (RFC 7050 §3.1.2)', async () => {
    const records = { [`PTR ${reverse}`]: ['nat64.example.net'], 'A nat64.example.net': ['203.0.113.5'] };
    expect((await find(records)).responders).toEqual([
      { address: '203.0.113.5', name: 'nat64.example.net', confirmed: false },
    ]);
  });

  test('XLAT-DNS-12 the addresses of ipv4only.arpa are no responders, whoever says so', async () => {
    const names = resolver({
      [`PTR ${reverse}`]: ['ipv4only.arpa'],
      'A ipv4only.arpa': ['192.0.0.170', '192.0.0.171'],
    });
    expect(await findResponders({ prefix, resolver: names, signal })).toEqual({
      responders: [],
      names: [],
      why: 'the operator publishes no name of the NAT64',
    });
    expect(names.asked).toEqual([`PTR ${reverse}`]);
    const told = await find({
      [`PTR ${reverse}`]: ['nat64.example.net'],
      'A nat64.example.net': ['192.0.0.170', '192.0.0.171', '224.0.0.1', '0.0.0.0', '255.255.255.255', '::1', 'x'],
    });
    expect(told).toMatchObject({ responders: [], why: 'nat64.example.net has no A records to use' });
  });

  test('octet u is left out of longer prefixes (RFC 6052 §2.2)', async () => {
    const names = resolver({});
    await findResponders({ prefix: knownPrefix('2001:db8:122:300::/56'), resolver: names, signal });
    expect(names.asked).toEqual(['PTR 0.0.0.0.0.0.0.0.a.a.0.0.0.0.0.0.0.c.3.0.2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa']);
  });

  test('four names and four addresses each at most', async () => {
    const list = Array.from({ length: 9 }, (_, index) => `n${index}.example`);
    const { responders, names } = await find({
      [`PTR ${reverse}`]: list,
      ...Object.fromEntries(list.map((name) => [`A ${name}`, list.map((_, index) => `203.0.113.${index + 1}`)])),
    });
    expect([names.length, responders.length]).toEqual([4, 16]);
  });

  test('a resolver that fails is told of, one without the record is not to blame', async () => {
    expect((await find({ [`PTR ${reverse}`]: 'ETIMEOUT' })).why).toBe('the resolver fails (ETIMEOUT)');
    expect((await find({})).why).toBe('the operator publishes no name of the NAT64');
  });

  test('an abort cancels the questions', async () => {
    const aborting = new AbortController();
    let cancelled = false;
    const names: NameResolver = {
      ...resolver({}),
      resolvePtr: () => new Promise((_, reject) => setImmediate(reject, new Error('cancelled'))),
      cancel: () => {
        cancelled = true;
      },
    };
    const finding = findResponders({ prefix, resolver: names, signal: aborting.signal });
    aborting.abort(new Error('enough'));
    await expect(finding).rejects.toThrow('enough');
    expect(cancelled).toBe(true);
  });
});
