/** nat64.md section 1: tables and general processing (RFC 6146 §3, §3.1 to §3.3). */
import { describe, expect, test } from 'vitest';
import { echo, icmp, tcp, udp } from './packets.js';
import {
  addon,
  host,
  inward,
  neighbour,
  outward,
  pool,
  server,
  small,
  stateful,
  stranger,
  through,
  translator,
} from './translator.js';

const datagram = { ...outward, sourcePort: 40_000, destinationPort: 53 };
const toStranger = { ...datagram, destination: through(stranger) };

test('N64-GEN-01 the core does not start without a prefix', () => {
  expect(() => new addon.Simulator({ limits: small, config: { ...stateful, pool6: [] } })).toThrow(/pool6/);
});

test('N64-GEN-01 without pool4 addresses nothing gets a mapping', () => {
  const nat = translator({ pool4: [] });
  expect(nat.refuse(udp(datagram))).toMatchObject({ type: 1, code: 3 });
  expect(nat.bib()).toEqual([]);
});

test('N64-GEN-02 one transport address is mapped in each BIB by itself', () => {
  const nat = translator();
  nat.pass(udp(datagram));
  nat.pass(tcp({ ...datagram, flags: 'S' }));
  nat.pass(echo({ ...outward, identifier: 40_000 }));
  expect(nat.bib().map(({ protocol, v6, port6 }) => [protocol, v6, port6])).toEqual([
    ['udp', host, 40_000],
    ['tcp', host, 40_000],
    ['icmp', host, 40_000],
  ]);
  expect(nat.sessions().map(({ protocol }) => protocol)).toEqual(['udp', 'tcp', 'icmp']);
});

test('N64-GEN-02 the end of a mapping in one BIB leaves the same address in the others', () => {
  const nat = translator();
  nat.pass(udp(datagram));
  nat.pass(echo({ ...outward, identifier: 40_000 }));
  nat.wait(61);
  expect(nat.bib().map(({ protocol }) => protocol)).toEqual(['udp']);
});

describe.each(['udp', 'tcp', 'icmp'] as const)('%s', (protocol) => {
  test('N64-GEN-03, -04 each side of a BIB occurs once, in a pool that is nearly full', () => {
    const nat = translator({ pool4: [{ address: pool, length: 32, portMin: 2000, portMax: 2399 }] });
    for (let i = 0; i < 400; i += 1) {
      const at = { ...outward, source: i % 2 ? host : neighbour, sourcePort: 30_000 + i, destinationPort: 80 };
      nat.pass(
        protocol === 'udp'
          ? udp(at)
          : protocol === 'tcp'
            ? tcp({ ...at, flags: 'S' })
            : echo({ ...at, identifier: at.sourcePort }),
      );
    }
    const bib = nat.bib(protocol);
    expect(bib).toHaveLength(400);
    expect(new Set(bib.map(({ v6, port6 }) => `${v6} ${port6}`)).size).toBe(400);
    expect(new Set(bib.map(({ v4, port4 }) => `${v4} ${port4}`)).size).toBe(400);
  });
});

test('N64-GEN-03 a static entry cannot take either side of another one', () => {
  const { simulator } = translator();
  const entry = { protocol: 'tcp', v6: host, port6: 80, v4: pool, port4: 8080 } as const;
  expect(simulator.addBib(entry)).toBe('ok');
  expect(simulator.addBib({ ...entry, port4: 8081 })).toBe('v6-taken');
  expect(simulator.addBib({ ...entry, v6: neighbour })).toBe('v4-taken');
  expect(simulator.addBib(entry)).toBe('exists');
});

test('N64-GEN-05 a session is (X’,x), (Y’,y) and (T,t), (Z,z) with y = z and Y’ = embed(Z), and a lifetime', () => {
  const nat = translator();
  const out = nat.pass(udp(datagram));
  expect(nat.session()).toEqual({
    protocol: 'udp',
    v6: host,
    port6: 40_000,
    remote6: through(server),
    v4: pool,
    port4: out.sourcePort,
    remote4: server,
    remotePort: 53,
    state: null,
    expiresInSeconds: 300,
  });
});

