import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildPacket } from '../../src/explain/build.js';
import { parseDescription } from '../../src/explain/description.js';
import { type Explanation, explain } from '../../src/explain/explain.js';
import { UNKNOWN_FLOW } from '../../src/explain/flow.js';
import { explanationText } from '../../src/explain/text.js';
import { type CoreConfig, EAM_ADD_BYTES, type EamTable } from '../../src/native/addon.js';
import { addressBytes, read } from '../conformance/packets.js';
import { addon, stateful } from '../conformance/translator.js';

const NOTHING = UNKNOWN_FLOW;
const stateless: CoreConfig = { ...stateful, mode: 'siit', pool4: [] };

async function eamt(...rows: [string, string][]): Promise<EamTable> {
  const add = Buffer.concat(
    rows.map(([v4, v6]) => {
      const [address4 = '', length4] = v4.split('/');
      const [address6 = '', length6] = v6.split('/');
      const lengths = [Buffer.from([Number(length4)]), Buffer.from([Number(length6)])] as const;
      return Buffer.concat([addressBytes(address4), lengths[0], addressBytes(address6), lengths[1]]);
    }),
  );
  expect(add).toHaveLength(rows.length * EAM_ADD_BYTES);
  const built = await addon.buildEamTable(null, { remove: new Uint8Array(), add });
  if (!('table' in built)) throw new Error(built.refused);
  return built.table;
}

const explained = (text: string, config: CoreConfig, known = NOTHING): Explanation =>
  explain(buildPacket(parseDescription(text)), { addon, config, known });

/** `topic: text [rule]`, of the steps with these topics. */
function steps({ steps: all }: Explanation, ...topics: string[]): string[] {
  return all
    .filter(({ topic }) => topics.length === 0 || topics.includes(topic))
    .map(({ topic, text, rule }) => `${topic}: ${text}${rule === null ? '' : ` [${rule}]`}`);
}

