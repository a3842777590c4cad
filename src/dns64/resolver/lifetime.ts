/** How long a reply may be kept (RFC 2308, 8767, 9520). */
import { denialTtl } from '../wire/message.js';
import { Rcode, Type } from '../wire/numbers.js';
import type { Reply } from './reply.js';

export interface TtlLimits {
  /** Caps, seconds. */
  maxTtl: number;
  maxNegativeTtl: number;
  /** How long a failure is remembered; RFC 9520 wants 1 s to 300 s. */
  failureTtl: number;
}

/** Seconds; 0 is for this transaction only. */
export function lifetimeOf(reply: Reply, type: number, limits: TtlLimits): number {
  if (reply.rcode !== Rcode.NOERROR && reply.rcode !== Rcode.NXDOMAIN) return limits.failureTtl;
  const positive = reply.rcode === Rcode.NOERROR && reply.answer.some((rr) => rr.type === type || type === Type.ANY);
  const chain = Math.min(limits.maxTtl, ...reply.answer.map((rr) => rr.ttl));
  if (positive) return chain;
  const soa = denialTtl(reply.authority);
  // RFC 2308 §5: a denial without SOA is not kept.
  return soa === null ? 0 : Math.min(soa, chain, limits.maxNegativeTtl, limits.maxTtl);
}
