/** Database Description packets: who leads, and what each side has (RFC 2328 §10.6, §10.8). */
import { type DatabaseDescription, DD_FIXED_BYTES, writeDd } from './codec/dd.js';
import { formatIdentifier } from './codec/identifier.js';
import { compareInstances, lsaKey } from './codec/lsa.js';
import { DdFlag, LSA_HEADER_BYTES, PacketType } from './codec/numbers.js';
import { headerOf } from './lsdb.js';
import { requestMore } from './lsr.js';
import { complain, count, type Neighbor, storeFor } from './model.js';
import { neighborEvent } from './neighbor.js';
import { bodyRoom, sendTo } from './transmission.js';

const { I, M, MS } = DdFlag;

/** The MTU field has 16 bits; links with more say the most it can. */
const mtuField = (mtuBytes: number): number => Math.min(mtuBytes, 0xffff);

/** ExStart: an empty DD that claims to lead, repeated until the other side answers. */
export function startNegotiation(neighbor: Neighbor): void {
  // At first a number that a DD of a former life is unlikely to have.
  const next = neighbor.ddSequence === 0 ? 1 + Math.floor(Math.random() * 0x7fffffff) : neighbor.ddSequence + 1;
  neighbor.ddSequence = next >>> 0;
  neighbor.master = true;
  neighbor.ddTaken = null;
  send(neighbor, I | M | MS, []);
}

function send(neighbor: Neighbor, flags: number, summary: Neighbor['summary']): void {
  const { iface } = neighbor;
  const { version, clock } = iface.instance;
  const nowMs = clock();
  const body = writeDd(version.number, {
    mtuBytes: mtuField(iface.device?.mtu ?? 0),
    options: version.options(iface.area.type) | iface.authenticator.options,
    flags,
    sequence: neighbor.ddSequence,
    headers: summary.map((lsa) => headerOf(lsa, nowMs)),
  });
  neighbor.ddSent = body;
  neighbor.ddMore = (flags & M) !== 0;
  repeatDd(neighbor);
}

/** Sends the last DD again; the master does so until it is answered. */
export function repeatDd(neighbor: Neighbor): void {
  const { iface, ddSent, timers } = neighbor;
  if (ddSent === null) return;
  sendTo(neighbor, PacketType.DD, ddSent);
  if (neighbor.master) timers.dd.start(iface.config.retransmitSeconds * 1000);
}

function sendNext(neighbor: Neighbor): void {
  const { iface } = neighbor;
  const room = bodyRoom(iface) - DD_FIXED_BYTES[iface.instance.version.number];
  const part = neighbor.summary.splice(0, Math.max(1, Math.floor(room / LSA_HEADER_BYTES)));
  send(neighbor, (neighbor.summary.length > 0 ? M : 0) | (neighbor.master ? MS : 0), part);
}

export function receiveDd(neighbor: Neighbor, dd: DatabaseDescription): void {
  const { iface } = neighbor;
  const { instance } = iface;
  if (dd.mtuBytes > mtuField(iface.device?.mtu ?? 0) && !iface.config.mtuIgnore) {
    count(instance, 'ospf.drop.mtu');
    neighbor.lastError = `its MTU is ${dd.mtuBytes}, ours ${iface.device?.mtu ?? 0}`;
    complain(iface, 'mtu', `neighbour ${formatIdentifier(neighbor.routerId)}: ${neighbor.lastError}; no adjacency`);
    return;
  }
  if (neighbor.state === 'init') neighborEvent(neighbor, '2-way-received');
  switch (neighbor.state) {
    case 'exstart':
      negotiate(neighbor, dd);
      return;
    case 'exchange':
      exchange(neighbor, dd);
      return;
    case 'loading':
    case 'full':
      afterExchange(neighbor, dd);
      return;
    default:
      count(instance, 'ospf.drop.state');
  }
}

