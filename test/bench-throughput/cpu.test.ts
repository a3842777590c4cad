import { describe, expect, test } from 'vitest';
import { busySeconds, nanosecondsPerPacket, parseStat } from '../../bench/throughput/cpu.js';

const stat = (idle: number, iowait: number, steal: number) => `cpu  100 0 50 ${idle} ${iowait} 0 7 ${steal} 0 0
cpu0 50 0 25 ${idle / 2} 0 0 3 0 0 0
cpu1 50 0 25 ${idle / 2} 0 0 4 0 0 0
intr 12345 0 0
`;

describe('/proc/stat', () => {
  test('idle is idle and waiting for disks, in ticks of 10 ms', () => {
    expect(parseStat(stat(400, 20, 30))).toEqual({ idleSeconds: 4.2, stolenSeconds: 0.3, cores: 2 });
  });

  test('without the line there is an error that says so', () => {
    expect(() => parseStat('nothing')).toThrow('/proc/stat has no line "cpu"');
  });

  test('busy is all that was neither idle nor stolen, of all cores', () => {
    const before = parseStat(stat(400, 20, 30));
    const after = parseStat(stat(500, 20, 80));
    // 2 s of 2 cores, 1 s idle, 0.5 s stolen.
    expect(busySeconds(before, after, 2)).toBeCloseTo(2.5, 10);
  });

  test('is never less than nothing: ticks are coarser than the clock', () => {
    expect(busySeconds(parseStat(stat(400, 0, 0)), parseStat(stat(602, 0, 0)), 1)).toBe(0);
  });
});

describe('nanoseconds a packet', () => {
  const run = { busySeconds: 1.1, wallSeconds: 2, idleBusyCores: 0.05, packets: 1_000_000 };

  test('are net of what the machine does anyway', () => {
    expect(nanosecondsPerPacket(run)).toBeCloseTo(1000, 6);
  });

  test('below zero are told as they are: the machine was not quiet', () => {
    expect(nanosecondsPerPacket({ ...run, idleBusyCores: 1 })).toBeCloseTo(-900, 6);
  });

  test('of no packets are no number', () => {
    expect(nanosecondsPerPacket({ ...run, packets: 0 })).toBeNaN();
  });
});
