/** A session through its life: opening, timers, collisions, ends, and the waiting in between. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  AS4,
  announcement,
  END_OF_RIB_4,
  END_OF_RIB_6,
  establish,
  KEEPALIVE,
  MP4,
  MP6,
  msg,
  neighbor,
  openOf,
  PEER_OPEN,
  type Peer,
  REFRESH,
  type Rig,
  startSpeaker,
  stateOf,
  useFakeTime,
  vector,
} from './rig.js';

beforeEach(useFakeTime);
afterEach(() => void vi.useRealTimers());

const seconds = (count: number) => vi.advanceTimersByTime(count * 1000);
const status = (rig: Rig) => {
  const [found] = rig.speaker.neighbors();
  if (found === undefined) throw new Error('no neighbour');
  return found;
};

describe('opening', () => {
  test('BGP-HDR-01 one listening socket for all neighbours of a family, and calls of its own', () => {
    const rig = startSpeaker([neighbor(), neighbor({ name: 'other', address: '192.0.2.9' })]);
    expect(rig.transport.listening).toHaveLength(1);
    expect(rig.transport.listening[0]?.options).toMatchObject({ family: 4, address: null, port: 179 });
    expect(rig.transport.attempts.map(({ options }) => options.remote)).toEqual([
      { address: '192.0.2.1', port: 179 },
      { address: '192.0.2.9', port: 179 },
    ]);
  });

  test('BGP-FSM-01 the state is shown: Connect, OpenSent, OpenConfirm, Established', () => {
    const rig = startSpeaker();
    const states = [stateOf(rig)];
    const peer = rig.transport.last.accept();
    states.push(stateOf(rig));
    peer.send(PEER_OPEN);
    states.push(stateOf(rig));
    peer.send(KEEPALIVE);
    states.push(stateOf(rig));
    expect(states).toEqual(['Connect', 'OpenSent', 'OpenConfirm', 'Established']);
  });

  test('BGP-HDR-01 a call from the neighbour brings it up as well', () => {
    const rig = startSpeaker({ passive: true });
    const peer = rig.transport.call();
    peer.send(PEER_OPEN, KEEPALIVE);
    expect(stateOf(rig)).toBe('Established');
    expect(status(rig).outgoing).toBe(false);
  });

  test('BGP-FSM-03 a passive neighbour is never called', () => {
    const rig = startSpeaker({ passive: true });
    expect(stateOf(rig)).toBe('Active');
    seconds(3600);
    expect(rig.transport.attempts).toHaveLength(0);
  });

  test('BGP-FSM-04 nobody answers: the attempt is given up and made again', () => {
    const rig = startSpeaker();
    seconds(121);
    expect(rig.transport.attempts).toHaveLength(2);
    expect(rig.transport.attempts[0]?.cancelled).toBe(true);
    expect(stateOf(rig)).toBe('Connect');
  });

  test('BGP-FSM-05 TCP is lost in OpenSent → Active, then another call: soon at first, in the end as configured', () => {
    const rig = startSpeaker({ connectRetrySeconds: 20 });
    for (const wait of [2, 4, 8, 16, 20, 20]) {
      const before = rig.transport.attempts.length;
      rig.transport.last.accept().hangUp();
      expect(stateOf(rig)).toBe('Active');
      seconds(wait - 0.1);
      expect(rig.transport.attempts).toHaveLength(before);
      seconds(0.1);
      expect(rig.transport.attempts).toHaveLength(before + 1);
    }
  });

  test('BGP-FSM-06 silence after TCP → 4/0 after 240 s', () => {
    const rig = startSpeaker();
    const peer = rig.transport.last.accept();
    seconds(239);
    expect(peer.notifications()).toEqual([]);
    seconds(2);
    expect(peer.notifications()).toEqual(['0400']);
    expect(stateOf(rig)).toBe('Idle');
  });

  test('BGP-FSM-07 UPDATE in OpenConfirm → 5/2', () => {
    const peer = startSpeaker().transport.last.accept();
    peer.send(PEER_OPEN, END_OF_RIB_4);
    expect(peer.written.at(-1)).toBe(vector('notify-fsm-openconfirm'));
  });

  test('BGP-FSM-09 KEEPALIVE in OpenSent → 5/1 with the type', () => {
    const peer = startSpeaker().transport.last.accept();
    peer.send(KEEPALIVE);
    expect(peer.notifications()).toEqual(['050104']);
  });

  test('BGP-FSM-12, BGP-HDR-09 2/2 received in OpenSent → closed, nothing sent', () => {
    const rig = startSpeaker();
    const peer = rig.transport.last.accept();
    peer.send(msg(3, '0202'));
    expect(peer.notifications()).toEqual([]);
    expect(peer.ended).toBe('closed');
    expect(status(rig).lastError).toMatchObject({ direction: 'received', code: 2, subcode: 2 });
    expect(status(rig).lastError?.text).toBe('OPEN Message Error: Bad Peer AS (2/2)');
  });

  test('BGP-FSM-11 2/1 received does not raise the counter', () => {
    const rig = startSpeaker();
    rig.transport.last.accept().send(msg(3, '02010003'));
    expect(status(rig).retries).toBe(0);
  });

  test('BGP-OPEN-14 refused with 2/4 → the next OPEN has no capabilities', () => {
    const rig = startSpeaker();
    rig.transport.last.accept().send(msg(3, '0204'));
    seconds(5);
    const peer = rig.transport.last.accept();
    expect(peer.written).toEqual([msg(1, '04fdea005ac000020200')]);
    peer.send(openOf(''), KEEPALIVE);
    expect(status(rig).families).toEqual([4]);
    expect(peer.written.at(-1)).toBe(END_OF_RIB_4);
  });

  test('a listening socket that is taken is tried again', () => {
    const rig = startSpeaker();
    rig.transport.busy = true;
    return rig.speaker.reload([neighbor(), neighbor({ name: 'six', address: '2001:db8::1', family: 6 })]).then(() => {
      expect(rig.log.at(-1)).toBe(
        'error cannot listen for BGP on ::#179: EADDRINUSE, expected a port that no other program has; trying again',
      );
      rig.transport.busy = false;
      seconds(10);
      expect(rig.transport.listening).toHaveLength(2);
    });
  });
});

describe('timers', () => {
  test('BGP-OPEN-06, BGP-FSM-02 hold time 90 → a KEEPALIVE each 30 s', () => {
    const peer = establish(startSpeaker());
    peer.take();
    for (let third = 1; third < 10; third++) {
      seconds(29);
      expect(peer.take()).toEqual([]);
      seconds(1);
      expect(peer.take()).toEqual([KEEPALIVE]);
      peer.send(KEEPALIVE);
    }
  });

  test('BGP-OPEN-06, BGP-FSM-02 hold time 3 → one a second, also with jitter', () => {
    const rig = startSpeaker({ holdTimeSeconds: 3 }, { random: () => 0 });
    const peer = establish(rig);
    peer.take();
    for (let second = 0; second < 20; second++) {
      seconds(1);
      peer.send(KEEPALIVE);
    }
    expect(peer.take()).toHaveLength(20);
  });

  test('BGP-FSM-02 jitter takes a quarter of the keepalive time at most', () => {
    const peer = establish(startSpeaker({}, { random: () => 0 }));
    peer.take();
    seconds(22.5);
    expect(peer.take()).toEqual([KEEPALIVE]);
  });

  test('BGP-OPEN-05 hold time 0: ten minutes of silence', () => {
    const rig = startSpeaker({ holdTimeSeconds: 0 });
    const peer = establish(rig);
    peer.take();
    seconds(600);
    expect(stateOf(rig)).toBe('Established');
    expect(peer.take()).toEqual([]);
  });

  test('BGP-FSM-08 90 s of silence → 4/0', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    seconds(89);
    expect(stateOf(rig)).toBe('Established');
    seconds(2);
    expect(peer.notifications()).toEqual(['0400']);
    expect(status(rig).lastError?.text).toBe('Hold Timer Expired (4/0)');
  });

  test('BGP-FSM-08 UPDATEs alone keep the session', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    for (let minute = 0; minute < 5; minute++) {
      seconds(60);
      peer.send(END_OF_RIB_4);
    }
    expect(stateOf(rig)).toBe('Established');
  });

  test('BGP-FSM-08 a ROUTE-REFRESH does not', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    seconds(60);
    peer.send(vector('route-refresh-ipv6'));
    seconds(31);
    expect(stateOf(rig)).toBe('Idle');
  });

  test('a late hold timer looks first at what the socket has', () => {
    const rig = startSpeaker({ holdTimeSeconds: 3 });
    const peer = establish(rig);
    // Read only after the timer has fired, as by an event loop that was busy.
    setTimeout(() => setImmediate(() => peer.send(KEEPALIVE)), 3000);
    seconds(4);
    expect(stateOf(rig)).toBe('Established');
  });

  test('BGP-HDR-11 a neighbour that drips octets holds up nobody, and its session ends', () => {
    const rig = startSpeaker([neighbor(), neighbor({ name: 'other', address: '192.0.2.9', remoteAs: 65009 })]);
    const [slow, other] = rig.transport.attempts.map((attempt) => attempt.accept()) as [Peer, Peer];
    slow.send(PEER_OPEN, KEEPALIVE);
    other.send(openOf('4104 0000fdf1', { id: 'c0000209', as: 'fdf1' }), KEEPALIVE);
    const update = vector('update-ipv4-ebgp');
    for (let at = 0; at < 44; at++) {
      slow.send(update.slice(2 * at, 2 * at + 2));
      other.send(KEEPALIVE);
      seconds(3);
    }
    expect(slow.notifications()).toEqual(['0400']);
    expect(rig.speaker.neighbors()[1]?.state).toBe('Established');
  });

  test('BGP-FSM-20 nothing can be written for eight minutes → 8/0', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    peer.stalled = true;
    for (let minute = 0; minute < 9; minute++) {
      seconds(60);
      peer.send(KEEPALIVE);
    }
    expect(peer.written.at(-1)).toBe(vector('notify-send-hold-timer'));
    expect(peer.ended).toBe('closed');
  });

  test('BGP-FSM-20 as long as the queue moves there is no end', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    for (let minute = 0; minute < 20; minute++) {
      peer.stalled = true;
      seconds(60);
      peer.drain();
      peer.send(KEEPALIVE);
    }
    expect(stateOf(rig)).toBe('Established');
  });

  test('what waits for a neighbour that does not read is bounded', () => {
    const rig = startSpeaker({ advertisementIntervalSeconds: 0 });
    const peer = establish(rig);
    peer.stalled = true;
    for (let round = 0; round < 10_000; round++) {
      rig.speaker.announce(round % 2 === 0 ? [announcement('198.51.100.0/24')] : []);
    }
    expect(status(rig).queuedBytes).toBeLessThan(300_000);
    expect(rig.speaker.neighbors()[0]?.messages.sent.update).toBeLessThan(9000);
    peer.drain();
    expect(rig.speaker.announced()).toEqual([]);
  });
});

describe('ends', () => {
  test('BGP-FSM-13, BGP-HDR-04 a bad marker in Established → 1/1, TCP closed, routes gone', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement('198.51.100.0/24')]);
    const peer = establish(rig);
    peer.send(vector('bad-marker'));
    expect(peer.notifications()).toEqual(['0101']);
    expect(peer.ended).toBe('closed');
    expect(rig.speaker.announced()).toEqual([]);
  });

  test('BGP-CEASE-02 an error that has a code of its own is no Cease', () => {
    const peer = establish(startSpeaker());
    peer.send(vector('total-attr-len-too-big'));
    expect(peer.notifications()).toEqual(['0301']);
  });

  test('BGP-HDR-09 an unknown NOTIFICATION closes, is logged, and is not answered', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    const before = peer.written.length;
    peer.send(msg(3, '6301abcd'));
    expect(peer.written).toHaveLength(before);
    expect(rig.log.at(-1)).toBe(
      'warn neighbor upstream: Established is over, received: unknown error (99/1), data abcd',
    );
  });

  test('BGP-FSM-10 shut down by the operator: withdrawn, 6/2, and no restart', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement('198.51.100.0/24')]);
    const peer = establish(rig);
    peer.take();
    expect(rig.speaker.shutdown('upstream', 'maintenance; back in 30 min')).toBe(true);
    expect(peer.take()).toEqual([vector('withdraw-ipv4'), vector('notify-admin-shutdown-text')]);
    seconds(3600);
    expect(stateOf(rig)).toBe('Idle');
    expect(status(rig).held).toBe('shut down by the operator: maintenance; back in 30 min');
    expect(rig.transport.call().ended).toBe('reset');
    rig.speaker.enable('upstream');
    const again = establish(rig);
    expect(again.updates()).toHaveLength(3);
  });

  test('BGP-CEASE-01 reset by the operator → 6/4, then it starts again', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    rig.speaker.clear('upstream');
    expect(peer.notifications()).toEqual(['0604']);
    seconds(1);
    establish(rig);
    expect(stateOf(rig)).toBe('Established');
  });

  test('BGP-CEASE-01 a neighbour that is removed → 6/3', async () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    expect(await rig.speaker.reload([])).toEqual(['neighbor upstream: removed']);
    expect(peer.notifications()).toEqual(['0603']);
    expect(rig.speaker.neighbors()).toEqual([]);
    expect(rig.transport.listening[0]?.open).toBe(false);
  });

  test('BGP-CEASE-01 a setting that needs a new session → 6/6', async () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    const sentences = await rig.speaker.reload([neighbor({ holdTimeSeconds: 30 })]);
    expect(sentences).toEqual(['neighbor upstream: holdTimeSeconds changed, the session is opened again']);
    expect(peer.notifications()).toEqual(['0606']);
    const again = establish(rig);
    expect(again.written[0]).toContain('04fdea001e');
  });

  test('BGP-GR-16, BGP-CEASE-03 at the end: withdrawn, then 6/2 with text', async () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement('198.51.100.0/24')]);
    const peer = establish(rig);
    peer.take();
    await rig.speaker.stop({ planned: false, text: 'maintenance; back in 30 min' });
    expect(peer.take()).toEqual([vector('withdraw-ipv4'), vector('notify-admin-shutdown-text')]);
    seconds(3600);
    expect(rig.transport.attempts).toHaveLength(1);
  });

  test('names that no neighbour has', () => {
    const { speaker } = startSpeaker();
    expect([speaker.clear('x'), speaker.shutdown('x', null), speaker.enable('x')]).toEqual([false, false, false]);
  });
});

describe('trying again', () => {
  /** Seconds between attempts while `end` ends each. */
  function intervals(rig: Rig, rounds: number, end: () => void): number[] {
    const found: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = rig.transport.attempts.length;
      end();
      let waited = 0;
      while (rig.transport.attempts.length === before && waited < 1000) {
        seconds(1);
        waited += 1;
      }
      found.push(waited);
    }
    return found;
  }

  test('BGP-FSM-04, -14 a neighbour that refuses is asked less and less often', () => {
    const rig = startSpeaker();
    expect(intervals(rig, 7, () => rig.transport.last.refuse())).toEqual([5, 10, 20, 40, 80, 120, 120]);
    expect(status(rig).lastError?.text).toBe('cannot connect: connection refused');
  });

  test('BGP-FSM-14 a session that has held clears the waiting', () => {
    const rig = startSpeaker();
    intervals(rig, 3, () => rig.transport.last.refuse());
    const peer = establish(rig);
    for (let third = 0; third < 4; third++) {
      seconds(30);
      peer.send(KEEPALIVE);
    }
    expect(intervals(rig, 1, () => peer.hangUp())).toEqual([5]);
  });

  test('BGP-FSM-14 one that breaks at once does not', () => {
    const rig = startSpeaker();
    expect(intervals(rig, 3, () => establish(rig).hangUp())).toEqual([5, 10, 20]);
  });

  test.each([
    ['6/2', '0602'],
    ['6/3', '0603'],
    ['6/5', '0605'],
    ['6/8', '0608'],
    ['6/9 around 6/2', '06090602'],
  ])('BGP-FSM-15 after %s received it waits two minutes, and takes no calls', (_, hex) => {
    const rig = startSpeaker();
    establish(rig).send(msg(3, hex));
    expect(rig.transport.call().ended).toBe('reset');
    seconds(119);
    expect(rig.transport.attempts).toHaveLength(1);
    seconds(1);
    expect(rig.transport.attempts).toHaveLength(2);
  });

  test('BGP-FSM-15 6/5 ten times → it only listens', () => {
    const rig = startSpeaker();
    for (let time = 0; time < 10; time++) {
      rig.transport.last.accept().send(msg(3, '0605'));
      seconds(120);
    }
    expect(rig.transport.attempts).toHaveLength(10);
    seconds(3600);
    expect(rig.transport.attempts).toHaveLength(10);
    expect(stateOf(rig)).toBe('Active');
    rig.transport.call().send(PEER_OPEN, KEEPALIVE);
    expect(stateOf(rig)).toBe('Established');
  });

  test('BGP-FSM-03 after an error Idle refuses calls until its time is over', () => {
    const rig = startSpeaker();
    establish(rig).send(vector('bad-marker'));
    expect(rig.transport.call().ended).toBe('reset');
    expect(stateOf(rig)).toBe('Idle');
  });

  test('a call is an automatic start where nobody had answered', () => {
    const rig = startSpeaker();
    rig.transport.last.refuse();
    expect(stateOf(rig)).toBe('Idle');
    rig.transport.call().send(PEER_OPEN, KEEPALIVE);
    expect(stateOf(rig)).toBe('Established');
  });

  test('BGP-FSM-16 a call from an address that no neighbour has is reset', () => {
    const rig = startSpeaker();
    const stranger = rig.transport.call('203.0.113.99');
    expect(stranger.ended).toBe('reset');
    expect(stranger.written).toEqual([]);
    expect(rig.speaker.strangers()).toBe(1);
  });
});

