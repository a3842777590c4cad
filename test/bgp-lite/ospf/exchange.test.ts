import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readLsaHeader } from '../../../src/bgp-lite/ospf/codec/lsa.js';
import type { OspfConfig, OspfInterfaceConfig } from '../../../src/config/announce.js';
import {
  announcing,
  createLink,
  createPeer,
  externalLsa,
  externalLsa3,
  foreignRouterLsa,
  foreignRouterLsa3,
  type Link,
  type Peer,
  type PeerOptions,
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

interface Rig {
  link: Link;
  router: Router;
  peer: Peer;
  state(): string | undefined;
  count(name: string): number;
}
function rig(peer: PeerOptions = {}, iface: Partial<OspfInterfaceConfig> = {}, config: Partial<OspfConfig> = {}): Rig {
  const link = createLink();
  const router = startRouter(
    1,
    [link],
    { versions: [peer.version ?? 2], ...config },
    { type: peer.type ?? 'point-to-point', ...iface },
  );
  return {
    link,
    router,
    peer: createPeer(link, peer),
    state: () => router.speaker.neighbors()[0]?.state,
    count: (name) => router.speaker.statistics()[`ospf.${name}` as never] as number,
  };
}
/** Host 2 has the larger router ID, and leads; told to be 200 with an own of 201 it follows. */
const LARGER: PeerOptions = { host: 2 };
const header = (lsa: Uint8Array) => readLsaHeader(2, lsa, 0);

async function exstart(one: Rig): Promise<void> {
  one.peer.hello();
  await pass(0.01);
  expect(one.state()).toBe('exstart');
}
/** The peer leads; what it says first was answered. */
async function exchange(one: Rig, headers: Uint8Array[] = []): Promise<void> {
  await exstart(one);
  one.peer.dd({ flags: 7, sequence: 1000 });
  await pass(0.01);
  if (headers.length > 0) one.peer.dd({ flags: 3, sequence: 1001, headers: headers.map(header) });
  await pass(0.01);
  expect(one.state()).toBe('exchange');
}
function smaller(): Rig {
  const link = createLink();
  const router = startRouter(3, [link]);
  return {
    link,
    router,
    peer: createPeer(link, { host: 2, own: 3 }),
    state: () => router.speaker.neighbors()[0]?.state,
    count: (name) => router.speaker.statistics()[`ospf.${name}` as never] as number,
  };
}

describe('ExStart', () => {
  test('OSPF-ADJ-04 an empty DD with I, M and MS every 5 s, its number unchanged', async () => {
    const one = rig();
    await exstart(one);
    await pass(11);
    const sent = one.peer.seen.flatMap(({ dd }) => dd ?? []);
    expect(sent).toHaveLength(3);
    expect(sent[0]).toMatchObject({ flags: 7, mtuBytes: 1500, options: 2, headers: [] });
    expect(new Set(sent.map(({ sequence }) => sequence)).size).toBe(1);
  });

  test('OSPF-ADJ-05 the larger router ID leads: we follow its number', async () => {
    const one = rig(LARGER);
    await exchange(one);
    expect(one.peer.last('dd')).toMatchObject({ flags: 0, sequence: 1000, headers: [{ type: 1 }] });
  });

  test('OSPF-ADJ-05 the larger router ID leads: ours does', async () => {
    const one = smaller();
    await exstart(one);
    const { sequence } = one.peer.last('dd');
    one.peer.dd({ flags: 2, sequence });
    await pass(0.01);
    expect(one.state()).toBe('exchange');
    expect(one.peer.last('dd')).toMatchObject({ flags: 1, sequence: sequence + 1, headers: [{ type: 1 }] });
  });

  test.each([
    ['I, M and MS with headers', { flags: 7, headers: [header(foreignRouterLsa(1))] }],
    ['no I', { flags: 3 }],
    ['MS clear from the larger ID', { flags: 0 }],
  ])('OSPF-ADJ-05 %s is ignored', async (_, over) => {
    const one = rig(LARGER);
    await exstart(one);
    one.peer.dd({ sequence: 1000, ...over });
    await pass(0.01);
    expect(one.state()).toBe('exstart');
  });

  test('OSPF-ADJ-06 an MTU above ours keeps it in ExStart and is told; a smaller one is fine, and so is any with mtuIgnore', async () => {
    const one = rig();
    await exstart(one);
    one.peer.dd({ flags: 7, sequence: 1000, mtuBytes: 9000 });
    await pass(0.01);
    expect(one.state()).toBe('exstart');
    expect(one.router.messages.warn).toContainEqual(expect.stringContaining('its MTU is 9000, ours 1500'));
    one.peer.dd({ flags: 7, sequence: 1000, mtuBytes: 1400 });
    await pass(0.01);
    expect(one.state()).toBe('exchange');
    const ignoring = rig({}, { mtuIgnore: true });
    await exstart(ignoring);
    ignoring.peer.dd({ flags: 7, sequence: 1000, mtuBytes: 9000 });
    await pass(0.01);
    expect(ignoring.state()).toBe('exchange');
  });

  test('OSPF-ADJ-07 a DD in Init counts as being heard; in 2-Way it is ignored', async () => {
    const one = rig();
    one.peer.hello({ neighbors: [] });
    await pass(0.01);
    one.peer.dd({ flags: 7, sequence: 1000 });
    await pass(0.01);
    expect(one.state()).toBe('exchange');
    const other = rig({ type: 'broadcast' });
    other.peer.hello();
    await pass(0.01);
    other.peer.dd({ flags: 7, sequence: 1000 });
    await pass(0.01);
    expect(other.state()).toBe('2-way');
  });
});

describe('Exchange', () => {
  test('OSPF-ADJ-08 the slave repeats its last DD for a duplicate', async () => {
    const one = rig();
    await exchange(one, [foreignRouterLsa(1)]);
    const before = one.peer.seen.filter(({ dd }) => dd !== undefined).length;
    one.peer.dd({ flags: 3, sequence: 1001, headers: [header(foreignRouterLsa(1))] });
    await pass(0.01);
    const sent = one.peer.seen.flatMap(({ dd }) => dd ?? []);
    expect(sent).toHaveLength(before + 1);
    expect(sent.at(-1)).toEqual(sent.at(-2));
    expect(one.state()).toBe('exchange');
  });

  test('OSPF-ADJ-08 the master drops a duplicate', async () => {
    const one = smaller();
    await exstart(one);
    const { sequence } = one.peer.last('dd');
    one.peer.dd({ flags: 2, sequence });
    await pass(0.01);
    one.peer.clear();
    one.peer.dd({ flags: 2, sequence });
    await pass(0.01);
    expect(one.peer.seen).toEqual([]);
    expect(one.state()).toBe('exchange');
  });

  test.each([
    ['OSPF-ADJ-08 MS clear', { flags: 2, sequence: 1001 }],
    ['OSPF-ADJ-08 I set', { flags: 7, sequence: 1001 }],
    ['OSPF-ADJ-08 other options', { flags: 3, sequence: 1001, options: 0x42 }],
    ['OSPF-ADJ-09 a number left out', { flags: 3, sequence: 1002 }],
    [
      'OSPF-ADJ-10 an LSA of type 9',
      { flags: 3, sequence: 1001, headers: [{ ...header(foreignRouterLsa(1)), type: 9 }] },
    ],
  ])('%s begins anew, with another number', async (_, over) => {
    const one = rig();
    await exchange(one);
    const [first] = one.peer.seen.flatMap(({ dd }) => dd ?? []);
    one.peer.dd(over);
    await pass(0.01);
    expect(one.state()).toBe('exstart');
    expect(one.count('adjacency.sequence_mismatch')).toBe(1);
    expect(one.peer.last('dd')).toMatchObject({ flags: 7, headers: [] });
    expect(one.peer.last('dd').sequence).not.toBe(first?.sequence);
  });

  test('OSPF-ADJ-10 type 5 has no place in a stub area', async () => {
    const { version2 } = await import('../../../src/bgp-lite/ospf/version.js');
    expect(version2.scopeOf(5, 'stub')).toBeNull();
    expect(version2.scopeOf(5, 'nssa')).toBeNull();
    expect(version2.scopeOf(7, 'nssa')).toBe('area');
    expect(version2.scopeOf(7, 'normal')).toBeNull();
  });

  test('OSPF-ADJ-11, -13 our list is every LSA that is not of MaxAge; those are sent instead', async () => {
    const one = rig();
    await one.peer.becomeFull({ describes: [externalLsa('203.0.113.0/24', 1)] });
    const dying = externalLsa('203.0.113.0/24', 1);
    dying[0] = 0x0e;
    dying[1] = 0x10;
    // A second neighbour on the link is in Exchange meanwhile, so that the flushed LSA stays.
    const other = createPeer(one.link, { host: 3 });
    other.hello();
    await pass(0.01);
    other.dd({ flags: 7, sequence: 5 });
    await pass(2);
    one.peer.lsu(dying);
    await pass(0.01);
    const third = createPeer(one.link, { host: 4 });
    third.hello();
    await pass(0.01);
    third.dd({ flags: 7, sequence: 7 });
    await pass(6);
    expect(third.seen.flatMap(({ dd }) => dd?.headers ?? []).map(({ type }) => type)).toEqual([1]);
    expect(
      third.seen.flatMap(({ lsas }) => lsas ?? []).map((lsa) => [lsa.header.type, lsa.header.ageSeconds]),
    ).toContainEqual([5, 3600]);
  });

  test('OSPF-ADJ-12 the slave is done when the last of both is said', async () => {
    const one = rig();
    await exchange(one);
    one.peer.dd({ flags: 1, sequence: 1001 });
    await pass(0.01);
    expect(one.state()).toBe('full');
  });

  test('OSPF-ADJ-12 the master is done when the answer to its last DD has M clear', async () => {
    const one = smaller();
    await exstart(one);
    const { sequence } = one.peer.last('dd');
    one.peer.dd({ flags: 2, sequence });
    await pass(0.01);
    one.peer.dd({ flags: 2, sequence: sequence + 1, headers: [] });
    await pass(0.01);
    expect(one.state()).toBe('exchange');
    one.peer.dd({ flags: 0, sequence: sequence + 2 });
    await pass(0.01);
    expect(one.state()).toBe('full');
  });

  test('OSPF-ADJ-13 the master sends its DD again after 5 s, the slave never', async () => {
    const one = smaller();
    await exstart(one);
    one.peer.dd({ flags: 2, sequence: one.peer.last('dd').sequence });
    await pass(0.01);
    one.peer.clear();
    await pass(5.1);
    expect(one.peer.seen.flatMap(({ dd }) => dd ?? [])).toHaveLength(1);
    const slave = rig();
    await exchange(slave);
    slave.peer.clear();
    await pass(20);
    expect(slave.peer.seen.flatMap(({ dd }) => dd ?? [])).toHaveLength(0);
  });

  test('OSPF-ADJ-14 in Full the slave answers the last DD again, for 40 s; another one begins anew', async () => {
    const one = rig();
    await one.peer.becomeFull();
    one.peer.clear();
    one.peer.dd({ flags: 1, sequence: 1001 });
    await pass(0.01);
    expect(one.peer.last('dd')).toMatchObject({ sequence: 1001 });
    expect(one.state()).toBe('full');
    one.peer.dd({ flags: 7, sequence: 2000 });
    await pass(0.01);
    expect(one.state()).toBe('exstart');
    const late = rig();
    await late.peer.becomeFull();
    await pass(41);
    late.peer.dd({ flags: 1, sequence: 1001 });
    await pass(0.01);
    expect(late.state()).toBe('exstart');
  });
});

describe('Loading', () => {
  test('OSPF-ADJ-15 what was described is asked for, again every 5 s, and then the neighbour is Full', async () => {
    const one = rig();
    const lsas = [foreignRouterLsa(1), externalLsa('203.0.113.0/24', 1)];
    await exchange(one, lsas);
    one.peer.dd({ flags: 1, sequence: 1002 });
    await pass(0.01);
    expect(one.state()).toBe('loading');
    expect(one.peer.last('names')).toEqual(
      lsas.map((lsa) => ({ type: header(lsa).type, id: header(lsa).id, advertiser: 0xc0000209 })),
    );
    one.peer.lsu(lsas[0] ?? new Uint8Array(0));
    await pass(5);
    expect(one.peer.last('names')).toHaveLength(1);
    one.peer.lsu(lsas[1] ?? new Uint8Array(0));
    await pass(0.01);
    expect(one.state()).toBe('full');
  });

  test('OSPF-ADJ-15 the next part is asked for when the last was answered', async () => {
    const one = rig();
    const lsas = Array.from({ length: 150 }, (_, index) => externalLsa(`203.0.${index}.0/24`, 1));
    await exstart(one);
    one.peer.dd({ flags: 7, sequence: 1000 });
    await pass(0.01);
    for (const from of [0, 50, 100]) {
      one.peer.dd({
        flags: from === 100 ? 1 : 3,
        sequence: 1001 + from / 50,
        headers: lsas.slice(from, from + 50).map(header),
      });
      await pass(0.01);
    }
    const asked = () => one.peer.seen.flatMap(({ names }) => (names === undefined ? [] : [names.length]));
    expect(asked()).toEqual([50]);
    for (const part of [lsas.slice(0, 30), lsas.slice(30, 60)]) one.peer.lsu(...part);
    await pass(0.01);
    expect(asked()).toEqual([50, 100]);
    for (const part of [60, 90, 120]) one.peer.lsu(...lsas.slice(part, part + 30));
    await pass(0.01);
    expect(one.state()).toBe('full');
  });

  test('OSPF-ADJ-16 what is asked for is sent, and not kept for retransmission', async () => {
    const one = rig();
    await exchange(one);
    one.peer.lsr({ type: 1, id: 0xc0000201, advertiser: 0xc0000201 });
    await pass(0.01);
    expect(one.peer.last('lsas')).toMatchObject([{ header: { type: 1, advertiser: 0xc0000201 } }]);
    expect(one.router.speaker.neighbors()[0]?.retransmissions).toBe(0);
  });

  test('OSPF-ADJ-16 nonsense that is asked for begins anew; below Exchange it is ignored', async () => {
    const one = rig();
    await exstart(one);
    one.peer.lsr({ type: 5, id: 1, advertiser: 1 });
    await pass(0.01);
    expect(one.count('drop.state')).toBe(1);
    const other = rig();
    await exchange(other);
    other.peer.lsr({ type: 5, id: 1, advertiser: 1 });
    await pass(0.01);
    expect(other.state()).toBe('exstart');
    expect(other.count('adjacency.bad_request')).toBe(1);
  });

  test('OSPF-ADJ-17, OSPF-LSA-17 Full puts the neighbour into the router-LSA', async () => {
    const one = rig();
    one.router.speaker.announce(announcing('198.51.100.0/24'));
    one.peer.acks = true;
    await one.peer.becomeFull();
    await pass(6);
    const [own] = one.router.speaker.database();
    expect(own).toMatchObject({ type: 'router', bytes: 20 + 4 + 3 * 12 });
  });

  test('OSPF-V3-12 an unknown type with a scope of its own is asked for and stored', async () => {
    const one = rig({ version: 3 });
    const lsa = foreignRouterLsa3(1);
    const { setLsaChecksum } = await import('../../../src/bgp-lite/ospf/codec/checksum.js');
    lsa[2] = 0xa0;
    lsa[3] = 0x0b;
    setLsaChecksum(lsa);
    await one.peer.becomeFull({ describes: [lsa] });
    expect(one.state()).toBe('full');
    expect(one.router.speaker.database()).toContainEqual(
      expect.objectContaining({ type: '0xa00b', scope: 'area 0.0.0.0' }),
    );
  });

  test('OSPF-V3LSA-01, -02, -03 scopes of types: reserved is skipped, unknown without U bit stays on the link', async () => {
    const { version3 } = await import('../../../src/bgp-lite/ospf/version.js');
    expect(version3.scopeOf(0x6001, 'normal')).toBeNull();
    expect(version3.scopeOf(0x4005, 'stub')).toBeNull();
    expect(version3.scopeOf(0x4005, 'normal')).toBe('as');
    expect(version3.scopeOf(0x200b, 'normal')).toBe('link');
    expect(version3.scopeOf(0xa00b, 'normal')).toBe('area');
    expect(version3.scopeOf(0xc00b, 'normal')).toBe('as');
    expect(version3.scopeOf(0x0008, 'normal')).toBe('link');
    expect(version3.scopeOf(0x2001, 'normal')).toBe('area');
  });

  test('OSPF-FLD-14 a database above maxLsas ends the adjacency, is told, and keeps nothing in part', async () => {
    const one = rig({}, {}, { maxLsas: 20 });
    await one.peer.becomeFull();
    for (let index = 0; index < 30; index++) one.peer.lsu(externalLsa(`203.0.${index}.0/24`, 1));
    await pass(0.01);
    expect(one.router.speaker.neighbors()).toEqual([]);
    expect(one.router.speaker.database().map(({ own }) => own)).toEqual([true]);
    expect(one.router.messages.error).toContainEqual(expect.stringContaining('more than 20 LSAs (maxLsas)'));
    await pass(59);
    expect(one.router.speaker.neighbors()).toEqual([]);
    await pass(12);
    expect(one.router.speaker.neighbors()).toHaveLength(1);
  });

  test('OSPF-FLD-14 so does a description of too many', async () => {
    const one = rig({}, {}, { maxLsas: 20 });
    await exchange(one);
    const headers = Array.from({ length: 30 }, (_, index) => header(externalLsa(`203.0.${index}.0/24`, 1)));
    one.peer.dd({ flags: 3, sequence: 1001, headers });
    await pass(0.01);
    expect(one.count('overflow')).toBe(1);
  });

  test('OSPF-V3LSA-13 the LSA of a former life under another ID is flushed', async () => {
    const one = rig({ version: 3 }, {}, { as: 'external-2' });
    one.peer.acks = true;
    await one.peer.becomeFull({ describes: [externalLsa3(77, '2001:db8:77::/48', 9, 0xc0000201)] });
    await pass(3);
    const flushed = one.peer.seen.flatMap(({ lsas }) => lsas ?? []).find((lsa) => lsa.header.id === 77);
    expect(flushed?.header).toMatchObject({ type: 0x4005, ageSeconds: 3600, sequence: 9 });
    expect(one.router.speaker.database().filter(({ type }) => type === 'external')).toEqual([]);
  });
});
