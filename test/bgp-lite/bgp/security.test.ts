/** What protects a session: keys, hop limits, and BFD, which ends it early. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BgpNeighborConfig } from '../../../src/config/announce.js';
import { AS4, establish, MP4, MP6, neighbor, openOf, startSpeaker, stateOf, useFakeTime } from './rig.js';

beforeEach(useFakeTime);
afterEach(() => void vi.useRealTimers());

describe('socket options', () => {
  test('BGP-SEC-01, -02 the key is set before connecting, and on the listening socket', () => {
    const password = 'x'.repeat(80);
    const rig = startSpeaker({ password });
    expect(rig.transport.last.options.md5Key).toBe(password);
    expect(rig.transport.listening[0]?.options.md5).toEqual([{ address: '192.0.2.1', key: password }]);
  });

  test('BGP-SEC-01 another key reaches the open listening socket', async () => {
    const rig = startSpeaker({ password: 'old' });
    await rig.speaker.reload([neighbor({ password: 'new' })]);
    expect([...(rig.transport.listening[0]?.keys ?? [])]).toEqual([['192.0.2.1', 'new']]);
    await rig.speaker.reload([neighbor()]);
    expect([...(rig.transport.listening[0]?.keys ?? [])]).toEqual([]);
    expect(rig.transport.listening).toHaveLength(1);
  });

  const limits = (config: Partial<BgpNeighborConfig>) => {
    const { hopLimit, minHopLimit } = startSpeaker(config).transport.last.options;
    return [hopLimit, minHopLimit];
  };

  test('BGP-SEC-04 with GTSM 255 is sent, and less than 255 − (hops − 1) is not taken', () => {
    expect(limits({ gtsmHops: 1 })).toEqual([255, 255]);
    expect(limits({ gtsmHops: 3 })).toEqual([255, 253]);
    expect(startSpeaker({ gtsmHops: 1 }).transport.listening[0]?.options.hopLimit).toBe(255);
  });

  test('BGP-SEC-04 also on a connection that the neighbour opened', () => {
    const peer = startSpeaker({ gtsmHops: 1, passive: true }).transport.call();
    expect(peer.limits).toEqual({ hopLimit: 255, minHopLimit: 255 });
  });

  test('BGP-SEC-07 otherwise one hop to external neighbours, unless there are more', () => {
    expect(limits({})).toEqual([1, null]);
    expect(limits({ multihop: 5 })).toEqual([5, null]);
    expect(limits({ localAs: 65001 })).toEqual([255, null]);
  });

  test('source and device', () => {
    const rig = startSpeaker({ source: '192.0.2.2', interface: 'vrf-a', port: 1179 });
    expect(rig.transport.last.options).toMatchObject({
      remote: { address: '192.0.2.1', port: 1179 },
      local: '192.0.2.2',
      device: 'vrf-a',
    });
    expect(rig.transport.listening[0]?.options).toMatchObject({ address: '192.0.2.2', device: 'vrf-a' });
  });

  test('a link-local neighbour is known by its address without zone', () => {
    const rig = startSpeaker({ address: 'fe80::1', family: 6, interface: 'eth1', passive: true });
    expect(rig.transport.call('fe80::1%eth1', 'fe80::2%eth1').ended).toBeNull();
    expect(stateOf(rig)).toBe('OpenSent');
  });
});

describe('listening sockets', () => {
  const linkLocal = (device: string, name = device) =>
    neighbor({ name, address: 'fe80::1', family: 6, interface: device, passive: true });
  const global6 = neighbor({ name: 'global', address: '2001:db8::1', family: 6, passive: true });
  const states = (rig: ReturnType<typeof startSpeaker>) => rig.speaker.neighbors().map(({ state }) => state);

  test('beside neighbours without device a link-local one is told by its zone', () => {
    const rig = startSpeaker([linkLocal('eth1'), global6]);
    expect(rig.transport.listening.map(({ options }) => options.device)).toEqual([null]);
    expect(rig.transport.call('fe80::1%eth2', 'fe80::2%eth2').ended).toBe('reset');
    rig.transport.call('fe80::1%eth1', 'fe80::2%eth1');
    expect(states(rig)).toEqual(['OpenSent', 'Active']);
  });

  test('otherwise each device has a socket, where the same address is another neighbour', () => {
    const rig = startSpeaker([linkLocal('eth1'), linkLocal('eth2')]);
    expect(rig.transport.listening.map(({ options }) => options.device)).toEqual(['eth1', 'eth2']);
    rig.transport.call('fe80::1%eth2', 'fe80::2%eth2', 1);
    expect(states(rig)).toEqual(['Active', 'OpenSent']);
  });

  test('a device that was made anew gets a new socket, and the neighbour is heard again', () => {
    const rig = startSpeaker([linkLocal('tun44'), linkLocal('eth1')]);
    rig.devices.set('eth1', 2);
    rig.devices.set('tun44', 7);
    const before = rig.transport.listening.length;
    const opened = () => rig.transport.listening.filter(({ open }) => open).map(({ options }) => options.device);
    expect(opened()).toEqual(['eth1', 'tun44']);
    rig.transport.busy = true;
    rig.devices.set('tun44', null);
    expect(opened()).toEqual(['eth1']);
    rig.transport.busy = false;
    rig.devices.set('tun44', 8);
    expect(opened()).toEqual(['eth1', 'tun44']);
    expect(rig.transport.listening).toHaveLength(before + 1);
    rig.transport.call('fe80::1%tun44', 'fe80::2%tun44', rig.transport.listening.length - 1);
    expect(states(rig)).toEqual(['OpenSent', 'Active']);
  });

  test('the end of the speaker ends its watch of the devices', async () => {
    const rig = startSpeaker([linkLocal('eth1')]);
    await rig.speaker.stop({ planned: false, text: null });
    const before = rig.transport.listening.length;
    rig.devices.set('eth1', 3);
    expect(rig.transport.listening).toHaveLength(before);
  });
});

describe('BFD', () => {
  const bfd = { intervalMs: 50, multiplier: 3, strict: false };

  test('BGP-BFD-12 BFD goes down → the session ends at once', () => {
    const rig = startSpeaker({ bfd });
    const peer = establish(rig);
    rig.bfd.watched[0]?.tell('up');
    rig.bfd.watched[0]?.tell('down');
    expect(peer.notifications()).toEqual(['060a']);
    expect(stateOf(rig)).toBe('Idle');
    expect(rig.bfd.watched[0]?.target).toEqual({ remote: '192.0.2.1', local: null, device: null, config: bfd });
  });

  test('BGP-BFD-12 as hard reset where N was exchanged', () => {
    const rig = startSpeaker({ bfd });
    const peer = establish(rig, openOf(`${MP4} ${MP6} 40024078 ${AS4}`));
    rig.bfd.watched[0]?.tell('up');
    rig.bfd.watched[0]?.tell('down');
    expect(peer.notifications()).toEqual(['0609060a']);
  });

  test('BGP-BFD-12a a side that is switched off does nothing to the session', () => {
    const rig = startSpeaker({ bfd });
    establish(rig);
    rig.bfd.watched[0]?.tell('up');
    rig.bfd.watched[0]?.tell('down', 'admin-down');
    expect(stateOf(rig)).toBe('Established');
    rig.bfd.watched[0]?.tell('up');
    rig.bfd.watched[0]?.tell('admin-down', 'up');
    expect(stateOf(rig)).toBe('Established');
  });

  test('BGP-BFD-13 a neighbour without BFD: the session comes up', () => {
    const rig = startSpeaker({ bfd });
    establish(rig);
    expect(stateOf(rig)).toBe('Established');
  });

  test('BGP-BFD-13 in strict mode it waits for BFD, also when called', () => {
    const rig = startSpeaker({ bfd: { ...bfd, strict: true } });
    expect(rig.transport.attempts).toHaveLength(0);
    expect(rig.speaker.neighbors()[0]?.held).toBe('waits for BFD');
    expect(rig.transport.call().ended).toBe('reset');
    rig.bfd.watched[0]?.tell('up');
    establish(rig);
    expect(stateOf(rig)).toBe('Established');
  });

  test('BGP-BFD-13 in strict mode a neighbour that has switched BFD off may come up', () => {
    const rig = startSpeaker({ bfd: { ...bfd, strict: true } });
    rig.bfd.watched[0]?.tell('down', 'admin-down');
    expect(rig.transport.attempts).toHaveLength(1);
  });

  test.each([
    ['strict', bfd],
    ['BFD', null],
  ])('a session that waits for BFD begins when a reload takes %s away', async (_, next) => {
    const rig = startSpeaker({ bfd: { ...bfd, strict: true } });
    await rig.speaker.reload([neighbor({ bfd: next })]);
    establish(rig);
    expect(stateOf(rig)).toBe('Established');
  });

  test('another pace is another watch before the end of the first, so that the session lasts', async () => {
    const rig = startSpeaker({ bfd });
    const [first] = rig.bfd.watched;
    const open: (boolean | undefined)[] = [];
    const { watch } = rig.bfd;
    rig.bfd.watch = (...given) => {
      open.push(first?.open);
      return watch.apply(rig.bfd, given);
    };
    await rig.speaker.reload([neighbor({ bfd: { ...bfd, intervalMs: 100 } })]);
    expect([open, first?.open, rig.bfd.watched[1]?.open]).toEqual([[true], false, true]);
  });

  test('the watch ends with the neighbour', async () => {
    const rig = startSpeaker({ bfd });
    await rig.speaker.reload([]);
    expect(rig.bfd.watched[0]?.open).toBe(false);
  });
});
