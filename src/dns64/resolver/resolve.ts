/**
 * From a client's question to the reply for its group, in the order of RFC 6147 §5.1: local names, the native AAAA, the
 * A records instead, the reverse names.
 */
import type { Group } from '../policy/group.js';
import { excludedIn, hasAddress, synthesise, withoutExcluded, withSynthesisedHints } from '../synthesis/aaaa.js';
import { reverseName4, synthesisedFrom } from '../synthesis/reverse.js';
import { denialTtl, type Rr } from '../wire/message.js';
import { sameName } from '../wire/name.js';
import { Class, Flag, Rcode, Type } from '../wire/numbers.js';
import { answerLocally, type LocalOptions } from './local.js';
import type { Lookup, Question } from './lookup.js';
import { coversType, emptyReply, followChain, type Reply, signs, withoutAd, withoutDnssec } from './reply.js';

/** What became of a question, for the statistics. */
export type Outcome = 'passed' | 'local' | 'native' | 'synthesised' | 'nothing' | 'failed' | 'bogus' | 'reverse';

export interface Resolved {
  reply: Reply;
  outcome: Outcome;
  /** Whether addresses of ours are in it (RFC 8914 §4.5). */
  synthetic: boolean;
  /** How many A records no prefix stands for. */
  leftOut: number;
  /** How many A queries were made to have an answer to an AAAA query. */
  aLookups: number;
  /** How many AAAA records are excluded (RFC 6147 §5.1.4). */
  excluded: number;
}

export interface ResolveOptions extends LocalOptions {
  /** Ask for A without waiting for AAAA (RFC 6147 §5.1.8). */
  parallel: boolean;
  /** Whether upstream validates, and is trusted to have done so (RFC 6147 §5.5). */
  dnssec: 'off' | 'upstream';
}

/** TTL of a CNAME that is made here (no rule in RFC 6147), seconds at most. */
const MADE_CNAME_TTL = 600;

const resolved = (reply: Reply, outcome: Outcome, more: Partial<Resolved> = {}): Resolved => ({
  reply,
  outcome,
  synthetic: false,
  leftOut: 0,
  aLookups: 0,
  excluded: 0,
  ...more,
});

/** Resolves for one group. Never throws, nor rejects, for what upstream says. */
export function resolve(
  question: Question,
  group: Group,
  lookup: Pick<Lookup, 'ask'>,
  options: ResolveOptions,
): Promise<Resolved> {
  const local = answerLocally(question, group, options);
  if (local !== null) return Promise.resolve(resolved(local, 'local'));
  if (question.klass === Class.IN && group.synthesises) {
    if (question.type === Type.AAAA && mayConcern(question, group))
      return resolveAaaa(question, group, lookup, options);
    if (question.type === Type.PTR) {
      const v4 = synthesisedFrom(question.name, group.reversePrefixes);
      if (v4 !== null) return resolveReverse(question, v4, group, lookup);
    }
  }
  return pass(question, group, lookup);
}

/** RFC 6147 §5.5: a client that sets CD checks for itself, and gets what is there. */
function mayConcern({ name, checkingDisabled, dnssecOk }: Question, group: Group): boolean {
  if (checkingDisabled && (dnssecOk || !group.rules.synthesiseWithCd)) return false;
  return !group.rules.never.has(name);
}

async function pass(question: Question, group: Group, lookup: Pick<Lookup, 'ask'>): Promise<Resolved> {
  const { type, klass, checkingDisabled, dnssecOk } = question;
  const any = type === Type.ANY;
  let reply = forClient(question, await lookup.ask(question));
  let excluded = 0;
  let synthetic = false;
  if (klass === Class.IN) {
    // RFC 6147 §5.5 item 3: what a validator asks for stays as it is.
    if (group.synthesises && (type === Type.AAAA || any) && !(checkingDisabled && dnssecOk)) {
      excluded = excludedIn(reply, group);
      reply = withoutExcluded(reply, group);
    }
    if ((type === Type.A || any) && group.rules.dropA) reply = withoutA(reply);
    const hints = type === Type.HTTPS || type === Type.SVCB;
    if (hints && group.synthesises && mayConcern(question, group)) {
      const before = reply;
      reply = withSynthesisedHints(reply, group);
      synthetic = reply !== before;
    }
  }
  if (any) reply = oneRrset(reply);
  return resolved(reply, reply.rcode === Rcode.SERVFAIL ? 'failed' : 'passed', { excluded, synthetic });
}

