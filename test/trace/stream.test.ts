import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/control/client.js';
import { readTraceQuery } from '../../src/control/trace.js';
import { errors } from '../../src/errors.js';
import { runTrace, type TraceLine } from '../../src/trace/stream.js';
import { createFakeTrace, DROPPED, type FakeTrace, recordOf, serveTrace, TRANSLATED } from './source.js';

let folder: string;
let path: string;
let source: FakeTrace;
let server: { close(): Promise<unknown> };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platypus-trace-'));
  path = join(folder, 'control.sock');
  source = createFakeTrace();
  server = await serveTrace(path, source);
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const lines = (query: Record<string, string | number> = {}, signal = new AbortController().signal) =>
  createClient(path).lines<TraceLine>('/v1/trace', query, signal);

test('GET /v1/trace answers records line by line and ends by itself', async () => {
  source.records = [TRANSLATED, DROPPED];
  source.lost = 3;
  const heard: TraceLine[] = [];
  for await (const line of lines({ seconds: 1, snap: 64 })) heard.push(line);
  expect(heard).toEqual([
    { start: { seconds: 1, snap: 64 } },
    {
      timeMs: 1_700_000_000_000,
      reason: null,
      explain: null,
      packets: TRANSLATED.packets.map(({ direction, length, bytes }) => ({
        direction,
        length,
        hex: bytes.toString('hex'),
      })),
    },
    expect.objectContaining({ reason: 'drop.not_pool6', explain: 'IPv6: the destination is not in pool6.' }),
    { lost: 3 },
    { end: 'time' },
  ]);
  expect(source.calls).toEqual([{ dropsOnly: false, snapBytes: 64 }, null]);
});

test('a client that goes away ends it', async () => {
  const connection = createConnection(path);
  connection.write('GET /v1/trace HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(connection, 'data');
  connection.destroy();
  await source.ended;
  expect(source.calls.at(-1)).toBeNull();
});

test('a client that does not read loses records and holds up nothing', async () => {
  const bytes = Buffer.alloc(2048, 0x60);
  const record = { timeMs: 0, reason: null, packets: [{ direction: 'in' as const, length: 2048, bytes }] };
  source.readTrace = async () => ({ records: Array(500).fill(record), lost: 0 });
  const connection = createConnection(path);
  const chunks: Buffer[] = [];
  connection.write('GET /v1/trace?seconds=1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  await source.ended;
  connection.on('data', (chunk) => chunks.push(chunk));
  await once(connection, 'end');
  const answer = Buffer.concat(chunks).toString();
  expect(answer).toMatch(/\n\{"lost":\d+\}\n/);
  expect(answer).toMatch(/\{"end":"time"\}/);
  // The backlog and what the kernel holds, not the 40 MB of a second.
  expect(answer.length).toBeLessThan(12 * 1024 * 1024);
});

test('there is one at a time, and room for another afterwards', async () => {
  const first = lines();
  await first.next();
  await expect(lines().next()).rejects.toMatchObject({ code: 'PLT_TRACE_BUSY', status: 409 });
  await first.return(undefined);
  await source.ended;
  // The end of the trace and the freedom to start another are one step of the event loop apart.
  await new Promise(setImmediate);
  const second = lines();
  expect((await second.next()).value).toMatchObject({ start: {} });
  await second.return(undefined);
});

test('a trace that cannot be started is refused and leaves room', async () => {
  const { trace } = source;
  source.trace = async () => {
    throw errors.stopping();
  };
  await expect(lines().next()).rejects.toMatchObject({ code: 'PLT_STOPPING', status: 503 });
  source.trace = trace;
  expect((await lines().next()).value).toMatchObject({ start: {} });
});

test('a dataplane that fails ends it with the reason, and is told to stop', async () => {
  source.failure = errors.stopping();
  const heard: TraceLine[] = [];
  for await (const line of lines()) heard.push(line);
  expect(heard.at(-1)).toEqual({ end: 'failed', code: 'PLT_STOPPING', message: expect.stringContaining('stopping') });
  expect(source.calls.at(-1)).toBeNull();
});

test('records without room on the way are counted', async () => {
  source.records = [TRANSLATED, DROPPED, recordOf(null, 'proto 50 192.0.2.1 > 192.0.2.2')];
  const heard: TraceLine[] = [];
  const write = (line: TraceLine) => {
    if ('packets' in line && heard.some((other) => 'packets' in other)) return false;
    heard.push(line);
    return true;
  };
  const request = { filter: { dropsOnly: false, snapBytes: 64 }, seconds: 0 };
  await runTrace(source, request, () => null, write, new AbortController().signal);
  expect(heard.map((line) => Object.keys(line)[0])).toEqual(['start', 'timeMs', 'lost', 'end']);
  expect(heard).toContainEqual({ lost: 2 });
});

describe('the query', () => {
  test('becomes the filter', () => {
    const query = { v6: '2001:db8::/64', v4: '192.0.2.1', protocol: 'icmp', port: '80', drops: 'true', snap: '2048' };
    expect(readTraceQuery({ ...query, seconds: '5' })).toEqual({
      filter: {
        v6: { address: '2001:db8::', length: 64 },
        v4: { address: '192.0.2.1', length: 32 },
        protocol: 1,
        port: 80,
        dropsOnly: true,
        snapBytes: 2048,
      },
      seconds: 5,
    });
  });

  test.each([
    [{ protocol: '50' }, { protocol: 50 }],
    [{ protocol: 'udp' }, { protocol: 17 }],
    [{}, { snapBytes: 256, dropsOnly: false }],
  ])('%o', (query, filter) => {
    expect(readTraceQuery(query).filter).toMatchObject(filter);
  });

  test.each([
    [{ v6: '192.0.2.1' }, /v6: found "192\.0\.2\.1", expected an IPv6 address or prefix/],
    [{ v4: '192.0.2.1/24' }, /v4: .* such as 192\.0\.2\.0\/24/],
    [{ protocol: 'sctp' }, /protocol: found "sctp", expected tcp, udp, icmp or a protocol number/],
    [{ protocol: '256' }, /protocol: found "256"/],
    [{ protocol: 'constructor' }, /protocol: found "constructor"/],
    [{ port: '65536' }, /port: found "65536"/],
    [{ snap: '63' }, /snap: .* 64 to 2048/],
    [{ seconds: '0' }, /seconds: .* 1 to 3600/],
    [{ drops: 'yes' }, /drops: found "yes"/],
    [{ count: '1' }, /unknown key "count"/],
  ])('%o is refused', (query, sentence) => {
    expect(() => readTraceQuery(query)).toThrow(expect.objectContaining({ code: 'PLT_REQUEST_INVALID' }));
    expect(() => readTraceQuery(query)).toThrow(sentence);
  });
});
