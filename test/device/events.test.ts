import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchEvents } from '../../src/device/events.js';
import type { DropEvent } from '../../src/native/addon.js';

const COUNTERS = [{ name: 'drop.v4.udp_zero_checksum', explain: 'UDP without a checksum (RFC 7915 §4.5).' }];

const event: DropEvent = {
  timeMs: 0,
  reason: 'drop.v4.udp_zero_checksum',
  protocol: 17,
  source: '192.0.2.1',
  destination: '198.51.100.2',
  sourcePort: 5000,
  destinationPort: 53,
};

let lines: string[];
let answers: (() => Promise<{ events: DropEvent[]; lost: number }>)[];
let asked: number;
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  answers = [];
  asked = 0;
  const readEvents = () => {
    asked++;
    return answers.shift()?.() ?? Promise.resolve({ events: [], lost: 0 });
  };
  stop = watchEvents({ readEvents }, COUNTERS, {
    info: (line) => lines.push(`info ${line}`),
    warn: (line) => lines.push(`warn ${line}`),
    error: (line) => lines.push(`error ${line}`),
  });
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

const say = (events: DropEvent[], lost = 0) => answers.push(async () => ({ events, lost }));
const second = () => vi.advanceTimersByTimeAsync(1000);

test('SIIT-CSUM-05, SIIT-CSUM-06, SIIT-6to4-15 a drop is told with its reason, addresses, ports and meaning', async () => {
  say([event]);
  await second();
  expect(lines).toEqual([
    'warn drop.v4.udp_zero_checksum: udp 192.0.2.1#5000 > 198.51.100.2#53: UDP without a checksum (RFC 7915 §4.5).',
  ]);
});

test('without ports, of another protocol and without a meaning', async () => {
  say([
    { ...event, reason: 'drop.new', protocol: 47, sourcePort: null, destinationPort: null },
    {
      ...event,
      protocol: 58,
      source: '2001:db8::1',
      destination: '2001:db8::2',
      sourcePort: null,
      destinationPort: null,
    },
  ]);
  await second();
  expect(lines).toEqual([
    'warn drop.new: protocol 47 192.0.2.1 > 198.51.100.2',
    expect.stringContaining('icmpv6 2001:db8::1 > 2001:db8::2: '),
  ]);
});

test('ten lines a second and one that says how many were left out', async () => {
  say(
    Array.from({ length: 64 }, () => event),
    1000,
  );
  await second();
  expect(lines).toHaveLength(11);
  expect(lines.at(-1)).toMatch(/^warn 1054 more drops within this second are not shown/);
  say([event]);
  await second();
  expect(lines).toHaveLength(12);
});

test('two looks never overlap', async () => {
  let answer = () => {};
  answers.push(() => new Promise((resolve) => (answer = () => resolve({ events: [], lost: 0 }))));
  await second();
  await second();
  await second();
  expect(asked).toBe(1);
  answer();
  await second();
  expect(asked).toBe(2);
});

test('the end is the end, also of a look under way', async () => {
  let answer = () => {};
  answers.push(() => new Promise((resolve) => (answer = () => resolve({ events: [event], lost: 0 }))));
  await second();
  stop();
  answer();
  await second();
  await second();
  expect(asked).toBe(1);
  expect(lines).toEqual([]);
});

test('a failure is told once', async () => {
  answers.push(() => Promise.reject(new Error('EIO')));
  await second();
  await second();
  expect(lines).toEqual(['error cannot read the drops any more: EIO']);
  expect(asked).toBe(1);
});
