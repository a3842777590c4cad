/**
 * Mutated OSPF packets through the announcer's decoders and through whole speakers, in the built program: packets of every
 * type read, written and read again; and routers that say anything, in any order, while time passes, to speakers of both
 * versions. All of it follows from one seed, so a failure is repeated by the line printed. Time is the script's own.
 *
 *     node scripts/fuzz-ospf.mjs [--inputs 1000000] [--seed N] [--part NAME] [--report FILE]
 *
 * Writes one TAP line for each part, to the report as well.
 */
import { createAuthenticator2 } from '../dist/bgp-lite/ospf/authentication/version2.js';
import { createAuthenticator3 } from '../dist/bgp-lite/ospf/authentication/version3.js';
import { setLsaChecksum } from '../dist/bgp-lite/ospf/codec/checksum.js';
import { readDd, writeDd } from '../dist/bgp-lite/ospf/codec/dd.js';
import { readHello, writeHello } from '../dist/bgp-lite/ospf/codec/hello.js';
import { buildLsa, readLsaHeader, withAge } from '../dist/bgp-lite/ospf/codec/lsa.js';
import * as lsa2 from '../dist/bgp-lite/ospf/codec/lsa2.js';
import * as lsa3 from '../dist/bgp-lite/ospf/codec/lsa3.js';
import { readLsack, writeLsack } from '../dist/bgp-lite/ospf/codec/lsack.js';
import { readLsr, writeLsr } from '../dist/bgp-lite/ospf/codec/lsr.js';
import { readLsu, writeLsu } from '../dist/bgp-lite/ospf/codec/lsu.js';
import { HEADER_BYTES, readPacketHeader, writePacket } from '../dist/bgp-lite/ospf/codec/packet.js';
import { createOspfSpeaker } from '../dist/bgp-lite/ospf/speaker.js';
import { formatAddress, knownPrefix, parseAddress } from '../dist/config/address.js';
import { below, insist, oneIn, pick, runParts, word } from './fuzz-run.mjs';

// --- Chance ---------------------------------------------------------------------------------------

const several = (most, make) => Array.from({ length: below(most + 1) }, make);

/** The octets with a few faults: bits, octets, numbers at the edge, cut short, made longer, a part twice. */
function mutate(right) {
  let bytes = right.slice();
  for (let faults = 1 + below(3); faults > 0; faults--) {
    const at = below(bytes.length);
    const kind = below(7);
    if (kind === 0 && bytes.length > 0) bytes[at] ^= 1 << below(8);
    else if (kind === 1 && bytes.length > 0) bytes[at] = word();
    else if (kind === 2 && bytes.length > 0) bytes[at] = pick([0, 1, 0x7f, 0x80, 0xff]);
    else if (kind === 3) bytes = bytes.slice(0, at);
    else if (kind === 4) bytes = Uint8Array.from([...bytes, ...several(40, () => word() & 255)]);
    else if (kind === 5) bytes = Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(below(at + 1))]);
    else if (bytes.length > at + 1)
      [bytes[at], bytes[at + 1]] = pick([
        [0, 0],
        [255, 255],
        [0, 20],
        [14, 16],
      ]);
  }
  return bytes.slice(0, 4000);
}

// --- Packets that are right -----------------------------------------------------------------------

const OWN = 0xc0000201;
const routers = [0xc0000202, 0xc0000203, 0xc0000204];
const options = { 2: 2, 3: 0x13 };

const number = () => pick([0, 1, 2, OWN, ...routers, 0xc6336400, 0xffffffff, word()]);
const sequence = () => pick([-0x7fffffff, -0x7ffffffe, -0x7ffffff0, 0x7fffffff, 0, 1, word() | 0]);

function prefix3() {
  const length = below(129);
  return {
    network: knownPrefix('2001:db8::').first + BigInt(below(1000)),
    length,
    options: below(256),
    metric: below(65536),
  };
}

