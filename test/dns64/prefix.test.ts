/** Where the prefixes come from, and how addresses are put into them. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { knownPrefix, networkOf, octetsOf } from '../../src/config/address.js';
import { Group } from '../../src/dns64/policy/group.js';
import { rulesOf } from '../../src/dns64/policy/rules.js';
import { embed, extract } from '../../src/dns64/synthesis/pref64.js';
import { rig, rr, section, zone } from './rig.js';

const vectors = JSON.parse(readFileSync(new URL('../vectors/rfc6052_embeddings.json', import.meta.url), 'utf8')) as {
  vectors: { prefix: string; ipv4: string; hex: string }[];
};

describe('RFC 6052', () => {
  // The native core is held to the same vectors.
  test.each(vectors.vectors)('DNS-REC-10 $ipv4 in $prefix, and out of it again', ({ prefix, ipv4, hex }) => {
    const { first, length } = knownPrefix(prefix);
    const pref64 = { octets: octetsOf(first, 6), length };
    const v4 = Uint8Array.from(ipv4.split('.').map(Number));
    expect(Buffer.from(embed(pref64, v4)).toString('hex')).toBe(hex);
    expect(extract(pref64, Uint8Array.from(Buffer.from(hex, 'hex')))).toEqual(v4);
  });
});

describe('whose prefix', () => {
  const TRANSLATED = [knownPrefix('2001:db8:aa::/96')];
  const of = (text: string, translated: typeof TRANSLATED | null) =>
    rulesOf(section(text), translated).flatMap((rules) => rules.map.flatMap(({ prefixes }) => prefixes.map(networkOf)));

  test('DNS-OPS-01, DNS-REC-09 the section, else the translator here, else 64:ff9b::/96', () => {
    expect(of('pool6: "2001:db8:64::/96"', TRANSLATED)).toEqual(['2001:db8:64::/96']);
    expect(of('strangers: drop', TRANSLATED)).toEqual(['2001:db8:aa::/96']);
    expect(of('strangers: drop', null)).toEqual(['64:ff9b::/96']);
  });

  test('DNS-OPS-01 a group has its own, or the section’s', () => {
    const [own, other] = rulesOf(
      section(
        'pool6: "2001:db8:64::/96", groups: [{ name: a, clients: "2001:db8:1::/48", pool6: "64:ff9b::/96" },' +
          ' { name: b, clients: "2001:db8:2::/48" }]',
      ),
      TRANSLATED,
    ).map((rules, index) => new Group(rules, index + 1));
    expect(own?.prefixes.map(({ octets }) => octets[1])).toEqual([0x64]);
    expect(other?.prefixes.map(({ octets }) => octets[1])).toEqual([0x01]);
  });

  test('DNS-OPS-01 it is never learnt upstream: what a DNS64 there says passes as it is', async () => {
    const at = rig(zone({ 'AAAA v4.example': { answers: [rr.aaaa('v4.example', '2001:db8:bb::c000:201')] } }));
    expect((await at.ask({ name: 'v4.example' })).answers).toEqual(['v4.example 300 AAAA 2001:db8:bb::c000:201']);
    await at.ask({ name: 'ipv4only.arpa' });
    expect(at.asked).toEqual(['AAAA v4.example']);
  });

  test('DNS-V4O-09 who gets no synthesis gets ipv4only.arpa from upstream', async () => {
    const at = rig(zone({}), 'pool6: []');
    await at.ask({ name: 'ipv4only.arpa' });
    expect(at.asked).toEqual(['AAAA ipv4only.arpa']);
  });
});