test('N64-GEN-06 an ICMP session is (X’,Y’,i1) and (T,Z,i2), and a lifetime', () => {
  const nat = translator();
  const out = nat.pass(echo({ ...outward, identifier: 7 }));
  expect(nat.session()).toMatchObject({
    protocol: 'icmp',
    v6: host,
    port6: 7,
    remote6: through(server),
    v4: pool,
    port4: out.sourcePort,
    remote4: server,
    expiresInSeconds: 60,
  });
});

describe.each(['udp', 'tcp', 'icmp'] as const)('static %s', (protocol) => {
  const entry = { protocol, v6: host, port6: 500, v4: pool, port4: 600 };

  test('N64-GEN-07 an entry is still there after a day without sessions', () => {
    const nat = translator();
    expect(nat.simulator.addBib(entry)).toBe('ok');
    nat.wait(86_400);
    expect(nat.bib()).toEqual([{ ...entry, static: true, sessions: 0 }]);
  });

  test('N64-GEN-07 an entry outlives its last session', () => {
    const nat = translator();
    nat.simulator.addBib(entry);
    const at = { ...inward, sourcePort: 9, destinationPort: 600 };
    const packet =
      protocol === 'udp'
        ? udp(at)
        : protocol === 'tcp'
          ? tcp({ ...at, flags: 'S' })
          : echo({ ...inward, identifier: 600 });
    expect(nat.pass(packet)).toMatchObject({ destination: host, destinationPort: 500 });
    expect(nat.bib()).toMatchObject([{ sessions: 1 }]);
    nat.wait(301);
    expect(nat.sessions()).toEqual([]);
    expect(nat.bib()).toMatchObject([{ static: true, sessions: 0 }]);
  });

  test('N64-GEN-07 the administrator removes an entry', () => {
    const nat = translator();
    nat.simulator.addBib(entry);
    expect(nat.simulator.removeBib({ protocol, v4: pool, port4: 600 })).toBe(true);
    expect(nat.bib()).toEqual([]);
    expect(nat.simulator.removeBib({ protocol, v4: pool, port4: 600 })).toBe(false);
  });
});

test('N64-GEN-08 a dynamic entry goes with its last session, not before', () => {
  const nat = translator();
  nat.pass(udp(datagram));
  nat.wait(200);
  nat.pass(udp(toStranger));
  nat.wait(101);
  expect(nat.bib()).toMatchObject([{ sessions: 1 }]);
  nat.wait(200);
  expect(nat.bib()).toEqual([]);
  expect(nat.simulator.pool4()).toMatchObject([{ hosts: 0, used: { udp: 0 } }]);
});

test('N64-GEN-09 an IPv6 packet to an address outside of pool6 is not translated', () => {
  const nat = translator();
  expect(nat.drop(udp({ ...datagram, destination: '2001:db8:65::198.51.100.7' }))).toEqual(['drop.not_pool6']);
});

test('N64-GEN-10 an IPv6 packet from inside pool6 is silently dropped', () => {
  const nat = translator();
  expect(nat.drop(udp({ ...datagram, source: through('192.0.2.1') }))).toEqual(['drop.source_in_pool6']);
  expect(nat.bib()).toEqual([]);
});

test('N64-GEN-10 an ICMPv6 error from inside pool6 is silently dropped', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(udp(datagram));
  const reply = nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }));
  const error = icmp({ source: through(stranger), destination: through(server), type: 1, code: 4, body: reply.bytes });
  expect(nat.drop(error)).toEqual(['drop.source_in_pool6']);
});

test('N64-GEN-11 an IPv4 packet to an address outside of pool4 is not translated', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(udp(datagram));
  const reply = udp({ source: server, destination: '192.0.2.2', sourcePort: 53, destinationPort: sourcePort });
  expect(nat.drop(reply)).toEqual(['drop.not_pool4']);
});

