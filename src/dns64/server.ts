/**
 * The DNS64 server of one thread: cache, upstreams and engine, and the sockets in front of them. UDP is open in every
 * thread (SO_REUSEPORT); connections come to the first.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { Prefix } from '../config/address.js';
import type { Listen, LoadedDns64 } from '../config/dns64.js';
import { type Addon, loadAddon } from '../native/addon.js';
import { AnswerCache } from './cache/answer-cache.js';
import { Engine, type EngineParts, LATER } from './engine.js';
import { engineOptions, upstreamOptions } from './engine-options.js';
import { Policy } from './policy/policy.js';
import { rulesOf } from './policy/rules.js';
import { openQueryLog, type QueryLog } from './query-log.js';
import { addNumbers, type ServerReport } from './report.js';
import { createLookup } from './resolver/lookup.js';
import type { Admit, Handle } from './server/client.js';
import { type ConnectionLimits, DEFAULT_LIMITS, type Listener } from './server/connections.js';
import { createCookies } from './server/cookie-policy.js';
import { ServerCookies } from './server/cookies.js';
import { listenDoh } from './server/doh.js';
import { RateLimit } from './server/rate-limit.js';
import { listenStream } from './server/stream.js';
import { type OnBatch, openUdp, type UdpListener } from './server/udp.js';
import { openUdpDgram } from './server/udp-dgram.js';
import { serveUdp } from './server/udp-server.js';
import { createStatistics } from './statistics.js';
import { createNativeLinks, type OpenLink } from './upstream/udp-link.js';
import { openDgramLink } from './upstream/udp-link-dgram.js';
import { createUpstreams } from './upstream/upstreams.js';

import { MAX_MESSAGE_BYTES } from './wire/numbers.js';

/** What a thread is told when it starts, and at each reload. */
export interface ServerConfig {
  dns64: LoadedDns64;
  /** The translator's prefixes, where this program has one. */
  translated: readonly Prefix[] | null;
}

export interface ServerParts {
  /** Opens a UDP socket. */
  openUdp: (listen: Listen, handler: OnBatch) => UdpListener;
  /** Opens a UDP socket to an upstream server. */
  openLink: OpenLink;
  /** A sentence for the log. */
  warn: (message: string) => void;
  /** Milliseconds of a clock that only goes forward. */
  nowMs: () => number;
  /** False: only UDP. */
  first: boolean;
  /** 16 octets, the same in all threads. */
  cookieSecret: Uint8Array;
}

export interface Dns64Server {
  /** Where queries are taken: `udp ::#53`. */
  readonly listening: string[];
  /** Applies what may change while it runs; queries on their way end as they began. */
  use(config: ServerConfig): void;
  /** Makes cookies with another secret; the former one is good for as long as its cookies are. */
  rollSecret(secret: Uint8Array): void;
  report(): ServerReport;
  close(): Promise<void>;
}

/** What the first thread uses: the native sockets, and the clock. */
export function defaultParts(
  workers: number,
  warn: (message: string) => void,
): Omit<ServerParts, 'first' | 'cookieSecret'> {
  const addon = addonOrNull();
  if (addon === null) warn('the native addon is missing: UDP goes by node:dgram, which is three times as dear');
  return {
    warn,
    openUdp: (listen, handler) => {
      const options = { ...listen, reusePort: workers > 1 };
      return addon === null ? openUdpDgram(options, handler) : openUdp(options, handler, addon);
    },
    openLink: addon === null ? openDgramLink : createNativeLinks(addon),
    nowMs: () => performance.now(),
  };
}

function addonOrNull(): Addon | null {
  try {
    return loadAddon();
  } catch {
    return null;
  }
}

