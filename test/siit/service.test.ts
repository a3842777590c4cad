import { beforeEach, describe, expect, test } from 'vitest';
import { knownPrefix } from '../../src/config/address.js';
import { readEntry } from '../../src/config/eam-text.js';
import type { SiitFile } from '../../src/config/schema.js';
import type { PlatypusError } from '../../src/errors.js';
import { EAM_ADD_BYTES, type EamRow } from '../../src/native/addon.js';
import { type SiitService, startSiit } from '../../src/siit/service.js';
import { platFile, siitFile } from '../config/configs.js';
import { createFakeAddon, createFakeHost, type FakeHost, systemError } from '../fakes/addon.js';

const config = (siit: string): SiitFile => siitFile(`siit: { pool6: "2001:db8:64::/96", ${siit} }`);

const ONE = '{ v4: 198.51.100.1, v6: "2001:db8:1::1" }';
const TWO = '{ v4: 198.51.100.8/29, v6: "2001:db8:2::/64" }';
const basic = config(`eamt: [${ONE}]`);

let host: FakeHost;
let logged: string[];

beforeEach(() => {
  host = createFakeHost();
  logged = [];
});

function start(wanted: SiitFile = basic): Promise<SiitService> {
  const push = (message: string) => void logged.push(message);
  const log = { info: push, warn: push, error: push };
  return startSiit(wanted, { addon: createFakeAddon(host), log, readSysctl: async () => '1\n' });
}

const hostState = () => JSON.stringify([host.links, host.routes, host.open]);
const routes = () => host.calls.filter((call) => call.startsWith('addRoute'));

function refused(promise: Promise<unknown>): Promise<PlatypusError> {
  return promise.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: PlatypusError) => error,
  );
}

/** Entries of the table in the core. */
function table(): EamRow[] {
  return host.config?.siit.eamt?.list({ cursor: 0, limit: 100 }).rows ?? [];
}

function records(...entries: [string, string][]): Uint8Array {
  const bytes = new Uint8Array(entries.length * EAM_ADD_BYTES);
  for (const [index, [v4, v6]] of entries.entries()) readEntry(v4, v6, bytes, index * EAM_ADD_BYTES);
  return bytes;
}

describe('start', () => {
  test('builds the table, opens, sets up, starts and then routes pool6 and the IPv4 addresses of the table', async () => {
    await start(config(`eamt: [${ONE}, ${TWO}]`));
    expect(host.calls).toEqual([
      'netlink',
      'open platypus',
      'setLink platypus 1500',
      'start',
      'addRoute 2001:db8:64::/96',
      'addRoute 198.51.100.1/32',
      'addRoute 198.51.100.8/29',
    ]);
    expect(host.config?.mode).toBe('siit');
    expect(table()).toHaveLength(2);
    expect(host.limits).toMatchObject({ sessions: 1, pathMtus: 4096 });
  });

  test('pool4 is routed in place of the table’s addresses', async () => {
    await start(config(`eamt: [${ONE}], pool4: 198.51.100.0/24`));
    expect(routes()).toEqual(['addRoute 2001:db8:64::/96', 'addRoute 198.51.100.0/24']);
  });

  test('routes are all that is routed, and may contain addresses of the host', async () => {
    await start(config(`eamt: [${ONE}], pool4: 198.51.100.0/24, routes: ["2001:db8:1::1", 203.0.113.0/25]`));
    expect(routes()).toEqual(['addRoute 2001:db8:1::1/128', 'addRoute 203.0.113.0/25']);
  });

  test('without entries there is no table', async () => {
    await start(config('pool4: 198.51.100.0/24'));
    expect(host.config?.siit.eamt).toBeNull();
  });

  test('more than 1000 routes from the table are refused, and pool4 is asked for', async () => {
    const entries = Array.from(
      { length: 1001 },
      (_, i) => `{ v4: 10.0.${i >> 8}.${i & 255}, v6: "2001:db8::${i + 1}" }`,
    );
    const before = hostState();
    const error = await refused(start(config(`eamt: [${entries}]`)));
    expect(error.code).toBe('PLT_EAM_ROUTES');
    expect(error.message).toMatch(/more than 1000 routes, expected siit\.pool4/);
    expect(hostState()).toBe(before);
    await start(config(`eamt: [${entries}], pool4: 10.0.0.0/21`));
  });

  test('an address of the table that is the host’s is refused', async () => {
    const error = await refused(start(config('eamt: [{ v4: 203.0.113.9, v6: "2001:db8::1" }]')));
    expect(error.message).toMatch(/^eamt 203\.0\.113\.9\/32 contains 203\.0\.113\.9, an address of this host on eth0/);
    expect(host.open).toBe(0);
  });
});

