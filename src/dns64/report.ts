/** What a thread of the DNS64 server reports, and what several do together. */
import type { CacheStats } from './cache/answer-cache.js';
import type { Counter, Statistics } from './statistics.js';
import type { UpstreamStats } from './upstream/upstreams.js';

export interface ServerReport {
  statistics: Statistics;
  cache: CacheStats;
  upstream: UpstreamStats;
  /** Of the sockets, by name. */
  transport: Record<string, number>;
  openQuestions: number;
  /** Some upstream answers; null while that is not known yet. */
  usable: boolean | null;
}

/** Both together. */
export function addReports(a: ServerReport, b: ServerReport): ServerReport {
  const statistics = { ...a.statistics };
  for (const [name, value] of Object.entries(b.statistics)) statistics[name as Counter] += value;
  return {
    statistics,
    cache: addNumbers(a.cache, b.cache),
    upstream: addUpstream(a.upstream, b.upstream),
    transport: addNumbers(a.transport, b.transport),
    openQuestions: a.openQuestions + b.openQuestions,
    usable: a.usable || b.usable || (a.usable === b.usable ? a.usable : null),
  };
}

/** Numbers by name; one that the other has not is zero there. */
export function addNumbers<Numbers extends object>(a: Numbers, b: Numbers): Numbers {
  const sum: Record<string, number> = { ...(a as Record<string, number>) };
  for (const [name, value] of Object.entries(b as Record<string, number>)) sum[name] = (sum[name] ?? 0) + value;
  return sum as Numbers;
}

function addUpstream(a: UpstreamStats, b: UpstreamStats): UpstreamStats {
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
