/** Chains of CNAMEs in what upstream says, and what hostile ones cost. */
import { expect, test } from 'vitest';
import { emptyReply, followChain, withinQuestion } from '../../src/dns64/resolver/reply.js';
import type { Rr } from '../../src/dns64/wire/message.js';
import { knownName, sameName } from '../../src/dns64/wire/name.js';
import { Type } from '../../src/dns64/wire/numbers.js';

const record = (owner: string, type: number, rdata: Uint8Array): Rr => ({
  ...{ name: knownName(owner), type, klass: 1, ttl: 300, rdata },
});
const cname = (owner: string, target: string) => record(owner, Type.CNAME, knownName(target));
const dname = (owner: string, target: string) => record(owner, Type.DNAME, knownName(target));
const signature = (owner: string, type: number) =>
  record(owner, Type.RRSIG, Uint8Array.of(0, type, ...Array(20).fill(0)));

test('DNS-CN-05 each link comes once, with its signatures behind it', () => {
  const answer = [
    signature('example', Type.DNAME),
    dname('example', 'example.net'),
    cname('a.b.example', 'a.b.example.net'),
    signature('a.b.example', Type.CNAME),
    cname('a.b.example.net', 'c.b.example'),
    cname('c.b.example', 'end.test'),
  ];
  const { end, links, broken } = followChain(knownName('A.b.example'), answer);
  expect([sameName(end, knownName('end.test')), broken]).toEqual([true, false]);
  expect(links.map((rr) => answer.indexOf(rr))).toEqual([1, 0, 2, 3, 4, 5]);
});

test('DNS-CN-05 many DNAMEs of one owner with as many signatures make no more links than there are records', () => {
  const many = Array.from({ length: 2000 }, () => [dname('example', 'example.net'), signature('example', Type.DNAME)]);
  const answer = [...many.flat(), cname('a.example', 'a.example.net')];
  const { links } = followChain(knownName('a.example'), answer);
  expect(links.length).toBeLessThanOrEqual(answer.length);
  const reply = withinQuestion(knownName('a.example'), Type.AAAA, emptyReply(0, { answer }));
  expect(reply.answer).toHaveLength(links.length);
});
