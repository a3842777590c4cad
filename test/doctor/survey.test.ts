/** How the parts of a survey are put together: role, uplinks, prefix. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseConfig } from '../../src/config/file.js';
import type { ControlClient } from '../../src/control/client.js';
import type { StatusReport } from '../../src/control/target.js';
import type { ReachFacts } from '../../src/doctor/probes/facts.js';
import * as reach from '../../src/doctor/probes/reach.js';
import * as responders from '../../src/doctor/probes/responders.js';
import { expectationsOf } from '../../src/doctor/survey/expectations.js';
import * as link from '../../src/doctor/survey/link.js';
import { surveyLog } from '../../src/doctor/survey/logs.js';
import * as poolReturn from '../../src/doctor/survey/pool-return.js';
import * as resolvers from '../../src/doctor/survey/resolvers.js';
import { embed, type SurveyOptions, takeSurvey } from '../../src/doctor/survey/survey.js';
import { errors } from '../../src/errors.js';
import { loadAddon } from '../../src/native/addon.js';
import { type Outputs, programs, RECORDED } from './outputs.js';
import { advertisement, CLAT_ADDRESS, clatRow, PREFIX, PROGRAM, resolver, translator } from './surveys.js';

vi.mock(import('../../src/doctor/survey/link.js'), async (original) => ({
  ...(await original()),
  listenToRouters: vi.fn(),
  findClaimants: vi.fn(),
}));
vi.mock('../../src/doctor/survey/resolvers.js', () => ({
  namedResolvers: vi.fn(),
  askResolvers: vi.fn(),
  createResolver: vi.fn(),
}));
vi.mock('../../src/doctor/probes/responders.js', () => ({ findResponders: vi.fn() }));
vi.mock('../../src/doctor/probes/reach.js', () => ({ probeResponder: vi.fn() }));
vi.mock('../../src/doctor/survey/pool-return.js', () => ({ surveyPoolReturn: vi.fn() }));

const FACTS = { responder: { address: '203.0.113.5', port: 3478 } } as unknown as ReachFacts;
const SECOND = '2001:db8:64::/96';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platypus-survey-'));
  vi.mocked(link.listenToRouters).mockImplementation(async (device) => ({
    device,
    routers: [],
    refused: 0,
    failure: null,
  }));
  vi.mocked(link.findClaimants).mockResolvedValue([]);
  vi.mocked(resolvers.namedResolvers).mockResolvedValue([]);
  vi.mocked(resolvers.askResolvers).mockResolvedValue([]);
  vi.mocked(responders.findResponders).mockResolvedValue({ responders: [], names: [], why: null });
  vi.mocked(reach.probeResponder).mockResolvedValue(FACTS);
  vi.mocked(poolReturn.surveyPoolReturn).mockImplementation(async (address) => {
    return { address, router: '192.0.2.2', cameBackBy: 'eth0', failure: null };
  });
});
afterEach(async () => {
  vi.clearAllMocks();
  await rm(folder, { recursive: true });
});

async function fileOf(text: string): Promise<string> {
  const file = join(folder, 'platypus.yaml');
  await writeFile(file, text);
  return file;
}

const answering = (status: StatusReport | Error): ControlClient => ({
  async request<Answer>(method: string, path: string) {
    expect(`${method} ${path}`).toBe('GET /v1/status');
    if (status instanceof Error) throw status;
    return status as Answer;
  },
  lines: () => {
    throw new Error('not asked');
  },
});

function take({ status, ...change }: Partial<SurveyOptions> & { status?: StatusReport } = {}) {
  return takeSurvey({
    addon: loadAddon(),
    client: answering(status ?? new Error('found no translator')),
    file: null,
    uplinks: [],
    resolvers: [],
    responder: null,
    signal: new AbortController().signal,
    run: programs(RECORDED),
    ...change,
  });
}

const clat = (...rows: Parameters<typeof clatRow>[0][]): StatusReport => {
  return { ...PROGRAM, file: null, clat: rows.map((row) => clatRow(row)) };
};

describe('the role', () => {
  test.each<[string, StatusReport | undefined, string | null, string]>([
    ['nothing runs', undefined, null, 'host'],
    ['a CLAT runs', clat({}), null, 'clat'],
    ['a PLAT runs', translator({ file: null }), null, 'plat'],
    ['a stateless translator runs', translator({ file: null, mode: 'siit' }), null, 'host'],
    ['a DNS64 server runs', { ...PROGRAM, file: null, mode: 'dns64' }, null, 'host'],
    ['a file with a CLAT, nothing runs', undefined, 'clat: { uplink: eth0 }\n', 'clat'],
    ['a file with a PLAT, nothing runs', undefined, `plat: { pool6: ${SECOND}, pool4: [192.0.2.0/28] }\n`, 'plat'],
  ])('%s', async (_what, status, text, role) => {
    const file = text === null ? null : await fileOf(text);
    expect((await take({ ...(status && { status }), file })).role).toBe(role);
  });
});

describe('the file', () => {
  test('is the one that the running program names', async () => {
    const file = await fileOf('clat: { uplink: eth7, lan: nat44 }\n');
    const { expectations } = await take({ status: { ...clat({}), file } });
    expect(expectations?.lan?.mode).toBe('nat44');
  });

  test('or the one that is told', async () => {
    const file = await fileOf('clat: { uplink: eth7 }\n');
    expect((await take({ status: { ...clat({}), file: '/nonexistent' }, file })).expectations?.lan?.mode).toBe('none');
  });

  test('that is wrong is refused in a sentence', async () => {
    await expect(take({ file: await fileOf('clat: 7\n') })).rejects.toThrow('platypus.yaml');
  });
});

test('resolvers of the command line, and of the CLAT in the file', async () => {
  const file = await fileOf('clat: { uplink: eth7, resolvers: "2001:db8::64" }\n');
  await take({ file, resolvers: ['::1'] });
  const asked = { told: ['::1'], configured: ['2001:db8::64'] };
  expect(vi.mocked(resolvers.namedResolvers).mock.calls).toEqual([[asked, expect.anything()]]);
});

describe('uplinks', () => {
  test('that are told', async () => {
    expect((await take({ uplinks: ['a', 'b'], status: clat({}) })).uplinks).toEqual(['a', 'b']);
  });
  test('of the CLAT that runs', async () => {
    expect((await take({ status: clat({ uplink: 'a' }, { uplink: 'b' }) })).uplinks).toEqual(['a', 'b']);
  });
  test('of the file', async () => {
    expect((await take({ file: await fileOf('clat: { uplink: eth7 }\n') })).uplinks).toEqual(['eth7']);
  });
  test('of the IPv6 default route with the lowest metric', async () => {
    const routes = '[{"dst":"default","dev":"b","metric":1024},{"dst":"default","dev":"a","metric":100}]';
    const run = programs({ ...RECORDED, 'ip -json -6 route show default table all': routes });
    expect((await take({ run })).uplinks).toEqual(['a']);
  });
  test('none without a route, and none on a PLAT', async () => {
    const run = programs({ ...RECORDED, 'ip -json -6 route show default table all': '[]' });
    expect((await take({ run })).uplinks).toEqual([]);
    expect((await take({ status: translator({ file: null }) })).uplinks).toEqual([]);
  });
  test('are each listened on', async () => {
    const { links } = await take({ uplinks: ['a', 'b'] });
    expect(links.map(({ device }) => device)).toEqual(['a', 'b']);
  });
});

describe('the prefix', () => {
  const advertised = (...pref64: { prefix: string; lifetimeSeconds: number }[]) =>
    vi.mocked(link.listenToRouters).mockImplementation(async (device) => {
      return { device, routers: [advertisement('fe80::1', { pref64 })], refused: 0, failure: null };
    });
  const answered = (...prefixes: string[]) =>
    vi
      .mocked(resolvers.askResolvers)
      .mockResolvedValue([resolver('::1', { prefixes: [] }), resolver('::2', { prefixes })]);

  test('of the PLAT', async () => {
    advertised({ prefix: PREFIX, lifetimeSeconds: 600 });
    expect((await take({ status: translator({ file: null, pool6: [SECOND] }) })).prefix).toBe(SECOND);
  });
  test('of the CLAT goes before what is advertised', async () => {
    advertised({ prefix: SECOND, lifetimeSeconds: 600 });
    expect((await take({ status: clat({ prefixes: [] }, {}) })).prefix).toBe(PREFIX);
  });
  test('that is advertised, and not taken back, goes before DNS', async () => {
    advertised({ prefix: '2001:db8:66::/96', lifetimeSeconds: 0 }, { prefix: SECOND, lifetimeSeconds: 600 });
    answered(PREFIX);
    expect((await take()).prefix).toBe(SECOND);
  });
  test('by DNS', async () => {
    answered(PREFIX, SECOND);
    expect((await take()).prefix).toBe(PREFIX);
  });
  test('unknown', async () => {
    expect((await take()).prefix).toBeNull();
  });
});

describe('of a CLAT', () => {
  test('address and ways, when it runs', async () => {
    const row = (dev: string) => `[{"dst":"x","dev":"${dev}","flags":[]}]`;
    const run = programs({
      ...RECORDED,
      'ip -json -4 route get 198.51.100.1': row('clat'),
      [`ip -json -6 route get 64:ff9b::c633:6401 from ${CLAT_ADDRESS} iif clat`]: row('eth0'),
      [`ip -json -6 route get ${CLAT_ADDRESS}`]: row('clat'),
    });
    vi.mocked(link.findClaimants).mockResolvedValue(['02:00:00:00:00:09']);
    const { clats } = await take({ status: clat({}, { state: 'searching', address: null }), run });
    const way = { gateway: null, table: 'main', mtuBytes: null, local: false };
    expect(clats).toEqual([
      {
        uplink: 'eth0',
        device: 'clat',
        address: CLAT_ADDRESS,
        sharedAddress: null,
        claimants: ['02:00:00:00:00:09'],
        literal: { ...way, device: 'clat' },
        translated: { ...way, device: 'eth0' },
        answer: { ...way, device: 'clat' },
      },
    ]);
    expect(vi.mocked(link.findClaimants).mock.calls[0]?.slice(0, 2)).toEqual(['eth0', CLAT_ADDRESS]);
  });

  test('others are asked for the address that they see', async () => {
    await take({ status: clat({ sharedAddress: '2001:db8:1:1::2' }) });
    expect(vi.mocked(link.findClaimants).mock.calls[0]?.[1]).toBe('2001:db8:1:1::2');
  });
});

describe('of a PLAT', () => {
  test('the last address of each of four pools', async () => {
    const pool4 = [
      '192.0.2.0/28#1024-65535',
      '192.0.2.0/28#1-1023',
      '198.18.0.0/31',
      '198.18.1.7/32',
      '198.18.2.0/24',
      '198.18.3.0/24',
    ];
    const { poolReturns } = await take({ status: translator({ file: null, pool4 }) });
    expect(poolReturns.map(({ address }) => address)).toEqual([
      '192.0.2.15',
      '198.18.0.1',
      '198.18.1.7',
      '198.18.2.255',
    ]);
  });

  test('the pools of its file, when it does not run', async () => {
    const file = await fileOf(`plat: { pool6: ${SECOND}, pool4: [192.0.2.0/29] }\n`);
    expect((await take({ file })).poolReturns.map(({ address }) => address)).toEqual(['192.0.2.7']);
  });

  test('of a CLAT no pool is tried', async () => {
    expect((await take({ status: clat({}) })).poolReturns).toEqual([]);
  });
});

describe('the responder', () => {
  const responder = { address: '203.0.113.5', port: 3478 };
  const ping = 'ping -6 -n -c 3 -i 0.3 -W 1 64:ff9b::cb00:7105';
  const found = (...all: { address: string; name: string; confirmed: boolean }[]) =>
    vi.mocked(responders.findResponders).mockResolvedValue({ responders: all, names: [], why: null });
  const known = (stdout?: string) => {
    vi.mocked(resolvers.askResolvers).mockResolvedValue([resolver('::1')]);
    const outputs: Outputs = stdout === undefined ? {} : { [ping]: { ok: false, stdout } };
    return { run: programs({ ...RECORDED, ...outputs }) };
  };

  test('that is told is asked, and pinged within the prefix', async () => {
    const survey = await take({ ...known('3 packets transmitted, 2 received, 33% packet loss\n'), responder });
    expect(survey).toMatchObject({
      responder: { ...responder, name: null },
      nat64: { address6: '64:ff9b::cb00:7105', answered: true, error: null },
      reach: FACTS,
      whyNotReached: null,
    });
    expect(responders.findResponders).not.toHaveBeenCalled();
  });

  test('does not answer, and a router says why', async () => {
    const said =
      'PING …\nFrom 2001:db8::1 icmp_seq=1 Destination unreachable: No route\n3 packets transmitted, 0 received\n';
    expect((await take({ ...known(said), responder })).nat64).toEqual({
      address6: '64:ff9b::cb00:7105',
      answered: false,
      error: 'From 2001:db8::1 icmp_seq=1 Destination unreachable: No route',
    });
  });

  test('cannot be pinged without ping or a prefix', async () => {
    expect((await take({ ...known(), responder })).nat64).toBeNull();
    vi.mocked(resolvers.askResolvers).mockResolvedValue([]);
    expect(await take({ responder })).toMatchObject({ nat64: null, reach: FACTS });
  });

  test('that DNS names: one that is confirmed goes first', async () => {
    found(
      { address: '203.0.113.4', name: 'a.example.net', confirmed: false },
      { address: '203.0.113.5', name: 'b.example.net', confirmed: true },
    );
    expect((await take(known())).responder).toEqual({ ...responder, name: 'b.example.net' });
  });

  test('is not known, and why', async () => {
    expect((await take()).whyNotReached).toMatch(
      /^no responder is known, because no NAT64 prefix is known: name one with --responder /,
    );
    expect((await take({ status: clat({}) })).whyNotReached).toMatch(/because no resolver answers: /);
    expect(await take(known())).toMatchObject({ responder: null, nat64: null, reach: null });
    expect(reach.probeResponder).not.toHaveBeenCalled();
  });

  test('is not asked by a PLAT', async () => {
    const survey = await take({ status: translator({ file: null }), responder });
    expect(survey).toMatchObject({
      responder: null,
      nat64: null,
      reach: null,
      whyNotReached: 'a PLAT is not its own customer',
    });
  });
});

test('when it was taken, and why nobody answered', async () => {
  const { takenAt, status, statusFailure } = await take();
  expect(new Date(takenAt).toISOString()).toBe(takenAt);
  expect({ status, statusFailure }).toEqual({ status: null, statusFailure: 'found no translator' });
});

describe('where this user must not ask', () => {
  const client = answering(errors.socketDenied('/run/platypus/control.sock'));

  test('nothing is known of this host, and that is the answer', async () => {
    await expect(take({ client })).rejects.toMatchObject({ code: 'PLT_SOCKET_DENIED' });
  });

  test('a file that is told says what this host is for', async () => {
    const file = await fileOf(`plat: { pool6: ${SECOND}, pool4: [192.0.2.0/28] }\n`);
    expect(await take({ client, file })).toMatchObject({ role: 'plat', status: null, statusDenied: true });
  });
});

test('that is cut short is thrown away', async () => {
  const controller = new AbortController();
  vi.mocked(resolvers.askResolvers).mockImplementation(async () => {
    controller.abort(new Error('interrupted'));
    return [];
  });
  await expect(take({ signal: controller.signal })).rejects.toThrow('interrupted');
});

test('what a file asks for', () => {
  const read = (text: string) => expectationsOf(parseConfig(text, 'test').config);
  expect(read('clat: { uplink: eth0, lan: { mode: nat44, networks: [192.168.1.0/24] } }\n')).toEqual({
    lan: { mode: 'nat44', networks: ['192.168.1.0/24'], device: 'clat' },
    pool4: [],
    queryLog: null,
  });
  const plat = `plat: { pool6: ${SECOND}, pool4: [192.0.2.0/28] }\ndns64: { listen: '::1', upstream: 192.0.2.53, queryLog: { file: /var/log/q.json } }\n`;
  expect(read(plat)).toEqual({ lan: null, pool4: ['192.0.2.0/28'], queryLog: '/var/log/q.json' });
});

describe('a log', () => {
  test('that is there, and one that comes with its first line', async () => {
    const file = join(folder, 'q.json');
    for (const round of [0, 1]) {
      const { name, failure, freeBytes } = await surveyLog(file);
      expect({ round, name, failure }).toEqual({ round, name: file, failure: null });
      expect(freeBytes).toBeGreaterThanOrEqual(0);
      await writeFile(file, '');
    }
  });

  test('whose folder is gone', async () => {
    const { failure, freeBytes } = await surveyLog(join(folder, 'gone', 'q.json'));
    expect(failure).toContain('ENOENT');
    expect(freeBytes).toBeNull();
  });
});

test.each([
  ['64:ff9b::/96', '64:ff9b::c633:6401'],
  ['2001:db8:64::/64', '2001:db8:64:0:c6:3364:100:0'],
  ['2001:db8::/32', '2001:db8:c633:6401::'],
  ['2001:db8:ff00::/40', '2001:db8:ffc6:3364:1::'],
  ['2001:db8:64::/48', '2001:db8:64:c633:64:100::'],
  ['2001:db8:64:ff00::/56', '2001:db8:64:ffc6:33:6401::'],
])('198.51.100.1 in %s is %s (RFC 6052 §2.4)', (prefix, address) => {
  expect(embed(prefix, '198.51.100.1')).toBe(address);
});

test('nothing is put into what is no prefix', () => {
  expect([embed('192.0.2.0/24', '198.51.100.1'), embed('64:ff9b::/96', '::1'), embed('x', 'y')]).toEqual([
    null,
    null,
    null,
  ]);
});
