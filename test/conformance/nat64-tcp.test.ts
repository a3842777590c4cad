/** nat64.md section 6: TCP (RFC 6146 §3.5.2, RFC 5382, RFC 7857). The whole state table is in nat64-tcp-fsm. */
import { describe, expect, test } from 'vitest';
import { icmp, read, tcp } from './packets.js';
import {
  host,
  inward,
  neighbour,
  outward,
  pool,
  server,
  stranger,
  type Translator,
  through,
  translator,
} from './translator.js';

const filtering = { addressDependentFiltering: { tcp: true, udp: false, icmp: false } };
const onePort = { pool4: [{ address: pool, length: 32, portMin: 5000, portMax: 5000 }] };

/** A segment of the connection from the IPv6 side. */
const v6 = (flags: string, data = '') => tcp({ ...outward, sourcePort: 40_000, destinationPort: 80, flags, data });
/** A segment of the connection from the IPv4 side, to port `t` of the pool4 address. */
const v4 = (t: number, flags: string, data = '') => tcp({ ...inward, sourcePort: 80, destinationPort: t, flags, data });

/** Opens the connection from the IPv6 side; t. */
function open(nat: Translator): number {
  const { sourcePort } = nat.pass(v6('S'));
  nat.pass(v4(sourcePort, 'SA'));
  nat.pass(v6('A'));
  return sourcePort;
}

/** A mapping of (X’,x) that exists because of a connection to somebody else; t. */
function mapped(nat: Translator): number {
  return nat.pass(
    tcp({ ...outward, destination: through(stranger), sourcePort: 40_000, destinationPort: 443, flags: 'S' }),
  ).sourcePort;
}
const toServer = (nat: Translator) => nat.sessions().find(({ remote4 }) => remote4 === server);

test('N64-TCP-01 two connections of one mapping have states of their own', () => {
  const nat = translator();
  open(nat);
  mapped(nat);
  expect(nat.sessions().map(({ remote4, state }) => [remote4, state])).toEqual([
    [server, 'ESTABLISHED'],
    [stranger, 'V6_INIT'],
  ]);
});

