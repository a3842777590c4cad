/**
 * A query's way to its answer:
 *
 *   1. Who asks? A client of no group is refused, one above its rate is not answered.
 *   2. What is asked? One question, read in place; what is malformed is refused.
 *   3. `answerNow` looks for the ready answer in the cache and copies it out: no allocation, no promise.
 *   4. `answerLater` resolves what is not there, once for all who ask the same, and keeps the answer ready. Its promises
 *      are few on purpose: each costs a cold query about as much as a look into the cache.
 *   5. Either way the message is finished for its client: id, letter case, flags, OPT, size.
 */
import { finishAnswer, Kind, type Limits, type WriteCookie, writeError } from './answer.js';
import type { Answer, AnswerCache } from './cache/answer-cache.js';
import type { Group } from './policy/group.js';
import type { Policy } from './policy/policy.js';
import { lifetimeOf } from './resolver/lifetime.js';
import {
  ANY_TYPE,
  deniedSince,
  kindOf,
  type Lookup,
  type LookupLimits,
  type Question,
  rawView,
} from './resolver/lookup.js';
import type { Reply } from './resolver/reply.js';
import { type Outcome, type Resolved, type ResolveOptions, resolve } from './resolver/resolve.js';
import type { Client } from './server/client.js';
import type { Cookies } from './server/cookie-policy.js';
import { type Counter, countTransport, countType, type Statistics } from './statistics.js';
import { synthesisedFrom } from './synthesis/reverse.js';
import { lowerName } from './wire/name.js';
import { Flag, HEADER_BYTES, MAX_MESSAGE_BYTES, Rcode, Type } from './wire/numbers.js';
import { Query, Verdict } from './wire/query.js';
import { type Written, writeMessage } from './wire/writer.js';

export interface EngineOptions extends ResolveOptions, LookupLimits {
  /** Largest answer over UDP, and what we tell others that we take (RFC 9715). */
  udpBytes: number;
  /** RFC 8767 §5: how long a client waits before a stale answer is good enough. */
  staleAfterMs: number;
  prefetch: boolean;
  /** Most questions worked on at once. */
  maxOpen: number;
  /** Silence instead of REFUSED for who is no client. */
  dropStrangers: boolean;
}

export interface EngineParts {
  cache: AnswerCache;
  lookup: Lookup;
  statistics: Statistics;
  cookies: Cookies;
  /** Called for each answer while there is a query log. */
  onFinished: ((finished: Finished) => void) | null;
  /** False for a query above its client's rate. */
  allow: (client: Client) => boolean;
  /** Seconds of a clock that only goes forward. */
  now: () => number;
}

/** An answer that goes out, for the query log. */
export interface Finished {
  query: Query;
  client: Client;
  rcode: number;
  /** It was ready. */
  cached: boolean;
  /** Its length. */
  bytes: number;
}

/** `answerNow`'s word for a query that takes longer. */
export const LATER = -1;

/** An answer before it is finished for a client. */
interface Ready extends Written {
  kind: number;
}

/** No answer, or no room to work on it: SERVFAIL. */
const NOTHING: Promise<null> = Promise.resolve(null);
const OUTCOME_COUNTER: Readonly<Record<Outcome, Counter | null>> = {
  passed: null,
  local: 'dns64.local',
  native: 'dns64.synthesis.native',
  synthesised: 'dns64.synthesis.answers',
  nothing: 'dns64.synthesis.nothing',
  failed: 'dns64.failed',
  bogus: 'dns64.synthesis.bogus',
  reverse: 'dns64.synthesis.reverse',
};

export class Engine {
  private readonly query = new Query();
  private readonly limits: Limits = { bytes: 0, udpBytes: 0 };
  /** Questions being resolved. */
  private readonly open = new Map<string, Promise<Ready | null>>();
  /** Where `answerLater` writes. */
  private readonly out = new Uint8Array(MAX_MESSAGE_BYTES);

  constructor(
    private readonly parts: EngineParts,
    private policy: Policy,
    private options: EngineOptions,
  ) {}