/** RFC 8482 §4.1: one RRset of those at hand, with its signature. */
function oneRrset(reply: Reply): Reply {
  const first = reply.answer.find((rr) => rr.type !== Type.RRSIG);
  if (first === undefined) return reply;
  const answer = reply.answer.filter(
    (rr) => (rr.type === first.type && sameName(rr.name, first.name)) || signs(rr, first),
  );
  return { ...reply, answer };
}

function withoutA(reply: Reply): Reply {
  const answer = reply.answer.filter((rr) => rr.type !== Type.A && !coversType(rr, Type.A));
  return answer.length === reply.answer.length ? reply : withoutAd({ ...reply, answer });
}

/** RFC 4035 §3.2.1: records of DNSSEC only for those who ask for them. */
function forClient({ type, dnssecOk }: Question, reply: Reply): Reply {
  return dnssecOk ? reply : withoutDnssec(type, reply);
}

async function resolveAaaa(
  question: Question,
  group: Group,
  lookup: Pick<Lookup, 'ask'>,
  { parallel, dnssec }: ResolveOptions,
): Promise<Resolved> {
  const forced = group.rules.always.has(question.name);
  // What this group does not see, its clients' CD does not change.
  let aLookups = 0;
  const askA = () => {
    aLookups += 1;
    return lookup.ask({ ...question, type: Type.A });
  };
  const early = parallel || forced ? askA() : null;
  const aaaa = forced ? emptyReply(Rcode.NOERROR) : await lookup.ask(question);
  const excluded = excludedIn(aaaa, group);
  const done = (reply: Reply, outcome: Outcome, more: Partial<Resolved> = {}) =>
    resolved(reply, outcome, { aLookups, excluded, ...more });

  if (aaaa.rcode === Rcode.NXDOMAIN) return done(forClient(question, aaaa), 'passed');
  if (aaaa.rcode === Rcode.NOERROR && hasAddress(aaaa, group)) {
    return done(forClient(question, withoutExcluded(aaaa, group)), 'native');
  }
  const failed = aaaa.rcode !== Rcode.NOERROR;
  // A question that was not sent says nothing of the AAAA records that there are.
  if (aaaa.silence === 'overload') return done(aaaa, 'failed');
  if (failed) {
    // RFC 6147 §5.5: bogus data are no reason to make up others.
    // Silence is none of it (§5.1.3).
    if (dnssec === 'upstream' && (aaaa.bogus || (aaaa.silence === null && (await isBogus(question, lookup))))) {
      return done(emptyReply(Rcode.SERVFAIL, { bogus: true }), 'bogus');
    }
    if (!group.rules.synthesiseOnErrors) return done(aaaa, 'failed');
  }
  if (dnssec === 'upstream' && question.dnssecOk && deniesCname(question, aaaa)) {
    return done(emptyReply(Rcode.SERVFAIL, { bogus: true }), 'bogus');
  }

  const a = await (early ?? askA());
  // RFC 6147 §5.1.6: the error of the A query is the answer.
  if (a.rcode !== Rcode.NOERROR) return done(forClient(question, a), a.bogus ? 'bogus' : 'failed');
  const made = synthesise(question.name, aaaa, a, group);
  if (made !== null) {
    const reply = dnssec === 'upstream' ? made.reply : withoutAd(made.reply);
    return done(forClient(question, reply), 'synthesised', { synthetic: true, leftOut: made.leftOut });
  }
  const leftOut = a.answer.filter((rr) => rr.type === Type.A).length;
  if (failed) return done(emptyReply(Rcode.SERVFAIL, { silence: aaaa.silence }), 'failed', { leftOut });
  const nothing = forced
    ? { ...a, answer: followChain(question.name, a.answer).links }
    : shortened(withoutExcluded(aaaa, group), a);
  return done(forClient(question, nothing), 'nothing', { leftOut });
}

