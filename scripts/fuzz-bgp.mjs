/**
 * Mutated BGP messages through every decoder of the speaker, and through sessions in each state, in the built program.
 * Seeds are the vectors. All of it follows from one seed, so a failure is repeated by the line printed. Time is made
 * here: the sessions' timers run on a clock that only the script moves.
 *
 *     node scripts/fuzz-bgp.mjs [--inputs 1000000] [--seed N] [--part NAME] [--report FILE]
 *
 * Writes one TAP line for each part, to the report as well.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { below, insist, oneIn, pick, runParts, word } from './fuzz-run.mjs';

// --- Time -----------------------------------------------------------------------------------------

let nowMs = 0;
let nextId = 1;
const waiting = new Map();

function later(run, delayMs) {
  const id = nextId++;
  waiting.set(id, { run, dueMs: nowMs + Math.max(0, delayMs) });
  return id;
}
globalThis.setTimeout = (run, delayMs = 0) => later(run, delayMs);
globalThis.clearTimeout = (id) => waiting.delete(id);
globalThis.setImmediate = (run) => later(run, 0);
globalThis.clearImmediate = (id) => waiting.delete(id);
Object.defineProperty(globalThis, 'performance', { value: { now: () => nowMs } });

/** Runs what is due within the next `ms`, in order. */
function pass(ms) {
  const untilMs = nowMs + ms;
  for (let turns = 0; ; turns++) {
    insist(turns < 10_000, 'timers without end');
    let first = null;
    for (const [id, timer] of waiting) {
      if (timer.dueMs <= untilMs && (first === null || timer.dueMs < first.dueMs)) first = { id, ...timer };
    }
    if (first === null) break;
    waiting.delete(first.id);
    nowMs = Math.max(nowMs, first.dueMs);
    first.run();
  }
  nowMs = untilMs;
}

const { parsePrefix } = await import('../dist/config/address.js');
const { createFramer, headerError } = await import('../dist/bgp-lite/bgp/framing.js');
const { decodeOpen, encodeOpen } = await import('../dist/bgp-lite/bgp/open.js');
const { describeCapabilities } = await import('../dist/bgp-lite/bgp/capability.js');
const { decodeUpdate } = await import('../dist/bgp-lite/bgp/update.js');
const { decodeNotification, describeNotification } = await import('../dist/bgp-lite/bgp/notification.js');
const { decodeRefresh } = await import('../dist/bgp-lite/bgp/refresh.js');
const { createBgpSpeaker } = await import('../dist/bgp-lite/bgp/speaker.js');

// --- Messages -------------------------------------------------------------------------------------

const file = fileURLToPath(new URL('../test/vectors/bgp_messages.json', import.meta.url));
const vectors = JSON.parse(readFileSync(file, 'utf8'));
const bytesOf = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
const seeds = [...vectors.messages, ...vectors.malformed_updates, ...vectors.bad_headers].map(({ hex }) =>
  bytesOf(hex),
);
const ofType = (type) => seeds.filter((octets) => octets[18] === type);
const opens = ofType(1);
const updates = ofType(2);
const notes = [...ofType(3), ...ofType(5)];
const KEEPALIVE = bytesOf('ffffffffffffffffffffffffffffffff001304');

/** A few octets changed, taken out or put in; `whole` then has its length right most of the time. */
function mutate(octets, whole = true) {
  let made = Uint8Array.from(octets);
  for (let edits = below(5); edits > 0; edits--) {
    const at = oneIn(8) ? below(made.length) : Math.min(made.length - 1, 19 + below(Math.max(1, made.length - 19)));
    switch (below(5)) {
      case 0:
        made[at] = word();
        break;
      case 1:
        made[at] ^= 1 << below(8);
        break;
      case 2:
        made[at] = pick([0, 1, 2, 4, 16, 32, 33, 127, 128, 129, 254, 255]);
        break;
      case 3: {
        const count = 1 + below(6);
        if (made.length > 19 + count) made = Uint8Array.of(...made.subarray(0, at), ...made.subarray(at + count));
        break;
      }
      default: {
        const from = below(made.length);
        const part = made.subarray(from, from + below(40));
        made = Uint8Array.of(...made.subarray(0, at), ...part, ...made.subarray(at));
      }
    }
  }
  if (made.length > 4096) made = made.slice(0, 4096);
  if (whole && made.length >= 19 && !oneIn(20)) {
    made[16] = made.length >> 8;
    made[17] = made.length;
  }
  return made;
}

// --- Parts ----------------------------------------------------------------------------------------