function makeLsa(version) {
  const advertiser = pick([OWN, ...routers, number()]);
  const name = { id: pick([advertiser, below(40), 0, number()]), advertiser, options: 2, sequence: sequence() };
  let body;
  let type;
  if (version === 2) {
    type = pick([1, 1, 2, 3, 4, 5, 5, 7, 9, 11, below(256)]);
    const links = several(6, () => ({ type: 1 + below(4), id: number(), data: number(), metric: below(65536) }));
    body = oneIn(2)
      ? lsa2.writeRouterLsa2({ flags: below(256), links })
      : lsa2.writeExternalLsa2({
          mask: number(),
          type2: oneIn(2),
          metric: below(2 ** 24),
          forwardingAddress: number(),
          tag: number(),
        });
  } else {
    type = pick([0x2001, 0x2002, 0x4005, 0x2007, 8, 0x2009, 0xa00b, 0x200b, 0x6001, 0xc123, below(65536)]);
    const link = () => ({ type: 1, metric: 1, interfaceId: 2, neighborInterfaceId: 3, neighborRouterId: number() });
    const kinds = [
      () => lsa3.writeRouterLsa3({ flags: below(256), options: 0x13, links: several(4, link) }),
      () => lsa3.writeLinkLsa({ priority: 0, options: 0x13, linkLocal: 1n, prefixes: several(4, prefix3) }),
      () => {
        const referred = { referencedType: 0x2001, referencedId: 0, referencedRouter: advertiser };
        return lsa3.writeIntraAreaPrefixLsa({ ...referred, prefixes: several(4, prefix3) });
      },
      () => {
        const ends = { forwardingAddress: oneIn(2) ? 1n : null, tag: oneIn(2) ? 7 : null };
        return lsa3.writeExternalLsa3({ type2: true, metric: 20, prefix: prefix3(), ...ends });
      },
    ];
    body = pick(kinds)();
  }
  const lsa = buildLsa(version, { ...name, type }, body);
  if (oneIn(6)) return withAge(lsa, pick([3600, 3599, 1800, 3601, 65535]));
  if (oneIn(10)) {
    const wrong = mutate(lsa);
    if (wrong.length >= 20 && oneIn(2)) {
      wrong[18] = wrong.length >> 8;
      wrong[19] = wrong.length;
      setLsaChecksum(wrong);
    }
    return wrong.length >= 20 ? wrong : lsa;
  }
  return lsa;
}

/** What was last seen of the speaker, so that packets fit it. */
const heard = { 2: { dd: null, lsas: [], names: [] }, 3: { dd: null, lsas: [], names: [] } };
const known = { 2: [], 3: [] };

function someLsa(version) {
  const list = known[version];
  if (list.length > 40) list.shift();
  if (list.length > 0 && oneIn(2)) return pick(list);
  const lsa = makeLsa(version);
  list.push(lsa);
  return lsa;
}

function makeBody(version, type) {
  const { dd, lsas, names } = heard[version];
  switch (type) {
    case 1: {
      const neighbors = oneIn(8) ? [] : [OWN, ...several(3, number)];
      const id = version === 2 ? pick([0xffffff00, 0xffffff00, 0]) : below(9);
      const claims = { dr: number(), backup: number(), priority: below(3) };
      return writeHello(version, {
        maskOrInterfaceId: id,
        helloSeconds: 10,
        deadSeconds: 40,
        options: options[version],
        ...claims,
        neighbors,
      });
    }
    case 2: {
      const flags = pick([7, 7, 3, 2, 1, 0, below(8)]);
      const base = dd?.sequence ?? 1;
      const next = flags === 7 ? pick([1, 1000, base]) : (base + pick([0, 0, 1, 1, 2])) >>> 0;
      const headers = flags === 7 && !oneIn(5) ? [] : several(6, () => readLsaHeader(version, someLsa(version), 0));
      return writeDd(version, {
        mtuBytes: pick([1500, 1500, 1400, 9000]),
        options: options[version],
        flags,
        sequence: next,
        headers,
      });
    }
    case 3:
      return writeLsr(
        several(5, () => (names.length > 0 && !oneIn(6) ? pick(names) : readLsaHeader(version, someLsa(version), 0))),
      );
    case 4:
      return writeLsu(several(5, () => (lsas.length > 0 && oneIn(4) ? pick(lsas) : someLsa(version))));
    default:
      return writeLsack(
        version,
        several(5, () => readLsaHeader(version, lsas.length > 0 && !oneIn(5) ? pick(lsas) : someLsa(version), 0)),
      );
  }
}

