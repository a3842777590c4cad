/** What the readiness gate is told of translator and DNS64 server. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLook, factsOf, percentOf, type Watched } from '../../src/cli/facts.js';
import type { Pool4Row } from '../../src/native/addon.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ROW: Pool4Row = {
  v4: '192.0.2.1',
  portMin: 1,
  portMax: 1000,
  hosts: 1,
  used: { tcp: 500, udp: 100, icmp: 0 },
};

interface Keys {
  mode?: 'plat' | 'siit';
  alive?: boolean;
  sizes?: () => Promise<{ sessions: number }>;
}

function watched({ mode = 'plat', alive = true, sizes = async () => ({ sessions: 7 }) }: Keys = {}): Watched {
  const dataplane = { alive: () => alive, sizes, pool4: async () => [ROW] };
  return { service: { mode, dataplane }, dns64: null } as unknown as Watched;
}

function names(alive: boolean, usable: boolean | null): Watched {
  const report = async () => {
    if (usable === null) throw new Error('none of its threads runs');
    return { usable };
  };
  return { service: null, dns64: { alive: () => alive, report } } as unknown as Watched;
}

test('a PLAT tells of its workers, its pool4 and its sessions', async () => {
  expect(factsOf(watched())).toEqual(['workers', 'pool4']);
  expect(await createLook(watched())()).toEqual({
    workers: { ok: true, detail: 'all run' },
    sessions: 7,
    pool4Percent: 50,
  });
});

test('a stateless translator has no pool4 to fill', async () => {
  expect(factsOf(watched({ mode: 'siit' }))).toEqual(['workers']);
  expect(await createLook(watched({ mode: 'siit' }))()).not.toHaveProperty('pool4Percent');
});

test('a worker that has ended', async () => {
  expect(await createLook(watched({ alive: false }))()).toEqual({ workers: { ok: false, detail: 'one has ended' } });
});

test('a worker that runs but does not answer is not ready, and is not asked again meanwhile', async () => {
  let asked = 0;
  let answer: (sizes: { sessions: number }) => void = () => {};
  const look = createLook(
    watched({
      sizes() {
        asked += 1;
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
    }),
  );
  for (let round = 0; round < 3; round++) {
    const facts = look();
    await vi.advanceTimersByTimeAsync(2000);
    expect(await facts).toEqual({ workers: { ok: false, detail: 'no answer within 2 s' } });
  }
  expect(asked).toBe(1);
  answer({ sessions: 3 });
  await vi.advanceTimersByTimeAsync(0);
  const facts = look();
  answer({ sessions: 4 });
  expect(await facts).toMatchObject({ workers: { ok: true }, sessions: 4 });
});

test.each([
  [true, true, { ok: true, detail: 'answers' }],
  [true, false, { ok: false, detail: 'no upstream answers' }],
  [true, null, { ok: false, detail: 'none of its threads answers' }],
  [false, true, { ok: false, detail: 'a thread of it has ended' }],
])('a DNS64 server that is alive: %s, usable: %s', async (alive, usable, expected) => {
  expect(factsOf(names(alive, usable))).toEqual(['dns64']);
  expect(await createLook(names(alive, usable))()).toEqual({ dns64: expected });
});

test('a DNS64 server that waits for the first answer of its resolvers says nothing yet', async () => {
  const dns64 = { alive: () => true, report: async () => ({ usable: null }) };
  expect(await createLook({ service: null, dns64 } as unknown as Watched)()).toEqual({});
});

test('pool4 is as full as its fullest protocol, over all addresses', () => {
  expect(percentOf([ROW, { ...ROW, used: { tcp: 0, udp: 900, icmp: 0 } }])).toBe(50);
  expect(percentOf([])).toBe(100);
});
