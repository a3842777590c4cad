import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { between, findPathMtu } from '../../src/doctor/probes/path-mtu.js';

/** A path that takes so many bytes, whose routers tell these MTUs one after the other. */
function path({ takes, own = 1500, tells = [] }: { takes: number; own?: number; tells?: number[] }) {
  const tried: number[] = [];
  let known = own;
  const left = [...tells];
  return {
    tried,
    probe: {
      mostBytes: 1500,
      leastBytes: 148,
      arrives: async (bytes: number) => {
        tried.push(bytes);
        if (bytes <= takes) return true;
        // A router tells whoever sends more than its link takes.
        if (left[0] !== undefined && bytes > left[0]) known = left.shift() as number;
        return false;
      },
      known: async () => known,
    },
  };
}

describe('the path MTU', () => {
  test('one packet is enough where the longest arrives', async () => {
    const { probe, tried } = path({ takes: 1500 });
    expect(await findPathMtu(probe)).toEqual({ bytes: 1500, triedBytes: 1500, toldBytes: null, own: false });
    expect(tried).toEqual([1500]);
  });

  test('ICMP tells it, in steps', async () => {
    const { probe, tried } = path({ takes: 1380, tells: [1480, 1380] });
    expect(await findPathMtu(probe)).toEqual({ bytes: 1380, triedBytes: 1500, toldBytes: 1380, own: false });
    expect(tried).toEqual([1500, 1480, 1380]);
  });

  test('the own route is narrower', async () => {
    const { probe } = path({ takes: 1472, own: 1472 });
    expect(await findPathMtu(probe)).toEqual({ bytes: 1472, triedBytes: 1500, toldBytes: null, own: true });
  });

  test('nobody tells: searched for', async () => {
    const { probe } = path({ takes: 1380 });
    expect(await findPathMtu(probe)).toEqual({ bytes: 1380, triedBytes: 1500, toldBytes: null, own: false });
  });

  test('what is told is a lie', async () => {
    const { probe } = path({ takes: 1300, tells: [1480] });
    expect(await findPathMtu(probe)).toEqual({ bytes: 1300, triedBytes: 1500, toldBytes: 1480, own: false });
  });

  test('what was told before is a lie', async () => {
    const { probe } = path({ takes: 1300, own: 1480 });
    expect(await findPathMtu(probe)).toEqual({ bytes: 1300, triedBytes: 1500, toldBytes: null, own: false });
  });

  test('nothing arrives', async () => {
    const { probe, tried } = path({ takes: 0 });
    expect(await findPathMtu(probe)).toMatchObject({ bytes: null });
    expect(tried).toEqual([1500, 148]);
  });

  test('is found to four bytes, by at most 40 packets, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 148, max: 1499 }), async (takes) => {
        const { probe, tried } = path({ takes });
        expect((await findPathMtu(probe)).bytes).toBe(takes - (takes % 4));
        expect(tried.length).toBeLessThanOrEqual(40);
      }),
    );
  });

  test('a router that tells another MTU each time ends the asking', async () => {
    const { probe, tried } = path({ takes: 200, tells: Array.from({ length: 100 }, (_, index) => 1496 - index * 4) });
    expect((await findPathMtu(probe)).bytes).toBe(200);
    expect(tried.length).toBeLessThanOrEqual(50);
  });
});

test('sizes between two that are known', () => {
  expect(between(100, 104)).toEqual([]);
  expect(between(100, 112)).toEqual([104, 108]);
  expect(between(148, 1500)).toEqual([340, 536, 728, 920, 1112, 1308]);
});
