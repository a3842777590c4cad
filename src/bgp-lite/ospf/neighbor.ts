/** A neighbour's life: made by its first Hello, moved by events (RFC 2328 §10), gone with the last. */

import { isLinkLocal, parseAddress } from '../../config/address.js';
import { formatIdentifier } from './codec/identifier.js';
import { repeatDd, startNegotiation } from './dd.js';
import { interfaceEvent } from './interface.js';
import { isMaxAge } from './lsdb.js';
import { requestAgain } from './lsr.js';
import { complain, count, type Interface, linkIdOf, type Neighbor } from './model.js';
import { atLeast, type NeighborEvent, type NeighborState, neighborTransition } from './neighbor-fsm.js';
import { addRetransmission, clearRetransmissions, retransmit } from './retransmission.js';
import { createDeadline, createTimer } from './timer.js';
import type { Destination } from './version.js';

/** More routers than this on one link are not spoken to. */
export const MAX_NEIGHBORS = 128;

export function createNeighbor(iface: Interface, key: string, routerId: number, address: Destination): Neighbor {
  const { clock } = iface.instance;
  const neighbor: Neighbor = {
    iface,
    key,
    routerId,
    address,
    interfaceId: 0,
    state: 'down',
    priority: 0,
    options: 0,
    dr: 0,
    backup: 0,
    master: false,
    ddSequence: 0,
    ddTaken: null,
    ddSent: null,
    ddMore: false,
    ddUntilMs: 0,
    summary: [],
    requests: new Map(),
    asked: new Set(),
    retransmissions: new Map(),
    timers: {
      inactivity: createDeadline(clock, () => lose(neighbor)),
      dd: createTimer(clock, () => repeatDd(neighbor)),
      lsr: createTimer(clock, () => requestAgain(neighbor)),
      retransmit: createTimer(clock, () => retransmit(neighbor)),
    },
    sequences: new Map(),
    bfd: null,
    fullSinceMs: null,
    lastError: null,
    received: 0,
    sent: 0,
  };
  iface.neighbors.set(key, neighbor);
  return neighbor;
}

function lose(neighbor: Neighbor): void {
  if (neighbor.state !== 'down') {
    neighbor.iface.lastError = `no Hello from ${formatIdentifier(neighbor.routerId)} for ${neighbor.iface.config.deadSeconds} s`;
  }
  killNeighbor(neighbor, 'inactivity');
}

/** Ends a neighbour and forgets it. */
export function killNeighbor(neighbor: Neighbor, event: 'kill' | 'inactivity' = 'kill'): void {
  if (neighbor.bfd !== null) {
    const { watch } = neighbor.bfd;
    neighbor.bfd = null;
    watch.close();
  }
  neighborEvent(neighbor, event);
  neighbor.iface.neighbors.delete(neighbor.key);
}

/** RFC 2328 §10.4; RFC 5882 §4.1 where BFD is strict. */
export function shouldBeAdjacent(neighbor: Neighbor): boolean {
  const { iface } = neighbor;
  if (iface.config.bfd?.strict === true && neighbor.bfd?.watch.state() !== 'up') return false;
  if (iface.config.type === 'point-to-point' || iface.state === 'dr' || iface.state === 'backup') return true;
  const id = linkIdOf(neighbor);
  return id === iface.dr || id === iface.backup;
}

export function neighborEvent(neighbor: Neighbor, event: NeighborEvent): void {
  const { iface, timers } = neighbor;
  const was = neighbor.state;
  const facts = { adjacent: shouldBeAdjacent(neighbor), complete: neighbor.requests.size === 0 };
  const { state, actions } = neighborTransition(was, event, facts);
  neighbor.state = state;
  if (event === 'sequence-mismatch' && was !== state) count(iface.instance, 'ospf.adjacency.sequence_mismatch');
  if (event === 'bad-request' && was !== state) count(iface.instance, 'ospf.adjacency.bad_request');
  for (const action of actions) {
    if (action === 'restart-inactivity') timers.inactivity.start(iface.config.deadSeconds * 1000);
    else if (action === 'stop-inactivity') timers.inactivity.stop();
    else if (action === 'negotiate') startNegotiation(neighbor);
    else if (action === 'list-database') listDatabase(neighbor);
    else clearLists(neighbor);
  }
  if (state !== was) changed(neighbor, was);
}