describe('stateless, IPv6 to IPv4', () => {
  test('a TCP SYN, step by step', () => {
    const result = explained(
      'tcp 2001:db8:64::192.0.2.1#1234 > 2001:db8:64::198.51.100.9#80 syn mss=1460 tc=32',
      stateless,
    );
    expect(result).toMatchObject({ verdict: 'translated', drops: [], notes: [] });
    expect(steps(result)).toEqual([
      'source: 2001:db8:64::c000:201 becomes 192.0.2.1: pool6 2001:db8:64::/96 has it inside [RFC 6052 §2.3]',
      'destination: 2001:db8:64::c633:6409 becomes 198.51.100.9: pool6 2001:db8:64::/96 has it inside [RFC 6052 §2.3]',
      'traffic class: 32 becomes TOS 32, copied [RFC 7915 §5.1]',
      'hop limit: 64 becomes TTL 63 [RFC 7915 §5.1]',
      expect.stringMatching(/^fragments: 44 bytes of IPv4, at most 1260: DF is 0, identification \d+ is an example/),
      'size: 64 − 40 (IPv6 headers) + 20 (IPv4 header) = 44 bytes; the IPv4 side carries 1500: sent whole [RFC 7915 §5.1]',
      expect.stringMatching(/^checksum: 0x4a8b becomes 0xa6c5 and holds: changed by the difference of addresses/),
    ]);
    expect(result.results).toMatchObject([
      {
        kind: 'translation',
        line: expect.stringMatching(
          /^tcp 192\.0\.2\.1#1234 > 198\.51\.100\.9#80 SYN mss=1460 ttl=63 tos=32 ipid=\d+ len=44$/,
        ),
      },
    ]);
  });

  test('what IPv4 has no place for is named', () => {
    // A flow label, and a Destination Options header in front of ESP.
    const bytes = Buffer.from(
      '6001234500103c40' +
        '20010db80064000000000000c0000201' +
        '20010db80064000000000000c6336409' +
        '3200010400000000' +
        '0000000100000001',
      'hex',
    );
    const result = explain(bytes, { addon, config: stateless, known: NOTHING });
    expect(steps(result, 'flow label', 'extension', 'payload', 'size')).toEqual([
      'flow label: 74565 is left out: IPv4 has none [RFC 7915 §5.1]',
      'extension: Destination Options header (8 bytes) is left out: IPv4 has none [RFC 7915 §5.1]',
      expect.stringMatching(/^size: 56 − 48 \(IPv6 headers\) \+ 20/),
      'payload: ESP (50) is passed on as it is, its checksum included [RFC 7915 §5.5]',
    ]);
  });

  test('DF is set above 1260 bytes', () => {
    const result = explained('udp 2001:db8:64::192.0.2.1#1 > 2001:db8:64::198.51.100.9#2 len=1300', stateless);
    expect(steps(result, 'fragments')).toEqual([
      'fragments: 1280 bytes of IPv4, more than 1260: DF is set [RFC 7915 §5.1]',
    ]);
  });

  test('a fragment keeps the low bits of its identification', () => {
    const result = explained('udp 2001:db8:64::192.0.2.1 > 2001:db8:64::198.51.100.9 frag=1480 ipid=70000', stateless);
    expect(steps(result, 'fragments', 'payload')).toEqual([
      'fragments: the Fragment Header (identification 70000) becomes DF 0 with its low 16 bits, 4464, as identification [RFC 7915 §5.1.1]',
      'payload: a later fragment: its bytes are not looked at [RFC 7915 §5.1]',
    ]);
  });

  test('too long: the sizes, the counter and the ICMP error', () => {
    const config = { ...stateless, mtu4: 1300 };
    const result = explained('udp 2001:db8:64::192.0.2.1#1 > 2001:db8:64::198.51.100.9#2 len=1400', config);
    expect(result).toMatchObject({ verdict: 'dropped', drops: [{ name: 'drop.too_big.v4' }] });
    expect(steps(result, 'size')).toEqual([
      'size: 1400 − 40 (IPv6 headers) + 20 (IPv4 header) = 1380 bytes; the IPv4 side carries 1300 [RFC 7915 §5.1]',
    ]);
    expect(result.results).toMatchObject([
      { kind: 'icmp-error', line: expect.stringContaining(' error 2/0 mtu=1320 ') },
    ]);
  });

  test('an address outside pool6 has no counterpart', () => {
    const result = explained('udp 2001:db8::1#1 > 2001:db8:64::198.51.100.9#2', stateless);
    expect(result).toMatchObject({ verdict: 'dropped', drops: [{ name: 'drop.unmappable' }] });
    expect(steps(result, 'source', 'destination')).toEqual([
      'source: 2001:db8::1 has no counterpart: it is not in pool6 (2001:db8:64::/96)',
      'destination: 2001:db8:64::c633:6409 would be 198.51.100.9: pool6 2001:db8:64::/96 has it inside [RFC 6052 §2.3]',
    ]);
  });

  test('an ICMP error: pointer, quoted addresses', () => {
    const result = explained(
      "icmp 2001:db8:64::192.0.2.1 > 2001:db8:64::198.51.100.1 error 4/0 pointer=7 about 'udp 2001:db8:64::198.51.100.1#53 > 2001:db8:64::192.0.2.9#1234 len=100'",
      stateless,
    );
    expect(steps(result, 'icmp', 'pointer', 'quoted source', 'quoted destination', 'quoted packet')).toEqual([
      'icmp: erroneous header field (4/0) becomes parameter problem (12/0) [RFC 7915 §5.2]',
      "pointer: 7 becomes 8, the field's place in an IPv4 header [RFC 7915 §5.2]",
      'quoted source: 2001:db8:64::c633:6401 becomes 198.51.100.1: pool6 2001:db8:64::/96 has it inside [RFC 6052 §2.3]',
      'quoted destination: 2001:db8:64::c000:209 becomes 192.0.2.9: pool6 2001:db8:64::/96 has it inside [RFC 6052 §2.3]',
      'quoted packet: its hop limit 64 is not lowered; 80 bytes of it are quoted, 100 before [RFC 7915 §5.3]',
    ]);
  });

  test.each([
    ['1400 becomes 1380: 1400 − 20', 1400, 1500],
    ['1500 becomes 1450: mtu4 1450', 1500, 1450],
    ['1480 becomes 1460: 1480 − 20', 1480, 1500],
  ])('the MTU of Packet Too Big: %s', (sentence, mtu, mtu4) => {
    const about = 'udp 2001:db8:64::198.51.100.1#53 > 2001:db8:64::192.0.2.9#1234 len=1500';
    const text = `icmp 2001:db8:64::192.0.2.1 > 2001:db8:64::198.51.100.1 error 2/0 mtu=${mtu} about '${about}'`;
    expect(steps(explained(text, { ...stateless, mtu4 }), 'mtu')).toEqual([`mtu: ${sentence} [RFC 7915 §5.2]`]);
  });
});