/** Opens all sockets, or none: throws the sentence of the first that cannot be opened. */
export async function openServer(config: ServerConfig, parts: ServerParts): Promise<Dns64Server> {
  const started = parts.nowMs();
  // From 1 on, so that what was kept in the first second has an age.
  const now = () => 1 + Math.floor((parts.nowMs() - started) / 1000);
  const unixNow = () => Math.floor(Date.now() / 1000);
  let running = config.dns64;
  let policy = new Policy(rulesOf(config.dns64, config.translated));
  let options = engineOptions(config.dns64);
  let rateLimit = new RateLimit(rateOptions(config.dns64));
  const statistics = createStatistics();
  const cache = new AnswerCache({
    bytes: Math.floor((running.cache.megabytes * 2 ** 20) / running.workers),
    seed: randomInt(2 ** 47),
  });
  const upstreams = createUpstreams(upstreamOptions(running), { openLink: parts.openLink });
  const lookup = createLookup({ cache, upstreams, limits: () => options, now });
  const serverCookies = new ServerCookies({ secret: parts.cookieSecret, now: unixNow });
  const cookies = createCookies(serverCookies, () => running.cookies, unixNow);
  let queryLog: QueryLog | null = openLog();
  function openLog(): QueryLog | null {
    const { queryLog: wanted } = running;
    if (wanted === null) return null;
    return openQueryLog({
      file: wanted.file,
      perSecond: Math.ceil(wanted.perSecond / running.workers),
      nowMs: parts.nowMs,
      leftOut: () => {
        statistics['dns64.query_log.left_out'] += 1;
      },
      failed: ({ message }) => parts.warn(`the query log cannot be written: ${message}`),
    });
  }
  const engineParts: EngineParts = {
    cache,
    lookup,
    statistics,
    cookies,
    onFinished: queryLog?.write ?? null,
    allow: (client) => !rateLimit.limits || rateLimit.allow(client.address, client.family, parts.nowMs()),
    now,
  };
  const engine = new Engine(engineParts, policy, options);

  const scratch = new Uint8Array(MAX_MESSAGE_BYTES);
  const handle: Handle = (query, client, respond) => {
    const length = engine.answerNow(query, client, scratch, 0);
    if (length === LATER) engine.answerLater(query.slice(), client, (answer) => respond(answer?.slice() ?? null));
    else respond(length === 0 ? null : scratch.slice(0, length));
  };

  const udp: UdpListener[] = [];
  const streams: { listener: Listener; pem: () => { cert: string; key: string } | null }[] = [];
  const listening: string[] = [];
  try {
    for (const listen of running.listen) {
      const listener = serveUdp(
        (handler) => parts.openUdp(listen, handler),
        engine,
        () => {
          statistics['dns64.drop.overload'] += 1;
        },
      );
      udp.push(listener);
      listening.push(`udp ${listen.address}#${listener.port}`);
    }
    if (parts.first) await openStreams();
  } catch (error) {
    await close();
    throw error;
  }
  upstreams.watch();

  async function openStreams(): Promise<void> {
    const limits = streamLimits(running);
    const admit: Admit = ({ family, address }) => {
      if (policy.groupOf(family, address) !== null) return 'client';
      return options.dropStrangers ? 'nobody' : 'stranger';
    };
    const add = async (
      name: string,
      { address }: Listen,
      opened: Promise<Listener>,
      pem: (typeof streams)[0]['pem'],
    ) => {
      const listener = await opened;
      streams.push({ listener, pem });
      listening.push(`${name} ${address}#${listener.port}`);
    };
    for (const [index, listen] of running.listen.entries()) {
      // A port of the kernel's choice is the same for both.
      const port = listen.port === 0 ? (udp[index]?.port ?? 0) : listen.port;
      await add('tcp', listen, listenStream({ ...listen, port, tls: null, limits, admit }, handle), () => null);
    }
    for (const section of ['tls', 'https'] as const) {
      const pem = () => pemOf(running, running[section]);
      for (const listen of running[section]?.listen ?? []) {
        const end = { ...listen, tls: pem(), limits, admit };
        const path = running.https?.path ?? '';
        const opened = section === 'tls' ? listenStream(end, handle) : listenDoh({ ...end, path }, handle);
        await add(section, listen, opened, pem);
      }
    }
  }

  async function close(): Promise<void> {
    for (const listener of udp) listener.close();
    await Promise.all(streams.map(({ listener }) => listener.close()));
    upstreams.close();
    await queryLog?.close();
  }

  return {
    listening,
    use(next) {
      running = next.dns64;
      policy = new Policy(rulesOf(running, next.translated), policy);
      options = engineOptions(running);
      rateLimit = new RateLimit(rateOptions(running));
      engine.use(policy, options);
      const before = queryLog;
      queryLog = openLog();
      engineParts.onFinished = queryLog?.write ?? null;
      void before?.close();
      upstreams.reconfigure(upstreamOptions(running));
      for (const { listener, pem } of streams) {
        listener.reconfigure(streamLimits(running));
        const credentials = pem();
        if (credentials !== null) listener.setSecureContext(credentials);
      }
    },
    rollSecret: (secret) => serverCookies.roll(secret),
    report: () => ({
      statistics: { ...statistics },
      cache: cache.stats(),
      upstream: upstreams.stats(),
      transport: [
        ...udp.map((listener) => listener.counters()),
        ...streams.map(({ listener }) => ({ ...listener.counters })),
      ].reduce(addNumbers, {}),
      openQuestions: engine.openQuestions,
      usable: upstreams.usable,
    }),
    close,
  };
}

/** A secret for `ServerParts`. */
export function createCookieSecret(): Uint8Array {
  return new Uint8Array(randomBytes(16));
}

function pemOf({ files }: LoadedDns64, tls: { certificate: string; key: string } | null) {
  return { cert: files.pem.get(tls?.certificate ?? '') ?? '', key: files.pem.get(tls?.key ?? '') ?? '' };
}

function rateOptions({ rateLimit, workers }: LoadedDns64) {
  const { perSecond, ...rest } = rateLimit;
  return { ...rest, ratePerSecond: Math.ceil(perSecond / workers) };
}

function streamLimits({ limits, rateLimit }: LoadedDns64): ConnectionLimits {
  return {
    ...DEFAULT_LIMITS,
    connections: limits.connections,
    connectionsPerClient: limits.connectionsPerClient,
    clientPrefixLength6: rateLimit.prefixLength6,
    idleMs: limits.idle * 1000,
  };
}
