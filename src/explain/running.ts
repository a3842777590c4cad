/** Explains a packet with what a running translator has in force. */

import { errors } from '../errors.js';
import type { Addon, CoreConfig } from '../native/addon.js';
import { type Explanation, explain } from './explain.js';
import { findFlow, flowEnds, type Tables } from './flow.js';
import { readPacket } from './packet.js';

/** Looks up the packet's mapping in `tables`, which stay as they are, and explains it with that. */
export async function explainRunning(
  packet: Uint8Array,
  { addon, config, tables }: { addon: Pick<Addon, 'Simulator' | 'counters'>; config: CoreConfig; tables: Tables },
): Promise<Explanation> {
  const read = readPacket(packet);
  const known = await findFlow(tables, read === null ? [] : flowEnds(read, config));
  return explain(packet, { addon, config, known });
}

/** One of several translators of a program. */
export interface OneOfSeveral {
  /** Its device. */
  name: string;
  /** Its addresses: packets from and to them are its own. */
  own: readonly string[];
  config: CoreConfig;
  tables: Tables;
}

/** The same with several, as a CLAT has for its uplinks: by the one whose address the packet has, else by the first. */
export function explainSeveral(
  packet: Uint8Array,
  addon: Pick<Addon, 'Simulator' | 'counters'>,
  all: readonly OneOfSeveral[],
): Promise<Explanation> {
  const read = readPacket(packet);
  const one =
    all.find(({ own }) => read !== null && (own.includes(read.source) || own.includes(read.destination))) ?? all[0];
  if (one === undefined) throw errors.noTranslator();
  return explainRunning(packet, { addon, config: one.config, tables: one.tables }).then((explanation) =>
    all.length === 1
      ? explanation
      : { ...explanation, notes: [...explanation.notes, `by ${one.name}, one of ${all.length} translators that run`] },
  );
}
