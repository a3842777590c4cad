/**
 * Mutated STUN messages through the decoder, the responder and the stream of the built program. An answer is read again,
 * and is never longer than the request or than what every client needs, unless it took from the rate of long answers.
 *
 *     node scripts/fuzz-stun.mjs [--inputs 1000000] [--seed N] [--part NAME] [--report FILE]
 *
 * Writes one TAP line for each part, to the report as well.
 */
import { answerRequest } from '../dist/responder/answer.js';
import {
  askValue,
  changeValue,
  readAsk,
  readChange,
  readEndpoint,
  readError,
  readSeen,
} from '../dist/stun/attributes.js';
import { createFrames } from '../dist/stun/frames.js';
import { readStun, writeStun } from '../dist/stun/message.js';
import { Attribute, BINDING } from '../dist/stun/numbers.js';
import { below, insist, oneIn, pick, runParts, word } from './fuzz-run.mjs';

const MAX_BYTES = 4096;
const STANDARD_BYTES = 76;
const LONG_BYTES = 1472;
const TYPES = Object.values(Attribute);

function octets(count) {
  return Uint8Array.from({ length: count }, () => word() & 255);
}

function attribute() {
  const type = oneIn(8) ? word() & 0xffff : pick(TYPES);
  if (type === Attribute.ASK && !oneIn(4)) {
    const [noChecksum, dontFragment, report] = [oneIn(2), oneIn(2), oneIn(2)];
    return { type, value: askValue({ noChecksum, dontFragment, report, answerBytes: below(5000) }, below(200)) };
  }
  if (type === Attribute.CHANGE_REQUEST && !oneIn(4)) {
    return { type, value: changeValue({ address: oneIn(2), port: oneIn(2) }) };
  }
  return { type, value: octets(oneIn(30) ? below(3000) : below(24)) };
}

/** A message that is right, as a rule a request that can be answered. */
function message() {
  const known = [Attribute.ASK, Attribute.CHANGE_REQUEST, Attribute.PADDING];
  const all = Array.from({ length: below(4) }, attribute);
  const attributes = oneIn(3) ? all : all.filter(({ type }) => known.includes(type) || type >= 0x8000);
  const kind = oneIn(10) ? pick(['indication', 'success', 'error']) : 'request';
  const fingerprint = oneIn(4);
  const whole = attributes.filter(({ type }) => type !== Attribute.FINGERPRINT);
  return writeStun({ kind, method: BINDING, transaction: octets(12), attributes: whole, fingerprint });
}

function mutate(bytes) {
  const copy = bytes.slice(0, oneIn(6) ? below(bytes.length + 1) : bytes.length);
  for (let changes = below(4); changes > 0 && copy.length > 0; changes--) copy[below(copy.length)] = word() & 255;
  if (oneIn(3) && copy.length >= 4) new DataView(copy.buffer).setUint16(2, copy.length - 20);
  return copy;
}

function decoder(count, note) {
  let read = 0;
  for (let i = 0; i < count; i++) {
    const reading = readStun(note(oneIn(3) ? message() : mutate(message())));
    if ('refused' in reading) continue;
    read += 1;
    for (const { value } of reading.message.attributes) {
      readAsk(value);
      readChange(value);
      readEndpoint(value);
      readError(value);
      readSeen(value);
    }
    insist('message' in readStun(writeStun(reading.message)), 'what was read cannot be read again');
  }
  insist(count < 10_000 || read > count / 10, `${read} messages were read: the corpus is too poor`);
}

function responder(count, note) {
  const layouts = [
    { addresses: ['203.0.113.5', '203.0.113.6'], ports: [3478, 3479] },
    { addresses: ['203.0.113.5'], ports: [3478, 3479] },
    { addresses: ['203.0.113.5'], ports: [3478] },
  ];
  let answers = 0;
  for (let i = 0; i < count; i++) {
    const request = note(oneIn(3) ? mutate(message()) : message());
    if (request.length > MAX_BYTES) continue;
    const layout = pick(layouts);
    let long = false;
    const arrival = {
      octets: request,
      source: { address: '192.0.2.1', port: 1 + below(65_535) },
      at: { address: below(layout.addresses.length), port: below(layout.ports.length) },
      transport: pick(['udp', 'udp', 'tcp']),
      seen: () => ({ datagramBytes: request.length, pathMtu: 1500, sendMss: 0, announcedMss: 0 }),
      allowLong() {
        long = oneIn(2);
        return long;
      },
    };
    const answer = answerRequest(arrival, layout);
    if ('drop' in answer) continue;
    answers += 1;
    const most = Math.max(STANDARD_BYTES, request.length, long ? LONG_BYTES : 0);
    insist(answer.octets.length <= most, `an answer of ${answer.octets.length} bytes to ${request.length}`);
    const reading = readStun(answer.octets);
    insist('message' in reading && reading.message.kind !== 'request', 'an answer that is none');
    insist(layout.addresses[answer.from.address] !== undefined, 'an answer from an address that there is not');
    insist(layout.ports[answer.from.port] !== undefined, 'an answer from a port that there is not');
  }
  insist(count < 10_000 || answers > count / 10, `${answers} answers: the corpus is too poor`);
}

function stream(count, note) {
  let frames = createFrames(MAX_BYTES);
  for (let i = 0; i < count; i++) {
    const bytes = note(oneIn(20) ? mutate(message()) : message());
    const cut = below(bytes.length + 1);
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      const messages = frames.take(part);
      if (messages === null) frames = createFrames(MAX_BYTES);
      for (const each of messages ?? []) insist(each.length <= MAX_BYTES, 'a message without bounds');
    }
  }
}

await runParts('stun', {
  decoder: [decoder, 0.4],
  responder: [responder, 0.4],
  stream: [stream, 0.2],
});
