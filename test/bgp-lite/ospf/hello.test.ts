import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { OspfConfig, OspfInterfaceConfig } from '../../../src/config/announce.js';
import {
  createLink,
  createPeer,
  foreignRouterLsa,
  type Link,
  type Peer,
  type PeerOptions,
  pass,
  type Router,
  seen,
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
}
function rig(peer: PeerOptions = {}, iface: Partial<OspfInterfaceConfig> = {}, config: Partial<OspfConfig> = {}): Rig {
  const link = createLink();
  const version = peer.version ?? 2;
  const router = startRouter(
    1,
    [link],
    { versions: [version], ...config },
    { type: peer.type ?? 'point-to-point', ...iface },
  );
  return { link, router, peer: createPeer(link, peer) };
}
const states = ({ router }: Rig) => router.speaker.neighbors().map(({ state }) => state);
const dropped = ({ router }: Rig, name: string) => router.speaker.statistics()[`ospf.drop.${name}` as never] as number;

describe('where packets go and from whom they are taken', () => {
  test('OSPF-PKT-02, -03 point-to-point: all to 224.0.0.5, and no other group is joined', async () => {
    const one = rig();
    await one.peer.becomeFull();
    await pass(20);
    expect(new Set(one.peer.seen.map(({ destination }) => destination))).toEqual(new Set(['224.0.0.5']));
    const [ours] = [...one.link.endpoints].filter(({ address }) => address === '10.0.0.1');
    expect([...(ours?.groups ?? [])]).toEqual(['224.0.0.5']);
  });

  test('OSPF-PKT-04 broadcast: Hello to all, DD and LSR and direct LSAck to the neighbour, LSU and delayed LSAck to 224.0.0.6', async () => {
    const one = rig({ type: 'broadcast', priority: 1 });
    await one.peer.becomeFull({ describes: [foreignRouterLsa(1)] });
    await pass(5.2);
    const to = (type: number) =>
      new Set(one.peer.seen.filter((seen) => seen.type === type).map((seen) => seen.destination));
    expect(to(2)).toEqual(new Set(['10.0.0.2']));
    expect(to(3)).toEqual(new Set(['10.0.0.2']));
    expect(to(4)).toEqual(new Set(['224.0.0.6']));
    expect(to(5)).toEqual(new Set(['224.0.0.6']));
    one.peer.clear();
    await pass(12);
    expect(to(1)).toEqual(new Set(['224.0.0.5']));
    expect(to(4)).toEqual(new Set(['10.0.0.2']));
    one.peer.clear();
    one.peer.lsu(foreignRouterLsa(1));
    await pass(0.01);
    expect(to(5)).toEqual(new Set(['10.0.0.2']));
  });

  test('OSPF-PKT-07 another area is dropped and counted', async () => {
    const one = rig({}, { area: '0.0.0.1' }, { areas: [{ id: '0.0.0.1', type: 'normal' }] });
    one.peer.hello();
    await pass(0.01);
    expect(states(one)).toEqual([]);
    expect(dropped(one, 'area')).toBe(1);
  });

  test.each([
    ['broadcast', 0],
    ['point-to-point', 1],
  ] as const)('OSPF-PKT-08 a source outside the subnet on a link of type %s', async (type, neighbors) => {
    const one = rig({ type });
    const hello = () => one.peer.hello();
    const { send } = one.link;
    one.link.send = (packet) => send({ ...packet, source: '10.99.0.2' });
    hello();
    await pass(0.01);
    expect(states(one)).toHaveLength(neighbors);
    expect(dropped(one, 'source')).toBe(1 - neighbors);
  });

  test('OSPF-PKT-09 what is sent to 224.0.0.6 is not for a DROther', async () => {
    const one = rig({ type: 'broadcast', priority: 1 });
    const [ours] = [...one.link.endpoints].filter(({ address }) => address === '10.0.0.1');
    ours?.groups.add('224.0.0.6');
    await one.peer.becomeFull();
    one.peer.send(4, new Uint8Array(4), '224.0.0.6');
    await pass(0.01);
    expect(dropped(one, 'destination')).toBe(1);
  });

  test('OSPF-PKT-10 own packets that come back make no neighbour', async () => {
    const one = rig();
    const [own] = one.link.sent;
    const [ours] = [...one.link.endpoints].filter(({ address }) => address === '10.0.0.1');
    if (own !== undefined) ours?.receive([own]);
    expect(states(one)).toEqual([]);
    expect(dropped(one, 'own')).toBe(1);
  });

  test('OSPF-PKT-11 a DD of somebody who said no Hello is dropped', async () => {
    const one = rig();
    one.peer.dd({ flags: 7 });
    await pass(0.01);
    expect(dropped(one, 'no_neighbor')).toBe(1);
  });

  test('OSPF-PKT-11 broadcast: known by address; point-to-point: known by router ID', async () => {
    for (const [type, kept] of [
      ['broadcast', 0],
      ['point-to-point', 1],
    ] as const) {
      const one = rig({ type });
      one.peer.hello({ neighbors: [] });
      await pass(0.01);
      const { send } = one.link;
      one.link.send = (packet) => send({ ...packet, source: '10.0.0.77' });
      one.peer.dd({ flags: 7 });
      await pass(0.01);
      expect(dropped(one, 'no_neighbor')).toBe(1 - kept);
    }
  });

  test('OSPF-PKT-12 another router with the own ID is dropped and told of once', async () => {
    const one = rig({ host: 1 });
    one.peer.sendBytes(one.link.sent[0]?.bytes ?? new Uint8Array(0));
    const [ours] = [...one.link.endpoints].filter(({ address }) => address === '10.0.0.1');
    const [hello] = one.link.sent;
    for (let time = 0; time < 3; time++) {
      ours?.receive([{ bytes: hello?.bytes ?? new Uint8Array(0), source: '10.0.0.9', destination: '224.0.0.5' }]);
    }
    expect(dropped(one, 'duplicate_router_id')).toBe(3);
    expect(one.router.messages.warn).toEqual(['OSPFv2 on eth0: duplicate router ID: 10.0.0.9 has ours, 192.0.2.1']);
  });

  test('OSPF-PKT-14 of packets read at once Hellos and acknowledgements go first', async () => {
    const one = rig();
    const [ours] = [...one.link.endpoints].filter(({ address }) => address === '10.0.0.1');
    const held: { bytes: Uint8Array; source: string; destination: string }[] = [];
    one.link.passes = (packet) => {
      if (packet.source !== '10.0.0.2') return true;
      held.push(packet);
      return false;
    };
    one.peer.dd({ flags: 7, sequence: 9 });
    one.peer.hello();
    ours?.receive(held);
    expect(states(one)).toEqual(['exchange']);
  });
});

