import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeHost, type FakeHost } from '../fakes/addon.js';
import { launch, type Outcome, type Running, run } from './run.js';

let host: FakeHost;
let folder: string;
let running: Running | null;

beforeEach(async () => {
  host = createFakeHost();
  folder = await mkdtemp(join(tmpdir(), 'platypus-siit-'));
  running = null;
});
afterEach(async () => {
  running?.signal('SIGTERM');
  await running?.ended;
  await rm(folder, { recursive: true });
});

const socket = () => join(folder, 'control.sock');
const file = (name: string) => join(folder, name);
const platypus = (...args: string[]): Promise<Outcome> => run(host, '--socket', socket(), ...args);
const POOL6 = ['--pool6', '2001:db8:64::/96'];

async function start(...args: string[]): Promise<Running> {
  running = launch(host, ['--socket', socket(), ...args]);
  await running.says(/translating on/);
  return running;
}

async function startSiit(): Promise<Running> {
  await writeFile(file('a.eamt'), '198.51.100.1 2001:db8:1::1\n198.51.100.8/29 2001:db8:2::/64\n');
  return start('siit', ...POOL6, '--eamt', file('a.eamt'));
}

describe('platypus siit', () => {
  test('SIGTERM ends it with 0 and leaves nothing behind', async () => {
    const before = JSON.stringify([host.links, host.routes]);
    const service = await startSiit();
    expect(host.routes.map(({ destination }) => destination)).toContain('198.51.100.8');
    service.signal('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, stdout: '' });
    expect(JSON.stringify([host.links, host.routes])).toBe(before);
    expect(host.open).toBe(0);
  });

  test('options become the configuration', async () => {
    await writeFile(file('a.eamt'), '198.51.100.1 2001:db8:1::1\n');
    await start(
      'siit',
      ...POOL6,
      ...['--eamt', file('a.eamt'), '--pool4', '198.51.100.0/24', '--pool4', '100.1.0.0/16'],
      ...['--device', 'siit0', '--mtu6', '1600', '--mtu4', '1400', '--hairpin', 'simple'],
      ...['--denylist4', '100.1.2.0/24', '--rfc6791v4-prefix', '198.51.100.0/30', '--mss-clamp', 'auto'],
      ...['--udp-zero-checksum', 'drop', '--allow-non-global', '--log-level', 'debug'],
    );
    expect(host.links.map(({ name }) => name)).toContain('siit0');
    expect(host.config).toMatchObject({
      mode: 'siit',
      mtu6: 1600,
      mtu4: 1400,
      mssClamp: 1360,
      udpZeroChecksum: 'drop',
      allowNonGlobal: true,
      siit: {
        hairpin: 'simple',
        denylist4: [{ address: '100.1.2.0', length: 24 }],
        sources4: [{ address: '198.51.100.0' }, { address: '100.1.0.0' }],
        rfc6791v4: [{ address: '198.51.100.0', length: 30 }],
      },
    });
    expect(host.config?.siit.eamt?.size).toBe(1);
  });

  test('--mss-clamp takes bytes, --route replaces what is routed', async () => {
    await start('siit', ...POOL6, '--mss-clamp', '1300', '--route', '10.0.0.0/8');
    expect(host.config?.mssClamp).toBe(1300);
    expect(host.routes.filter(({ index }) => index === 9)).toMatchObject([{ destination: '10.0.0.0', length: 8 }]);
  });

  test.each([
    [['siit'], 1, /^platypus: command line: --pool6: found nothing, expected 1 to 8/],
    [['siit', ...POOL6, '--hairpin', 'full'], 1, /--hairpin: found "full", expected one of none, simple, intrinsic/],
    [['siit', ...POOL6, '--mss-clamp', '9'], 1, /--mss-clamp: found 9, expected off, auto or a whole number/],
    [['siit', ...POOL6, '--rfc6791v4-prefix', 'x'], 1, /--rfc6791v4-prefix: found "x"/],
    [['siit', ...POOL6, '--udp-zero-checksum', 'x'], 1, /--udp-zero-checksum: found "x"/],
    [['siit', ...POOL6, '--route', 'x'], 1, /--route: found "x"/],
    [['siit', ...POOL6, '--eamt', ''], 1, /--eamt: found "", expected a path/],
    [
      ['siit', ...POOL6, '--eamt', '/nowhere/a.eamt'],
      1,
      /\/nowhere\/a\.eamt: there is no such file, expected an EAM file/,
    ],
    [['siit', ...POOL6, '--pool5', 'x'], 2, /unknown option '--pool5'/],
  ])('%s is refused in a sentence', async (args, code, sentence) => {
    expect(await run(host, ...args)).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(sentence) });
    expect(host.calls).toEqual([]);
  });

  test('a mistake in the EAM file ends it with 1, file, line and column', async () => {
    await writeFile(file('a.eamt'), '198.51.100.1 2001:db8:1::1\n198.51.100.2\n');
    expect(await run(host, 'siit', ...POOL6, '--eamt', file('a.eamt'))).toMatchObject({
      code: 1,
      stderr: `platypus: ${file('a.eamt')}:2:13: found nothing, expected an IPv6 prefix such as 2001:db8::/64\n`,
    });
    expect(host.calls).toEqual([]);
  });
});

