/** What a question came to, before it is made an answer for somebody. */
import type { Rr } from '../wire/message.js';
import { isWithin, lowerName, nameKey, sameName } from '../wire/name.js';
import { Flag, Rcode, Type } from '../wire/numbers.js';
import { wordAt } from '../wire/words.js';

export interface Reply {
  rcode: number;
  /** AD, as upstream says; AA for what is answered here. */
  flags: number;
  answer: Rr[];
  authority: Rr[];
  additional: Rr[];
  /** From the cache, and past its time (RFC 8767). */
  stale: boolean;
  /** How much longer it may be used, when it is stale. */
  staleSeconds: number;
  /** Fails validation (RFC 6147 §5.5). */
  bogus: boolean;
  /** Why upstream has said nothing, where it has not: no answer in time, no way to it, or no room here to ask it. */
  silence: 'timeout' | 'unreachable' | 'overload' | null;
}

/** RFC 1034 §3.6.2 wants chains short; longer ones are taken for loops. */
const MAX_CHAIN = 16;

/** A reply without records. */
export function emptyReply(rcode: number, more: Partial<Reply> = {}): Reply {
  return {
    rcode,
    flags: 0,
    answer: [],
    authority: [],
    additional: [],
    stale: false,
    staleSeconds: Number.POSITIVE_INFINITY,
    bogus: false,
    silence: null,
    ...more,
  };
}

/** How a chain of CNAMEs goes from a name (RFC 6147 §5.1.5). */
export interface Chain {
  /** The last name, in lower case. */
  end: Uint8Array;
  /** The records that lead there: CNAMEs, DNAMEs, and signatures of both. */
  links: Rr[];
  /** Of its length, or a loop: RFC 1034 §3.6.2. */
  broken: boolean;
}

/** Follows CNAMEs in the answer section from `name`; a DNAME comes with the CNAME that it makes (RFC 6672 §3.1). */
export function followChain(name: Uint8Array, answer: readonly Rr[]): Chain {
  if (!answer.some((rr) => rr.type === Type.CNAME)) return { end: lowerName(name), links: [], broken: false };
  const aliases = new Map(answer.filter((rr) => rr.type === Type.CNAME).map((rr) => [nameKey(rr.name), rr]));
  // Of each owner there is one (RFC 6672 §2.4).
  const dnames = new Map(answer.filter((rr) => rr.type === Type.DNAME).map((rr) => [nameKey(rr.name), rr]));
  const leading = new Set<Rr>();
  const seen = new Set<string>();
  let end = lowerName(name);
  let broken = false;
  for (let alias = aliases.get(nameKey(end)); alias !== undefined; alias = aliases.get(nameKey(end))) {
    broken = seen.has(nameKey(end)) || seen.size >= MAX_CHAIN;
    if (broken) break;
    seen.add(nameKey(end));
    for (const dname of dnames.values()) {
      if (end.length > dname.name.length && isWithin(end, dname.name)) leading.add(dname);
    }
    leading.add(alias);
    end = lowerName(alias.rdata);
  }
  return { end, links: withSignatures(leading, answer), broken };
}

/** Each record, followed by its signatures; in a time that grows with the records alone. */
function withSignatures(rrs: ReadonlySet<Rr>, answer: readonly Rr[]): Rr[] {
  const key = (type: number, name: Uint8Array) => `${type} ${nameKey(name)}`;
  const signatures = new Map<string, Rr[]>();
  for (const rr of answer) {
    if (rr.type !== Type.RRSIG || rr.rdata.length < 2) continue;
    const covered = key(wordAt(rr.rdata, 0), rr.name);
    const known = signatures.get(covered);
    if (known === undefined) signatures.set(covered, [rr]);
    else known.push(rr);
  }
  return [...rrs].flatMap((rr) => [rr, ...(signatures.get(key(rr.type, rr.name)) ?? [])]);
}

/** True for an RRSIG of the RRset that the record is in (RFC 4034 §3.1.1). */
export function signs(signature: Rr, rr: Rr): boolean {
  return coversType(signature, rr.type) && sameName(signature.name, rr.name);
}

/** True for an RRSIG of records of that type. */
export function coversType({ type: own, rdata }: Rr, type: number): boolean {
  return own === Type.RRSIG && rdata.length >= 2 && wordAt(rdata, 0) === type;
}

/**
 * The reply with only those records of the answer section that the question leads to (RFC 5452 §6, RFC 2181 §5.4.1):
 * what else came along is nobody's business. A chain that does not end is a failure.
 */
export function withinQuestion(name: Uint8Array, type: number, reply: Reply): Reply {
  if (reply.answer.length === 0) return reply;
  const chain = followChain(name, reply.answer);
  if (chain.broken) return emptyReply(Rcode.SERVFAIL);
  const wanted = (rr: Rr) => type === Type.ANY || rr.type === type || coversType(rr, type);
  const data = new Set(reply.answer.filter((rr) => wanted(rr) && sameName(rr.name, chain.end)));
  return { ...reply, answer: smallestTtls([...chain.links.filter((rr) => !data.has(rr)), ...data]) };
}

/** RFC 2181 §5.2: the TTLs of an RRset are the same; where they are not, the smallest counts. */
function smallestTtls(rrs: Rr[]): Rr[] {
  if (rrs.length < 2) return rrs;
  const smallest = new Map<string, number>();
  const key = (rr: Rr) => `${rr.type} ${nameKey(rr.name)}`;
  for (const rr of rrs) smallest.set(key(rr), Math.min(rr.ttl, smallest.get(key(rr)) ?? rr.ttl));
  return rrs.map((rr) => ({ ...rr, ttl: smallest.get(key(rr)) ?? rr.ttl }));
}

const DNSSEC_TYPES: readonly number[] = [Type.RRSIG, Type.NSEC, Type.NSEC3];

/** Without the records that only validators want, unless asked for (RFC 4035 §3.2.1). */
export function withoutDnssec(type: number, reply: Reply): Reply {
  const plain = (rrs: Rr[]) => rrs.filter((rr) => !DNSSEC_TYPES.includes(rr.type) || rr.type === type);
  return {
    ...reply,
    answer: plain(reply.answer),
    authority: plain(reply.authority),
    additional: plain(reply.additional),
  };
}

/** The reply with AD cleared. */
export function withoutAd(reply: Reply): Reply {
  return { ...reply, flags: reply.flags & ~Flag.AD };
}