const readers = { 1: readHello, 2: readDd, 3: (_, body) => readLsr(body), 4: (_, body) => readLsu(body), 5: readLsack };
const writers = {
  1: writeHello,
  2: writeDd,
  3: (_, names) => writeLsr(names),
  4: (_, lsas) => writeLsu(lsas),
  5: writeLsack,
};

/** Bodies: read, written, read again. */
async function decoders(count, note) {
  let read = 0;
  for (let done = 0; done < count; done++) {
    const version = pick([2, 3]);
    const type = 1 + below(5);
    const body = note(mutate(makeBody(version, type)));
    const one = readers[type](version, body);
    if (one !== null) {
      read += 1;
      const again = readers[type](version, writers[type](version, one));
      insist(same(again, one), `what was read of type ${type} is another when written`);
    }
    const lsa = note(mutate(makeLsa(version).subarray(20)));
    for (const reader of version === 2 ? [lsa2.readRouterLsa2, lsa2.readExternalLsa2] : lsa3Readers) reader(lsa);
    readPacketHeader(version, lsa);
  }
  insist(count < 10_000 || read > count / 20, `${read} of ${count} could be read: the corpus is too poor`);
}
const lsa3Readers = [lsa3.readRouterLsa3, lsa3.readExternalLsa3, lsa3.readIntraAreaPrefixLsa, lsa3.readLinkLsa];
const plain = (_, value) =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : typeof value === 'bigint' ? String(value) : value;
const same = (a, b) => JSON.stringify(a, plain) === JSON.stringify(b, plain);

// --- Time -----------------------------------------------------------------------------------------

let nowMs = 0;
let lastTimer = 0;
const timers = new Map();
const microtasks = [];

function useOwnTime() {
  const add = (run, delayMs, everyMs) => {
    timers.set(++lastTimer, { run, atMs: nowMs + Math.max(0, delayMs ?? 0), everyMs });
    return lastTimer;
  };
  const real = { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, queueMicrotask };
  globalThis.setTimeout = (run, delayMs) => add(run, delayMs, null);
  globalThis.setInterval = (run, everyMs) => add(run, everyMs, everyMs);
  globalThis.setImmediate = (run) => add(run, 0, null);
  globalThis.clearTimeout = (id) => timers.delete(id);
  globalThis.clearInterval = (id) => timers.delete(id);
  globalThis.queueMicrotask = (run) => microtasks.push(run);
  return () => Object.assign(globalThis, real);
}

function settle() {
  for (let steps = 0; microtasks.length > 0; steps++) {
    insist(steps < 10_000, 'work that does not end');
    microtasks.shift()();
  }
}

function pass(ms) {
  const untilMs = nowMs + ms;
  for (let steps = 0; ; steps++) {
    insist(steps < 100_000, 'timers that do not end');
    let first = null;
    for (const [id, timer] of timers)
      if (timer.atMs <= untilMs && (first === null || timer.atMs < first[1].atMs)) first = [id, timer];
    if (first === null) break;
    const [id, timer] = first;
    nowMs = Math.max(nowMs, timer.atMs);
    if (timer.everyMs === null) timers.delete(id);
    else timer.atMs = nowMs + timer.everyMs;
    timer.run();
    settle();
  }
  nowMs = untilMs;
}

