/** What the host says of itself, by programs whose answers were recorded. */
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { findWay, type Machine, surveyMachine } from '../../src/doctor/survey/machine.js';
import { type Outputs, programs, RECORDED } from './outputs.js';

const files = vi.hoisted(() => new Map<string, string>());
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  readFile: async (path: string) => {
    const text = files.get(path);
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return text;
  },
}));
afterEach(() => files.clear());

const survey = (change: Outputs = {}): Promise<Machine> => surveyMachine(programs({ ...RECORDED, ...change }));

test('links', async () => {
  expect((await survey()).links).toEqual([
    { name: 'lo', mtuBytes: 65_536, up: true, carrier: true, kind: '', linkAddress: '' },
    { name: 'eth0', mtuBytes: 1500, up: true, carrier: true, kind: 'veth', linkAddress: '56:70:f6:14:43:03' },
    { name: 'clat', mtuBytes: 1500, up: true, carrier: false, kind: 'tun', linkAddress: '' },
    { name: 'wlan0', mtuBytes: 1500, up: false, carrier: false, kind: '', linkAddress: '02:00:00:00:00:05' },
  ]);
});

test('addresses, and what is wrong with them', async () => {
  const healthy = { tentative: false, duplicate: false, deprecated: false };
  const eth0 = { ...healthy, device: 'eth0' };
  expect((await survey()).addresses).toEqual([
    { ...healthy, device: 'lo', family: 4, address: '127.0.0.1', length: 8, scope: 'host' },
    { ...eth0, family: 4, address: '192.0.2.1', length: 24, scope: 'global' },
    { ...eth0, family: 6, address: '2001:db8::1', length: 64, scope: 'global', duplicate: true, deprecated: true },
    { ...eth0, family: 6, address: 'fe80::5470:f6ff:fe14:4303', length: 64, scope: 'link', tentative: true },
  ]);
});

test('default routes of both families and all tables, but none that refuse', async () => {
  const plain = { protocol: 'boot', metric: 0, table: 'main', mtuBytes: null, gateway: null };
  expect((await survey()).defaults).toEqual([
    { ...plain, family: 4, device: 'eth0', gateway: '192.0.2.2', protocol: 'dhcp', metric: 100 },
    { ...plain, family: 4, device: 'clat', protocol: '186', metric: 2048, mtuBytes: 1472 },
    { ...plain, family: 4, device: 'eth0', gateway: 'fe80::1', metric: 300 },
    { ...plain, family: 6, device: 'eth0', gateway: 'fe80::2', metric: 1024, table: '77' },
    { ...plain, family: 6, device: 'eth0', gateway: 'fe80::1', metric: 1024, protocol: 'ra' },
  ]);
});

test('default routes of several next hops: a row for each', async () => {
  const { defaults } = await survey({
    'ip -json -6 route show default table all':
      '[{"dst":"default","metric":1024,"flags":[],"pref":"medium","nexthops":[{"gateway":"fe80::1","dev":"eth0","weight":1,"flags":[]},{"gateway":"fe80::2","dev":"eth1","weight":1,"flags":[]}]}]',
    'ip -json -4 route show default table all':
      '[{"dst":"default","metric":50,"flags":[],"metrics":[{"mtu":1400}],"nexthops":[{"gateway":"192.0.2.2","dev":"eth0","weight":1,"flags":[]},{"via":{"family":"inet6","host":"fe80::9"},"dev":"eth1","weight":2,"flags":[]}]}]',
  });
  const plain = { protocol: 'boot', table: 'main' };
  const four = { ...plain, family: 4, metric: 50, mtuBytes: 1400 };
  const six = { ...plain, family: 6, metric: 1024, mtuBytes: null };
  expect(defaults).toEqual([
    { ...four, device: 'eth0', gateway: '192.0.2.2' },
    { ...four, device: 'eth1', gateway: 'fe80::9' },
    { ...six, device: 'eth0', gateway: 'fe80::1' },
    { ...six, device: 'eth1', gateway: 'fe80::2' },
  ]);
});