describe('CLOSED', () => {
  test.each(['S', 'SA'])('N64-TCP-02 V6 %s makes BIB entry and session for 240 s, and is forwarded', (flags) => {
    const nat = translator();
    const out = nat.pass(v6(flags));
    expect(out).toMatchObject({ source: pool, destination: server, destinationPort: 80 });
    expect(out.flags).toBe(flags === 'S' ? 'S' : 'SA');
    expect(nat.bib('tcp')).toMatchObject([{ v6: host, port6: 40_000, port4: out.sourcePort, sessions: 1 }]);
    expect(nat.session()).toMatchObject({ state: 'V6_INIT', expiresInSeconds: 240 });
  });

  test.each([
    ['with an entry', true],
    ['without one', false],
  ])('N64-TCP-03 where policy forbids it a V4 SYN meets silence, %s', (_, known) => {
    const nat = translator({ dropInboundTcp: true });
    const t = known ? mapped(nat) : 5000;
    const before = nat.sessions();
    expect(nat.drop(v4(t, 'S'))).toEqual(['drop.tcp.inbound']);
    expect(nat.sessions()).toEqual(before);
    expect(nat.wait(7)).toEqual([]);
  });

  test('N64-TCP-03 the answer to a connection from inside comes in all the same', () => {
    const nat = translator({ dropInboundTcp: true });
    open(nat);
    expect(nat.session().state).toBe('ESTABLISHED');
  });

  test('N64-TCP-04 V4 SYN to a port of nobody: half a session for 6 s, no BIB entry, nothing forwarded', () => {
    const nat = translator();
    expect(nat.drop(v4(5000, 'S'))).toEqual(['drop.tcp.syn_stored']);
    expect(nat.session()).toMatchObject({
      v6: null,
      v4: pool,
      port4: 5000,
      remote4: server,
      remotePort: 80,
      state: 'V4_INIT',
      expiresInSeconds: 6,
    });
    expect(nat.bib()).toEqual([]);
    expect(nat.simulator.sizes().storedSyns).toBe(1);
  });

  test('N64-TCP-04 the SYN again changes nothing', () => {
    const nat = translator();
    nat.drop(v4(5000, 'S'));
    nat.wait(3);
    expect(nat.drop(v4(5000, 'S'))).toEqual(['drop.tcp.syn_stored']);
    expect(nat.session()).toMatchObject({ state: 'V4_INIT', expiresInSeconds: 3 });
    expect(nat.simulator.sizes().storedSyns).toBe(1);
  });

  test('N64-TCP-05 V4 SYN to a mapping, filtering on: the session is whole, the SYN stored for 6 s', () => {
    const nat = translator(filtering);
    const t = mapped(nat);
    expect(nat.drop(v4(t, 'S'))).toEqual(['drop.tcp.syn_stored']);
    expect(toServer(nat)).toMatchObject({ v6: host, port6: 40_000, port4: t, state: 'V4_INIT', expiresInSeconds: 6 });
    expect(nat.bib()).toMatchObject([{ sessions: 2 }]);
  });

  test('N64-TCP-06 V4 SYN to a mapping, no filtering: forwarded, V4 INIT for 240 s', () => {
    const nat = translator();
    const t = mapped(nat);
    expect(nat.pass(v4(t, 'S'))).toMatchObject({
      source: through(server),
      sourcePort: 80,
      destination: host,
      destinationPort: 40_000,
      flags: 'S',
    });
    expect(toServer(nat)).toMatchObject({ state: 'V4_INIT', expiresInSeconds: 240 });
  });

  test.each(['A', 'FA', 'R', 'RA', 'PA'])('N64-TCP-07 a stray V6 %s without BIB entry meets silence', (flags) => {
    const nat = translator();
    expect(nat.drop(v6(flags))).toEqual(['drop.tcp.no_session']);
    expect([...nat.bib(), ...nat.sessions()]).toEqual([]);
  });

  test.each(['A', 'FA', 'R', 'RA', 'PA'])('N64-TCP-07 a stray V4 %s without BIB entry meets silence', (flags) => {
    const nat = translator();
    expect(nat.drop(v4(5000, flags))).toEqual(['drop.tcp.no_session']);
    expect(nat.sessions()).toEqual([]);
  });

  test.each(['A', 'FA', 'R'])('N64-TCP-07 a stray V6 %s with BIB entry is forwarded without a session', (flags) => {
    const nat = translator();
    const t = mapped(nat);
    expect(nat.pass(v6(flags))).toMatchObject({ source: pool, sourcePort: t, destination: server });
    expect(toServer(nat)).toBeUndefined();
  });

  test.each(['A', 'FA', 'R'])('N64-TCP-07 a stray V4 %s with BIB entry is forwarded without a session', (flags) => {
    const nat = translator();
    const t = mapped(nat);
    expect(nat.pass(v4(t, flags))).toMatchObject({ destination: host, destinationPort: 40_000 });
    expect(toServer(nat)).toBeUndefined();
  });

  test('N64-TCP-07 filtering on: a stray V4 segment of a stranger is dropped', () => {
    const nat = translator(filtering);
    const t = mapped(nat);
    expect(nat.drop(v4(t, 'A'))).toEqual(['drop.filtered']);
  });
});

