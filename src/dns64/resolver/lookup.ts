/**
 * One question to the cache and then upstream, for whichever client: the raw material that answers are made of. Replies
 * are kept per (name, type, class, DO, CD); that a name does not exist is kept for all its types, and for the names
 * below it.
 */
import { Kind } from '../answer.js';
import type { AnswerCache } from '../cache/answer-cache.js';
import type { Outcome, Upstreams } from '../upstream/upstreams.js';
import { negativeTtl, type Rr, readMessage } from '../wire/message.js';
import { isWithin, parentName, sameName } from '../wire/name.js';
import { Flag, MAX_MESSAGE_BYTES, Rcode, Type } from '../wire/numbers.js';
import { writeMessage } from '../wire/writer.js';
import { lifetimeOf, type TtlLimits } from './lifetime.js';
import { IPV4ONLY } from './local.js';
import { emptyReply, followChain, type Reply, withinQuestion } from './reply.js';

export interface Question {
  /** In lower case. */
  name: Uint8Array;
  type: number;
  klass: number;
  dnssecOk: boolean;
  checkingDisabled: boolean;
}

export interface LookupLimits extends TtlLimits {
  /** How long an answer may be used past its time, seconds; 0 never. */
  maxStale: number;
  /** TTL of such an answer (RFC 8767 §4). */
  staleTtl: number;
  /** How long upstream is left alone after a failure that a stale answer stood in for (RFC 8767 §5). */
  staleRecheck: number;
}

/** Pseudo type: the name does not exist, whatever the type (RFC 2308 §5). No query has type 0. */
export const ANY_TYPE = 0;
/** Bits of a raw view. */
const VIEW_DO = 1;
const VIEW_CD = 2;
/** Failures are kept beside what they would replace, so that it can be used past its time. */
const VIEW_FAILURE = 0x8000_0000;
/** Deepest name under which a denial is looked for. */
const MAX_CUTS = 32;

/** Which raw answers fit a client's flags. */
export function rawView(dnssecOk: boolean, checkingDisabled: boolean): number {
  return (dnssecOk ? VIEW_DO : 0) | (checkingDisabled ? VIEW_CD : 0);
}

export interface Lookup {
  ask(question: Question): Promise<Reply>;
  /** The same, always by upstream, to have an answer anew before its time ends; where that fails, what is known. */
  refresh(question: Question): Promise<Reply>;
}

export interface LookupOptions {
  cache: AnswerCache;
  upstreams: Pick<Upstreams, 'ask'>;
  limits: () => LookupLimits;
  /** Seconds of a clock that only goes forward. */
  now: () => number;
}

