/** Packets on their way out: sealed, to the right address (RFC 2328 §8.1), and small enough for the interface. */
import { messageOf } from '../../errors.js';
import type { LsaHeader } from './codec/lsa.js';
import { writeLsack } from './codec/lsack.js';
import { LSU_FIXED_BYTES, writeLsu } from './codec/lsu.js';
import { LSA_HEADER_BYTES, PacketType } from './codec/numbers.js';
import { HEADER_BYTES, writePacket } from './codec/packet.js';
import { bytesToSend, type Lsa } from './lsdb.js';
import { complain, count, type Interface, type Neighbor } from './model.js';
import type { Counter } from './statistics.js';
import type { Destination } from './version.js';

const SENT: Readonly<Record<number, Counter>> = {
  [PacketType.HELLO]: 'ospf.sent.hello',
  [PacketType.DD]: 'ospf.sent.dd',
  [PacketType.LSR]: 'ospf.sent.lsr',
  [PacketType.LSU]: 'ospf.sent.lsu',
  [PacketType.LSACK]: 'ospf.sent.lsack',
};

export function sendPacket(iface: Interface, type: number, body: Uint8Array, destination: Destination): void {
  const { instance, area, socket, authenticator, config } = iface;
  if (socket === null) return;
  const header = { type, routerId: instance.routerId, areaId: area.id, instanceId: config.instanceId };
  const packet = writePacket(instance.version.number, header, body);
  const bytes = authenticator.seal(packet, { source: iface.address, destination: destination.value });
  try {
    const counter = SENT[type];
    if (socket.send(bytes, destination.text) === false) count(instance, 'ospf.sent.failed');
    else if (counter !== undefined) count(instance, counter);
  } catch (error) {
    count(instance, 'ospf.sent.failed');
    complain(iface, 'send', `cannot send: ${messageOf(error)}`);
  }
}

/** To one neighbour: its address on broadcast links, the group of all routers on point-to-point ones. */
export function sendTo(neighbor: Neighbor, type: number, body: Uint8Array): void {
  const { iface } = neighbor;
  neighbor.sent += 1;
  const direct = iface.config.type === 'broadcast';
  sendPacket(iface, type, body, direct ? neighbor.address : iface.instance.version.allSpfRouters);
}

/** Where floods and delayed acknowledgements go (RFC 2328 §13.3, §13.5). */
export function floodDestination({ instance, state }: Interface): Destination {
  const { allSpfRouters, allDRouters } = instance.version;
  return state === 'dr-other' ? allDRouters : allSpfRouters;
}

/** Octets that the body of a packet may have so that IP does not fragment it. */
export function bodyRoom(iface: Interface): number {
  const { version } = iface.instance;
  const mtuBytes = iface.device?.mtu ?? 0;
  return mtuBytes - version.ipHeaderBytes - HEADER_BYTES[version.number] - iface.authenticator.overheadBytes;
}

/** Parts that fit into `room` octets each; an item that alone is larger has a part of its own. */
export function parts<T>(items: Iterable<T>, sizeOf: (item: T) => number, room: number): T[][] {
  const all: T[][] = [];
  let part: T[] = [];
  let used = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (part.length > 0 && used + size > room) {
      all.push(part);
      part = [];
      used = 0;
    }
    part.push(item);
    used += size;
  }
  if (part.length > 0) all.push(part);
  return all;
}

export function sendLsus(iface: Interface, lsas: Iterable<Lsa>, send: (body: Uint8Array) => void): void {
  const nowMs = iface.instance.clock();
  for (const part of parts(lsas, ({ length }) => length, bodyRoom(iface) - LSU_FIXED_BYTES)) {
    send(writeLsu(part.map((lsa) => bytesToSend(lsa, nowMs, iface.config.transmitDelaySeconds))));
    for (const lsa of part) lsa.sentMs = nowMs;
  }
}

export function sendAcks(iface: Interface, headers: Iterable<LsaHeader>, send: (body: Uint8Array) => void): void {
  for (const part of parts(headers, () => LSA_HEADER_BYTES, bodyRoom(iface))) {
    send(writeLsack(iface.instance.version.number, part));
  }
}
