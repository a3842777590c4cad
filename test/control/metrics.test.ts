/** What Prometheus is told, and by whom. */
import { once } from 'node:events';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Family, formatFamilies, histogram } from '../../src/control/exposition.js';
import { createScrape, familiesOf, type MetricsServer, startMetrics } from '../../src/control/metrics.js';
import { createControlApp } from '../../src/control/server.js';
import type { ControlTarget, Measures, StatusReport } from '../../src/control/target.js';

const DNS64: NonNullable<StatusReport['dns64']> = {
  listening: ['udp ::#53'],
  alive: true,
  ready: false,
  openQuestions: 3,
  cache: { entries: 9, usedBytes: 1440, capacityBytes: 65_536 },
  upstream: [
    { server: '192.0.2.53#53', transport: 'udp', srttMs: 12.5, dead: false },
    { server: '2001:db8::53#853', transport: 'tls', srttMs: null, dead: true },
  ],
};
const PLAT: StatusReport = {
  mode: 'plat',
  version: '1.2.3',
  pid: 1,
  alive: true,
  uptimeSeconds: 60,
  file: null,
  clat: null,
  dns64: null,
  responder: { listening: ['udp 203.0.113.5#3478'], alive: true, answers: 3 },
  announcer: {
    drain: 'none',
    prefixes: [
      { prefix: '192.0.2.0/28', state: 'announced', reasons: [], sinceMs: 0 },
      { prefix: '64:ff9b::/96', state: 'withdrawn', reasons: ['workers: one has ended'], sinceMs: 0 },
    ],
    neighborsUp: 1,
    neighbors: 2,
    interfacesDown: [],
  },
  device: 'platypus',
  offload: { checksum: true, tso: true, uso: true },
  workers: { count: 1, steered: false },
  pool6: ['64:ff9b::/96'],
  pool4: ['192.0.2.0/28#1024-65535'],
  eamt: null,
  announce: [],
  mtu6: 1500,
  mtu4: 1500,
  sizes: {
    sessions: 7,
    bib: 5,
    staticBib: 1,
    hosts: 2,
    reassembly: 0,
    storedSyns: 4,
    pathMtus: 0,
    memoryBytes: 4096,
  },
  limits: { sessions: 1000, storedSyns: 16 },
};
const MEASURES: Measures = {
  status: PLAT,
  counters: [{ name: 'drop.v6.no_session', value: 2 ** 40, explain: 'Packets without a session.' }],
  upstreamLatency: null,
};
const targetOf = (measures: Measures) => ({ measures: async () => measures });
const textOf = (measures: Partial<Measures>) => formatFamilies(familiesOf({ ...MEASURES, ...measures })).split('\n');

const open: MetricsServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function listening(scrape: () => Promise<string>, told: string[] = []): Promise<number> {
  const address = { family: 4, text: '127.0.0.1', value: 0x7f000001n } as const;
  const server = await startMetrics({ address, port: 0 }, scrape, (message) => told.push(message));
  open.push(server);
  return server.port;
}

async function ask(port: number, method: string, path: string, body = '') {
  const asked = request({
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: body === '' ? {} : { 'Content-Length': body.length },
  });
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
  let text = '';
  for await (const piece of response) text += String(piece);
  return { code: response.statusCode, headers: response.headers, text };
}