/** Makes a lookup. */
export function createLookup({ cache, upstreams, limits, now }: LookupOptions): Lookup {
  const scratch = new Uint8Array(MAX_MESSAGE_BYTES);
  /** No failure is kept beyond this second: as a rule there is none to look for. */
  let failuresUntil = 0;
  /** The question for which no denial was found last, until one is kept: A and AAAA of a name are asked together. */
  let undenied: { name: Uint8Array; klass: number; view: number } | null = null;

  function cached({ name, klass }: Question, type: number, view: number, stale: boolean): Reply | null {
    const entry = cache.find(name, 0, name.length, type, klass, view);
    if (entry < 0) return null;
    const seconds = now();
    const fresh = seconds < cache.expiresAt(entry);
    if (!fresh && (!stale || seconds >= cache.staleUntil(entry))) return null;
    cache.touch(entry);
    const length = cache.copy(entry, scratch, 0, seconds, limits().staleTtl);
    const message = readMessage(scratch.subarray(0, length));
    if (message === null) return null;
    const kind = cache.kind(entry);
    const bogus = (kind & Kind.BOGUS) !== 0;
    const reply = { ...emptyReply(message.rcode), ...message, silence: silenceOf(kind), bogus };
    return fresh ? reply : { ...reply, stale: true, staleSeconds: cache.staleUntil(entry) - seconds };
  }

  /** A denial of the name itself or of a parent (RFC 8020). */
  function denied(question: Question, view: number): Reply | null {
    const { klass } = question;
    if (undenied?.name === question.name && undenied.klass === klass && undenied.view === view) return null;
    let name: Uint8Array | null = question.name;
    for (let i = 0; name !== null && name.length > 1 && i < MAX_CUTS; i++) {
      const reply = cached({ ...question, name }, ANY_TYPE, view, false);
      if (reply !== null) return reply;
      name = parentName(name);
    }
    undenied = { name: question.name, klass, view };
    return null;
  }

  function keep(question: Question, view: number, reply: Reply): void {
    const { name, type, klass } = question;
    const { maxStale: staleSeconds, staleRecheck } = limits();
    const lifetimeSeconds = lifetimeOf(reply, type, limits());
    const put = (owner: Uint8Array, kept: number, what: Reply, more: object = {}) => {
      // Ours to say (RFC 8880 §7.1): what upstream tells groups without a prefix is not for those that have one.
      if (isWithin(owner, IPV4ONLY)) return;
      const written = writeMessage({ name: owner, type, klass }, Flag.QR | Flag.RA | what.flags | what.rcode, what);
      if (written === null) return;
      const { bytes: message, ttlOffsets } = written;
      const times = { now: now(), lifetimeSeconds, staleSeconds };
      cache.replace({ message, ttlOffsets, type: kept, klass, view, kind: 0, ...times, ...more });
    };
    if (reply.rcode === Rcode.NXDOMAIN) {
      // RFC 6604 §3, RFC 8020 §2: it is the last name of a chain that does not exist.
      const { end } = followChain(name, reply.answer);
      put(end, ANY_TYPE, { ...reply, answer: [] });
      undenied = null;
      const before = cache.find(name, 0, name.length, type, klass, view);
      // RFC 8767 §4: what it denies is not used any more.
      if (before >= 0) cache.remove(before);
      if (!sameName(end, name)) put(name, type, reply);
    } else if (reply.rcode === Rcode.NOERROR) {
      put(name, type, reply);
    } else {
      const standsIn = !reply.bogus && cached(question, type, view, true) !== null;
      const kind = kindOf(reply.silence) | (reply.bogus ? Kind.BOGUS : 0);
      const failure = { view: (view | VIEW_FAILURE) >>> 0, staleSeconds: 0, kind };
      const seconds = standsIn ? staleRecheck : lifetimeSeconds;
      put(name, type, reply, { ...failure, lifetimeSeconds: seconds });
      failuresUntil = Math.max(failuresUntil, now() + seconds);
    }
  }

  /** Keeps what upstream says, and makes it a reply. */
  function take(question: Question, outcome: Outcome): Reply {
    const view = rawView(question.dnssecOk, question.checkingDisabled);
    if (outcome.kind === 'failed') {
      const { reason } = outcome;
      // Nobody was asked, so nothing is known of the name.
      if (reason === 'overload') return emptyReply(Rcode.SERVFAIL, { silence: 'overload' });
      const reply = emptyReply(Rcode.SERVFAIL, { silence: reason === 'timeout' ? 'timeout' : 'unreachable' });
      keep(question, view, reply);
      return reply;
    }
    const { message } = outcome;
    const reply = withinQuestion(question.name, question.type, {
      ...emptyReply(message.rcode & 15),
      // AA is for those who have the zone, and what is kept has no authority.
      flags: message.flags & Flag.AD,
      answer: message.answer,
      authority: message.authority.map(withSoaMinimum),
      additional: message.additional,
      bogus: message.rcode === Rcode.SERVFAIL && (message.edns?.extendedErrors.some(isBogus) ?? false),
    });
    keep(question, view, reply);
    return reply;
  }

  /** RFC 8767 §4: where upstream failed, what is known, also when it is past its time. What is bogus is no failure. */
  function orKnown(question: Question, view: number, reply: Reply): Reply {
    if (reply.rcode === Rcode.NOERROR || reply.rcode === Rcode.NXDOMAIN || reply.bogus) return reply;
    const { name, type, klass } = question;
    const entry = cache.find(name, 0, name.length, type, klass, view);
    const usable = entry >= 0 && !deniedSince(cache, entry, name, klass, view, now());
    return (usable ? cached(question, type, view, true) : null) ?? cached(question, ANY_TYPE, view, true) ?? reply;
  }

  function upstream(question: Question, view: number): Promise<Reply> {
    return upstreams.ask(question).then((outcome) => orKnown(question, view, take(question, outcome)));
  }

  return {
    ask(question) {
      const view = rawView(question.dnssecOk, question.checkingDisabled);
      const known = cached(question, question.type, view, false) ?? denied(question, view);
      if (known !== null) return Promise.resolve(known);
      const failed = now() < failuresUntil ? cached(question, question.type, (view | VIEW_FAILURE) >>> 0, false) : null;
      if (failed !== null) return Promise.resolve(orKnown(question, view, failed));
      return upstream(question, view);
    },
    refresh: (question) => upstream(question, rawView(question.dnssecOk, question.checkingDisabled)),
  };
}

/** Whether the name was denied after the entry was kept, be it by an answer to another type (RFC 8767 §4). */
export function deniedSince(
  cache: AnswerCache,
  entry: number,
  name: Uint8Array,
  klass: number,
  view: number,
  seconds: number,
): boolean {
  const denial = cache.find(name, 0, name.length, ANY_TYPE, klass, view);
  return denial >= 0 && cache.ageSeconds(denial, seconds) <= cache.ageSeconds(entry, seconds);
}

/** How the cache keeps why nothing was said. */
export function kindOf(silence: Reply['silence']): number {
  if (silence === 'timeout') return Kind.TIMED_OUT;
  return silence === 'unreachable' ? Kind.UNREACHABLE : 0;
}

function silenceOf(kind: number): Reply['silence'] {
  if ((kind & Kind.TIMED_OUT) !== 0) return 'timeout';
  return (kind & Kind.UNREACHABLE) === 0 ? null : 'unreachable';
}

/** RFC 2308 §5: the TTL of a denial's SOA is the lesser of its TTL and its MINIMUM. */
function withSoaMinimum(rr: Rr): Rr {
  const ttl = rr.type === Type.SOA ? negativeTtl(rr) : null;
  return ttl === null ? rr : { ...rr, ttl };
}

/** RFC 8914 §4.7 to §4.13: what a validating resolver says of bogus data. */
function isBogus(code: number): boolean {
  return code >= 6 && code <= 12;
}
