/** Graceful restart: of this side only when announced, of the neighbour as it asks. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BgpNeighborConfig } from '../../../src/config/announce.js';
import {
  AS4,
  announcement,
  END_OF_RIB_4,
  END_OF_RIB_6,
  establish,
  imports,
  KEEPALIVE,
  MP4,
  MP6,
  msg,
  openOf,
  type Peer,
  pattern,
  type Rig,
  startSpeaker,
  stateOf,
  useFakeTime,
  vector,
} from './rig.js';

beforeEach(useFakeTime);
afterEach(() => void vi.useRealTimers());

const ALL = imports(pattern('0.0.0.0/0', 0, 32), pattern('::/0', 0, 128));
/** A neighbour that keeps routes but has no state of its own to keep. */
const HELPER = openOf(`${MP4} ${MP6} 40024078 ${AS4}`);
const restarting = (flags: string, families = '00010180 00020180') =>
  openOf(
    `${MP4} ${MP6} 40${((2 + families.replaceAll(' ', '').length / 2) | 0).toString(16).padStart(2, '0')} ${flags} ${families} ${AS4}`,
  );
/** N, 120 s, both families kept. */
const RESTARTER = restarting('4078');
const WITHOUT_N = restarting('0078');

const capabilityIn = (peer: Peer) => peer.written[0]?.match(/40(02|0a)(4|c)0[0-9a-f]{2}((000[12]0180){2})?/)?.[0];
const prefixes = (rig: Rig) => rig.speaker.learned().map(({ route }) => [route.prefix.address, route.stale]);