function changed(neighbor: Neighbor, was: NeighborState): void {
  const { iface, state } = neighbor;
  const { instance } = iface;
  const name = `OSPFv${instance.version.number} neighbour ${formatIdentifier(neighbor.routerId)} on ${iface.config.name}`;
  if (state === 'full') {
    neighbor.fullSinceMs = instance.clock();
    neighbor.timers.dd.stop();
    instance.log.info(`${name} is Full`);
  } else if (was === 'full') {
    neighbor.fullSinceMs = null;
    instance.log.warn(`${name} is no longer Full: ${state}`);
  }
  if (atLeast(state, '2-way') && !atLeast(was, '2-way')) watchBfd(neighbor);
  if (atLeast(state, '2-way') !== atLeast(was, '2-way')) interfaceEvent(iface, 'neighbor-change');
  if ((state === 'full') !== (was === 'full')) instance.originate();
}

function clearLists(neighbor: Neighbor): void {
  neighbor.summary = [];
  neighbor.requests.clear();
  neighbor.asked.clear();
  neighbor.ddTaken = null;
  neighbor.ddSent = null;
  clearRetransmissions(neighbor);
  for (const timer of [neighbor.timers.dd, neighbor.timers.lsr]) timer.stop();
}

/** RFC 2328 §10.3: what is to be described; LSAs of MaxAge are sent instead. */
function listDatabase(neighbor: Neighbor): void {
  const { iface } = neighbor;
  const { instance, area } = iface;
  const nowMs = instance.clock();
  neighbor.summary = [];
  for (const store of area.type === 'normal' ? [area.store, iface.store, instance.as] : [area.store, iface.store]) {
    for (const lsa of store.lsas.values()) {
      if (isMaxAge(lsa, nowMs)) addRetransmission(neighbor, lsa);
      else neighbor.summary.push(lsa);
    }
  }
}

/** RFC 5882: a session for each neighbour that hears us; when it goes down, so does the neighbour, at once. */
function watchBfd(neighbor: Neighbor): void {
  const { iface } = neighbor;
  const { bfd } = iface.instance;
  const { config } = iface;
  const { version } = iface.instance;
  if (bfd === null || config.bfd === null || neighbor.bfd !== null) return;
  const local =
    version.family === 4 ? iface.device?.address4?.address : iface.device?.addresses6.find(hasLinkLocal)?.address;
  if (local === undefined) return;
  const session = { remote: neighbor.address.text, local, device: config.name, config: config.bfd };
  const watch = bfd.watch(session, (state, remoteState) => {
    const own = neighbor.bfd;
    if (own === null) return;
    if (state === 'up') {
      own.wasUp = true;
      own.down = false;
      neighborEvent(neighbor, 'adj-ok');
      return;
    }
    // RFC 5882 §4.3.1: a session that the other side shut down on purpose says nothing about the path.
    if (state !== 'down' || !own.wasUp || remoteState === 'admin-down') return;
    own.wasUp = false;
    own.down = true;
    complain(iface, 'bfd', `BFD with ${formatIdentifier(neighbor.routerId)} (${neighbor.address.text}) is down`);
    neighborEvent(neighbor, 'kill');
    // Its Hellos are not taken until BFD is up again, or for this long.
    neighbor.timers.inactivity.start(config.deadSeconds * 1000);
  });
  neighbor.bfd = { watch, wasUp: watch.state() === 'up', down: false };
}

/** For the addresses of a device. */
export const hasLinkLocal = ({ address }: { address: string }): boolean => isLinkLocal(parseAddress(address));
