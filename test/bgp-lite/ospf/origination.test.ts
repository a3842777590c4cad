import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readExternalLsa2, readRouterLsa2 } from '../../../src/bgp-lite/ospf/codec/lsa2.js';
import {
  readExternalLsa3,
  readIntraAreaPrefixLsa,
  readLinkLsa,
  readRouterLsa3,
} from '../../../src/bgp-lite/ospf/codec/lsa3.js';
import { createIdTable, linkStateIds2 } from '../../../src/bgp-lite/ospf/link-state-id.js';
import { formatAddress, knownPrefix, type Prefix } from '../../../src/config/address.js';
import type { OspfConfig, OspfInterfaceConfig } from '../../../src/config/announce.js';
import {
  announcing,
  configOf,
  createLink,
  createPeer,
  interfaceConfig,
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

interface Rig {
  router: Router;
  peer: Peer;
}
/** Full with a peer, everything told and acknowledged. */
async function full(
  config: Partial<OspfConfig>,
  iface: Partial<OspfInterfaceConfig> = {},
  options: PeerOptions = {},
): Promise<Rig> {
  const link = createLink();
  const version = options.version ?? 2;
  const router = startRouter(
    1,
    [link],
    { versions: [version], ...config },
    { type: options.type ?? 'point-to-point', ...iface },
  );
  const peer = createPeer(link, options);
  peer.acks = true;
  await peer.becomeFull();
  await pass(12);
  return { router, peer };
}
/** Bodies of the newest instances that the peer got of a type, by Link State ID. */
function bodies({ peer }: Rig, type: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (const { header, bytes } of peer.seen.flatMap(({ lsas }) => lsas ?? [])) {
    if (header.type !== type) continue;
    if (header.ageSeconds === 3600) found.delete(header.id);
    else found.set(header.id, bytes.subarray(20));
  }
  return found;
}
const routerLsa = (one: Rig) => readRouterLsa2([...bodies(one, 1).values()][0] ?? new Uint8Array(0));
const NET = '198.51.100.0/24';
const subnet = { type: 3, id: 0x0a000000, data: 0xffffff00, metric: 10 };
const toPeer = { type: 1, id: 0xc0000202, data: 0x0a000001, metric: 0xffff };

describe('version 2', () => {
  test('OSPF-LSA-14, -16, -17, -20, OSPF-DRAIN-01, -02 router-LSA: link at 0xffff, subnet at its cost, pool4 as stub link', async () => {
    const one = await full({ as: 'stub', metric: 100 });
    one.router.speaker.announce(announcing(NET));
    await pass(6);
    expect(routerLsa(one)).toEqual({
      flags: 0,
      links: [toPeer, subnet, { type: 3, id: 0xc6336400, data: 0xffffff00, metric: 100 }],
    });
  });

  test('OSPF-LSA-17 a neighbour that is not Full has no link', async () => {
    const one = await full({});
    one.peer.hello({ neighbors: [] });
    await pass(6);
    expect(one.router.speaker.neighbors()[0]?.state).toBe('init');
    expect(one.router.speaker.database().filter(({ own }) => own)).toMatchObject([{ bytes: 36 }]);
  });

  test('OSPF-LSA-18 broadcast: the subnet until Full with the DR, then one transit link', async () => {
    const link = createLink();
    const router = startRouter(1, [link], {}, { type: 'broadcast' });
    await pass(0.01);
    expect(router.speaker.database()).toMatchObject([{ bytes: 36 }]);
    const peer = createPeer(link, { type: 'broadcast', priority: 1 });
    peer.acks = true;
    await peer.becomeFull();
    await pass(12);
    expect(routerLsa({ router, peer })).toEqual({
      flags: 0,
      links: [{ type: 2, id: 0x0a000002, data: 0x0a000001, metric: 0xffff }],
    });
  });

  test('OSPF-LSA-15, -21 externals of type 2 and 1, with a tag; the first sets the E flag', async () => {
    const one = await full({ as: 'external-2', metric: 20 });
    expect(routerLsa(one)?.flags).toBe(0);
    one.router.speaker.announce(announcing(NET));
    await pass(6);
    expect(routerLsa(one)?.flags).toBe(2);
    expect(readExternalLsa2(bodies(one, 5).get(0xc6336400) ?? new Uint8Array(0))).toEqual({
      mask: 0xffffff00,
      type2: true,
      metric: 20,
      forwardingAddress: 0,
      tag: 0,
    });
    const other = await full({ as: 'external-1', metric: 1000, tag: 0xdeadbeef });
    other.router.speaker.announce(announcing(NET));
    await pass(6);
    expect(readExternalLsa2(bodies(other, 5).get(0xc6336400) ?? new Uint8Array(0))).toMatchObject({
      type2: false,
      metric: 1000,
      tag: 0xdeadbeef,
    });
  });

  test('OSPF-LSA-15, -20, -24 in a stub area a stub link and no E flag', async () => {
    const areas: OspfConfig['areas'] = [{ id: '0.0.0.1', type: 'stub' }];
    const link = createLink();
    const router = startRouter(1, [link], { areas, as: 'stub' }, { area: '0.0.0.1' });
    router.speaker.announce(announcing(NET));
    await pass(6);
    expect(router.speaker.database()).toMatchObject([{ scope: 'area 0.0.0.1', type: 'router', bytes: 48 }]);
  });

  test('in an NSSA type 7, with the P bit and an own address to forward to', async () => {
    const link = createLink();
    const areas: OspfConfig['areas'] = [{ id: '0.0.0.1', type: 'nssa' }];
    const router = startRouter(1, [link], { areas, as: 'external-2' }, { area: '0.0.0.1' });
    router.speaker.announce(announcing(NET));
    await pass(6);
    expect(router.speaker.database().map(({ type, scope }) => `${type} ${scope}`)).toEqual([
      'router area 0.0.0.1',
      'nssa area 0.0.0.1',
    ]);
  });

  test('OSPF-DRAIN-03, -04 lowered: a stub link at 0xffff, an external of type 2 at 0xfffffe', async () => {
    const one = await full({ as: 'stub' });
    one.router.speaker.announce(lowering(NET));
    await pass(6);
    expect(routerLsa(one)?.links.at(-1)?.metric).toBe(0xffff);
    const other = await full({ as: 'external-2', loweredMetric: 0xfffffe });
    other.router.speaker.announce(lowering(NET));
    await pass(6);
    const body = bodies(other, 5).get(0xc6336400) ?? new Uint8Array(0);
    expect(Buffer.from(body.subarray(4, 8)).toString('hex')).toBe('80fffffe');
  });

  test('OSPF-DRAIN-06 the H bit is never set', async () => {
    const one = await full({ as: 'external-2' });
    one.router.speaker.announce(lowering(NET));
    await pass(6);
    expect((routerLsa(one)?.flags ?? 0x80) & 0x80).toBe(0);
  });

  test.each([
    ['the /24 alone', ['198.51.100.0/24'], ['198.51.100.0']],
    ['/25 and /24', ['198.51.100.0/25', '198.51.100.0/24'], ['198.51.100.127', '198.51.100.0']],
    ['/24 and /25', ['198.51.100.0/24', '198.51.100.0/25'], ['198.51.100.0', '198.51.100.127']],
    ['three of one number', ['10.0.0.0/8', '10.0.0.0/16', '10.0.0.0/24'], ['10.0.0.0', '10.0.255.255', '10.0.0.255']],
    [
      'a host that has the address',
      ['198.51.100.0/24', '198.51.100.0/25', '198.51.100.127/32'],
      ['198.51.100.0', '198.51.100.126', '198.51.100.127'],
    ],
  ])('OSPF-LSA-23 Link State IDs of %s', (_, texts, expected) => {
    const prefixes = texts.map((text): Prefix => knownPrefix(text));
    const ids = linkStateIds2(prefixes);
    expect(prefixes.map((prefix) => formatAddress(4, BigInt(ids.get(prefix) ?? 0)))).toEqual(expected);
  });

  test('OSPF-LSA-23 the /25 first, then the /24: the ID is handed over', async () => {
    const one = await full({ as: 'external-2' });
    one.router.speaker.announce(announcing('198.51.100.0/25'));
    await pass(6);
    one.router.speaker.announce(announcing('198.51.100.0/25', '198.51.100.0/24'));
    await pass(6);
    const masks = [...bodies(one, 5)].map(([id, body]) => [id, readExternalLsa2(body)?.mask]);
    expect(masks).toEqual([
      [0xc6336400, 0xffffff00],
      [0xc633647f, 0xffffff80],
    ]);
  });

  test('patterns choose which prefixes are announced', async () => {
    const one = await full({ as: 'stub', prefixes: [{ prefix: knownPrefix('198.51.100.0/24'), ge: 24, le: 28 }] });
    one.router.speaker.announce(announcing(NET, '203.0.113.0/24', '198.51.100.0/29'));
    await pass(6);
    expect(routerLsa(one)?.links.slice(2)).toMatchObject([{ id: 0xc6336400, data: 0xffffff00 }]);
  });

  test('OSPF-LSA-19 another cost is told without a new adjacency; another area is a new one', async () => {
    const one = await full({});
    const changes = await one.router.speaker.reload({
      ...configOf(1, {}, { cost: 77 }),
    });
    expect(changes).toEqual(['ospf.interfaces changed']);
    await pass(6);
    expect(one.router.speaker.neighbors()[0]?.state).toBe('full');
    expect(routerLsa(one)?.links.at(-1)?.metric).toBe(77);
    const moved = configOf(1, { areas: [{ id: '0.0.0.5', type: 'normal' }] }, { area: '0.0.0.5' });
    await one.router.speaker.reload(moved);
    expect(one.router.speaker.neighbors()).toEqual([]);
    expect(one.router.speaker.interfaces()).toMatchObject([{ area: '0.0.0.5' }]);
  });

  test('OSPF-LSA-10 what was originated in an area that is left is flushed there before the goodbye', async () => {
    const one = await full({});
    const before = one.peer.seen.length;
    await one.router.speaker.reload(configOf(1, { areas: [{ id: '0.0.0.5', type: 'normal' }] }, { area: '0.0.0.5' }));
    const last = one.peer.seen
      .slice(before)
      .map(({ type, lsas }) => [type, lsas?.map(({ header }) => header.ageSeconds)]);
    expect(last.slice(0, 2)).toEqual([
      [4, [3600]],
      [1, undefined],
    ]);
  });
});

describe('version 3', () => {
  const network = (text: string) => knownPrefix(text).first;
  const POOL6 = '64:ff9b::/96';

  test('OSPF-V3LSA-04, -06, -17, OSPF-DRAIN-01 router-LSA: one link at 0xffff, options 0x13, no stub links', async () => {
    const one = await full({}, {}, { version: 3 });
    const body = readRouterLsa3(bodies(one, 0x2001).get(0) ?? new Uint8Array(0));
    expect(body).toEqual({
      flags: 0,
      options: 0x13,
      links: [{ type: 1, metric: 0xffff, interfaceId: 2, neighborInterfaceId: 7, neighborRouterId: 0xc0000202 }],
    });
  });

  test('OSPF-V3LSA-05, -08 broadcast: the transit link names the DR, which has the prefixes of the link', async () => {
    const one = await full({}, {}, { version: 3, type: 'broadcast', priority: 1 });
    const body = readRouterLsa3(bodies(one, 0x2001).get(0) ?? new Uint8Array(0));
    expect(body?.links).toEqual([
      { type: 2, metric: 0xffff, interfaceId: 2, neighborInterfaceId: 7, neighborRouterId: 0xc0000202 },
    ]);
    expect(bodies(one, 0x2009).size).toBe(0);
  });

  test('OSPF-V3LSA-07 link-LSA: interface ID, link-local address, prefixes of the link; not beyond it', async () => {
    const links = [createLink(), createLink()];
    const router = startRouter(1, links, { versions: [3] });
    await pass(0.01);
    const rows = router.speaker.database().filter(({ type }) => type === 'link');
    expect(rows.map(({ scope, id }) => `${scope} ${id}`)).toEqual(['link eth0 0.0.0.2', 'link eth1 0.0.0.3']);
    const peer = createPeer(links[0] ?? createLink(), { version: 3 });
    peer.acks = true;
    await peer.becomeFull();
    peer.lsr({ type: 8, id: 2, advertiser: 0xc0000201 });
    await pass(0.01);
    const [lsa] = peer.last('lsas');
    expect(readLinkLsa(lsa?.bytes.subarray(20) ?? new Uint8Array(0))).toEqual({
      priority: 0,
      options: 0x13,
      linkLocal: network('fe80::1'),
      prefixes: [{ network: network('2001:db8:1::/64'), length: 64, options: 0, metric: 0 }],
    });
    const described = peer.seen.flatMap(({ dd }) => dd?.headers ?? []).filter(({ type }) => type === 8);
    expect(described.map(({ id }) => id)).toEqual([2]);
  });

  test('OSPF-V3LSA-08, -10, -12 pool6 in an intra-area-prefix-LSA of its own; no link-local prefix in any', async () => {
    const one = await full({ as: 'stub', metric: 100 }, {}, { version: 3 });
    one.router.speaker.announce(announcing(POOL6, 'fe80::/64'));
    await pass(6);
    const lsas = [...bodies(one, 0x2009).entries()].map(([id, body]) => [id, readIntraAreaPrefixLsa(body)?.prefixes]);
    expect(lsas).toEqual([[1, [{ network: network('64:ff9b::'), length: 96, options: 0, metric: 100 }]]]);
    expect(one.router.speaker.database().filter(({ type }) => type === 'intra-area-prefix')).toHaveLength(2);
  });

  test('OSPF-V3LSA-11 pool6 as AS-external; the ID of a prefix stays, and is not used again before it is flushed', async () => {
    const one = await full({ as: 'external-2', metric: 20, tag: 7 }, {}, { version: 3 });
    one.router.speaker.announce(announcing(POOL6, '2001:db8:64::/96'));
    await pass(6);
    const ids = () =>
      [...bodies(one, 0x4005).entries()].map(([id, body]) => [id, readExternalLsa3(body)?.prefix.network]);
    expect(ids()).toEqual([
      [1, network('64:ff9b::')],
      [2, network('2001:db8:64::')],
    ]);
    expect(readExternalLsa3(bodies(one, 0x4005).get(1) ?? new Uint8Array(0))).toMatchObject({
      type2: true,
      metric: 20,
      forwardingAddress: null,
      tag: 7,
      prefix: { options: 0, metric: 0 },
    });
    one.peer.acks = false;
    one.router.speaker.announce(announcing('2001:db8:64::/96', '2001:db8:65::/96'));
    await pass(1);
    expect(ids()).toEqual([
      [2, network('2001:db8:64::')],
      [3, network('2001:db8:65::')],
    ]);
  });

  test('OSPF-V3LSA-13 an ID table keeps an ID while its LSA is about', () => {
    const table = createIdTable();
    expect([table.idOf('a'), table.idOf('b'), table.idOf('a')]).toEqual([1, 2, 1]);
    table.keep(new Set(['b']), (id) => id === 1);
    expect(table.idOf('c')).toBe(3);
    table.keep(new Set(['b', 'c']), () => false);
    expect(table.idOf('d')).toBe(1);
  });

  test('OSPF-V3LSA-15, -16, -17 lowered: the prefix at 0xffff or 0xfffffe, R stays set; withdrawn: flushed', async () => {
    const one = await full({ as: 'stub' }, {}, { version: 3 });
    one.router.speaker.announce(lowering(POOL6));
    await pass(6);
    expect(readIntraAreaPrefixLsa(bodies(one, 0x2009).get(1) ?? new Uint8Array(0))?.prefixes[0]?.metric).toBe(0xffff);
    expect(readRouterLsa3(bodies(one, 0x2001).get(0) ?? new Uint8Array(0))?.options).toBe(0x13);
    one.router.speaker.announce([]);
    await pass(0.01);
    expect(bodies(one, 0x2009).has(1)).toBe(false);
    const other = await full({ as: 'external-2', loweredMetric: 0xfffffe }, {}, { version: 3 });
    other.router.speaker.announce(lowering(POOL6));
    await pass(6);
    expect(readExternalLsa3(bodies(other, 0x4005).get(1) ?? new Uint8Array(0))?.metric).toBe(0xfffffe);
  });

  test('OSPF-V3LSA-12 in an NSSA the forwarding address is a global one', async () => {
    const link = createLink();
    const areas: OspfConfig['areas'] = [{ id: '0.0.0.1', type: 'nssa' }];
    const router = startRouter(1, [link], { versions: [3], areas, as: 'external-2' }, { area: '0.0.0.1' });
    router.speaker.announce(announcing(POOL6));
    await pass(1);
    const [nssa] = router.speaker.database().filter(({ type }) => type === 'nssa');
    // Header, metric, prefix of 16 octets, forwarding address.
    expect(nssa?.bytes).toBe(20 + 4 + 16 + 16);
  });

  test('OSPF-HELLO-13 two interfaces, one in each area: the router has an LSA in both', async () => {
    const links = [createLink(), createLink()];
    const router = startRouter(1, links, {
      versions: [2],
      areas: [
        { id: '0.0.0.0', type: 'normal' },
        { id: '0.0.0.1', type: 'stub' },
      ],
      as: 'stub',
      interfaces: [interfaceConfig('eth0'), interfaceConfig('eth1', { area: '0.0.0.1' })],
    });
    router.speaker.announce(announcing(NET));
    await pass(6);
    expect(router.speaker.database().map(({ scope, type, bytes }) => `${scope} ${type} ${bytes}`)).toEqual([
      'area 0.0.0.0 router 48',
      'area 0.0.0.1 router 48',
    ]);
  });
});
