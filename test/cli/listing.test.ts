import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SessionRow } from '../../src/native/addon.js';
import { createFakeHost, type FakeHost, fakeSession } from '../fakes/addon.js';
import { launch, type Outcome, type Running, run } from './run.js';

let host: FakeHost;
let folder: string;
let plat: Running;

beforeEach(async () => {
  host = createFakeHost();
  folder = await mkdtemp(join(tmpdir(), 'platypus-list-'));
  plat = launch(host, ['plat', '--pool6', '2001:db8:64::/96', '--pool4', '198.51.100.0/28', '--socket', socket()]);
  await plat.says(/translating on/);
});
afterEach(async () => {
  plat.signal('SIGTERM');
  await plat.ended;
  await rm(folder, { recursive: true });
});

const socket = () => join(folder, 'control.sock');
const platypus = (...args: string[]): Promise<Outcome> => run(host, '--socket', socket(), ...args);

const ping: SessionRow = { ...fakeSession(7), protocol: 'icmp', state: null, expiresInSeconds: 59.4, remotePort: 9 };
const half: SessionRow = { ...fakeSession(8), v6: null, state: 'V4_INIT', expiresInSeconds: 6 };

describe('session list', () => {
  test('is an aligned table; a stored SYN has no IPv6 host, an echo no remote port', async () => {
    host.sessions = [fakeSession(1), ping, half];
    expect((await platypus('session', 'list')).stdout).toBe(
      [
        'PROTO  IPV6 HOST            POOL4              REMOTE       STATE        EXPIRES',
        'tcp    2001:db8:1::1#40000  198.51.100.1#1025  8.8.8.8#443  ESTABLISHED  1h59m59s',
        'icmp   2001:db8:1::7#40000  198.51.100.1#1031  8.8.8.8      -                 59s',
        'tcp    -                    198.51.100.1#1032  8.8.8.8#443  V4_INIT            6s',
        '',
      ]
        .join('\n')
        .replace('EXPIRES', ' EXPIRES'),
    );
  });

  test('without sessions is the titles alone, or an empty array', async () => {
    expect((await platypus('session', 'list')).stdout).toBe('PROTO  IPV6 HOST  POOL4  REMOTE  STATE  EXPIRES\n');
    expect((await platypus('session', 'list', '--json')).stdout).toBe('[]\n');
  });

  test('--json is an array of the rows, over as many pages as it takes', async () => {
    host.sessions = Array.from({ length: 2500 }, (_, index) => fakeSession(index));
    const { stdout } = await platypus('session', 'list', '--json');
    expect(JSON.parse(stdout)).toEqual(host.sessions);
    expect(host.queries.length).toBe(3);
  });

  test('goes on after an empty page', async () => {
    host.sessions = [...Array.from({ length: 2000 }, (_, index) => fakeSession(index)), ping];
    expect(JSON.parse((await platypus('session', 'list', '--proto', 'icmp', '--json')).stdout)).toEqual([ping]);
    expect((await platypus('session', 'list', '--proto', 'icmp')).stdout.split('\n')).toHaveLength(3);
  });

  test('--limit prints so many rows and asks for no more', async () => {
    host.sessions = Array.from({ length: 5000 }, (_, index) => fakeSession(index));
    expect(JSON.parse((await platypus('session', 'list', '--json', '--limit', '1500')).stdout)).toHaveLength(1500);
    expect(host.queries.map(({ limit }) => limit)).toEqual([1024, 476]);
  });

  test('filters take an address, a prefix or a transport address', async () => {
    host.sessions = [fakeSession(1), fakeSession(2)];
    const list = async (...args: string[]) => JSON.parse((await platypus('session', 'list', '--json', ...args)).stdout);
    expect(await list('--v6', '2001:DB8:1::2')).toHaveLength(1);
    expect(await list('--v6', '2001:db8:1::/64')).toHaveLength(2);
    expect(await list('--v4', '198.51.100.1#1026')).toEqual([fakeSession(2)]);
    expect(await list('--remote', '8.8.8.0/24')).toHaveLength(2);
    expect(host.queries.at(-1)?.remote4).toEqual({ address: '8.8.8.0', length: 24 });
  });

  test.each([
    [['--v6', 'nonsense'], /nonsense.*expected an IPv6 address/],
    [['--v6', '192.0.2.1'], /192\.0\.2\.1.*expected an IPv6/],
    [['--v4', '192.0.2.1/24'], /expected no bits after the prefix length: 192\.0\.2\.0\/24/],
    [['--proto', 'sctp'], /sctp.*tcp, udp, icmp/],
    [['--limit', '0'], /expected a whole number/],
  ])('%s is refused with 2', async (args, sentence) => {
    const outcome = await platypus('session', 'list', ...args);
    expect(outcome).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(sentence) });
    expect(host.queries).toEqual([]);
  });

  test('stops quietly when the reader goes away (| head)', async () => {
    host.sessions = Array.from({ length: 5000 }, (_, index) => fakeSession(index));
    const gone = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    const outcome = await launch(host, ['session', 'list', '--socket', socket()], { stdout: gone }).ended;
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(host.queries.length).toBeLessThan(3);
  });

  test('a slow reader is waited for, without a listener left for each page', async () => {
    host.sessions = Array.from({ length: 20_000 }, (_, index) => fakeSession(index));
    let bytes = 0;
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk, _encoding, done) {
        bytes += chunk.length;
        setImmediate(done);
      },
    });
    const before = slow.listenerCount('close');
    await launch(host, ['session', 'list', '--json', '--socket', socket()], { stdout: slow }).ended;
    expect(bytes).toBeGreaterThan(1_000_000);
    expect(slow.listenerCount('close')).toBe(before);
  });

  test('another write error is told', async () => {
    const full = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }));
      },
    });
    host.sessions = Array.from({ length: 5000 }, (_, index) => fakeSession(index));
    const outcome = await launch(host, ['session', 'list', '--socket', socket()], { stdout: full }).ended;
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringMatching(/no space left/) });
  });
});

