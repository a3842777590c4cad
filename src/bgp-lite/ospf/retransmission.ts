/** What a neighbour has not acknowledged (RFC 2328 §13.6): sent again, the oldest first, one packet an interval. */
import { LSU_FIXED_BYTES } from './codec/lsu.js';
import { PacketType } from './codec/numbers.js';
import type { Lsa } from './lsdb.js';
import { count, type Instance, type Neighbor, neighborsOf } from './model.js';
import { bodyRoom, parts, sendLsus, sendTo } from './transmission.js';

export function addRetransmission(neighbor: Neighbor, lsa: Lsa): void {
  removeRetransmission(neighbor, lsa.key);
  lsa.lists += 1;
  neighbor.retransmissions.set(lsa.key, { lsa, sentMs: neighbor.iface.instance.clock() });
  if (!neighbor.timers.retransmit.running) neighbor.timers.retransmit.start(intervalMs(neighbor));
}

export function removeRetransmission(neighbor: Neighbor, key: string): void {
  const entry = neighbor.retransmissions.get(key);
  if (entry === undefined) return;
  entry.lsa.lists -= 1;
  neighbor.retransmissions.delete(key);
  if (neighbor.retransmissions.size === 0) neighbor.timers.retransmit.stop();
}

export function clearRetransmissions(neighbor: Neighbor): void {
  for (const key of [...neighbor.retransmissions.keys()]) removeRetransmission(neighbor, key);
}

/** Takes an instance that is no longer the current one off every list. */
export function forgetInstance(instance: Instance, lsa: Lsa): void {
  for (const neighbor of neighborsOf(instance)) {
    if (neighbor.retransmissions.get(lsa.key)?.lsa === lsa) removeRetransmission(neighbor, lsa.key);
  }
}

const intervalMs = ({ iface }: Neighbor): number => iface.config.retransmitSeconds * 1000;

/** Sends everything again that is not acknowledged, whether it is due or not: at the end there is no time to wait. */
export function retransmitNow(neighbor: Neighbor): void {
  const lsas = [...neighbor.retransmissions.values()].map(({ lsa }) => lsa);
  sendLsus(neighbor.iface, lsas, (body) => sendTo(neighbor, PacketType.LSU, body));
}

/** The timer's work. */
export function retransmit(neighbor: Neighbor): void {
  const { iface, retransmissions, timers } = neighbor;
  const nowMs = iface.instance.clock();
  const due = [...retransmissions.values()].filter(({ sentMs }) => nowMs - sentMs >= intervalMs(neighbor));
  const [first] = parts(due, ({ lsa }) => lsa.length, bodyRoom(iface) - LSU_FIXED_BYTES);
  if (first !== undefined) {
    sendLsus(
      iface,
      first.map(({ lsa }) => lsa),
      (body) => sendTo(neighbor, PacketType.LSU, body),
    );
    for (const entry of first) {
      count(iface.instance, 'ospf.retransmitted');
      // To the end, so that the others come first the next time.
      retransmissions.delete(entry.lsa.key);
      retransmissions.set(entry.lsa.key, { lsa: entry.lsa, sentMs: nowMs });
    }
  }
  const next = retransmissions.values().next();
  if (next.done === true) return;
  // What did not fit goes with the next interval; what is not due yet, when it is.
  const waitMs =
    due.length > (first?.length ?? 0) ? intervalMs(neighbor) : next.value.sentMs + intervalMs(neighbor) - nowMs;
  timers.retransmit.start(Math.max(1, waitMs));
}
