import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCapture } from '../../src/trace/capture.js';
import { recordText } from '../../src/trace/text.js';
import { launch, run } from '../cli/run.js';
import { createFakeHost } from '../fakes/addon.js';
import { createFakeTrace, DROPPED, type FakeTrace, packetOf, serveTrace, TRANSLATED } from './source.js';

let folder: string;
let socket: string;
let source: FakeTrace;
let server: { close(): Promise<unknown> };
const host = createFakeHost();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platypus-trace-'));
  socket = join(folder, 'control.sock');
  source = createFakeTrace();
  server = await serveTrace(socket, source);
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const trace = (...args: string[]) => run(host, 'trace', '--socket', socket, ...args);
const file = () => join(folder, 'x.pcapng');

const TEXT = `tcp 2001:db8::1#1234 > 64:ff9b::c000:201#80 SYN hl=64 len=60
  -> tcp 192.0.2.9#5000 > 192.0.2.1#80 SYN ttl=63 len=40
udp 2001:db8::1#1234 > 2001:db8::2#53 hl=64 len=48
  dropped: drop.not_pool6: IPv6: the destination is not in pool6.
`;

test('prints what came, what was sent, and why not, and ends after --count', async () => {
  source.records = [TRANSLATED, DROPPED, TRANSLATED];
  expect(await trace('--count', '2')).toEqual({ code: 0, stdout: TEXT, stderr: '' });
  await source.ended;
});

test('the options become the filter', async () => {
  source.records = [TRANSLATED];
  await trace(
    ...['--v6', '2001:db8::/64', '--v4', '192.0.2.1', '--proto', 'tcp', '--port', '80', '--drops'],
    ...['--snap', '96', '--seconds', '9', '--count', '1'],
  );
  expect(source.calls[0]).toEqual({
    v6: { address: '2001:db8::', length: 64 },
    v4: { address: '192.0.2.1', length: 32 },
    protocol: 6,
    port: 80,
    dropsOnly: true,
    snapBytes: 96,
  });
});

test('ends after --seconds, and says what was left out', async () => {
  source.lost = 7;
  const outcome = await trace('--seconds', '1');
  expect(outcome).toEqual({
    code: 0,
    stdout: '',
    stderr: 'platypus: 7 more packets matched than could be shown\n',
  });
});

test('--json prints an object a line', async () => {
  source.records = [TRANSLATED, DROPPED];
  const { stdout } = await trace('--json', '--count', '2');
  const objects = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(objects).toMatchObject([{ reason: null }, { reason: 'drop.not_pool6', packets: [{ direction: 'in' }] }]);
});

test('--write makes a pcapng file of both sides', async () => {
  source.records = [TRANSLATED, DROPPED];
  await trace('--write', file(), '--count', '2');
  const frames = [...readCapture('x', await readFile(file()))];
  expect(frames.map(({ interfaceName, comment, bytes }) => [interfaceName, comment, bytes.toString('hex')])).toEqual([
    ['ipv6', 'in', packetOf('tcp 2001:db8::1#1234 > 64:ff9b::192.0.2.1#80 syn').toString('hex')],
    ['ipv4', 'out', packetOf('tcp 192.0.2.9#5000 > 192.0.2.1#80 syn ttl=63').toString('hex')],
    ['ipv6', 'in, dropped: drop.not_pool6', packetOf('udp 2001:db8::1#1234 > 2001:db8::2#53').toString('hex')],
  ]);
  expect(frames[0]?.timeMs).toBe(1_700_000_000_000);
});

test('SIGINT ends it with 0 and leaves a valid file', async () => {
  source.records = [TRANSLATED];
  let heard = () => {};
  const printed = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      heard();
      done();
    },
  });
  const running = launch(host, ['trace', '--socket', socket, '--write', file()], { stdout });
  await printed;
  running.signal('SIGINT');
  expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  expect([...readCapture('x', await readFile(file()))]).toHaveLength(2);
  await source.ended;
});

test('a file that is there is kept, but for --force', async () => {
  await writeFile(file(), 'precious');
  source.records = [TRANSLATED];
  const refused = await trace('--write', file(), '--count', '1');
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/there is such a file, expected none: .*--force/),
  });
  expect(await readFile(file(), 'utf8')).toBe('precious');
  await source.ended;
  source.records = [TRANSLATED];
  expect((await trace('--write', file(), '--count', '1', '--force')).code).toBe(0);
  expect([...readCapture('x', await readFile(file()))]).toHaveLength(2);
});

test('a folder that is not there is told', async () => {
  const refused = await trace('--write', join(folder, 'no', 'x.pcapng'));
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/cannot use .*ENOENT/) });
});

test('no file is left where the trace is refused', async () => {
  await server.close();
  const refused = await trace('--write', file());
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/nobody answers/) });
  await expect(readFile(file())).rejects.toThrow(/ENOENT/);
});

test.each([
  ['--proto', 'sctp', /tcp, udp, icmp or a protocol number/],
  ['--v6', '192.0.2.1', /expected an IPv6 address or prefix/],
  ['--v4', '192.0.2.1/24', /192\.0\.2\.0\/24/],
  ['--count', '0', /expected a whole number from 1/],
  ['--snap', '9999', /from 64 to 2048/],
])('%s %s is refused', async (option, value, sentence) => {
  expect(await trace(option, value)).toMatchObject({ code: 2, stderr: expect.stringMatching(sentence) });
  expect(source.calls).toEqual([]);
});

test('a packet of which a part was kept, and one that is no IP packet', () => {
  const cut = packetOf('udp 2001:db8::1#1 > 2001:db8::2#2 len=1500').subarray(0, 64);
  expect(
    recordText({
      timeMs: 0,
      reason: 'drop.not_ip',
      explain: null,
      packets: [
        { direction: 'in', length: 1500, hex: cut.toString('hex') },
        { direction: 'out', length: 9, hex: '0102' },
      ],
    }),
  ).toBe(
    'udp 2001:db8::1#1 > 2001:db8::2#2 hl=64 len=1500\n  -> 9 bytes that are no IP packet\n  dropped: drop.not_ip',
  );
});