/** A denial that also rests on the A reply: it lasts no longer than that one. */
function shortened(denial: Reply, a: Reply): Reply {
  const most = Math.min(denialTtl(a.authority) ?? Number.POSITIVE_INFINITY, ...a.answer.map(({ ttl }) => ttl));
  const authority = denial.authority.map((rr) => (rr.type === Type.SOA ? { ...rr, ttl: Math.min(rr.ttl, most) } : rr));
  return { ...denial, authority };
}

/** Whether upstream refuses the data because they do not validate: without its checks there is an answer. */
async function isBogus(question: Question, lookup: Pick<Lookup, 'ask'>): Promise<boolean> {
  const unchecked = await lookup.ask({ ...question, checkingDisabled: true });
  return unchecked.rcode === Rcode.NOERROR || unchecked.rcode === Rcode.NXDOMAIN;
}

/** RFC 6840 §4.3: a proof that there is no AAAA, whose bitmap has CNAME, proves that something is wrong. */
function deniesCname({ name }: Question, { answer, authority }: Reply): boolean {
  const { end } = followChain(name, answer);
  return authority.some((rr) => rr.type === Type.NSEC && sameName(rr.name, end) && bitmapHas(rr, Type.CNAME));
}

/** RFC 4034 §4.1: the next name, then windows of types. */
function bitmapHas({ rdata }: Rr, type: number): boolean {
  let at = 0;
  while ((rdata[at] ?? 0) > 0) at += (rdata[at] as number) + 1;
  at += 1;
  while (at + 2 <= rdata.length) {
    const [window = 0, length = 0] = rdata.subarray(at, at + 2);
    if (window === type >> 8 && (type & 255) >> 3 < length) {
      return ((rdata[at + 2 + ((type & 255) >> 3)] ?? 0) & (0x80 >> (type & 7))) !== 0;
    }
    at += 2 + length;
  }
  return false;
}

async function resolveReverse(
  question: Question,
  v4: Uint8Array,
  group: Group,
  lookup: Pick<Lookup, 'ask'>,
): Promise<Resolved> {
  const { name } = question;
  const { reverse } = group.rules;
  const record = (type: number, ttl: number, rdata: Uint8Array): Rr => ({ name, type, klass: Class.IN, ttl, rdata });
  if (reverse.method === 'local') {
    const answer = [record(Type.PTR, MADE_CNAME_TTL, reverse.name)];
    return resolved(emptyReply(Rcode.NOERROR, { flags: Flag.AA, answer }), 'reverse');
  }
  const target = reverseName4(v4);
  const found = withoutAd(await lookup.ask({ ...question, name: target }));
  const pointers = found.answer.filter((rr) => rr.type === Type.PTR);
  // Nothing there: a CNAME would lead nowhere.
  if (found.rcode !== Rcode.NOERROR || pointers.length === 0) {
    return resolved(forClient(question, { ...found, answer: [] }), 'reverse');
  }
  // A CNAME already (RFC 2317): the pointers themselves, rather than a longer chain.
  if (found.answer.some((rr) => rr.type === Type.CNAME)) {
    const answer = pointers.map((rr) => record(Type.PTR, Math.min(rr.ttl, MADE_CNAME_TTL), rr.rdata));
    return resolved(forClient(question, { ...found, answer }), 'reverse');
  }
  const ttl = Math.min(MADE_CNAME_TTL, ...pointers.map((rr) => rr.ttl));
  const answer = [record(Type.CNAME, ttl, target), ...found.answer];
  return resolved(forClient(question, { ...found, answer }), 'reverse');
}