// --- Speakers -------------------------------------------------------------------------------------

const MAX_LSAS = 100;
const OWN_ADDRESS = { 2: '10.0.0.1', 3: 'fe80::1' };
const valueOfAddress = (text) => parseAddress(text).value;

function authenticator(version) {
  const create = version === 2 ? createAuthenticator2 : createAuthenticator3;
  return create({ authentication: { type: 'none' }, sequences: null, nowMs: () => nowMs, expired: () => undefined });
}

const authenticators = { 2: authenticator(2), 3: authenticator(3) };
const linkLocal = valueOfAddress('fe80::');

function createRig(type) {
  const rig = { sent: 0, receive: {}, full: 0 };
  const none = { type: 'none' };
  const times = { helloSeconds: 10, deadSeconds: 40, retransmitSeconds: 5, transmitDelaySeconds: 1 };
  const iface = {
    name: 'eth0',
    area: '0.0.0.0',
    type,
    cost: 10,
    priority: 0,
    ...times,
    mtuIgnore: false,
    instanceId: 0,
  };
  const config = {
    versions: [2, 3],
    areas: [{ id: '0.0.0.0', type: 'normal' }],
    interfaces: [{ ...iface, authentication2: none, authentication3: none, bfd: null }],
    ...{
      as: pick(['stub', 'external-2']),
      metric: 20,
      loweredMetric: 60_000,
      tag: null,
      prefixes: null,
      maxLsas: MAX_LSAS,
      stateFile: null,
    },
  };
  const sockets = {
    open({ family }, onPackets) {
      const version = family === 4 ? 2 : 3;
      rig.receive[version] = onPackets;
      return {
        send(bytes) {
          rig.sent += 1;
          hear(version, bytes);
          return true;
        },
        join: () => undefined,
        leave: () => undefined,
        close: () => undefined,
      };
    },
  };
  const addresses6 = [
    { address: 'fe80::1', length: 64 },
    { address: '2001:db8::1', length: 64 },
  ];
  const device = { index: 2, mtu: 1500, up: true, address4: { address: '10.0.0.1', length: 24 }, addresses6 };
  const host = { device: () => device, watch: () => () => undefined };
  const log = {
    info: (text) => (rig.full += text.endsWith('Full') ? 1 : 0),
    warn: () => undefined,
    error: () => undefined,
  };
  const parts = { sockets, host, log, bfd: null, now: () => nowMs, clock: () => nowMs };
  rig.speaker = createOspfSpeaker({ routerId: '192.0.2.1', config }, parts);
  settle();
  return rig;
}

function hear(version, bytes) {
  const header = readPacketHeader(version, bytes);
  insist(header !== null && header.routerId === OWN, 'a packet is sent that cannot be read');
  insist(
    bytes.length <= 1500 - (version === 2 ? 20 : 40) || header.type === 4,
    `a packet of ${bytes.length} octets is sent`,
  );
  const read = readers[header.type](version, bytes.subarray(HEADER_BYTES[version], header.length));
  insist(read !== null, `a packet of type ${header.type} is sent that cannot be read`);
  if (header.type === 2) heard[version].dd = read;
  if (header.type === 3) heard[version].names = read;
  if (header.type === 4) heard[version].lsas = read.slice(0, 20);
}

const ANNOUNCED = [[], ['198.51.100.0/24'], ['64:ff9b::/96', '198.51.100.0/24', '198.51.100.0/25']];