test('stop leaves nothing behind and refuses what is asked afterwards', async () => {
  const before = hostState();
  const service = await start();
  await Promise.all([service.stop(), service.stop()]);
  expect(hostState()).toBe(before);
  expect((await refused(service.flushEamt())).code).toBe('PLT_STOPPING');
});

describe('reload', () => {
  test('puts in another table, and routes follow it', async () => {
    const service = await start();
    host.calls = [];
    expect(await service.reload(config(`eamt: [${TWO}]`))).toEqual([
      'siit.eamt: another table, number of entries 1 became 1',
    ]);
    expect(host.calls).toEqual(['addRoute 198.51.100.8/29', 'configure', 'removeRoute 198.51.100.1/32']);
    expect(table()).toEqual([{ v4: '198.51.100.8/29', v6: '2001:db8:2::/64' }]);
  });

  test('keeps the table that did not change', async () => {
    const service = await start();
    const before = service.eamt();
    await service.reload(config(`eamt: [${ONE}], hairpin: simple`));
    expect(service.eamt()).toBe(before);
    expect(host.config?.siit).toMatchObject({ eamt: before, hairpin: 'simple' });
  });

  test('changes pool6 with its route', async () => {
    const service = await start();
    await service.reload(siitFile(`siit: { pool6: "2001:db8:65::/96", eamt: [${ONE}] }`));
    expect(host.config?.pool6).toEqual([{ address: '2001:db8:65::', length: 96 }]);
    expect(host.routes.map(({ destination }) => destination)).toContain('2001:db8:65::');
    expect(host.routes.map(({ destination }) => destination)).not.toContain('2001:db8:64::');
  });

  test.each(['addRoute 198.51.100.8/29', 'configure', 'removeRoute 198.51.100.1/32'])(
    'takes everything back when "%s" fails',
    async (step) => {
      const service = await start();
      const before = service.eamt();
      const state = hostState();
      let failed = false;
      host.fail = (call) => {
        if (call !== step || failed) return undefined;
        failed = true;
        return systemError('EIO');
      };
      expect((await refused(service.reload(config(`eamt: [${TWO}]`)))).code).toBe('PLT_RELOAD_FAILED');
      expect(failed).toBe(true);
      expect(hostState()).toBe(state);
      expect(host.config?.siit.eamt).toBe(before);
      expect(service.eamt()).toBe(before);
      expect(service.config()).toBe(basic);
    },
  );

  test('is refused when it needs a restart or is of the other kind', async () => {
    const service = await start();
    host.calls = [];
    expect((await refused(service.reload(config(`eamt: [${ONE}], device: other`)))).message).toMatch(/siit\.device/);
    expect((await refused(service.reload(platFile('plat: { pool4: 100.1.2.3 }')))).message).toMatch(
      /nothing was changed: siit cannot become plat/,
    );
    expect(host.calls).toEqual([]);
  });
});

