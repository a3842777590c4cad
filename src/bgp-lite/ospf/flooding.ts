/** The way of an LSA to every neighbour that is to have it (RFC 2328 §13.3). */
import { compareInstances } from './codec/lsa.js';
import { PacketType } from './codec/numbers.js';
import { headerOf, type Lsa } from './lsdb.js';
import { requestAnswered } from './lsr.js';
import {
  type Instance,
  type Interface,
  interfacesOf,
  isExchanging,
  linkIdOf,
  type Neighbor,
  storeFor,
} from './model.js';
import { atLeast } from './neighbor-fsm.js';
import { addRetransmission } from './retransmission.js';
import { floodDestination, sendLsus, sendPacket } from './transmission.js';

/** Puts an LSA on its way; true when it also goes back out of the interface that it came from. */
export function flood(instance: Instance, lsa: Lsa, from: Neighbor | null): boolean {
  let back = false;
  for (const iface of interfacesOf(instance)) {
    if (iface.state === 'down' || storeFor(iface, lsa.type) !== lsa.store) continue;
    if (!listFor(iface, lsa, from)) continue;
    if (from?.iface === iface) {
      const id = linkIdOf(from);
      // The Designated Router and its Backup have sent it to all of this link already, or will.
      if (id === iface.dr || id === iface.backup || iface.state === 'backup') continue;
      back = true;
    }
    enqueue(iface, lsa);
  }
  return back;
}

/** Puts the LSA on the lists of the neighbours that need it; false when there is none. */
function listFor(iface: Interface, lsa: Lsa, from: Neighbor | null): boolean {
  let needed = false;
  const header = headerOf(lsa, iface.instance.clock());
  for (const neighbor of [...iface.neighbors.values()]) {
    if (!atLeast(neighbor.state, 'exchange')) continue;
    const wanted = isExchanging(neighbor) ? neighbor.requests.get(lsa.key) : undefined;
    if (wanted !== undefined) {
      const order = compareInstances(header, wanted);
      if (order < 0) continue;
      requestAnswered(neighbor, lsa.key);
      if (order === 0) continue;
    }
    if (neighbor === from) continue;
    addRetransmission(neighbor, lsa);
    needed = true;
  }
  return needed;
}

function enqueue(iface: Interface, lsa: Lsa): void {
  if (iface.floods.size === 0) queueMicrotask(() => sendFloods(iface));
  iface.floods.set(lsa.key, lsa);
}

/** Sends what the packets at hand have brought, as few packets as it takes; called by itself once they are done. */
export function sendFloods(iface: Interface): void {
  const lsas = [...iface.floods.values()];
  iface.floods.clear();
  const destination = floodDestination(iface);
  sendLsus(iface, lsas, (body) => sendPacket(iface, PacketType.LSU, body, destination));
}
