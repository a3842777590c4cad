/** What a neighbour hears: bytes, attributes, intervals, refresh. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeAnnouncements, encodeWithdrawals, type OutRoute } from '../../../src/bgp-lite/bgp/announce-message.js';
import { ownPath } from '../../../src/bgp-lite/bgp/as-path.js';
import { exportRoutes } from '../../../src/bgp-lite/bgp/export.js';
import { nlriOf } from '../../../src/bgp-lite/bgp/nlri.js';
import { knownPrefix } from '../../../src/config/address.js';
import type { BgpNeighborConfig } from '../../../src/config/announce.js';
import {
  AS4,
  announcement,
  bytes,
  END_OF_RIB_4,
  END_OF_RIB_6,
  ENHANCED,
  establish,
  KEEPALIVE,
  MP4,
  MP6,
  msg,
  NO_ATTRIBUTES,
  neighbor,
  openOf,
  pattern,
  REFRESH,
  startSpeaker,
  stateOf,
  toHex,
  useFakeTime,
  vector,
} from './rig.js';

const POOL = '198.51.100.0/24';
const PREF64 = '2001:db8:64::/96';
const SESSION = { families: [4, 6] as (4 | 6)[], internal: false, extendedNextHop: false };
/** AS 65001, as the vectors have it. */
const OWN: Partial<BgpNeighborConfig> = { localAs: 65001, remoteAs: 65010, nextHop6: '2001:db8:1::1' };

/** Messages for one neighbour, in hex. */
function encoded(
  config: Partial<BgpNeighborConfig>,
  prefixes: string[],
  { session = SESSION, local = '192.0.2.1', as4 = true } = {},
): string[] {
  const routes = exportRoutes(
    prefixes.map((text) => announcement(text)),
    neighbor({ ...OWN, ...config }),
    session,
    local,
  ).routes;
  return encodeAnnouncements(routes, as4).map(toHex);
}

