/**
 * The face of udp.ts by node:dgram, for where the native core is not built: one datagram a batch. What it cannot do is
 * choose the address that an answer leaves from (Node has no IP_PKTINFO). On a host with several addresses, listen on
 * each of them rather than on a wildcard: there the kernel chooses, and a client that sees an answer from an address
 * it did not ask ignores it (RFC 2181 §4.1). Nor does it keep answers from obeying path MTUs that ICMP told.
 */
import { createSocket, type RemoteInfo, type SocketOptions } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { octetsOf, parseAddress } from '../../config/address.js';
import { UDP_BATCH, UDP_PEER, UDP_SEND_BYTES, type UdpCounters } from '../../native/addon.js';
import {
  checkCount,
  checkOptions,
  listenError,
  type OnBatch,
  peerAddress,
  peerAddressOffset,
  peerFamily,
  peerLocalOffset,
  peerPort,
  peerScope,
  type UdpListener,
  type UdpOptions,
} from './udp.js';

const SLOT_BYTES = 4096;
/** Node queues what the kernel has no room for; more than this is dropped. */
const MOST_QUEUED_BYTES = 4 * 2 ** 20;
const BUFFER_BYTES = 8 * 2 ** 20;

/**
 * Opens a node:dgram socket: options, handler and errors as `openUdp`. `reusePort` needs Node 23.1; an older one does
 * without, so that the second socket finds the port in use.
 */
export function openUdpDgram(options: UdpOptions, handler: OnBatch): UdpListener {
  checkOptions(options);
  const { address, family, reusePort } = options;
  const counters: UdpCounters = {
    received: 0,
    sent: 0,
    truncated: 0,
    send_refused: 0,
    send_dropped: 0,
    // Node cannot ask.
    receive_dropped: 0,
    bad_source: 0,
  };
  const zones = interfaceZones();
  let closed = false;
  let failure: unknown = new Error('UDP socket: not bound at once');

  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ipv6Only: family === 6,
    recvBufferSize: BUFFER_BYTES,
    sendBufferSize: BUFFER_BYTES,
    reusePort,
    // All addresses are numbers: nothing to look up, and so bind() is done when it returns.
    lookup: (host, _options, done) => done(null, host, family),
  } as SocketOptions);
  const onFailure = (error: Error) => {
    failure = error;
  };
  socket.once('error', onFailure);
  socket.once('listening', () => {
    failure = null;
  });
  socket.bind(options.port, address);
  if (failure !== null) {
    socket.close();
    throw listenError(options, failure);
  }
  socket.off('error', onFailure);

  const send = (count: number): void => {
    checkCount(count);
    if (closed) return;
    for (let slot = 0; slot < count; slot += 1) sendSlot(slot);
  };

  const sendSlot = (slot: number): void => {
    const length = listener.toSendLengths[slot] ?? -1;
    const port = peerPort(listener.toSendPeers, slot);
    const peers = listener.toSendPeers;
    const known = peers[slot * UDP_PEER.bytes + UDP_PEER.family] === family;
    if (!known || port === 0 || length < 0 || length > UDP_SEND_BYTES) {
      counters.send_refused += 1;
      return;
    }
    if (socket.getSendQueueSize() > MOST_QUEUED_BYTES) {
      counters.send_dropped += 1;
      return;
    }
    // A copy: Node may send it later, when the slot has another answer.
    const start = slot * UDP_SEND_BYTES;
    socket.send(listener.toSend.slice(start, start + length), port, zones.textOf(peers, slot), (error) => {
      counters[error === null ? 'sent' : 'send_refused'] += 1;
    });
  };

  const listener: UdpListener = {
    received: new Uint8Array(UDP_BATCH * SLOT_BYTES),
    receivedLengths: new Int32Array(UDP_BATCH),
    receivedPeers: new Uint8Array(UDP_BATCH * UDP_PEER.bytes),
    toSend: new Uint8Array(UDP_BATCH * UDP_SEND_BYTES),
    toSendLengths: new Int32Array(UDP_BATCH),
    toSendPeers: new Uint8Array(UDP_BATCH * UDP_PEER.bytes),
    slotBytes: SLOT_BYTES,
    port: socket.address().port,
    send,
    counters: () => ({ ...counters }),
    close: () => {
      if (!closed) socket.close();
      closed = true;
    },
  };

  // Our address, where it is known: on a wildcard socket it stays zero, as the record has it for the kernel's choice.
  const local = bytesOf(address);
  socket.on('message', (message, from) => {
    if (closed) return;
    if (message.length > SLOT_BYTES) {
      counters.truncated += 1;
      return;
    }
    if (from.port === 0) {
      counters.bad_source += 1;
      return;
    }
    counters.received += 1;
    listener.received.set(message);
    listener.receivedLengths[0] = message.length;
    writePeer(listener.receivedPeers, from, family, local, zones.scopeOf(from.address));
    send(handler(listener, 1));
  });
  // An error of a socket that is bound concerns one datagram, which its own callback counts.
  socket.on('error', () => undefined);
  return listener;
}

/** The record of slot 0. */
function writePeer(peers: Uint8Array, from: RemoteInfo, family: 4 | 6, local: Uint8Array, scope: number): void {
  const record = Buffer.from(peers.buffer, peers.byteOffset, UDP_PEER.bytes).fill(0);
  record[UDP_PEER.family] = family;
  record.writeUInt16BE(from.port, UDP_PEER.port);
  record.writeUInt32BE(scope, UDP_PEER.scope);
  record.set(bytesOf(from.address), peerAddressOffset(0));
  record.set(local, peerLocalOffset(0));
}

/** An address in wire order; its zone is left out. */
function bytesOf(text: string): Uint8Array {
  const address = parseAddress(text.replace(/%.*/, ''));
  if (address === null) throw new RangeError(`not an address: ${text}`);
  return octetsOf(address.value, address.family);
}

/** Interfaces of link-local addresses: node:dgram names them (`fe80::1%eth0`), peer records have their numbers. */
function interfaceZones() {
  const names = new Map<number, string>();
  const numbers = new Map<string, number>();
  const read = () => {
    for (const [name, addresses] of Object.entries(networkInterfaces())) {
      for (const { family, scopeid } of addresses ?? []) {
        if (family !== 'IPv6' || !scopeid) continue;
        names.set(scopeid, name);
        numbers.set(name, scopeid);
      }
    }
  };
  return {
    /** 0 for an address without a zone. */
    scopeOf: (address: string): number => {
      const at = address.indexOf('%');
      if (at < 0) return 0;
      const name = address.slice(at + 1);
      if (!numbers.has(name)) read();
      return numbers.get(name) ?? 0;
    },
    textOf: (peers: Uint8Array, index: number): string => {
      const scope = peerFamily(peers, index) === 6 ? peerScope(peers, index) : 0;
      const name = scope === 0 ? undefined : names.get(scope);
      return name === undefined ? peerAddress(peers, index) : `${peerAddress(peers, index)}%${name}`;
    },
  };
}
