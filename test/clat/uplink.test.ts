import { beforeEach, expect, type Mock, test, vi } from 'vitest';
import type { RunNft } from '../../src/clat/nft.js';
import type { Setting } from '../../src/clat/settings.js';
import { shareLines } from '../../src/clat/share.js';
import { startUplink, type UplinkClat } from '../../src/clat/uplink.js';
import type { ClatConfig } from '../../src/config/clat.js';
import { parseConfig } from '../../src/config/file.js';
import type { ClatPlan } from '../../src/native/addon.js';
import { createFakeAddon, createFakeHost, type FakeHost, systemError } from '../fakes/addon.js';

const RUNNING: Partial<ClatPlan> = {
  state: 'running',
  source: 'router',
  prefixes: [{ address: '64:ff9b::', length: 96 }],
  router: 'fe80::1',
  expiresInSeconds: 600,
  address: '2001:db8:1::c1a7',
  ipv4: '192.0.0.1',
  mtu6: 1500,
  mtu4: 1472,
  metric: 2048,
};

let host: FakeHost;
let scripts: string[];
let onTablesRemoved: Mock<() => void>;
let remembered: string[];
const remember = async (settings: readonly Setting[]) =>
  void remembered.push(
    ...settings.map(({ name, value }) => `${name} ${value} ${host.calls.includes('attach clat 0')}`),
  );
let changed: string[];
/** Of an uplink that does not forward. */
const forwarding = {
  read: async () => (changed.length > 0 ? '1' : '0'),
  list: async () => [],
  change: async (settings: readonly Setting[]) =>
    void changed.push(...settings.map(({ name, value }) => `${name} ${value} ${host.calls.includes('attach clat 0')}`)),
};
let nft: RunNft;
let lines: string[];
let running: UplinkClat;

function configOf(text: string): ClatConfig {
  const { clat } = parseConfig(`clat: { ${text} }`, 'p').config;
  if (clat === undefined) throw new Error('no clat section');
  return clat;
}

function start(text = 'uplink: eth0', order = 0, devices = ['clat']): void {
  const log = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line), error: vi.fn() };
  const addon = createFakeAddon(host);
  const clat = configOf(text);
  const options = {
    clat,
    uplink: 'eth0',
    devices,
    order,
    key: new Uint8Array(16),
    settings: { remember, ...forwarding },
    onTablesRemoved,
  };
  running = startUplink(options, { addon, log, readSysctl: async () => null, nft });
}

const native = () => {
  const [first] = host.clats;
  if (first === undefined) throw new Error('no CLAT was opened');
  return first;
};

beforeEach(() => {
  host = createFakeHost();
  lines = [];
  scripts = [];
  remembered = [];
  changed = [];
  onTablesRemoved = vi.fn();
  nft = async (script) => void scripts.push(script);
});

test('XLAT-CE-05 no device is opened before there is a prefix', async () => {
  start();
  await vi.waitFor(() => expect(lines).toEqual(['CLAT on eth0 looks for the prefix of a NAT64 by eth0']));
  expect(running.device()).toBeNull();
  await running.stop();
});

test('XLAT-ARCH-08 a running plan opens the translator: one EAM row and the prefix; then addresses and routes', async () => {
  start();
  native().change(RUNNING);
  await vi.waitFor(() => expect(host.calls).toContain('attach clat 0'));
  expect(host.config).toMatchObject({
    mode: 'siit',
    pool6: [{ address: '64:ff9b::', length: 96 }],
    mtu6: 1500,
    mtu4: 1472,
    // IPv4's 1472 less 40: a full segment needs no fragments on the uplink.
    mssClamp: 1432,
    icmpSource6: '2001:db8:1::c1a7',
  });
  const eamt = host.config?.siit.eamt?.list({ cursor: 0, limit: 10 }).rows;
  expect(eamt).toEqual([{ v4: '192.0.0.1/32', v6: '2001:db8:1::c1a7/128' }]);
  await vi.waitFor(() =>
    expect(lines.at(-1)).toBe(
      'CLAT on eth0 runs: PREF64 64:ff9b::/96 from RA of fe80::1 on eth0; 192.0.0.1 is 2001:db8:1::c1a7, default route by clat with metric 2048, MTU 1472',
    ),
  );
  expect(running.status()).toMatchObject({ state: 'running', expiresInSeconds: 600, metric: 2048 });
  expect(running.status().words).toMatch(/PREF64 64:ff9b::\/96 from RA of fe80::1 on eth0, 600 s left/);
  await running.stop();
});