describe('V4 INIT', () => {
  test.each(['S', 'SA'])('N64-TCP-08 V6 %s: forwarded, ESTABLISHED for 7200 s', (flags) => {
    const nat = translator();
    nat.pass(v4(mapped(nat), 'S'));
    expect(nat.pass(v6(flags))).toMatchObject({ destination: server, destinationPort: 80 });
    expect(toServer(nat)).toMatchObject({ state: 'ESTABLISHED', expiresInSeconds: 7200 });
  });

  test('N64-TCP-09 after 6 s the sender of the stored SYN gets ICMPv4 3/3 that quotes it', () => {
    const nat = translator();
    const syn = v4(5000, 'S');
    nat.drop(syn);
    const [error, ...others] = nat.wait(6.2);
    expect(others).toEqual([]);
    expect(error).toMatchObject({ source: pool, destination: server, type: 3, code: 3, valid: true });
    expect(error?.data).toEqual(syn);
    expect(nat.sessions()).toEqual([]);
    expect(nat.simulator.sizes().storedSyns).toBe(0);
  });

  test('N64-TCP-09 filtering on, mapping there: the same, and the mapping stays', () => {
    const nat = translator(filtering);
    const t = mapped(nat);
    nat.drop(v4(t, 'S'));
    expect(nat.wait(6.2)).toMatchObject([{ destination: server, type: 3, code: 3 }]);
    expect(toServer(nat)).toBeUndefined();
    expect(nat.bib()).toMatchObject([{ port4: t, sessions: 1 }]);
  });

  test('N64-TCP-09 a SYN that was forwarded and never answered ends in silence', () => {
    const nat = translator();
    nat.pass(v4(mapped(nat), 'S'));
    expect(nat.wait(240.2)).toEqual([]);
    expect(nat.sessions()).toEqual([]);
  });

  test('N64-TCP-10 nothing is answered for 6 s', () => {
    const nat = translator();
    nat.drop(v4(5000, 'S'));
    expect(nat.wait(5.9)).toEqual([]);
    expect(nat.wait(0.1)).toEqual([]);
  });

  test('N64-TCP-10 a V6 SYN of the same connection meanwhile: ESTABLISHED, the stored SYN silently discarded', () => {
    const nat = translator(onePort);
    nat.drop(v4(5000, 'S'));
    nat.wait(5);
    expect(nat.pass(v6('S'))).toMatchObject({ sourcePort: 5000, destination: server });
    expect(nat.session()).toMatchObject({ v6: host, port6: 40_000, state: 'ESTABLISHED', expiresInSeconds: 7200 });
    expect(nat.bib()).toMatchObject([{ port4: 5000, sessions: 1 }]);
    expect(nat.simulator.sizes().storedSyns).toBe(0);
    expect(nat.wait(60)).toEqual([]);
    expect(nat.pass(v4(5000, 'SA'))).toMatchObject({ destination: host, destinationPort: 40_000 });
  });

  test('N64-TCP-10 filtering on, mapping there: the V6 SYN makes it ESTABLISHED without an error', () => {
    const nat = translator(filtering);
    const t = mapped(nat);
    nat.drop(v4(t, 'S'));
    nat.pass(v6('S'));
    expect(toServer(nat)).toMatchObject({ state: 'ESTABLISHED', expiresInSeconds: 7200 });
    expect(nat.wait(60)).toEqual([]);
    nat.pass(v4(t, 'SA'));
  });

  test('N64-TCP-10 where errors are switched off the SYN ends in silence', () => {
    const nat = translator({ icmpErrors: { ratePerSecond: 0, burst: 0 } });
    nat.drop(v4(5000, 'S'));
    expect(nat.wait(7)).toEqual([]);
    expect(nat.sessions()).toEqual([]);
  });

  test.each(['A', 'FA', 'R'])('N64-TCP-11 V4 %s: forwarded, state and timer unchanged', (flags) => {
    const nat = translator();
    const t = mapped(nat);
    nat.pass(v4(t, 'S'));
    nat.wait(100);
    nat.pass(v4(t, flags));
    expect(toServer(nat)).toMatchObject({ state: 'V4_INIT', expiresInSeconds: 140 });
  });
});

describe('V6 INIT', () => {
  test.each(['S', 'SA'])('N64-TCP-12 V4 %s: forwarded, ESTABLISHED for 7200 s, before the third segment', (flags) => {
    const nat = translator();
    const { sourcePort } = nat.pass(v6('S'));
    expect(nat.pass(v4(sourcePort, flags))).toMatchObject({ destination: host, destinationPort: 40_000 });
    expect(nat.session()).toMatchObject({ state: 'ESTABLISHED', expiresInSeconds: 7200 });
  });

  test('N64-TCP-13 V6 SYN again: forwarded, 240 s again, same state and port', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(v6('S'));
    nat.wait(200);
    expect(nat.pass(v6('S')).sourcePort).toBe(sourcePort);
    expect(nat.session()).toMatchObject({ state: 'V6_INIT', expiresInSeconds: 240 });
  });

  test('N64-TCP-14 240 s without SYN-ACK: session and BIB entry are gone, without a word', () => {
    const nat = translator();
    nat.pass(v6('S'));
    nat.wait(240);
    expect(nat.sessions()).toHaveLength(1);
    expect(nat.wait(0.2)).toEqual([]);
    expect([...nat.sessions(), ...nat.bib()]).toEqual([]);
  });

  test.each(['A', 'R', 'FA'])('N64-TCP-14 V4 %s: forwarded, state and timer unchanged', (flags) => {
    const nat = translator();
    const { sourcePort } = nat.pass(v6('S'));
    nat.wait(100);
    nat.pass(v4(sourcePort, flags));
    expect(nat.session()).toMatchObject({ state: 'V6_INIT', expiresInSeconds: 140 });
  });
});

