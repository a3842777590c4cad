import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.js';
import { createControlApp } from '../../src/control/server.js';
import type { ControlTarget } from '../../src/control/target.js';
import { buildPacket } from '../../src/explain/build.js';
import { parseDescription } from '../../src/explain/description.js';
import { explainRunning } from '../../src/explain/running.js';
import { pcapngHeader, pcapngPacket } from '../../src/trace/pcapng.js';
import { addon, small, stateful } from '../conformance/translator.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platypus-explain-'));
});
afterEach(() => rm(folder, { recursive: true }));

const packetOf = (text: string) => buildPacket(parseDescription(text));

/** Runs `platypus explain` on the real core. */
async function explain(...args: string[]) {
  const text = { stdout: '', stderr: '' };
  const collect = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const code = await runProgram(['explain', ...args], {
    stdout: collect('stdout'),
    stderr: collect('stderr'),
    environment: {},
    loadAddon: () => addon,
    readSysctl: async () => null,
    onSignal: () => () => {},
  });
  return { code, ...text };
}

const SYN = 'tcp 2001:db8::1#1234 > 2001:db8:64::198.51.100.9#80 syn';
const POOLS = ['--pool6', '2001:db8:64::/96', '--pool4', '203.0.113.0/28'];

describe('the packet', () => {
  const hex = packetOf(SYN).toString('hex');
  const capture = () => join(folder, 'x.pcapng');
  beforeEach(() => {
    const common = { timeMs: 0, direction: 'in', comment: '' } as const;
    const packet = (bytes: Buffer, length = bytes.length) =>
      pcapngPacket({ ...common, interface: 'ipv6', bytes, length });
    const frames = [Buffer.from('00010203', 'hex'), packetOf(SYN), packetOf(SYN.replace('#80', '#81'))];
    return writeFile(
      capture(),
      Buffer.concat([pcapngHeader('x', 256), ...frames.map((one) => packet(one)), packet(packetOf(SYN), 999)]),
    );
  });

  test.each([
    ['words', () => [SYN], '#80 SYN'],
    ['digits', () => [hex], '#80 SYN'],
    ['digits in groups', () => [`0x${hex.slice(0, 2)} ${hex.slice(2, 40)}\n${hex.slice(40)}`], '#80 SYN'],
    ['the first IP packet of a file', () => [capture()], '#80 SYN'],
    ['a frame of a file', () => [capture(), '--frame', '3'], '#81 SYN'],
  ])('as %s', async (_name, args, line) => {
    const outcome = await explain(...args(), ...POOLS);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout.split('\n')[0]).toContain(line);
  });

  test.each([
    ['a frame that has none', () => [capture(), '--frame', '1'], /no IP packet in frame 1/],
    ['a frame that is not there', () => [capture(), '--frame', '9'], /found 4 frames, expected a frame 9/],
    ['a cut frame', () => [capture(), '--frame', '4'], /frame 4 with 60 of its 999 bytes, expected the whole frame/],
    ['a file that is not there', () => [join(folder, 'nothing')], /no such file, expected a pcap or pcapng file/],
    ['words that are wrong', () => [SYN.replace('syn', 'sin')], /column \d+: found "sin", expected one of/],
    ['digits that are odd', () => [`${hex}0`], /found 121 digits/],
  ])('as %s is refused', async (_name, args, sentence) => {
    const outcome = await explain(...args(), ...POOLS);
    expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(sentence) });
    expect(outcome.stderr.trimEnd()).not.toContain('\n');
  });
});

describe('the configuration', () => {
  test('of a file, with its static entries', async () => {
    const file = join(folder, 'p.yaml');
    const entry = '{ protocol: tcp, v6: "2001:db8::1#1234", v4: "203.0.113.1#80" }';
    await writeFile(file, `plat:\n  pool6: 2001:db8:64::/96\n  pool4: 203.0.113.0/28\n  staticBib: [ ${entry} ]\n`);
    const { stdout } = await explain(SYN, '-c', file, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'translated',
      steps: expect.arrayContaining([
        {
          topic: 'bib',
          text: 'BIB entry 2001:db8::1#1234 with 203.0.113.1#80 is there',
          rule: 'RFC 6146 §3.5.2',
        },
      ]),
    });
  });

  test('of options: a stateless translator with an EAM file', async () => {
    const file = join(folder, 'eamt');
    await writeFile(file, '203.0.113.7 2001:db8::1\n');
    const { stdout, stderr } = await explain(SYN, '--pool6', '2001:db8:64::/96', '--eamt', file);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/EAM entry 203\.0\.113\.7\/32 with 2001:db8::1\/128 \[RFC 7757 §3\.3\]/);
  });

  test.each([
    [['-c', 'x', '--pool6', '64:ff9b::/96'], /--config goes without --pool6/],
    [['--pool4', '203.0.113.1', '--eamt', 'x'], /--pool4 makes a NAT64/],
    [['--pool6', '64:ff9b::/95'], /--pool6: found "64:ff9b::\/95"/],
  ])('%j is refused', async (args, sentence) => {
    expect(await explain(SYN, ...args)).toMatchObject({ code: 1, stderr: expect.stringMatching(sentence) });
  });

  test('of the running translator, which stays as it is', async () => {
    const simulator = new addon.Simulator({ limits: small, config: stateful });
    const entry = { protocol: 'tcp', v6: '2001:db8::1', port6: 1234, v4: '192.0.2.1', port4: 4321 } as const;
    simulator.addBib(entry);
    const tables = {
      bib: async (query: Parameters<typeof simulator.bib>[0]) => simulator.bib(query),
      sessions: async (query: Parameters<typeof simulator.sessions>[0]) => simulator.sessions(query),
    };
    const target = {
      explain: (packet: Buffer) => explainRunning(packet, { addon, config: stateful, tables }),
    } as unknown as ControlTarget;
    const app = createControlApp(target, () => {});
    const socket = join(folder, 'control.sock');
    await app.listen({ path: socket });
    const { stdout } = await explain(SYN, '--socket', socket);
    expect(stdout).toContain('2001:db8::1#1234 becomes 192.0.2.1#4321');
    expect(simulator.sizes().sessions).toBe(0);

    const ask = async (payload: object) => {
      const { statusCode, payload: body } = await app.inject({ method: 'POST', url: '/v1/explain', payload });
      return [statusCode, JSON.parse(body).message ?? JSON.parse(body).verdict];
    };
    const refused = expect.stringMatching(/^body: packet: found .*, expected an IP packet as hexadecimal digits/);
    expect(await ask({ packet: '45 0' })).toEqual([400, refused]);
    expect(await ask({ packet: '450' })).toEqual([400, refused]);
    expect(await ask({})).toEqual([400, refused]);
    expect(await ask({ packet: '00'.repeat(65_576) })).toEqual([400, refused]);
    expect(await ask({ packet: '00'.repeat(70_000) })).toEqual([413, expect.stringContaining('too large')]);
    expect(await ask({ packet: '00'.repeat(65_575) })).toEqual([200, 'dropped']);
    await app.close();
  });

  test('of nobody', async () => {
    const outcome = await explain(SYN, '--socket', join(folder, 'nobody.sock'));
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringMatching(/nobody answers/) });
  });
});