describe('collisions', () => {
  /** Both sides call; the own identifier is 192.0.2.2. */
  function collide(id: string, config = {}, routerId = '192.0.2.2') {
    const rig = startSpeaker(config, { routerId });
    const own = rig.transport.last.accept();
    const theirs = rig.transport.call();
    const open = openOf(`${MP4} ${MP6} ${REFRESH} ${AS4}`, { id });
    return { rig, own, theirs, open };
  }

  test('BGP-FSM-17 the larger identifier is the neighbour’s: its connection stays', () => {
    const { rig, own, theirs, open } = collide('c0000203');
    own.send(open);
    theirs.send(open);
    expect(own.notifications()).toEqual(['0607']);
    theirs.send(KEEPALIVE);
    expect(stateOf(rig)).toBe('Established');
    expect(status(rig).outgoing).toBe(false);
    expect(theirs.notifications()).toEqual([]);
  });

  test('BGP-FSM-17 the larger identifier is the own one, compared unsigned', () => {
    const { rig, own, theirs, open } = collide('40000001', {}, '192.0.2.2');
    own.send(open);
    theirs.send(open);
    expect(theirs.notifications()).toEqual(['0607']);
    own.send(KEEPALIVE);
    expect(status(rig).outgoing).toBe(true);
  });

  test('BGP-FSM-17 the other connection in OpenSent counts too', () => {
    const { own, theirs, open } = collide('c0000203');
    theirs.send(open);
    expect(own.notifications()).toEqual(['0607']);
    expect(theirs.notifications()).toEqual([]);
  });

  test('BGP-FSM-18 equal identifiers: the larger AS wins', () => {
    const larger = collide('c0000202');
    larger.own.send(larger.open);
    larger.theirs.send(larger.open);
    expect([larger.own.notifications(), larger.theirs.notifications()]).toEqual([[], ['0607']]);
    const smaller = collide('c0000202', { localAs: 64999 });
    smaller.own.send(smaller.open);
    smaller.theirs.send(smaller.open);
    expect([smaller.own.notifications(), smaller.theirs.notifications()]).toEqual([['0607'], []]);
  });

  test('BGP-FSM-19 a call while Established → 6/7, the session stays', () => {
    const rig = startSpeaker();
    const peer = establish(rig);
    const second = rig.transport.call();
    second.send(PEER_OPEN);
    expect(second.notifications()).toEqual(['0607']);
    expect(peer.notifications()).toEqual([]);
    expect(stateOf(rig)).toBe('Established');
  });

  test('a call that is never answered does not keep the other from coming up', () => {
    const rig = startSpeaker();
    const theirs = rig.transport.call();
    theirs.send(PEER_OPEN, KEEPALIVE);
    expect(stateOf(rig)).toBe('Established');
    expect(rig.transport.attempts[0]?.cancelled).toBe(true);
  });

  test('when one of two is lost the other goes on', () => {
    const { rig, own, theirs, open } = collide('c0000203');
    own.hangUp('connection reset');
    theirs.send(open, KEEPALIVE);
    expect(stateOf(rig)).toBe('Established');
  });

  test('a third connection is reset', () => {
    const { rig } = collide('c0000203');
    expect(rig.transport.call().ended).toBe('reset');
  });
});