describe('Hellos', () => {
  test('OSPF-HELLO-01, -05, OSPF-PKT-01 what is sent every 10 s', async () => {
    const one = rig();
    one.peer.greeting(true);
    await pass(35);
    const hellos = one.peer.seen.filter(({ type }) => type === 1);
    expect(hellos[0]?.hello).toEqual({
      maskOrInterfaceId: 0xffffff00,
      helloSeconds: 10,
      options: 2,
      priority: 0,
      deadSeconds: 40,
      dr: 0,
      backup: 0,
      neighbors: [],
    });
    expect(hellos.map(({ atMs }) => Math.round(atMs / 1000))).toEqual([10, 20, 30]);
    expect(hellos.at(-1)?.hello?.neighbors).toEqual([one.peer.routerId]);
  });

  test.each([
    ['HelloInterval', { helloSeconds: 11 }, 'its hello interval is 11 s, ours 10 s'],
    ['RouterDeadInterval', { deadSeconds: 41 }, 'its dead interval is 41 s, ours 40 s'],
    ['mask', { maskOrInterfaceId: 0xffff0000 }, 'its mask is 255.255.0.0, ours 255.255.255.0'],
    ['E bit', { options: 0 }, 'its area is not of type normal'],
    ['N bit', { options: 0x0a }, 'its area is not of type normal'],
  ])('OSPF-HELLO-03, -04 another %s is not taken, and told', async (_, over, sentence) => {
    const one = rig({ type: 'broadcast' });
    one.peer.hello(over);
    await pass(0.01);
    expect(states(one)).toEqual([]);
    expect(one.router.messages.warn).toEqual([`OSPFv2 on eth0: Hello of 192.0.2.2 is not taken: ${sentence}`]);
  });

  test('OSPF-HELLO-03, -04 another mask on a point-to-point link is fine, and so are other option bits', async () => {
    const one = rig();
    one.peer.hello({ maskOrInterfaceId: 0, options: 0x72 });
    await pass(0.01);
    expect(states(one)).toEqual(['exstart']);
  });

  test.each([
    ['stub', 0],
    ['nssa', 8],
  ] as const)('OSPF-HELLO-04 in an area of type %s the bits are %i', async (type, options) => {
    const areas: OspfConfig['areas'] = [{ id: '0.0.0.1', type }];
    const link = createLink();
    startRouter(1, [link], { areas }, { area: '0.0.0.1' });
    const [first] = link.sent;
    expect(first === undefined ? null : seen(2, first)?.hello?.options).toBe(options);
  });

  test('OSPF-HELLO-06 who no longer lists us is Init', async () => {
    const one = rig();
    await one.peer.becomeFull();
    expect(states(one)).toEqual(['full']);
    one.peer.hello({ neighbors: [] });
    await pass(0.01);
    expect(states(one)).toEqual(['init']);
  });

  test('OSPF-HELLO-07 with priority 0 there is no waiting', () => {
    const one = rig({ type: 'broadcast' });
    expect(one.router.speaker.interfaces()).toMatchObject([{ state: 'dr-other', dr: null, backup: null }]);
  });

  test('OSPF-HELLO-10, -11, OSPF-ADJ-02, -03 a changed claim changes who is adjacent; DR and Backup are addresses', async () => {
    const link = createLink();
    const router = startRouter(1, [link], {}, { type: 'broadcast' });
    const [two, three, four] = [2, 3, 4].map((host) => createPeer(link, { host, type: 'broadcast', priority: 1 }));
    const address = (host: number) => 0x0a000000 + host;
    const claim = (dr: number, backup: number) => {
      for (const peer of [two, three, four]) peer?.hello({ dr: address(dr), backup: address(backup) });
    };
    claim(2, 3);
    await pass(0.01);
    claim(2, 3);
    await pass(0.01);
    const rows = () => router.speaker.neighbors().map(({ role, state }) => `${role} ${state}`);
    expect(rows()).toEqual(['dr exstart', 'backup exstart', 'other 2-way']);
    claim(4, 3);
    await pass(0.01);
    expect(rows()).toEqual(['other 2-way', 'backup exstart', 'dr exstart']);
    expect(router.speaker.interfaces()).toMatchObject([{ state: 'dr-other', dr: '10.0.0.4', backup: '10.0.0.3' }]);
    await pass(10);
    expect(two?.last('hello')).toMatchObject({ dr: address(4), backup: address(3), priority: 0 });
  });

  test('OSPF-HELLO-12 silence for RouterDeadInterval: down, and the LSAs are issued anew', async () => {
    const one = rig();
    one.peer.acks = true;
    await one.peer.becomeFull();
    one.peer.greeting(false);
    await pass(39.9);
    expect(states(one)).toEqual(['full']);
    await pass(0.2);
    expect(states(one)).toEqual([]);
    expect(one.router.speaker.database()).toMatchObject([{ type: 'router', bytes: 36 }]);
    expect(one.router.speaker.interfaces()[0]?.lastError).toBe('no Hello from 192.0.2.2 for 40 s');
  });

  test('a blocked event loop is no silence: what waits is read before a neighbour counts as gone', async () => {
    const one = rig();
    await one.peer.becomeFull();
    one.peer.greeting(false);
    await pass(39);
    // The loop stands still past the dead interval; the Hello that came meanwhile is read after the timers.
    vi.setSystemTime(Date.now() + 8000);
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 8000);
    await vi.advanceTimersByTimeAsync(1010);
    expect(states(one)).toEqual(['full']);
    one.peer.hello();
    await vi.advanceTimersByTimeAsync(1000);
    expect(states(one)).toEqual(['full']);
    vi.restoreAllMocks();
  });

  test('more than 128 neighbours are not taken', async () => {
    const one = rig();
    for (let host = 2; host < 140; host++) createPeer(one.link, { host }).hello();
    await pass(0.01);
    expect(states(one)).toHaveLength(128);
    expect(dropped(one, 'neighbors_full')).toBe(10);
  });

  test('the interface follows its device', async () => {
    const one = rig();
    await one.peer.becomeFull();
    const device = one.router.devices.get('eth0');
    if (device === undefined) throw new Error('no device');
    one.router.devices.set('eth0', { ...device, up: false });
    one.router.changed();
    expect(one.router.speaker.interfaces()).toMatchObject([{ state: 'down', lastError: 'the device is down' }]);
    expect(states(one)).toEqual([]);
    one.router.devices.set('eth0', device);
    one.router.changed();
    expect(one.router.speaker.interfaces()).toMatchObject([{ state: 'point-to-point' }]);
  });

  test('a device that is not there is told at once, and once', async () => {
    const one = rig({}, { name: 'eht0' });
    expect(one.router.speaker.interfaces()).toMatchObject([{ state: 'down', lastError: 'there is no such device' }]);
    await pass(300);
    expect(one.router.messages.warn).toEqual(['OSPFv2 on eht0: there is no such device']);
  });

  test('without rights it is told what they are', () => {
    const one = rig({}, { name: 'eth7' });
    const device = one.router.devices.get('eth0');
    if (device === undefined) throw new Error('no device');
    one.router.devices.set('eth7', device);
    one.router.changed();
    expect(one.router.messages.warn.at(-1)).toBe(
      'OSPFv2 on eth7: cannot open the socket: EPERM, expected root or a process with the capability CAP_NET_RAW',
    );
  });

  test('a device that goes away is told, whether it was up or down', async () => {
    const one = rig();
    const device = one.router.devices.get('eth0');
    if (device === undefined) throw new Error('no device');
    one.router.devices.set('eth0', { ...device, up: false });
    one.router.changed();
    one.router.devices.delete('eth0');
    one.router.changed();
    expect(one.router.speaker.interfaces()).toMatchObject([{ state: 'down', lastError: 'there is no such device' }]);
    expect(one.router.messages.warn).toEqual([
      'OSPFv2 on eth0: the device is down',
      'OSPFv2 on eth0: there is no such device',
    ]);
  });

  test('a device that comes and goes is told once a minute at most', async () => {
    const one = rig();
    const device = one.router.devices.get('eth0');
    if (device === undefined) throw new Error('no device');
    for (let second = 0; second < 120; second++) {
      if (second % 2 === 0) one.router.devices.delete('eth0');
      else one.router.devices.set('eth0', device);
      one.router.changed();
      await pass(1);
    }
    expect(one.router.messages.warn).toEqual(Array(2).fill('OSPFv2 on eth0: there is no such device'));
  });
});

