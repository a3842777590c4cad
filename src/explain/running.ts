/** Explains a packet with what a running translator has in force. */
import type { Addon, CoreConfig } from '../native/addon.js';
import { type Explanation, explain } from './explain.js';
import { findFlow, flowEnds, type Tables } from './flow.js';
import { readPacket } from './packet.js';

/** Looks up the packet's mapping in `tables`, which stay as they are, and explains it with that. */
export async function explainRunning(
  packet: Uint8Array,
  running: { addon: Pick<Addon, 'Simulator' | 'counters'>; config: CoreConfig; tables: Tables },
): Promise<Explanation> {
  const { addon, config, tables } = running;
  const read = readPacket(packet);
  const known = await findFlow(tables, read === null ? [] : flowEnds(read, config));
  return explain(packet, { addon, config, known });
}
