/**
 * CPU time of the whole machine. Busy is what is neither idle nor stolen by the hypervisor: the
 * kernel keeps idle time exactly and prints it in ticks of 10 ms, while it guesses user, system and softirq time from
 * what runs when its clock ticks.
 */
import { readFile } from 'node:fs/promises';

/** Seconds a clock tick of /proc/stat stands for: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_SECONDS = 0.01;

export interface MachineTime {
  /** Seconds since some moment, of all cores together. */
  idleSeconds: number;
  stolenSeconds: number;
  cores: number;
}

/** The machine's line of /proc/stat. Throws when there is none. */
export function parseStat(text: string): MachineTime {
  const fields = text
    .match(/^cpu +(.*)$/m)?.[1]
    ?.split(/ +/)
    .map(Number);
  if (fields === undefined || fields.length < 8) throw new Error('/proc/stat has no line "cpu" with eight figures');
  const [, , , idle = 0, iowait = 0, , , steal = 0] = fields;
  const cores = [...text.matchAll(/^cpu\d+ /gm)].length;
  return { idleSeconds: (idle + iowait) * TICK_SECONDS, stolenSeconds: steal * TICK_SECONDS, cores };
}

/** Seconds of all cores that were busy between two looks `wallSeconds` apart. */
export function busySeconds(before: MachineTime, after: MachineTime, wallSeconds: number): number {
  const spent = after.idleSeconds - before.idleSeconds + (after.stolenSeconds - before.stolenSeconds);
  return Math.max(0, wallSeconds * after.cores - spent);
}

export interface Stopwatch {
  /** Seconds since it was started, and of all cores that were busy in them. */
  stop(): Promise<{ wallSeconds: number; busySeconds: number }>;
}

/** Looks at the machine's time now, to look again later. */
export async function startStopwatch(): Promise<Stopwatch> {
  const look = async () => ({ time: parseStat(await readFile('/proc/stat', 'utf8')), at: process.hrtime.bigint() });
  const before = await look();
  return {
    async stop() {
      const after = await look();
      const wallSeconds = Number(after.at - before.at) / 1e9;
      return { wallSeconds, busySeconds: busySeconds(before.time, after.time, wallSeconds) };
    },
  };
}

export interface PacketCost {
  /** Of all cores. */
  busySeconds: number;
  wallSeconds: number;
  /** Cores that are busy when nothing is measured. */
  idleBusyCores: number;
  packets: number;
}

/** CPU nanoseconds a packet of all cores, net of what the machine does anyway; below 0 when it did less than before. */
export function nanosecondsPerPacket(cost: PacketCost): number {
  const net = cost.busySeconds - cost.idleBusyCores * cost.wallSeconds;
  return cost.packets === 0 ? Number.NaN : (net / cost.packets) * 1e9;
}
