/** An interface's life: up with its socket, the Designated Router it knows, and down (RFC 2328 §9). */
import { parseAddress } from '../../config/address.js';
import type { OspfInterfaceConfig } from '../../config/announce.js';
import { messageOf, socketFailure } from '../../errors.js';
import type { Authenticator } from './authentication/authenticator.js';
import { greet, sendHello } from './hello.js';
import type { OspfDevice, OspfPacket, OspfSockets } from './host.js';
import { elect, type InterfaceEvent, type InterfaceState, interfaceTransition } from './interface-fsm.js';
import { sendDelayedAcks } from './lsack.js';
import { createStore } from './lsdb.js';
import { type Area, complain, type Interface, linkIdOf, ownLinkId } from './model.js';
import { hasLinkLocal, killNeighbor, neighborEvent } from './neighbor.js';
import { atLeast } from './neighbor-fsm.js';
import { createTimer } from './timer.js';

export function createInterface(area: Area, config: OspfInterfaceConfig, authenticator: Authenticator): Interface {
  const { clock } = area.instance;
  const iface: Interface = {
    instance: area.instance,
    area,
    config,
    state: 'down',
    device: null,
    socket: null,
    address: 0n,
    authenticator,
    dr: 0,
    backup: 0,
    neighbors: new Map(),
    store: createStore(`link ${config.name}`),
    floods: new Map(),
    acks: new Map(),
    timers: {
      hello: createTimer(clock, () => greet(iface)),
      wait: createTimer(clock, () => interfaceEvent(iface, 'wait-timer')),
      ack: createTimer(clock, () => sendDelayedAcks(iface)),
    },
    helloSentMs: Number.NEGATIVE_INFINITY,
    lastError: null,
    complaints: new Map(),
  };
  area.interfaces.push(iface);
  return iface;
}

/** The address that packets are sent from: the device's first of version 2, its link-local one of version 3. */
export function sourceOf(family: 4 | 6, device: OspfDevice): string | null {
  return (family === 4 ? device.address4?.address : device.addresses6.find(hasLinkLocal)?.address) ?? null;
}

/** Follows the device: up when it can carry OSPF, down when it cannot, down and up when its addresses changed. */
export function followDevice(
  iface: Interface,
  device: OspfDevice | null,
  sockets: OspfSockets,
  receive: (iface: Interface, packets: readonly OspfPacket[]) => void,
): void {
  const { version } = iface.instance;
  const source = device?.up === true ? sourceOf(version.family, device) : null;
  const usable = device !== null && source !== null;
  const was = iface.device;
  if (iface.state !== 'down') {
    const moved =
      !usable ||
      was === null ||
      device.index !== was.index ||
      parseAddress(source)?.value !== iface.address ||
      (version.family === 4 && device.address4?.length !== was.address4?.length);
    if (!moved) {
      iface.device = device;
      return;
    }
    takeDown(iface);
  }
  if (!usable) {
    const why =
      device === null ? 'there is no such device' : device.up ? noAddress(version.family) : 'the device is down';
    if (iface.lastError !== why) complain(iface, why, why);
    return;
  }
  iface.device = device;
  iface.address = parseAddress(source)?.value ?? 0n;
  try {
    const options = { family: version.family, device: iface.config.name, source };
    iface.socket = sockets.open(options, (packets) => {
      // The kernel's batch may still be on its way when the interface is taken down.
      if (iface.state !== 'down') receive(iface, packets);
    });
    iface.socket.join(version.allSpfRouters.text);
  } catch (error) {
    iface.socket?.close();
    iface.socket = null;
    iface.device = null;
    complain(iface, 'socket', `cannot open the socket: ${socketFailure(error)}`);
    return;
  }
  iface.lastError = null;
  interfaceEvent(iface, 'up');
}

const noAddress = (family: 4 | 6): string => `the device has no ${family === 4 ? 'IPv4' : 'link-local IPv6'} address`;

export function interfaceEvent(iface: Interface, event: InterfaceEvent): void {
  const was = iface.state;
  const { state, elect: electing } = interfaceTransition(was, event, iface.config);
  iface.state = state;
  if (event === 'up' && was === 'down') {
    if (state === 'waiting') iface.timers.wait.start(iface.config.deadSeconds * 1000);
    greet(iface);
    iface.instance.originate();
  }
  if (electing) electRouter(iface);
}

/** RFC 2328 §9.4, with the adjacencies that follow from it. */
function electRouter(iface: Interface): void {
  const { instance, config } = iface;
  iface.timers.wait.stop();
  const self = {
    id: ownLinkId(iface),
    routerId: instance.routerId,
    priority: config.priority,
    dr: iface.dr,
    backup: iface.backup,
  };
  const neighbors = [...iface.neighbors.values()].filter(({ state }) => atLeast(state, '2-way'));
  const candidates = neighbors.map((one) => ({
    id: linkIdOf(one),
    routerId: one.routerId,
    priority: one.priority,
    dr: one.dr,
    backup: one.backup,
  }));
  const { dr, backup, state } = elect(self, candidates);
  if (dr === iface.dr && backup === iface.backup && state === iface.state) return;
  const was = iface.state;
  Object.assign(iface, { dr, backup, state });
  followRole(iface, was);
  for (const neighbor of neighbors) neighborEvent(neighbor, 'adj-ok');
  instance.originate();
}

/** RFC 2328 §9.5: who speaks for the link, or may have to, hears what is said to those. */
function followRole({ instance, socket, state, config }: Interface, was: InterfaceState): void {
  const speaks = (one: InterfaceState) => one === 'dr' || one === 'backup';
  if (speaks(state) === speaks(was) || socket === null) return;
  const { text } = instance.version.allDRouters;
  try {
    if (speaks(state)) socket.join(text);
    else socket.leave(text);
  } catch (error) {
    instance.log.error(`OSPFv${instance.version.number} on ${config.name}: ${text}: ${messageOf(error)}`);
  }
}

/** Ends everything on the interface; LSAs of its link are gone with it. */
export function takeDown(iface: Interface): void {
  if (iface.state === 'down') return;
  // First, so that what follows is not about a Designated Router.
  iface.state = interfaceTransition(iface.state, 'down', iface.config).state;
  for (const neighbor of [...iface.neighbors.values()]) killNeighbor(neighbor);
  for (const timer of Object.values(iface.timers)) timer.stop();
  Object.assign(iface, { dr: 0, backup: 0 });
  iface.floods.clear();
  iface.acks.clear();
  iface.store.lsas.clear();
  iface.socket?.close();
  iface.socket = null;
  iface.device = null;
  iface.address = 0n;
  iface.instance.originate();
}

/** The last Hello, which names nobody. */
export function bidFarewell(iface: Interface): void {
  if (iface.state !== 'down') sendHello(iface, true);
}
