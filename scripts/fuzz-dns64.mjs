/**
 * Mutated DNS messages through every decoder of the DNS64 server, in the built program: queries and the replies of an
 * upstream in memory through the engine, replies through reading, writing and reading again, replies beside the question
 * they are to fit, and streams in pieces. All of it follows from one seed, so a failure is repeated by the line printed.
 * Time is bounded by counts (names read, questions asked, records made), never by a clock.
 *
 *     node scripts/fuzz-dns64.mjs [--inputs 1000000] [--seed N] [--part NAME] [--report FILE]
 *
 * Writes one TAP line for each part, to the report as well.
 */
import { parseConfig } from '../dist/config/file.js';
import { parseHosts } from '../dist/config/hosts-text.js';
import { AnswerCache } from '../dist/dns64/cache/answer-cache.js';
import { Engine, LATER } from '../dist/dns64/engine.js';
import { engineOptions } from '../dist/dns64/engine-options.js';
import { Policy } from '../dist/dns64/policy/policy.js';
import { rulesOf } from '../dist/dns64/policy/rules.js';
import { createLookup } from '../dist/dns64/resolver/lookup.js';
import { createCookies } from '../dist/dns64/server/cookie-policy.js';
import { ServerCookies } from '../dist/dns64/server/cookies.js';
import { createStatistics } from '../dist/dns64/statistics.js';
import { Fit, fitOf, mixCase, writeRequest } from '../dist/dns64/upstream/request.js';
import { Frames, frame } from '../dist/dns64/wire/frames.js';
import { readMessage } from '../dist/dns64/wire/message.js';
import { knownName, lowerName, NameReader } from '../dist/dns64/wire/name.js';
import { Type } from '../dist/dns64/wire/numbers.js';
import { Query } from '../dist/dns64/wire/query.js';
import { writeMessage } from '../dist/dns64/wire/writer.js';
import { below, insist, oneIn, pick, runParts, word } from './fuzz-run.mjs';

// --- Chance ---------------------------------------------------------------------------------------

function octets(count) {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = word();
  return bytes;
}

// --- Messages that are right ----------------------------------------------------------------------

const names = [
  ...['www.example.net', 'example.net', 'v4.example.net', 'gone.example.net', 'a.b.c.d.e.f.example.net', 'localhost'],
  ...[
    'ipv4only.arpa',
    'x.ipv4only.arpa',
    'hidden.onion',
    'printer.lan',
    'never.test',
    'always.test',
    'xn--bcher-kva.de',
  ],
  ...[
    '1.2.0.192.in-addr.arpa',
    '1.0.0.10.in-addr.arpa',
    `${'0.'.repeat(24)}4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa`.slice(16),
  ],
  `1.0.2.0.0.0.0.c.${'0.'.repeat(12)}4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa`,
  `1.0.2.0.0.0.0.c.${'0.'.repeat(16)}b.9.f.f.4.6.0.0.ip6.arpa`,
  `${'y.'.repeat(120)}z`,
  `${'m'.repeat(63)}.${'n'.repeat(63)}.${'o'.repeat(63)}.${'p'.repeat(55)}`,
].map(knownName);
const types = [1, 28, 28, 28, 28, 28, 12, 15, 5, 6, 2, 33, 39, 43, 46, 47, 64, 65, 255, 257, 65_400];

