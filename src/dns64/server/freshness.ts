/** How long an answer over HTTP may be kept (RFC 8484 §5.1). */
import { negativeTtl, readMessage } from '../wire/message.js';
import { Rcode } from '../wire/numbers.js';

/**
 * Seconds: the least TTL of the answer section, and where the authority section has an SOA, which it has when there is
 * no such name or no such data, what the SOA allows (RFC 2308 §5). 0 for failures, and for what is no message.
 */
export function freshSeconds(answer: Uint8Array): number {
  const message = readMessage(answer);
  if (message === null || (message.rcode !== Rcode.NOERROR && message.rcode !== Rcode.NXDOMAIN)) return 0;
  const negative = message.authority.map(negativeTtl).filter((ttl) => ttl !== null);
  const seconds = Math.min(...message.answer.map(({ ttl }) => ttl), ...negative);
  return Number.isFinite(seconds) ? seconds : 0;
}
