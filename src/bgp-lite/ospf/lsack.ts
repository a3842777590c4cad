/** Link State Acknowledgments, both ways (RFC 2328 §13.5, §13.7). */
import { compareInstances, type LsaHeader, lsaKey } from './codec/lsa.js';
import { PacketType } from './codec/numbers.js';
import { headerOf } from './lsdb.js';
import { count, type Interface, type Neighbor } from './model.js';
import { atLeast } from './neighbor-fsm.js';
import { removeRetransmission } from './retransmission.js';
import { floodDestination, sendAcks, sendPacket } from './transmission.js';

/** So long acknowledgements are collected, milliseconds; always below RxmtInterval. */
const DELAY_MS = 1000;
/** Or until there are so many. */
const MOST_DELAYED = 500;

export function delayAck(iface: Interface, header: LsaHeader): void {
  iface.acks.set(lsaKey(header), header);
  if (iface.acks.size >= MOST_DELAYED) {
    iface.timers.ack.stop();
    sendDelayedAcks(iface);
  } else if (!iface.timers.ack.running) {
    iface.timers.ack.start(Math.min(DELAY_MS, iface.config.retransmitSeconds * 500));
  }
}

/** The timer's work. */
export function sendDelayedAcks(iface: Interface): void {
  const headers = [...iface.acks.values()];
  iface.acks.clear();
  const destination = floodDestination(iface);
  sendAcks(iface, headers, (body) => sendPacket(iface, PacketType.LSACK, body, destination));
}

export function receiveLsack(neighbor: Neighbor, headers: readonly LsaHeader[]): void {
  const { instance } = neighbor.iface;
  if (!atLeast(neighbor.state, 'exchange')) {
    count(instance, 'ospf.drop.state');
    return;
  }
  const nowMs = instance.clock();
  for (const header of headers) {
    const key = lsaKey(header);
    const entry = neighbor.retransmissions.get(key);
    if (entry === undefined) continue;
    if (compareInstances(header, headerOf(entry.lsa, nowMs)) === 0) removeRetransmission(neighbor, key);
    else count(instance, 'ospf.lsa.stray_ack');
  }
}