/** A writer of octets: numbers of 8, 16 and 32 bits, and parts. */
function octetsOf(...parts) {
  const list = parts.map((part) => (typeof part === 'number' ? [part >>> 8, part & 255] : part));
  const bytes = new Uint8Array(list.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of list) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function mixed(name) {
  return mixCase(name, { word: () => word() & 0xffff });
}

/** A query as clients send them. */
function makeQuery() {
  const name = oneIn(4) ? lowerName(octetsOf([1], [97 + below(26)], pick(names)).slice(0, 255)) : pick(names);
  const fits = name.length <= 255 && name.at(-1) === 0 ? name : names[0];
  const question = octetsOf(oneIn(3) ? mixed(fits) : fits, pick(types), oneIn(30) ? pick([3, 4, 255]) : 1);
  const flags =
    (oneIn(12) ? 0 : 0x0100) | (oneIn(8) ? 0x10 : 0) | (oneIn(8) ? 0x20 : 0) | (oneIn(60) ? below(16) << 11 : 0);
  if (oneIn(4)) return octetsOf(below(65_536), flags, 1, 0, 0, 0, question);
  const options = [];
  if (oneIn(2)) options.push(octetsOf(10, oneIn(2) ? 8 : 24), octets(oneIn(2) ? 8 : 24));
  if (oneIn(6)) options.push(octetsOf(12, 16), new Uint8Array(16));
  if (oneIn(6)) options.push(octetsOf(65_001, 3), octets(3));
  const rdata = octetsOf(...options);
  const dnssecOk = oneIn(3) ? 0x8000 : 0;
  const version = oneIn(40) ? 1 : 0;
  const opt = octetsOf(
    [0],
    41,
    pick([0, 100, 512, 1232, 1452, 4096, 65_535]),
    [0, version],
    dnssecOk,
    rdata.length,
    rdata,
  );
  return octetsOf(below(65_536), flags, 1, 0, 0, 1, question, opt);
}

const soaNumbers = octetsOf(0, 1, 0, 3600, 0, 600, 1, 0, 0, 60);
const zoneName = knownName('example.net');
const record = (name, type, rdata, ttl = pick([0, 1, 30, 300, 86_400, 0xffff_ffff])) => ({
  name,
  type,
  klass: 1,
  ttl,
  rdata,
});
const addresses4 = [
  [198, 51, 100, 2],
  [10, 1, 2, 3],
  [127, 0, 0, 1],
  [8, 8, 8, 8],
  [192, 0, 0, 170],
  [0, 0, 0, 0],
];
const signature = (covered) => octetsOf(covered, [13, 2], 0, 300, 29_000, 0, 26_000, 0, 7, zoneName, octets(64));

/** Records that may stand in an answer for `name`. */
function recordsFor(name, type) {
  const list = [];
  let owner = name;
  for (let links = oneIn(4) ? below(20) : 0; links > 0; links--) {
    const target = oneIn(10) ? name : octetsOf([2, 99, 48 + (links % 10)], zoneName);
    list.push(oneIn(8) ? record(zoneName, Type.DNAME, zoneName) : record(owner, Type.CNAME, target));
    owner = target;
  }
  const make = {
    1: () => record(owner, 1, Uint8Array.from(pick(addresses4))),
    28: () => record(owner, 28, oneIn(3) ? octetsOf(new Uint8Array(10), 0xffff, pick(addresses4)) : octets(16)),
    12: () => record(owner, 12, pick(names)),
    2: () => record(owner, 2, pick(names)),
    5: () => record(owner, 5, pick(names)),
    6: () => record(owner, 6, octetsOf(zoneName, zoneName, soaNumbers)),
    15: () => record(owner, 15, octetsOf(10, pick(names))),
    33: () => record(owner, 33, octetsOf(1, 2, 443, pick(names))),
    39: () => record(owner, 39, pick(names)),
    46: () => record(owner, 46, signature(pick(types))),
    47: () => record(owner, 47, octetsOf(zoneName, [0, 6], octets(6))),
    65: () => record(owner, 65, octetsOf(1, [0], 4, 4, pick(addresses4))),
  };
  const build = make[type] ?? (() => record(owner, type, octets(below(40))));
  for (let count = oneIn(40) ? 120 : below(4); count >= 0; count--) list.push(build());
  if (oneIn(4)) list.push(record(owner, 46, signature(type)));
  return list;
}

const makeQuestion = () => ({ name: pick(names), type: pick(types), klass: 1 });

/** A reply as resolvers send them. */
function makeReply({ name, type, klass }) {
  const empty = oneIn(3);
  const soa = record(zoneName, 6, octetsOf(zoneName, zoneName, soaNumbers));
  const wanted = type === 255 ? pick([1, 28, 15, 6]) : type;
  const sections = {
    answer: empty ? [] : recordsFor(name, oneIn(30) ? pick(types) : wanted),
    authority: [
      ...(empty && !oneIn(6) ? [soa] : []),
      ...(oneIn(6) ? [record(name, 47, octetsOf(zoneName, [0, 6], octets(6)))] : []),
    ],
    additional: oneIn(6) ? [record(pick(names), pick([1, 28]), octets(pick([4, 16])))] : [],
  };
  const rcode = empty && oneIn(2) ? 3 : oneIn(12) ? pick([1, 2, 4, 5, 6, 11]) : 0;
  const flags = 0x8180 | rcode | (oneIn(3) ? 0x20 : 0) | (oneIn(40) ? 0x0200 : 0) | (oneIn(3) ? 0x0400 : 0);
  const bytes = writeMessage({ name, type, klass }, flags, sections)?.bytes.slice() ?? new Uint8Array(12);
  if (oneIn(2)) return bytes;
  const ede = oneIn(3) ? octetsOf(15, 2, pick([3, 6, 9, 22])) : new Uint8Array(0);
  const whole = octetsOf(bytes, [0], 41, 1232, [oneIn(30) ? 1 : 0, 0], 0x8000, ede.length, ede);
  whole[11] += 1;
  return whole;
}

// --- and wrong ------------------------------------------------------------------------------------

const edges = [0, 1, 12, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff];

const mutations = [
  function flipBits(bytes) {
    for (let count = 1 + below(4); count > 0; count--) bytes[below(bytes.length)] ^= 1 << below(8);
    return bytes;
  },
  function setOctet(bytes) {
    bytes[below(bytes.length)] = pick(edges);
    return bytes;
  },
  function setHead(bytes) {
    bytes[below(Math.min(12, bytes.length))] = oneIn(2) ? pick(edges) : word();
    return bytes;
  },
  function cut(bytes) {
    return bytes.slice(0, below(bytes.length));
  },
  function cutOut(bytes) {
    const at = below(bytes.length);
    return octetsOf(bytes.subarray(0, at), bytes.subarray(at + 1 + below(16)));
  },
  function insert(bytes) {
    const at = below(bytes.length + 1);
    return octetsOf(
      bytes.subarray(0, at),
      oneIn(2) ? octets(1 + below(16)) : new Uint8Array(1 + below(16)),
      bytes.subarray(at),
    );
  },
  function pointer(bytes) {
    if (bytes.length < 14) return bytes;
    const at = below(bytes.length - 1);
    const target = pick([at, at - 2, at + 2, 12, 0, below(bytes.length), 0x3fff]) & 0x3fff;
    bytes.set([0xc0 | (target >>> 8), target], at);
    return bytes;
  },
  /** Each pointer leads to the one before it, the last name to the end of them. */
  function pointerChain(bytes) {
    const links = oneIn(400) ? 4000 : 1 + below(200);
    const start = bytes.length;
    if (start < 13 || start + 2 * links > 0x3fff) return bytes;
    const chain = new Uint8Array(2 * links);
    for (let i = 0; i < links; i++) {
      const target = i === 0 ? 12 : start + 2 * (i - 1);
      chain.set([0xc0 | (target >>> 8), target], 2 * i);
    }
    const last = start + 2 * (links - 1);
    const tail = octetsOf([0xc0 | (last >>> 8), last], 1, 1, 0, 60, 4, [1, 2, 3, 4]);
    bytes[11] += 1;
    return octetsOf(bytes, chain, tail);
  },
  function duplicate(bytes) {
    const at = below(bytes.length);
    const end = at + 1 + below(Math.min(64, bytes.length - at));
    return octetsOf(bytes.subarray(0, end), bytes.subarray(at));
  },
  /** The sections once more, and counts that say so or do not. */
  function duplicateSections(bytes) {
    if (bytes.length < 13 || bytes.length > 2000) return bytes;
    for (const at of [5, 7, 9, 11]) if (oneIn(2)) bytes[at] = Math.min(255, bytes[at] * 2 + below(2));
    return octetsOf(bytes, bytes.subarray(12));
  },
  function swap(bytes) {
    const [from, to] = [below(bytes.length), below(bytes.length)];
    bytes.copyWithin(to, from, from + 1 + below(16));
    return bytes;
  },
  function noise(bytes) {
    return octets(below(Math.min(600, bytes.length * 2)));
  },
];

/** Picks one of many that were made before, and now and then makes another in the place of one. */
function supply(make) {
  const stock = [];
  return () => {
    const at = below(1024);
    if (stock[at] === undefined || oneIn(16)) stock[at] = make();
    return stock[at];
  };
}

/** A copy with one to three faults. */
function mutate(message) {
  let bytes = message.slice();
  for (let count = 1 + below(3); count > 0 && bytes.length > 0; count--) bytes = pick(mutations)(bytes);
  return bytes.length > 65_535 ? bytes.slice(0, 65_535) : bytes;
}

// --- Counts in place of time ----------------------------------------------------------------------

let namesRead = 0;
const readName = NameReader.prototype.read;
NameReader.prototype.read = function read(message, at) {
  namesRead += 1;
  return readName.call(this, message, at);
};

/** Octets that one name costs, where the reader looks at them through a glass that counts. */
function octetsRead(bytes, at) {
  let count = 0;
  const glass = new Proxy(bytes, {
    get(target, key) {
      if (key === 'length') return target.length;
      count += 1;
      return target[key];
    },
  });
  readName.call(new NameReader(), glass, at);
  return count;
}
/** A name of 255 octets, each read twice at most, and as many pointers as it may have. */
const MOST_OCTETS_OF_A_NAME = 2 * 255 + 2 * 128;

/** Reads a message and holds the reader to its bounds. */
function read(bytes) {
  namesRead = 0;
  const before = bytes.length;
  const message = readMessage(bytes);
  // A record has eleven octets at least, and its name and two more inside.
  insist(namesRead <= 1 + 3 * Math.ceil(before / 11), `${namesRead} names read in ${before} octets`);
  if (message === null) return null;
  for (const rr of [...message.answer, ...message.authority, ...message.additional]) {
    insist(rr.name.length >= 1 && rr.name.length <= 255 && rr.name.at(-1) === 0, 'a record whose name is none');
    insist(rr.ttl >= 0 && rr.ttl <= 604_800, `a TTL of ${rr.ttl}`);
    insist(rr.name.buffer !== bytes.buffer && rr.rdata.buffer !== bytes.buffer, 'a record that shares its memory');
  }
  return message;
}

// --- The parts ------------------------------------------------------------------------------------

const SECTION = `dns64:
  upstream: 192.0.2.53
  pool6: 2001:db8:64::/96
  clients: [ "2001:db8:1::/48", 192.0.2.0/24, "::1" ]
  never: never.test
  always: always.test
  cookies: require
  dnssec: upstream
  groups:
    - { name: hosts, clients: "2001:db8:2::/48", hosts: hosts, pool6: [ "64:ff9b::/96", "2001:db8:100::/40" ] }
    - { name: plain, clients: "2001:db8:3::/48", pool6: [] }
    - name: odd
      clients: 10.0.0.0/8
      map: { networks: 10.0.0.0/8, prefixes: none }
      dropA: true
      synthesiseWithCd: true
      maxRecords: 8
      reverse: host.example.net
      synthesiseOn: nodata
`;
const client = (transport, text) => ({ family: text.length === 4 ? 4 : 6, address: Uint8Array.from(text), transport });
const v6 = (third) => [0x20, 0x01, 0x0d, 0xb8, 0, third, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const clients = ['udp', 'udp', 'tcp', 'tls', 'https'].flatMap((transport) =>
  [v6(1), v6(2), v6(3), v6(9), [192, 0, 2, 7], [10, 0, 0, 1]].map((text) => client(transport, text)),
);

function createRig() {
  const { config } = parseConfig(SECTION, 'fuzz');
  const { dns64 } = config;
  dns64.files.hosts.set('hosts', parseHosts('192.0.2.9 printer.lan\n2001:db8::9 printer.lan example.net\n').names);
  const options = engineOptions(dns64);
  const statistics = createStatistics();
  const cache = new AnswerCache({ bytes: 2 ** 20, seed: 42 });
  const rig = { seconds: 1000, asked: 0, statistics, cache, udpBytes: options.udpBytes };
  const now = () => rig.seconds;
  const upstreams = {
    async ask(query) {
      rig.asked += 1;
      if (oneIn(40)) return { kind: 'failed', reason: 'timeout' };
      const right = makeReply(query);
      const message = read(oneIn(2) ? mutate(right) : right);
      if (message === null) return { kind: 'failed', reason: 'unreachable' };
      return { kind: 'answer', message, upstream: '192.0.2.53#53', milliseconds: 1 };
    },
  };
  const lookup = createLookup({ cache, upstreams, limits: () => options, now });
  const secret = new Uint8Array(16);
  const cookies = createCookies(new ServerCookies({ secret, now }), () => 'require', now);
  const policy = new Policy(rulesOf(dns64, null));
  rig.engine = new Engine(
    { cache, lookup, statistics, cookies, onFinished: null, allow: () => !oneIn(50), now },
    policy,
    options,
  );
  return rig;
}

const look = new Query();

/** Holds the answer to `bytes`, null for silence, to what is true of every answer. */
function checkAnswer(bytes, answer, transport, udpBytes) {
  try {
    checkFields(bytes, answer, transport, udpBytes);
  } catch (error) {
    error.input = bytes;
    throw error;
  }
}

function checkFields(bytes, answer, transport, udpBytes) {
  if (bytes.length < 12 || (bytes[2] & 0x80) !== 0) {
    insist(answer === null, 'an answer to what is no query');
    return;
  }
  if (answer === null) return;
  look.read(bytes);
  const most = transport === 'udp' ? Math.min(look.edns ? look.udpBytes : 512, udpBytes) : 65_535;
  insist(answer.length >= 12 && answer.length <= most, `an answer of ${answer.length} octets, ${most} at most`);
  insist(answer[0] === bytes[0] && answer[1] === bytes[1], 'another id');
  insist((answer[2] & 0x80) !== 0, 'no QR');
  insist(((answer[2] ^ bytes[2]) & 0x79) === 0, 'another opcode or RD');
  insist((answer[3] & 0x40) === 0, 'Z is set');
  const message = read(answer);
  insist(message !== null, 'an answer that cannot be read');
  if (message.question !== null) {
    const question = answer.subarray(12, 12 + message.question.name.length + 4);
    insist(Buffer.compare(question, bytes.subarray(12, 12 + question.length)) === 0, 'another question');
  }
  insist((message.edns !== null) === look.edns, 'an OPT that was not asked for, or none');
}

const BATCH = 32;

/** Queries to an engine whose upstream says what it likes. */
async function queries(count, note) {
  const rig = createRig();
  const nextQuery = supply(makeQuery);
  const out = new Uint8Array(BATCH * 4096 + 65_535);
  for (let done = 0; done < count; done += BATCH) {
    rig.seconds += oneIn(50) ? below(100_000) : below(3);
    const before = rig.asked;
    const waiting = [];
    for (let i = 0; i < Math.min(BATCH, count - done); i++) {
      const right = nextQuery();
      const bytes = note(oneIn(6) ? right : mutate(right));
      const from = pick(clients);
      const at = from.transport === 'udp' ? i * 4096 : BATCH * 4096;
      const length = rig.engine.answerNow(bytes, from, out, at);
      if (length !== LATER) {
        checkAnswer(bytes, length === 0 ? null : out.slice(at, at + length), from.transport, rig.udpBytes);
        continue;
      }
      const copy = bytes.slice();
      waiting.push(
        new Promise((resolve) => rig.engine.answerLater(copy, from, (answer) => resolve(answer?.slice() ?? null))).then(
          (answer) => checkAnswer(copy, answer, from.transport, rig.udpBytes),
        ),
      );
    }
    await Promise.all(waiting);
    // One to refresh, then AAAA, the same without checks, and A.
    insist(rig.asked - before <= 4 * BATCH, `${rig.asked - before} questions for ${BATCH} queries`);
    insist(rig.engine.openQuestions <= BATCH, `${rig.engine.openQuestions} questions are open`);
  }
  rig.cache.check();
  const { statistics } = rig;
  for (const name of ['dns64.cache.hits', 'dns64.cache.stale', 'dns64.synthesis.answers', 'dns64.synthesis.bogus']) {
    insist(count < 50_000 || statistics[name] > 0, `${name} is 0: the corpus is too poor`);
  }
}

const reader = new NameReader();

/** Replies: read, written, read again. */
function replies(count, note) {
  const nextReply = supply(() => makeReply(makeQuestion()));
  const nowhere = makeQuestion();
  for (let done = 0; done < count; done++) {
    const bytes = note(mutate(nextReply()));
    if (done % 64 === 0 && bytes.length > 12) {
      const at = below(bytes.length);
      const cost = octetsRead(bytes, at);
      insist(cost <= MOST_OCTETS_OF_A_NAME, `${cost} octets looked at for the name at ${at}`);
    }
    const message = read(bytes);
    if (message === null) continue;
    const flags = message.flags | (message.rcode & 15);
    const written = writeMessage(message.question ?? nowhere, flags, message);
    if (written === null) continue;
    insist(written.bytes.length <= 65_535, `${written.bytes.length} octets written`);
    const again = read(written.bytes);
    insist(again !== null, 'what was written cannot be read');
    const records = (one) => [...one.answer, ...one.authority, ...one.additional];
    const [was, is] = [records(message), records(again)];
    insist(was.length === is.length && written.ttlOffsets.length === was.length, 'another number of records');
    for (const [index, rr] of was.entries()) {
      const other = is[index];
      const same = rr.type === other.type && rr.klass === other.klass && rr.ttl === other.ttl;
      insist(
        same && sameFolded(rr.name, other.name) && sameFolded(rr.rdata, other.rdata),
        `record ${index} is another`,
      );
    }
  }
  insist(reader.read(Uint8Array.of(0), 0) === 1, 'the root');
}

/** Equal but for ASCII case: compression may give a name the case of one before it. */
function sameFolded(a, b) {
  return Buffer.compare(lowerName(a), lowerName(b)) === 0;
}

/** Replies beside the question that they are to fit (RFC 5452 §9.1). */
function matching(count, note) {
  const counts = [0, 0, 0, 0];
  const nextPair = supply(() => {
    const asked = makeQuestion();
    const name = mixed(asked.name);
    const ask = { ...asked, dnssecOk: oneIn(2), checkingDisabled: false };
    const request = () => writeRequest(ask, name, below(65_536), true, octets(8), 0);
    const reply = () => makeReply({ ...asked, name: oneIn(3) ? asked.name : name });
    return { name, type: asked.type, right: oneIn(8) ? request() : reply() };
  });
  for (let done = 0; done < count; done++) {
    const { name, type, right } = nextPair();
    const bytes = note(oneIn(4) ? right : mutate(right));
    const fit = fitOf(bytes, name, type, 1);
    insist(Object.values(Fit).includes(fit), `a fit of ${fit}`);
    counts[fit] += 1;
    if (fit === Fit.NONE) continue;
    insist(bytes.length >= 12 && (bytes[2] & 0xf8) === 0x80, 'what fits is no reply to a QUERY');
    if (fit === Fit.BARE) continue;
    const question = octetsOf(name, type, 1);
    const found = bytes.subarray(12, 12 + question.length);
    const equal = Buffer.compare(found, question) === 0;
    insist(fit === Fit.EXACT ? equal : !equal && sameFolded(found, question), 'a fit that is none');
    read(bytes);
  }
  insist(count < 10_000 || counts.every((one) => one > 0), `fits ${counts}: the corpus is too poor`);
}

/** Messages on streams, in pieces of any size. */
function streams(count, note) {
  const [nextQuery, nextReply] = [supply(makeQuery), supply(() => makeReply(makeQuestion()))];
  let done = 0;
  while (done < count) {
    const messages = Array.from({ length: 1 + below(8) }, () => {
      return note(mutate(oneIn(2) ? nextQuery() : nextReply()));
    });
    done += messages.length;
    const whole = octetsOf(...messages.map(frame));
    // A fault of the stream itself moves all that follows: then there is nothing to compare, and nothing may throw.
    const faulty = oneIn(4);
    const stream = faulty ? mutate(whole) : whole;
    const frames = new Frames();
    const taken = [];
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + (oneIn(3) ? below(3) : below(stream.length));
      const piece = stream.slice(at, end);
      frames.push(piece);
      for (let message = frames.next(); message !== null; message = frames.next()) taken.push(message);
      at = end;
    }
    for (const message of taken) look.read(message);
    if (faulty) continue;
    const text = (list) => list.map((bytes) => Buffer.from(bytes).toString('hex')).join();
    insist(text(taken) === text(messages), 'other messages than were sent');
  }
}

// --- The run --------------------------------------------------------------------------------------

await runParts('dns64', {
  queries: [queries, 0.2],
  replies: [replies, 0.3],
  matching: [matching, 0.25],
  streams: [streams, 0.25],
});