test('what is changed of the uplink is remembered first', async () => {
  start();
  native().change(RUNNING);
  await vi.waitFor(() => expect(host.calls).toContain('attach clat 0'));
  expect(remembered.slice(0, 2)).toEqual(['ipv6/conf/eth0/proxy_ndp 1 false', 'ipv6/neigh/eth0/proxy_delay 0 false']);
  await running.stop();
});

test('an uplink whose neighbours are to be answered forwards first; one that shares its address need not', async () => {
  start();
  native().change(RUNNING);
  await vi.waitFor(() => expect(host.calls).toContain('attach clat 0'));
  expect(changed).toEqual([]);
  await running.stop();
  host = createFakeHost();
  start();
  native().change({ ...RUNNING, neighbour: true });
  await vi.waitFor(() => expect(host.calls).toContain('attach clat 0'));
  expect(changed).toEqual(['ipv6/conf/eth0/forwarding 1 false']);
  await running.stop();
});

test('another prefix changes the translator that runs, without another device', async () => {
  start();
  native().change(RUNNING);
  await vi.waitFor(() => expect(host.calls).toContain('attach clat 0'));
  native().change({ prefixes: [{ address: '2001:db8:64::', length: 96 }] });
  await vi.waitFor(() => expect(host.config?.pool6).toEqual([{ address: '2001:db8:64::', length: 96 }]));
  expect(host.calls).not.toContain('stop');
  await running.stop();
});

test('XLAT-CLAT-04 standing down takes addresses, routes and device away', async () => {
  start();
  native().change(RUNNING);
  await vi.waitFor(() => expect(host.calls).toContain('attach clat 0'));
  native().change({ state: 'native-ipv4' });
  await vi.waitFor(() => expect(running.device()).toBeNull());
  const gone = host.calls.slice(host.calls.indexOf('attach clat 0'));
  expect(gone).toContain('detach');
  expect(gone).toContain('stop');
  expect(running.status().words).toBe('stands down: eth0 has native IPv4 (mode: force would go on)');
  await running.stop();
  expect(host.open).toBe(0);
});

test('the second of several uplinks has a routing table of its own', async () => {
  start('uplink: [eth1, eth0]', 1, ['clat0', 'clat1']);
  native().change(RUNNING);
  await vi.waitFor(() => expect(host.calls).toContain('attach clat1 46401'));
  expect(native().options).toMatchObject({ own: ['clat0', 'clat1'], order: 1 });
  await running.stop();
});

test('what the kernel refuses is told once, and leaves nothing behind', async () => {
  host.fail = (call) => (call.startsWith('attach') ? systemError('EEXIST', 'add the IPv4 default route') : undefined);
  start();
  native().change(RUNNING);
  await vi.waitFor(() => expect(running.status().state).toBe('failed'));
  expect(lines.at(-1)).toMatch(
    /^CLAT on eth0 failed: the CLAT failed: .*add the IPv4 default route.*; tried again each 10 s$/,
  );
  expect(running.device()).toBeNull();
  await running.stop();
});

test('without the right to open raw sockets it says so', () => {
  host.fail = (call) => (call === 'clat eth0' ? systemError('EPERM', 'socket') : undefined);
  expect(() => start()).toThrow(/cannot listen to router advertisements on eth0: not permitted/);
});

