import { beforeEach, describe, expect, test } from 'vitest';
import type { PlatFile } from '../../src/config/schema.js';
import type { PlatypusError } from '../../src/errors.js';
import { type PlatService, startPlat } from '../../src/plat/service.js';
import { platFile } from '../config/configs.js';
import { createFakeAddon, createFakeHost, type FakeHost, systemError } from '../fakes/addon.js';

function config(plat: string): PlatFile {
  return platFile(`plat: { pool6: 2001:db8:64::/96, ${plat} }`);
}

const POOL4 = 'pool4: [198.51.100.0/28, 198.51.100.16/30]';
const basic = config(POOL4);

let host: FakeHost;
let logged: string[];
let sysctl: Record<string, string>;

beforeEach(() => {
  host = createFakeHost();
  logged = [];
  sysctl = { 'net.ipv4.ip_forward': '1\n', 'net.ipv6.conf.all.forwarding': '1\n' };
});

function start(wanted: PlatFile = basic, signal?: AbortSignal): Promise<PlatService> {
  const push = (message: string) => void logged.push(message);
  const log = { info: push, warn: push, error: push };
  return startPlat(
    wanted,
    { addon: createFakeAddon(host), log, readSysctl: async (name) => sysctl[name] ?? null },
    signal,
  );
}

/** What a start must leave as it found it. */
const hostState = () => JSON.stringify([host.links, host.routes, host.open]);

async function refused(promise: Promise<unknown>): Promise<PlatypusError> {
  return promise.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: PlatypusError) => error,
  );
}

describe('start', () => {
  test('opens, sets up, starts and then routes', async () => {
    await start();
    expect(host.calls).toEqual([
      'netlink',
      'open platypus',
      'setLink platypus 1500',
      'start',
      'addRoute 2001:db8:64::/96',
      'addRoute 198.51.100.0/28',
      'addRoute 198.51.100.16/30',
    ]);
  });

  test('the device has the larger MTU of the two families', async () => {
    await start(config(`${POOL4}, mtu6: 9000, mtu4: 1400`));
    expect(host.calls).toContain('setLink platypus 9000');
  });

  test('ICMPv6 errors come from the first global address that is not tentative', async () => {
    await start();
    expect(host.config?.icmpSource6).toBe('2001:db8:ffff::1');
  });

  test('ICMPv6 errors come from the address of the file where it names one', async () => {
    await start(config(`${POOL4}, icmpSource6: "2001:db8::99"`));
    expect(host.config?.icmpSource6).toBe('2001:db8::99');
  });

  test('ICMPv6 errors have no source of the host where the host has no global address', async () => {
    host.addresses = host.addresses.filter(({ scope, tentative }) => scope !== 0 || tentative);
    await start();
    expect(host.config?.icmpSource6).toBeNull();
  });

  test('warns where the kernel does not forward, and starts', async () => {
    sysctl = { 'net.ipv4.ip_forward': '0\n', 'net.ipv6.conf.all.forwarding': '1\n' };
    await start();
    expect(logged).toEqual([
      'net.ipv4.ip_forward is 0, expected 1: the kernel will not forward IPv4 packets to the translator',
    ]);
  });
});