describe('ESTABLISHED', () => {
  test.each([
    ['V4', 'V4_FIN_RCV'],
    ['V6', 'V6_FIN_RCV'],
  ])('N64-TCP-15 %s FIN: forwarded, %s, lifetime as it is', (side, state) => {
    const nat = translator();
    const t = open(nat);
    nat.wait(1000);
    nat.pass(side === 'V4' ? v4(t, 'FA') : v6('FA'));
    expect(nat.session()).toMatchObject({ state, expiresInSeconds: 6200 });
  });

  test.each(['V4', 'V6'])('N64-TCP-16 %s RST: forwarded, TRANS for 240 s', (side) => {
    const nat = translator();
    const t = open(nat);
    expect(nat.pass(side === 'V4' ? v4(t, 'R') : v6('R')).flags).toBe('R');
    expect(nat.session()).toMatchObject({ state: 'TRANS', expiresInSeconds: 240 });
  });

  test('N64-TCP-16, -27 a forged RST and then data: ESTABLISHED again for 7200 s', () => {
    const nat = translator();
    const t = open(nat);
    nat.pass(v4(t, 'R'));
    nat.wait(10);
    nat.pass(v6('PA', 'data'));
    expect(nat.session()).toMatchObject({ state: 'ESTABLISHED', expiresInSeconds: 7200, port4: t });
  });

  test('N64-TCP-27 after a RST the state goes only after 240 s without packets', () => {
    const nat = translator();
    const t = open(nat);
    nat.pass(v4(t, 'R'));
    nat.wait(240);
    expect(nat.session().state).toBe('TRANS');
    nat.wait(0.2);
    expect([...nat.sessions(), ...nat.bib()]).toEqual([]);
  });

  test.each([
    ['V4 data', (t: number) => v4(t, 'PA', 'data')],
    ['V6 data', () => v6('PA', 'data')],
    ['V4 pure ACK', (t: number) => v4(t, 'A')],
    ['V6 pure ACK', () => v6('A')],
    ['V4 SYN', (t: number) => v4(t, 'SA')],
  ])('N64-TCP-17 %s: forwarded, 7200 s again', (_, segment) => {
    const nat = translator();
    const t = open(nat);
    nat.wait(7000);
    nat.pass(segment(t));
    expect(nat.session()).toMatchObject({ state: 'ESTABLISHED', expiresInSeconds: 7200 });
  });

  test('N64-TCP-18 after 7200 s idle a probe goes to the IPv6 end: only ACK, numbers zero, no data; TRANS for 240 s', () => {
    const nat = translator();
    open(nat);
    expect(nat.wait(7200)).toEqual([]);
    const [probe, ...others] = nat.wait(0.1);
    expect(others).toEqual([]);
    expect(probe).toMatchObject({
      source: through(server),
      sourcePort: 80,
      destination: host,
      destinationPort: 40_000,
      flags: 'A',
      sequence: 0,
      acknowledgement: 0,
      valid: true,
    });
    expect(probe?.data.length).toBe(0);
    expect(nat.session()).toMatchObject({ state: 'TRANS', expiresInSeconds: 240 });
  });

  test('N64-TCP-18 the peer’s ACK to the probe makes it ESTABLISHED again', () => {
    const nat = translator();
    open(nat);
    nat.wait(7200.1);
    nat.pass(v6('A'));
    expect(nat.session()).toMatchObject({ state: 'ESTABLISHED', expiresInSeconds: 7200 });
  });
});