describe('status', () => {
  test('what birdc would show', () => {
    const rig = startSpeaker();
    rig.speaker.announce([announcement('198.51.100.0/24')]);
    const peer = establish(rig);
    seconds(30);
    peer.send(KEEPALIVE);
    expect(status(rig)).toMatchObject({
      name: 'upstream',
      state: 'Established',
      held: null,
      established: 1,
      lastError: null,
      local: { address: '192.0.2.2', routerId: '192.0.2.2' },
      remote: { port: 179, routerId: '192.0.2.1' },
      outgoing: true,
      holdTimeSeconds: 90,
      families: [4, 6],
      messages: {
        sent: { open: 1, update: 3, notification: 0, keepalive: 2, refresh: 0 },
        received: { open: 1, update: 0, notification: 0, keepalive: 2, refresh: 0 },
      },
      routes: { received: 0, accepted: 0, announced: 1 },
      bfd: null,
    });
    expect(status(rig).capabilities.remote).toEqual([
      'multiprotocol IPv4 unicast',
      'multiprotocol IPv6 unicast',
      'route refresh',
      '4-octet AS numbers',
    ]);
    expect(
      status(rig)
        .timers.map(({ name }) => name)
        .sort(),
    ).toEqual(['hold', 'keepalive', 'settled']);
    expect(peer.written).toContain(END_OF_RIB_6);
  });
});