describe('start leaves nothing behind when', () => {
  const failures: [string, (call: string) => Error | undefined, string, RegExp][] = [
    ['the tun driver is missing', on('open', 'ENOENT'), 'PLT_TUN_MISSING', /\/dev\/net\/tun is missing/],
    ['the privilege is missing', on('open', 'EPERM'), 'PLT_NOT_PERMITTED', /CAP_NET_ADMIN/],
    ['the device is busy', on('open', 'EBUSY'), 'PLT_DEVICE_BUSY', /"platypus".*in use/],
    ['the device fails otherwise', on('open', 'EINVAL'), 'PLT_DEVICE_FAILED', /EINVAL/],
    ['netlink cannot be opened', on('netlink', 'EPERM'), 'PLT_NOT_PERMITTED', /netlink/],
    ['the link cannot be set up', on('setLink', 'EINVAL'), 'PLT_NETLINK_FAILED', /EINVAL/],
    ['the threads do not start', on('start', 'EAGAIN'), 'PLT_DEVICE_FAILED', /EAGAIN/],
    ['a route is refused', on('addRoute 198.51.100.16/30', 'ENETDOWN'), 'PLT_NETLINK_FAILED', /198\.51\.100\.16\/30/],
    [
      'a route appears meanwhile',
      on('addRoute 198.51.100.16/30', 'EEXIST'),
      'PLT_ROUTE_EXISTS',
      /198\.51\.100\.16\/30/,
    ],
  ];

  function on(prefix: string, code: string): (call: string) => Error | undefined {
    return (call) => (call === prefix || call.startsWith(`${prefix} `) ? systemError(code) : undefined);
  }

  test.each(failures)('%s', async (_name, fail, code, message) => {
    const before = hostState();
    host.fail = (call) => (call === 'netlink close' ? undefined : fail(call));
    const error = await refused(start());
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
    expect(hostState()).toBe(before);
  });

  test('a route is refused: the last step is taken back first', async () => {
    host.fail = on('addRoute 198.51.100.16/30', 'ENETDOWN');
    await refused(start());
    expect(host.calls.slice(-4)).toEqual([
      'removeRoute 198.51.100.0/28',
      'removeRoute 2001:db8:64::/96',
      'stop',
      'netlink close',
    ]);
  });

  test('taking back fails too: the rest is taken back and the first error is told', async () => {
    host.fail = (call) =>
      call === 'addRoute 198.51.100.16/30' || call.startsWith('removeRoute') ? systemError('EIO') : undefined;
    const before = hostState();
    const error = await refused(start());
    expect(error.message).toMatch(/add the route to 198\.51\.100\.16\/30/);
    expect(hostState()).toBe(before);
    expect(logged).toHaveLength(2);
  });

  test('it is told to stop', async () => {
    const stopping = new AbortController();
    host.fail = (call) => {
      if (call === 'start') stopping.abort();
      return undefined;
    };
    const before = hostState();
    expect((await refused(start(basic, stopping.signal))).code).toBe('PLT_ABORTED');
    expect(hostState()).toBe(before);
  });

  test('a worker dies at once', async () => {
    host.alive = false;
    const before = hostState();
    expect((await refused(start())).code).toBe('PLT_WORKER_DEAD');
    expect(hostState()).toBe(before);
  });
});

describe('start opens no device when', () => {
  const opened = () => host.calls.some((call) => call.startsWith('open'));

  test('a link has the name', async () => {
    const error = await refused(start(config(`${POOL4}, device: eth0`)));
    expect(error.message).toMatch(/"eth0".*in use/);
    expect(opened()).toBe(false);
  });

  test('pool4 contains an address of the host', async () => {
    const error = await refused(start(config('pool4: 203.0.113.8/29')));
    expect(error.code).toBe('PLT_POOL_OVERLAPS_HOST');
    expect(error.message).toMatch(/pool4 203\.0\.113\.8\/29 contains 203\.0\.113\.9, .* on eth0/);
    expect(opened()).toBe(false);
  });

  test('pool6 contains an address of the host', async () => {
    host.addresses.push({ index: 2, address: '2001:db8:64::5', length: 64, scope: 0, tentative: false });
    const error = await refused(start());
    expect(error.message).toMatch(/pool6 2001:db8:64::\/96 contains 2001:db8:64::5/);
    expect(opened()).toBe(false);
  });

  test('there is a route to the same destination', async () => {
    const gateway = '203.0.113.77';
    host.routes.push({
      destination: '198.51.100.0',
      length: 28,
      index: 2,
      gateway,
      table: 254,
      protocol: 3,
      metric: 5,
      kind: 'unicast' as const,
    });
    const error = await refused(start());
    expect(error.code).toBe('PLT_ROUTE_EXISTS');
    expect(error.message).toMatch(/198\.51\.100\.0\/28 already has a route on eth0 via 203\.0\.113\.77/);
    expect(opened()).toBe(false);
    expect(host.open).toBe(0);
  });
});

