/** A report of the DNS64 server as counters with their meaning, and as the few lines of a status. */
import type { ServerReport } from './report.js';
import { counterMeaning, counterNames } from './statistics.js';

export interface Reading {
  name: string;
  value: number;
  explain: string;
}

export interface Dns64Status {
  /** `udp ::#53`. */
  listening: string[];
  alive: boolean;
  /** Alive, and upstream answers: what an announcer waits for. */
  ready: boolean;
  openQuestions: number;
  cache: { entries: number; usedBytes: number; capacityBytes: number };
  upstream: { server: string; transport: string; srttMs: number | null; dead: boolean }[];
}

const CACHE_MEANING: Readonly<Record<string, string>> = {
  inserted: 'answers kept',
  replaced: 'answers kept in place of an older one',
  evicted: 'answers that gave way in their time, because the cache is full',
  expiredEvicted: 'answers that gave way after their time',
  refused: 'answers not kept: too big, or of no lifetime',
};
const UPSTREAM_MEANING: Readonly<Record<string, string>> = {
  queries: 'questions put to upstream',
  answers: 'answers of upstream',
  timeouts: 'attempts without an answer in their time',
  errors: 'attempts that could not be sent or broke',
  tcp: 'questions over TCP or TLS',
  truncated: 'replies with TC',
  mismatches: 'replies that fit no open question',
  flooded: 'questions taken to TCP, because somebody may be guessing (RFC 5452 §9.3)',
  malformed: 'replies that cannot be read',
  badCookies: 'replies with a wrong cookie',
};
const TRANSPORT_MEANING = 'of the sockets that clients reach';

/** Every counter, and the latency of upstream as one for each bucket. */
export function readingsOf(report: ServerReport): Reading[] {
  return [...countersOf(report), ...latencyOf(report)];
}

/** Every counter. */
export function countersOf({ statistics, cache, upstream, transport }: ServerReport): Reading[] {
  const list: Reading[] = counterNames.map((name) => ({
    name,
    value: statistics[name],
    explain: counterMeaning[name],
  }));
  for (const [key, explain] of Object.entries(CACHE_MEANING)) {
    list.push({ name: `dns64.cache.${snake(key)}`, value: numberAt(cache, key), explain });
  }
  for (const [key, explain] of Object.entries(UPSTREAM_MEANING)) {
    const value = upstream.servers.reduce((sum, server) => sum + numberAt(server, key), 0);
    list.push({ name: `dns64.upstream.${snake(key)}`, value, explain });
  }
  list.push({
    name: 'dns64.upstream.failed',
    value: upstream.failed,
    explain: 'questions that ended without an answer',
  });
  for (const [key, value] of Object.entries(transport)) {
    list.push({ name: `dns64.transport.${key}`, value, explain: TRANSPORT_MEANING });
  }
  return list;
}

function latencyOf({ upstream }: ServerReport): Reading[] {
  const { boundsMs, counts } = upstream.latency;
  return counts.map((value, index) => {
    const bound = boundsMs[index];
    const name = bound === undefined ? 'above' : `to_${String(bound).replace('.', '_')}_ms`;
    return { name: `dns64.upstream.latency.${name}`, value, explain: 'questions answered by upstream in this time' };
  });
}

/** What a status says; `report` is null while no thread answers. */
export function dns64StatusOf(listening: readonly string[], alive: boolean, report: ServerReport | null): Dns64Status {
  const { entries, usedBytes, capacityBytes } = report?.cache ?? { entries: 0, usedBytes: 0, capacityBytes: 0 };
  const servers = report?.upstream.servers ?? [];
  return {
    listening: [...listening],
    alive,
    ready: alive && (report?.usable ?? false),
    openQuestions: report?.openQuestions ?? 0,
    cache: { entries, usedBytes, capacityBytes },
    upstream: servers.map(({ server, transport, srttMs, dead }) => ({ server, transport, srttMs, dead })),
  };
}

function numberAt(object: object, key: string): number {
  const value: unknown = (object as Record<string, unknown>)[key];
  return typeof value === 'number' ? value : 0;
}

function snake(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