function framing(count, note) {
  for (let done = 0; done < count; ) {
    const messages = Array.from({ length: 1 + below(6) }, () => note(mutate(pick(seeds), !oneIn(4))));
    done += messages.length;
    const stream = Buffer.concat(messages);
    const framer = createFramer();
    let error = null;
    let total = 0;
    for (let at = 0; at < stream.length && error === null; ) {
      const end = at + 1 + (oneIn(3) ? below(3) : below(stream.length));
      error = framer.push(stream.subarray(at, end), ({ octets, body }) => {
        insist(headerError(octets) === null && octets.length === body.length + 19, 'a message that is none');
        total += octets.length;
        return true;
      });
      insist(framer.held() < 4096, `${framer.held()} octets are held`);
      at = end;
    }
    insist(error !== null || total + framer.held() === stream.length, 'octets are lost');
    if (error !== null) insist(error.code === 1, `error ${error.code}`);
  }
}

function openings(count, note) {
  for (let done = 0; done < count; done++) {
    const octets = note(mutate(pick(opens)));
    if (octets.length < 29) continue;
    const open = decodeOpen(octets.subarray(19));
    if ('code' in open) {
      insist(open.code === 2, `error ${open.code}`);
      continue;
    }
    insist(describeCapabilities(open.capabilities).length < 64, 'too many capabilities');
    // What is understood can be said, and is understood again; what has no meaning here is left out.
    const said = {
      ...open,
      localAs: open.capabilities.as4 ?? open.as2,
      capabilities: { ...open.capabilities, unknown: [] },
    };
    const again = decodeOpen(encodeOpen(said).subarray(19));
    if (open.capabilities.families?.length === 0) continue;
    insist(JSON.stringify(again.capabilities) === JSON.stringify(said.capabilities), 'another OPEN when read again');
  }
}

const contexts = [
  { internal: false, as4: true, families: [4, 6] },
  { internal: true, as4: true, families: [4, 6] },
  { internal: false, as4: false, families: [4] },
];

function messages(count, note) {
  const kinds = { reset: 0, withdraw: 0, fine: 0 };
  for (let done = 0; done < count; done++) {
    if (oneIn(8)) {
      const octets = note(mutate(pick(notes)));
      if (octets.length < 21) continue;
      const text = describeNotification(decodeNotification(octets.subarray(19)));
      insist(text.length < 3000 && !/\p{Cc}/u.test(text), `a line that must not be: ${text}`);
      decodeRefresh(octets, octets.subarray(19), oneIn(2));
      continue;
    }
    const octets = note(mutate(pick(updates)));
    if (octets.length < 23) continue;
    const result = decodeUpdate(octets.subarray(19), pick(contexts));
    if ('reset' in result) {
      insist(result.reset.code === 3 && result.reset.data.length <= 4075, 'a reset that is none');
      kinds.reset += 1;
      continue;
    }
    const { withdrawn, reachable, treatAsWithdraw } = result.update;
    const prefixes = [...withdrawn, ...reachable].reduce((sum, { nlri }) => sum + nlri.length, 0);
    insist(prefixes <= octets.length, `${prefixes} prefixes in ${octets.length} octets`);
    kinds[treatAsWithdraw === null ? 'fine' : 'withdraw'] += 1;
  }
  insist(count < 10_000 || Object.values(kinds).every((one) => one > 0), `${JSON.stringify(kinds)}: a poor corpus`);
}

// --- Sessions -------------------------------------------------------------------------------------

const MAX_PREFIX = 50;

function config() {
  const internal = oneIn(4);
  const attributes = { med: null, localPref: 100, prepend: 0, communities: [], largeCommunities: [] };
  const pattern = (text, le) => ({ prefix: parsePrefix(text), ge: parsePrefix(text).length, le });
  return {
    ...{ name: 'peer', address: '192.0.2.1', family: 4, port: 179, remoteAs: 65001, localAs: internal ? 65001 : 65002 },
    ...{ passive: oneIn(4), source: null, interface: null, password: null, gtsmHops: null, multihop: null },
    ...{ holdTimeSeconds: pick([0, 3, 90]), connectRetrySeconds: 120, advertisementIntervalSeconds: 30 },
    ...{ role: oneIn(4) ? pick(['provider', 'customer', 'peer']) : null, roleStrict: false },
    ...{ families: [4, 6], nextHop4: null, nextHop6: '2001:db8::2', extendedNextHop: oneIn(2) },
    ...{ restartTimeSeconds: 120, bfd: null, export: 'all', attributes, lowered: { ...attributes, prepend: 3 } },
    import: oneIn(4)
      ? null
      : {
          ...{
            prefixes: [pattern('0.0.0.0/0', 32), pattern('2001:db8::/32', 128)],
            localPref: null,
            table: 254,
            metric: 0,
          },
          ...{ nextHop: null, device: null, onlink: false, check: null },
        },
    ...{ maxPrefix: MAX_PREFIX, maxPrefixRestartSeconds: 60, enforceFirstAs: oneIn(2) },
  };
}

