import { describe, expect, test } from 'vitest';
import type { Report } from '../../src/bench/report.js';
import type { Tester, TesterOptions } from '../../src/native/addon.js';
import { type FakeDevice, fakeDevice } from '../bench/device.js';
import { createFakeHost } from '../fakes/addon.js';
import { launch, run } from './run.js';

const siit = [
  ...['bench', 'siit'],
  ...['--v6', 'a:eth0', '--v4', 'b:eth1', '--pool6', '2001:db8:64::/96', '--pool4', '192.0.2.1'],
  ...['--client6', '2001:db8:1::1', '--server4', '198.51.100.1'],
];
const nat64 = siit.map((word) => (word === 'siit' ? 'nat64' : word));

/** A host whose testers are fakes over a device; `opened` is how each was. */
function hostOver(device: FakeDevice) {
  const opened: TesterOptions[] = [];
  const host = createFakeHost();
  host.tester = (): Tester => ({
    open: async (options) => void opened.push(options),
    run: ({ streams }) => device.engine.run({ streams }),
    abort: () => undefined,
    clearState: () => device.engine.clearState(),
    close: () => device.engine.close(),
  });
  return { host, opened };
}

describe('platypus bench', () => {
  test('--help tells a default as it is written', async () => {
    const { stdout } = await run(createFakeHost(), 'bench', '--help');
    expect(stdout).toMatch(/--resolution <percent> .*\(default: 1\)/);
  });

  test('prints the ceiling first, then a table', async () => {
    const { host, opened } = hostOver(fakeDevice({ throughput: 5000, tester: 100_000 }));
    const outcome = await run(host, ...siit, 'throughput', '--runs', '1', '--resolution', '0', '--quiet');
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const lines = outcome.stdout.split('\n');
    expect(lines.findIndex((line) => line.startsWith('tester'))).toBeLessThan(
      lines.findIndex((line) => line.startsWith('MEASUREMENT')),
    );
    expect(outcome.stdout).toMatch(/^tester's ceiling: 84 bytes, both: 5000 frames\/s in each direction$/m);
    expect(outcome.stdout).toMatch(/^not as the RFCs: trials of 5 s, not 60 s$/m);
    expect(outcome.stdout).toMatch(/^throughput +84 +both +- +5000 +5000 +5000 +frames\/s +1/m);
    expect(opened.map(({ loop }) => loop)).toEqual([false, true]);
  });

  test('--json is one object', async () => {
    const device = fakeDevice({ throughput: 5000 });
    const { host } = hostOver(device);
    const { stdout, stderr } = await run(host, ...siit, 'throughput', '--runs', '1', '--json');
    const report: Report = JSON.parse(stdout);
    expect(report).toMatchObject({
      translator: 'siit',
      ceilings: [{ frameBytes: 84 }],
      figures: [{ measurement: 'throughput' }],
    });
    expect(report.deviations).toContain('1 runs of each measurement, not 20');
    expect(stderr).toMatch(/^throughput 84 bytes, run 1: /m);
    // Both testers, the one on its own cable too.
    expect(device.closed).toBe(2);
  });

  test('options become sides, addresses and ports', async () => {
    const device = fakeDevice({ throughput: 5000 });
    const { host, opened } = hostOver(device);
    await run(
      host,
      ...siit,
      ...['latency', '--rate', '1000', '--runs', '1', '--size', '128,512', '--clients', '3', '--servers', '2'],
      ...['--client-ports', '2000-2999', '--server-ports', '53', '--flows', '30', '--duration', '0.5'],
      ...['--mac4', '02:00:00:00:00:09', '--cpu', '0,1', '--direction', '6to4'],
    );
    expect(opened[0]?.sides).toMatchObject([
      {
        device: 'eth0',
        namespace: 'a',
        nextHop: null,
        destination: '2001:db8:64::c633:6401',
        sendCpu: 0,
        receiveCpu: 1,
      },
      { device: 'eth1', namespace: 'b', nextHop: Uint8Array.of(2, 0, 0, 0, 0, 9), sendCpu: 0, receiveCpu: 1 },
    ]);
    const last = device.trials.at(-1)?.streams[0];
    expect(last).toMatchObject({
      frameBytes: [512],
      framesPerSecond: 1000,
      frames: 500,
      flows: 30,
      sourcePorts: { first: 2000, last: 2999 },
      destinationPorts: { first: 53, last: 53 },
    });
    expect(last?.sources).toHaveLength(3 * 16);
    expect(last?.destinations).toHaveLength(2 * 16);
  });

  test('the state table has room for the flows, and for the search of the capacity', async () => {
    for (const [name, flows] of [
      ['throughput', 1000],
      ['capacity', 8000],
    ] as const) {
      const { host, opened } = hostOver(fakeDevice({ throughput: 5000, capacity: 3000 }));
      await run(host, ...nat64, name, '--runs', '1', '--clear', 'true', '--max-flows', '8000');
      expect(opened[0]?.stateFlows).toBe(flows);
    }
  });

  test('all of a stateful translator, with a command that empties it', async () => {
    const { host } = hostOver(fakeDevice({ throughput: 5000, establishment: 60_000, capacity: 3000 }));
    const { code, stdout } = await run(host, ...nat64, 'all', '--runs', '1', '--clear', 'true', '--json', '--quiet');
    expect(code).toBe(0);
    const report: Report = JSON.parse(stdout);
    const names = new Set(report.figures.map(({ measurement }) => measurement));
    for (const name of ['throughput', 'loss', 'latency, typical', 'pdv', 'establishment'])
      expect(names).toContain(name);
  });

  test('a clearing command that fails ends it in a sentence', async () => {
    const { host } = hostOver(fakeDevice());
    const outcome = await run(host, ...nat64, 'capacity', '--clear', 'echo no such table >&2; exit 3', '--quiet');
    expect(outcome).toMatchObject({
      code: 1,
      stderr: 'platypus: the measurement failed: the command of --clear failed: it ended with 3 (no such table)\n',
    });
  });

  test('an interrupt ends the trial, closes the engine and exits with 1', async () => {
    const device = fakeDevice();
    const { host } = hostOver(device);
    const tester = host.tester;
    let aborted: (() => void) | undefined;
    host.tester = () => ({
      ...tester(),
      run: () =>
        new Promise(
          (resolve) => (aborted = () => resolve({ streams: [], receivers: [], stateSize: 0, aborted: true })),
        ),
      abort: () => aborted?.(),
    });
    const running = launch(host, [...siit, 'throughput']);
    await expect.poll(() => aborted).toBeDefined();
    running.signal('SIGINT');
    expect(await running.ended).toMatchObject({
      code: 1,
      stderr: 'platypus: stopped before the measurement was complete\n',
    });
    expect(device.closed).toBe(2);
  });

  test.each([
    [[...siit, 'speed'], 2, /'speed' is invalid for argument 'measurement'/],
    [
      [...siit, 'capacity'],
      1,
      /found capacity of a stateless translator, expected throughput, loss, latency, pdv or all/,
    ],
    [[...nat64, 'capacity'], 1, /capacity needs an empty table before each trial, expected --clear COMMAND/],
    [[...siit, 'loss', '--flows', '9', '--client-ports', '1-2', '--server-ports', '1-4'], 1, /expected at most 8:/],
    [[...siit, 'loss', '--size', '83'], 2, /frame sizes of the IPv6 side from 84 to 9216/],
    [[...siit, 'loss', '--size', 'big'], 2, /expected rfc8219, or frame sizes/],
    [[...siit, 'loss', '--pool6', '2001:db8::/95'], 2, /length 32, 40, 48, 56, 64 or 96/],
    [[...siit, 'loss', '--client6', '192.0.2.1'], 2, /expected an IPv6 address/],
    [[...siit, 'loss', '--server4', '::1'], 2, /expected an IPv4 address/],
    [[...siit, 'loss', '--duration', '0'], 2, /expected seconds from 0.1 to 3600/],
    [[...siit, 'loss', '--loss-tolerance', '70'], 2, /expected a percentage from 0 to 50/],
    [[...siit, 'loss', '--mac6', 'x'], 2, /expected a link layer address/],
    [[...siit, 'loss', '--cpu', '1'], 2, /expected two processors/],
    [[...siit, 'loss', '--runs', '0'], 2, /expected a whole number from 1 to 1000/],
    [[...siit, 'loss', '--client-ports', '9-1'], 2, /expected a port or a range/],
    [[...siit, 'loss', '--v6', 'a b'], 1, /--v6: found "a b", expected an interface such as eth0/],
    [
      [...siit.filter((word) => !['--pool4', '192.0.2.1'].includes(word)), 'loss'],
      1,
      /expected the IPv4 address of the first/,
    ],
    [['bench', 'siit', 'loss'], 2, /required option '--v6/],
  ])('%s is refused in a sentence', async (args, code, sentence) => {
    const { host, opened } = hostOver(fakeDevice());
    expect(await run(host, ...args)).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(sentence) });
    expect(opened).toEqual([]);
  });
});
