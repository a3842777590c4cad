import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { setLsaChecksum } from '../../../src/bgp-lite/ospf/codec/checksum.js';
import { readLsaHeader, withAge } from '../../../src/bgp-lite/ospf/codec/lsa.js';
import type { OspfConfig, OspfInterfaceConfig } from '../../../src/config/announce.js';
import {
  announcing,
  createLink,
  createPeer,
  externalLsa,
  foreignRouterLsa,
  type Link,
  lowering,
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

const OWN = 0xc0000201;
interface Rig {
  link: Link;
  router: Router;
  peer: Peer;
  count(name: string): number;
}
async function full(
  config: Partial<OspfConfig> = {},
  iface: Partial<OspfInterfaceConfig> = {},
  options: PeerOptions & { describes?: Uint8Array[]; acks?: boolean } = {},
): Promise<Rig> {
  const link = createLink();
  const router = startRouter(1, [link], config, { type: options.type ?? 'point-to-point', ...iface });
  const peer = createPeer(link, options);
  peer.acks = options.acks ?? true;
  await peer.becomeFull(options.describes === undefined ? {} : { describes: options.describes });
  expect(router.speaker.neighbors()[0]?.state).toBe('full');
  // What Full has brought about is sent and acknowledged.
  await pass(12);
  peer.clear();
  return { link, router, peer, count: (name) => router.speaker.statistics()[`ospf.${name}` as never] as number };
}
const received = ({ peer }: Rig) => peer.seen.flatMap(({ lsas }) => lsas ?? []);
const acknowledged = ({ peer }: Rig) => peer.seen.flatMap(({ headers }) => headers ?? []);
const stored = ({ router }: Rig, type: string) => router.speaker.database().filter((lsa) => lsa.type === type);
const NET = '203.0.113.0/24';

describe('LSAs that come in', () => {
  test('OSPF-FLD-01 below Exchange an LSU is ignored', async () => {
    const link = createLink();
    const router = startRouter(1, [link]);
    const peer = createPeer(link);
    peer.hello();
    await pass(0.01);
    peer.lsu(externalLsa(NET, 1));
    await pass(0.01);
    expect(router.speaker.database()).toHaveLength(1);
  });

  test('OSPF-FLD-02, OSPF-LSA-02 a wrong checksum: neither installed nor acknowledged', async () => {
    const one = await full();
    const lsa = externalLsa(NET, 1);
    lsa[30] = 1;
    one.peer.lsu(lsa);
    await pass(2);
    expect(stored(one, 'external')).toEqual([]);
    expect(acknowledged(one)).toEqual([]);
    expect(one.count('lsa.checksum')).toBe(1);
  });

  test.each([9, 10, 11, 6, 7])('OSPF-FLD-02, OSPF-LSA-26, -27 type %i is skipped', async (type) => {
    const one = await full();
    const lsa = externalLsa(NET, 1);
    lsa[3] = type;
    setLsaChecksum(lsa);
    one.peer.lsu(lsa, externalLsa('203.0.112.0/24', 1));
    await pass(2);
    expect(acknowledged(one).map(({ type: one }) => one)).toEqual([5]);
    expect(one.count('lsa.unknown')).toBe(1);
  });

  test('an age above MaxAge is skipped', async () => {
    const one = await full();
    one.peer.lsu(withAge(externalLsa(NET, 1), 3601));
    await pass(2);
    expect(stored(one, 'external')).toEqual([]);
    expect(one.count('lsa.age')).toBe(1);
  });

  test('OSPF-FLD-03 MaxAge of what is not there is acknowledged at once and dropped', async () => {
    const one = await full();
    one.peer.lsu(withAge(externalLsa(NET, 1), 3600));
    await pass(0.01);
    expect(acknowledged(one)).toMatchObject([{ type: 5, ageSeconds: 3600 }]);
    expect(stored(one, 'external')).toEqual([]);
  });

  test('OSPF-FLD-04 a newer instance within 1 s is ignored, then taken', async () => {
    const one = await full();
    one.peer.lsu(externalLsa(NET, 1));
    await pass(0.5);
    one.peer.lsu(externalLsa(NET, 2));
    await pass(0.01);
    expect(stored(one, 'external')[0]?.sequence).toBe('0x00000001');
    expect(one.count('lsa.too_soon')).toBe(1);
    await pass(0.5);
    one.peer.lsu(externalLsa(NET, 2));
    await pass(0.01);
    expect(stored(one, 'external')[0]?.sequence).toBe('0x00000002');
  });

  test('OSPF-FLD-05 an older LSA than was described begins anew', async () => {
    const link = createLink();
    const router = startRouter(1, [link]);
    const peer = createPeer(link);
    peer.acks = true;
    const other = createPeer(link, { host: 3 });
    other.acks = true;
    await other.becomeFull({ describes: [externalLsa(NET, 5)] });
    peer.hello();
    await pass(0.01);
    peer.dd({ flags: 7, sequence: 1000 });
    await pass(0.01);
    peer.dd({ flags: 1, sequence: 1001, headers: [readLsaHeader(2, externalLsa(NET, 6), 0)] });
    await pass(0.01);
    peer.lsu(externalLsa(NET, 4));
    await pass(0.01);
    expect(router.speaker.neighbors().find(({ routerId }) => routerId === '192.0.2.2')?.state).toBe('exstart');
  });

  test('OSPF-FLD-06, -12 the same instance: acknowledged at once, unless it is itself the acknowledgement', async () => {
    const one = await full({}, {}, { describes: [externalLsa(NET, 5)] });
    one.peer.lsu(externalLsa(NET, 5));
    await pass(0.01);
    expect(acknowledged(one)).toHaveLength(1);
    one.peer.acks = false;
    one.router.speaker.announce(announcing('198.51.100.0/24'));
    await pass(0.01);
    const [own] = received(one);
    expect(one.router.speaker.neighbors()[0]?.retransmissions).toBe(1);
    one.peer.clear();
    one.peer.lsu(own?.bytes ?? new Uint8Array(0));
    await pass(2);
    expect(one.router.speaker.neighbors()[0]?.retransmissions).toBe(0);
    expect(acknowledged(one)).toEqual([]);
  });

  test('OSPF-FLD-07 an older instance is answered with ours, once a second, and not acknowledged', async () => {
    const one = await full({}, {}, { describes: [externalLsa(NET, 5)] });
    one.peer.lsu(externalLsa(NET, 4));
    one.peer.lsu(externalLsa(NET, 3));
    await pass(0.01);
    expect(received(one).map(({ header }) => header.sequence)).toEqual([5]);
    expect(acknowledged(one)).toEqual([]);
    expect(one.router.speaker.neighbors()[0]?.retransmissions).toBe(0);
    await pass(1.1);
    one.peer.lsu(externalLsa(NET, 4));
    await pass(0.01);
    expect(received(one)).toHaveLength(2);
  });

  test('OSPF-FLD-12 a new LSA is acknowledged within 1 s, several in one packet', async () => {
    const one = await full();
    one.peer.lsu(externalLsa(NET, 1));
    await pass(0.3);
    one.peer.lsu(externalLsa('203.0.112.0/24', 1));
    await pass(0.3);
    expect(acknowledged(one)).toEqual([]);
    await pass(0.5);
    expect(acknowledged(one)).toHaveLength(2);
    expect(one.peer.seen.filter(({ type }) => type === 5)).toHaveLength(1);
  });

  test('OSPF-FLD-13 an acknowledgement of another instance leaves it on the list', async () => {
    const one = await full({}, {}, {});
    one.peer.acks = false;
    one.router.speaker.announce(announcing('198.51.100.0/24'));
    await pass(0.01);
    const [own] = received(one);
    if (own === undefined) throw new Error('nothing was flooded');
    one.peer.ack({ ...own.header, sequence: own.header.sequence - 1 });
    await pass(0.01);
    expect(one.router.speaker.neighbors()[0]?.retransmissions).toBe(1);
    expect(one.count('lsa.stray_ack')).toBe(1);
    one.peer.ack(own.header);
    await pass(0.01);
    expect(one.router.speaker.neighbors()[0]?.retransmissions).toBe(0);
  });

  test('OSPF-FLD-15 an own LSA of a former life is outdone, a stale one flushed', async () => {
    const one = await full();
    const before = stored(one, 'router')[0]?.sequence;
    expect(before).toMatch(/^0x8000000/);
    one.peer.lsu(foreignRouterLsa(-0x7fffff00, OWN), externalLsa(NET, 7, OWN));
    await pass(6);
    expect(stored(one, 'router')[0]).toMatchObject({ sequence: '0x80000101', own: true });
    const flushed = received(one).filter(({ header }) => header.type === 5);
    expect(flushed.map(({ header }) => [header.sequence, header.ageSeconds])).toContainEqual([7, 3600]);
    expect(stored(one, 'external')).toEqual([]);
  });
});

describe('LSAs that go out', () => {
  test('OSPF-FLD-09, -16 what comes in on one interface goes out of the other, as it came but for its age', async () => {
    const links = [createLink(), createLink()];
    const router = startRouter(1, links);
    const [near, far] = links.map((link, index) => createPeer(link, { host: 2 + index }));
    for (const peer of [near, far]) {
      if (peer !== undefined) peer.acks = true;
      await peer?.becomeFull();
    }
    await pass(7);
    near?.clear();
    far?.clear();
    near?.lsu(externalLsa(NET, 1));
    await pass(0.01);
    expect(near?.seen).toEqual([]);
    expect(far?.last('lsas').map(({ bytes }) => Buffer.from(bytes).toString('hex'))).toEqual([
      Buffer.from(withAge(externalLsa(NET, 1), 1)).toString('hex'),
    ]);
    expect(router.speaker.neighbors().map(({ retransmissions }) => retransmissions)).toEqual([0, 0]);
  });

  test('OSPF-FLD-10 ages go up by InfTransDelay and stop at 3600', async () => {
    const one = await full({}, { transmitDelaySeconds: 7 }, { describes: [externalLsa(NET, 5)] });
    one.peer.lsr({ type: 5, id: 0xcb007100, advertiser: 0xc0000209 });
    await pass(0.01);
    expect(received(one)[0]?.header.ageSeconds).toBe(19);
    await one.router.speaker.announce(announcing());
    one.peer.greeting(false);
  });

  test('OSPF-FLD-11 without acknowledgement it comes again every 5 s', async () => {
    const one = await full();
    one.peer.acks = false;
    one.router.speaker.announce(announcing('198.51.100.0/24'));
    await pass(16);
    expect(one.peer.seen.filter(({ lsas }) => lsas !== undefined)).toHaveLength(4);
    expect(one.count('retransmitted')).toBeGreaterThanOrEqual(3);
  });

  test('OSPF-FLD-11 no more than one packet is sent again in an interval', async () => {
    const one = await full({ as: 'external-2' });
    one.peer.acks = false;
    one.router.speaker.announce(announcing(...Array.from({ length: 100 }, (_, index) => `203.0.${index}.0/24`)));
    await pass(0.01);
    one.peer.clear();
    await pass(5.1);
    expect(one.peer.seen.filter(({ lsas }) => lsas !== undefined)).toHaveLength(1);
  });

  test('OSPF-PKT-13 200 LSAs: several LSUs, none above the MTU', async () => {
    const one = await full({ as: 'external-2' });
    one.router.speaker.announce(announcing(...Array.from({ length: 200 }, (_, index) => `203.0.${index}.0/24`)));
    await pass(0.01);
    const lsus = one.peer.seen.filter(({ lsas }) => lsas !== undefined);
    expect(lsus.length).toBeGreaterThan(4);
    for (const { bytes } of lsus) expect(bytes.length + 20).toBeLessThanOrEqual(1500);
    expect(received(one).filter(({ header }) => header.type === 5)).toHaveLength(200);
  });
});

describe('time', () => {
  test('OSPF-LSA-03 numbers begin with 0x80000001', () => {
    const router = startRouter(1, [createLink()]);
    return pass(0.01).then(() => expect(router.speaker.database()[0]?.sequence).toBe('0x80000001'));
  });

  test('OSPF-LSA-03 at 0x7fffffff the LSA is flushed, acknowledged, and begins with 0x80000001', async () => {
    const one = await full({ as: 'external-2' });
    one.router.speaker.announce(announcing(NET));
    await pass(6);
    one.peer.clear();
    one.peer.lsu(externalLsa(NET, 0x7fffffff, OWN));
    await pass(20);
    const sent = received(one).map(({ header }) => [header.sequence, header.ageSeconds === 3600]);
    expect(sent[0]).toEqual([0x7fffffff, true]);
    expect(sent.at(-1)).toEqual([-0x7fffffff, false]);
    expect(stored(one, 'external')[0]?.sequence).toBe('0x80000001');
  });

  test('OSPF-LSA-04, -07, -08 an LSA ages to 3600, is told to all, and goes when that is acknowledged', async () => {
    const one = await full({}, {}, { describes: [withAge(externalLsa(NET, 5), 3500)] });
    expect(stored(one, 'external')[0]?.ageSeconds).toBe(3512);
    one.peer.acks = false;
    await pass(89);
    const [flushed] = received(one).filter(({ header }) => header.type === 5);
    expect(flushed?.header).toMatchObject({ ageSeconds: 3600, sequence: 5 });
    await pass(10);
    expect(stored(one, 'external')[0]?.ageSeconds).toBe(3600);
    if (flushed !== undefined) one.peer.ack(flushed.header);
    await pass(1.1);
    expect(stored(one, 'external')).toEqual([]);
  });

  test('OSPF-LSA-05 after 30 minutes own LSAs are issued again', async () => {
    const one = await full({ as: 'external-2' });
    one.router.speaker.announce(announcing(NET));
    await pass(10);
    const before = stored(one, 'external')[0]?.sequence;
    await pass(1780);
    expect(stored(one, 'external')[0]?.sequence).toBe(before);
    await pass(25);
    expect(stored(one, 'external')[0]?.sequence).toBe('0x80000002');
  });

  test('OSPF-LSA-06, -25 changes of one LSA come 5 s apart', async () => {
    const one = await full({ as: 'stub' });
    const times: number[] = [];
    for (let flap = 0; flap < 20; flap++) {
      one.router.speaker.announce(flap % 2 === 0 ? announcing(NET) : lowering(NET));
      await pass(1);
    }
    for (const { atMs, lsas } of one.peer.seen) if (lsas?.some(({ header }) => header.type === 1)) times.push(atMs);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(1);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5000);
  });

  test('OSPF-LSA-06, -11 a withdrawn stub link is gone at once, or as soon as neighbours take it', async () => {
    const one = await full({ as: 'stub' });
    one.router.speaker.announce(announcing(NET));
    await pass(0.2);
    one.peer.clear();
    one.router.speaker.announce([]);
    await pass(0.85);
    expect(received(one).map(({ header }) => header.length)).toEqual([48]);
    await pass(20);
    one.router.speaker.announce(announcing(NET));
    await pass(20);
    one.peer.clear();
    one.router.speaker.announce([]);
    await pass(0.01);
    expect(received(one).map(({ header }) => header.length)).toEqual([48]);
  });

  test('OSPF-LSA-11 a neighbour that asks for the LSA again and again does not hold a withdrawal up', async () => {
    const one = await full({ as: 'stub' });
    one.router.speaker.announce(announcing(NET));
    await pass(20);
    const asking = setInterval(() => one.peer.lsr({ type: 1, id: OWN, advertiser: OWN }), 500);
    await pass(0.6);
    one.peer.clear();
    one.router.speaker.announce([]);
    await pass(1.1);
    clearInterval(asking);
    expect(received(one).map(({ header }) => header.length)).toContain(48);
  });

  test('OSPF-LSA-09 an LSA that changed in memory is told, and had anew', async () => {
    const { ageDatabase } = await import('../../../src/bgp-lite/ospf/ageing.js');
    const { createStore, storeLsa } = await import('../../../src/bgp-lite/ospf/lsdb.js');
    const { createStatistics } = await import('../../../src/bgp-lite/ospf/statistics.js');
    const { version2 } = await import('../../../src/bgp-lite/ospf/version.js');
    let nowMs = 0;
    let overflows = 0;
    const errors: string[] = [];
    const log = { info: () => undefined, warn: () => undefined, error: (text: string) => errors.push(text) };
    const as = createStore('as');
    const instance = {
      version: version2,
      routerId: OWN,
      areas: new Map(),
      as,
      maxLsas: 10,
      clock: () => nowMs,
      log,
      bfd: null,
      statistics: createStatistics(),
      holdUntilMs: 0,
      originate: () => undefined,
      overflow: () => {
        overflows += 1;
      },
    };
    const lsa = storeLsa(as, 2, externalLsa(NET, 1), { clockMs: 0, own: false });
    nowMs = 301_000;
    ageDatabase(instance);
    expect(errors).toEqual([]);
    lsa.bytes[25] = 0x55;
    nowMs = 500_000;
    ageDatabase(instance);
    expect(errors).toEqual([]);
    nowMs = 602_000;
    ageDatabase(instance);
    expect(errors).toHaveLength(1);
    expect(overflows).toBe(1);
  });

  test('OSPF-LSA-10, -12 a withdrawn external is flushed with its number and body, not given an infinite metric', async () => {
    const one = await full({ as: 'external-2' });
    one.router.speaker.announce(announcing(NET));
    await pass(10);
    const before = received(one).at(-1);
    one.peer.clear();
    one.router.speaker.announce([]);
    await pass(0.01);
    const after = received(one).find(({ header }) => header.type === 5);
    expect(after?.header).toEqual({ ...before?.header, ageSeconds: 3600 });
    expect(after?.bytes.subarray(2)).toEqual(before?.bytes.subarray(2));
  });

  test('OSPF-LSA-11, OSPF-DRAIN-07 the end: externals, then the router-LSA, a Hello that names nobody, and nothing left', async () => {
    const one = await full({ as: 'external-2' });
    one.router.speaker.announce(announcing(NET));
    await pass(20);
    one.peer.clear();
    const stopped = one.router.speaker.stop();
    await pass(5);
    await stopped;
    const ends = received(one).map(({ header }) => [header.type, header.ageSeconds]);
    expect(ends).toEqual([
      [5, 3600],
      [1, 3600],
    ]);
    expect(one.peer.last('hello').neighbors).toEqual([]);
    expect([...one.link.endpoints].map(({ address }) => address)).toEqual(['10.0.0.2']);
  });

  test('OSPF-LSA-11 who does not acknowledge holds the end up for 5 s at most', async () => {
    const one = await full({ as: 'external-2' });
    one.router.speaker.announce(announcing(NET));
    await pass(20);
    one.peer.acks = false;
    let ended = false;
    void one.router.speaker.stop().then(() => {
      ended = true;
    });
    await pass(4);
    expect(ended).toBe(false);
    await pass(1);
    expect(ended).toBe(true);
  });

  test('OSPF-LSA-13 killed without a flush, it takes up what it still has and flushes what it no longer has', async () => {
    const link = createLink();
    const old = startRouter(1, [link], { as: 'external-2' });
    const other = startRouter(2, [link]);
    old.speaker.announce(announcing(NET, '198.51.100.0/24'));
    await pass(20);
    // kill -9: nothing of it is heard any more.
    for (const endpoint of [...link.endpoints]) if (endpoint.address === '10.0.0.1') link.endpoints.delete(endpoint);
    const passes = link.passes;
    const dead = new Set(['10.0.0.1']);
    link.passes = (packet) => !dead.has(packet.source);
    await pass(60);
    expect(other.speaker.neighbors()).toEqual([]);
    expect(other.speaker.database().filter(({ type }) => type === 'external')).toHaveLength(2);
    link.passes = passes;
    void old.speaker.stop();
    await pass(6);
    const young = startRouter(1, [link], { as: 'external-2' });
    young.speaker.announce(announcing(NET));
    await pass(30);
    const rows = other.speaker.database().filter(({ type, ageSeconds }) => type === 'external' && ageSeconds < 3600);
    expect(rows.map(({ id, sequence }) => [id, sequence])).toEqual([['203.0.113.0', '0x80000001']]);
  });
});