test('N64-GEN-11 an ICMPv4 error to an address outside of pool4 is not translated', () => {
  const nat = translator();
  const out = nat.pass(udp(datagram));
  const error = icmp({ source: server, destination: '192.0.2.2', type: 3, code: 3, body: out.bytes });
  expect(nat.drop(error)).toEqual(['drop.not_pool4']);
});

// RFC 6052 §2.4's own example, 192.0.2.33 in every length; here it is the server.
test.each([
  ['2001:db8::', 32, '2001:db8:c000:221::'],
  ['2001:db8:100::', 40, '2001:db8:1c0:2:21::'],
  ['2001:db8:122::', 48, '2001:db8:122:c000:2:2100::'],
  ['2001:db8:122:300::', 56, '2001:db8:122:3c0:0:221::'],
  ['2001:db8:122:344::', 64, '2001:db8:122:344:c0:2:2100:0'],
  ['2001:db8:122:344::', 96, '2001:db8:122:344::c000:221'],
])('N64-GEN-12 %s/%i is mapped by RFC 6052, there and back', (address, length, y) => {
  const nat = translator({
    pool6: [{ address, length }],
    pool4: [{ address: '198.51.100.1', length: 32, portMin: 1024, portMax: 65_535 }],
  });
  const out = nat.pass(udp({ ...datagram, source: 'fd00::a', destination: y }));
  expect(out).toMatchObject({ destination: '192.0.2.33', destinationPort: 53 });
  const back = udp({
    source: '192.0.2.33',
    destination: '198.51.100.1',
    sourcePort: 53,
    destinationPort: out.sourcePort,
  });
  expect(nat.pass(back)).toMatchObject({ source: y, destination: 'fd00::a' });
});

test('N64-GEN-12 several prefixes: each session answers in its own', () => {
  const nat = translator({
    pool6: [
      { address: '2001:db8:64::', length: 96 },
      { address: '2001:db8:65::', length: 96 },
    ],
  });
  const first = nat.pass(udp(datagram));
  const second = nat.pass(udp({ ...datagram, destination: through(stranger, '2001:db8:65::') }));
  expect(second.sourcePort).toBe(first.sourcePort);
  const back = { destination: pool, sourcePort: 53, destinationPort: first.sourcePort };
  expect(nat.pass(udp({ ...back, source: server })).source).toBe(through(server));
  expect(nat.pass(udp({ ...back, source: stranger })).source).toBe(through(stranger, '2001:db8:65::'));
});

test('N64-GEN-13 the remote end is algorithmic though it has a BIB entry of its own', () => {
  const nat = translator();
  nat.simulator.addBib({ protocol: 'udp', v6: neighbour, port6: 53, v4: pool, port4: 53 });
  const { sourcePort } = nat.pass(udp(datagram));
  // Somebody on the IPv4 side uses the pool4 address as its own: still Pref64 form, not the neighbour.
  const looped = udp({ source: pool, destination: pool, sourcePort: 53, destinationPort: sourcePort });
  expect(nat.pass(looped)).toMatchObject({ source: through(pool), sourcePort: 53, destination: host });
});

describe('endpoint-independent mapping', () => {
  test.each([
    ['udp', (to: string, port: number) => udp({ ...datagram, destination: through(to), destinationPort: port })],
    [
      'tcp',
      (to: string, port: number) => tcp({ ...datagram, destination: through(to), destinationPort: port, flags: 'S' }),
    ],
    ['icmp', (to: string) => echo({ source: host, destination: through(to), identifier: 40_000 })],
  ] as const)('N64-GEN-14 the same (X’,x) keeps (T,t) for every destination: %s', (_, packet) => {
    const nat = translator({ pool4: [{ address: '192.0.2.0', length: 28, portMin: 1024, portMax: 65_535 }] });
    const first = nat.pass(packet(server, 53));
    for (const [to, port] of [
      [stranger, 53],
      [server, 54],
      ['8.8.8.8', 4000],
    ] as const) {
      expect(nat.pass(packet(to, port))).toMatchObject({ source: first.source, sourcePort: first.sourcePort });
    }
    expect(nat.bib()).toHaveLength(1);
  });

  test('N64-GEN-14 (T,t) stays as long as any session of the entry lives', () => {
    const nat = translator();
    const first = nat.pass(udp(datagram));
    nat.wait(299);
    nat.pass(udp(toStranger));
    nat.wait(299);
    expect(nat.pass(udp({ ...datagram, destination: through('8.8.8.8') })).sourcePort).toBe(first.sourcePort);
  });
});

