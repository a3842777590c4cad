/**
 * The path MTU, either way, by packets with DF (RFC 1191, RFC 8899 §5): first the longest, then what ICMP told of it, and
 * where nobody told anything, or a lie, a search between what arrives and what does not.
 */
import type { PathMtuFacts } from './facts.js';

export interface MtuProbe {
  /** The longest packet to try. */
  mostBytes: number;
  /** Is known to arrive. */
  leastBytes: number;
  /** Whether a packet of so many bytes, a multiple of four, arrives. Many are asked at once. */
  arrives(bytes: number): Promise<boolean>;
  /** The path MTU as the sender knows it now, null when it does not. */
  known(): Promise<number | null>;
}

/** STUN's attributes come in fours. */
const STEP_BYTES = 4;
/** Packets that are on their way at once. */
const AT_ONCE = 6;
/** 1500 bytes to the last step of four. */
const MOST_ROUNDS = 4;
/** Routers with smaller and smaller MTUs, each of which tells. */
const MOST_TOLD = 4;

/** Finds out. Takes 2 + MOST_TOLD + MOST_ROUNDS times as long as one packet is waited for, at most. */
export async function findPathMtu(probe: MtuProbe): Promise<PathMtuFacts> {
  const { mostBytes, arrives, known } = probe;
  const triedBytes = stepDown(mostBytes);
  const before = await known();
  // The sender's own route may already be narrower than its interface.
  const own = before !== null && before < mostBytes ? stepDown(before) : null;
  const [wide, narrow] = await Promise.all([arrives(triedBytes), own === null ? false : arrives(own)]);
  if (wide) return { bytes: triedBytes, triedBytes, toldBytes: null, own: false };
  const low = narrow && own !== null ? own : null;

  let toldBytes: number | null = null;
  let high = own === null || narrow ? triedBytes : own;
  for (let times = 0; times < MOST_TOLD; times++) {
    const told = await known();
    if (told === null || told >= mostBytes || told === (toldBytes ?? before)) break;
    toldBytes = told;
    const bytes = stepDown(told);
    if (bytes === low || (await arrives(bytes))) return { bytes, triedBytes, toldBytes, own: false };
    high = bytes;
  }
  if (low !== null && toldBytes === null) return { bytes: low, triedBytes, toldBytes, own: true };
  return { bytes: await search(probe, low, high), triedBytes, toldBytes, own: false };
}

/** The longest packet that arrives, of those shorter than `highBytes`; null for none. */
async function search(
  { leastBytes, arrives }: MtuProbe,
  lowBytes: number | null,
  highBytes: number,
): Promise<number | null> {
  let low = lowBytes ?? leastBytes;
  let high = highBytes;
  if (lowBytes === null && !(await arrives(leastBytes))) return null;
  for (let round = 0; round < MOST_ROUNDS && high - low > STEP_BYTES; round++) {
    const sizes = between(low, high);
    const arrived = await Promise.all(sizes.map(arrives));
    // A lost packet among those that arrive is a loss, not a limit.
    const longest = arrived.lastIndexOf(true);
    if (longest >= 0) low = sizes[longest] as number;
    high = sizes[longest + 1] ?? high;
  }
  return low;
}

/** At most AT_ONCE sizes that part what lies between, ends left out. */
export function between(low: number, high: number): number[] {
  const steps = (high - low) / STEP_BYTES - 1;
  const count = Math.min(AT_ONCE, steps);
  return Array.from(
    { length: count },
    (_, index) => low + STEP_BYTES * Math.round(((index + 1) * (steps + 1)) / (count + 1)),
  );
}

function stepDown(bytes: number): number {
  return bytes - (bytes % STEP_BYTES);
}