describe('platypus run with a siit section', () => {
  const yaml = (more: string) => `siit: { pool6: "2001:db8:64::/96", eamtFile: a.eamt${more} }\n`;

  test('SIGHUP reads the EAM file anew; a mistake in it changes nothing', async () => {
    await writeFile(file('a.eamt'), '198.51.100.1 2001:db8:1::1\n');
    await writeFile(file('p.yaml'), yaml(''));
    const service = await start('run', '-c', file('p.yaml'));
    await writeFile(file('a.eamt'), '198.51.100.1 2001:db8:1::1\n198.51.100.2 2001:db8:1::2\n');
    service.signal('SIGHUP');
    await service.says(/siit\.eamt: another table, number of entries 1 became 2/);
    expect(host.config?.siit.eamt?.size).toBe(2);
    await writeFile(file('a.eamt'), 'x\n');
    service.signal('SIGHUP');
    await service.says(/a\.eamt:1:1: found \\"x\\"/);
    expect(host.config?.siit.eamt?.size).toBe(2);
  });

  test('check reads it too', async () => {
    await writeFile(file('a.eamt'), '198.51.100.0/24 2001:db8:1::/96\n198.51.100.1 2001:db8:1::1\n');
    await writeFile(file('p.yaml'), yaml(''));
    expect((await run(host, 'check', file('p.yaml'))).stdout).toMatch(
      /p\.yaml: warning: EAM entries have prefixes that lie in others \(1 IPv4, 1 IPv6, .*\n.*: valid\n$/,
    );
  });
});

describe('eamt', () => {
  beforeEach(async () => void (await startSiit()));

  test('list is a table or an array, filtered by either side', async () => {
    expect((await platypus('eamt', 'list')).stdout).toBe(
      ['IPV4             IPV6', '198.51.100.1/32  2001:db8:1::1/128', '198.51.100.8/29  2001:db8:2::/64', ''].join(
        '\n',
      ),
    );
    const json = async (...args: string[]) => JSON.parse((await platypus('eamt', 'list', '--json', ...args)).stdout);
    expect(await json()).toHaveLength(2);
    expect(await json('--v4', '198.51.100.9')).toEqual([{ v4: '198.51.100.8/29', v6: '2001:db8:2::/64' }]);
    expect(await json('--v6', '2001:db8:1::/64')).toHaveLength(1);
    expect(await json('--limit', '1')).toHaveLength(1);
  });

  test('add takes pairs and a file, in one edit', async () => {
    await writeFile(file('more.eamt'), '198.51.100.3 2001:db8:3::3 # third\n');
    const added = await platypus('eamt', 'add', '198.51.100.2', '2001:DB8:3::2', '--file', file('more.eamt'));
    expect(added).toMatchObject({
      code: 0,
      stdout:
        'siit.eamt: number of entries 2 became 4\nin force until the translator ends or the file is reloaded; not written to the file\n',
    });
    expect(host.calls.filter((call) => call === 'configure')).toHaveLength(1);
    expect(host.config?.siit.eamt?.lookup('198.51.100.3')?.counterpart).toBe('2001:db8:3::3');
  });

  test('remove, lookup and flush', async () => {
    expect((await platypus('eamt', 'lookup', '198.51.100.9')).stdout).toBe(
      '198.51.100.9 becomes 2001:db8:2:0:2000:: by 198.51.100.8/29 2001:db8:2::/64\n',
    );
    expect((await platypus('eamt', 'remove', '2001:db8:2::/64')).stdout).toMatch(
      /^siit\.eamt: number of entries 2 became 1\n/,
    );
    expect((await platypus('eamt', 'lookup', '198.51.100.9')).stdout).toBe(
      '198.51.100.9 is in no entry: pool6 maps it (RFC 6052)\n',
    );
    expect(JSON.parse((await platypus('eamt', 'lookup', '2001:DB8:1::1', '--json')).stdout)).toEqual({
      address: '2001:db8:1::1',
      entry: { v4: '198.51.100.1/32', v6: '2001:db8:1::1/128' },
      counterpart: '198.51.100.1',
    });
    expect((await platypus('eamt', 'remove', '198.51.100.1')).code).toBe(0);
    expect((await platypus('eamt', 'add', '198.51.100.1', '::1')).code).toBe(0);
    expect((await platypus('eamt', 'flush')).stdout).toMatch(/^siit\.eamt: number of entries 1 became 0\n/);
    expect((await platypus('eamt', 'list')).stdout).toBe('IPV4  IPV6\n');
  });

  test.each([
    [['add', '198.51.100.2'], 1, /found 1 prefixes, expected pairs/],
    [['add'], 1, /entries: found an empty list, expected 1 to 65536/],
    [['add', '198.51.100.1', '::9'], 1, /found 198\.51\.100\.1\/32 ::9\/128, expected an IPv4 prefix that/],
    [['add', '198.51.100.2/24', '::9'], 1, /entries\[0\]\.v4: found "198\.51\.100\.2\/24", expected no bits after/],
    [['add', '--file', '/nowhere/x'], 1, /there is no such file/],
    [['remove', '198.51.100.2'], 1, /no EAM entry for 198\.51\.100\.2\/32/],
    [['remove', 'x'], 2, /expected an IPv4 or IPv6 address or prefix/],
    [['remove', '198.51.100.1/24'], 2, /expected no bits after the prefix length: 198\.51\.100\.0\/24/],
    [['list', '--v6', '198.51.100.1'], 2, /expected an IPv6 address or prefix/],
    [['lookup', 'x'], 1, /address: found "x", expected an IPv4 or IPv6 address/],
  ])('%s is refused', async (args, code, sentence) => {
    const before = host.config;
    expect(await platypus('eamt', ...args)).toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringMatching(sentence),
    });
    expect(host.config).toBe(before);
  });

  test('a file of more entries than one edit takes is refused, and the other way is named', async () => {
    const lines = Array.from(
      { length: 65_537 },
      (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255} 2001:db8::${i >> 8}:${i & 255}\n`,
    );
    await writeFile(file('large.eamt'), lines.join(''));
    expect(await platypus('eamt', 'add', '--file', file('large.eamt'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/found 65537 entries, expected at most 65536 in one edit: .*siit\.eamtFile/),
    });
    expect(host.calls).not.toContain('configure');
  });

  test.each([
    [['session', 'list'], /there is no session table here: this translator is stateless/],
    [['bib', 'list'], /there is no BIB here/],
    [['pool4', 'list'], /there is no pool4 with ports here/],
  ])('%s is refused in a sentence', async (args, sentence) => {
    expect(await platypus(...args)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(sentence) });
  });

  test('status says what it is and leaves out what it has not', async () => {
    const { stdout } = await platypus('status');
    expect(stdout).toMatch(/^mode +siit \(stateless\)$/m);
    expect(stdout).toMatch(/^pool4 +198\.51\.100\.1\/32, 198\.51\.100\.8\/29$/m);
    expect(stdout).toMatch(/^eamt +2 entries$/m);
    expect(stdout).toMatch(/^announce +2001:db8:64::\/96, 198\.51\.100\.1\/32, 198\.51\.100\.8\/29$/m);
    expect(stdout).toMatch(/^path MTUs +3 of 4096$/m);
    expect(stdout).not.toMatch(/^(sessions|bib|hosts|stored SYNs)/m);
  });
});

test('eamt on a PLAT is refused in a sentence', async () => {
  await start('plat', '--pool6', '2001:db8:64::/96', '--pool4', '198.51.100.0/28', '--mss-clamp', '1300');
  expect(host.config?.mssClamp).toBe(1300);
  for (const args of [['list'], ['flush'], ['lookup', '::1'], ['add', '10.0.0.1', '::1']]) {
    expect(await platypus('eamt', ...args)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^platypus: there is no EAM table here: this translator is a PLAT/),
    });
  }
  expect((await platypus('status')).stdout).toMatch(/^mode +plat \(stateful NAT64\)$/m);
});
