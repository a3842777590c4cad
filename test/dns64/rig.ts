/** An engine with an upstream made of records, and a clock that moves when told. Queries and answers by dns-packet. */
import * as packet from 'dns-packet';
import type { LoadedDns64 } from '../../src/config/dns64.js';
import { parseConfig } from '../../src/config/file.js';
import { parseHosts } from '../../src/config/hosts-text.js';
import { AnswerCache } from '../../src/dns64/cache/answer-cache.js';
import { Engine, type Finished, LATER } from '../../src/dns64/engine.js';
import { engineOptions } from '../../src/dns64/engine-options.js';
import { Policy } from '../../src/dns64/policy/policy.js';
import { rulesOf } from '../../src/dns64/policy/rules.js';
import { createLookup } from '../../src/dns64/resolver/lookup.js';
import type { Client } from '../../src/dns64/server/client.js';
import { createCookies } from '../../src/dns64/server/cookie-policy.js';
import { ServerCookies } from '../../src/dns64/server/cookies.js';
import { createStatistics, type Statistics } from '../../src/dns64/statistics.js';
import type { Ask, Outcome } from '../../src/dns64/upstream/upstreams.js';
import { readMessage } from '../../src/dns64/wire/message.js';
import { nameToText } from '../../src/dns64/wire/name.js';
import { typeName } from '../../src/dns64/wire/numbers.js';

/** What upstream says to a question: records, an RCODE, or nothing. */
export interface Says {
  rcode?: string;
  answers?: packet.Answer[];
  authorities?: packet.Answer[];
  additionals?: packet.Answer[];
  /** Header bits: AA, AD. */
  flags?: number;
  /** Info-codes of extended errors. */
  ede?: number[];
}
/** `silence` is a time-out; with `overload` nobody is asked. */
type Word = Says | 'silence' | 'unreachable' | 'overload';
export type Upstream = (question: AskedQuestion) => Word | Promise<Word>;
export interface AskedQuestion {
  /** Without the final dot. */
  name: string;
  type: string;
  do: boolean;
  cd: boolean;
}

export interface Query {
  name: string;
  type?: string;
  class?: string;
  id?: number;
  do?: boolean;
  cd?: boolean;
  ad?: boolean;
  rd?: boolean;
  /** No OPT unless something of it is told. */
  udpBytes?: number;
  options?: { code: number; data: Buffer }[];
  transport?: Client['transport'];
  from?: Uint8Array;
}

export interface Answered {
  rcode: string;
  flags: { aa: boolean; tc: boolean; ad: boolean; cd: boolean; ra: boolean; rd: boolean };
  question: string;
  /** `name TTL TYPE data`, in order; OPT left out. */
  answers: string[];
  authorities: string[];
  additionals: string[];
  opt: { udpBytes: number; do: boolean; version: number; ede: number[]; options: number[] } | null;
  bytes: Uint8Array;
}

export interface Rig {
  ask(query: Query | Uint8Array): Promise<Answered>;
  /** Null for silence. */
  send(query: Query | Uint8Array): Promise<Uint8Array | null>;
  /** `TYPE name`, in order. */
  asked: string[];
  questions: AskedQuestion[];
  forward(seconds: number): void;
  statistics: Statistics;
  /** RCODEs as the query log has them. */
  logged: number[];
  engine: Engine;
  cache: AnswerCache;
  reload(section: string): void;
}

export const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const NO_COOKIES = createCookies(
  new ServerCookies({ secret: new Uint8Array(16), now: () => 0 }),
  () => 'off',
  () => 0,
);
const DEFAULT = 'pool6: 2001:db8:64::/96';

/** The section with an upstream that is never reached. */
export function section(text: string): LoadedDns64 {
  const { config } = parseConfig(`dns64: { upstream: "192.0.2.53", ${text} }`, 'test');
  if (config.dns64 === undefined) throw new Error('no dns64 section');
  return config.dns64;
}