function negotiate(neighbor: Neighbor, dd: DatabaseDescription): void {
  const { routerId } = neighbor.iface.instance;
  const leads = dd.flags === (I | M | MS) && dd.headers.length === 0 && neighbor.routerId > routerId;
  const follows = (dd.flags & (I | MS)) === 0 && dd.sequence === neighbor.ddSequence && neighbor.routerId < routerId;
  if (!leads && !follows) return;
  neighbor.options = dd.options;
  neighbor.timers.dd.stop();
  neighbor.master = follows;
  if (leads) neighbor.ddSequence = dd.sequence;
  neighborEvent(neighbor, 'negotiation-done');
  take(neighbor, dd);
}

const isDuplicate = ({ ddTaken }: Neighbor, dd: DatabaseDescription): boolean =>
  ddTaken !== null && ddTaken.flags === dd.flags && ddTaken.options === dd.options && ddTaken.sequence === dd.sequence;

function exchange(neighbor: Neighbor, dd: DatabaseDescription): void {
  if (isDuplicate(neighbor, dd)) {
    if (!neighbor.master) repeatDd(neighbor);
    return;
  }
  const expected = neighbor.master ? neighbor.ddSequence : (neighbor.ddSequence + 1) >>> 0;
  const leads = (dd.flags & MS) !== 0;
  const wrong = leads === neighbor.master || (dd.flags & I) !== 0 || dd.options !== neighbor.options;
  if (wrong || dd.sequence !== expected) {
    mismatch(neighbor, 'a Database Description out of order');
    return;
  }
  take(neighbor, dd);
}

function mismatch(neighbor: Neighbor, why: string): void {
  neighbor.lastError = why;
  neighborEvent(neighbor, 'sequence-mismatch');
}

/** RFC 2328 §10.6: only a duplicate is right, and the slave answers it while the master may not know that all is done. */
function afterExchange(neighbor: Neighbor, dd: DatabaseDescription): void {
  const late = neighbor.iface.instance.clock() > neighbor.ddUntilMs;
  if (!isDuplicate(neighbor, dd) || (late && !neighbor.master)) {
    mismatch(neighbor, 'a Database Description after the exchange');
    return;
  }
  if (!neighbor.master) repeatDd(neighbor);
}

/** The DD is the next in sequence. */
function take(neighbor: Neighbor, dd: DatabaseDescription): void {
  if (!listMissing(neighbor, dd)) return;
  neighbor.ddTaken = { flags: dd.flags, options: dd.options, sequence: dd.sequence };
  const done = (dd.flags & M) === 0;
  if (neighbor.master) {
    neighbor.timers.dd.stop();
    neighbor.ddSequence = (neighbor.ddSequence + 1) >>> 0;
    // The first answer comes before anything was described.
    const told = neighbor.ddSent !== null && !neighbor.ddMore;
    if (told && done) {
      finish(neighbor);
      return;
    }
    sendNext(neighbor);
  } else {
    neighbor.ddSequence = dd.sequence;
    sendNext(neighbor);
    if (done && !neighbor.ddMore) {
      finish(neighbor);
      return;
    }
  }
  requestMore(neighbor);
}

function finish(neighbor: Neighbor): void {
  const { clock } = neighbor.iface.instance;
  neighbor.ddUntilMs = clock() + neighbor.iface.config.deadSeconds * 1000;
  neighbor.timers.dd.stop();
  neighborEvent(neighbor, 'exchange-done');
  requestMore(neighbor);
}

/** Notes what the neighbour has and this router has not; false when that ended the exchange. */
function listMissing(neighbor: Neighbor, { headers }: DatabaseDescription): boolean {
  const { iface } = neighbor;
  const { instance } = iface;
  const nowMs = instance.clock();
  for (const header of headers) {
    const store = storeFor(iface, header.type);
    if (store === null) {
      mismatch(neighbor, `it describes an LSA of type ${header.type}, which has no place here`);
      return false;
    }
    const key = lsaKey(header);
    const stored = store.lsas.get(key);
    if (stored === undefined || compareInstances(header, headerOf(stored, nowMs)) > 0)
      neighbor.requests.set(key, header);
  }
  if (neighbor.requests.size <= instance.maxLsas) return true;
  instance.overflow();
  return false;
}
