import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { configFile, type Plat, platypus, program, startPlat } from '../../lab/plat.js';
import type { Outcome } from '../../lab/process.js';
import { customer6, type Network, pool4, pool6, server4, through } from '../../lab/topology.js';
import { askUdp, ping, startServers, whoami } from '../../lab/traffic.js';
import { eventually, onBareNetwork } from './network.js';

const there = through(server4);

/** A configuration file with this pool4 and more keys of `plat`. */
function config(pool: string, more = ''): string {
  return `plat:\n  pool6: ${pool6}\n  pool4: [ ${pool} ]\n${more}`;
}

/** Devices, addresses and routes of the PLAT's host, as they are. */
async function hostState({ plat }: Network): Promise<string> {
  return plat.script('ip -br link; ip -br address; ip -4 route show table all; ip -6 route show table all');
}

/** One sentence for people: no stack trace, no empty word. */
function expectSentence(outcome: Outcome, pattern: RegExp): void {
  expect(outcome.ok).toBe(false);
  expect(outcome.signal).toBeNull();
  expect(outcome.stderr).toMatch(pattern);
  expect(outcome.stderr).not.toMatch(/^\s+at /m);
}

onBareNetwork('lifecycle', {}, (at) => {
  let plat: Plat | undefined;
  beforeAll(() => startServers(at().server));
  afterEach(async () => {
    await plat?.stop();
    plat = undefined;
  });

  test('SIGTERM ends it with 0 and leaves no device, no address, no route, no socket', async () => {
    const before = await hostState(at());
    plat = await startPlat(at());
    expect(await hostState(at())).toContain('platypus');
    await ping(at().customer, there);
    plat.service.signal('SIGTERM');
    const outcome = await plat.service.exited;
    expect(outcome).toMatchObject({ code: 0 });
    expect(await hostState(at())).toBe(before);
    expect(await at().plat.script(`[ -e ${plat.socket} ] && echo there || echo gone`)).toBe('gone\n');
  });

  test('SIGINT does the same', async () => {
    const before = await hostState(at());
    plat = await startPlat(at());
    plat.service.signal('SIGINT');
    expect(await plat.service.exited).toMatchObject({ code: 0 });
    expect(await hostState(at())).toBe(before);
  });

  test('after kill -9 nothing of the device is left, and a restart works at once', async () => {
    const before = await hostState(at());
    plat = await startPlat(at());
    await whoami(at().customer);
    plat.service.signal('SIGKILL');
    await plat.service.exited;
    expect(await hostState(at())).toBe(before);
    plat = await startPlat(at());
    expect(await whoami(at().customer)).toMatch(/^192\.0\.2\./);
    await ping(at().customer, there);
  });

  describe('with a file', () => {
    let running: Plat;
    beforeEach(async () => {
      running = await startPlat(at(), { config: config(pool4) });
      plat = running;
    });
    const reload = async (text: string) => {
      await writeFile(configFile(at()), text);
      return running.platypus('reload');
    };
    const pool4Now = async () => (await running.platypus('pool4', 'list', '--json')).stdout;

    test('`platypus reload` applies the file anew, and a flow goes on', async () => {
      await askUdp(at().customer, 64);
      const sessions = (await running.json<unknown[]>('session', 'list')).length;
      expect(await reload(config(`${pool4}, 192.0.2.64/30`))).toMatchObject({ ok: true });
      expect(await pool4Now()).toContain('192.0.2.64');
      expect((await running.json<unknown[]>('session', 'list')).length).toBe(sessions);
      await askUdp(at().customer, 64);
    });

    test('SIGHUP does the same', async () => {
      // The customer gets its pool4 address before: nobody routes the new ones back.
      await askUdp(at().customer, 64);
      await writeFile(configFile(at()), config(`${pool4}, 192.0.2.64/30`));
      running.service.signal('SIGHUP');
      await eventually(pool4Now, (list) => list.includes('192.0.2.64'));
      await ping(at().customer, there);
    });

    test('a change that needs a restart is refused in a sentence, and nothing changes, not even the rest of it', async () => {
      const [list, state] = [await pool4Now(), await hostState(at())];
      const refused = await reload(config(`${pool4}, 192.0.2.64/30`, '  limits: { sessions: 1000 }\n'));
      expectSentence(refused, /limits.*restart/);
      expect(await pool4Now()).toBe(list);
      expect(await hostState(at())).toBe(state);
      await ping(at().customer, there);
    });

    test('a broken file is refused with file, line and column, and nothing changes', async () => {
      const list = await pool4Now();
      expectSentence(await reload(config('192.0.2.0/99')), /platypus\.yaml:3:\d+.*192\.0\.2\.0\/99/);
      expectSentence(await reload('plat: [\n'), /platypus\.yaml:/);
      expect(await pool4Now()).toBe(list);
      await ping(at().customer, there);
    });

    test('SIGHUP with a broken file keeps the running state', async () => {
      await writeFile(configFile(at()), config('192.0.2.0/99'));
      running.service.signal('SIGHUP');
      await running.service.output(/192\.0\.2\.0\/99/);
      await ping(at().customer, there);
    });

    test('N64-PORT-19 `pool4 add` and `pool4 remove` work live, with their routes', async () => {
      const route = () => at().plat.script('ip route show 192.0.2.128/28');
      expect(await running.platypus('pool4', 'add', '192.0.2.128/28')).toMatchObject({ ok: true });
      expect(await route()).toContain('platypus');
      expect(await running.platypus('pool4', 'remove', '192.0.2.128/28')).toMatchObject({ ok: true });
      expect(await route()).toBe('');
      expectSentence(await running.platypus('pool4', 'remove', '192.0.2.128/28'), /192\.0\.2\.128\/28/);
      expectSentence(await running.platypus('pool4', 'add', 'nonsense'), /nonsense/);
      await ping(at().customer, there);
    });
  });

  describe('refuses to start and leaves nothing behind:', () => {
    const start = (...args: string[]) => platypus(at().plat, ['plat', '--pool6', pool6, '--pool4', pool4, ...args]);
    let before = '';
    beforeAll(async () => {
      before = await hostState(at());
    });
    afterEach(async () => {
      expect(await hostState(at())).toBe(before);
    });
    const socket = () => join(at().folder, 'refused.sock');

    test('a pool4 that holds an address of this host', async () => {
      const outcome = await platypus(at().plat, [
        ...['plat', '--pool6', pool6, '--pool4', '203.0.113.0/30', '--socket', socket()],
      ]);
      expectSentence(outcome, /203\.0\.113\.1/);
    });

    test('a pool6 that holds an address of this host', async () => {
      const outcome = await platypus(at().plat, [
        ...['plat', '--pool6', '2001:db8:1::/96', '--pool4', pool4, '--socket', socket()],
      ]);
      expectSentence(outcome, /2001:db8:1::1/);
    });

    test('a device name that another translator uses', async () => {
      plat = await startPlat(at());
      const outcome = await platypus(at().plat, [
        ...['plat', '--pool6', '2001:db8:65::/96', '--pool4', '192.0.2.32/28', '--socket', socket()],
      ]);
      expectSentence(outcome, /"platypus".*in use/);
      await ping(at().customer, there);
      await plat.stop();
    });

    test('a device name that an interface has', async () => {
      expectSentence(await start('--socket', socket(), '--device', 'internet'), /"internet"/);
    });

    test('a control socket that another translator answers on', async () => {
      plat = await startPlat(at());
      const outcome = await platypus(at().plat, [
        ...[
          'plat',
          '--pool6',
          '2001:db8:65::/96',
          '--pool4',
          '192.0.2.32/28',
          '--device',
          'other',
          '--socket',
          plat.socket,
        ],
      ]);
      expectSentence(outcome, /socket/);
      await plat.stop();
    });

    test('no privilege', async () => {
      const outcome = await at().plat.run([
        ...['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'],
        ...[process.execPath, program, 'plat', '--pool6', pool6, '--pool4', pool4, '--socket', socket()],
      ]);
      expectSentence(outcome, /CAP_NET_ADMIN/);
    });

    test('N64-GEN-01 no pool4', async () => {
      expectSentence(await platypus(at().plat, ['plat', '--pool6', pool6, '--socket', socket()]), /pool4/);
    });

    test('a file that is not there', async () => {
      expectSentence(await platypus(at().plat, ['run', '-c', '/nowhere/platypus.yaml']), /\/nowhere\/platypus\.yaml/);
    });

    test('a file with mistakes: all are told, with line and column', async () => {
      const file = join(at().folder, 'mistakes.yaml');
      await writeFile(file, 'plat:\n  pool6: 2001:db8::/97\n  pool4: [ 192.0.2.0/99 ]\n  colour: green\n');
      for (const command of [
        ['run', '-c', file],
        ['check', file],
      ]) {
        const outcome = await platypus(at().plat, command);
        expectSentence(outcome, /mistakes\.yaml:2:\d+/);
        expectSentence(outcome, /mistakes\.yaml:3:\d+/);
        expectSentence(outcome, /mistakes\.yaml:4:\d+.*colour/);
      }
    });
  });

  test('a command without a running translator says so', async () => {
    const outcome = await platypus(at().plat, ['status', '--socket', join(at().folder, 'nobody.sock')]);
    expectSentence(outcome, /nobody\.sock/);
  });

  test('the demo customer is still what it was', async () => {
    plat = await startPlat(at());
    expect((await plat.json<{ v6: string }[]>('session', 'list')).map(({ v6 }) => v6)).not.toContain(customer6);
    await ping(at().customer, there);
  });
});
