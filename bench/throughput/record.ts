/**
 * What a run of the benchmark leaves behind: a record for each scenario, direction and peer, with every run in it, and
 * what the machine was. `bench/jool` prints the same records, see `readRecords`.
 */
import { z } from 'zod';

/** Where the peer's code ran: on this kernel, as a module of it, in User Mode Linux, in QEMU. */
export const ways = ['host', 'module', 'uml', 'qemu'] as const;
export type Way = (typeof ways)[number];

const record = z.object({
  /** `tcp-bulk-4`, `packets-64-10k`: the same name means the same packets. */
  scenario: z.string().min(1),
  /** `up`, `down`, `6to4`, `4to6`, `round-trip`. */
  direction: z.string().min(1),
  peer: z.string().min(1),
  way: z.enum(ways),
  /** What was measured: `throughput`, `retransmits`, `cpu`, `rate`, … */
  metric: z.string().min(1),
  unit: z.string().min(1),
  better: z.enum(['higher', 'lower']),
  /** In the order of the rounds. */
  runs: z.array(z.number()).min(1),
  /** A sentence that has to be read with the figure. */
  note: z.string().optional(),
});
export type Record = z.infer<typeof record>;

const absence = z.object({
  peer: z.string().min(1),
  way: z.enum(ways),
  /** One sentence. */
  unavailable: z.string().min(1),
});
/** A peer that could not be measured, or not all of it, and why. */
export type Absence = z.infer<typeof absence>;

export interface Machine {
  kernel: string;
  cores: number;
  model: string;
  memoryBytes: number;
  /** Load averages of 1, 5 and 15 minutes, before the first run. */
  loadavg: number[];
  /** Cores that were busy with something else: before the first run, which is taken off CPU figures, and after the last. */
  idleBusyCores: number;
  idleBusyCoresAfter: number;
}

/** One run of the benchmark: what `--json` writes. */
export interface Results {
  date: string;
  commit: string;
  machine: Machine;
  /** What each peer calls itself. */
  versions: { [peer: string]: string };
  options: { rounds: number; seconds: number; packetsPerSecond: number };
  records: Record[];
  absences: Absence[];
  /** True when it was interrupted or a measurement failed: what is there is there. */
  incomplete: boolean;
}

const others = z.array(z.union([record, absence]));

/**
 * Reads what `bench/jool/*.sh --json` prints: a JSON array of records, or an object with `records`, or one record a
 * line. `{"peer":"jool","way":"uml","unavailable":"…"}` in place of a record says that there is none. Throws a sentence.
 */
export function readRecords(text: string): { records: Record[]; absences: Absence[] } {
  const parsed = others.safeParse(parseLoosely(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`not the records that were expected: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  return {
    records: parsed.data.filter((one) => 'runs' in one),
    absences: parsed.data.filter((one) => 'unavailable' in one),
  };
}

function parseLoosely(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    try {
      if (lines.length === 0) throw new Error('nothing');
      return lines.map((line) => JSON.parse(line) as unknown);
    } catch {
      throw new Error(`neither JSON nor a record a line: ${text.slice(0, 80).trim() || 'nothing'}`);
    }
  }
  if (Array.isArray(value)) return value;
  const inside = (value as { records?: unknown } | null)?.records;
  return Array.isArray(inside) ? inside : [value];
}

/** The record beside which another stands: the same scenario, direction, metric and way, of peer `to`. */
export function beside(records: readonly Record[], one: Record, to: string): Record | undefined {
  return records.find(
    (other) =>
      other.peer === to &&
      other.scenario === one.scenario &&
      other.direction === one.direction &&
      other.metric === one.metric &&
      other.way === one.way,
  );
}
