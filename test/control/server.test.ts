import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTarget } from '../../src/cli/target.js';
import { createClient } from '../../src/control/client.js';
import { type ControlServer, createControlApp, startControl } from '../../src/control/server.js';
import type { ControlTarget } from '../../src/control/target.js';
import { EAM_ADD_BYTES } from '../../src/native/addon.js';
import { type PlatService, startPlat } from '../../src/plat/service.js';
import { type SiitService, startSiit } from '../../src/siit/service.js';
import { platFile, siitFile } from '../config/configs.js';
import { createFakeAddon, createFakeHost, type FakeHost, fakeSession, systemError } from '../fakes/addon.js';

let host: FakeHost;
let service: PlatService;
let target: ControlTarget;
let told: string[];
let folder: string;
let file: string | null;

beforeEach(async () => {
  host = createFakeHost();
  told = [];
  file = '/etc/platypus.yaml';
  folder = await mkdtemp(join(tmpdir(), 'platypus-control-'));
  const addon = createFakeAddon(host);
  const config = platFile('plat: { pool6: "2001:db8:64::/96", pool4: 198.51.100.0/28 }');
  const quiet = () => {};
  const log = { info: quiet, warn: quiet, error: quiet };
  service = await startPlat(config, { addon, log, readSysctl: async () => null });
  target = createTarget({
    service,
    dns64: null,
    announcer: null,
    clat: null,
    responder: null,
    addon,
    file,
    reload: async () => ({ changes: await service.reload(config), warnings: [] }),
  });
});
afterEach(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

type Method = 'GET' | 'POST' | 'DELETE';

async function ask(method: Method, url: string, body?: unknown) {
  const app = createControlApp(target, (message) => told.push(message));
  const payload = body === undefined ? {} : { payload: body as object };
  const response = await app.inject({ method, url, ...payload });
  await app.close();
  return { status: response.statusCode, body: response.json() };
}

describe('answers', () => {
  test('GET /v1/status', async () => {
    const { status, body } = await ask('GET', '/v1/status');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      mode: 'plat',
      eamt: null,
      announce: ['2001:db8:64::/96', '198.51.100.0/28'],
      device: 'platypus',
      alive: true,
      file: '/etc/platypus.yaml',
      pool6: ['2001:db8:64::/96'],
      pool4: ['198.51.100.0/28#1024-65535'],
      limits: { sessions: 1048576 },
      offload: { checksum: true },
      version: expect.stringMatching(/^\d+\./),
    });
  });

  test('N64-XLAT-05 GET /v1/stats names, values and meanings', async () => {
    const { body } = await ask('GET', '/v1/stats');
    expect(body.counters).toHaveLength(3);
    expect(body.counters[2]).toEqual({ name: 'bytes.v6_to_v4', value: 2 ** 40, explain: 'Bytes of them.' });
  });

  test('GET /v1/sessions in pages', async () => {
    host.sessions = Array.from({ length: 5 }, (_, index) => fakeSession(index));
    const first = await ask('GET', '/v1/sessions?limit=3');
    expect(first.body.rows).toHaveLength(3);
    const second = await ask('GET', `/v1/sessions?limit=3&cursor=${first.body.next}`);
    expect(second.body).toMatchObject({ rows: [{}, {}], next: null });
  });

  test('GET /v1/sessions hands the filters to the core', async () => {
    await ask(
      'GET',
      '/v1/sessions?protocol=udp&v6=2001:db8:1::/64&v4=198.51.100.1%235000&remote4=8.8.8.0/24&limit=7&cursor=9',
    );
    expect(host.queries).toEqual([
      {
        protocol: 'udp',
        v6: { address: '2001:db8:1::', length: 64 },
        v4: { address: '198.51.100.1', length: 32 },
        port4: 5000,
        remote4: { address: '8.8.8.0', length: 24 },
        limit: 7,
        cursor: 9,
      },
    ]);
  });

  test('POST, GET and DELETE /v1/bib', async () => {
    const entry = { protocol: 'tcp', v6: '2001:db8:1::1#80', v4: '198.51.100.1#80' };
    expect((await ask('POST', '/v1/bib', entry)).status).toBe(201);
    expect((await ask('GET', '/v1/bib?protocol=tcp')).body.rows).toMatchObject([{ v4: '198.51.100.1', static: true }]);
    expect((await ask('DELETE', '/v1/bib?protocol=tcp&v4=198.51.100.1%2380')).status).toBe(200);
    expect((await ask('GET', '/v1/bib')).body).toEqual({ rows: [], next: null });
    expect(service.config().plat.staticBib).toEqual([]);
  });

  test('POST and DELETE /v1/pool4 change pool and route, and say that the file stays', async () => {
    const added = await ask('POST', '/v1/pool4', { prefix: '198.51.100.64/30', ports: '2000-3000' });
    expect(added).toMatchObject({ status: 201, body: { note: expect.stringContaining('not written to the file') } });
    expect(host.routes.map(({ destination }) => destination)).toContain('198.51.100.64');
    expect((await ask('GET', '/v1/pool4')).body.rows[1]).toMatchObject({ v4: '198.51.100.64', portMin: 2000 });
    expect((await ask('DELETE', '/v1/pool4?prefix=198.51.100.64/30')).status).toBe(200);
    expect(host.routes.map(({ destination }) => destination)).not.toContain('198.51.100.64');
  });

  test('POST /v1/reload', async () => {
    expect((await ask('POST', '/v1/reload')).body).toEqual({ changes: [], warnings: [] });
  });
});