test('a route to a larger or smaller network is no obstacle', async () => {
  const other = { index: 2, gateway: null, table: 254, protocol: 3, metric: 0, kind: 'unicast' as const };
  host.routes.push({ destination: '198.51.100.0', length: 24, ...other });
  host.routes.push({ destination: '198.51.100.1', length: 32, ...other });
  await expect(start()).resolves.toBeDefined();
});

describe('stop', () => {
  test('leaves nothing behind', async () => {
    const before = hostState();
    const service = await start();
    await service.stop();
    expect(hostState()).toBe(before);
  });

  test('goes on when a route is gone already or cannot be removed', async () => {
    const service = await start();
    host.routes = host.routes.filter(({ destination }) => destination !== '198.51.100.0');
    host.fail = (call) => (call === 'removeRoute 2001:db8:64::/96' ? systemError('EIO') : undefined);
    await service.stop();
    expect(host.open).toBe(0);
    expect(logged).toHaveLength(1);
  });

  test('happens once, however often it is asked for', async () => {
    const service = await start();
    await Promise.all([service.stop(), service.stop()]);
    expect(host.calls.filter((call) => call === 'stop')).toHaveLength(1);
  });

  test('refuses what is asked afterwards', async () => {
    const service = await start();
    const stopped = service.stop();
    expect((await refused(service.reload(basic))).code).toBe('PLT_STOPPING');
    await stopped;
  });
});

describe('reload', () => {
  const larger = config('pool4: [198.51.100.0/28, 198.51.100.32/30], mtu6: 1600, timeouts: { udp: 10m }');

  test('adds routes, configures, then removes routes', async () => {
    const service = await start();
    host.calls = [];
    const changes = await service.reload(larger);
    expect(host.calls).toEqual([
      'setLink platypus 1600',
      'addRoute 198.51.100.32/30',
      'configure',
      'removeRoute 198.51.100.16/30',
    ]);
    expect(changes).toContain('plat.pool4: added 198.51.100.32/30#1024-65535');
    expect(host.config?.timeoutsSeconds.udp).toBe(600);
    expect(service.config()).toBe(larger);
  });

  test('does nothing when nothing changed', async () => {
    const service = await start();
    host.calls = [];
    expect(await service.reload(config(POOL4))).toEqual([]);
    expect(host.calls).toEqual([]);
  });

  test('is refused whole when part of it needs a restart', async () => {
    const service = await start();
    host.calls = [];
    const error = await refused(service.reload(config('pool4: 198.51.100.0/30, limits: { sessions: 5 }')));
    expect(error.code).toBe('PLT_RELOAD_REFUSED');
    expect(error.message).toMatch(/nothing was changed: plat\.limits .*restart/);
    expect(host.calls).toEqual([]);
    expect(service.config()).toBe(basic);
  });

  test.each(['setLink platypus 1600', 'addRoute 198.51.100.32/30', 'configure', 'removeRoute 198.51.100.16/30'])(
    'takes everything back when "%s" fails',
    async (step) => {
      const service = await start();
      const before = JSON.stringify([host.links, sortedRoutes(), host.config]);
      let failed = false;
      host.fail = (call) => {
        if (call !== step || failed) return undefined;
        failed = true;
        return systemError('EIO');
      };
      const error = await refused(service.reload(larger));
      expect(failed).toBe(true);
      expect(error.code).toBe('PLT_RELOAD_FAILED');
      expect(error.message).toMatch(/EIO; the configuration before it is in force/);
      expect(JSON.stringify([host.links, sortedRoutes(), host.config])).toBe(before);
      expect(service.config()).toBe(basic);
    },
  );

  test('says so when going back fails too', async () => {
    const service = await start();
    host.fail = (call) => (call === 'configure' ? systemError('EIO') : undefined);
    expect((await refused(service.reload(larger))).message).toMatch(/restart the service/);
  });

  test('checks new prefixes against the host', async () => {
    const service = await start();
    const error = await refused(service.reload(config('pool4: [198.51.100.0/28, 203.0.113.9]')));
    expect(error.message).toMatch(/203\.0\.113\.9/);
    expect(host.calls).not.toContain('configure');
  });

  test('runs one after the other', async () => {
    const service = await start();
    const first = service.reload(larger);
    const second = service.reload(basic);
    expect((await first).length).toBeGreaterThan(0);
    expect(await second).toContain('plat.pool4: removed 198.51.100.32/30#1024-65535');
  });

  function sortedRoutes() {
    return [...host.routes].sort((a, b) => a.destination.localeCompare(b.destination));
  }
});

