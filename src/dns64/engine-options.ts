/** From the configuration to the engine's rules and limits, and to those of the upstream side. */
import type { Dns64Config } from '../config/dns64.js';
import type { EngineOptions } from './engine.js';
import { DEFAULT_UPSTREAM_OPTIONS, type UpstreamOptions } from './upstream/options.js';

/** What the engine is told of a section. */
export function engineOptions(dns64: Dns64Config): EngineOptions {
  const { cache, limits, workers } = dns64;
  return {
    udpBytes: dns64.udpBytes,
    parallel: dns64.parallel,
    dnssec: dns64.dnssec,
    localZones: dns64.localZones,
    discoveryTtl: dns64.discoveryTtl,
    dropStrangers: dns64.strangers === 'drop',
    prefetch: cache.prefetch,
    maxOpen: Math.ceil(limits.open / workers),
    maxTtl: cache.maxTtl,
    maxNegativeTtl: cache.maxNegativeTtl,
    failureTtl: cache.failureTtl,
    maxStale: cache.stale,
    // RFC 8767 §4, §5.
    staleTtl: 30,
    staleRecheck: 30,
    staleAfterMs: 1800,
  };
}

/** What the upstream side is told of it. */
export function upstreamOptions(dns64: Dns64Config): UpstreamOptions {
  return {
    ...DEFAULT_UPSTREAM_OPTIONS,
    servers: dns64.upstream,
    sourceAddresses: dns64.sourceAddresses,
    avoidPorts: dns64.avoidPorts.map(({ min, max }) => ({ from: min, to: max })),
    timeoutMs: dns64.upstreamTimeout * 1000,
    caseRandomisation: dns64.caseRandomisation,
    maxOpen: Math.ceil(dns64.limits.open / dns64.workers),
  };
}
