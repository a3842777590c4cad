import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeHost, type FakeHost, systemError } from '../fakes/addon.js';
import { launch, type Running, run } from './run.js';

let host: FakeHost;
let folder: string;
let socket: string;
let running: Running | null;

beforeEach(async () => {
  host = createFakeHost();
  folder = await mkdtemp(join(tmpdir(), 'platypus-cli-'));
  socket = join(folder, 'control.sock');
  running = null;
});
afterEach(async () => {
  running?.signal('SIGTERM');
  await running?.ended;
  await rm(folder, { recursive: true });
});

const POOLS = ['--pool6', '2001:db8:64::/96', '--pool4', '198.51.100.0/28'];
const file = () => join(folder, 'platypus.yaml');
const yaml = (plat: string) => `plat:\n  pool6: 2001:db8:64::/96\n${plat}control: { socket: ${socket} }\n`;

async function start(...args: string[]): Promise<Running> {
  running = launch(host, args);
  await running.says(/translating on/);
  return running;
}

describe('platypus plat', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it with 0 and leaves nothing behind', async (signal) => {
    const before = JSON.stringify([host.links, host.routes]);
    const plat = await start('plat', ...POOLS, '--socket', socket);
    expect(host.routes.map(({ destination }) => destination)).toContain('198.51.100.0');
    plat.signal(signal);
    expect(await plat.ended).toMatchObject({ code: 0, stdout: '' });
    expect(JSON.stringify([host.links, host.routes])).toBe(before);
    expect(host.open).toBe(0);
    await expect(access(socket)).rejects.toThrow();
  });

  test('options become the configuration', async () => {
    const options = [
      '--device',
      'nat64',
      '--mtu6',
      '1600',
      '--mtu4',
      '1400',
      '--allow-non-global',
      '--log-level',
      'debug',
    ];
    await start('plat', ...POOLS, '--pool4', '198.51.100.64/30#2000-3000', ...options, '--socket', socket);
    expect(host.links.map(({ name }) => name)).toContain('nat64');
    expect(host.config).toMatchObject({
      mtu6: 1600,
      mtu4: 1400,
      allowNonGlobal: true,
      pool4: [{ address: '198.51.100.0' }, { address: '198.51.100.64', portMin: 2000, portMax: 3000 }],
    });
  });

  test('the socket may come from PLATYPUS_SOCKET', async () => {
    running = launch(host, ['plat', ...POOLS], { environment: { PLATYPUS_SOCKET: socket } });
    await running.says(/translating on/);
    await expect(access(socket)).resolves.toBeUndefined();
  });

  test.each([
    [
      'N64-GEN-01 no pool4',
      ['plat', '--pool6', '2001:db8:64::/96'],
      1,
      /^platypus: command line: --pool4: found nothing/,
    ],
    [
      'SIIT-ADDR-01 a wrong prefix',
      ['plat', '--pool6', '2001:db8::/95', '--pool4', '198.51.100.1'],
      1,
      /--pool6: found "2001:db8::\/95"/,
    ],
    ['a wrong device', ['plat', ...POOLS, '--device', 'a/b'], 1, /--device: found "a\/b"/],
    ['a relative socket', ['plat', ...POOLS, '--socket', 'x.sock'], 1, /--socket: found "x\.sock"/],
    ['an unknown option', ['plat', ...POOLS, '--pool5', 'x'], 2, /^platypus: unknown option '--pool5'/],
    ['a number that is none', ['plat', ...POOLS, '--mtu6', 'large'], 2, /expected a whole number/],
  ])('%s is refused in a sentence', async (_name, args, code, sentence) => {
    const outcome = await run(host, ...args);
    expect(outcome).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(sentence) });
    expect(host.calls).toEqual([]);
  });

  test('missing privileges end it with 1 and one sentence, and no socket is left', async () => {
    host.fail = (call) => (call === 'open platypus' ? systemError('EPERM') : undefined);
    const outcome = await run(host, 'plat', ...POOLS, '--socket', join(folder, 'made', 'control.sock'));
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^platypus: cannot open the device "platypus": not permitted, .*CAP_NET_ADMIN\n$/);
    expect(host.open).toBe(0);
    await expect(access(join(folder, 'made'))).rejects.toThrow();
  });

  test('a control socket that another answers on ends it before a device is opened', async () => {
    await start('plat', ...POOLS, '--socket', socket);
    const other = createFakeHost();
    const outcome = await run(other, 'plat', ...POOLS, '--device', 'other', '--socket', socket);
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringMatching(/another process answers/) });
    expect(other.calls).toEqual([]);
  });

  test('a control socket that cannot be made takes the device away again', async () => {
    await writeFile(join(folder, 'file'), '');
    const outcome = await run(host, 'plat', ...POOLS, '--socket', join(folder, 'file', 'x.sock'));
    expect(outcome.code).toBe(1);
    expect(host.open).toBe(0);
  });

  test('a worker that dies ends it with 1 and leaves nothing behind', async () => {
    const plat = await start('plat', ...POOLS, '--socket', socket);
    host.alive = false;
    expect(await plat.ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/a worker thread .* has ended/) });
    expect(host.open).toBe(0);
  });

  test('SIGHUP without a file changes nothing', async () => {
    const plat = await start('plat', ...POOLS, '--socket', socket);
    plat.signal('SIGHUP');
    await plat.says(/no file to reload/);
    expect(host.calls).not.toContain('configure');
  });
});