/** A neighbour's end: what is written to it is judged at once. */
function connection() {
  let events = null;
  let over = false;
  let notified = false;
  let queued = 0;
  const stalled = oneIn(6);
  const end = () => {
    over = true;
    return Promise.resolve();
  };
  return {
    made: {
      local: { address: '192.0.2.2', port: 179 },
      remote: { address: '192.0.2.1', port: 40_000 },
      queuedBytes: () => queued,
      start: (given) => {
        events = given;
      },
      write(octets) {
        insist(!over && !notified, 'written after the end');
        insist(octets.length <= 4096 && headerError(octets) === null, 'a message that is none was written');
        notified = octets[18] === 3;
        if (stalled) queued += octets.length;
        insist(queued < 400_000, `${queued} octets wait`);
      },
      close: end,
      reset: end,
      restrict: () => undefined,
    },
    send: (octets) => {
      if (!over) events?.data(octets);
    },
    hangUp() {
      if (over) return;
      over = true;
      events?.closed(oneIn(2) ? null : 'reset by peer');
    },
    drain() {
      queued = 0;
      if (!over) events?.progress();
    },
  };
}

const sound = opens.filter((octets) => octets.length > 40);

/** One speaker with one neighbour, brought to some state and then fed. Resolves with the number of messages. */
async function episode(note, tally) {
  const connections = [];
  let called = null;
  let accept = null;
  const transport = {
    connect(_, done) {
      called = done;
      return {
        cancel: () => {
          called = null;
        },
      };
    },
    listen(_, given) {
      accept = given;
      return { setMd5: () => undefined, close: () => undefined };
    },
  };
  let lines = 0;
  const line = () => {
    lines += 1;
  };
  const routes = new Map();
  const learned = (_, changes) => {
    for (const { prefix, route } of changes) {
      const key = `${prefix.address}/${prefix.length}`;
      if (route === null) insist(routes.delete(key), `${key} is withdrawn twice`);
      else routes.set(key, route);
    }
  };
  const neighbors = [config()];
  const log = { info: line, warn: line, error: line };
  const options = { routerId: '192.0.2.2', neighbors, restarted: oneIn(4) };
  const devices = { device: () => null, watch: () => () => {} };
  const random = () => below(1000) / 1000;
  const speaker = createBgpSpeaker(options, { transport, log, bfd: null, devices, learned, random });
  const announced = ['198.51.100.0/24', '2001:db8:64::/96'].map((text) => ({
    prefix: parsePrefix(text),
    preference: 'normal',
  }));
  speaker.announce(announced);
  const join = () => {
    const made = connection();
    if (called !== null && !oneIn(3)) {
      const done = called;
      called = null;
      if (oneIn(10)) return done('connection refused');
      connections.push(made);
      done(made.made);
    } else {
      connections.push(made);
      accept(made.made);
    }
    if (!oneIn(5)) made.send(oneIn(3) ? mutate(pick(opens)) : pick(sound));
    if (!oneIn(5)) made.send(KEEPALIVE);
  };
  join();
  const steps = 20 + below(60);
  let fed = 0;
  for (let step = 0; step < steps; step++) {
    const one = pick(connections);
    switch (below(16)) {
      case 0:
        join();
        break;
      case 1:
        one?.hangUp();
        break;
      case 2:
        pass(pick([0, 100, 1000, 5000, 31_000, 91_000]));
        break;
      case 3:
        speaker.announce(
          oneIn(2) ? [] : announced.map((each) => ({ ...each, preference: pick(['normal', 'lowered']) })),
        );
        break;
      case 4:
        one?.drain();
        if (oneIn(10))
          pick([() => speaker.clear('peer'), () => speaker.shutdown('peer', 'x'), () => speaker.enable('peer')])();
        break;
      default: {
        const octets = note(oneIn(4) ? KEEPALIVE : mutate(pick(seeds), !oneIn(10)));
        fed += 1;
        const cut = oneIn(4) ? below(octets.length) : octets.length;
        one?.send(octets.subarray(0, cut));
        if (cut < octets.length) one?.send(octets.subarray(cut));
      }
    }
    const [status] = speaker.neighbors();
    tally[status.state] = (tally[status.state] ?? 0) + 1;
    insist(status.routes.accepted <= 2 * MAX_PREFIX, `${status.routes.accepted} routes are kept`);
    insist(status.routes.accepted === routes.size, 'other routes than were told');
    insist(waiting.size < 60, `${waiting.size} timers`);
  }
  insist(lines < 2000, `${lines} lines in the log`);
  await speaker.stop({ planned: false, text: 'end' });
  insist(routes.size === 0, 'routes stay after the end');
  insist(waiting.size === 0, `${waiting.size} timers stay after the end`);
  return fed;
}

async function sessions(count, note) {
  const tally = {};
  for (let done = 0; done < count; ) {
    nowMs = 0;
    waiting.clear();
    done += Math.max(1, await episode(note, tally));
  }
  const names = ['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established'];
  insist(count < 10_000 || names.every((name) => tally[name] > 0), `${JSON.stringify(tally)}: states are missing`);
}

// --- The run --------------------------------------------------------------------------------------

await runParts('bgp', {
  framing: [framing, 0.2],
  openings: [openings, 0.2],
  messages: [messages, 0.3],
  sessions: [sessions, 0.3],
});
