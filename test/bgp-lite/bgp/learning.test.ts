/** What a neighbour may teach, and what its flood costs. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { nlriOf, prefixOf } from '../../../src/bgp-lite/bgp/nlri.js';
import { prefixList } from '../../../src/bgp-lite/bgp/prefix-list.js';
import { contains, formatAddress, parseAddress } from '../../../src/config/address.js';
import type { BgpNeighborConfig } from '../../../src/config/announce.js';
import {
  AS4,
  END_OF_RIB_4,
  ENHANCED,
  establish,
  imports,
  KEEPALIVE,
  MP4,
  MP6,
  msg,
  neighbor,
  openOf,
  pattern,
  REFRESH,
  type Rig,
  startSpeaker,
  stateOf,
  useFakeTime,
  vector,
} from './rig.js';

beforeEach(useFakeTime);
afterEach(() => void vi.useRealTimers());

const ALL = imports(pattern('0.0.0.0/0', 0, 32), pattern('::/0', 0, 128));
const ORIGIN = '40010100';
const HOP = '400304c0000201';
const path = (...asns: number[]) =>
  `4002${octet(2 + 4 * asns.length)}02${octet(asns.length)}${asns.map((asn) => asn.toString(16).padStart(8, '0')).join('')}`;
const octet = (value: number) => value.toString(16).padStart(2, '0');

/** An UPDATE in hex. */
function update(attributes: string, nlri: string): string {
  return msg(2, `0000${(attributes.length / 2).toString(16).padStart(4, '0')}${attributes}${nlri}`);
}
const route = (nlri: string, extra = '', hop = HOP, asPath = path(65001)) =>
  update(ORIGIN + asPath + hop + extra, nlri);

const learned = (rig: Rig) =>
  rig.speaker.learned().map(({ route: one }) => `${one.prefix.address}/${one.prefix.length}`);
const counts = (rig: Rig) => {
  const [found] = rig.speaker.neighbors();
  if (found === undefined) throw new Error('no neighbour');
  return found.routes;
};

function start(config: Partial<BgpNeighborConfig> = {}, open?: string) {
  const rig = startSpeaker({ import: ALL, ...config });
  return { rig, peer: establish(rig, open) };
}