describe('the text', () => {
  test('what is announced of each prefix, and to how many neighbours', () => {
    expect(textOf({})).toEqual(
      expect.arrayContaining([
        'platypus_announcer_neighbors 2',
        'platypus_announcer_neighbors_up 1',
        'platypus_announcer_draining 0',
        'platypus_announcer_prefix_state{prefix="192.0.2.0/28",state="announced"} 1',
        'platypus_announcer_prefix_state{prefix="64:ff9b::/96",state="withdrawn"} 1',
      ]),
    );
  });

  test('the responder', () => {
    expect(textOf({})).toContain('platypus_responder_alive 1');
  });

  test('is HELP, TYPE and a line a sample, with what must be escaped', () => {
    const family: Family = {
      name: 'x',
      help: 'a \\ and\na line',
      type: 'gauge',
      samples: [{ value: 1.5 }, { labels: { a: 'q"\\\n', b: 'c' }, value: 2 }],
    };
    expect(formatFamilies([family])).toBe(
      '# HELP x a \\\\ and\\na line\n# TYPE x gauge\nx 1.5\nx{a="q\\"\\\\\\n",b="c"} 2\n',
    );
  });

  test('of a histogram adds up, and ends with +Inf, sum and count', () => {
    const family = histogram('t_seconds', 'Times.', { bounds: [0.5, 1], counts: [2, 0, 3], sum: 9.5 });
    expect(formatFamilies([family]).split('\n').slice(1)).toEqual([
      '# TYPE t_seconds histogram',
      't_seconds_bucket{le="0.5"} 2',
      't_seconds_bucket{le="1"} 2',
      't_seconds_bucket{le="+Inf"} 5',
      't_seconds_sum 9.5',
      't_seconds_count 5',
      '',
    ]);
  });
});

describe('the families', () => {
  test('counters have their meaning as help', () => {
    expect(textOf({})).toEqual(
      expect.arrayContaining([
        '# HELP platypus_drop_v6_no_session_total Packets without a session.',
        '# TYPE platypus_drop_v6_no_session_total counter',
        'platypus_drop_v6_no_session_total 1099511627776',
      ]),
    );
  });

  test('a translator has its tables, and no names', () => {
    const text = textOf({});
    expect(text).toEqual(
      expect.arrayContaining([
        'platypus_build_info{version="1.2.3",mode="plat"} 1',
        'platypus_alive 1',
        'platypus_table_entries{table="sessions"} 7',
        'platypus_table_entries{table="stored_syns"} 4',
        'platypus_table_limit{table="stored_syns"} 16',
        'platypus_table_memory_bytes 4096',
      ]),
    );
    expect(text.filter((line) => line.includes('dns64'))).toEqual([]);
  });

  test('DNS-OPS-05 a DNS64 server has readiness, cache, upstream servers and their latency', () => {
    const text = textOf({
      status: {
        mode: 'dns64',
        version: '1',
        pid: 1,
        alive: true,
        uptimeSeconds: 0,
        file: null,
        clat: null,
        dns64: DNS64,
        announcer: null,
        responder: null,
      },
      upstreamLatency: { boundsMs: [250], counts: [4, 1], sumMs: 1500 },
    });
    expect(text).toEqual(
      expect.arrayContaining([
        'platypus_dns64_ready 0',
        'platypus_dns64_cache_used_bytes 1440',
        'platypus_dns64_upstream_up{server="192.0.2.53#53",transport="udp"} 1',
        'platypus_dns64_upstream_up{server="2001:db8::53#853",transport="tls"} 0',
        'platypus_dns64_upstream_srtt_seconds{server="192.0.2.53#53",transport="udp"} 0.0125',
        'platypus_dns64_upstream_latency_seconds_bucket{le="0.25"} 4',
        'platypus_dns64_upstream_latency_seconds_sum 1.5',
      ]),
    );
    expect(text.filter((line) => line.startsWith('platypus_table'))).toEqual([]);
    expect(text.filter((line) => line.startsWith('platypus_dns64_upstream_srtt_seconds'))).toHaveLength(1);
  });

  test('a CLAT has state, source, prefix lifetime and whether its address is shared, by uplink', () => {
    const row = {
      uplink: 'eth0',
      device: 'clat0',
      state: 'running' as const,
      words: '',
      source: 'router' as const,
      prefixes: ['64:ff9b::/96'],
      router: 'fe80::1',
      expiresInSeconds: 590,
      address: 'fd12::1',
      sharedAddress: '2001:db8::128',
      ipv4: '192.0.0.1',
      metric: 2048,
      mtu4: 1472,
    };
    const rests = {
      ...row,
      uplink: 'wlan0',
      device: 'clat1',
      state: 'native-ipv4' as const,
      source: 'none' as const,
      prefixes: [],
      expiresInSeconds: null,
      sharedAddress: null,
    };
    const text = textOf({ status: { ...PLAT, clat: [row, rests] } });
    expect(text.filter((line) => line.startsWith('platypus_clat_'))).toEqual([
      'platypus_clat_state{uplink="eth0",device="clat0",state="running",source="router"} 1',
      'platypus_clat_state{uplink="wlan0",device="clat1",state="native-ipv4",source="none"} 1',
      'platypus_clat_running{uplink="eth0"} 1',
      'platypus_clat_running{uplink="wlan0"} 0',
      'platypus_clat_prefix_lifetime_seconds{uplink="eth0",prefix="64:ff9b::/96"} 590',
      'platypus_clat_address_shared{uplink="eth0"} 1',
      'platypus_clat_address_shared{uplink="wlan0"} 0',
    ]);
  });

  test('each is told once, with the process behind them', async () => {
    const names = (await createScrape(targetOf(MEASURES))()).match(/(?<=^# TYPE )\S+/gm) ?? [];
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['platypus_build_info', 'process_cpu_seconds_total']));
  });

  test('who asks meanwhile gets the same answer', async () => {
    let asked = 0;
    const scrape = createScrape({
      measures: async () => {
        asked += 1;
        return MEASURES;
      },
    });
    const [one, two] = await Promise.all([scrape(), scrape()]);
    expect(one).toBe(two);
    expect(asked).toBe(1);
    await scrape();
    expect(asked).toBe(2);
  });
});