describe('stateless, IPv4 to IPv6', () => {
  test('without DF it is cut in fragments, and the missing UDP checksum computed', () => {
    const result = explained('udp 192.0.2.1#1234 > 198.51.100.1#53 len=1400 ipid=9 nochecksum', stateless);
    expect(steps(result, 'fragments', 'size', 'checksum')).toEqual([
      'fragments: DF is not set: Fragment Headers, identification 9 [RFC 7915 §4.1]',
      'size: 1400 − 20 (IPv4 header) + 40 (IPv6 header) = 1420 bytes; without DF the limit is lowestIpv6Mtu, 1280: cut in 2 fragments of 1280, 196 bytes [RFC 7915 §4]',
      expect.stringMatching(
        /^checksum: 0x\w{4} is computed over the datagram: IPv6 has no UDP without one \[RFC 7915 §4\.5\]$/,
      ),
    ]);
    expect(result.results.map(({ kind }) => kind)).toEqual(['fragment', 'fragment']);
  });

  test('with DF it is refused', () => {
    const result = explained('udp 192.0.2.1#1234 > 198.51.100.1#53 len=1490 df', stateless);
    expect(steps(result, 'size')).toEqual([
      'size: 1490 − 20 (IPv4 header) + 40 (IPv6 header) = 1510 bytes; with DF the limit is mtu6, 1500 [RFC 7915 §4.1]',
    ]);
    expect(result.results).toMatchObject([
      { kind: 'icmp-error', line: expect.stringContaining(' error 3/4 mtu=1480 ') },
    ]);
  });

  test.each([
    ['1400 becomes 1420: 1400 + 20', 1400],
    ['1000 becomes 1280: the least of IPv6', 1000],
    ['1490 becomes 1500: mtu6 1500', 1490],
  ])('the MTU of fragmentation needed: %s', (sentence, mtu) => {
    const about = 'udp 198.51.100.1#53 > 192.0.2.9#1234 len=1500 df';
    const text = `icmp 192.0.2.1 > 198.51.100.1 error 3/4 mtu=${mtu} about '${about}'`;
    expect(steps(explained(text, stateless), 'mtu')).toEqual([`mtu: ${sentence} [RFC 7915 §4.2]`]);
  });

  test('a router that tells no MTU: the plateau is named', () => {
    const about = 'udp 198.51.100.1#53 > 192.0.2.9#1234 len=1490 df';
    const text = `icmp 192.0.2.1 > 198.51.100.1 error 3/4 mtu=0 about '${about}'`;
    const config = { ...stateless, plateaus: [1480, 1400, 68] };
    expect(steps(explained(text, config), 'mtu')).toEqual([
      'mtu: 0 becomes 1500: the router told none; plateau 1480 + 20 (RFC 1191 §7) [RFC 7915 §4.2]',
    ]);
  });

  test('an RFC 4884 extension is kept, its length told in other words', () => {
    const quoted = buildPacket(parseDescription('udp 198.51.100.1#53 > 192.0.2.9#99 len=128'));
    const body = Buffer.concat([quoted, Buffer.from('2000dff700080101', 'hex'), Buffer.alloc(0)]);
    const whole = buildPacket(
      parseDescription("icmp 192.0.2.1 > 198.51.100.1 error 11/0 about 'udp 198.51.100.1#53 > 192.0.2.9#99 len=136'"),
    );
    body.copy(whole, 28);
    whole[25] = 32;
    whole.writeUInt16BE(0, 22);
    let sum = 0;
    for (let at = 20; at < whole.length; at += 2) sum += whole.readUInt16BE(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    whole.writeUInt16BE(~sum & 0xffff, 22);
    const result = explain(whole, { addon, config: stateless, known: NOTHING });
    expect(steps(result, 'extension')).toEqual([
      'extension: 8 bytes are kept; their place is told in 64-bit words [RFC 4884 §4]',
    ]);
  });

  test('fragments without UDP checksum wait where they are to be reassembled', () => {
    const result = explained('udp 192.0.2.1#1 > 198.51.100.1#2 frag=0+ nochecksum', {
      ...stateless,
      udpZeroChecksum: 'reassemble',
    });
    expect(result).toMatchObject({ verdict: 'kept', results: [] });
    expect(steps(result, 'kept')).toEqual(['kept: it waits for the other fragments of its datagram [RFC 7915 §4.5]']);
  });

  test('options are left out', () => {
    const vector = vectors.find(({ name }) => name === 'ipv4-options-skipped');
    const result = explain(Buffer.from(vector?.in ?? '', 'hex'), { addon, config: stateless, known: NOTHING });
    expect(steps(result, 'options')).toEqual([
      expect.stringMatching(/^options: \d+ bytes of IPv4 options are left out \[RFC 7915 §4\.1\]$/),
    ]);
  });
});

describe('EAM and the other address rules', () => {
  const config = async (change: Partial<CoreConfig['siit']> = {}): Promise<CoreConfig> => ({
    ...stateless,
    siit: {
      ...stateless.siit,
      eamt: await eamt(['198.51.100.0/28', '2001:db8:aaaa::/124'], ['198.51.100.64/32', '2001:db8:bbbb::7/128']),
      ...change,
    },
  });

  test('the entry is named', async () => {
    const result = explained('udp 2001:db8:aaaa::3#1 > 2001:db8:64::192.0.2.1#2', await config());
    expect(steps(result, 'source')).toEqual([
      'source: 2001:db8:aaaa::3 becomes 198.51.100.3: EAM entry 198.51.100.0/28 with 2001:db8:aaaa::/124 [RFC 7757 §3.3]',
    ]);
  });

  test('a hairpin goes through both entries', async () => {
    const result = explained('udp 2001:db8:aaaa::3#1 > 2001:db8:64::198.51.100.64#2', await config());
    expect(result.results).toMatchObject([
      { line: expect.stringMatching(/^udp 2001:db8:64::c633:6403#1 > 2001:db8:bbbb::7#2 /) },
    ]);
    expect(steps(result, 'source', 'destination')).toEqual([
      'source: 2001:db8:aaaa::3 becomes 2001:db8:64::c633:6403: hairpin, 198.51.100.3 in between (EAM entry 198.51.100.0/28 with 2001:db8:aaaa::/124; put into pool6 2001:db8:64::/96) [RFC 7757 §4.2]',
      'destination: 2001:db8:64::c633:6440 becomes 2001:db8:bbbb::7: hairpin, 198.51.100.64 in between (pool6 2001:db8:64::/96 has it inside; EAM entry 198.51.100.64/32 with 2001:db8:bbbb::7/128) [RFC 7757 §4.2]',
    ]);
  });

  test('denylist4 is named', async () => {
    const denylist4 = [{ address: '203.0.113.0', length: 24 }];
    const result = explained('udp 2001:db8:aaaa::3#1 > 2001:db8:64::203.0.113.9#2', await config({ denylist4 }));
    expect(result.drops).toMatchObject([{ name: 'drop.denylist4' }]);
    expect(steps(result, 'destination')).toEqual([
      'destination: 2001:db8:64::cb00:7109 would be 203.0.113.9: pool6 2001:db8:64::/96 has it inside, but 203.0.113.0/24 is in denylist4 [RFC 6052 §2.3]',
    ]);
  });

  test('a router without counterpart gets a source of the RFC 6791 pool', async () => {
    const rfc6791v4 = [{ address: '203.0.113.0', length: 28 }];
    const about = 'udp 2001:db8:64::192.0.2.1#1 > 2001:db8:aaaa::3#2 hl=1 len=100';
    const result = explained(
      `icmp 2001:db8:9::1 > 2001:db8:64::192.0.2.1 error 3/0 about '${about}'`,
      await config({ rfc6791v4 }),
    );
    expect(steps(result, 'source')).toEqual([
      expect.stringMatching(
        /^source: 2001:db8:9::1 becomes 203\.0\.113\.\d+: it has no counterpart, so the error gets an address of 203\.0\.113\.0\/28 \[RFC 6791 §3\]$/,
      ),
    ]);
  });
});

describe('stateful', () => {
  test('a packet without a mapping makes one, with an example port', () => {
    const result = explained('tcp 2001:db8::1#1234 > 2001:db8:64::198.51.100.9#80 syn', stateful);
    expect(steps(result, 'bib', 'session', 'source')).toEqual([
      expect.stringMatching(
        /^bib: no BIB entry is there: the packet makes one, 2001:db8::1#1234 with 192\.0\.2\.1#\d+ \(the port is an example\) \[RFC 6146 §3\.5\.2\]$/,
      ),
      'session: the packet makes a session [RFC 6146 §3.5.2]',
      expect.stringMatching(/^source: 2001:db8::1#1234 becomes 192\.0\.2\.1#\d+: BIB entry .* \[RFC 6146 §3\.5\]$/),
    ]);
  });

  const binding = { protocol: 'tcp', v6: '2001:db8::1', port6: 1234, v4: '192.0.2.1', port4: 5001 } as const;
  const bib = [{ ...binding, static: false, sessions: 1 }];
  const session = {
    ...binding,
    remote6: '2001:db8:64::c633:6409',
    remote4: '198.51.100.9',
    remotePort: 80,
    state: 'ESTABLISHED',
    expiresInSeconds: 7000,
  } as const;

  test('a known mapping and session are used', () => {
    const result = explained('tcp 198.51.100.9#80 > 192.0.2.1#5001 ack len=100', stateful, {
      ...NOTHING,
      bib,
      sessions: [session],
    });
    expect(result.results).toMatchObject([
      { line: expect.stringMatching(/^tcp 2001:db8:64::c633:6409#80 > 2001:db8::1#1234 ACK hl=63 /) },
    ]);
    expect(steps(result, 'bib', 'session', 'destination')).toEqual([
      'bib: BIB entry 2001:db8::1#1234 with 192.0.2.1#5001 is there [RFC 6146 §3.5.2]',
      'session: a session with 198.51.100.9#80 is there, in state ESTABLISHED [RFC 6146 §3.5.2]',
      'destination: 192.0.2.1#5001 becomes 2001:db8::1#1234: BIB entry 2001:db8::1#1234 with 192.0.2.1#5001 [RFC 6146 §3.5]',
    ]);
  });

  test('a host with another binding keeps its pool4 address', () => {
    const pool4 = [{ address: '192.0.2.0', length: 24, portMin: 1024, portMax: 65_535 }];
    const paired = { ...binding, v4: '192.0.2.77', static: false, sessions: 1 };
    const text = 'udp 2001:db8::1#999 > 2001:db8:64::198.51.100.9#53';
    const result = explained(text, { ...stateful, pool4 }, { ...NOTHING, paired });
    expect(steps(result, 'bib')).toEqual([
      expect.stringMatching(/^bib: no BIB entry is there: the packet makes one, 2001:db8::1#999 with 192\.0\.2\.77#/),
    ]);
  });

  test('address-dependent filtering lets the known session in, and nobody else', () => {
    const config = { ...stateful, addressDependentFiltering: { tcp: true, udp: true, icmp: true } };
    const known = { ...NOTHING, bib, sessions: [session] };
    expect(explained('tcp 198.51.100.9#80 > 192.0.2.1#5001 ack', config, known).verdict).toBe('translated');
    expect(explained('tcp 203.0.113.5#80 > 192.0.2.1#5001 syn', config, known)).toMatchObject({
      verdict: 'dropped',
      drops: [{ name: expect.stringMatching(/^drop\.(filtered|tcp\.syn_stored)$/) }],
    });
  });

  test('an inbound packet that nobody waits for', () => {
    const result = explained('udp 198.51.100.9#53 > 192.0.2.1#5001', stateful);
    expect(result).toMatchObject({ verdict: 'dropped', drops: [{ name: 'drop.no_bib' }] });
    expect(steps(result, 'destination', 'drop')).toEqual([
      'destination: 192.0.2.1 has no counterpart: no BIB entry has 192.0.2.1#5001 [RFC 6146 §3.5]',
      'drop: drop.no_bib: IPv4: nobody has this address and port (RFC 6146 §3.5.1).',
    ]);
  });

  test('a hairpin shows both hosts', () => {
    const other = { protocol: 'udp', v6: '2001:db8::2', port6: 53, v4: '192.0.2.1', port4: 6000 } as const;
    const known = { ...NOTHING, bib: [{ ...other, static: true, sessions: 0 }] };
    const result = explained('udp 2001:db8::1#1234 > 2001:db8:64::192.0.2.1#6000', stateful, known);
    expect(steps(result, 'source', 'destination')).toEqual([
      expect.stringMatching(
        /^source: 2001:db8::1#1234 becomes 2001:db8:64::c000:201#\d+: hairpin, 192\.0\.2\.1 in between/,
      ),
      expect.stringMatching(
        /^destination: 2001:db8:64::c000:201#6000 becomes 2001:db8::2#53: hairpin, .* \[RFC 6146 §3\.8\]$/,
      ),
    ]);
  });

  test('an entry that does not fit is told', () => {
    const foreign = [{ ...binding, v4: '203.0.113.77', static: false, sessions: 0 }];
    const result = explained('tcp 2001:db8::1#1234 > 2001:db8:64::198.51.100.9#80', stateful, {
      ...NOTHING,
      bib: foreign,
    });
    expect(result.notes).toEqual([
      'the BIB entry 2001:db8::1#1234 with 203.0.113.77#5001 is left out here: not-in-pool4',
    ]);
  });

  test('a first fragment waits for the others', () => {
    const result = explained('udp 2001:db8::1#1 > 2001:db8:64::198.51.100.9#2 frag=0+', stateful);
    expect(result).toMatchObject({ verdict: 'kept', results: [] });
    expect(steps(result, 'kept')).toEqual(['kept: it waits for the other fragments of its datagram [RFC 6146 §3.4]']);
  });

  test('an error of an IPv6 router comes from the address of the mapping', () => {
    const about = 'tcp 2001:db8:64::198.51.100.9#80 > 2001:db8::1#1234 ack';
    const text = `icmp 2001:db8:9::1 > 2001:db8:64::198.51.100.9 error 3/0 about '${about}'`;
    const result = explained(text, stateful, { ...NOTHING, bib, sessions: [session] });
    expect(steps(result, 'source', 'quoted destination')).toEqual([
      "source: 2001:db8:9::1 becomes 192.0.2.1: an error comes from the mapping's address, whoever sent it [RFC 5508 REQ-5]",
      'quoted destination: 2001:db8::1#1234 becomes 192.0.2.1#5001: BIB entry 2001:db8::1#1234 with 192.0.2.1#5001 [RFC 6146 §3.5]',
    ]);
  });

  test('an echo changes its identifier', () => {
    const result = explained('icmp 2001:db8::1 > 2001:db8:64::198.51.100.9 echo id=7', stateful);
    expect(steps(result, 'source', 'destination', 'icmp', 'checksum')).toEqual([
      expect.stringMatching(/^source: 2001:db8::1#7 becomes 192\.0\.2\.1#\d+: BIB entry/),
      'destination: 2001:db8:64::c633:6409 becomes 198.51.100.9: pool6 2001:db8:64::/96 has it inside [RFC 6052 §2.3]',
      'icmp: echo request (128/0) becomes echo request (8/0) [RFC 7915 §5.2]',
      expect.stringMatching(/^checksum: .*: it no longer covers a pseudo-header \[RFC 7915 §5\.2\]$/),
    ]);
  });

  test('the MSS of a SYN is lowered', () => {
    const result = explained('tcp 2001:db8::1#1 > 2001:db8:64::198.51.100.9#80 mss=1460', {
      ...stateful,
      mssClamp: 1300,
    });
    expect(steps(result, 'mss')).toEqual(['mss: 1460 is lowered to 1300 (mssClamp 1300)']);
  });
});

test('what is no IP packet is dropped', () => {
  const result = explain(Buffer.from('000102', 'hex'), { addon, config: stateful, known: NOTHING });
  expect(result).toMatchObject({ verdict: 'dropped', packet: { line: '3 bytes that are no IP packet', layers: [] } });
});

const vectors: { name: string; direction: string; in: string; out: string }[] = JSON.parse(
  readFileSync(new URL('../vectors/siit_packets.json', import.meta.url), 'utf8'),
).packets;

test.each(vectors)('every change of $name is accounted for', (vector) => {
  const result = explain(Buffer.from(vector.in, 'hex'), { addon, config: stateless, known: NOTHING });
  expect(result.verdict).toBe('translated');
  const after = read(Buffer.from(result.results[0]?.hex ?? '', 'hex'));
  expect({ source: after.source, destination: after.destination }).toEqual({
    source: read(Buffer.from(vector.out, 'hex')).source,
    destination: read(Buffer.from(vector.out, 'hex')).destination,
  });
  const topics = result.steps.map(({ topic }) => topic);
  expect(topics).toEqual(expect.arrayContaining(['source', 'destination', 'traffic class', 'hop limit', 'fragments']));
  const ends = result.steps.filter(({ topic }) => /source|destination/.test(topic));
  expect(ends.every(({ rule }) => rule !== null)).toBe(true);
});

test('the text has the packet, the steps and what would be sent', () => {
  const text = explanationText(explained('udp 192.0.2.1#1 > 198.51.100.1#2 len=600', stateless));
  expect(text.split('\n').slice(0, 5)).toEqual([
    'udp 192.0.2.1#1 > 198.51.100.1#2 ttl=64 len=600',
    '  IPv4: 192.0.2.1 > 198.51.100.1, TTL 64, TOS 0, identification 0, no DF, 600 bytes',
    expect.stringMatching(/^ {2}UDP: 1 > 2, 580 bytes, checksum 0x\w{4} \(right\)$/),
    '',
    expect.stringMatching(/^source +192\.0\.2\.1 becomes 2001:db8:64::c000:201: .* \[RFC 6052 §2\.2\]$/),
  ]);
  expect(text).toContain('translated; the translator would send:');
  expect(text).toContain('  … 492 more bytes');
});

test('any bytes are explained', () => {
  const start = fc.constantFrom('45000014', '4f', '60000000', '6000000000082c40', '');
  const body = fc.uint8Array({ maxLength: 2048 });
  const mutated = fc
    .tuple(
      fc.constantFrom(...vectors),
      fc.array(fc.tuple(fc.nat({ max: 200 }), fc.nat({ max: 255 })), { maxLength: 4 }),
    )
    .map(([vector, changes]) => {
      const bytes = Buffer.from(vector.in, 'hex');
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return new Uint8Array(bytes);
    });
  const bytes = fc.oneof(
    mutated,
    fc.tuple(start, body).map(([head, rest]) => new Uint8Array(Buffer.concat([Buffer.from(head, 'hex'), rest]))),
  );
  fc.assert(
    fc.property(bytes, fc.constantFrom(stateful, stateless), (one, config) => {
      const result = explain(one, { addon, config, known: NOTHING });
      // Nothing vanishes without a reason.
      expect(result.results.length + result.drops.length + (result.verdict === 'kept' ? 1 : 0)).toBeGreaterThan(0);
      expect(explanationText(result)).toContain(result.packet.line);
    }),
    { numRuns: 300 },
  );
});
