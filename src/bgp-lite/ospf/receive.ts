/**
 * A packet's way in: is it for this interface (RFC 2328 §8.2), is it authentic, whose is it, and which file takes it.
 * Of packets that are read at once Hellos and acknowledgements go first (RFC 4222 §2), so that a flood neither costs an
 * adjacency nor is answered by a retransmission of it.
 */
import { parseAddress } from '../../config/address.js';
import { readDd } from './codec/dd.js';
import { readHello } from './codec/hello.js';
import { formatIdentifier, maskOf } from './codec/identifier.js';
import { readLsack } from './codec/lsack.js';
import { readLsr } from './codec/lsr.js';
import { readLsu } from './codec/lsu.js';
import { PacketType } from './codec/numbers.js';
import { HEADER_BYTES, type PacketHeader, readPacketHeader } from './codec/packet.js';
import { receiveDd } from './dd.js';
import { neighborKey, receiveHello } from './hello.js';
import type { OspfPacket } from './host.js';
import { receiveLsack } from './lsack.js';
import { receiveLsr } from './lsr.js';
import { receiveLsu } from './lsu.js';
import { complain, count, type Interface, type Neighbor } from './model.js';
import type { Counter } from './statistics.js';

/** A packet that is authentic. */
interface Received {
  header: PacketHeader;
  body: Uint8Array;
  source: bigint;
  sequence: bigint | null;
}

export function receivePackets(iface: Interface, packets: readonly OspfPacket[]): void {
  const taken = packets.flatMap((packet) => accept(iface, packet) ?? []);
  const isUrgent = ({ header: { type } }: Received) => type === PacketType.HELLO || type === PacketType.LSACK;
  for (const one of taken) if (isUrgent(one)) dispatch(iface, one);
  for (const one of taken) if (!isUrgent(one)) dispatch(iface, one);
}

function drop(iface: Interface, counter: Counter, sentence?: string): null {
  count(iface.instance, counter);
  if (sentence !== undefined) complain(iface, counter, sentence);
  return null;
}

function accept(iface: Interface, packet: OspfPacket): Received | null {
  const { instance, area, config, authenticator } = iface;
  const { version } = instance;
  if (iface.state === 'down') return null;
  const header = readPacketHeader(version.number, packet.bytes);
  const source = parseAddress(packet.source);
  const destination = parseAddress(packet.destination);
  if (header === null || source?.family !== version.family || destination?.family !== version.family) {
    return drop(iface, 'ospf.drop.malformed');
  }
  if (source.value === iface.address) return drop(iface, 'ospf.drop.own');
  if (header.areaId !== area.id || header.instanceId !== (version.number === 3 ? config.instanceId : 0)) {
    const theirs = formatIdentifier(header.areaId);
    return drop(iface, 'ospf.drop.area', `${source.text} is in area ${theirs}, ours is ${formatIdentifier(area.id)}`);
  }
  if (!isForUs(iface, destination.value)) return drop(iface, 'ospf.drop.destination');
  if (version.number === 2 && config.type === 'broadcast' && !inSubnet(iface, source.value)) {
    return drop(iface, 'ospf.drop.source', `${source.text} is not in the subnet of the interface`);
  }
  const opened = authenticator.open(packet.bytes, header, { source: source.value, destination: destination.value });
  if ('refused' in opened)
    return drop(iface, opened.refused, `a packet of ${source.text} is not authentic: ${opened.refused}`);
  if (header.routerId === 0) return drop(iface, 'ospf.drop.malformed');
  if (header.routerId === instance.routerId) {
    const own = formatIdentifier(instance.routerId);
    return drop(iface, 'ospf.drop.duplicate_router_id', `duplicate router ID: ${source.text} has ours, ${own}`);
  }
  if (instance.clock() < instance.holdUntilMs) return drop(iface, 'ospf.drop.overflow');
  const { sequence } = opened;
  if (sequence !== null && !isNew(iface, header, source.value, sequence)) return drop(iface, 'ospf.drop.replayed');
  const body = packet.bytes.subarray(HEADER_BYTES[version.number], header.length);
  return { header, body, source: source.value, sequence };
}

function isForUs({ instance, state, address }: Interface, destination: bigint): boolean {
  const { allSpfRouters, allDRouters } = instance.version;
  if (destination === allDRouters.value) return state === 'dr' || state === 'backup';
  return destination === allSpfRouters.value || destination === address;
}

function inSubnet({ address, device }: Interface, source: bigint): boolean {
  const mask = BigInt(maskOf(device?.address4?.length ?? 32));
  return (address & mask) === (source & mask);
}

/** Notes the sequence number of a neighbour; false when it was used before (RFC 2328 §D.5.3, RFC 7166 §4.6). */
function isNew(iface: Interface, { type, routerId }: PacketHeader, source: bigint, sequence: bigint): boolean {
  const neighbor = iface.neighbors.get(neighborKey(iface, { routerId, source }));
  if (neighbor === undefined || neighbor.routerId !== routerId) return true;
  const { strict } = iface.authenticator;
  const last = neighbor.sequences.get(strict ? type : 0);
  if (last !== undefined && (strict ? sequence <= last : sequence < last)) return false;
  neighbor.sequences.set(strict ? type : 0, sequence);
  return true;
}

function dispatch(iface: Interface, { header, body, source, sequence }: Received): void {
  const { instance } = iface;
  const version = instance.version.number;
  const { type, routerId } = header;
  if (type === PacketType.HELLO) {
    const hello = readHello(version, body);
    if (hello === null) {
      count(instance, 'ospf.drop.malformed');
      return;
    }
    count(instance, 'ospf.received.hello');
    receiveHello(iface, hello, { routerId, source, sequence });
    return;
  }
  const neighbor = iface.neighbors.get(neighborKey(iface, { routerId, source }));
  if (neighbor === undefined || neighbor.routerId !== routerId) {
    count(instance, 'ospf.drop.no_neighbor');
    return;
  }
  neighbor.received += 1;
  const taken = work(neighbor, version, type, body);
  count(instance, taken ?? 'ospf.drop.malformed');
}

/** Null for a body that cannot be read. */
function work(neighbor: Neighbor, version: 2 | 3, type: number, body: Uint8Array): Counter | null {
  switch (type) {
    case PacketType.DD: {
      const dd = readDd(version, body);
      if (dd === null) return null;
      receiveDd(neighbor, dd);
      return 'ospf.received.dd';
    }
    case PacketType.LSR: {
      const names = readLsr(body);
      if (names === null) return null;
      receiveLsr(neighbor, names);
      return 'ospf.received.lsr';
    }
    case PacketType.LSU: {
      const lsas = readLsu(body);
      if (lsas === null) return null;
      receiveLsu(neighbor, lsas);
      return 'ospf.received.lsu';
    }
    default: {
      const headers = readLsack(version, body);
      if (headers === null) return null;
      receiveLsack(neighbor, headers);
      return 'ospf.received.lsack';
    }
  }
}