describe('of this side', () => {
  test('BGP-GR-04, -05, -06 an ordinary OPEN lists no family, R clear, a time within the hold time', () => {
    expect(capabilityIn(startSpeaker().transport.last.accept())).toBe('4002405a');
  });

  test('BGP-GR-06 after a planned restart R and F are set once, and a flap does not set R', () => {
    const rig = startSpeaker({}, { restarted: true });
    const first = establish(rig);
    expect(capabilityIn(first)).toBe('400ac0010001018000020180');
    first.hangUp();
    vi.advanceTimersByTime(5000);
    expect(capabilityIn(rig.transport.last.accept())).toBe('4002405a');
  });

  test('BGP-GR-07 it announces at once, since it selects no routes', () => {
    const rig = startSpeaker({}, { restarted: true });
    rig.speaker.announce([announcement('198.51.100.0/24')]);
    rig.speaker.complete();
    const peer = establish(rig, RESTARTER);
    expect(peer.updates().slice(1)).toEqual([END_OF_RIB_4, END_OF_RIB_6]);
  });

  test('BGP-GR-01 after a restart End-of-RIB waits until what there is to announce is known, and comes after it', () => {
    const rig = startSpeaker({ advertisementIntervalSeconds: 0 }, { restarted: true });
    const peer = establish(rig, HELPER);
    expect(peer.updates()).toEqual([]);
    rig.speaker.announce([announcement('198.51.100.0/24')]);
    const first = peer.updates();
    expect(first).toHaveLength(1);
    expect(first).not.toContain(END_OF_RIB_4);
    rig.speaker.complete();
    expect(peer.updates()).toEqual([END_OF_RIB_4, END_OF_RIB_6]);
    rig.speaker.complete();
    expect(peer.updates()).toEqual([]);
  });

  test('BGP-GR-01 once it is known, the next session has its End-of-RIB at once', () => {
    const rig = startSpeaker({}, { restarted: true });
    rig.speaker.complete();
    establish(rig, HELPER).hangUp();
    vi.advanceTimersByTime(5000);
    expect(establish(rig, HELPER).updates()).toEqual([END_OF_RIB_4, END_OF_RIB_6]);
  });

  test('BGP-GR-15 a planned restart: opened again with the families, then closed without a NOTIFICATION', async () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement('198.51.100.0/24')]);
    const peer = establish(rig, HELPER);
    const stopped = rig.speaker.stop({ planned: true, text: null });
    await vi.advanceTimersByTimeAsync(1000);
    expect(peer.ended).toBe('closed');
    const again = establish(rig, HELPER);
    expect(capabilityIn(again)).toBe('400a40780001018000020180');
    // The neighbour has time to take what it was told.
    await vi.advanceTimersByTimeAsync(900);
    expect(again.ended).toBe(null);
    await vi.advanceTimersByTimeAsync(600);
    await stopped;
    expect(again.ended).toBe('closed');
    expect([...peer.notifications(), ...again.notifications()]).toEqual([]);
    expect(again.written).not.toContain(vector('withdraw-ipv4'));
    await vi.advanceTimersByTimeAsync(600_000);
    expect(rig.transport.attempts).toHaveLength(2);
  });

  test('BFD is off before the session is opened again, not before the end of the first, and stays off', async () => {
    const rig = startSpeaker({ bfd: { intervalMs: 50, multiplier: 3, strict: true } });
    const [bfd] = rig.bfd.watched;
    bfd?.tell('up');
    const peer = establish(rig, HELPER);
    const stopped = rig.speaker.stop({ planned: true, text: null });
    await vi.advanceTimersByTimeAsync(900);
    expect([peer.ended, bfd?.open]).toEqual(['closed', true]);
    // A call that came earlier than BFD is off would end with it.
    expect(rig.transport.call().ended).toBe('reset');
    await vi.advanceTimersByTimeAsync(200);
    expect([bfd?.open, rig.transport.attempts.length]).toEqual([false, 1]);
    await vi.advanceTimersByTimeAsync(600);
    establish(rig, HELPER);
    await vi.advanceTimersByTimeAsync(1500);
    await stopped;
    expect(rig.bfd.watched).toHaveLength(1);
  });

  test('BGP-GR-16 to a neighbour that keeps nothing a planned restart is an ordinary end', async () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement('198.51.100.0/24')]);
    const peer = establish(rig);
    peer.take();
    await rig.speaker.stop({ planned: true, text: null });
    expect(peer.take()).toEqual([vector('withdraw-ipv4'), msg(3, '0602')]);
    expect(rig.log).toContain('warn neighbor upstream: will not keep the routes while this side restarts');
  });

  test('BGP-GR-16 one that does not come back in time gets an ordinary end', async () => {
    const rig = startSpeaker();
    establish(rig, HELPER);
    const stopped = rig.speaker.stop({ planned: true, text: null });
    await vi.advanceTimersByTimeAsync(11_000);
    await stopped;
    expect(stateOf(rig)).toBe('Idle');
  });

  test('BGP-GR-12, -13, -16 the end is a hard reset with the text inside, where N was exchanged', async () => {
    const rig = startSpeaker();
    const peer = establish(rig, HELPER);
    await rig.speaker.stop({ planned: false, text: 'bye' });
    expect(peer.written.at(-1)).toBe(vector('notify-hard-reset'));
  });

  test('BGP-GR-10, -12 without N it is an ordinary 6/2', async () => {
    const rig = startSpeaker();
    const peer = establish(rig, openOf(`${MP4} ${MP6} 40020078 ${AS4}`));
    await rig.speaker.stop({ planned: false, text: null });
    expect(peer.notifications()).toEqual(['0602']);
  });
});