describe('platypus run', () => {
  beforeEach(() => writeFile(file(), yaml('  pool4: 198.51.100.0/28\n')));

  test('SIGHUP applies the file anew', async () => {
    const service = await start('run', '-c', file());
    await writeFile(file(), yaml('  pool4: [ 198.51.100.0/28, 198.51.100.32/30 ]\n'));
    service.signal('SIGHUP');
    await service.says(/plat\.pool4: added 198\.51\.100\.32\/30/);
    expect(host.config?.pool4).toHaveLength(2);
  });

  test('SIGHUP with a broken file says where, and keeps the running state', async () => {
    const service = await start('run', '-c', file());
    await writeFile(file(), yaml('  pool4: 198.51.100.0/99\n'));
    service.signal('SIGHUP');
    await service.says(/platypus\.yaml:3:10: plat\.pool4/);
    expect(host.calls).not.toContain('configure');
  });

  test('`platypus reload` applies the file anew', async () => {
    await start('run', '-c', file());
    await writeFile(file(), yaml('  pool4: 198.51.100.0/28\n  mtu4: 1400\n'));
    expect(await run(host, 'reload', '--socket', socket)).toMatchObject({
      code: 0,
      stdout: 'plat.mtu4: 1500 became 1400\n',
    });
    expect(await run(host, 'reload', '--socket', socket)).toMatchObject({ code: 0, stdout: 'nothing changed\n' });
  });

  test('`platypus reload` refuses in a sentence what needs a restart', async () => {
    await start('run', '-c', file());
    await writeFile(file(), yaml('  pool4: 198.51.100.0/28\n  limits: { sessions: 9 }\n'));
    expect(await run(host, 'reload', '--socket', socket)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^platypus: nothing was changed: plat\.limits .*restart to apply it\n$/),
    });
    expect(host.calls).not.toContain('configure');
  });

  test('--socket goes before the file’s socket, also on reload', async () => {
    const other = join(folder, 'other.sock');
    await start('run', '-c', file(), '--socket', other);
    expect(await run(host, 'reload', '--socket', other)).toMatchObject({ code: 0 });
  });

  test('a file with mistakes ends it with 1 and all of them', async () => {
    await writeFile(file(), 'plat:\n  pool6: 2001:db8::/97\n  pool4: [ 192.0.2.0/99 ]\n  colour: green\n');
    const outcome = await run(host, 'run', '-c', file());
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(
      /platypus\.yaml:2:10: .*\n.*platypus\.yaml:3:12: .*\n.*platypus\.yaml:4:3: .*"colour".*\n$/,
    );
    expect(host.calls).toEqual([]);
  });
});

describe('platypus check', () => {
  test('a valid file is said to be so', async () => {
    await writeFile(file(), yaml('  pool4: 198.51.100.0/28\n'));
    expect(await run(host, 'check', file())).toEqual({ code: 0, stdout: `${file()}: valid\n`, stderr: '' });
  });

  test('warnings come before', async () => {
    await writeFile(file(), 'plat: { pool4: 192.0.2.0/28 }\n');
    expect((await run(host, 'check', file())).stdout).toMatch(
      /: warning: pool4 192\.0\.2\.0\/28 is not global.*\n.*: valid\n$/,
    );
  });

  test('a file that is not there ends it with 1', async () => {
    expect(await run(host, 'check', '/nowhere/p.yaml')).toMatchObject({
      code: 1,
      stderr: 'platypus: /nowhere/p.yaml: there is no such file, expected a YAML file that can be read\n',
    });
  });
});
