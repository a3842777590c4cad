/** Hello packets: who is there, and whether they hear us (RFC 2328 §9.5, §10.5; RFC 5340 §4.2.2.1). */
import { formatAddress } from '../../config/address.js';
import { type Hello, writeHello } from './codec/hello.js';
import { formatIdentifier, maskOf } from './codec/identifier.js';
import { Option, PacketType } from './codec/numbers.js';
import { interfaceEvent } from './interface.js';
import { complain, count, type Interface, linkIdOf, type Neighbor } from './model.js';
import { createNeighbor, killNeighbor, MAX_NEIGHBORS, neighborEvent } from './neighbor.js';
import { atLeast } from './neighbor-fsm.js';
import { sendPacket } from './transmission.js';

/** Another router is greeted at once, but not more often than this. */
const MIN_HELLO_MS = 1000;

/** The timer's work: a Hello, and the next one in HelloInterval. */
export function greet(iface: Interface): void {
  sendHello(iface);
  iface.timers.hello.start(iface.config.helloSeconds * 1000);
}

/** `farewell` names no neighbour, so that they know at once that they are not heard any more. */
export function sendHello(iface: Interface, farewell = false): void {
  const { instance, area, config, device } = iface;
  const { version } = instance;
  if (device === null) return;
  const heard = [...iface.neighbors.values()].filter(({ state }) => atLeast(state, 'init'));
  const body = writeHello(version.number, {
    maskOrInterfaceId: version.number === 2 ? maskOf(device.address4?.length ?? 0) : device.index,
    helloSeconds: config.helloSeconds,
    options: version.options(area.type) | iface.authenticator.options,
    priority: config.priority,
    deadSeconds: config.deadSeconds,
    dr: iface.dr,
    backup: iface.backup,
    neighbors: farewell ? [] : heard.map(({ routerId }) => routerId),
  });
  iface.helloSentMs = instance.clock();
  sendPacket(iface, PacketType.HELLO, body, version.allSpfRouters);
}

/** What is wrong with the parameters of a Hello, null when they are those of this interface. */
function mismatchOf({ instance, area, config, device }: Interface, hello: Hello): string | null {
  const { version } = instance;
  if (hello.helloSeconds !== config.helloSeconds) {
    return `its hello interval is ${hello.helloSeconds} s, ours ${config.helloSeconds} s`;
  }
  if (hello.deadSeconds !== config.deadSeconds) {
    return `its dead interval is ${hello.deadSeconds} s, ours ${config.deadSeconds} s`;
  }
  const mask = maskOf(device?.address4?.length ?? 0);
  if (version.number === 2 && config.type === 'broadcast' && hello.maskOrInterfaceId !== mask) {
    return `its mask is ${formatIdentifier(hello.maskOrInterfaceId)}, ours ${formatIdentifier(mask)}`;
  }
  const bits = Option.E | Option.N;
  return (hello.options & bits) === (version.options(area.type) & bits) ? null : `its area is not of type ${area.type}`;
}

/** Whom a Hello is from. */
export interface Sender {
  routerId: number;
  source: bigint;
  /** Sequence number of the authenticated packet. */
  sequence: bigint | null;
}

export function receiveHello(iface: Interface, hello: Hello, sender: Sender): void {
  const { instance } = iface;
  const wrong = mismatchOf(iface, hello);
  if (wrong !== null) {
    count(instance, 'ospf.drop.hello_mismatch');
    complain(iface, 'hello', `Hello of ${formatIdentifier(sender.routerId)} is not taken: ${wrong}`);
    return;
  }
  const neighbor = neighborFor(iface, sender);
  if (neighbor === null) return;
  if (neighbor.bfd?.down === true) {
    count(instance, 'ospf.drop.bfd');
    return;
  }
  neighbor.received += 1;
  const isNew = neighbor.state === 'down';
  const before = { priority: neighbor.priority, dr: neighbor.dr, backup: neighbor.backup };
  const { priority, dr, backup } = hello;
  Object.assign(neighbor, { priority, dr, backup });
  if (instance.version.number === 3) neighbor.interfaceId = hello.maskOrInterfaceId;
  neighborEvent(neighbor, 'hello-received');
  if (isNew && instance.clock() - iface.helloSentMs >= MIN_HELLO_MS) sendHello(iface);
  if (!hello.neighbors.includes(instance.routerId)) {
    neighborEvent(neighbor, '1-way-received');
    return;
  }
  const wasTwoWay = atLeast(neighbor.state, '2-way');
  neighborEvent(neighbor, '2-way-received');
  if (wasTwoWay || iface.state === 'waiting') claimsOf(neighbor, before);
}

/** What of the neighbour's claims calls for another election (RFC 2328 §9.2). */
function claimsOf(neighbor: Neighbor, before: Pick<Neighbor, 'priority' | 'dr' | 'backup'>): void {
  const { iface, priority, dr, backup } = neighbor;
  const id = linkIdOf(neighbor);
  if (iface.state === 'waiting') {
    if (backup === id || (dr === id && backup === 0)) interfaceEvent(iface, 'backup-seen');
    return;
  }
  const claims = (before.dr === id) !== (dr === id) || (before.backup === id) !== (backup === id);
  if (claims || before.priority !== priority) interfaceEvent(iface, 'neighbor-change');
}

/** How a neighbour is looked up: by source on broadcast links of version 2, else by router ID (RFC 2328 §8.2). */
export function neighborKey({ instance, config }: Interface, { routerId, source }: Omit<Sender, 'sequence'>): string {
  return instance.version.number === 2 && config.type === 'broadcast' ? `@${source}` : String(routerId);
}

function neighborFor(iface: Interface, sender: Sender): Neighbor | null {
  const { instance } = iface;
  const key = neighborKey(iface, sender);
  const address = { text: formatAddress(instance.version.family, sender.source), value: sender.source };
  const known = iface.neighbors.get(key);
  if (known !== undefined && known.routerId === sender.routerId) {
    if (known.address.value !== address.value) known.address = address;
    return known;
  }
  if (known !== undefined) killNeighbor(known);
  if (iface.neighbors.size >= MAX_NEIGHBORS) {
    count(instance, 'ospf.drop.neighbors_full');
    complain(iface, 'neighbors', `more than ${MAX_NEIGHBORS} neighbours; the others are not taken`);
    return null;
  }
  const neighbor = createNeighbor(iface, key, sender.routerId, address);
  if (sender.sequence !== null) {
    neighbor.sequences.set(iface.authenticator.strict ? PacketType.HELLO : 0, sender.sequence);
  }
  return neighbor;
}