test('rules, and whether they are for everything', async () => {
  expect((await survey()).rules).toEqual([
    { family: 4, priority: 0, table: 'local', selective: false },
    { family: 4, priority: 100, table: '77', selective: true },
    { family: 4, priority: 200, table: '78', selective: true },
    { family: 4, priority: 300, table: 'none', selective: true },
    { family: 4, priority: 32_766, table: 'main', selective: false },
    { family: 6, priority: 0, table: 'local', selective: false },
    { family: 6, priority: 32_766, table: 'main', selective: false },
  ]);
});

test('neighbours and proxies', async () => {
  const { neighbours, proxies } = await survey();
  expect(neighbours).toEqual([
    { device: 'eth0', address: '2001:db8::9', state: 'PERMANENT', linkAddress: '02:00:00:00:00:09' },
    { device: 'eth0', address: 'fe80::1', state: 'FAILED', linkAddress: '' },
  ]);
  expect(proxies).toEqual([{ device: 'eth0', address: '2001:db8::77', state: '', linkAddress: '' }]);
});

test('settings of devices that are up, also of a VLAN with a dot in its name', async () => {
  files.set('/proc/sys/net/ipv4/ip_forward', '1\n');
  files.set('/proc/sys/net/ipv6/conf/all/forwarding', '0\n');
  files.set('/proc/sys/net/ipv6/conf/eth0.7/accept_ra', '2\n');
  const vlan = (RECORDED['ip -json -d link show'] as string).replace('"ifname":"eth0"', '"ifname":"eth0.7"');
  const { settings } = await survey({ 'ip -json -d link show': vlan });
  expect(settings).toMatchObject({
    'net.ipv4.ip_forward': '1',
    'net.ipv6.conf.all.forwarding': '0',
    'net.ipv6.conf.eth0.7.accept_ra': '2',
    'net.ipv6.conf.eth0.7.disable_ipv6': null,
    'net.ipv4.conf.clat.rp_filter': null,
  });
  expect(Object.keys(settings).filter((name) => name.includes('wlan0'))).toEqual([]);
});

describe('ethtool', () => {
  test('features of Ethernet devices that are up', async () => {
    const { features } = await survey();
    expect(Object.keys(features ?? {})).toEqual(['eth0']);
    expect(features?.eth0).toMatchObject({
      'rx-checksumming': true,
      'tx-checksum-ipv4': false,
      'large-receive-offload': false,
      'rx-gro-list': true,
    });
  });

  test('is not installed', async () => {
    const run = programs(Object.fromEntries(Object.entries(RECORDED).filter(([line]) => !line.startsWith('ethtool'))));
    expect((await surveyMachine(run)).features).toBeNull();
  });

  test('does not know the device', async () => {
    const failure = 'netlink error: Operation not supported';
    expect((await survey({ 'ethtool -k eth0': { failure } })).features).toEqual({ eth0: {} });
  });
});

describe('the clock', () => {
  const systemd = 'timedatectl show --property=NTPSynchronized --value';
  const chrony = (leap: string) =>
    `Reference ID    : C0000235 (192.0.2.53)\nStratum         : 3\nLeap status     : ${leap}\n`;
  test.each<[string, Outputs, boolean | null]>([
    ['timedatectl says yes', {}, true],
    ['timedatectl says no', { [systemd]: 'no\n' }, false],
    ['chronyc is synchronised', { [systemd]: { failure: 'x' }, 'chronyc -n tracking': chrony('Normal') }, true],
    ['chronyc is not', { [systemd]: 'n/a\n', 'chronyc -n tracking': chrony('Not synchronised') }, false],
    ['ntpq: no warning', { [systemd]: '', 'ntpq -c rv 0 leap': 'leap=00\n' }, true],
    ['ntpq: a leap second comes', { [systemd]: '', 'ntpq -c rv 0 leap': 'leap=01\n' }, true],
    ['ntpq: alarm', { [systemd]: '', 'ntpq -c rv 0 leap': 'leap=11\n' }, false],
    ['nobody knows', { [systemd]: { failure: 'Failed to connect to bus' } }, null],
  ])('%s', async (_what, outputs, expected) => {
    expect((await survey(outputs)).clockSynchronised).toBe(expected);
  });
});