describe('filter', () => {
  test('BGP-SEC-06, BGP-ERR-01 without a filter routes are counted and nothing is used', () => {
    const { rig, peer } = start({ import: null });
    peer.send(vector('update-ipv4-ebgp'));
    expect(rig.learned).toEqual([]);
    expect(counts(rig)).toMatchObject({ received: 1, accepted: 0, refused: { filter: 1 } });
  });

  test('only what a pattern names is accepted', () => {
    const { rig, peer } = start({ import: imports(pattern('0.0.0.0/0'), pattern('44.0.0.0/9', 9, 32)) });
    peer.send(route('00 092c00 182c0101 202c010203 092c80 18c63364'.replaceAll(' ', '')));
    // 092c00 is 44.0.0.0/9 in two octets; 092c80 is 44.128.0.0/9.
    expect(learned(rig)).toEqual(['0.0.0.0/0', '44.0.0.0/9', '44.1.1.0/24', '44.1.2.3/32']);
    expect(counts(rig)).toMatchObject({ received: 6, accepted: 4, refused: { filter: 2 } });
  });

  test('an accepted route has everything that its choice needs', () => {
    const { rig, peer } = start();
    peer.send(vector('update-ipv4-med-comms'));
    expect(rig.learned[0]).toMatchObject({
      prefix: { address: '198.51.100.0', length: 25 },
      route: {
        nextHop: '192.0.2.1',
        linkLocal: null,
        localPref: 100,
        med: 50,
        asPath: [65001],
        asPathLength: 1,
        origin: 0,
        internal: false,
        neighborAs: 65001,
        routerId: '192.0.2.1',
        communities: [0xfde90064, 0xffffff01],
        largeCommunities: [[4200000001, 1, 2]],
        stale: false,
      },
    });
  });

  test('BGP-COM-03 NO_ADVERTISE does not keep a route from being used', () => {
    const { rig, peer } = start();
    peer.send(route('18c63364', 'c00804ffffff02'));
    expect(learned(rig)).toEqual(['198.51.100.0/24']);
  });

  test('BGP-MP-05 global and link-local next hop of an IPv6 route', () => {
    const { rig, peer } = start();
    peer.send(vector('update-ipv6-wkp-ll'));
    expect(rig.learned[0]?.route).toMatchObject({ nextHop: '2001:db8:1::1', linkLocal: 'fe80::1' });
  });

  test('BGP-MP-08, -09 an IPv4 route with IPv6 next hop only where that was agreed on', () => {
    const agreed = start({ extendedNextHop: true }, openOf(`${MP4} ${MP6} 0506 000100010002 ${AS4}`));
    agreed.peer.send(vector('update-ipv4-over-ipv6-nexthop'));
    expect(agreed.rig.learned[0]?.route?.nextHop).toBe('2001:db8:1::1');
    const not = start();
    not.peer.send(vector('update-ipv4-over-ipv6-nexthop'));
    expect(counts(not.rig).refused.nextHop).toBe(1);
    expect(stateOf(not.rig)).toBe('Established');
  });

  test('LOCAL_PREF counts from inside, the configured one over it', () => {
    const open = openOf(`${MP4} 4104 0000fde9`, { id: 'c0000209' });
    const inside = start({ localAs: 65001 }, open);
    inside.peer.send(update(`${ORIGIN}400200${HOP}400504000000c8`, '18c63364'));
    expect(inside.rig.learned[0]?.route).toMatchObject({ localPref: 200, internal: true, asPath: [] });
    const preferred = start({ localAs: 65001, import: { ...ALL, localPref: 50 } }, open);
    preferred.peer.send(update(`${ORIGIN}400200${HOP}400504000000c8`, '18c63364'));
    expect(preferred.rig.learned[0]?.route?.localPref).toBe(50);
  });

  test('any prefix list says what its definition says', () => {
    const prefix = fc
      .tuple(fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }), fc.integer({ min: 0, max: 32 }))
      .map(([value, length]) => {
        const host = (1n << BigInt(32 - length)) - 1n;
        const first = value & ~host & 0xffffffffn;
        return { family: 4 as const, address: formatAddress(4, first), length, first, last: first | host };
      });
    const bounds = fc.tuple(fc.nat(32), fc.nat(32));
    fc.assert(
      fc.property(prefix, prefix, bounds, fc.boolean(), (outer, any, [ge, le], inside) => {
        const merged = inside ? outer.first | (any.first & (outer.last - outer.first)) : any.first;
        const length = inside ? Math.max(outer.length, any.length) : any.length;
        const host = (1n << BigInt(32 - length)) - 1n;
        const first = merged & ~host;
        const found = { family: 4 as const, address: formatAddress(4, first), length, first, last: first | host };
        const address = parseAddress(found.address);
        const expected =
          address !== null && contains(outer, address) && length >= outer.length && length >= ge && length <= le;
        expect(prefixList([{ prefix: outer, ge, le }])(4, nlriOf(found))).toBe(expected);
        expect(prefixOf(4, nlriOf(found))).toEqual(found);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('refused', () => {
  test('BGP-ERR-18 a malformed UPDATE takes the route away, keeps the session, and stands in the log', () => {
    const { rig, peer } = start();
    peer.send(vector('update-ipv4-ebgp'), vector('origin-value-3'));
    expect(rig.learned.map((change) => change.route === null)).toEqual([false, true]);
    expect(stateOf(rig)).toBe('Established');
    expect(rig.log.at(-1)).toContain(vector('origin-value-3'));
  });

  test('BGP-ERR-09 a path that does not begin with the neighbour’s AS, unless that is allowed', () => {
    const strict = start();
    strict.peer.send(route('18c63364', '', HOP, path(65009)));
    expect(counts(strict.rig).refused.firstAs).toBe(1);
    const server = start({ enforceFirstAs: false });
    server.peer.send(route('18c63364', '', HOP, path(65009)));
    expect(learned(server.rig)).toHaveLength(1);
  });

  test.each([
    ['the own address', '400304c0000202'],
    ['a multicast address', '400304e0000001'],
    ['no address', '40030400000000'],
  ])('BGP-ERR-21 a next hop that is %s: ignored, no NOTIFICATION', (_, hop) => {
    const { rig, peer } = start();
    peer.send(route('18c63364', '', hop));
    expect(learned(rig)).toEqual([]);
    expect(counts(rig).refused.nextHop).toBe(1);
    expect(stateOf(rig)).toBe('Established');
    expect(rig.log.at(-1)).toContain('nextHop');
  });

  test('BGP-ERR-22 senseless prefixes are ignored and logged', () => {
    const { rig, peer } = start();
    peer.send(route('04e0 087f 0800 18c63364'.replaceAll(' ', '')));
    expect(learned(rig)).toEqual(['198.51.100.0/24']);
    expect(counts(rig).refused.senseless).toBe(3);
    expect(rig.log.at(-1)).toContain('3 routes refused: senseless');
  });

  test('BGP-ERR-23 the own AS in the path', () => {
    const { rig, peer } = start();
    peer.send(route('18c63364', '', HOP, path(65001, 65002)));
    expect(counts(rig).refused.loop).toBe(1);
  });

  test('BGP-ERR-23 a route that becomes a loop is gone', () => {
    const { rig, peer } = start();
    peer.send(route('18c63364'), route('18c63364', '', HOP, path(65001, 65002)));
    expect(learned(rig)).toEqual([]);
    expect(rig.learned.at(-1)?.route).toBeNull();
  });

  test.each([
    ['provider', '0000fde9', 'leak'],
    ['rs', '0000fde9', 'leak'],
    ['peer', '0000fdea', 'leak'],
    ['peer', '0000fde9', 'fine'],
    ['customer', '00000001', 'fine'],
    ['rs-client', '00000001', 'fine'],
  ] as const)('BGP-ROLE-06, -08 as %s, OTC %s → %s', (role, otc, expected) => {
    const { rig, peer } = start({ role });
    peer.send(route('18c63364', `c02304${otc}`));
    expect(counts(rig).refused.leak).toBe(expected === 'leak' ? 1 : 0);
    expect(learned(rig)).toHaveLength(expected === 'leak' ? 0 : 1);
  });

  test('BGP-ERR-24 a family that was not agreed on: no reset', () => {
    const { rig, peer } = start({}, openOf(`${MP4} ${AS4}`));
    peer.send(vector('update-ipv6-nsp'));
    expect(stateOf(rig)).toBe('Established');
    expect(learned(rig)).toEqual([]);
  });

  test('however often a neighbour errs, the log hears of it ten times a minute', () => {
    const { rig, peer } = start();
    const before = rig.log.length;
    for (let time = 0; time < 1000; time++) peer.send(vector('origin-value-3'));
    expect(rig.log.length - before).toBe(10);
    vi.advanceTimersByTime(60_000);
    peer.send(vector('origin-value-3'));
    expect(rig.log.at(-1)).toContain('and 990 more lines');
  });
});

describe('numbers', () => {
  /** UPDATEs with `count` prefixes of 32 bits, from 10.0.0.0 on. */
  function* flood(count: number): Generator<string> {
    for (let first = 0; first < count; first += 800) {
      let nlri = '';
      for (let one = first; one < Math.min(count, first + 800); one++)
        nlri += `20${(0x0a000000 + one).toString(16).padStart(8, '0')}`;
      yield route(nlri);
    }
  }

  test('BGP-ERR-25, BGP-CEASE-01 one prefix more than allowed → 6/1 with family and limit', () => {
    const { rig, peer } = start();
    peer.send(...flood(1000));
    expect(counts(rig).received).toBe(1000);
    expect(stateOf(rig)).toBe('Established');
    peer.send(vector('update-ipv4-ebgp'));
    expect(peer.notifications()).toEqual(['0601000101000003e8']);
    expect(learned(rig)).toEqual([]);
  });

  test('BGP-ERR-25 the same prefixes again do not count twice', () => {
    const { rig, peer } = start({ import: null });
    for (let round = 0; round < 5; round++) peer.send(...flood(1000));
    expect(counts(rig).received).toBe(1000);
    expect(stateOf(rig)).toBe('Established');
  });

  test('BGP-GR-12, BGP-ERR-25 as hard reset to a neighbour with N', () => {
    const { peer } = start({ maxPrefix: 10 }, openOf(`${MP4} ${MP6} 40024078 ${AS4}`));
    peer.send(...flood(11));
    expect(peer.notifications()).toEqual(['060906010001010000000a']);
  });

  test('after 6/1 the operator decides, or a time that was set', () => {
    const held = start({ maxPrefix: 10 });
    held.peer.send(...flood(11));
    vi.advanceTimersByTime(86_400_000);
    expect(held.rig.transport.attempts).toHaveLength(1);
    expect(held.rig.speaker.neighbors()[0]?.held).toBe('closed for its number of prefixes');
    expect(held.rig.transport.call().ended).toBe('reset');
    held.rig.speaker.enable('upstream');
    expect(held.rig.transport.attempts).toHaveLength(2);
    const timed = start({ maxPrefix: 10, maxPrefixRestartSeconds: 600 });
    timed.peer.send(...flood(11));
    vi.advanceTimersByTime(599_000);
    expect(timed.rig.transport.attempts).toHaveLength(1);
    vi.advanceTimersByTime(1000);
    expect(timed.rig.transport.attempts).toHaveLength(2);
  });

  test('BGP-ERR-01 a million routes are cut at the limit, and nothing of them stays', () => {
    const { rig, peer } = start({ maxPrefix: 5000 });
    let sent = 0;
    for (const message of flood(1_000_000)) {
      if (peer.ended !== null) break;
      peer.send(message);
      sent += 1;
    }
    expect(sent).toBe(7);
    expect(counts(rig)).toMatchObject({ received: 0, accepted: 0 });
  });
});

describe('refresh', () => {
  const OPEN = openOf(`${MP4} ${MP6} ${REFRESH} ${AS4} ${ENHANCED}`);
  const BORR = msg(5, '00010101');
  const EORR = msg(5, '00010201');

  test('BGP-RR-06 what is not repeated between beginning and end is gone', () => {
    const { rig, peer } = start({}, OPEN);
    peer.send(route('18c63364'), route('18c63365'), BORR, route('18c63364'));
    expect(learned(rig)).toHaveLength(2);
    peer.send(EORR);
    expect(learned(rig)).toEqual(['198.51.100.0/24']);
    expect(counts(rig).received).toBe(1);
  });

  test('BGP-RR-06 an end without beginning is ignored', () => {
    const { rig, peer } = start({}, OPEN);
    peer.send(route('18c63364'), EORR);
    expect(learned(rig)).toHaveLength(1);
  });

  test('BGP-RR-05 a beginning before End-of-RIB of a neighbour with graceful restart is ignored', () => {
    const { rig, peer } = start({}, openOf(`${MP4} ${MP6} ${REFRESH} 40020078 ${AS4} ${ENHANCED}`));
    peer.send(route('18c63364'), BORR, EORR);
    expect(learned(rig)).toHaveLength(1);
    peer.send(END_OF_RIB_4, BORR, EORR);
    expect(learned(rig)).toEqual([]);
  });

  test('BGP-RR-07 a beginning of 24 octets → 7/1 with the whole message, only with the capability', () => {
    const bad = msg(5, '0001010100');
    const { peer } = start({}, OPEN);
    peer.send(bad);
    expect(peer.notifications()).toEqual([`0701${bad}`]);
    const other = start();
    other.peer.send(bad);
    expect(other.peer.notifications()).toEqual([]);
  });

  test('BGP-RR-08 an unknown kind is ignored and logged', () => {
    const { rig, peer } = start({}, OPEN);
    peer.send(msg(5, '00010901'));
    expect(stateOf(rig)).toBe('Established');
    expect(rig.log.at(-1)).toContain('ROUTE-REFRESH of kind 9 is ignored');
  });

  test('BGP-RR-03 another filter: routes go at once, others are asked for', async () => {
    const { rig, peer } = start();
    peer.send(route('18c63364'), route('18c63365'));
    peer.take();
    const changed = neighbor({ import: imports(pattern('198.51.100.0/24')) });
    expect(await rig.speaker.reload([changed])).toEqual(['neighbor upstream: import changed']);
    expect(learned(rig)).toEqual(['198.51.100.0/24']);
    expect(peer.take()).toEqual([msg(5, '00010001'), vector('route-refresh-ipv6')]);
  });

  test('BGP-RR-03 a neighbour without the capability is never asked; its session is opened again', async () => {
    const { rig, peer } = start({}, openOf(`${MP4} ${MP6} ${AS4}`));
    peer.take();
    const sentences = await rig.speaker.reload([neighbor({ import: null })]);
    expect(sentences).toEqual(['neighbor upstream: import changed, the session is opened again']);
    expect(peer.take()).toEqual([msg(3, '0606')]);
    vi.advanceTimersByTime(1000);
    expect(rig.transport.attempts).toHaveLength(2);
    expect(KEEPALIVE).toHaveLength(38);
  });
});