test.each([1, 99])('N64-GEN-16 mapping and filtering are the same with %i %% of the ports in use', (percent) => {
  const nat = translator({ pool4: [{ address: pool, length: 32, portMin: 2000, portMax: 2099 }] });
  for (let i = 1; i < percent; i += 1) nat.pass(udp({ ...datagram, source: neighbour, sourcePort: 3000 + i }));
  const first = nat.pass(udp(datagram));
  expect(nat.simulator.pool4()).toMatchObject([{ used: { udp: percent } }]);
  expect(nat.pass(udp(toStranger)).sourcePort).toBe(first.sourcePort);
  const unasked = { source: '8.8.8.8', destination: pool, sourcePort: 9, destinationPort: first.sourcePort };
  expect(nat.pass(udp(unasked))).toMatchObject({ destination: host, destinationPort: 40_000 });
});

test('N64-GEN-17 a TCP mapping does not let UDP in', () => {
  const nat = translator();
  const { sourcePort } = nat.pass(tcp({ ...datagram, flags: 'S' }));
  expect(nat.drop(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }))).toEqual(['drop.no_bib']);
});

describe('ICMP errors and state', () => {
  test('N64-GEN-18 an ICMPv4 error leaves session and lifetime as they are', () => {
    const nat = translator();
    const out = nat.pass(udp(datagram));
    nat.wait(100);
    const before = nat.session();
    nat.pass(icmp({ source: server, destination: pool, type: 3, code: 3, body: out.bytes }));
    expect(nat.session()).toEqual(before);
    expect(before.expiresInSeconds).toBe(200);
  });

  test('N64-GEN-18, N64-UDP-09 an ICMPv6 error leaves session and lifetime as they are', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(udp(datagram));
    const reply = nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }));
    nat.wait(100);
    nat.pass(icmp({ ...outward, type: 1, code: 4, body: reply.bytes }));
    expect(nat.session().expiresInSeconds).toBe(200);
  });

  test('N64-GEN-18 an ICMPv4 error does not end a TCP connection', () => {
    const nat = translator();
    const out = nat.pass(tcp({ ...datagram, flags: 'S' }));
    nat.pass(tcp({ ...inward, sourcePort: 53, destinationPort: out.sourcePort, flags: 'SA' }));
    nat.pass(icmp({ source: server, destination: pool, type: 3, code: 1, body: out.bytes }));
    expect(nat.session()).toMatchObject({ state: 'ESTABLISHED', expiresInSeconds: 7200 });
  });

  test('N64-GEN-18 an error about a packet of nobody makes no entry', () => {
    const nat = translator();
    const quoted = udp({ source: pool, destination: server, sourcePort: 5000, destinationPort: 53 });
    nat.drop(icmp({ source: server, destination: pool, type: 3, code: 3, body: quoted }));
    expect([...nat.bib(), ...nat.sessions()]).toEqual([]);
  });
});

