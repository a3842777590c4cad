/** Link State Updates as they come in: each LSA is weighed against the stored one (RFC 2328 §13). */
import { lsaChecksumHolds } from './codec/checksum.js';
import { compareInstances, type LsaHeader, lsaKey, readLsaHeader } from './codec/lsa.js';
import { MAX_AGE_SECONDS, MAX_SEQUENCE, MIN_LS_ARRIVAL_MS, PacketType } from './codec/numbers.js';
import { flood } from './flooding.js';
import { delayAck } from './lsack.js';
import { ageOf, headerOf, type Lsa, type LsaStore, storeLsa } from './lsdb.js';
import { anyExchanging, count, linkIdOf, lsaCount, type Neighbor, storeFor } from './model.js';
import { neighborEvent } from './neighbor.js';
import { atLeast } from './neighbor-fsm.js';
import { forgetInstance, removeRetransmission } from './retransmission.js';
import { sendAcks, sendLsus, sendTo } from './transmission.js';

export function receiveLsu(neighbor: Neighbor, lsas: readonly Uint8Array[]): void {
  const { iface } = neighbor;
  if (!atLeast(neighbor.state, 'exchange')) {
    count(iface.instance, 'ospf.drop.state');
    return;
  }
  const acks: LsaHeader[] = [];
  const replies: Lsa[] = [];
  for (const lsa of lsas) {
    // An LSA before may have ended the adjacency.
    if (!atLeast(neighbor.state, 'exchange')) break;
    receiveLsa(neighbor, lsa, acks, replies);
  }
  sendAcks(iface, acks, (body) => sendTo(neighbor, PacketType.LSACK, body));
  sendLsus(iface, replies, (body) => sendTo(neighbor, PacketType.LSU, body));
}

/** `acks` is what is acknowledged at once, `replies` what is sent back because the stored instance is newer. */
function receiveLsa(neighbor: Neighbor, octets: Uint8Array, acks: LsaHeader[], replies: Lsa[]): void {
  const { iface } = neighbor;
  const { instance } = iface;
  if (!lsaChecksumHolds(octets)) {
    count(instance, 'ospf.lsa.checksum');
    return;
  }
  const header = readLsaHeader(instance.version.number, octets, 0);
  const store = storeFor(iface, header.type);
  if (store === null) {
    count(instance, 'ospf.lsa.unknown');
    return;
  }
  if (header.ageSeconds > MAX_AGE_SECONDS) {
    count(instance, 'ospf.lsa.age');
    return;
  }
  const stored = store.lsas.get(lsaKey(header));
  const nowMs = instance.clock();
  if (stored === undefined && header.ageSeconds === MAX_AGE_SECONDS && !anyExchanging(instance)) {
    acks.push(header);
    return;
  }
  const order = stored === undefined ? 1 : compareInstances(header, headerOf(stored, nowMs));
  if (order > 0) {
    if (stored !== undefined && !stored.own && nowMs - stored.storedMs < MIN_LS_ARRIVAL_MS) {
      count(instance, 'ospf.lsa.too_soon');
      return;
    }
    take(neighbor, octets, header, store, stored);
    return;
  }
  if (stored === undefined) return;
  if (neighbor.requests.has(stored.key)) {
    neighbor.lastError = 'it sends an older LSA than it described';
    neighborEvent(neighbor, 'bad-request');
    return;
  }
  if (order === 0) {
    duplicate(neighbor, stored, header, acks);
    return;
  }
  // Its sequence numbers are used up: the neighbour has to see it flushed first.
  if (ageOf(stored, nowMs) === MAX_AGE_SECONDS && stored.sequence === MAX_SEQUENCE) return;
  if (nowMs - stored.repliedMs < MIN_LS_ARRIVAL_MS) return;
  stored.repliedMs = nowMs;
  replies.push(stored);
}

/** The newer instance: on to the others, into the database, acknowledged (step 5). */
function take(
  neighbor: Neighbor,
  octets: Uint8Array,
  header: LsaHeader,
  store: LsaStore,
  stored: Lsa | undefined,
): void {
  const { iface } = neighbor;
  const { instance } = iface;
  if (stored === undefined && lsaCount(instance) >= instance.maxLsas) {
    instance.overflow();
    return;
  }
  if (stored !== undefined) forgetInstance(instance, stored);
  const lsa = storeLsa(store, instance.version.number, octets, { clockMs: instance.clock(), own: false });
  lsa.expired = header.ageSeconds === MAX_AGE_SECONDS;
  const back = flood(instance, lsa, neighbor);
  // A Backup acknowledges only what the Designated Router sent (RFC 2328 table 19).
  if (!back && (iface.state !== 'backup' || linkIdOf(neighbor) === iface.dr)) delayAck(iface, header);
  // RFC 2328 §13.4: an LSA of a former life, to be outdone or flushed.
  // What routers tell of a link is told on by who speaks for it.
  const own = header.advertiser === instance.routerId;
  if (own || (store === iface.store && iface.state === 'dr')) instance.originate();
}

/** Step 7: an acknowledgement in itself, or answered by one. */
function duplicate(neighbor: Neighbor, stored: Lsa, header: LsaHeader, acks: LsaHeader[]): void {
  const { iface } = neighbor;
  if (!neighbor.retransmissions.has(stored.key)) {
    acks.push(header);
    return;
  }
  removeRetransmission(neighbor, stored.key);
  if (iface.state === 'backup' && linkIdOf(neighbor) === iface.dr) delayAck(iface, header);
}