describe('closing', () => {
  test.each([
    ['V4 then V6', ['V4', 'V6']],
    ['V6 then V4', ['V6', 'V4']],
  ])('N64-TCP-19 FINs of both, %s: forwarded, 240 s', (_, sides) => {
    const nat = translator();
    const t = open(nat);
    for (const side of sides) expect(nat.pass(side === 'V4' ? v4(t, 'FA') : v6('FA')).flags).toBe('FA');
    expect(nat.session()).toMatchObject({ state: 'V4_FIN_V6_FIN_RCV', expiresInSeconds: 240 });
  });

  test.each([
    ['V4_FIN_RCV', 'V4', 'V6 data'],
    ['V4_FIN_RCV', 'V4', 'V4 ACK'],
    ['V4_FIN_RCV', 'V4', 'V6 RST'],
    ['V4_FIN_RCV', 'V4', 'V4 FIN'],
    ['V6_FIN_RCV', 'V6', 'V4 data'],
    ['V6_FIN_RCV', 'V6', 'V6 ACK'],
    ['V6_FIN_RCV', 'V6', 'V4 RST'],
    ['V6_FIN_RCV', 'V6', 'V6 FIN'],
  ])('N64-TCP-20 %s (FIN from %s) and %s: forwarded, 7200 s, same state', (state, side, event) => {
    const nat = translator();
    const t = open(nat);
    nat.pass(side === 'V4' ? v4(t, 'FA') : v6('FA'));
    nat.wait(1000);
    const [from, what = ''] = event.split(' ');
    const flags = { data: 'PA', ACK: 'A', RST: 'R', FIN: 'FA' }[what] ?? '';
    nat.pass(from === 'V4' ? v4(t, flags) : v6(flags));
    expect(nat.session()).toMatchObject({ state, expiresInSeconds: 7200 });
  });

  test('N64-TCP-20 a half-closed transfer with gaps of an hour goes on', () => {
    const nat = translator();
    const t = open(nat);
    nat.pass(v6('FA'));
    for (let i = 0; i < 5; i += 1) {
      expect(nat.wait(3600)).toEqual([]);
      nat.pass(v4(t, 'PA', 'data'));
    }
  });

  test.each(['V4', 'V6'])(
    'N64-TCP-21 half closed by %s: at the end of its lifetime it is gone, without a probe',
    (side) => {
      const nat = translator();
      const t = open(nat);
      nat.pass(side === 'V4' ? v4(t, 'FA') : v6('FA'));
      expect(nat.wait(7200.2)).toEqual([]);
      expect([...nat.sessions(), ...nat.bib()]).toEqual([]);
    },
  );

  test('N64-TCP-22 after both FINs everything is forwarded and nothing extends the 240 s', () => {
    const nat = translator();
    const t = open(nat);
    nat.pass(v4(t, 'FA'));
    nat.pass(v6('FA'));
    nat.wait(239);
    for (const packet of [v6('A'), v4(t, 'A'), v6('S'), v4(t, 'R'), v6('FA')]) nat.pass(packet);
    expect(nat.session()).toMatchObject({ state: 'V4_FIN_V6_FIN_RCV', expiresInSeconds: 1 });
    nat.wait(1.2);
    expect([...nat.sessions(), ...nat.bib()]).toEqual([]);
  });
});

describe('TRANS', () => {
  const reset = (nat: Translator) => {
    const t = open(nat);
    nat.pass(v4(t, 'R'));
    nat.wait(100);
    return t;
  };

  test.each(['V4 A', 'V6 A', 'V4 S', 'V6 S', 'V4 FA', 'V6 FA'])('N64-TCP-23 %s: ESTABLISHED for 7200 s', (event) => {
    const nat = translator();
    const t = reset(nat);
    const [from, flags = ''] = event.split(' ');
    nat.pass(from === 'V4' ? v4(t, flags) : v6(flags));
    expect(nat.session()).toMatchObject({ state: 'ESTABLISHED', expiresInSeconds: 7200 });
  });

  test.each(['V4', 'V6'])('N64-TCP-23 %s RST: forwarded, nothing changes', (side) => {
    const nat = translator();
    const t = reset(nat);
    nat.pass(side === 'V4' ? v4(t, 'R') : v6('R'));
    expect(nat.session()).toMatchObject({ state: 'TRANS', expiresInSeconds: 140 });
  });
});

describe('lifetimes', () => {
  test('N64-TCP-24 a longer lifetime is taken', () => {
    const nat = translator({ timeoutsSeconds: { ...translator().config.timeoutsSeconds, tcpEstablished: 86_400 } });
    open(nat);
    expect(nat.wait(86_400)).toEqual([]);
    expect(nat.session().state).toBe('ESTABLISHED');
  });

  test('N64-TCP-25 idle for 7439 s it is still usable, from either side', () => {
    for (const side of ['V4', 'V6']) {
      const nat = translator();
      const t = open(nat);
      nat.wait(7200.1);
      nat.wait(239);
      nat.pass(side === 'V4' ? v4(t, 'PA', 'data') : v6('PA', 'data'));
      expect(nat.session()).toMatchObject({ state: 'ESTABLISHED', port4: t });
    }
  });

  test('N64-TCP-25 idle for 7441 s it is gone', () => {
    const nat = translator();
    open(nat);
    nat.wait(7200.1);
    nat.wait(240.4);
    expect(nat.sessions()).toEqual([]);
  });
});