describe('stats', () => {
  test('shows what is not zero', async () => {
    expect((await platypus('stats')).stdout).toBe(
      'COUNTER                      VALUE\ntranslated.v6_to_v4              5\nbytes.v6_to_v4       1099511627776\n',
    );
  });
  test('--all shows zeros, --explain says what it means', async () => {
    expect((await platypus('stats', '--all')).stdout).toMatch(/^drop\.v6\.no_session +0$/m);
    expect((await platypus('stats', '--explain')).stdout).toMatch(/^translated\.v6_to_v4 +5 {2}Packets translated/m);
  });
  test('--json is an object of all counters', async () => {
    expect(JSON.parse((await platypus('stats', '--json')).stdout)).toEqual({
      'drop.v6.no_session': 0,
      'translated.v6_to_v4': 5,
      'bytes.v6_to_v4': 2 ** 40,
    });
  });
});

describe('status', () => {
  test('is a table or an object', async () => {
    expect((await platypus('status')).stdout).toMatch(/^state +running$/m);
    expect(JSON.parse((await platypus('status', '--json')).stdout)).toMatchObject({ device: 'platypus', alive: true });
  });
  test('without a translator ends with 1 and names the socket', async () => {
    const outcome = await run(host, 'status', '--socket', join(folder, 'nobody.sock'));
    expect(outcome).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^platypus: nobody answers on .*nobody\.sock, expected a running .*`clat`/),
    });
  });
});

describe('bib', () => {
  test('add, list, remove', async () => {
    const add = await platypus('bib', 'add', 'tcp', '2001:DB8:1::1#80', '198.51.100.1#80');
    expect(add).toMatchObject({
      code: 0,
      stdout: 'added tcp 2001:db8:1::1#80 198.51.100.1#80; it is not written to the file\n',
    });
    expect((await platypus('bib', 'list')).stdout).toBe(
      'PROTO  IPV6 HOST         POOL4            KIND    SESSIONS\ntcp    2001:db8:1::1#80  198.51.100.1#80  static         0\n',
    );
    expect(JSON.parse((await platypus('bib', 'list', '--json')).stdout)).toMatchObject([{ port4: 80, static: true }]);
    expect(await platypus('bib', 'remove', 'tcp', '198.51.100.1#80')).toMatchObject({ code: 0 });
    expect(host.bib).toEqual([]);
  });
  test.each([
    [['add', 'sctp', '2001:db8::1#80', '198.51.100.1#80'], 2, /sctp/],
    [['add', 'tcp', '2001:db8::1', '198.51.100.1#80'], 2, /expected an IPv6 transport address such as 2001:db8::1#80/],
    [['add', 'tcp', '2001:db8::1#80', '203.0.113.77#80'], 1, /203\.0\.113\.77, expected an address of pool4/],
    [['remove', 'tcp', '198.51.100.1#80'], 1, /no tcp entry for 198\.51\.100\.1#80/],
  ])('%s is refused', async (args, code, sentence) => {
    expect(await platypus('bib', ...args)).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(sentence) });
  });
});

describe('pool4', () => {
  test('add, list, remove', async () => {
    const added = await platypus('pool4', 'add', '198.51.100.64/30', '--ports', '2000-3000');
    expect(added.stdout).toMatch(/^plat\.pool4: added 198\.51\.100\.64\/30#2000-3000\n.*not written to the file\n$/);
    expect((await platypus('pool4', 'list')).stdout).toMatch(/^198\.51\.100\.64 +2000-3000 +1 +2 +3 +4$/m);
    expect(await platypus('pool4', 'remove', '198.51.100.64/30')).toMatchObject({ code: 0 });
    expect(JSON.parse((await platypus('pool4', 'list', '--json')).stdout)).toHaveLength(1);
  });
  test('what is none is refused', async () => {
    expect(await platypus('pool4', 'add', 'nonsense')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/nonsense/),
    });
  });
});

describe('usage', () => {
  test('--help and --version end with 0', async () => {
    expect(await run(host, '--help')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('session'),
    });
    expect(await run(host, '--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
  test.each([[[]], [['nonsense']], [['session']], [['run']]])('%s ends with 2', async (args) => {
    const outcome = await run(host, ...args);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).not.toBe('');
  });
});
