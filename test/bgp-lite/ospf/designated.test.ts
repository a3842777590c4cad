import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readIntraAreaPrefixLsa } from '../../../src/bgp-lite/ospf/codec/lsa3.js';
import { knownPrefix } from '../../../src/config/address.js';
import {
  announcing,
  createLink,
  createPeer,
  externalLsa,
  type Link,
  pass,
  type Router,
  startRouter,
} from './network.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Three routers on one link, of priority 2, 1 and 0. */
function threeRouters(link: Link, version: 2 | 3): [Router, Router, Router] {
  const start = (host: number, priority: number) =>
    startRouter(host, [link], { versions: [version] }, { type: 'broadcast', priority });
  return [start(1, 2), start(2, 1), start(3, 0)];
}
const rows = ({ speaker }: Router) =>
  speaker
    .database()
    .map(({ type, id, advertiser, sequence, bytes }) => `${type} ${id} ${advertiser} ${sequence} ${bytes}`)
    .filter((row) => !row.startsWith('link'))
    .sort();
const states = ({ speaker }: Router) => speaker.neighbors().map(({ role, state }) => `${role} ${state}`);

describe('the Designated Router and its Backup', () => {
  test.each([2, 3] as const)(
    'OSPF-HELLO-07, -08, -09 version %i: elected after RouterDeadInterval, all adjacent, one database',
    async (version) => {
      const link = createLink();
      const [a, b, c] = threeRouters(link, version);
      expect(a.speaker.interfaces()[0]?.state).toBe('waiting');
      await pass(70);
      expect([a, b, c].map(({ speaker }) => speaker.interfaces()[0]?.state)).toEqual(['dr', 'backup', 'dr-other']);
      expect(states(a)).toEqual(['backup full', 'other full']);
      expect(states(b).sort()).toEqual(['dr full', 'other full']);
      expect(states(c).sort()).toEqual(['backup full', 'dr full']);
      expect(rows(b)).toEqual(rows(a));
      expect(rows(c)).toEqual(rows(a));
      const network = rows(a).filter((row) => row.startsWith('network'));
      expect(network).toHaveLength(1);
      // Mask or options, and three routers.
      expect(network[0]).toMatch(/ 36$/);
    },
  );

  test('OSPF-PKT-02, -09 both take part in 224.0.0.6, the others do not', async () => {
    const link = createLink();
    threeRouters(link, 2);
    await pass(70);
    const groups = [...link.endpoints].map(({ address, groups }) => `${address} ${[...groups].join(' ')}`);
    expect(groups).toEqual(['10.0.0.1 224.0.0.5 224.0.0.6', '10.0.0.2 224.0.0.5 224.0.0.6', '10.0.0.3 224.0.0.5']);
  });

  test('OSPF-FLD-09, -12, OSPF-PKT-04 what a DROther floods comes back to all by the DR, once, and the Backup acknowledges', async () => {
    const link = createLink();
    const [a, b, c] = threeRouters(link, 2);
    await pass(70);
    link.sent.length = 0;
    c.speaker.announce(announcing('198.51.100.0/24'));
    await pass(3);
    const { seen } = await import('./network.js');
    const sent = link.sent.flatMap((packet) => {
      const one = seen(2, packet);
      return one === null || one.type < 4 ? [] : [`${packet.source} ${one.type} ${packet.destination}`];
    });
    expect(sent.slice(0, 2)).toEqual(['10.0.0.3 4 224.0.0.6', '10.0.0.1 4 224.0.0.5']);
    expect(sent.filter((row) => row.includes(' 4 '))).toHaveLength(2);
    expect(rows(b)).toEqual(rows(c));
    expect(rows(a)).toEqual(rows(c));
    expect(a.speaker.neighbors().map(({ retransmissions }) => retransmissions)).toEqual([0, 0]);
  });

  test('OSPF-HELLO-10, -12 the DR goes: its Backup follows, and its network-LSA is flushed', async () => {
    const link = createLink();
    const [a, b, c] = threeRouters(link, 2);
    await pass(70);
    const stopped = a.speaker.stop();
    await pass(6);
    await stopped;
    await pass(60);
    expect([b, c].map(({ speaker }) => speaker.interfaces()[0]?.state)).toEqual(['dr', 'dr-other']);
    expect(states(c)).toEqual(['dr full']);
    expect(rows(c).filter((row) => row.startsWith('network'))).toEqual([expect.stringContaining('192.0.2.2')]);
    expect(rows(c)).toEqual(rows(b));
  });

  test('OSPF-HELLO-07 a Hello of one who already is Backup ends the waiting', async () => {
    const link = createLink();
    const router = startRouter(1, [link], {}, { type: 'broadcast', priority: 1 });
    const peer = createPeer(link, { type: 'broadcast', priority: 1 });
    peer.hello({ dr: 0x0a000009, backup: 0x0a000002 });
    await pass(0.01);
    expect(router.speaker.interfaces()[0]?.state).not.toBe('waiting');
  });

  test('OSPF-LSA-18, -16 the DR has a transit link to its own address only while somebody is Full', async () => {
    const link = createLink();
    const router = startRouter(1, [link], {}, { type: 'broadcast', priority: 1 });
    await pass(50);
    expect(router.speaker.interfaces()[0]?.state).toBe('dr');
    expect(router.speaker.database().map(({ type }) => type)).toEqual(['router']);
    const peer = createPeer(link, { type: 'broadcast' });
    peer.acks = true;
    await peer.becomeFull();
    peer.lsu(externalLsa('203.0.113.0/24', 1));
    await pass(10);
    expect(router.speaker.database().map(({ type, id }) => `${type} ${id}`)).toEqual([
      'external 203.0.113.0',
      'router 192.0.2.1',
      'network 10.0.0.1',
    ]);
  });

  test('OSPF-V3LSA-08, -12 the DR tells the prefixes that the routers of the link have told', async () => {
    const link = createLink();
    const [a] = threeRouters(link, 3);
    const device = a.devices.get('eth0');
    expect(device).toBeDefined();
    await pass(70);
    const peer = createPeer(link, { version: 3, host: 9, type: 'broadcast' });
    peer.acks = true;
    peer.hello();
    await pass(0.01);
    peer.dd({ flags: 7, sequence: 5 });
    await pass(0.01);
    const header = peer.seen
      .flatMap(({ dd }) => dd?.headers ?? [])
      .find(({ type, id }) => type === 0x2009 && id > 0xffff);
    expect(header).toMatchObject({ id: 0x10002, advertiser: 0xc0000201 });
    if (header !== undefined) peer.lsr(header);
    await pass(0.01);
    const [lsa] = peer.last('lsas');
    expect(readIntraAreaPrefixLsa(lsa?.bytes.subarray(20) ?? new Uint8Array(0))).toEqual({
      referencedType: 0x2002,
      referencedId: 2,
      referencedRouter: 0xc0000201,
      prefixes: [{ network: knownPrefix('2001:db8:1::/64').first, length: 64, options: 0, metric: 0 }],
    });
  });
});
