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

/** Packets that are on their way at once. */
const AT_ONCE = 6;
/** 1500 bytes to the last step of four. */
const MOST_ROUNDS = 4;

/** Finds out. Takes 2 + MOST_ROUNDS times as long as one packet is waited for. */
export async function findPathMtu({ mostBytes, leastBytes, arrives, known }: MtuProbe): Promise<PathMtuFacts> {
  const before = await known();
  const first = stepDown(mostBytes);
  // The sender's own route may already be narrower than its interface.
  const own = before !== null && before < mostBytes ? stepDown(before) : null;
  const [wide, narrow] = await Promise.all([arrives(first), own === null ? false : arrives(own)]);
  if (wide) return { bytes: first, triedBytes: first, toldBytes: null, own: false };
  const told = await known();
  const toldBytes = told !== null && told < mostBytes && told !== before ? told : null;
  if (narrow && own !== null && toldBytes === null) {
    return { bytes: own, triedBytes: first, toldBytes: null, own: true };
  }
  const hint = toldBytes ?? before;
  let low = narrow && own !== null ? own : leastBytes;
  let high = first;
  if (hint !== null && hint < mostBytes && stepDown(hint) > low) {
    const bytes = stepDown(hint);
    if (await arrives(bytes)) return { bytes, triedBytes: first, toldBytes: hint, own: false };
    high = bytes;
  } else if (hint !== null && stepDown(hint) === low && narrow) {
    return { bytes: low, triedBytes: first, toldBytes: hint, own: false };
  }
  for (let round = 0; round < MOST_ROUNDS && high - low > 4; round++) {
    const sizes = between(low, high);
    const arrived = await Promise.all(sizes.map(arrives));
    // A lost packet among those that arrive is a loss, not a limit.
    const longest = arrived.lastIndexOf(true);
    if (longest >= 0) low = sizes[longest] as number;
    high = sizes[longest + 1] ?? high;
  }
  const bytes = low === leastBytes && !(await arrives(leastBytes)) ? null : low;
  return { bytes, triedBytes: first, toldBytes, own: false };
}

/** At most AT_ONCE sizes that part what lies between, ends left out. */
export function between(low: number, high: number): number[] {
  const steps = (high - low) / 4 - 1;
  const count = Math.min(AT_ONCE, steps);
  return Array.from({ length: count }, (_, index) => low + 4 * Math.round(((index + 1) * (steps + 1)) / (count + 1)));
}

function stepDown(bytes: number): number {
  return bytes & ~3;
}