  /** Rules and limits for the queries that come from now on. */
  use(policy: Policy, options: EngineOptions): void {
    this.policy = policy;
    this.options = options;
  }

  /** Questions being resolved. */
  get openQuestions(): number {
    return this.open.size;
  }

  /**
   * Answers at once what can be: writes to `out` at `at`, where 64 KiB fit for streams and `udpBytes` for UDP. Returns
   * the answer's length, 0 for silence, or LATER; then the caller gives a copy of the query to `answerLater`.
   */
  answerNow(bytes: Uint8Array, client: Client, out: Uint8Array, at: number): number {
    const { statistics } = this.parts;
    const { query } = this;
    countTransport(statistics, client.transport);
    const verdict = query.read(bytes);
    if (verdict === Verdict.SHORT) return this.drop('dns64.drop.short');
    if (verdict === Verdict.RESPONSE) return this.drop('dns64.drop.response');
    const limits = this.limitsFor(query, client);
    const group = this.policy.groupOf(client.family, client.address);
    if (group === null) {
      if (this.options.dropStrangers) return this.drop('dns64.drop.not_a_client');
      return this.refuse(client, 'dns64.refused.not_a_client', Rcode.REFUSED, out, at, limits);
    }
    if (!this.parts.allow(client)) {
      this.parts.statistics['dns64.rate_limited'] += 1;
      // No reflection of what somebody else may have sent; over a connection the client is who it says.
      if (client.transport === 'udp') return 0;
      return this.error(query, client, Rcode.REFUSED, out, at, limits, null);
    }
    if (verdict === Verdict.NOTIMP) return this.refuse(client, 'dns64.refused.notimp', Rcode.NOTIMP, out, at, limits);
    if (verdict === Verdict.BADVERS)
      return this.refuse(client, 'dns64.refused.badvers', Rcode.BADVERS, out, at, limits);
    // Type 0 is no type, and stands for "any" in the cache.
    if (verdict !== Verdict.ANSWER || query.type === ANY_TYPE || query.type === Type.OPT) {
      return this.refuse(client, 'dns64.refused.formerr', Rcode.FORMERR, out, at, limits);
    }
    if (query.type === Type.AXFR || query.type === Type.AXFR - 1) {
      return this.refuse(client, 'dns64.refused.notimp', Rcode.NOTIMP, out, at, limits);
    }
    const cookie = this.cookieFor(query, client);
    if (cookie === 'bad') {
      return this.refuse(
        client,
        'dns64.refused.badcookie',
        Rcode.BADCOOKIE,
        out,
        at,
        limits,
        this.parts.cookies.fresh(query, client),
      );
    }
    countType(statistics, query.type);
    return this.fromCache(client, group, out, at, limits, cookie);
  }

  private fromCache(
    client: Client,
    group: Group,
    out: Uint8Array,
    at: number,
    limits: Limits,
    cookie: WriteCookie | null,
  ): number {
    const { cache, statistics } = this.parts;
    const { query } = this;
    const now = this.parts.now();
    const raw = rawView(query.dnssecOk, (query.flags & Flag.CD) !== 0);
    const { bytes, nameLength, type, klass } = query;
    let entry = cache.find(bytes, HEADER_BYTES, nameLength, type, klass, viewOf(group, type, raw));
    if ((entry < 0 || now >= cache.expiresAt(entry)) && group.sharesDenials && !isReverseOf(query, group)) {
      entry = cache.find(bytes, HEADER_BYTES, nameLength, ANY_TYPE, klass, raw);
    }
    if (entry < 0 || now >= cache.expiresAt(entry)) {
      statistics['dns64.cache.misses'] += 1;
      return LATER;
    }
    const kind = cache.kind(entry);
    const stale = (kind & Kind.STALE) !== 0;
    // RFC 8767 §5: a client that asks without recursion wants no such help.
    if (stale && (query.flags & Flag.RD) === 0) return LATER;
    const length = cache.copy(entry, out, at, now, 0);
    if (length === 0) return LATER;
    statistics[stale ? 'dns64.cache.stale' : 'dns64.cache.hits'] += 1;
    cache.touch(entry);
    if (this.options.prefetch && this.isDue(entry, now)) this.prefetch(entry, group);
    const finished = finishAnswer(out, at, length, query, kind, limits, cookie);
    return this.finished(query, client, true, rcodeAt(out, at), out, at, finished);
  }

