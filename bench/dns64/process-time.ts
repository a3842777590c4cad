/** CPU time of one process with all its threads. */
import { readFile } from 'node:fs/promises';

/** Seconds a clock tick of /proc stands for: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_SECONDS = 0.01;

/**
 * User and system time of a process and its threads, seconds, from the text of /proc/PID/stat (proc(5): fields 14 and
 * 15). Throws a sentence for what is none.
 */
export function cpuSecondsIn(stat: string): number {
  // The name, in parentheses, may have spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!stat.includes(')') || !Number.isInteger(ticks)) throw new Error(`not /proc/PID/stat: ${stat.slice(0, 80)}`);
  return ticks * TICK_SECONDS;
}

/** The same of a process that runs. Rejects when there is none. */
export async function cpuSeconds(pid: number): Promise<number> {
  return cpuSecondsIn(await readFile(`/proc/${pid}/stat`, 'utf8'));
}
