/** BFD sessions of the addon with BIRD at the other end of a cable, 50 ms × 3. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cable, type Host, missing, openHost } from '../../lab/host.js';
import { root } from '../../lab/plat.js';
import type { Service } from '../../lab/process.js';
import type { BfdChange, BfdCounters, BfdRow, BfdSessionOptions } from '../../src/native/addon.js';
import { eventually } from './network.js';

const lacking = missing();
const agent = join(root, 'test', 'e2e', 'agents', 'bfd.mjs');

const birdConfig = `
log stderr all;
router id 192.0.2.2;
protocol device { }
protocol bfd {
  interface "b0" { interval 50 ms; idle tx interval 1 s; multiplier 3; };
  neighbor 192.0.2.1 dev "b0";
  neighbor fe80::1 dev "b0";
}
`;

const timing = { intervalUs: 50_000, multiplier: 3 };
const sessions: BfdSessionOptions[] = [
  { remote: '192.0.2.2', local: '192.0.2.1', device: 'p0', ...timing },
  { remote: 'fe80::2', local: 'fe80::1', device: 'p0', ...timing },
];

type Told = BfdChange & { atMs: number };

describe.skipIf(lacking !== null)('BFD beside BIRD', () => {
  let plat: Host;
  let router: Host;
  let folder: string;
  let bird: Service;
  let ours: Service;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'platypus-bfd-'));
    await writeFile(join(folder, 'bird.conf'), birdConfig);
    plat = await openHost('plat');
    router = await openHost('router');
    await cable(
      { host: plat, name: 'p0', addresses: ['192.0.2.1/24', 'fe80::1/64'] },
      { host: router, name: 'b0', addresses: ['192.0.2.2/24', 'fe80::2/64'] },
    );
  });
  afterAll(async () => {
    await plat?.close();
    await router?.close();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await bird?.stop();
    await ours?.stop();
    bird = router.start(['bird', '-f', '-c', join(folder, 'bird.conf'), '-s', join(folder, 'bird.ctl')]);
    ours = plat.start(['node', agent, ...sessions.map((session) => JSON.stringify(session))]);
    await ours.output(/^ready$/m);
    await eventually(
      () => setImmediate().then(changes),
      (told) => [1, 2].every((id) => told.some((change) => change.id === id && change.state === 'up')),
    );
  });

  const changes = () => [...ours.stdout.matchAll(/^change (.*)$/gm)].map(([, text]) => JSON.parse(text ?? '') as Told);
  const falls = () => changes().filter(({ state }) => state === 'down');

  async function rows(): Promise<{ rows: BfdRow[]; counters: BfdCounters }> {
    const before = ours.stdout.length;
    ours.write('rows\n');
    return eventually(
      () => setImmediate().then(() => JSON.parse(ours.stdout.slice(before).match(/^rows (.*)$/m)?.[1] ?? 'null')),
      (answer) => answer !== null,
    );
  }

  /** The states of its sessions as BIRD lists them, by neighbour. */
  async function birdStates(): Promise<Record<string, string>> {
    const { stdout } = await router.run(['birdc', '-s', join(folder, 'bird.ctl'), 'show', 'bfd', 'sessions']);
    return Object.fromEntries(
      [...stdout.matchAll(/^(\S+)\s+b0\s+(\S+)/gm)].map(([, address, state]) => [address, state]),
    );
  }

  const listed = (states: Record<string, string>, state: string) =>
    Object.values(states).length === 2 && Object.values(states).every((each) => each === state);

  test('BGP-BFD-07, BGP-BFD-11 both families come Up, at the agreed pace', async () => {
    expect(await eventually(birdStates, (states) => listed(states, 'Up'))).toEqual({
      '192.0.2.1': 'Up',
      'fe80::1': 'Up',
    });
    // The Poll Sequences at both ends are over.
    const settled = await eventually(rows, (now) => now.rows.every((row) => row.detectionTimeUs === 150_000));
    for (const row of settled.rows) {
      expect(row).toMatchObject({ state: 'up', remoteState: 'up', diagnostic: 0, sendIntervalUs: 50_000 });
    }
    expect(settled.counters).toMatchObject({ hop_limit: 0, length: 0, unknown_session: 0, send_failed: 0 });
  });

  test('an event loop that is blocked for two seconds does not drop the sessions', async () => {
    await eventually(rows, (now) => now.rows.every((row) => row.detectionTimeUs === 150_000));
    const before = await rows();
    ours.write('block 2000\n');
    await ours.output(/^blocked$/m);
    const after = await rows();
    expect(falls()).toEqual([]);
    expect(after.rows.map((row) => row.transitions)).toEqual(before.rows.map((row) => row.transitions));
    expect(after.rows.map((row) => row.state)).toEqual(['up', 'up']);
    expect(await birdStates()).toEqual({ '192.0.2.1': 'Up', 'fe80::1': 'Up' });
  });

  test('BGP-BFD-06 BIRD is killed → Down with diagnostic 1', async () => {
    await eventually(rows, (now) => now.rows.every((row) => row.detectionTimeUs === 150_000));
    const killedMs = Date.now();
    bird.signal('SIGKILL');
    const told = await eventually(
      () => setImmediate().then(falls),
      (list) => list.length === 2,
    );
    expect(told.map(({ diagnostic }) => diagnostic)).toEqual([1, 1]);
    console.log(
      `BFD, 50 ms × 3: down ${told.map(({ atMs }) => atMs - killedMs).join(' and ')} ms after kill -9 of BIRD`,
    );
  });

  test('BGP-BFD-15 a removed session is AdminDown to BIRD', async () => {
    ours.write('remove\n');
    await eventually(birdStates, (now) => listed(now, 'Down'));
    expect((await rows()).rows).toEqual([]);
  });

  test('close() lets the process end', async () => {
    ours.write('close\n');
    expect(await ours.exited).toMatchObject({ ok: true });
    await eventually(birdStates, (now) => listed(now, 'Down'));
  });
});