describe('static BIB', () => {
  const web = 'staticBib: [{ protocol: tcp, v6: "2001:db8:1::1#80", v4: "198.51.100.1#80" }]';
  const withWeb = config(`${POOL4}, ${web}`);
  const entry = withWeb.plat.staticBib[0];
  if (entry === undefined) throw new Error('no entry');

  test('N64-GEN-07 entries of the file are in the core before any packet can come', async () => {
    await start(withWeb);
    expect(host.bib).toMatchObject([{ v6: '2001:db8:1::1', port6: 80, static: true }]);
    const added = host.calls.findIndex((call) => call.startsWith('addBib'));
    expect(added).toBeGreaterThan(host.calls.indexOf('start'));
    expect(added).toBeLessThan(host.calls.findIndex((call) => call.startsWith('addRoute')));
  });

  test('an entry that the core refuses ends the start and leaves nothing', async () => {
    host.bib = [
      { protocol: 'tcp', v6: '2001:db8:1::2', port6: 9, v4: '198.51.100.1', port4: 80, static: true, sessions: 0 },
    ];
    const before = hostState();
    expect((await refused(start(withWeb))).code).toBe('PLT_BIB_REFUSED');
    expect(hostState()).toBe(before);
  });

  test('N64-GEN-07 an entry added by reload is in the core, and gone after the next', async () => {
    const service = await start();
    await service.reload(withWeb);
    expect(host.bib).toMatchObject([{ v6: '2001:db8:1::1', port6: 80, v4: '198.51.100.1', port4: 80, static: true }]);
    await service.reload(basic);
    expect(host.bib).toEqual([]);
  });

  test('a reload never removes a dynamic entry that has taken the place of a static one', async () => {
    const service = await start(withWeb);
    host.bib = [
      { protocol: 'tcp', v6: '2001:db8:1::2', port6: 9, v4: '198.51.100.1', port4: 80, static: false, sessions: 1 },
    ];
    await service.reload(basic);
    expect(host.bib).toHaveLength(1);
  });

  test('a reload that asks for a taken transport address is refused and taken back', async () => {
    const service = await start();
    host.bib = [
      { protocol: 'tcp', v6: '2001:db8:1::2', port6: 9, v4: '198.51.100.1', port4: 80, static: false, sessions: 1 },
    ];
    const error = await refused(service.reload(withWeb));
    expect(error.message).toMatch(/198\.51\.100\.1#80 is mapped to another tcp host/);
    expect(host.config?.staticBib).toEqual([]);
  });

  test('an entry added live is kept by the next edit', async () => {
    const service = await start();
    await service.addBib(entry);
    await service.edit((running) => ({ ...running, plat: { ...running.plat, mtu4: 1400 } }));
    expect(host.config?.staticBib).toHaveLength(1);
    expect(host.bib).toHaveLength(1);
  });

  test.each([
    ['outside pool4', { ...entry, v4: { ...entry.v4, address: { family: 4, text: '192.0.2.1', value: 3221225985n } } }],
    [
      'inside pool6',
      {
        ...entry,
        v6: { ...entry.v6, address: { family: 6, text: '2001:db8:64::1', value: 0x20010db8006400000000000000000001n } },
      },
    ],
  ] as const)('an entry %s is refused', async (_name, wrong) => {
    const service = await start();
    expect((await refused(service.addBib(wrong))).code).toBe('PLT_BIB_REFUSED');
    expect(host.bib).toEqual([]);
  });

  test('the same entry twice is refused', async () => {
    const service = await start();
    await service.addBib(entry);
    expect((await refused(service.addBib(entry))).message).toMatch(/in the BIB already/);
  });

  test('removing an entry that is not there is refused', async () => {
    const service = await start();
    const error = await refused(service.removeBib({ protocol: 'udp', v4: '198.51.100.1', port4: 5 }));
    expect(error.message).toMatch(/no udp entry for 198\.51\.100\.1#5/);
  });
});