  /** Less than a tenth of its time is left, and it was asked for more than once. */
  private isDue(entry: number, now: number): boolean {
    const { cache } = this.parts;
    const left = cache.expiresAt(entry) - now;
    return left * 9 < cache.ageSeconds(entry, now) && cache.hits(entry) > 1;
  }

  private prefetch(entry: number, group: Group): void {
    const { cache, statistics } = this.parts;
    if (this.open.size >= this.options.maxOpen / 2 || !cache.beginRefresh(entry)) return;
    const question = questionOf(this.query);
    const key = keyOf(question, group);
    if (this.open.has(key)) return;
    statistics['dns64.cache.prefetched'] += 1;
    // What is in the cache still counts for others; this question goes by it.
    this.resolveOnce(key, question, group, { ask: (asked) => this.parts.lookup.refresh(asked) }).catch(() => undefined);
  }

  /**
   * Resolves a query for which `answerNow` said LATER; it keeps `bytes`. `give` is called once, with null for silence;
   * the answer's memory is another one's as soon as it returns.
   */
  answerLater(bytes: Uint8Array, client: Client, give: (answer: Uint8Array | null) => void): void {
    const query = new Query();
    query.read(bytes);
    const group = this.policy.groupOf(client.family, client.address);
    if (group === null) {
      give(null);
      return;
    }
    this.readyFor(query, group).then(
      (ready) => give(this.finishLater(query, client, ready)),
      () => give(this.finishLater(query, client, null)),
    );
  }

  /** The answer to a query out of what was resolved, in `this.out`. */
  private finishLater(query: Query, client: Client, ready: Ready | null): Uint8Array {
    const { out } = this;
    const limits = this.limitsFor(query, client);
    const cookie = this.cookieFor(query, client);
    const write = cookie === 'bad' ? null : cookie;
    const stale = ready !== null && (ready.kind & Kind.STALE) !== 0;
    // RFC 8767 §5: a client that asks without recursion wants no such help.
    if (ready === null || (stale && (query.flags & Flag.RD) === 0)) {
      return out.subarray(0, this.error(query, client, Rcode.SERVFAIL, out, 0, limits, write));
    }
    if (stale) this.parts.statistics['dns64.cache.stale'] += 1;
    out.set(ready.bytes);
    const length = finishAnswer(out, 0, ready.bytes.length, query, ready.kind, limits, write);
    return out.subarray(0, this.finished(query, client, false, rcodeAt(out, 0), out, 0, length));
  }

  private readyFor(query: Query, group: Group): Promise<Ready | null> {
    const { statistics, lookup } = this.parts;
    const question = questionOf(query);
    const key = keyOf(question, group);
    const waiting = this.open.get(key);
    // RFC 8767 §5.
    const takesStale = this.options.maxStale > 0 && (query.flags & Flag.RD) !== 0;
    const stale = takesStale ? this.staleEntry(question, group) : null;
    if (waiting === undefined && this.open.size >= this.options.maxOpen) {
      statistics['dns64.drop.overload'] += 1;
      return stale === null ? NOTHING : Promise.resolve(stale);
    }
    if (waiting !== undefined) statistics['dns64.joined'] += 1;
    const ready = waiting ?? this.resolveOnce(key, question, group, lookup);
    return stale === null ? ready : this.orStale(ready, stale);
  }