/** An engine for the section (as one line of YAML); `hosts` is the text of the file that it calls `hosts`. */
export function rig(upstream: Upstream, text = DEFAULT, hosts = ''): Rig {
  let seconds = 1000;
  let dns64 = section(text);
  dns64 = { ...dns64, files: { ...dns64.files, hosts: new Map([['hosts', parseHosts(hosts).names]]) } };
  let options = engineOptions(dns64);
  let policy = new Policy(rulesOf(dns64, null));
  const asked: string[] = [];
  const questions: AskedQuestion[] = [];
  const statistics = createStatistics();
  const cache = new AnswerCache({ bytes: 2 ** 20, seed: 42 });
  const now = () => seconds;
  const upstreams = {
    async ask(query: Ask): Promise<Outcome> {
      const question = {
        name: nameToText(query.name).slice(0, -1),
        type: typeName(query.type),
        do: query.dnssecOk,
        cd: query.checkingDisabled,
      };
      asked.push(`${question.type} ${question.name}`);
      questions.push(question);
      const says = await upstream(question);
      if (says === 'silence') return { kind: 'failed', reason: 'timeout' };
      if (says === 'unreachable' || says === 'overload') return { kind: 'failed', reason: says };
      const message = readMessage(response(question, says));
      if (message === null) throw new Error('the test made no message');
      return { kind: 'answer', message, upstream: '192.0.2.53#53', milliseconds: 1 };
    },
  };
  const lookup = createLookup({ cache, upstreams, limits: () => options, now });
  const logged: number[] = [];
  const onFinished = ({ rcode }: Finished) => void logged.push(rcode);
  const engine = new Engine(
    { cache, lookup, statistics, cookies: NO_COOKIES, allow: () => true, onFinished, now },
    policy,
    options,
  );

  async function send(query: Query | Uint8Array): Promise<Uint8Array | null> {
    const bytes = query instanceof Uint8Array ? query : queryBytes(query);
    const told: Partial<Query> = query instanceof Uint8Array ? {} : query;
    const address = told.from ?? LOOPBACK6;
    const client: Client = { family: address.length === 4 ? 4 : 6, address, transport: told.transport ?? 'udp' };
    const out = new Uint8Array(65_535);
    const length = engine.answerNow(bytes, client, out, 0);
    if (length === LATER) {
      return new Promise((resolve) => engine.answerLater(bytes, client, (answer) => resolve(answer?.slice() ?? null)));
    }
    return length === 0 ? null : out.slice(0, length);
  }

  return {
    send,
    async ask(query) {
      const bytes = await send(query);
      if (bytes === null) throw new Error('silence');
      return readAnswer(bytes);
    },
    asked,
    questions,
    forward(more) {
      seconds += more;
    },
    statistics,
    logged,
    engine,
    cache,
    reload(next) {
      dns64 = section(next);
      options = engineOptions(dns64);
      policy = new Policy(rulesOf(dns64, null), policy);
      engine.use(policy, options);
    },
  };
}

/** A query in wire form. */
export function queryBytes(query: Query): Uint8Array {
  const { name, type = 'AAAA', id = 4711, rd = true } = query;
  const edns = query.do !== undefined || query.udpBytes !== undefined || query.options !== undefined;
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: query.udpBytes ?? 1232,
    flags: query.do === true ? packet.DNSSEC_OK : 0,
    options: query.options ?? [],
  } as unknown as packet.OptAnswer;
  const flags =
    (rd ? packet.RECURSION_DESIRED : 0) |
    (query.cd === true ? packet.CHECKING_DISABLED : 0) |
    (query.ad === true ? packet.AUTHENTIC_DATA : 0);
  const question = { name, type: type as packet.RecordType, class: (query.class ?? 'IN') as packet.RecordClass };
  return new Uint8Array(
    packet.encode({ type: 'query', id, flags, questions: [question], additionals: edns ? [opt] : [] }),
  );
}

function response(question: AskedQuestion, says: Says): Uint8Array {
  const ede = (says.ede ?? []).map((code) => ({ code: 15, data: Buffer.from([code >> 8, code & 255]) }));
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: ede } as unknown as packet.OptAnswer;
  const bytes = packet.encode({
    type: 'response',
    id: 1,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | (says.flags ?? 0),
    questions: [{ name: question.name, type: question.type as packet.RecordType }],
    answers: says.answers ?? [],
    authorities: says.authorities ?? [],
    additionals: [...(says.additionals ?? []), ...(ede.length > 0 ? [opt] : [])],
  });
  const rcodes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'YXDOMAIN'];
  bytes[3] = ((bytes[3] ?? 0) & 0xf0) | rcodes.indexOf(says.rcode ?? 'NOERROR');
  return new Uint8Array(bytes);
}

interface DecodedOpt {
  udpPayloadSize: number;
  flags: number;
  ednsVersion: number;
  extendedRcode: number;
  options: { code: number; data: Buffer }[];
}

