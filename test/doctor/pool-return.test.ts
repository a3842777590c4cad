/** Whether pool4 comes back: what is given to the router, and who hears it. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { echoRequest, surveyPoolReturn } from '../../src/doctor/survey/pool-return.js';
import { createFakeLinks, type FakeLinks } from '../fakes/links.js';
import { first } from './judging.js';
import { type Outputs, programs } from './outputs.js';
import { fromHex } from './router-messages.js';
import { address, link, platHost, route } from './surveys.js';

vi.mock('node:timers/promises', () => import('../fakes/sleep.js'));

let links: FakeLinks;
beforeEach(() => {
  vi.useFakeTimers();
  links = createFakeLinks();
});
afterEach(() => void vi.useRealTimers());

const POOL = '192.0.2.15';
const ping = 'ping -n -q -c 1 -W 1 -I eth1 203.0.113.1';
const neigh = 'ip neigh show 203.0.113.1 dev eth1';
const answering: Outputs = { [ping]: '', [neigh]: '203.0.113.1 lladdr 02:00:00:00:00:0f REACHABLE\n' };

function start({ machine = platHost().machine, outputs = answering, signal = new AbortController().signal } = {}) {
  const addon = { LinkSocket: links.LinkSocket, readPref64: () => null };
  const run = programs(outputs);
  return { run, returned: surveyPoolReturn(POOL, { machine, addon, run, signal }) };
}

/** Lets time pass until it has an answer. */
async function finish(options: Parameters<typeof start>[0] = {}) {
  const { returned } = start(options);
  await vi.advanceTimersByTimeAsync(5000);
  return returned;
}

test('an echo request with both checksums', () => {
  expect(Buffer.from(echoRequest('203.0.113.2', '192.0.2.15', fromHex('c1c2c3c4'))).toString('hex')).toBe(
    '450000200000000020019ccbcb007102c000020f0800727800000000c1c2c3c4',
  );
});

describe('comes back', () => {
  test('by the device that it left by', async () => {
    links.onSend = (sender, packet) => sender.arrive(packet);
    expect(await finish()).toEqual({ address: POOL, router: '203.0.113.1', cameBackBy: 'eth1', failure: null });
    const { sent, options } = first(links.opened);
    expect(sent.map(({ to }) => to)).toEqual(['02000000000f']);
    expect(sent[0]?.packet).toMatch(/^4500002c0000000020019cbfcb007102c000020f0800/);
    expect(options).toEqual({
      device: 'eth1',
      family: 4,
      matches: [{ offset: 16, mask: 0xffff_ffff, value: 0xc000_020f }],
    });
    expect(links.opened.every(({ closed }) => closed)).toBe(true);
  });

  test('by another device with IPv4', async () => {
    const { machine } = platHost();
    machine.addresses.push(address('eth0', '198.18.0.1/24'));
    links.onSend = (_sender, packet) => {
      for (const other of links.opened.filter(({ options }) => options.device === 'eth0')) other.arrive(packet);
    };
    expect((await finish({ machine })).cameBackBy).toBe('eth0');
  });

  test('at the third try', async () => {
    let tries = 0;
    links.onSend = (sender, packet) => {
      if (++tries === 3) sender.arrive(packet);
    };
    expect((await finish()).cameBackBy).toBe('eth1');
    expect(tries).toBe(3);
  });
});

describe('does not come back', () => {
  test('after three tries', async () => {
    expect(await finish()).toEqual({ address: POOL, router: '203.0.113.1', cameBackBy: null, failure: null });
    expect(first(links.opened).sent.length).toBe(3);
  });

  test('when somebody else pings the address', async () => {
    links.onSend = (sender) => sender.arrive(echoRequest('203.0.113.2', POOL, new Uint8Array(16)));
    expect((await finish()).cameBackBy).toBeNull();
  });

  test('when a part of it comes', async () => {
    links.onSend = (sender, packet) => sender.arrive(packet.subarray(0, 30));
    expect((await finish()).cameBackBy).toBeNull();
  });
});

test('listens on Ethernet devices that are up and have IPv4, at most eight, each once', async () => {
  const { machine } = platHost();
  machine.links = [
    link('tun0', { linkAddress: '' }),
    link('eth9', { up: false }),
    link('eth8'),
    ...Array.from({ length: 12 }, (_, at) => link(`vlan${at}`)),
  ];
  machine.addresses.push(address('tun0', '10.0.0.1/24'), address('eth9', '10.0.9.1/24'));
  machine.addresses.push(...machine.links.slice(3).map(({ name }, at) => address(name, `10.1.${at}.1/24`)));
  await finish({ machine });
  expect(links.opened.map(({ options }) => options.device)).toEqual([
    'eth1',
    ...Array.from({ length: 7 }, (_, at) => `vlan${at}`),
  ]);
});

describe('could not be tried', () => {
  test('without a default route', async () => {
    const { machine } = platHost();
    machine.defaults = [route(4, 'ppp0'), route(6, 'eth0', { gateway: 'fe80::1' })];
    expect((await finish({ machine })).failure).toBe('there is no IPv4 default route to try it by');
  });

  test('without an address', async () => {
    const { machine } = platHost();
    machine.addresses = [address('eth1', '2001:db8::2/64')];
    expect((await finish({ machine })).failure).toBe('eth1 has no IPv4 address to try it from');
  });

  test.each<[string, Outputs]>([
    ['no answer', { [ping]: { failure: 'x' }, [neigh]: '203.0.113.1 FAILED\n' }],
    ['no entry', { [neigh]: '' }],
    ['no ip', {}],
  ])('as the router answers no ARP: %s', async (_what, outputs) => {
    expect((await finish({ outputs })).failure).toBe('the router 203.0.113.1 on eth1 answers no ARP');
    expect(links.opened).toEqual([]);
  });

  test('without root', async () => {
    links.refused.set('eth1', 'EPERM');
    expect((await finish()).failure).toBe('listening on eth1 needs root');
  });

  test('but another device that cannot be listened on is left out', async () => {
    const { machine } = platHost();
    machine.addresses.push(address('eth0', '198.18.0.1/24'));
    links.refused.set('eth0', 'ENODEV');
    links.onSend = (sender, packet) => sender.arrive(packet);
    expect((await finish({ machine })).cameBackBy).toBe('eth1');
  });

  test('as the device goes away', async () => {
    links.onSend = () => {
      throw new Error('sendto: ENETDOWN');
    };
    expect((await finish()).failure).toBe('sendto: ENETDOWN');
    expect(links.opened.every(({ closed }) => closed)).toBe(true);
  });

  test('as nobody waits any longer', async () => {
    const controller = new AbortController();
    const { returned } = start({ signal: controller.signal });
    await vi.advanceTimersByTimeAsync(100);
    controller.abort(new Error('interrupted'));
    expect((await returned).failure).toBe('interrupted');
    expect(links.opened.every(({ closed }) => closed)).toBe(true);
  });
});