describe('a stateless translator', () => {
  let siit: SiitService;
  beforeEach(async () => {
    await service.stop();
    const addon = createFakeAddon(host);
    const log = { info() {}, warn() {}, error() {} };
    const text = `siit: { pool6: ["2001:db8:64::/96"], pool4: [198.51.100.0/25, 198.51.100.128/25],
      eamt: [{ v4: 198.51.100.1, v6: "2001:db8:1::1" }, { v4: 198.51.100.8/29, v6: "2001:db8:2::/64" }] }`;
    siit = await startSiit(siitFile(text), { addon, log, readSysctl: async () => null });
    target = createTarget({
      service: siit,
      dns64: null,
      announcer: null,
      clat: null,
      responder: null,
      addon,
      file,
      reload: async () => ({ changes: [], warnings: [] }),
    });
  });
  afterEach(() => siit.stop());

  test('SIIT-FRM-05 GET /v1/status names mode, EAM entries and what may be announced', async () => {
    const { body } = await ask('GET', '/v1/status');
    expect(body).toMatchObject({
      mode: 'siit',
      eamt: 2,
      pool4: ['198.51.100.0/25', '198.51.100.128/25'],
      announce: ['2001:db8:64::/96', '198.51.100.0/24'],
    });
    expect(body.limits).toEqual({ reassembly: 256, pathMtus: 4096 });
    // The fake's core has 1 MiB, its table 22 bytes an entry.
    expect(body.sizes.memoryBytes).toBe(1_048_576 + 44);
  });

  test('GET /v1/eamt in pages, with filters', async () => {
    const first = await ask('GET', '/v1/eamt?limit=1');
    expect(first.body).toEqual({ rows: [{ v4: '198.51.100.1/32', v6: '2001:db8:1::1/128' }], next: 1 });
    expect((await ask('GET', '/v1/eamt?limit=1&cursor=1')).body).toMatchObject({
      rows: [{ v4: '198.51.100.8/29' }],
      next: null,
    });
    expect((await ask('GET', '/v1/eamt?v6=2001:db8:2::7')).body.rows).toHaveLength(1);
    expect((await ask('GET', '/v1/eamt?v4=198.51.100.0/29')).body.rows).toEqual([
      { v4: '198.51.100.1/32', v6: '2001:db8:1::1/128' },
    ]);
  });

  test('POST, GET lookup and DELETE /v1/eamt change the table, and say that the file stays', async () => {
    const added = await ask('POST', '/v1/eamt', { entries: [{ v4: '198.51.100.2', v6: '2001:db8:3::2' }] });
    expect(added).toMatchObject({
      status: 201,
      body: {
        changes: ['siit.eamt: number of entries 2 became 3'],
        note: expect.stringContaining('not written to the file'),
      },
    });
    expect((await ask('GET', '/v1/eamt/lookup?address=198.51.100.2')).body).toEqual({
      address: '198.51.100.2',
      entry: { v4: '198.51.100.2/32', v6: '2001:db8:3::2/128' },
      counterpart: '2001:db8:3::2',
    });
    expect((await ask('GET', '/v1/eamt/lookup?address=10.0.0.1')).body).toEqual({
      address: '10.0.0.1',
      entry: null,
      counterpart: null,
    });
    expect((await ask('DELETE', '/v1/eamt?v6=2001:db8:3::2')).body.changes).toEqual([
      'siit.eamt: number of entries 3 became 2',
    ]);
    expect((await ask('DELETE', '/v1/eamt?v4=198.51.100.8/29')).status).toBe(200);
    expect((await ask('DELETE', '/v1/eamt?all=true')).body.changes).toEqual([
      'siit.eamt: number of entries 1 became 0',
    ]);
    expect((await ask('GET', '/v1/eamt')).body).toEqual({ rows: [], next: null });
  });

  test('POST /v1/eamt takes the largest edit, and not one entry more', async () => {
    const address = (i: number) => ({
      v4: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`,
      v6: `2001:db8:ffff:ffff:ffff:ffff:${(i >> 16).toString(16).padStart(4, '0')}:${(i & 65535).toString(16).padStart(4, '0')}/128`,
    });
    const entries = Array.from({ length: 65_537 }, (_, index) => address(index));
    expect(await ask('POST', '/v1/eamt', { entries })).toMatchObject({
      status: 400,
      body: {
        message: expect.stringMatching(/entries: found a list of 65537, expected at most 65536 EAM entries here/),
      },
    });
    let size = 0;
    const addEamt: ControlTarget['addEamt'] = async (records) => {
      size = records.length / EAM_ADD_BYTES;
      return { changes: [], warnings: [] };
    };
    target = { ...target, addEamt };
    expect((await ask('POST', '/v1/eamt', { entries: entries.slice(1) })).status).toBe(201);
    expect(size).toBe(65_536);
  });

  test.each<[Method, string, unknown, number, string, RegExp]>([
    ['GET', '/v1/sessions', undefined, 409, 'PLT_WRONG_MODE', /no session table here: this translator is stateless/],
    ['GET', '/v1/bib', undefined, 409, 'PLT_WRONG_MODE', /no BIB here/],
    ['DELETE', '/v1/bib?protocol=tcp&v4=192.0.2.1%231', undefined, 409, 'PLT_WRONG_MODE', /no BIB here/],
    ['POST', '/v1/bib', { protocol: 'tcp', v6: '::1#1', v4: '192.0.2.1#1' }, 409, 'PLT_WRONG_MODE', /no BIB here/],
    ['GET', '/v1/pool4', undefined, 409, 'PLT_WRONG_MODE', /no pool4 with ports/],
    ['POST', '/v1/pool4', { prefix: '192.0.2.1' }, 409, 'PLT_WRONG_MODE', /no pool4 with ports/],
    ['DELETE', '/v1/pool4?prefix=192.0.2.1', undefined, 409, 'PLT_WRONG_MODE', /no pool4 with ports/],
    ['GET', '/v1/eamt?v4=192.0.2.1%2380', undefined, 400, 'PLT_REQUEST_INVALID', /v4: found "192\.0\.2\.1#80"/],
    ['GET', '/v1/eamt?v6=192.0.2.1', undefined, 400, 'PLT_REQUEST_INVALID', /v6: found/],
    ['GET', '/v1/eamt?limit=4097', undefined, 400, 'PLT_REQUEST_INVALID', /limit/],
    ['GET', '/v1/eamt/lookup', undefined, 400, 'PLT_REQUEST_INVALID', /address: found nothing/],
    ['GET', '/v1/eamt/lookup?address=192.0.2.0/24', undefined, 400, 'PLT_REQUEST_INVALID', /address/],
    ['POST', '/v1/eamt', {}, 400, 'PLT_REQUEST_INVALID', /entries: found nothing, expected a list/],
    ['POST', '/v1/eamt', { entries: [] }, 400, 'PLT_REQUEST_INVALID', /an empty list, expected 1 to 65536/],
    [
      'POST',
      '/v1/eamt',
      {
        entries: [
          { v4: '192.0.2.1', v6: '::1' },
          { v4: '192.0.2.0/24', v6: '::2' },
        ],
      },
      400,
      'PLT_REQUEST_INVALID',
      /entries\[1\]\.v6: found "::2", expected an IPv6 prefix of at most \/120/,
    ],
    ['POST', '/v1/eamt', { entries: [{ v4: '198.51.100.1', v6: '::1' }] }, 409, 'PLT_EAM_REFUSED', /198\.51\.100\.1/],
    ['POST', '/v1/eamt', { entries: Array(30).fill({}) }, 400, 'PLT_REQUEST_INVALID', /^body: (?:[^;]*; ){19}[^;]*$/],
    ['DELETE', '/v1/eamt', undefined, 400, 'PLT_REQUEST_INVALID', /found 0 of v4, v6 and all, expected one of them/],
    ['DELETE', '/v1/eamt?all=true&v4=1.2.3.4', undefined, 400, 'PLT_REQUEST_INVALID', /found 2 of v4, v6 and all/],
    ['DELETE', '/v1/eamt?all=yes', undefined, 400, 'PLT_REQUEST_INVALID', /all: found "yes"/],
    ['DELETE', '/v1/eamt?v4=198.51.100.2', undefined, 404, 'PLT_EAM_NOT_FOUND', /198\.51\.100\.2\/32/],
  ])('refuses %s %s %o', async (method, url, body, status, code, sentence) => {
    const before = host.config;
    const answer = await ask(method, url, body);
    expect(answer).toMatchObject({ status, body: { code, message: expect.stringMatching(sentence) } });
    expect(answer.body.message).not.toContain('\n');
    expect(host.config).toBe(before);
  });
});

describe('refuses with a code and a sentence', () => {
  test.each<[Method, string, unknown, number, string, RegExp]>([
    [
      'GET',
      '/v1/sessions?protocol=sctp',
      undefined,
      400,
      'PLT_REQUEST_INVALID',
      /protocol: found "sctp", expected one of tcp, udp, icmp/,
    ],
    [
      'GET',
      '/v1/sessions?v6=192.0.2.1',
      undefined,
      400,
      'PLT_REQUEST_INVALID',
      /v6: found "192\.0\.2\.1", expected an IPv6/,
    ],
    ['GET', '/v1/sessions?v4=192.0.2.1/24', undefined, 400, 'PLT_REQUEST_INVALID', /such as 192\.0\.2\.0\/24/],
    [
      'GET',
      '/v1/sessions?limit=4097',
      undefined,
      400,
      'PLT_REQUEST_INVALID',
      /limit: found "4097", expected .* 1 to 4096/,
    ],
    ['GET', '/v1/sessions?cursor=-1', undefined, 400, 'PLT_REQUEST_INVALID', /cursor/],
    ['GET', '/v1/sessions?proto=tcp', undefined, 400, 'PLT_REQUEST_INVALID', /unknown key "proto", expected/],
    ['GET', '/v1/sessions?limit=1&limit=2', undefined, 400, 'PLT_REQUEST_INVALID', /limit/],
    ['GET', '/v1/bib?remote4=1.2.3.4', undefined, 400, 'PLT_REQUEST_INVALID', /remote4/],
    ['GET', '/v1/status?x=1', undefined, 400, 'PLT_REQUEST_INVALID', /unknown key "x"/],
    ['POST', '/v1/bib', { protocol: 'tcp' }, 400, 'PLT_REQUEST_INVALID', /v6: found nothing.*v4: found nothing/],
    ['POST', '/v1/bib', [], 400, 'PLT_REQUEST_INVALID', /an empty list/],
    [
      'POST',
      '/v1/bib',
      { protocol: 'tcp', v6: '2001:db8::1#80', v4: '192.0.2.1#80' },
      409,
      'PLT_BIB_REFUSED',
      /192\.0\.2\.1.* pool4/,
    ],
    ['DELETE', '/v1/bib?protocol=tcp&v4=198.51.100.1%2380', undefined, 404, 'PLT_BIB_NOT_FOUND', /198\.51\.100\.1#80/],
    ['POST', '/v1/pool4', { prefix: 'nonsense' }, 400, 'PLT_REQUEST_INVALID', /prefix: found "nonsense"/],
    ['POST', '/v1/pool4', { prefix: '198.51.100.0/28' }, 409, 'PLT_POOL4_EXISTS', /198\.51\.100\.0\/28/],
    ['POST', '/v1/pool4', { prefix: '198.51.100.0/24' }, 409, 'PLT_CONFIG_INVALID', /does not overlap/],
    [
      'POST',
      '/v1/pool4',
      { prefix: '203.0.113.9' },
      409,
      'PLT_RELOAD_FAILED',
      /203\.0\.113\.9, an address of this host/,
    ],
    [
      'DELETE',
      '/v1/pool4?prefix=192.0.2.0/24',
      undefined,
      404,
      'PLT_POOL4_NOT_FOUND',
      /expected one of 198\.51\.100\.0\/28/,
    ],
    ['DELETE', '/v1/pool4?prefix=198.51.100.0/28', undefined, 409, 'PLT_CONFIG_INVALID', /pool4 would be empty/],
    ['GET', '/v1/eamt', undefined, 409, 'PLT_WRONG_MODE', /no EAM table here: this translator is a PLAT/],
    ['GET', '/v1/eamt/lookup?address=::1', undefined, 409, 'PLT_WRONG_MODE', /no EAM table here/],
    ['DELETE', '/v1/eamt?all=true', undefined, 409, 'PLT_WRONG_MODE', /no EAM table here/],
    ['POST', '/v1/eamt', { entries: [{ v4: '10.0.0.1', v6: '::1' }] }, 409, 'PLT_WRONG_MODE', /no EAM table here/],
    ['GET', '/v2/status', undefined, 404, 'PLT_ROUTE_UNKNOWN', /no GET \/v2\/status/],
  ])('%s %s %o', async (method, url, body, status, code, sentence) => {
    const before = JSON.stringify(host.config);
    const answer = await ask(method, url, body);
    expect(answer).toMatchObject({ status, body: { code, message: expect.stringMatching(sentence) } });
    expect(answer.body.message).not.toContain('\n');
    expect(JSON.stringify(host.config)).toBe(before);
  });

  test('a body that is too large', async () => {
    expect(await ask('POST', '/v1/bib', { protocol: 'x'.repeat(20_000) })).toMatchObject({
      status: 413,
      body: { code: 'PLT_REQUEST_INVALID', message: expect.stringMatching(/too large/) },
    });
  });

  test('a failure inside is 500 and is told to the log', async () => {
    const stats = () => {
      throw systemError('EIO');
    };
    target = { ...target, stats };
    expect(await ask('GET', '/v1/stats')).toMatchObject({ status: 500, body: { code: 'PLT_INTERNAL' } });
    expect(told).toHaveLength(1);
  });

  test('any query is answered with rows or with a sentence', async () => {
    const app = createControlApp(target, (message) => told.push(message));
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.oneof(fc.constantFrom('v6', 'v4', 'limit', 'cursor', 'protocol'), text), text),
        async (query) => {
          const parameters = Object.entries(query).map(
            ([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`,
          );
          const response = await app.inject({ method: 'GET', url: `/v1/sessions?${parameters.join('&')}` });
          expect([200, 400]).toContain(response.statusCode);
          if (response.statusCode === 400) expect(response.json().code).toBe('PLT_REQUEST_INVALID');
        },
      ),
    );
    await app.close();
    expect(told).toEqual([]);
  });
});

