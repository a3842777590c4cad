/** GET /v1/trace: live packets as lines of JSON, one trace at a time. */
import { PassThrough } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { formatAddress, hasHostBits, networkOf, parsePrefix } from '../config/address.js';
import { choice, field, section } from '../config/fields.js';
import { errors } from '../errors.js';
import type { CorePrefix } from '../native/addon.js';
import { runTrace, type TraceLine, type TraceRequest, type TraceSource } from '../trace/stream.js';
import { check, count } from './query.js';
import type { CounterReading } from './target.js';

/** Bytes that may wait for a slow reader before records are counted as lost. */
const BACKLOG_BYTES = 4 * 1024 * 1024;
/** How long a reader may take for what is left when the trace has ended, milliseconds. */
const FLUSH_MS = 5000;

const PROTOCOLS: Record<string, number> = { tcp: 6, udp: 17, icmp: 1 };

function prefix(family: 4 | 6) {
  const example = family === 4 ? '192.0.2.1 or 192.0.2.0/28' : '2001:db8::1 or 2001:db8::/64';
  return field(`an IPv${family} address or prefix such as ${example}`, (value, refuse): CorePrefix | null => {
    const read = typeof value === 'string' ? parsePrefix(value) : null;
    if (read === null || read.family !== family) return null;
    if (hasHostBits(read)) return refuse(`no bits after the prefix length, such as ${networkOf(read)}`);
    return { address: formatAddress(family, read.first), length: read.length };
  });
}

const protocol = field('tcp, udp, icmp or a protocol number from 0 to 255', (value) => {
  if (typeof value !== 'string') return null;
  const number = PROTOCOLS[value] ?? (/^\d{1,3}$/.test(value) ? Number(value) : 256);
  return number <= 255 ? number : null;
});

const traceQuery = section({
  v6: prefix(6).optional(),
  v4: prefix(4).optional(),
  protocol: protocol.optional(),
  port: count(0, 65_535).optional(),
  drops: choice('true', 'false').default('false'),
  snap: count(64, 2048).default(256),
  seconds: count(1, 3600).default(60),
});

/** The query of GET /v1/trace. Throws PLT_REQUEST_INVALID. */
export function readTraceQuery(data: unknown): TraceRequest {
  const { drops, snap, seconds, ...wanted }: z.output<typeof traceQuery> = check(traceQuery, 'query', data);
  return { filter: { ...wanted, dropsOnly: drops === 'true', snapBytes: snap }, seconds };
}

/** Adds the route. */
export function registerTrace(
  app: FastifyInstance,
  target: TraceSource & { stats(): Promise<CounterReading[]> },
): void {
  let running = false;
  app.get('/v1/trace', async (request, reply) => {
    const wanted = readTraceQuery(request.query);
    const explained = new Map((await target.stats()).map(({ name, explain }) => [name, explain]));
    if (running) throw errors.traceBusy();
    running = true;
    try {
      await target.trace(wanted.filter);
    } catch (error) {
      running = false;
      throw error;
    }
    const stream = new PassThrough();
    const away = new AbortController();
    stream.once('close', () => away.abort());
    const write = (line: TraceLine) => {
      if ('packets' in line && stream.readableLength + stream.writableLength > BACKLOG_BYTES) return false;
      if (!stream.destroyed) stream.write(`${JSON.stringify(line)}\n`);
      return true;
    };
    // The server closes connections that are silent for a while; a trace may be.
    request.raw.socket.setTimeout(0);
    void runTrace(target, wanted, (reason) => explained.get(reason) ?? null, write, away.signal).then(() => {
      running = false;
      stream.end();
      const giveUp = setTimeout(() => stream.destroy(), FLUSH_MS);
      stream.once('close', () => clearTimeout(giveUp));
    });
    return reply.type('application/x-ndjson').send(stream);
  });
}
