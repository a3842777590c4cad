/** nat64.md section 4: UDP sessions (RFC 6146 §3.5.1). */
import { describe, expect, test } from 'vitest';
import { icmp, tcp, udp } from './packets.js';
import { host, inward, neighbour, outward, pool, server, stranger, through, translator } from './translator.js';

const flow = { ...outward, sourcePort: 40_000, destinationPort: 53 };
const filtering = { addressDependentFiltering: { tcp: false, udp: true, icmp: false } };

test('N64-UDP-01 the first packet makes one BIB entry and one session, and is forwarded', () => {
  const nat = translator();
  const out = nat.pass(udp(flow));
  expect(out).toMatchObject({ source: pool, destination: server, destinationPort: 53 });
  expect(nat.bib()).toEqual([
    { protocol: 'udp', v6: host, port6: 40_000, v4: pool, port4: out.sourcePort, static: false, sessions: 1 },
  ]);
  expect(nat.sessions()).toHaveLength(1);
});

test('N64-UDP-01 the second packet makes nothing', () => {
  const nat = translator();
  nat.pass(udp(flow));
  nat.pass(udp(flow));
  expect([nat.counter('bib.created'), nat.counter('session.created')]).toEqual([1, 1]);
});

test('N64-UDP-01 another destination makes a session of the same entry', () => {
  const nat = translator();
  nat.pass(udp(flow));
  nat.pass(udp({ ...flow, destinationPort: 54 }));
  expect(nat.bib()).toMatchObject([{ sessions: 2 }]);
});

test('N64-UDP-02 a packet to a port that nobody has is silently dropped', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(udp(flow));
  const other = sourcePort === 5000 ? 5001 : 5000;
  expect(nat.drop(udp({ ...inward, sourcePort: 53, destinationPort: other }))).toEqual(['drop.no_bib']);
});

describe('address-dependent filtering', () => {
  test('N64-UDP-03 lets the known server in from a new port', () => {
    const nat = translator(filtering);
    const { sourcePort } = nat.pass(udp(flow));
    const out = nat.pass(udp({ ...inward, sourcePort: 9999, destinationPort: sourcePort }));
    expect(out).toMatchObject({
      source: through(server),
      sourcePort: 9999,
      destination: host,
      destinationPort: 40_000,
    });
  });

  test('N64-UDP-03 silently drops a new address', () => {
    const nat = translator(filtering);
    const { sourcePort } = nat.pass(udp(flow));
    const unasked = { source: stranger, destination: pool, sourcePort: 53, destinationPort: sourcePort };
    expect(nat.drop(udp(unasked))).toEqual(['drop.filtered']);
    expect(nat.sessions()).toHaveLength(1);
  });

  test('N64-UDP-03 a server known to another mapping is a new address to this one', () => {
    const nat = translator(filtering);
    const { sourcePort } = nat.pass(udp(flow));
    nat.pass(udp({ ...flow, source: neighbour, destination: through(stranger) }));
    const unasked = { source: stranger, destination: pool, sourcePort: 53, destinationPort: sourcePort };
    expect(nat.drop(udp(unasked))).toEqual(['drop.filtered']);
  });

  test('N64-UDP-03 a server whose last session ended is a new address again', () => {
    const nat = translator(filtering);
    const { sourcePort } = nat.pass(udp(flow));
    nat.wait(200);
    nat.pass(udp({ ...flow, destination: through(stranger) }));
    nat.wait(101);
    expect(nat.drop(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }))).toEqual(['drop.filtered']);
  });
});

test('N64-UDP-04 a packet from a new (W,w) gets a session of its own', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(udp(flow));
  const unasked = { source: stranger, destination: pool, sourcePort: 7777, destinationPort: sourcePort };
  expect(nat.pass(udp(unasked))).toMatchObject({ source: through(stranger), sourcePort: 7777, destination: host });
  expect(nat.sessions()).toHaveLength(2);
  expect(nat.sessions().find(({ remote4 }) => remote4 === stranger)).toMatchObject({
    v6: host,
    port6: 40_000,
    remote6: through(stranger),
    remotePort: 7777,
    port4: sourcePort,
    expiresInSeconds: 300,
  });
});

