/**
 * What Prometheus is told: `GET /metrics` of the control socket, and of a TCP port of its own where the configuration
 * has `control.metrics`. That port tells nothing else and takes nothing: whoever reaches it may read, not change.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { formatTransportAddress, type TransportAddress } from '../config/address.js';
import { errors, messageOf } from '../errors.js';
import { CONTENT_TYPE, type Family, formatFamilies, histogram, type Sample } from './exposition.js';
import type { ControlTarget, CounterReading, Measures, StatusReport } from './target.js';

/** A scrape every second by a dozen programs is more than anybody has. */
const CONNECTIONS = 16;
const HEADER_BYTES = 8 * 1024;
const REQUEST_MS = 5_000;
const IDLE_MS = 30_000;
const REQUESTS_PER_CONNECTION = 1_000;
/** How often the event loop's delay is measured; prom-client's own 10 ms wake a machine that has nothing to do. */
const LOOP_DELAY_MS = 100;

/** Everything as text. */
export type Scrape = () => Promise<string>;

/** Who asks while an answer is made gets the same one. */
export function createScrape(target: Pick<ControlTarget, 'measures'>): Scrape {
  let ownProcess: Registry | null = null;
  let running: Promise<string> | null = null;
  async function scrape(): Promise<string> {
    if (ownProcess === null) {
      ownProcess = new Registry();
      collectDefaultMetrics({ register: ownProcess, eventLoopMonitoringPrecision: LOOP_DELAY_MS });
    }
    return `${formatFamilies(familiesOf(await target.measures()))}${await ownProcess.metrics()}`;
  }
  return () => {
    running ??= scrape().finally(() => {
      running = null;
    });
    return running;
  };
}

/** The families of the translator and of the DNS64 server. */
export function familiesOf({ status, counters, upstreamLatency }: Measures): Family[] {
  const families = [
    ...programFamilies(status),
    ...tableFamilies(status),
    ...dns64Families(status),
    ...announcerFamilies(status),
    ...responderFamilies(status),
    ...clatFamilies(status),
  ];
  if (upstreamLatency !== null) {
    const { boundsMs, counts, sumMs } = upstreamLatency;
    const seconds = { bounds: boundsMs.map((bound) => bound / 1000), counts, sum: sumMs / 1000 };
    families.push(
      histogram('platypus_dns64_upstream_latency_seconds', 'Time of questions that upstream answered.', seconds),
    );
  }
  return [...families, ...counters.map(counterFamily)];
}

function counterFamily({ name, value, explain }: CounterReading): Family {
  return { name: `platypus_${metricName(name)}_total`, help: explain, type: 'counter', samples: [{ value }] };
}

function programFamilies(status: StatusReport): Family[] {
  return [
    gauge('build_info', 'Always 1; the version is a label.', [
      { labels: { version: status.version, mode: status.mode }, value: 1 },
    ]),
    gauge('alive', '1 while every worker thread runs.', [{ value: Number(status.alive) }]),
    gauge('uptime_seconds', 'Time since the start.', [{ value: status.uptimeSeconds }]),
  ];
}

/** Sizes and capacities by table. */
function tableFamilies(status: StatusReport): Family[] {
  if (!('sizes' in status)) return [];
  const { memoryBytes, ...sizes } = status.sizes;
  const byTable = (values: object): Sample[] =>
    Object.entries(values as Record<string, number>).map(([key, value]) => ({
      labels: { table: metricName(key) },
      value,
    }));
  const families = [
    gauge('table_entries', 'Entries by table, now.', byTable(sizes)),
    gauge('table_limit', 'Entries that a table has room for.', byTable(status.limits)),
    gauge('table_memory_bytes', 'Memory taken for tables and buffers.', [{ value: memoryBytes }]),
  ];
  if (status.eamt !== null)
    families.push(gauge('eamt_entries', 'Explicit address mappings.', [{ value: status.eamt }]));
  return families;
}

function dns64Families({ dns64 }: StatusReport): Family[] {
  if (dns64 === null) return [];
  const { alive, ready, openQuestions, cache, upstream } = dns64;
  const byServer = (read: (server: (typeof upstream)[number]) => number | null): Sample[] =>
    upstream.flatMap((server) => {
      const value = read(server);
      return value === null ? [] : [{ labels: { server: server.server, transport: server.transport }, value }];
    });
  return [
    gauge('dns64_alive', '1 while every thread of the DNS64 server runs.', [{ value: Number(alive) }]),
    gauge('dns64_ready', '1 while they run and some upstream answers.', [{ value: Number(ready) }]),
    gauge('dns64_open_questions', 'Questions being resolved.', [{ value: openQuestions }]),
    gauge('dns64_cache_entries', 'Answers in the cache.', [{ value: cache.entries }]),
    gauge('dns64_cache_used_bytes', 'Memory that they take.', [{ value: cache.usedBytes }]),
    gauge('dns64_cache_capacity_bytes', 'Memory that there is for them.', [{ value: cache.capacityBytes }]),
    gauge(
      'dns64_upstream_up',
      '0 for a server that is marked dead.',
      byServer(({ dead }) => Number(!dead)),
    ),
    gauge(
      'dns64_upstream_srtt_seconds',
      'Smoothed round-trip time of a server, once it has answered.',
      byServer(({ srttMs }) => (srttMs === null ? null : srttMs / 1000)),
    ),
  ];
}