describe('valid sequences', () => {
  test('N64-TCP-28 three-way open from inside, data, close', () => {
    const nat = translator();
    const t = open(nat);
    for (const packet of [v6('PA', 'ask'), v4(t, 'PA', 'answer'), v6('FA'), v4(t, 'FA'), v6('A')]) nat.pass(packet);
    expect(nat.session().state).toBe('V4_FIN_V6_FIN_RCV');
  });

  test('N64-TCP-28 three-way open from outside to a static entry', () => {
    const nat = translator();
    nat.simulator.addBib({ protocol: 'tcp', v6: host, port6: 40_000, v4: pool, port4: 80 });
    expect(nat.pass(v4(80, 'S'))).toMatchObject({ destination: host, destinationPort: 40_000 });
    expect(nat.pass(v6('SA'))).toMatchObject({ source: pool, sourcePort: 80 });
    nat.pass(v4(80, 'A'));
    expect(nat.session().state).toBe('ESTABLISHED');
  });

  test('N64-TCP-28 simultaneous open: SYN from inside, SYN from outside, SYN-ACKs of both', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(v6('S'));
    expect(nat.pass(v4(sourcePort, 'S')).flags).toBe('S');
    expect(nat.pass(v6('SA')).flags).toBe('SA');
    expect(nat.pass(v4(sourcePort, 'SA')).flags).toBe('SA');
    expect(nat.session().state).toBe('ESTABLISHED');
  });
});

describe('flags', () => {
  test('N64-TCP-30 FIN with RST counts as RST', () => {
    const nat = translator();
    open(nat);
    nat.pass(v6('FR'));
    expect(nat.session().state).toBe('TRANS');
  });

  test.each(['SR', 'SF', 'SFR', 'SRA'])(
    'N64-TCP-30 %s is dropped from either side, with a session and without',
    (flags) => {
      const nat = translator();
      expect(nat.drop(v6(flags))).toEqual(['drop.tcp.flags']);
      expect(nat.drop(v4(5000, flags))).toEqual(['drop.tcp.flags']);
      const t = open(nat);
      expect(nat.drop(v6(flags))).toEqual(['drop.tcp.flags']);
      expect(nat.drop(v4(t, flags))).toEqual(['drop.tcp.flags']);
      expect(nat.session().state).toBe('ESTABLISHED');
    },
  );
});

test('N64-TCP-31 options pass untouched: MSS, window scale, SACK, timestamps', () => {
  const tcpOptions = Buffer.from('020405b40103030704020101080a0000000100000000', 'hex');
  const options = Buffer.concat([tcpOptions, Buffer.alloc(2, 1)]);
  const nat = translator();
  const out = nat.pass(tcp({ ...outward, sourcePort: 40_000, destinationPort: 80, flags: 'S', tcpOptions: options }));
  expect(out.tcpOptions).toEqual(options);
  const back = tcp({ ...inward, sourcePort: 80, destinationPort: out.sourcePort, flags: 'SA', tcpOptions: options });
  expect(nat.pass(back).tcpOptions).toEqual(options);
});

test('N64-TCP-32 ICMPv4 3/4 reaches the IPv6 sender as Packet Too Big, 20 more', () => {
  const nat = translator();
  open(nat);
  const out = nat.pass(v6('A', 'x'.repeat(1400)));
  const error = icmp({ source: '203.0.113.1', destination: pool, type: 3, code: 4, rest: 1400, body: out.bytes });
  const told = nat.pass(error);
  expect(told).toMatchObject({ source: through('203.0.113.1'), destination: host, type: 2, code: 0, rest: 1420 });
  expect(read(told.data)).toMatchObject({ source: host, sourcePort: 40_000, destination: through(server), flags: 'A' });
});

test('N64-TCP-02 a neighbour’s connection to the same server is another one', () => {
  const nat = translator();
  const t = open(nat);
  const other = nat.pass(tcp({ ...outward, source: neighbour, sourcePort: 40_000, destinationPort: 80, flags: 'S' }));
  expect(other.sourcePort).not.toBe(t);
  expect(nat.sessions().map(({ state }) => state)).toEqual(['ESTABLISHED', 'V6_INIT']);
});