test('GET /metrics of the control socket', async () => {
  const app = createControlApp(targetOf(MEASURES) as unknown as ControlTarget, () => undefined);
  const response = await app.inject({ method: 'GET', url: '/metrics' });
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(response.body).toContain('\nplatypus_drop_v6_no_session_total 1099511627776\n');
  expect((await app.inject({ method: 'GET', url: '/metrics?x=1' })).statusCode).toBe(400);
  await app.close();
});

describe('the TCP port', () => {
  test('tells the metrics, and nothing else', async () => {
    const port = await listening(async () => 'x 1\n');
    expect(await ask(port, 'GET', '/metrics')).toMatchObject({
      code: 200,
      text: 'x 1\n',
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    });
    expect(await ask(port, 'HEAD', '/metrics')).toMatchObject({ code: 200, text: '' });
    expect((await ask(port, 'GET', '/v1/status')).code).toBe(404);
    expect((await ask(port, 'POST', '/v1/reload', '{}')).code).toBe(404);
    expect(await ask(port, 'POST', '/metrics', '{}')).toMatchObject({ code: 405, headers: { connection: 'close' } });
  });

  test('a scrape that fails is told to the log, and not to the network', async () => {
    const told: string[] = [];
    const port = await listening(() => Promise.reject(new Error('no worker answers')), told);
    expect(await ask(port, 'GET', '/metrics')).toMatchObject({ code: 500, text: 'the metrics could not be read\n' });
    expect(told).toEqual(['metrics: no worker answers']);
  });

  test('a head that is too long is refused', async () => {
    const socket = createConnection(await listening(async () => ''), '127.0.0.1');
    socket.write(`GET /metrics HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toMatch(/^HTTP\/1.1 431 /);
    socket.destroy();
  });

  test('has 16 connections at most', async () => {
    const port = await listening(async () => 'x 1\n');
    const held = Array.from({ length: 16 }, () => createConnection(port, '127.0.0.1'));
    for (const socket of held) {
      socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(socket, 'data');
    }
    const late = createConnection(port, '127.0.0.1');
    late.on('error', () => undefined);
    await once(late, 'close');
    expect(late.bytesRead).toBe(0);
    for (const socket of held) socket.destroy();
  });

  test('one that is taken is said in a sentence', async () => {
    const port = await listening(async () => '');
    const address = { family: 4, text: '127.0.0.1', value: 0x7f000001n } as const;
    await expect(
      startMetrics(
        { address, port },
        async () => '',
        () => undefined,
      ),
    ).rejects.toMatchObject({
      code: 'PLT_METRICS_UNUSABLE',
      message: expect.stringContaining(`cannot listen on 127.0.0.1#${port} for control.metrics: `),
    });
  });
});