describe('bytes', () => {
  test('BGP-UPD-01, -03, -04, -05, -06, -07 an external IPv4 route', () => {
    expect(encoded({}, [POOL])).toEqual([vector('update-ipv4-ebgp')]);
  });

  test('BGP-UPD-03, -05, -07 an internal one: empty path, LOCAL_PREF', () => {
    const session = { ...SESSION, internal: true };
    expect(encoded({ remoteAs: 65001 }, [POOL], { session })).toEqual([vector('update-ipv4-ibgp')]);
  });

  test('BGP-UPD-08, BGP-COM-01, -02 MED and communities; a large one twice is sent once', () => {
    const attributes = {
      ...NO_ATTRIBUTES,
      med: 50,
      communities: [0xfde90064, 0xffffff01],
      largeCommunities: [
        [4200000001, 1, 2],
        [4200000001, 1, 2],
      ] as [number, number, number][],
    };
    expect(encoded({ attributes }, ['198.51.100.0/25', '203.0.113.7/32'])).toEqual([vector('update-ipv4-med-comms')]);
  });

  test('BGP-UPD-01 a /20 takes three octets', () => {
    expect(encoded({}, ['198.51.96.0/20'])[0]).toMatch(/14c63360$/);
  });

  test('BGP-UPD-05 prepends repeat the own AS', () => {
    const attributes = { ...NO_ATTRIBUTES, prepend: 2 };
    expect(encoded({ attributes }, [POOL])[0]).toContain('40020e02030000fde90000fde90000fde9');
  });

  test('BGP-UPD-09, BGP-MP-02..04 an IPv6 route: MP_REACH_NLRI first, no NEXT_HOP', () => {
    const [hex] = encoded({ nextHop6: '2001:db8:1::1' }, [PREF64]);
    expect(hex).toBe(vector('update-ipv6-nsp'));
  });

  test('BGP-MP-05 a session between link-local addresses has both next hops', () => {
    const [hex] = encoded({ nextHop6: '2001:db8:1::1' }, ['64:ff9b::/96'], { local: 'fe80::1' });
    expect(hex).toBe(vector('update-ipv6-wkp-ll'));
  });

  test('BGP-MP-05 between global addresses there is no link-local one', () => {
    const [hex] = encoded({ nextHop6: null }, [PREF64], { local: '2001:db8:1::1' });
    expect(hex).toBe(vector('update-ipv6-nsp'));
  });

  test('BGP-MP-08, -10 an IPv4 route with the IPv6 next hop of the session', () => {
    const session = { ...SESSION, extendedNextHop: true };
    const [hex] = encoded({ nextHop6: null }, [POOL], { session, local: '2001:db8:1::1' });
    expect(hex).toBe(vector('update-ipv4-over-ipv6-nexthop'));
  });

  test('BGP-MP-08 without the capability the configured IPv4 next hop, or nothing', () => {
    const over6 = { local: '2001:db8::2' };
    expect(encoded({ nextHop4: '192.0.2.1' }, [POOL], over6)).toEqual([vector('update-ipv4-ebgp')]);
    expect(encoded({}, [POOL], over6)).toEqual([]);
  });

  test('BGP-MP-06 IPv6 prefixes on an IPv4 session have the configured next hop, or stay unsaid', () => {
    const config = neighbor({ ...OWN, nextHop6: null });
    expect(exportRoutes([announcement(PREF64)], config, SESSION, '192.0.2.1')).toEqual({ routes: [], without: [6] });
  });

  test('BGP-ROLE-05 OTC goes to customers, peers and clients of a route server only', () => {
    const sends = (role: BgpNeighborConfig['role']) => encoded({ role }, [PREF64])[0]?.includes('c023040000fde9');
    expect(encoded({ role: 'provider' }, [PREF64])).toEqual([vector('update-ipv6-otc')]);
    expect((['provider', 'rs', 'peer', 'customer', 'rs-client', null] as const).map(sends)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test('BGP-AS4-05 a neighbour with 2-octet numbers gets AS_TRANS and AS4_PATH, but only where it must', () => {
    const as4 = false;
    expect(encoded({ localAs: 4200000001 }, [POOL], { as4 })).toEqual([vector('update-ipv4-ebgp-2octet-peer')]);
    expect(encoded({}, [POOL], { as4 })[0]).toContain('4001010040020402 01fde9'.replace(' ', ''));
    expect(encoded({}, [POOL], { as4 })[0]).not.toContain('c011');
  });

  test('BGP-AS4-04 with 4-octet numbers on both sides there is no AS4_PATH', () => {
    expect(encoded({ localAs: 4200000001 }, [POOL])[0]).toContain('4002060201fa56ea01');
    expect(encoded({ localAs: 4200000001 }, [POOL])[0]).not.toContain('c011');
  });

  test('BGP-UPD-12 withdrawals', () => {
    expect(encodeWithdrawals(4, [nlriOf(knownPrefix(POOL))]).map(toHex)).toEqual([vector('withdraw-ipv4')]);
    expect(encodeWithdrawals(6, [nlriOf(knownPrefix(PREF64))]).map(toHex)).toEqual([vector('withdraw-ipv6')]);
  });

  test('BGP-UPD-02 more than 255 octets of communities have an extended length', () => {
    const communities = Array.from({ length: 64 }, (_, index) => 0xfde90000 + index);
    expect(encoded({ attributes: { ...NO_ATTRIBUTES, communities } }, [POOL])[0]).toContain('d0080100fde90000');
  });

  test('however many prefixes, no message is longer than 4096 octets', () => {
    const attributes = { origin: 0, asPath: ownPath(65001, 1), med: null, localPref: null } as const;
    const routes: OutRoute[] = Array.from({ length: 3000 }, (_, index) => ({
      family: 4,
      nlri: nlriOf(knownPrefix(`10.${index >> 8}.${index & 255}.0/24`)),
      nextHop: bytes('c0000201'),
      attributes: { ...attributes, communities: [], largeCommunities: [], otc: null },
    }));
    const messages = encodeAnnouncements(routes, true);
    expect(messages.map(({ length }) => length)).toEqual([4095, 4095, 3939]);
    expect(
      encodeWithdrawals(
        4,
        routes.map(({ nlri }) => nlri),
      ).every(({ length }) => length <= 4096),
    ).toBe(true);
  });
});

describe('over time', () => {
  beforeEach(useFakeTime);
  afterEach(() => void vi.useRealTimers());

  const CLASSIC = '02000000144001010040020602010000fdea400304c000020218c63364';
  const ANNOUNCED = msg(2, CLASSIC.slice(2));
  const WITHDRAWN = vector('withdraw-ipv4');

  test('BGP-GR-01, -02 all prefixes, then End-of-RIB for each family', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement(POOL)]);
    const peer = establish(rig);
    expect(peer.updates()).toEqual([ANNOUNCED, END_OF_RIB_4, END_OF_RIB_6]);
  });

  test('BGP-GR-01 End-of-RIB also when there is nothing to announce', () => {
    expect(establish(startSpeaker()).updates()).toEqual([END_OF_RIB_4, END_OF_RIB_6]);
  });

  test('BGP-UPD-10 announce and withdraw in one step → two messages', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement(POOL)]);
    const peer = establish(rig);
    peer.take();
    rig.speaker.announce([announcement('203.0.113.0/24')]);
    expect(peer.updates()).toEqual([WITHDRAWN, msg(2, CLASSIC.slice(2).replace('18c63364', '18cb0071'))]);
  });

  test('BGP-UPD-13 a prefix that flaps is announced once an interval and withdrawn at once', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    peer.take();
    for (let flap = 0; flap < 10; flap++) {
      rig.speaker.announce([announcement(POOL)]);
      vi.advanceTimersByTime(250);
      rig.speaker.announce([]);
      vi.advanceTimersByTime(250);
    }
    rig.speaker.announce([announcement(POOL)]);
    expect(peer.updates()).toEqual([ANNOUNCED, WITHDRAWN]);
    vi.advanceTimersByTime(30_000);
    expect(peer.updates()).toEqual([ANNOUNCED]);
  });

  test('BGP-UPD-13 another prefix does not wait', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    rig.speaker.announce([announcement(POOL)]);
    peer.take();
    rig.speaker.announce([announcement(POOL), announcement('203.0.113.0/24')]);
    expect(peer.updates()).toHaveLength(1);
  });

  test('BGP-UPD-14 what has not changed is not sent again', async () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement(POOL)]);
    const peer = establish(rig);
    peer.take();
    rig.speaker.announce([announcement(POOL)]);
    expect(await rig.speaker.reload([neighbor()])).toEqual([]);
    vi.advanceTimersByTime(60_000);
    expect(peer.updates()).toEqual([]);
  });

  test('BGP-UPD-15 withdrawn as soon as it is not to be announced', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement(POOL)]);
    const peer = establish(rig);
    peer.take();
    rig.speaker.announce([]);
    expect(peer.updates()).toEqual([WITHDRAWN]);
    expect(rig.speaker.announced()).toEqual([]);
  });

  test('BGP-UPD-17 host bits are never sent', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement('198.51.100.7/24')]);
    expect(establish(rig).updates()[0]).toBe(ANNOUNCED);
  });

  test('BGP-OPEN-21 nothing of a family that the neighbour did not name', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement(PREF64)]);
    const peer = establish(rig, openOf(`${MP4} ${AS4}`));
    expect(peer.updates()).toEqual([END_OF_RIB_4]);
  });

  test('BGP-SEC-06 without an export list the session is up and nothing is announced', () => {
    const rig = startSpeaker({ export: null });
    rig.speaker.announce([announcement(POOL)]);
    const peer = establish(rig);
    expect(stateOf(rig)).toBe('Established');
    expect(peer.updates()).toEqual([END_OF_RIB_4, END_OF_RIB_6]);
  });

  test('only what the export list names', () => {
    const rig = startSpeaker({ export: [pattern('198.51.100.0/24', 28, 32)] });
    rig.speaker.announce([announcement(POOL), announcement('198.51.100.16/28'), announcement('203.0.113.0/28')]);
    establish(rig);
    expect(rig.speaker.announced().map(({ prefix }) => prefix)).toEqual(['198.51.100.16/28']);
  });

  test('BGP-COM-04 a lowered prefix carries the attributes for it, graceful shutdown for one', () => {
    const lowered = { ...NO_ATTRIBUTES, med: 100, prepend: 1, communities: [0xffff0000] };
    const rig = startSpeaker({ lowered, advertisementIntervalSeconds: 0 });
    rig.speaker.announce([announcement(POOL)]);
    const peer = establish(rig);
    peer.take();
    rig.speaker.announce([announcement(POOL, 'lowered')]);
    const [update] = peer.updates();
    expect(update).toContain('c00804ffff0000');
    expect(update).toContain('40020a02020000fdea0000fdea');
    expect(rig.speaker.announced()).toMatchObject([{ prefix: POOL, med: 100, communities: [0xffff0000] }]);
  });

  test('BGP-RR-01 a request brings all prefixes of the family again', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement(POOL), announcement(PREF64)]);
    const peer = establish(rig);
    const [, first6] = peer.updates();
    peer.send(vector('route-refresh-ipv6'));
    expect(peer.take()).toEqual([first6]);
  });

  test('BGP-RR-02 a request for a family that is not used is ignored', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    peer.take();
    peer.send(msg(5, '00190001'));
    expect(peer.take()).toEqual([]);
    expect(stateOf(rig)).toBe('Established');
  });

  test('BGP-RR-04 a neighbour with the capability gets the beginning and the end', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement(PREF64)]);
    const peer = establish(rig, openOf(`${MP4} ${MP6} ${REFRESH} ${AS4} ${ENHANCED}`));
    const [update] = peer.updates();
    peer.send(vector('route-refresh-ipv6'));
    expect(peer.take()).toEqual([vector('borr-ipv6'), update, vector('eorr-ipv6')]);
  });

  test('BGP-RR-05 a request before End-of-RIB has gone out is answered after it', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement(PREF64)]);
    const peer = rig.transport.last.accept();
    peer.send(openOf(`${MP4} ${MP6} ${REFRESH} ${AS4} ${ENHANCED}`));
    peer.stalled = true;
    (peer as unknown as { waiting: number }).waiting = 300_000;
    peer.send(KEEPALIVE, vector('route-refresh-ipv6'));
    expect(peer.updates()).toEqual([]);
    peer.drain();
    const kinds = peer.take().map((hex) => (hex === END_OF_RIB_6 ? 'end' : hex === vector('borr-ipv6') ? 'borr' : ''));
    expect(kinds.indexOf('end')).toBeGreaterThanOrEqual(0);
    expect(kinds.indexOf('borr')).toBeGreaterThan(kinds.indexOf('end'));
  });

  test('a neighbour that asks all the time is answered once a second', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement(PREF64)]);
    const peer = establish(rig);
    peer.take();
    for (let asked = 0; asked < 100; asked++) peer.send(vector('route-refresh-ipv6'));
    expect(peer.updates()).toHaveLength(1);
    vi.advanceTimersByTime(1000);
    expect(peer.updates()).toHaveLength(1);
    vi.advanceTimersByTime(10_000);
    expect(peer.updates()).toEqual([]);
  });

  test('BGP-SEC-08 what one neighbour teaches no other hears', () => {
    const rig = startSpeaker([
      neighbor({ import: { ...importAll(), table: 1 } }),
      neighbor({ name: 'other', address: '192.0.2.9', remoteAs: 65009 }),
    ]);
    const [first, second] = rig.transport.attempts.map((attempt) => attempt.accept());
    first?.send(openOf(`${MP4} ${AS4}`), KEEPALIVE);
    second?.send(openOf('4104 0000fdf1', { id: 'c0000209', as: 'fdf1' }), KEEPALIVE);
    second?.take();
    first?.send(vector('update-ipv4-ebgp'));
    vi.advanceTimersByTime(60_000);
    expect(rig.speaker.learned()).toHaveLength(1);
    expect(second?.updates()).toEqual([]);
  });

  test('new attributes reach the neighbour without a new session', async () => {
    const rig = startSpeaker({ advertisementIntervalSeconds: 0 });
    rig.speaker.announce([announcement(POOL)]);
    const peer = establish(rig);
    peer.take();
    const changed = neighbor({ advertisementIntervalSeconds: 0, attributes: { ...NO_ATTRIBUTES, med: 7 } });
    expect(await rig.speaker.reload([changed])).toEqual(['neighbor upstream: attributes changed']);
    expect(peer.updates()).toHaveLength(1);
    expect(peer.notifications()).toEqual([]);
    expect(rig.speaker.announced()).toMatchObject([{ med: 7 }]);
  });
});

const importAll = () => ({
  prefixes: [pattern('0.0.0.0/0', 0, 32)],
  localPref: null,
  table: 254,
  metric: 0,
  nextHop: null,
  device: null,
  onlink: false,
  check: null,
});