describe('edits of the EAM table', () => {
  test('SIIT-EAM-01 add makes another table and routes its addresses', async () => {
    const service = await start();
    await service.addEamt(records(['198.51.100.8/29', '2001:db8:2::/64'], ['198.51.100.2', '2001:db8:3::']));
    expect(table().map(({ v4 }) => v4)).toEqual(['198.51.100.1/32', '198.51.100.2/32', '198.51.100.8/29']);
    expect(routes().slice(-2).sort()).toEqual(['addRoute 198.51.100.2/32', 'addRoute 198.51.100.8/29']);
  });

  test('pool4 given, routes stay as they are', async () => {
    const service = await start(config(`eamt: [${ONE}], pool4: 198.51.100.0/24`));
    host.calls = [];
    await service.addEamt(records(['198.51.100.2', '2001:db8:3::']));
    expect(host.calls).toEqual(['configure']);
  });

  test.each([
    [
      ['198.51.100.1', '2001:db8:9::'],
      /found 198\.51\.100\.1\/32 2001:db8:9::\/128, expected an IPv4 prefix that 198\.51\.100\.1\/32 2001:db8:1::1\/128 does not have/,
    ],
    [
      ['198.51.100.9', '2001:db8:1::1'],
      /expected an IPv6 prefix that 198\.51\.100\.1\/32 2001:db8:1::1\/128 does not have/,
    ],
  ] as [[string, string], RegExp][])(
    'SIIT-EAM-13 %s is refused, and with it the whole edit',
    async (entry, pattern) => {
      const service = await start();
      const before = service.eamt();
      host.calls = [];
      const error = await refused(service.addEamt(records(['198.51.100.2', '2001:db8:3::'], entry)));
      expect(error.code).toBe('PLT_EAM_REFUSED');
      expect(error.message).toMatch(/^nothing was changed: /);
      expect(error.message).toMatch(pattern);
      expect(host.calls).toEqual([]);
      expect(service.eamt()).toBe(before);
    },
  );

  test('remove takes an entry by either prefix, exactly as it is written', async () => {
    const service = await start(config(`eamt: [${ONE}, ${TWO}]`));
    for (const key of [
      { v4: knownPrefix('198.51.100.0/28') },
      { v4: knownPrefix('198.51.100.9') },
      { v6: knownPrefix('2001:db8:2::') },
    ]) {
      expect((await refused(service.removeEamt(key))).code).toBe('PLT_EAM_NOT_FOUND');
    }
    await service.removeEamt({ v6: knownPrefix('2001:db8:2::/64') });
    expect(table().map(({ v4 }) => v4)).toEqual(['198.51.100.1/32']);
    await service.removeEamt({ v4: knownPrefix('198.51.100.1') });
    expect(host.config?.siit.eamt).toBeNull();
    expect(host.routes.map(({ destination }) => destination)).not.toContain('198.51.100.1');
  });

  test('remove looks through all pages', async () => {
    const entries = Array.from(
      { length: 3000 },
      (_, i) => `{ v4: 10.0.${i >> 8}.${i & 255}, v6: "2001:db8::${i + 1}" }`,
    );
    const service = await start(config(`eamt: [${entries}], pool4: 10.0.0.0/16`));
    await service.removeEamt({ v6: knownPrefix('2001:db8::2999') });
    expect(service.eamt()?.size).toBe(2999);
    expect(service.eamt()?.lookup('10.0.11.182')).toBeNull();
  });

  test('remove from a translator without a table is refused', async () => {
    const service = await start(config('pool4: 198.51.100.0/24'));
    const error = await refused(service.removeEamt({ v4: knownPrefix('198.51.100.1') }));
    expect(error.message).toMatch(/no EAM entry for 198\.51\.100\.1\/32/);
  });

  test('flush removes all, with the routes', async () => {
    const service = await start(config(`eamt: [${ONE}, ${TWO}]`));
    await service.flushEamt();
    expect(service.eamt()).toBeNull();
    expect(host.routes.filter(({ index }) => index === 9).map(({ destination }) => destination)).toEqual([
      '2001:db8:64::',
    ]);
  });

  test('a reload of the file undoes them, also when the file is the same', async () => {
    const service = await start();
    await service.addEamt(records(['198.51.100.2', '2001:db8:3::']));
    expect(await service.reload(config(`eamt: [${ONE}]`))).toEqual([
      'siit.eamt: another table, number of entries 2 became 1',
    ]);
    expect(table()).toHaveLength(1);
  });

  test('run one after the other', async () => {
    const service = await start();
    await Promise.all([
      service.addEamt(records(['198.51.100.2', '2001:db8:3::'])),
      service.addEamt(records(['198.51.100.3', '2001:db8:4::'])),
      service.removeEamt({ v4: knownPrefix('198.51.100.2') }),
    ]);
    expect(table().map(({ v4 }) => v4)).toEqual(['198.51.100.1/32', '198.51.100.3/32']);
  });

  test('more than 1000 routes by an edit are refused whole', async () => {
    const service = await start();
    const many = Array.from({ length: 1000 }, (_, i): [string, string] => [
      `10.0.${i >> 8}.${i & 255}`,
      `2001:db8:9::${i + 1}`,
    ]);
    host.calls = [];
    expect((await refused(service.addEamt(records(...many)))).code).toBe('PLT_EAM_ROUTES');
    expect(host.calls).toEqual([]);
    expect(service.eamt()?.size).toBe(1);
  });
});