describe('the socket', () => {
  let server: ControlServer | null = null;
  afterEach(async () => {
    await server?.close();
    server = null;
  });
  const open = (path: string) => startControl(path, target, (message) => told.push(message));
  const exists = (path: string) =>
    stat(path).then(
      () => true,
      () => false,
    );

  test('is for owner and group only, answers, and is gone at the end with the folder made for it', async () => {
    const path = join(folder, 'run', 'control.sock');
    server = await open(path);
    const { mode } = await stat(path);
    expect(mode & 0o777).toBe(0o660);
    expect(await createClient(path).request('GET', '/v1/status')).toMatchObject({ device: 'platypus' });
    await server.close();
    server = null;
    expect(await exists(path)).toBe(false);
    expect(await exists(join(folder, 'run'))).toBe(false);
  });

  test('is refused while another process answers on it, which goes on answering', async () => {
    const path = join(folder, 'control.sock');
    server = await open(path);
    await expect(open(path)).rejects.toThrow(/another process answers on the control socket/);
    expect(await createClient(path).request('GET', '/v1/status')).toBeDefined();
  });

  test('left by a killed process is replaced', async () => {
    const path = join(folder, 'stale.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await exists(path)).toBe(true);
    server = await open(path);
    expect(await createClient(path).request('GET', '/v1/status')).toBeDefined();
  });

  test('is never put in the place of a file', async () => {
    const path = join(folder, 'precious');
    await writeFile(path, 'precious');
    await expect(open(path)).rejects.toThrow(/it is a file that is no socket/);
    expect((await stat(path)).size).toBe(8);
  });

  test('in a folder that cannot be is refused in a sentence', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(open(join(folder, 'file', 'control.sock'))).rejects.toMatchObject({ code: 'PLT_SOCKET_UNUSABLE' });
  });
});

describe('the client', () => {
  test('says that no translator answers', async () => {
    const path = join(folder, 'nobody.sock');
    await expect(createClient(path).request('GET', '/v1/status')).rejects.toMatchObject({
      code: 'PLT_SOCKET_ABSENT',
      message: expect.stringContaining(path),
    });
  });

  test('throws the server’s sentence', async () => {
    const path = join(folder, 'control.sock');
    const server = await startControl(path, target, () => {});
    await expect(createClient(path).request('GET', '/v1/bib', { query: { protocol: 'x' } })).rejects.toMatchObject({
      code: 'PLT_REQUEST_INVALID',
      status: 400,
    });
    await server.close();
  });

  test('refuses an answer that is not JSON', async () => {
    const path = join(folder, 'other.sock');
    const other = createServer((connection) => connection.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'));
    await new Promise<void>((resolve) => other.listen(path, resolve));
    await expect(createClient(path).request('GET', '/v1/status')).rejects.toMatchObject({ code: 'PLT_SOCKET_FAILED' });
    other.close();
  });
});