describe('version 3', () => {
  test('OSPF-V3-02, -07, -08, -09 Hello to ff02::5 with interface ID and options 0x13', async () => {
    const one = rig({ version: 3 });
    one.peer.hello();
    await pass(11);
    expect(one.peer.seen.map(({ destination }) => destination)).toContain('ff02::5');
    expect(one.peer.last('hello')).toMatchObject({ maskOrInterfaceId: 2, options: 0x13, priority: 0 });
  });

  test('OSPF-V3-01 packets come from the link-local address', () => {
    const one = rig({ version: 3 });
    expect(new Set(one.link.sent.map(({ source }) => source))).toEqual(new Set(['fe80::1']));
  });

  test('OSPF-V3-05 another instance is ignored; a source of no subnet is not', async () => {
    const one = rig({ version: 3 }, { instanceId: 1 });
    one.peer.hello();
    await pass(0.01);
    expect(states(one)).toEqual([]);
    expect(dropped(one, 'area')).toBe(1);
  });

  test('OSPF-V3-10 a neighbour whose address changes is the same', async () => {
    const one = rig({ version: 3 });
    one.peer.hello({ neighbors: [] });
    await pass(0.01);
    const moved = createPeer(one.link, { version: 3, host: 2 });
    const other = [...one.link.endpoints].find(({ address }) => address === 'fe80::1');
    expect(other).toBeDefined();
    moved.hello({ neighbors: [] });
    await pass(0.01);
    expect(one.router.speaker.neighbors()).toHaveLength(1);
  });

  test('OSPF-V3-14 no IPv4 address is needed', () => {
    const one = rig({ version: 3 });
    const device = one.router.devices.get('eth0');
    if (device !== undefined) one.router.devices.set('eth0', { ...device, address4: null });
    one.router.changed();
    expect(one.router.speaker.interfaces()).toMatchObject([{ state: 'point-to-point' }]);
  });

  test('OSPF-V3LSA-05 DR and Backup are router IDs', async () => {
    const one = rig({ version: 3, type: 'broadcast', priority: 1 });
    await one.peer.becomeFull();
    expect(one.router.speaker.interfaces()).toMatchObject([{ dr: '192.0.2.2' }]);
  });
});