/** What makes an adjacency: bodies with their types, each made when those before were answered. */
function polite(version) {
  const id = version === 2 ? 0xffffff00 : 7;
  const times = { helloSeconds: 10, deadSeconds: 40, options: options[version], priority: 1 };
  const hello = { maskOrInterfaceId: id, ...times, dr: 0, backup: 0, neighbors: [OWN] };
  const dd = { mtuBytes: 1500, options: options[version], flags: 7, sequence: below(2 ** 31), headers: [] };
  const lsas = several(4, () => someLsa(version));
  const headers = lsas.map((lsa) => readLsaHeader(version, lsa, 0));
  return [
    [1, () => writeHello(version, hello)],
    [2, () => writeDd(version, dd)],
    [2, () => writeDd(version, { ...dd, flags: 1, sequence: dd.sequence + 1, headers })],
    [4, () => writeLsu(lsas)],
    [
      5,
      () =>
        writeLsack(
          version,
          heard[version].lsas.map((lsa) => readLsaHeader(version, lsa, 0)),
        ),
    ],
  ];
}

function deliver(rig, version, routerId, type, body, note) {
  const source = version === 2 ? `10.0.0.${routerId & 255}` : formatAddress(6, linkLocal + BigInt(routerId & 255));
  const group = version === 2 ? ['224.0.0.5', '224.0.0.6'] : ['ff02::5', 'ff02::6'];
  const destination = pick([group[0], group[0], group[0], OWN_ADDRESS[version], oneIn(20) ? group[1] : group[0]]);
  const packet = writePacket(version, { type, routerId, areaId: 0, instanceId: 0 }, body);
  const ends = { source: valueOfAddress(source), destination: valueOfAddress(destination) };
  const sealed = authenticators[version].seal(packet, ends);
  const bytes = note(oneIn(20) ? mutate(sealed) : sealed);
  const before = rig.sent;
  rig.receive[version]([{ bytes, source, destination }]);
  settle();
  insist(rig.sent - before <= 3 * MAX_LSAS, `${rig.sent - before} packets are sent for one`);
}

/** Routers that say anything to speakers, most of it authentic. */
async function speakers(count, note) {
  const restore = useOwnTime();
  let full = 0;
  let most = 0;
  try {
    let rig = null;
    for (let done = 0; done < count; done++) {
      if (rig === null || done % 4000 === 0) {
        void rig?.speaker.stop();
        pass(10_000);
        timers.clear();
        full += rig?.full ?? 0;
        rig = createRig(pick(['broadcast', 'point-to-point']));
      }
      const version = pick([2, 3]);
      const routerId = pick(routers);
      if (oneIn(15)) for (const body of polite(version)) deliver(rig, version, routerId, body[0], body[1](), note);
      const type = pick([1, 1, 2, 3, 4, 4, 4, 5]);
      const body = makeBody(version, type);
      deliver(rig, version, routerId, type, oneIn(4) ? mutate(body) : body, note);
      if (oneIn(20)) pass(pick([10, 10, 1000, 1000, 1000, 5000, oneIn(20) ? 100_000 : 2000]));
      if (oneIn(500))
        rig.speaker.announce(
          pick(ANNOUNCED).map((text) => ({ prefix: knownPrefix(text), preference: pick(['normal', 'lowered']) })),
        );
      if (oneIn(200)) {
        const lsas = rig.speaker.database().length;
        most = Math.max(most, lsas);
        insist(lsas <= 2 * (MAX_LSAS + 20), `${lsas} LSAs are stored`);
        for (const { requests, retransmissions } of rig.speaker.neighbors()) {
          insist(requests <= MAX_LSAS && retransmissions <= MAX_LSAS + 20, 'lists without bounds');
        }
        insist(rig.speaker.interfaces().length === 2, 'an interface is lost');
      }
    }
    void rig?.speaker.stop();
    pass(10_000);
  } finally {
    timers.clear();
    restore();
  }
  insist(count < 10_000 || full > count / 10_000, `${full} adjacencies: the corpus is too poor`);
  insist(count < 10_000 || most > 20, `${most} LSAs at most: the corpus is too poor`);
}

// --- The run --------------------------------------------------------------------------------------

await runParts('ospf', {
  decoders: [decoders, 0.4],
  speakers: [speakers, 0.6],
});
