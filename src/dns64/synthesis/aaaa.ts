/** AAAA records out of A records, and AAAA records that are left out (RFC 6147 §5.1.4 to §5.1.7). No questions here. */
import type { Group } from '../policy/group.js';
import { coversType, followChain, type Reply, withoutAd } from '../resolver/reply.js';
import { denialTtl, type Rr } from '../wire/message.js';
import { Class, Flag, Type } from '../wire/numbers.js';
import { embed, type Pref64 } from './pref64.js';

/** RFC 6147 §5.1.7: the TTL where no SOA gives one, seconds. */
const NO_SOA_TTL = 600;

/** True when the reply has an AAAA record that may be returned. */
export function hasAddress(reply: Reply, group: Group): boolean {
  return reply.answer.some((rr) => rr.type === Type.AAAA && !isExcluded(rr, group));
}

/** The reply without AAAA records that are excluded; with one less the signature fits no more, and AD goes as well. */
export function withoutExcluded(reply: Reply, group: Group): Reply {
  if (!reply.answer.some((rr) => isExcluded(rr, group))) return reply;
  const answer = reply.answer.filter((rr) => !isExcluded(rr, group) && !coversType(rr, Type.AAAA));
  return withoutAd({ ...reply, answer });
}

/** How many AAAA records of the reply are excluded. */
export function excludedIn(reply: Reply, group: Group): number {
  let excluded = 0;
  for (const rr of reply.answer) if (isExcluded(rr, group)) excluded += 1;
  return excluded;
}

function isExcluded(rr: Rr, group: Group): boolean {
  return rr.type === Type.AAAA && rr.rdata.length === 16 && group.isExcluded(rr.rdata);
}

export interface Synthesis {
  reply: Reply;
  /** A records that no prefix stands for. */
  leftOut: number;
}

/**
 * The answer to an AAAA query for `name` out of the replies to it and to the A query. Null when no A record comes to
 * anything. AD only when both replies were validated.
 */
export function synthesise(name: Uint8Array, aaaa: Reply, a: Reply, group: Group): Synthesis | null {
  const ceiling = denialTtl(aaaa.authority) ?? NO_SOA_TTL;
  const { links } = followChain(name, a.answer);
  const records: Rr[] = [];
  let leftOut = 0;
  for (const rr of a.answer) {
    if (rr.type !== Type.A || rr.rdata.length !== 4) continue;
    const prefixes = group.prefixesFor(rr.rdata);
    if (prefixes.length === 0) leftOut += 1;
    for (const prefix of prefixes) {
      if (records.length >= group.rules.maxRecords) break;
      records.push(synthetic(rr, prefix, ceiling));
    }
  }
  if (records.length === 0) return null;
  const reply: Reply = {
    ...a,
    flags: a.flags & aaaa.flags & Flag.AD,
    // A records and their signatures stay behind; those of the chain come along.
    answer: [...links, ...records],
    stale: a.stale || aaaa.stale,
    staleSeconds: Math.min(a.staleSeconds, aaaa.staleSeconds),
  };
  return { reply, leftOut };
}

/** Adds AAAA records for targets in the additional section that have only A (RFC 9460 §4.2). */
export function withSynthesisedHints(reply: Reply, group: Group): Reply {
  const native = new Set(reply.additional.filter((rr) => rr.type === Type.AAAA).map((rr) => rr.name.join()));
  const records = reply.additional.flatMap((rr) => {
    if (rr.type !== Type.A || rr.rdata.length !== 4 || native.has(rr.name.join())) return [];
    return group.prefixesFor(rr.rdata).map((prefix) => synthetic(rr, prefix, NO_SOA_TTL));
  });
  return records.length === 0 ? reply : { ...reply, additional: [...reply.additional, ...records] };
}

/** The AAAA record that stands for an A record, of at most so many seconds. */
function synthetic({ name, ttl, rdata }: Rr, prefix: Pref64, mostSeconds: number): Rr {
  return { name, type: Type.AAAA, klass: Class.IN, ttl: Math.min(ttl, mostSeconds), rdata: embed(prefix, rdata) };
}