test('N64-UDP-05 an inbound packet after 299 s sets the lifetime to the maximum', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(udp(flow));
  nat.wait(299);
  expect(nat.session().expiresInSeconds).toBe(1);
  nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }));
  expect(nat.session().expiresInSeconds).toBe(300);
});

test('N64-UDP-05 an outbound packet after 299 s sets the lifetime to the maximum', () => {
  const nat = translator();
  nat.pass(udp(flow));
  nat.wait(299);
  nat.pass(udp(flow));
  expect(nat.session().expiresInSeconds).toBe(300);
});

test('N64-UDP-06 idle for 300 s it is still mapped, and a moment later it is not', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(udp(flow));
  nat.wait(300);
  expect(nat.session().port4).toBe(sourcePort);
  nat.wait(0.2);
  expect([nat.sessions(), nat.bib()]).toEqual([[], []]);
});

test('N64-UDP-06 the lifetime is what is configured', () => {
  const nat = translator({ timeoutsSeconds: { ...translator().config.timeoutsSeconds, udp: 600 } });
  nat.pass(udp(flow));
  nat.wait(600);
  expect(nat.sessions()).toHaveLength(1);
  nat.wait(0.2);
  expect(nat.sessions()).toEqual([]);
});

test('N64-UDP-08 an outbound packet refreshes its own session, not the others', () => {
  const nat = translator();
  nat.pass(udp(flow));
  nat.pass(udp({ ...flow, destination: through(stranger) }));
  nat.wait(100);
  nat.pass(udp(flow));
  expect(
    Object.fromEntries(nat.sessions().map(({ remote4, expiresInSeconds }) => [remote4, expiresInSeconds])),
  ).toEqual({
    [server]: 300,
    [stranger]: 200,
  });
});

test('N64-UDP-08 a filtered inbound packet refreshes nothing', () => {
  const nat = translator(filtering);
  const { sourcePort } = nat.pass(udp(flow));
  nat.wait(100);
  nat.drop(udp({ source: stranger, destination: pool, sourcePort: 53, destinationPort: sourcePort }));
  expect(nat.session().expiresInSeconds).toBe(200);
});

test('N64-UDP-08 an inbound packet that is dropped for its TTL refreshes nothing', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(udp(flow));
  nat.wait(100);
  nat.refuse(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort, hopLimit: 1 }));
  expect(nat.session().expiresInSeconds).toBe(200);
});

test('N64-UDP-09 a RST that answers an inbound segment does not extend the lifetime', () => {
  const nat = translator();
  nat.simulator.addBib({ protocol: 'tcp', v6: host, port6: 80, v4: pool, port4: 80 });
  nat.pass(tcp({ ...inward, sourcePort: 1234, destinationPort: 80, flags: 'S' }));
  nat.wait(100);
  nat.pass(tcp({ ...outward, sourcePort: 80, destinationPort: 1234, flags: 'RA' }));
  expect(nat.session().expiresInSeconds).toBe(140);
});

test('N64-UDP-09 an ICMPv6 error from the host does not extend the lifetime', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(udp(flow));
  const probe = nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }));
  nat.wait(100);
  nat.pass(icmp({ ...outward, type: 1, code: 4, body: probe.bytes }));
  expect(nat.session().expiresInSeconds).toBe(200);
});

test('N64-UDP-10 no port left: ICMPv6 1/3 that quotes the packet', () => {
  const nat = translator({ pool4: [{ address: pool, length: 32, portMin: 5000, portMax: 5000 }] });
  nat.pass(udp(flow));
  const packet = udp({ ...flow, sourcePort: 40_002 });
  const error = nat.refuse(packet);
  expect(error).toMatchObject({ type: 1, code: 3, source: through('192.0.0.8') });
  expect(error.data).toEqual(packet);
  expect(nat.counter('drop.pool4_exhausted')).toBe(1);
});

test('N64-UDP-11 a neighbour is reached from the external address and port', () => {
  const nat = translator();
  const there = nat.pass(udp({ ...flow, source: neighbour }));
  const out = nat.pass(udp({ ...flow, destination: through(pool), destinationPort: there.sourcePort }));
  expect(out).toMatchObject({ source: through(pool), destination: neighbour, destinationPort: 40_000 });
  expect(out.sourcePort).toBe(nat.bib().find(({ v6 }) => v6 === host)?.port4);
});
