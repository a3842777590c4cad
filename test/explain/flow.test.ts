import { describe, expect, test } from 'vitest';
import { buildPacket } from '../../src/explain/build.js';
import { parseDescription } from '../../src/explain/description.js';
import { findFlow, flowEnds, staticFlow, type Tables } from '../../src/explain/flow.js';
import { readPacket } from '../../src/explain/packet.js';
import { explainRunning, explainSeveral } from '../../src/explain/running.js';
import type { CoreConfig, Page, TableQuery } from '../../src/native/addon.js';
import { addon, small, stateful } from '../conformance/translator.js';

const packetOf = (text: string) => buildPacket(parseDescription(text));
const endsOf = (text: string, config: CoreConfig = stateful) => {
  const packet = readPacket(packetOf(text));
  return packet === null ? [] : flowEnds(packet, config);
};

describe('the binding that a packet meets', () => {
  test.each([
    [
      'outbound',
      'tcp 2001:db8::1#1234 > 2001:db8:64::198.51.100.9#80',
      { side: 6, address: '2001:db8::1', port: 1234, remote: { address: '198.51.100.9', port: 80 } },
    ],
    [
      'inbound',
      'udp 198.51.100.9#53 > 192.0.2.1#5001',
      { side: 4, address: '192.0.2.1', port: 5001, remote: { address: '198.51.100.9', port: 53 } },
    ],
    [
      'an echo reply',
      'icmp 198.51.100.9 > 192.0.2.1 reply id=77',
      { side: 4, address: '192.0.2.1', port: 77, remote: { address: '198.51.100.9', port: 77 } },
    ],
    [
      'an error from the IPv4 side, about what was sent there',
      "icmp 203.0.113.1 > 192.0.2.1 error 11/0 about 'udp 192.0.2.1#5001 > 198.51.100.9#53'",
      { side: 4, address: '192.0.2.1', port: 5001, remote: { address: '198.51.100.9', port: 53 } },
    ],
    [
      'an error from the IPv6 side, about what was sent there',
      "icmp 2001:db8::9 > 2001:db8:64::198.51.100.9 error 3/0 about 'udp 2001:db8:64::198.51.100.9#53 > 2001:db8::1#1234'",
      { side: 6, address: '2001:db8::1', port: 1234, remote: { address: '198.51.100.9', port: 53 } },
    ],
  ])('%s', (_name, text, end) => {
    expect(endsOf(text)).toEqual([expect.objectContaining(end)]);
  });

  test('a hairpin meets two', () => {
    expect(endsOf('udp 2001:db8::1#1234 > 2001:db8:64::192.0.2.1#6000')).toMatchObject([
      { side: 6, address: '2001:db8::1', port: 1234 },
      { side: 4, address: '192.0.2.1', port: 6000 },
    ]);
  });

  test.each([
    ['a later fragment', 'udp 198.51.100.9 > 192.0.2.1 frag=1480'],
    ['another protocol', 'proto 50 198.51.100.9 > 192.0.2.1'],
  ])('%s meets none', (_name, text) => {
    expect(endsOf(text)).toEqual([]);
  });

  test('a stateless translator has none', () => {
    expect(endsOf('udp 198.51.100.9#53 > 192.0.2.1#5001', { ...stateful, mode: 'siit' })).toEqual([]);
  });
});

const empty = async <Row>(): Promise<Page<Row>> => ({ rows: [], next: null });

test('tables are asked page by page, for this flow only', async () => {
  const asked: TableQuery[] = [];
  const row = {
    protocol: 'udp',
    v6: '2001:db8::1',
    port6: 1234,
    v4: '192.0.2.1',
    port4: 5001,
    static: false,
    sessions: 1,
  } as const;
  const tables: Tables = {
    async bib(query) {
      asked.push(query);
      return query.cursor === 0 ? { rows: [], next: 8192 } : { rows: [row], next: 16_384 };
    },
    sessions: empty,
  };
  const known = await findFlow(tables, endsOf('udp 198.51.100.9#53 > 192.0.2.1#5001'));
  expect(known.bib).toEqual([row]);
  expect(asked).toMatchObject([
    { protocol: 'udp', v4: { address: '192.0.2.1', length: 32 }, port4: 5001, cursor: 0 },
    { cursor: 8192 },
  ]);
});

test('a host without this binding is asked for another one', async () => {
  const row = {
    protocol: 'tcp',
    v6: '2001:db8::1',
    port6: 9,
    v4: '192.0.2.1',
    port4: 5001,
    static: false,
    sessions: 1,
  } as const;
  const tables: Tables = {
    bib: async ({ port6 }) => (port6 === undefined ? { rows: [row], next: null } : empty()),
    sessions: empty,
  };
  const known = await findFlow(tables, endsOf('udp 2001:db8::1#1234 > 2001:db8:64::198.51.100.9#53'));
  expect(known).toEqual({ bib: [], sessions: [], paired: row });
});

test('static entries of a configuration are chosen by the packet', () => {
  const entry = { protocol: 'udp', v6: '2001:db8::1', port6: 1234, v4: '192.0.2.1', port4: 5001 } as const;
  const others = [
    { ...entry, port4: 5002, port6: 1 },
    { ...entry, protocol: 'tcp' as const },
  ];
  const ends = endsOf('udp 198.51.100.9#53 > 192.0.2.1#5001');
  expect(staticFlow([...others, entry], ends).bib).toEqual([{ ...entry, static: true, sessions: 0 }]);
});

test('a running translator is asked and not changed', async () => {
  const running = new addon.Simulator({ limits: small, config: stateful, seed: 99 });
  const [sent] = running.inject(packetOf('udp 2001:db8::1#1234 > 2001:db8:64::198.51.100.9#53'), 1000);
  const port = readPacket(sent?.packet ?? Buffer.alloc(0))?.transport;
  const source = port?.kind === 'udp' ? port.sourcePort : 0;
  const before = [running.counters(), running.sizes()];
  const tables: Tables = {
    bib: async (query) => running.bib(query),
    sessions: async (query) => running.sessions(query),
  };
  const packet = packetOf(`udp 198.51.100.9#53 > 192.0.2.1#${source}`);
  const result = await explainRunning(packet, { addon, config: stateful, tables });
  expect(result.results).toMatchObject([{ line: expect.stringContaining('> 2001:db8::1#1234 ') }]);
  expect([running.counters(), running.sizes()]).toEqual(before);
});

test('of several translators the one whose address the packet has explains it, and is named', async () => {
  const nowhere: Tables = { bib: empty, sessions: empty };
  const of = (name: string, ...own: string[]) => ({ name, own, config: stateful, tables: nowhere });
  const all = [of('clat0', '192.0.0.1'), of('clat1', '192.0.0.2', '2001:db8::1')];
  const noteOf = async (text: string) => (await explainSeveral(packetOf(text), addon, all)).notes.at(-1);
  expect(await noteOf('udp 192.0.0.2#53 > 198.51.100.9#53')).toBe('by clat1, one of 2 translators that run');
  expect(await noteOf('udp 2001:db8:64::198.51.100.9#53 > 2001:db8::1#53')).toMatch(/^by clat1/);
  expect(await noteOf('udp 203.0.113.1#53 > 198.51.100.9#53')).toMatch(/^by clat0/);
});