describe('of the neighbour', () => {
  function start(open: string, config: Partial<BgpNeighborConfig> = {}) {
    const rig = startSpeaker({ import: ALL, ...config });
    const peer = establish(rig, open);
    peer.send(vector('update-ipv4-ebgp'), vector('update-ipv6-nsp'), END_OF_RIB_4, END_OF_RIB_6);
    expect(rig.speaker.learned()).toHaveLength(2);
    return { rig, peer };
  }
  const BOTH_STALE = [
    ['198.51.100.0', true],
    ['2001:db8:64::', true],
  ];

  test('BGP-GR-08 TCP is lost: the listed families stay, stale, for the restart time', () => {
    const { rig, peer } = start(WITHOUT_N);
    peer.hangUp();
    expect(prefixes(rig)).toEqual(BOTH_STALE);
    vi.advanceTimersByTime(119_000);
    expect(prefixes(rig)).toEqual(BOTH_STALE);
    vi.advanceTimersByTime(1000);
    expect(prefixes(rig)).toEqual([]);
    expect(rig.learned.slice(-2).map(({ route }) => route)).toEqual([null, null]);
  });

  test('BGP-GR-08 a family that was not listed goes at once', () => {
    const { rig, peer } = start(restarting('0078', '00010180'));
    peer.hangUp();
    expect(prefixes(rig)).toEqual([['198.51.100.0', true]]);
  });

  test('without families nothing stays', () => {
    const { rig, peer } = start(HELPER);
    peer.hangUp();
    expect(prefixes(rig)).toEqual([]);
  });

  test('BGP-GR-08 back with F = 0 for a family: its routes go', () => {
    const { rig, peer } = start(WITHOUT_N);
    peer.hangUp();
    rig.transport.call().send(restarting('8078', '00010180 00020100'), KEEPALIVE);
    expect(prefixes(rig)).toEqual([['198.51.100.0', true]]);
  });

  test('BGP-GR-08 at End-of-RIB what was not repeated goes', () => {
    const { rig, peer } = start(WITHOUT_N);
    peer.hangUp();
    const again = rig.transport.call();
    again.send(restarting('8078'), KEEPALIVE, vector('update-ipv4-ebgp'), END_OF_RIB_6);
    expect(prefixes(rig)).toEqual([['198.51.100.0', false]]);
    again.send(END_OF_RIB_4);
    expect(prefixes(rig)).toEqual([['198.51.100.0', false]]);
  });

  test('BGP-GR-14 no End-of-RIB: stale routes go after 180 s', () => {
    const { rig, peer } = start(WITHOUT_N);
    peer.hangUp();
    const again = rig.transport.call();
    again.send(restarting('8078'), KEEPALIVE);
    for (let minute = 0; minute < 2; minute++) {
      vi.advanceTimersByTime(60_000);
      again.send(KEEPALIVE);
    }
    expect(prefixes(rig)).toEqual(BOTH_STALE);
    vi.advanceTimersByTime(60_000);
    expect(prefixes(rig)).toEqual([]);
  });

  test('BGP-GR-09 a new call while Established replaces the session, without a NOTIFICATION', () => {
    const { rig, peer } = start(WITHOUT_N);
    const again = rig.transport.call();
    expect(peer.ended).toBe('closed');
    expect(peer.notifications()).toEqual([]);
    expect(prefixes(rig)).toEqual(BOTH_STALE);
    again.send(restarting('8078'), KEEPALIVE);
    expect(stateOf(rig)).toBe('Established');
    expect(again.notifications()).toEqual([]);
  });

  test('BGP-GR-10 a NOTIFICATION received or sent ends with ordinary deletion', () => {
    const received = start(WITHOUT_N);
    received.peer.send(msg(3, '0604'));
    expect(prefixes(received.rig)).toEqual([]);
    const sent = start(WITHOUT_N);
    sent.peer.send(vector('bad-marker'));
    expect(prefixes(sent.rig)).toEqual([]);
  });

  test('BGP-GR-10 so does the hold time', () => {
    const { rig } = start(WITHOUT_N);
    vi.advanceTimersByTime(91_000);
    expect(prefixes(rig)).toEqual([]);
  });

  test('BGP-GR-11 with N from both sides a NOTIFICATION or the hold time keeps them', () => {
    const received = start(RESTARTER);
    received.peer.send(msg(3, '0606'));
    expect(prefixes(received.rig)).toEqual(BOTH_STALE);
    const held = start(RESTARTER);
    vi.advanceTimersByTime(91_000);
    expect(prefixes(held.rig)).toEqual(BOTH_STALE);
  });

  test('BGP-GR-11 but a hard reset does not', () => {
    const { rig, peer } = start(RESTARTER);
    peer.send(vector('notify-hard-reset'));
    expect(prefixes(rig)).toEqual([]);
  });

  test('stale routes are gone when the operator or the program ends the waiting', async () => {
    const byOperator = start(WITHOUT_N);
    byOperator.peer.hangUp();
    byOperator.rig.speaker.shutdown('upstream', null);
    expect(prefixes(byOperator.rig)).toEqual([]);
    const byProgram = start(WITHOUT_N);
    byProgram.peer.hangUp();
    await byProgram.rig.speaker.stop({ planned: false, text: null });
    expect(byProgram.rig.learned.slice(-2).map(({ route }) => route)).toEqual([null, null]);
  });

  test('stale routes do not live through a second loss', () => {
    const { rig, peer } = start(WITHOUT_N);
    peer.hangUp();
    const again = rig.transport.call();
    again.send(restarting('8078'), KEEPALIVE);
    again.hangUp();
    expect(prefixes(rig)).toEqual([]);
  });
});
