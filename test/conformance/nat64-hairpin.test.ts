/** nat64.md section 11: hairpinning (RFC 6146 §3.8). */
import { describe, expect, test } from 'vitest';
import { echo, fragments, icmp, ip, read, tcp, udp } from './packets.js';
import { host, neighbour, pool, server, stranger, type Translator, through, translator } from './translator.js';

const toPool = { source: host, destination: through(pool) };
const T1 = 1111;
const T2 = 2222;

/** Both hosts have static entries: the host is T:1111, the neighbour T:2222. */
function hairpin(protocol: 'udp' | 'tcp', change: Parameters<typeof translator>[0] = {}): Translator {
  const nat = translator(change);
  nat.simulator.addBib({ protocol, v6: host, port6: 100, v4: pool, port4: T1 });
  nat.simulator.addBib({ protocol, v6: neighbour, port6: 200, v4: pool, port4: T2 });
  return nat;
}
const there = { ...toPool, sourcePort: 100, destinationPort: T2 };
const back = { source: neighbour, destination: through(pool), sourcePort: 200, destinationPort: T1 };

test('N64-HAIR-01 a packet to (P::T, t2) reaches the neighbour that has (T, t2)', () => {
  const out = hairpin('udp').pass(udp({ ...there, data: 'over the fence' }));
  expect(out).toMatchObject({ version: 6, destination: neighbour, destinationPort: 200 });
  expect(out.data.toString()).toBe('over the fence');
});

test('N64-HAIR-01 to a port of nobody: dropped', () => {
  expect(hairpin('udp').drop(udp({ ...there, destinationPort: 3333 }))).toEqual(['drop.no_bib']);
});

test('N64-HAIR-01 to a pool4 address that is another than the sender’s', () => {
  const nat = translator({ pool4: [{ address: '192.0.2.0', length: 30, portMin: 1024, portMax: 65_535 }] });
  nat.simulator.addBib({ protocol: 'udp', v6: host, port6: 100, v4: '192.0.2.1', port4: T1 });
  nat.simulator.addBib({ protocol: 'udp', v6: neighbour, port6: 200, v4: '192.0.2.2', port4: T2 });
  const out = nat.pass(udp({ ...there, destination: through('192.0.2.2') }));
  expect(out).toMatchObject({ source: through('192.0.2.1'), sourcePort: T1, destination: neighbour });
});

test('N64-HAIR-02 it comes from embed(T), t1', () => {
  expect(hairpin('udp').pass(udp(there))).toMatchObject({ source: through(pool), sourcePort: T1 });
});

test('N64-HAIR-02 the answer to that address reaches the host, from embed(T), t2', () => {
  const nat = hairpin('udp');
  nat.pass(udp(there));
  expect(nat.pass(udp(back))).toMatchObject({
    source: through(pool),
    sourcePort: T2,
    destination: host,
    destinationPort: 100,
  });
});

describe('both legs', () => {
  test('N64-HAIR-03 each has its session', () => {
    const nat = hairpin('udp');
    nat.pass(udp(there));
    expect(
      nat.sessions().map(({ v6, port6, port4, remote4, remotePort }) => [v6, port6, port4, remote4, remotePort]),
    ).toEqual([
      [host, 100, T1, pool, T2],
      [neighbour, 200, T2, pool, T1],
    ]);
    expect(nat.counter('hairpin.packets')).toBe(1);
  });

  test('N64-HAIR-03 the answer makes no further session, and refreshes both', () => {
    const nat = hairpin('udp');
    nat.pass(udp(there));
    nat.wait(100);
    nat.pass(udp(back));
    expect(nat.sessions().map(({ expiresInSeconds }) => expiresInSeconds)).toEqual([300, 300]);
  });

  const filtering = { addressDependentFiltering: { tcp: false, udp: true, icmp: false } };

  test('N64-HAIR-03 filtering: dropped where the neighbour never wrote to T', () => {
    expect(hairpin('udp', filtering).drop(udp(there))).toEqual(['drop.filtered']);
  });

  test('N64-HAIR-03 filtering: passes once the neighbour wrote to T', () => {
    const nat = hairpin('udp', filtering);
    expect(nat.drop(udp(back))).toEqual(['drop.filtered']);
    expect(nat.pass(udp(there))).toMatchObject({ destination: neighbour });
  });
});

