/** nat64.md section 7: ICMP queries (RFC 6146 §3.5.3, RFC 5508). */
import { expect, test } from 'vitest';
import { echo, udp } from './packets.js';
import { host, inward, outward, pool, server, stranger, through, translator } from './translator.js';

const filtering = { addressDependentFiltering: { tcp: false, udp: false, icmp: true } };
const request = echo({ ...outward, identifier: 7 });

test('N64-ICMP-01 an echo request makes a BIB entry and a session, and is forwarded', () => {
  const nat = translator();
  const out = nat.pass(request);
  expect(out).toMatchObject({ source: pool, destination: server, type: 8, code: 0 });
  expect(nat.bib()).toEqual([
    { protocol: 'icmp', v6: host, port6: 7, v4: pool, port4: out.sourcePort, static: false, sessions: 1 },
  ]);
  expect(nat.sessions()).toHaveLength(1);
});

test('N64-ICMP-01 the reply reaches who asked, with its identifier', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(request);
  const reply = nat.pass(echo({ ...inward, identifier: sourcePort, reply: true }));
  expect(reply).toMatchObject({ source: through(server), destination: host, type: 129, code: 0, sourcePort: 7 });
});

test.each([false, true])('N64-ICMP-02 an echo (reply: %s) to an identifier of nobody is silently dropped', (reply) => {
  expect(translator().drop(echo({ ...inward, identifier: 5000, reply }))).toEqual(['drop.no_bib']);
});

test('N64-ICMP-02 a UDP mapping with the same number does not let an echo in', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(udp({ ...outward, sourcePort: 7, destinationPort: 53 }));
  expect(nat.drop(echo({ ...inward, identifier: sourcePort, reply: true }))).toEqual(['drop.no_bib']);
});

test('N64-ICMP-03 filtering on: a reply of another host is silently dropped', () => {
  const nat = translator(filtering);
  const { sourcePort } = nat.pass(request);
  const other = echo({ source: stranger, destination: pool, identifier: sourcePort, reply: true });
  expect(nat.drop(other)).toEqual(['drop.filtered']);
  expect(nat.sessions()).toHaveLength(1);
});

test('N64-ICMP-03 filtering on: the host that was asked may answer, and ask', () => {
  const nat = translator(filtering);
  const { sourcePort } = nat.pass(request);
  nat.pass(echo({ ...inward, identifier: sourcePort, reply: true }));
  expect(nat.pass(echo({ ...inward, identifier: sourcePort }))).toMatchObject({ destination: host, type: 128 });
});

test('N64-ICMP-04 filtering off: an echo of a new host passes and gets a session', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(request);
  const other = nat.pass(echo({ source: stranger, destination: pool, identifier: sourcePort }));
  expect(other).toMatchObject({ source: through(stranger), destination: host, type: 128, sourcePort: 7 });
  expect(nat.sessions().map(({ remote4, expiresInSeconds }) => [remote4, expiresInSeconds])).toEqual([
    [server, 60],
    [stranger, 60],
  ]);
});

test('N64-ICMP-05 after 59 s the reply still passes, and the 60 s start again', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(request);
  nat.wait(59);
  expect(nat.session().expiresInSeconds).toBe(1);
  nat.pass(echo({ ...inward, identifier: sourcePort, reply: true }));
  expect(nat.session().expiresInSeconds).toBe(60);
});

test('N64-ICMP-05 the lifetime is configurable', () => {
  const nat = translator({ timeoutsSeconds: { ...translator().config.timeoutsSeconds, icmp: 90 } });
  nat.pass(request);
  nat.wait(90);
  expect(nat.sessions()).toHaveLength(1);
  nat.wait(0.2);
  expect(nat.sessions()).toEqual([]);
});

test('N64-ICMP-06 the mapping goes with its last session, and the identifier is free', () => {
  const nat = translator();
  nat.pass(request);
  nat.wait(60.2);
  expect([...nat.bib(), ...nat.sessions()]).toEqual([]);
  expect(nat.simulator.pool4()).toMatchObject([{ used: { icmp: 0 } }]);
});

test('N64-ICMP-07 the identifier is that of the BIB; sequence and data are kept', () => {
  const nat = translator();
  const out = nat.pass(echo({ ...outward, identifier: 7, sequence: 0xbeef, data: 'abcdefg' }));
  const i2 = nat.bib()[0]?.port4;
  expect(out).toMatchObject({ sourcePort: i2, sequence: 0xbeef });
  expect(out.data.toString()).toBe('abcdefg');
  const back = nat.pass(echo({ ...inward, identifier: i2 ?? 0, sequence: 0xbeef, data: 'abcdefg', reply: true }));
  expect(back).toMatchObject({ sourcePort: 7, sequence: 0xbeef });
  expect(back.data.toString()).toBe('abcdefg');
});
