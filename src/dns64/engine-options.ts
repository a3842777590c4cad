/** From the configuration to the engine's rules and limits. */
import type { Dns64Config } from '../config/dns64.js';
import type { EngineOptions } from './engine.js';

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
