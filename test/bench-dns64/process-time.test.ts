import { describe, expect, test } from 'vitest';
import { cpuSeconds, cpuSecondsIn } from '../../bench/dns64/process-time.js';

const stat = (name: string) =>
  `5238 (${name}) S 5235 5238 5235 0 -1 4194304 4043 0 2 0 417 1083 3 9 20 0 12 0 2918800 1268023296 15012`;

describe('CPU time of a process', () => {
  test('is user and system time, of itself and not of its children', () => {
    expect(cpuSecondsIn(stat('unbound'))).toBeCloseTo(15, 10);
  });

  test('is found behind whatever the process calls itself', () => {
    expect(cpuSecondsIn(stat('a) S 1 (b 2 3'))).toBeCloseTo(15, 10);
  });

  test.each(['', '5238 unbound S 1 2 3', '5238 (unbound) S 1'])('"%s" is refused', (text) => {
    expect(() => cpuSecondsIn(text)).toThrow('not /proc/PID/stat');
  });

  test('is read of a process that runs', async () => {
    expect(await cpuSeconds(process.pid)).toBeGreaterThanOrEqual(0);
    await expect(cpuSeconds(2 ** 22 + 1)).rejects.toThrow('ENOENT');
  });
});
