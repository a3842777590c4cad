/** What the doctor sends to a link, and what it makes of the answers. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  findClaimants,
  listenToRouters,
  neighborSolicitation,
  routerSolicitation,
} from '../../src/doctor/survey/link.js';
import { createFakeLinks, type FakeLinks } from '../fakes/links.js';
import { first } from './judging.js';
import { advertisementPacket, filled, fromHex, OPTIONS } from './router-messages.js';

const TARGET = '20010db8000100010000000000000077';
// To ff02::1:ff00:77.
const NEIGHBOUR = `6000000000183aff${'00'.repeat(16)}ff0200000000000000000001ff000077`;

vi.mock('node:timers/promises', () => import('../fakes/sleep.js'));

let links: FakeLinks;
beforeEach(() => {
  vi.useFakeTimers();
  links = createFakeLinks();
});
afterEach(() => void vi.useRealTimers());

const addon = () => ({
  LinkSocket: links.LinkSocket,
  readPref64: () => ({ prefix: { address: '64:ff9b::', length: 96 }, lifetimeSeconds: 600 }),
});
const never = () => new AbortController().signal;

/** A neighbour advertisement about an address. */
function answer(target = TARGET): Uint8Array {
  const source = 'fe800000000000000000000000000009';
  return filled(
    fromHex(`6000000000203aff ${source} ff020000000000000000000000000001 88000000 20000000 ${target} 0201020000000009`),
  );
}

test('a router solicitation (RFC 4861 §4.1)', () => {
  expect(Buffer.from(routerSolicitation()).toString('hex')).toBe(
    `6000000000083aff${'00'.repeat(16)}ff02000000000000000000000000000285007bb800000000`,
  );
});

test('a neighbour solicitation of duplicate address detection (RFC 4862 §5.4)', () => {
  const packet = neighborSolicitation(fromHex(TARGET));
  expect(Buffer.from(packet.subarray(0, 40)).toString('hex')).toBe(NEIGHBOUR);
  expect(Buffer.from(filled(packet)).toString('hex')).toBe(Buffer.from(packet).toString('hex'));
  expect(Buffer.from(packet.subarray(44)).toString('hex')).toBe(`00000000${TARGET}`);
  expect(packet[40]).toBe(135);
});

describe('routers', () => {
  const listen = () => listenToRouters('eth0', addon(), never());

  test('are asked for three times in 4 s, by the group of all routers', async () => {
    const view = listen();
    const link = first(links.opened);
    await vi.advanceTimersByTimeAsync(1400);
    expect(link.sent.length).toBe(1);
    await vi.advanceTimersByTimeAsync(2600);
    await view;
    expect(link.sent.map(({ to }) => to)).toEqual(Array(3).fill('333300000002'));
    expect(new Set(link.sent.map(({ packet }) => packet)).size).toBe(1);
    expect(link.closed).toBe(true);
  });

  test('are heard by advertisements alone', async () => {
    const view = listen();
    const { options } = first(links.opened);
    expect(options).toEqual({
      device: 'eth0',
      family: 6,
      matches: [
        { offset: 4, mask: 0x0000_ff00, value: 0x0000_3a00 },
        { offset: 40, mask: 0xff00_0000, value: 0x8600_0000 },
      ],
    });
    await vi.advanceTimersByTimeAsync(5000);
    expect(await view).toEqual({ device: 'eth0', routers: [], refused: 0, failure: null });
  });

  test('with all their messages together, and what hosts ignore counted', async () => {
    links.onSend = (link) => {
      link.arrive(advertisementPacket(OPTIONS.pref64));
      link.arrive(advertisementPacket(OPTIONS.rdnss));
    };
    const view = listen();
    first(links.opened).arrive(advertisementPacket('05 00 000000000000'));
    await vi.advanceTimersByTimeAsync(5000);
    const { routers, refused } = await view;
    expect(routers.length).toBe(1);
    expect(routers[0]).toMatchObject({ router: 'fe80::1', pref64: [{ lifetimeSeconds: 600 }], resolvers: [{}, {}] });
    expect(refused).toBe(1);
  });

  test('not more than 16', async () => {
    const view = listen();
    for (let router = 1; router <= 40; ++router) {
      const packet = advertisementPacket();
      packet[23] = router;
      first(links.opened).arrive(filled(packet));
    }
    await vi.advanceTimersByTimeAsync(5000);
    const { routers } = await view;
    expect(routers.map(({ router }) => router)).toEqual(
      Array.from({ length: 16 }, (_, at) => `fe80::${(at + 1).toString(16)}`),
    );
  });

  test.each([
    ['EPERM', 'listening on eth0 needs root'],
    ['EACCES', 'listening on eth0 needs root'],
    ['ENODEV', 'cannot listen on eth0: socket: ENODEV'],
  ])('%s', async (code, failure) => {
    links.refused.set('eth0', code);
    expect(await listen()).toEqual({ device: 'eth0', routers: [], refused: 0, failure });
  });

  test('a device that goes away', async () => {
    links.onSend = () => {
      throw new Error('sendto: ENETDOWN');
    };
    expect((await listen()).failure).toBe('cannot listen on eth0: sendto: ENETDOWN');
    expect(first(links.opened).closed).toBe(true);
  });

  test('nobody waits any longer', async () => {
    const controller = new AbortController();
    const view = listenToRouters('eth0', addon(), controller.signal);
    controller.abort(new Error('interrupted'));
    expect((await view).failure).toMatch(/^cannot listen on eth0: /);
    expect(first(links.opened).closed).toBe(true);
  });
});

describe('who has an address', () => {
  const find = () => findClaimants('eth0', '2001:db8:1:1::77', addon(), never());

  test('is asked once, by its solicited-node group', async () => {
    const claimants = find();
    await vi.advanceTimersByTimeAsync(2000);
    expect(await claimants).toEqual([]);
    const { sent, closed } = first(links.opened);
    expect(sent.map(({ packet, to }) => [packet.slice(0, 80), to])).toEqual([[NEIGHBOUR, '3333ff000077']]);
    expect(closed).toBe(true);
  });

  test('answers with its link address, each once', async () => {
    const claimants = find();
    const link = first(links.opened);
    link.arrive(answer(), fromHex('020000000009'));
    link.arrive(answer(), fromHex('020000000009'));
    link.arrive(answer(), fromHex('02000000000a'));
    await vi.advanceTimersByTimeAsync(2000);
    expect(await claimants).toEqual(['02:00:00:00:00:09', '02:00:00:00:00:0a']);
  });

  test('is not who speaks of another address, or from another link', async () => {
    const claimants = find();
    const link = first(links.opened);
    link.arrive(answer(TARGET.replace('77', '78')));
    const routed = answer();
    routed[7] = 254;
    link.arrive(filled(routed));
    link.arrive(answer().subarray(0, 60));
    await vi.advanceTimersByTimeAsync(2000);
    expect(await claimants).toEqual([]);
  });

  test('is not known where nobody may listen, or what is asked for is none', async () => {
    expect(await findClaimants('eth0', 'nonsense', addon(), never())).toBeNull();
    links.refused.set('eth0', 'EPERM');
    expect(await find()).toBeNull();
  });

  test('is not known when the question could not be sent or was cut short', async () => {
    links.onSend = () => {
      throw new Error('sendto: ENETDOWN');
    };
    expect(await find()).toBeNull();
    links.onSend = () => {};
    const controller = new AbortController();
    const claimants = findClaimants('eth0', '2001:db8:1:1::77', addon(), controller.signal);
    controller.abort();
    expect(await claimants).toBeNull();
    expect(links.opened.every(({ closed }) => closed)).toBe(true);
  });
});