/** Reads an answer with dns-packet. */
export function readAnswer(bytes: Uint8Array): Answered {
  const decoded = packet.decode(Buffer.from(bytes));
  const found = decoded.additionals?.find(({ type }) => type === 'OPT') as unknown as DecodedOpt | undefined;
  const text = (rrs: packet.Answer[] = []) =>
    rrs
      .filter(({ type }) => type !== 'OPT')
      .map((rr) => {
        const { name, type, ttl, data } = rr as { name: string; type: string; ttl: number; data: unknown };
        return `${name} ${ttl} ${type} ${dataText(data)}`;
      });
  const rcode = ((found?.extendedRcode ?? 0) << 4) | ((bytes[3] ?? 0) & 15);
  const names: Record<number, string> = { 16: 'BADVERS', 23: 'BADCOOKIE' };
  const options = found?.options ?? [];
  return {
    rcode: names[rcode] ?? (decoded as unknown as { rcode: string }).rcode,
    flags: {
      aa: decoded.flag_aa,
      tc: decoded.flag_tc,
      ad: decoded.flag_ad,
      cd: decoded.flag_cd,
      ra: decoded.flag_ra,
      rd: decoded.flag_rd,
    },
    question: decoded.questions?.map(({ name, type }) => `${name} ${type}`).join() ?? '',
    answers: text(decoded.answers),
    authorities: text(decoded.authorities),
    additionals: text(decoded.additionals),
    opt:
      found === undefined
        ? null
        : {
            udpBytes: found.udpPayloadSize,
            do: (found.flags & packet.DNSSEC_OK) !== 0,
            version: found.ednsVersion,
            ede: options.filter(({ code }) => code === 15).map(ednsCode),
            options: options.map(({ code }) => code),
          },
    bytes,
  };
}

function ednsCode({ data }: { data: Buffer }): number {
  return data.readUInt16BE(0);
}

function dataText(data: unknown): string {
  if (typeof data === 'string') return data;
  if (Buffer.isBuffer(data)) return data.toString('hex');
  if (Array.isArray(data)) return data.map(dataText).join(' ');
  const fields = data as Record<string, unknown>;
  if ('minimum' in fields) return `${String(fields.mname)} minimum ${String(fields.minimum)}`;
  return Object.values(fields).map(String).join(' ');
}

/** The data of a record as `rig` prints it. */
export const addressOf = (text: string): string => text.split(' ')[3] ?? '';

// --- Records, in few words ------------------------------------------------------------------------

export const rr = {
  a: (name: string, data: string, ttl = 300) => ({ type: 'A', name, data, ttl }) as packet.Answer,
  aaaa: (name: string, data: string, ttl = 300) => ({ type: 'AAAA', name, data, ttl }) as packet.Answer,
  cname: (name: string, data: string, ttl = 300) => ({ type: 'CNAME', name, data, ttl }) as packet.Answer,
  dname: (name: string, data: string, ttl = 300) => ({ type: 'DNAME', name, data, ttl }) as packet.Answer,
  ptr: (name: string, data: string, ttl = 300) => ({ type: 'PTR', name, data, ttl }) as packet.Answer,
  soa: (name = 'example', ttl = 60, minimum = ttl) =>
    ({
      type: 'SOA',
      name,
      ttl,
      data: { mname: `ns.${name}`, rname: `root.${name}`, serial: 1, refresh: 2, retry: 3, expire: 4, minimum },
    }) as packet.Answer,
  rrsig: (name: string, typeCovered: string, ttl = 300) =>
    ({
      type: 'RRSIG',
      name,
      ttl,
      data: {
        typeCovered,
        algorithm: 13,
        labels: 2,
        originalTTL: ttl,
        expiration: 1_900_000_000,
        inception: 1_700_000_000,
        keyTag: 1,
        signersName: 'example',
        signature: Buffer.alloc(64),
      },
    }) as unknown as packet.Answer,
  nsec: (name: string, rrtypes: string[], ttl = 60) =>
    ({ type: 'NSEC', name, ttl, data: { nextDomain: `\0.${name}`, rrtypes } }) as unknown as packet.Answer,
};

/** Upstream with fixed replies by `TYPE name`; what is not there does not exist, with a SOA of 60 s. */
export function zone(replies: Record<string, Says | 'silence'>): Upstream {
  return ({ type, name }) => {
    const known = replies[`${type} ${name}`];
    if (known !== undefined) return known;
    const others = Object.keys(replies).some((key) => key.split(' ')[1] === name);
    return { rcode: others ? 'NOERROR' : 'NXDOMAIN', authorities: [rr.soa()] };
  };
}
