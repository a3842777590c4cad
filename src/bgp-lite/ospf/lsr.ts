/** Link State Requests: what a neighbour described and this router lacks (RFC 2328 §10.7, §10.9). */
import { formatIdentifier } from './codec/identifier.js';
import { type LsaName, lsaKey } from './codec/lsa.js';
import { REQUEST_BYTES, writeLsr } from './codec/lsr.js';
import { PacketType } from './codec/numbers.js';
import type { Lsa } from './lsdb.js';
import { complain, count, isExchanging, type Neighbor, storeFor } from './model.js';
import { neighborEvent } from './neighbor.js';
import { atLeast } from './neighbor-fsm.js';
import { bodyRoom, sendLsus, sendTo } from './transmission.js';

/** Asks for the next part, unless an answer is awaited. */
export function requestMore(neighbor: Neighbor): void {
  if (!isExchanging(neighbor) || neighbor.asked.size > 0 || neighbor.requests.size === 0) return;
  const most = Math.max(1, Math.floor(bodyRoom(neighbor.iface) / REQUEST_BYTES));
  for (const key of neighbor.requests.keys()) {
    if (neighbor.asked.size >= most) break;
    neighbor.asked.add(key);
  }
  requestAgain(neighbor);
}

/** Asks for what of the last part did not come. */
export function requestAgain(neighbor: Neighbor): void {
  const names = [...neighbor.asked].flatMap((key) => neighbor.requests.get(key) ?? []);
  if (names.length === 0) return;
  sendTo(neighbor, PacketType.LSR, writeLsr(names));
  neighbor.timers.lsr.start(neighbor.iface.config.retransmitSeconds * 1000);
}

/** An LSA came that was on the list. */
export function requestAnswered(neighbor: Neighbor, key: string): void {
  neighbor.requests.delete(key);
  neighbor.asked.delete(key);
  if (neighbor.requests.size === 0) neighbor.timers.lsr.stop();
  if (neighbor.requests.size === 0 && neighbor.state === 'loading') neighborEvent(neighbor, 'loading-done');
  else requestMore(neighbor);
}

export function receiveLsr(neighbor: Neighbor, names: readonly LsaName[]): void {
  const { iface } = neighbor;
  if (!atLeast(neighbor.state, 'exchange')) {
    count(iface.instance, 'ospf.drop.state');
    return;
  }
  // A set: what is asked for twice is sent once.
  const found = new Set<Lsa>();
  for (const name of names) {
    const lsa = storeFor(iface, name.type)?.lsas.get(lsaKey(name));
    if (lsa === undefined) {
      neighbor.lastError = `it asks for an LSA that is not there: type ${name.type}, ${formatIdentifier(name.id)}`;
      complain(iface, 'request', `neighbour ${formatIdentifier(neighbor.routerId)}: ${neighbor.lastError}`);
      neighborEvent(neighbor, 'bad-request');
      return;
    }
    found.add(lsa);
  }
  sendLsus(iface, found, (body) => sendTo(neighbor, PacketType.LSU, body));
}
