/** `platypus neighbor list` and the announcer's lines of `platypus status`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AnnouncerStatus } from '../../src/bgp-lite/announcer.js';
import type { AnnouncerService } from '../../src/bgp-lite/service.js';
import { createTarget } from '../../src/cli/target.js';
import { type ControlServer, startControl } from '../../src/control/server.js';
import { createFakeHost } from '../fakes/addon.js';
import { run } from './run.js';

let folder: string;
let server: ControlServer | null;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platypus-neighbor-'));
  server = null;
});
afterEach(async () => {
  await server?.close();
  await rm(folder, { recursive: true });
});

interface Seen {
  bgp?: Partial<AnnouncerStatus['bgp'][number]>[];
  interfaces?: Partial<AnnouncerStatus['ospf']['interfaces'][number]>[];
}

/** What a command prints where an announcer runs that says so, its lines split into words. */
async function told(command: string[], { bgp = [], interfaces = [] }: Seen): Promise<string[]> {
  const status = { drain: { state: 'none' }, prefixes: [], bgp, ospf: { interfaces, neighbors: [] } };
  const announcer = { status: async () => status, alive: () => true } as unknown as AnnouncerService;
  const none = { service: null, dns64: null, clat: null, responder: null, addon: null, file: null };
  const target = createTarget({ ...none, announcer, reload: async () => ({ changes: [], warnings: [] }) });
  const socket = join(folder, 'control.sock');
  server = await startControl(socket, target, () => {});
  const { stdout } = await run(createFakeHost(), '--socket', socket, ...command);
  return stdout.trimEnd().split('\n');
}

const idle = (held: string | null, error: string | null) => ({
  name: 'upstream',
  internal: false,
  state: 'Idle' as const,
  sinceMs: Date.now(),
  held,
  lastError: error === null ? null : { text: error, atMs: 0, direction: 'local' as const, code: null, subcode: null },
});

test.each([
  ['waits after a failure', 'connection refused', 'connection refused (waits after a failure)'],
  ['waits for BFD', null, 'waits for BFD'],
  ['shut down by the operator', 'shut down by the operator', 'shut down by the operator'],
  [null, 'connection refused', 'connection refused'],
])('a BGP neighbour that is Idle: held %j, last error %j', async (held, error, info) => {
  const [, row] = await told(['neighbor', 'list'], { bgp: [idle(held, error)] });
  expect(row?.split(/ {2,}/).at(-1)).toBe(info);
});

const eht0 = { version: 2, name: 'eht0', state: 'down', lastError: 'there is no such device' } as const;
const eth1 = { version: 2, name: 'eth1', state: 'dr-other', lastError: null } as const;

describe('an OSPF interface that is down', () => {
  test('is a row of neighbor list', async () => {
    const [, ...rows] = await told(['neighbor', 'list'], { interfaces: [eht0, eth1] });
    expect(rows).toEqual([expect.stringMatching(/^eht0 +OSPFv2 +down +there is no such device$/)]);
  });

  test('is a line of status', async () => {
    const lines = await told(['status'], { interfaces: [eht0, eth1] });
    expect(lines.filter((line) => line.includes('ospf'))).toEqual([
      expect.stringMatching(/^ospf eht0 +OSPFv2 is down \(there is no such device\)$/),
    ]);
  });
});