describe('bounds', () => {
  test('N64-GEN-19 sessions are bounded, and those that are there go on', () => {
    const nat = translator({}, { sessions: 8 });
    nat.pass(udp(datagram));
    for (let i = 1; i < 8; i += 1) nat.pass(udp({ ...datagram, destinationPort: 53 + i }));
    expect(nat.refuse(udp({ ...datagram, destinationPort: 99 }))).toMatchObject({ type: 1, code: 3 });
    expect(nat.simulator.sizes().sessions).toBe(8);
    nat.pass(udp(datagram));
  });

  test('N64-GEN-19 BIB entries are bounded, and those that are there go on', () => {
    const nat = translator({}, { bib: 8 });
    for (let i = 0; i < 8; i += 1) nat.pass(udp({ ...datagram, sourcePort: 40_000 + i }));
    expect(nat.refuse(udp({ ...datagram, sourcePort: 50_000 }))).toMatchObject({ type: 1, code: 3 });
    expect(nat.simulator.sizes().bib).toBe(8);
    nat.pass(udp(toStranger));
  });

  test('N64-GEN-19 hosts are bounded, and those that are there go on', () => {
    const nat = translator({}, { hosts: 4 });
    for (let i = 1; i <= 4; i += 1) nat.pass(udp({ ...datagram, source: `2001:db8:2::${i}` }));
    expect(nat.refuse(udp(datagram))).toMatchObject({ type: 1, code: 3 });
    nat.pass(udp({ ...datagram, source: '2001:db8:2::1', sourcePort: 50_000 }));
  });

  test('N64-GEN-19 stored SYNs are bounded, and mapped flows go on', () => {
    const nat = translator({}, { storedSyns: 4 });
    const { sourcePort } = nat.pass(udp(datagram));
    const syn = (port: number) => tcp({ ...inward, sourcePort: port, destinationPort: 5000, flags: 'S' });
    for (let i = 0; i < 4; i += 1) expect(nat.drop(syn(1000 + i))).toEqual(['drop.tcp.syn_stored']);
    expect(nat.drop(syn(2000))).toEqual(['drop.tcp.stored_syns_full']);
    expect(nat.simulator.sizes().storedSyns).toBe(4);
    nat.pass(udp({ ...inward, sourcePort: 53, destinationPort: sourcePort }));
  });

  test('N64-GEN-19 no memory is taken after the start', () => {
    const nat = translator();
    const { memoryBytes } = nat.simulator.sizes();
    for (let i = 0; i < 900; i += 1) nat.pass(udp({ ...datagram, sourcePort: 2000 + i }));
    expect(nat.simulator.sizes()).toMatchObject({ sessions: 900, memoryBytes });
  });
});

describe('the well-known prefix', () => {
  const wellKnown = {
    pool6: [{ address: '64:ff9b::', length: 96 }],
    pool4: [{ address: '5.5.5.5', length: 32, portMin: 1024, portMax: 65_535 }],
  };

  test.each(['10.0.0.1', '192.168.1.1', '172.16.0.1', '100.64.0.1', '169.254.1.1', '198.18.0.1'])(
    'N64-GEN-21 with the IPv4 address %s, which is not global, is dropped',
    (address) => {
      const nat = translator(wellKnown);
      const out = nat.send(udp({ ...datagram, destination: through(address, '64:ff9b::') }));
      expect(out.filter(({ version }) => version === 4)).toEqual([]);
      expect(nat.counter('drop.non_global')).toBe(1);
      expect(nat.bib()).toEqual([]);
    },
  );

  test('N64-GEN-21 carries global addresses', () => {
    const nat = translator(wellKnown);
    expect(nat.pass(udp({ ...datagram, destination: '64:ff9b::808:808' })).destination).toBe('8.8.8.8');
  });

  test('N64-GEN-21 does not show a sender that is not global', () => {
    const nat = translator(wellKnown);
    const { sourcePort } = nat.pass(udp({ ...datagram, destination: '64:ff9b::808:808' }));
    const unasked = udp({ source: '10.0.0.1', destination: '5.5.5.5', sourcePort: 53, destinationPort: sourcePort });
    expect(nat.drop(unasked)).toEqual(['drop.non_global']);
  });

  test('N64-GEN-21 another prefix carries addresses that are not global', () => {
    expect(translator().pass(udp({ ...datagram, destination: through('10.0.0.1') })).destination).toBe('10.0.0.1');
  });
});