describe('what could not be asked', () => {
  test('iproute2 is not installed: one sentence for all questions', async () => {
    const machine = await surveyMachine(programs({}));
    expect(machine).toMatchObject({ links: [], defaults: [], rules: [], neighbours: [], features: {} });
    expect(machine.failures).toEqual(['ip is not installed']);
    expect(machine.firewall.failure).toBe('nft is not installed');
  });

  test.each([
    '{',
    '{}',
    '[1]',
    '[{"ifname":7}]',
    `[{"ifname":"${'x'.repeat(201)}","mtu":1,"flags":[],"link_type":""}]`,
  ])('another form: %s', async (text) => {
    const { links, failures } = await survey({ 'ip -json -d link show': text });
    expect({ links, failures }).toEqual({
      links: [],
      failures: ["ip -d link show: found another form than iproute2's JSON"],
    });
  });

  test('an old iproute2, which says nothing where there is nothing', async () => {
    expect(await survey({ 'ip -json -6 rule show': '\n' })).toMatchObject({ failures: [] });
  });

  test('all is well', async () => {
    expect((await survey()).failures).toEqual([]);
  });

  test('any JSON from any program', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(RECORDED)), fc.json(), async (line, json) => {
        const { failures } = await survey({ [line]: json });
        expect(failures.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('where a packet would go', () => {
  const to = { family: 4, address: '198.51.100.1' } as const;
  const get = 'ip -json -4 route get 198.51.100.1';
  const way = (stdout: string) => findWay(programs({ [get]: stdout }), to);

  test('by a gateway', async () => {
    const row =
      '[{"dst":"198.51.100.1","gateway":"192.0.2.2","dev":"eth0","prefsrc":"192.0.2.1","flags":[],"uid":0,"cache":[]}]';
    expect(await way(row)).toEqual({
      device: 'eth0',
      gateway: '192.0.2.2',
      table: 'main',
      mtuBytes: null,
      local: false,
    });
  });

  test('by a gateway of the other family', async () => {
    const row = '[{"dst":"198.51.100.1","via":{"family":"inet6","host":"fe80::1"},"dev":"eth0","flags":[],"cache":[]}]';
    expect((await way(row))?.gateway).toBe('fe80::1');
  });

  test('with an MTU of the route', async () => {
    expect((await way('[{"dst":"198.51.100.1","dev":"clat","metrics":[{"mtu":1472}]}]'))?.mtuBytes).toBe(1472);
  });

  test('to this host', async () => {
    const row = '[{"type":"local","dst":"192.0.2.1","dev":"lo","table":"local","flags":[],"cache":["local"]}]';
    expect(await way(row)).toEqual({ device: 'lo', gateway: null, table: 'local', mtuBytes: null, local: true });
  });

  test.each(['[{"type":"blackhole","dst":"198.51.100.1"}]', '[]', '', 'RTNETLINK answers'])(
    'nowhere: %j',
    async (row) => {
      expect(await way(row)).toBeNull();
    },
  );

  test('the kernel has none', async () => {
    expect(await findWay(programs({ [get]: { failure: 'RTNETLINK answers: Network is unreachable' } }), to)).toBeNull();
  });

  test('for a packet that is forwarded', async () => {
    const run = programs({});
    await findWay(run, { family: 6, address: '64:ff9b::1', from: '2001:db8::1', through: 'clat' });
    expect(run.asked).toEqual(['ip -json -6 route get 64:ff9b::1 from 2001:db8::1 iif clat']);
  });
});