function announcerFamilies({ announcer }: StatusReport): Family[] {
  if (announcer === null) return [];
  const { prefixes, neighborsUp, neighbors, drain } = announcer;
  return [
    gauge('announcer_neighbors', 'BGP and OSPF neighbours that there are.', [{ value: neighbors }]),
    gauge('announcer_neighbors_up', 'Of these, with a session or an adjacency.', [{ value: neighborsUp }]),
    gauge('announcer_draining', '1 while draining or drained.', [{ value: Number(drain !== 'none') }]),
    gauge(
      'announcer_prefix_state',
      'Always 1; what is told of a prefix is a label: announced, lowered or withdrawn.',
      prefixes.map(({ prefix, state }) => ({ labels: { prefix, state }, value: 1 })),
    ),
  ];
}

function responderFamilies({ responder }: StatusReport): Family[] {
  if (responder === null) return [];
  return [gauge('responder_alive', '1 while the thread of the responder runs.', [{ value: Number(responder.alive) }])];
}

function clatFamilies({ clat }: StatusReport): Family[] {
  if (clat === null) return [];
  return [
    gauge(
      'clat_state',
      'Always 1; what an uplink’s CLAT does, or why it stands down, and where its prefix is from, are labels.',
      clat.map(({ uplink, device, state, source }) => ({ labels: { uplink, device, state, source }, value: 1 })),
    ),
    gauge(
      'clat_running',
      '1 while IPv4 goes by the uplink.',
      clat.map(({ uplink, state }) => ({ labels: { uplink }, value: Number(state === 'running') })),
    ),
    gauge(
      'clat_prefix_lifetime_seconds',
      'How long the prefix in force lasts unless it is heard of again; none where the operator told it.',
      clat.flatMap(({ uplink, prefixes, expiresInSeconds }) =>
        expiresInSeconds === null ? [] : [{ labels: { uplink, prefix: prefixes[0] ?? '' }, value: expiresInSeconds }],
      ),
    ),
    gauge(
      'clat_address_shared',
      '1 while the uplink’s own address is shared.',
      clat.map(({ uplink, sharedAddress }) => ({ labels: { uplink }, value: Number(sharedAddress !== null) })),
    ),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `platypus_${name}`, help, type: 'gauge', samples };
}

/** `drop.v6.no_session` as `drop_v6_no_session`, `storedSyns` as `stored_syns`. */
function metricName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll(/[^a-z0-9_]/g, '_');
}

export interface MetricsServer {
  /** Bound, where the configuration left it to the kernel. */
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on TCP. Throws PLT_METRICS_UNUSABLE. `onError` is told why a scrape failed. */
export async function startMetrics(
  { address, port }: TransportAddress,
  scrape: Scrape,
  onError: (message: string) => void,
): Promise<MetricsServer> {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES,
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      keepAliveTimeout: IDLE_MS,
      connectionsCheckingInterval: REQUEST_MS,
    },
    (request, response) => {
      const answer = (code: number, type: string, text: string) => {
        // What comes as a body is nobody's: with it unread the connection is of no further use.
        const whole = request.headers['content-length'] === undefined && !request.headers['transfer-encoding'];
        response.writeHead(code, { 'Content-Type': type, ...(whole ? {} : { Connection: 'close' }) });
        response.end(request.method === 'HEAD' ? undefined : text);
      };
      if (request.url?.replace(/\?.*$/, '') !== '/metrics')
        return answer(404, 'text/plain', 'there is only /metrics\n');
      if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'text/plain', 'expected GET\n');
      scrape().then(
        (text) => answer(200, CONTENT_TYPE, text),
        (error: unknown) => {
          onError(`metrics: ${messageOf(error)}`);
          answer(500, 'text/plain', 'the metrics could not be read\n');
        },
      );
    },
  );
  server.maxConnections = CONNECTIONS;
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  server.timeout = IDLE_MS;
  await listen(server, address.text, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, address: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', (error) =>
      fail(errors.metricsUnusable(formatTransportAddress(address, port), messageOf(error), { cause: error })),
    );
    // An IPv6 wildcard is of IPv6 alone, as everywhere in the file.
    server.listen({ host: address, port, ipv6Only: true }, done);
  });
}