  /** What is resolved, or what is past its time when that takes too long or fails. */
  private async orStale(ready: Promise<Ready | null>, stale: Ready): Promise<Ready> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<null>((done) => {
      timer = setTimeout(done, this.options.staleAfterMs, null);
    });
    const first = await Promise.race([ready.catch(() => null), patience]);
    clearTimeout(timer);
    return first !== null && (!isFailure(first) || (first.kind & Kind.BOGUS) !== 0) ? first : stale;
  }

  private staleEntry({ name, type, klass, dnssecOk, checkingDisabled }: Question, group: Group): Ready | null {
    const { cache } = this.parts;
    const raw = rawView(dnssecOk, checkingDisabled);
    const entry = cache.find(name, 0, name.length, type, klass, viewOf(group, type, raw));
    const now = this.parts.now();
    if (entry < 0 || now < cache.expiresAt(entry) || now >= cache.staleUntil(entry)) return null;
    if (deniedSince(cache, entry, name, klass, raw, now)) return null;
    const bytes = new Uint8Array(cache.length(entry));
    const kind = cache.kind(entry) | Kind.STALE;
    cache.copy(entry, bytes, 0, now, this.options.staleTtl);
    return { bytes, ttlOffsets: [], kind };
  }

  /** Resolves a question that nobody else has open. */
  private resolveOnce(
    key: string,
    question: Question,
    group: Group,
    lookup: Pick<Lookup, 'ask'>,
  ): Promise<Ready | null> {
    const ready = this.resolve(question, group, lookup).then(
      (resolved) => {
        this.open.delete(key);
        return this.keep(question, group, resolved);
      },
      () => {
        this.open.delete(key);
        return null;
      },
    );
    this.open.set(key, ready);
    return ready;
  }

  /** Never throws: what is open has to end. */
  private resolve(question: Question, group: Group, lookup: Pick<Lookup, 'ask'>): Promise<Resolved> {
    try {
      return resolve(question, group, lookup, this.options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Counts what became of a question, and makes it ready: for those who wait, and for the cache. */
  private keep(question: Question, group: Group, { reply, outcome, synthetic, ...counts }: Resolved): Ready | null {
    const { statistics, cache } = this.parts;
    const counter = OUTCOME_COUNTER[outcome];
    if (counter !== null) statistics[counter] += 1;
    statistics['dns64.synthesis.left_out'] += counts.leftOut;
    statistics['dns64.synthesis.a_lookups'] += counts.aLookups;
    statistics['dns64.synthesis.excluded'] += counts.excluded;
    const { type, klass, dnssecOk, checkingDisabled } = question;
    const flags = Flag.QR | Flag.RA | reply.flags | reply.rcode;
    const written = writeMessage(question, flags, reply) ?? writeMessage(question, flags, { ...reply, additional: [] });
    if (written === null) return null;
    let kind = synthetic ? Kind.SYNTHETIC : 0;
    if (reply.stale) kind |= Kind.STALE;
    if (reply.bogus) kind |= Kind.BOGUS;
    kind |= kindOf(reply.silence);
    const ready = { bytes: written.bytes.slice(), ttlOffsets: written.ttlOffsets, kind };
    // What is no group's own is in the cache already, as it came.
    const keeps = group.isOwn(type) && (outcome !== 'local' || type === Type.AAAA);
    const good = reply.rcode === Rcode.NOERROR || (reply.rcode === Rcode.NXDOMAIN && !group.sharesDenials);
    if (keeps && (good || reply.bogus) && outcome !== 'failed') {
      cache.replace({
        message: written.bytes,
        ttlOffsets: written.ttlOffsets,
        type,
        klass,
        view: viewOf(group, type, rawView(dnssecOk, checkingDisabled)),
        kind,
        now: this.parts.now(),
        ...this.timesOf(reply, type),
      });
    }
    return ready;
  }

  private timesOf(reply: Reply, type: number): Pick<Answer, 'lifetimeSeconds' | 'staleSeconds'> {
    const { maxStale, staleRecheck } = this.options;
    if (!reply.stale) {
      return { lifetimeSeconds: lifetimeOf(reply, type, this.options), staleSeconds: reply.bogus ? 0 : maxStale };
    }
    // What is past its time is ready for as long as upstream is left alone, and gets no younger by it.
    const lifetimeSeconds = Math.min(staleRecheck, reply.staleSeconds);
    return { lifetimeSeconds, staleSeconds: reply.staleSeconds - lifetimeSeconds };
  }

  private limitsFor(query: Query, { transport }: Client): Limits {
    const { udpBytes } = this.options;
    this.limits.bytes = transport === 'udp' ? Math.min(query.udpBytes, udpBytes) : MAX_MESSAGE_BYTES;
    this.limits.udpBytes = udpBytes;
    return this.limits;
  }

  private cookieFor(query: Query, client: Client): WriteCookie | null | 'bad' {
    return query.cookieLength === 0 ? null : this.parts.cookies.answer(query, client);
  }

  private drop(counter: Counter): number {
    this.parts.statistics[counter] += 1;
    return 0;
  }

  private refuse(
    client: Client,
    counter: Counter,
    rcode: number,
    out: Uint8Array,
    at: number,
    limits: Limits,
    cookie: WriteCookie | null = null,
  ): number {
    this.parts.statistics[counter] += 1;
    return this.error(this.query, client, rcode, out, at, limits, cookie);
  }

  private error(
    query: Query,
    client: Client,
    rcode: number,
    out: Uint8Array,
    at: number,
    limits: Limits,
    cookie: WriteCookie | null,
  ): number {
    const length = writeError(out, at, query, rcode, 0, limits, cookie);
    return this.finished(query, client, false, rcode, out, at, length);
  }

  /** Counts an answer by its RCODE, and tells the query log. */
  private finished(
    query: Query,
    client: Client,
    cached: boolean,
    rcode: number,
    out: Uint8Array,
    at: number,
    length: number,
  ): number {
    const { statistics, onFinished } = this.parts;
    if (onFinished !== null) onFinished({ query, client, rcode, cached, bytes: length });
    if (rcode === Rcode.NOERROR) statistics['dns64.answers.noerror'] += 1;
    else if (rcode === Rcode.NXDOMAIN) statistics['dns64.answers.nxdomain'] += 1;
    else if (rcode === Rcode.SERVFAIL) statistics['dns64.answers.servfail'] += 1;
    else statistics['dns64.answers.other'] += 1;
    if (((out[at + 2] as number) & (Flag.TC >> 8)) !== 0) statistics['dns64.answers.truncated'] += 1;
    return length;
  }
}

function questionOf(query: Query): Question {
  return {
    name: lowerName(query.bytes.subarray(HEADER_BYTES, HEADER_BYTES + query.nameLength)),
    type: query.type,
    klass: query.klass,
    dnssecOk: query.dnssecOk,
    checkingDisabled: (query.flags & Flag.CD) !== 0,
  };
}

/** Bits of a view: the raw view's two, then the group's serial; raw answers have none. */
function viewOf(group: Group, type: number, raw: number): number {
  return group.isOwn(type) ? ((group.serial << 2) | raw) >>> 0 : raw;
}

function keyOf(question: Question, group: Group): string {
  const view = viewOf(group, question.type, rawView(question.dnssecOk, question.checkingDisabled));
  return `${view} ${question.type} ${question.klass} ${Buffer.from(question.name).toString('latin1')}`;
}

/** The RCODE of an answer out of the cache; extended ones (RFC 6891 §6.1.3) are never kept. */
function rcodeAt(bytes: Uint8Array, at: number): number {
  return (bytes[at + 3] as number) & 15;
}

/** A PTR query that is answered from the reverse tree of IPv4: what its own name is denied for says nothing. */
function isReverseOf({ type, bytes, nameLength }: Query, group: Group): boolean {
  if (type !== Type.PTR) return false;
  const name = lowerName(bytes.subarray(HEADER_BYTES, HEADER_BYTES + nameLength));
  return synthesisedFrom(name, group.reversePrefixes) !== null;
}

function isFailure({ bytes }: Ready): boolean {
  const rcode = rcodeAt(bytes, 0);
  return rcode !== Rcode.NOERROR && rcode !== Rcode.NXDOMAIN;
}
