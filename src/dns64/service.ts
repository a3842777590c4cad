/** The DNS64 server's life: its threads, reload, reports, and an end that leaves nothing. */
import { isDeepStrictEqual } from 'node:util';
import type { Prefix } from '../config/address.js';
import type { LoadedDns64 } from '../config/dns64.js';
import { errors } from '../errors.js';
import { startTeam } from '../thread/team.js';
import { startThread } from '../thread/thread.js';
import { createCookieSecret, type ServerConfig, type ServerReport } from './server.js';
import type { Counter } from './statistics.js';

import type { ThreadAnswer, ThreadData, ThreadRequest } from './thread.js';

export interface Dns64Service {
  readonly listening: readonly string[];
  /** What a new configuration would change; `refused` is what takes a restart. Changes nothing. */
  diff(next: LoadedDns64): { changes: string[]; refused: string[] };
  use(next: LoadedDns64, translated: readonly Prefix[] | null): Promise<void>;
  /** The sum over the threads. */
  report(): Promise<ServerReport>;
  /** Every thread runs. */
  alive(): boolean;
  stop(): Promise<void>;
}

const FIXED = ['listen', 'tls', 'https', 'workers'] as const;

/** How long cookies are made with one secret (RFC 7873 §7.1 wants weeks at most). */
const SECRET_MS = 86_400_000;

export interface Dns64Log {
  warn(message: string): void;
  error(message: string): void;
}

/** Starts the threads; throws PLT_DNS64_FAILED with the sentence of the one that cannot open its sockets. */
export async function startDns64(
  dns64: LoadedDns64,
  translated: readonly Prefix[] | null,
  log: Dns64Log,
): Promise<Dns64Service> {
  const warn = (message: string) => log.warn(message);
  let config: ServerConfig = { dns64, translated };
  let cookieSecret = createCookieSecret();
  const team = await startTeam({
    name: 'the DNS64 server',
    count: dns64.workers,
    // What one thread has to say, they all have.
    start: (index) => openThread({ config, first: index === 0, cookieSecret }, index === 0 ? warn : () => undefined),
    error: (message) => log.error(message),
    firstMs: 500,
    mostMs: 60_000,
  });
  const { running } = team;
  const rolling = setInterval(() => {
    cookieSecret = createCookieSecret();
    for (const thread of running()) thread.ask({ kind: 'secret', cookieSecret }).catch(() => undefined);
  }, SECRET_MS);

  return {
    listening: running()[0]?.listening ?? [],
    diff(next) {
      const refused: string[] = [];
      const changes: string[] = [];
      for (const key of Object.keys(next) as (keyof LoadedDns64)[]) {
        if (isDeepStrictEqual(config.dns64[key], next[key])) continue;
        if (key === 'cache' && config.dns64.cache.megabytes !== next.cache.megabytes) {
          refused.push('dns64.cache.megabytes cannot change while running (the memory is taken): restart to apply it');
          continue;
        }
        if ((FIXED as readonly string[]).includes(key)) {
          refused.push(`dns64.${key} cannot change while running (the sockets are open): restart to apply it`);
        } else {
          changes.push(key === 'files' ? 'dns64: a file that it names changed' : `dns64.${key} changed`);
        }
      }
      return { changes, refused };
    },
    async use(next, prefixes) {
      config = { dns64: next, translated: prefixes };
      await Promise.all(running().map((thread) => thread.ask({ kind: 'use', config })));
    },
    async report() {
      const answers = await Promise.all(running().map((thread) => thread.ask({ kind: 'report' })));
      const reports = answers.flatMap((answer) => ('report' in answer ? [answer.report] : []));
      if (reports.length === 0) throw errors.dns64Failed('none of its threads runs');
      return reports.reduce(addReports);
    },
    alive: team.alive,
    async stop() {
      clearInterval(rolling);
      await team.stop();
    },
  };
}

async function openThread(data: ThreadData, warn: (message: string) => void) {
  const thread = await startThread<ThreadRequest, ThreadAnswer>({
    module: new URL('./thread.js', import.meta.url),
    name: 'dns64',
    data,
    note(message) {
      if ('warning' in message) warn(message.warning);
    },
    failed: errors.dns64Failed,
  });
  const { first } = thread;
  return {
    ...thread,
    listening: 'listening' in first ? first.listening : [],
    stop: () => thread.stop({ kind: 'close' }),
  };
}

function addReports(a: ServerReport, b: ServerReport): ServerReport {
  const statistics = { ...a.statistics };
  for (const [name, value] of Object.entries(b.statistics)) statistics[name as Counter] += value;
  return {
    statistics,
    cache: addNumbers(a.cache, b.cache),
    upstream: addUpstream(a.upstream, b.upstream),
    transport: addNumbers(a.transport, b.transport),
    openQuestions: a.openQuestions + b.openQuestions,
    usable: a.usable || b.usable,
  };
}

function addNumbers<Numbers extends object>(a: Numbers, b: Numbers): Numbers {
  const sum: Record<string, number> = { ...(a as Record<string, number>) };
  for (const [name, value] of Object.entries(b as Record<string, number>)) sum[name] = (sum[name] ?? 0) + value;
  return sum as Numbers;
}

function addUpstream(a: ServerReport['upstream'], b: ServerReport['upstream']): ServerReport['upstream'] {
  return {
    servers: a.servers.map((server, index) => {
      const other = b.servers[index];
      if (other === undefined) return server;
      const { server: name, transport, srttMs, dead, ...counts } = server;
      const { server: _name, transport: _transport, srttMs: otherSrtt, dead: otherDead, ...otherCounts } = other;
      const slower = srttMs === null ? otherSrtt : Math.max(srttMs, otherSrtt ?? 0);
      return { server: name, transport, srttMs: slower, dead: dead && otherDead, ...addNumbers(counts, otherCounts) };
    }),
    open: a.open + b.open,
    joined: a.joined + b.joined,
    overload: a.overload + b.overload,
    failed: a.failed + b.failed,
    latency: {
      boundsMs: a.latency.boundsMs,
      counts: a.latency.counts.map((count, index) => count + (b.latency.counts[index] ?? 0)),
      sumMs: a.latency.sumMs + b.latency.sumMs,
    },
  };
}