describe('each protocol', () => {
  test('N64-HAIR-04 UDP between two dynamic mappings', () => {
    const nat = translator();
    const of = (source: string) =>
      nat.pass(udp({ source, destination: through(server), sourcePort: 500, destinationPort: 53 })).sourcePort;
    const [a, b] = [of(host), of(neighbour)];
    const out = nat.pass(udp({ ...toPool, sourcePort: 500, destinationPort: b }));
    expect(out).toMatchObject({ source: through(pool), sourcePort: a, destination: neighbour, destinationPort: 500 });
  });

  test('N64-HAIR-04 TCP: handshake, data and close', () => {
    const nat = hairpin('tcp');
    for (const [from, flags] of [
      [there, 'S'],
      [back, 'SA'],
      [there, 'A'],
      [there, 'PA'],
      [back, 'FA'],
      [there, 'FA'],
    ] as const) {
      const out = nat.pass(tcp({ ...from, flags, data: flags === 'PA' ? 'data' : '' }));
      expect([...out.flags].sort()).toEqual([...flags].sort());
      expect(out).toMatchObject(
        from === there
          ? { source: through(pool), sourcePort: T1, destination: neighbour, destinationPort: 200 }
          : { source: through(pool), sourcePort: T2, destination: host, destinationPort: 100 },
      );
    }
    expect(nat.sessions().map(({ state }) => state)).toEqual(['V4_FIN_V6_FIN_RCV', 'V4_FIN_V6_FIN_RCV']);
  });

  test('N64-HAIR-04 TCP: each leg follows its own state machine', () => {
    const nat = hairpin('tcp');
    nat.pass(tcp({ ...there, flags: 'S' }));
    expect(nat.sessions().map(({ state }) => state)).toEqual(['V6_INIT', 'V4_INIT']);
    nat.pass(tcp({ ...back, flags: 'SA' }));
    expect(nat.sessions().map(({ state }) => state)).toEqual(['ESTABLISHED', 'ESTABLISHED']);
  });

  test('N64-HAIR-04 ICMP queries', () => {
    const nat = translator({ pool4: [{ address: '192.0.2.0', length: 30, portMin: 1024, portMax: 65_535 }] });
    nat.simulator.addBib({ protocol: 'icmp', v6: host, port6: 7, v4: '192.0.2.1', port4: 777 });
    nat.simulator.addBib({ protocol: 'icmp', v6: neighbour, port6: 8, v4: '192.0.2.2', port4: 777 });
    const request = nat.pass(echo({ source: host, destination: through('192.0.2.2'), identifier: 7, sequence: 5 }));
    expect(request).toMatchObject({ source: through('192.0.2.1'), destination: neighbour, type: 128, sequence: 5 });
    expect(request.sourcePort).toBe(8);
    const reply = nat.pass(echo({ source: neighbour, destination: through('192.0.2.1'), identifier: 8, reply: true }));
    expect(reply).toMatchObject({ source: through('192.0.2.2'), destination: host, type: 129, sourcePort: 7 });
  });

  test.each([
    ['port unreachable', 1, 4, 0],
    ['too big', 2, 0, 1300],
    ['time exceeded', 3, 0, 0],
  ])('N64-HAIR-04 ICMP errors: %s, with the host’s own packet inside', (_, type, code, rest) => {
    const nat = hairpin('udp');
    const packet = udp(there);
    const arrived = nat.pass(packet);
    const told = nat.pass(
      icmp({ source: neighbour, destination: through(pool), type, code, rest, body: arrived.bytes }),
    );
    expect(told).toMatchObject({ source: through(pool), destination: host, type, code, rest, hopLimit: 63 });
    const quoted = read(told.data);
    expect(quoted).toMatchObject({ source: host, destination: through(pool), valid: true });
    expect(quoted.payload).toEqual(read(packet).payload);
  });

  test('N64-HAIR-04 UDP in fragments', () => {
    const nat = hairpin('udp');
    const data = Buffer.alloc(4000, 'x');
    const sent = fragments(udp({ ...there, data }), 7, 1448, 2896).flatMap((one) => nat.send(one));
    expect(
      sent.every(
        ({ version, destination, bytes }) => version === 6 && destination === neighbour && bytes.length <= 1280,
      ),
    ).toBe(true);
    const [first] = sent;
    const { source, destination, protocol } = first ?? expect.fail('nothing was sent');
    const whole = read(
      ip({ source, destination, protocol, payload: Buffer.concat(sent.map(({ payload }) => payload)) }),
    );
    expect(whole).toMatchObject({ sourcePort: T1, destinationPort: 200, valid: true });
    expect(whole.data).toEqual(data);
  });

  test('N64-HAIR-04 a host reaches itself by its external address', () => {
    const nat = hairpin('udp');
    nat.simulator.addBib({ protocol: 'udp', v6: host, port6: 300, v4: pool, port4: 3333 });
    expect(nat.pass(udp({ ...there, destinationPort: 3333 }))).toMatchObject({
      destination: host,
      destinationPort: 300,
    });
  });
});

test.each([64, 2])('N64-HAIR-05 hop limit %i falls by one in all', (hopLimit) => {
  expect(hairpin('udp').pass(udp({ ...there, hopLimit })).hopLimit).toBe(hopLimit - 1);
});

test('N64-HAIR-05 hop limit 1 is refused as everywhere', () => {
  expect(hairpin('udp').refuse(udp({ ...there, hopLimit: 1 }))).toMatchObject({ type: 3, code: 0 });
});

test('N64-HAIR-03 a stranger outside still reaches both', () => {
  const nat = hairpin('udp');
  nat.pass(udp(there));
  const unasked = { source: stranger, destination: pool, sourcePort: 9 };
  expect(nat.pass(udp({ ...unasked, destinationPort: T1 })).destination).toBe(host);
  expect(nat.pass(udp({ ...unasked, destinationPort: T2 })).destination).toBe(neighbour);
});