test('configured resolvers take the place of resolv.conf', async () => {
  start('uplink: eth0, resolvers: "2001:db8::53", discovery: dns, pool6: "64:ff9b::/96"');
  expect(native().options).toMatchObject({
    router: false,
    dns: true,
    resolvers: ['2001:db8::53'],
    resolvConf: null,
    statics: [expect.objectContaining({ address: '64:ff9b::', length: 96 })],
  });
  await running.stop();
});

const SHARED: Partial<ClatPlan> = { ...RUNNING, address: 'fd12::c1a7', sharedAddress: '2001:db8:1::128' };
const NO_TABLE = 'add table ip6 platypus_clat\ndelete table ip6 platypus_clat\n';
const LINES = shareLines({ uplink: 'eth0', inside: 'fd12::c1a7', outside: '2001:db8:1::128' });
const TABLE = `${NO_TABLE}table ip6 platypus_clat {\n${LINES.map((line) => `  ${line}\n`).join('')}}\n`;

test('XLAT-ARCH-19 a shared address: the table is there before the translator, and gone after it', async () => {
  const order: string[] = [];
  nft = async (script) => void order.push(script === TABLE ? 'table' : 'no table', `${host.open} open`);
  start();
  await vi.waitFor(() => expect(order).toEqual(['no table', '0 open']));
  native().change(SHARED);
  await vi.waitFor(() => expect(host.calls).toContain('attach clat 0'));
  expect(order.slice(2)).toEqual(['table', '0 open']);
  await vi.waitFor(() =>
    expect(running.status()).toMatchObject({
      address: 'fd12::c1a7',
      sharedAddress: '2001:db8:1::128',
      words: expect.stringContaining(
        '192.0.0.1 shares 2001:db8:1::128 with eth0 (inside the host fd12::c1a7, told apart by connection tracking), default',
      ),
    }),
  );
  await running.stop();
  expect(order.slice(4)).toEqual(['no table', '0 open']);
});

test('XLAT-CLAT-06 with a /64 the address is its own and the table goes; back it comes again', async () => {
  start();
  native().change(SHARED);
  await vi.waitFor(() => expect(scripts).toEqual([TABLE]));
  native().change({ address: '2001:db8:1::c1a7', sharedAddress: null });
  await vi.waitFor(() => expect(scripts).toEqual([TABLE, NO_TABLE]));
  native().change(SHARED);
  await vi.waitFor(() => expect(scripts).toEqual([TABLE, NO_TABLE, TABLE]));
  await running.stop();
});

test('without nft a shared address is refused in one sentence, and nothing is translated', async () => {
  nft = () => Promise.reject(Object.assign(new Error('spawn nft ENOENT'), { code: 'ENOENT' }));
  start();
  native().change(SHARED);
  await vi.waitFor(() => expect(running.status().state).toBe('failed'));
  expect(running.status().words).toBe(
    'failed: the CLAT failed: cannot share 2001:db8:1::128 of eth0: the program nft is missing, expected nftables (or an address of its own: clat.address)',
  );
  expect(running.device()).toBeNull();
  expect(host.calls).not.toContain('attach clat 0');
  await running.stop();
});

test('a table that a firewall took along is put back, and that of the LAN as well', async () => {
  let flushed = false;
  nft = async (script) => {
    scripts.push(script);
    if (script.startsWith('list') && flushed) throw new Error('No such file or directory');
  };
  start();
  native().change(SHARED);
  await vi.waitFor(() => expect(host.calls).toContain('attach clat 0'));
  expect(host.calls).toContain('watch tables');
  flushed = true;
  scripts = [];
  native().change({ tablesRemoved: 1 });
  await vi.waitFor(() => expect(scripts).toEqual(['list table ip6 platypus_clat\n', TABLE]));
  expect(onTablesRemoved).toHaveBeenCalledOnce();
  await vi.waitFor(() => expect(lines).toContain('the nftables table of clat was gone: it is put back'));
  await running.stop();
});
