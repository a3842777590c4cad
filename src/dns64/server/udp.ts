/**
 * UDP for a server that answers most of what it is asked at once: one call carries up to 64 datagrams, and their
 * answers, between the kernel and the handler. `openUdp` is the native core's socket; `openUdpDgram` (udp-dgram.ts) is
 * the same by node:dgram, one datagram at a time.
 *
 *     const listener = openUdp({ address: '::', port: 53, family: 6, reusePort: true }, (batch, count) => {
 *       // Query i: batch.received from i * batch.slotBytes on, batch.receivedLengths[i] bytes of it.
 *       // Answer k: written to batch.toSend at k * UDP_SEND_BYTES, its size to batch.toSendLengths[k].
 *       copyPeer(batch.receivedPeers, i, batch.toSendPeers, k);
 *       return answers;
 *     });
 *
 * An answer that takes longer: keep the query's peer record, later write the answer and the record to a send slot, and
 * call `send`. The send slots are free whenever no handler is at work.
 */
import { formatTransportAddress, octetsToText, parseAddress } from '../../config/address.js';
import { isSystemError, socketFailure } from '../../errors.js';
import { type Addon, loadAddon, UDP_BATCH, UDP_PEER } from '../../native/addon.js';
import { wordAt } from '../wire/words.js';

/** Far more than any query has. */
const SLOT_BYTES = 4096;

export interface UdpOptions {
  /** Of the family, without a zone; `::` and `0.0.0.0` are all of a family. */
  address: string;
  /** 0: any free one. */
  port: number;
  /** 6 takes no IPv4: a service listens on both separately. */
  family: 4 | 6;
  /** Lets other sockets of this user, in other threads or processes, share the port. */
  reusePort: boolean;
}

/** The memory that datagrams lie in: UDP_BATCH slots of `slotBytes` received, as many of UDP_SEND_BYTES to send. */
export interface UdpBatch {
  received: Uint8Array;
  receivedLengths: Int32Array;
  receivedPeers: Uint8Array;
  toSend: Uint8Array;
  toSendLengths: Int32Array;
  toSendPeers: Uint8Array;
  readonly slotBytes: number;
}

export interface UdpListener extends UdpBatch {
  readonly port: number;
  /** Sends the first `count` send slots; does not wait, and does nothing once closed. Throws RangeError for no count. */
  send(count: number): void;
  /** Datagrams so far (see `UdpCounters`). */
  counters(): Record<string, number>;
  close(): void;
}

/**
 * Called with how many datagrams lie in the receive slots; returns how many answers lie in the send slots. What it
 * throws is an uncaughtException, and nothing of that batch is sent.
 */
export type OnBatch = (batch: UdpListener, count: number) => number;

/** Opens the native core's socket. Throws RangeError for wrong options and what `listenError` makes. */
export function openUdp(options: UdpOptions, handler: OnBatch, addon: Addon = loadAddon()): UdpListener {
  checkOptions(options);
  const open = () => {
    try {
      return new addon.UdpSocket({ ...options, slotBytes: SLOT_BYTES }, (count) =>
        checkCount(handler(listener, count)),
      );
    } catch (error) {
      throw listenError(options, error);
    }
  };
  const socket = open();
  const { received, receivedLengths, receivedPeers, toSend, toSendLengths, toSendPeers, slotBytes, port } = socket;
  const listener: UdpListener = {
    received,
    receivedLengths,
    receivedPeers,
    toSend,
    toSendLengths,
    toSendPeers,
    slotBytes,
    port,
    send: (count) => {
      socket.send(checkCount(count));
    },
    counters: () => ({ ...socket.counters() }),
    close: () => socket.close(),
  };
  return listener;
}

/** Throws RangeError where an option is none, in a sentence. */
export function checkOptions({ address, port, family }: UdpOptions): void {
  const wrong = (found: string, expected: string) => new RangeError(`UDP socket: found ${found}, expected ${expected}`);
  if (family !== 4 && family !== 6) throw wrong(`family ${family}`, '4 or 6');
  if (parseAddress(address)?.family !== family) throw wrong(`address "${address}"`, `an IPv${family} address`);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw wrong(`port ${port}`, '0..65535');
}

/** `count`, when a batch can have as many. Throws RangeError. */
export function checkCount(count: number): number {
  if (Number.isInteger(count) && count >= 0 && count <= UDP_BATCH) return count;
  throw new RangeError(`UDP socket: found ${count} datagrams to send, expected 0..${UDP_BATCH}`);
}

/** A socket's error as a sentence that names the address, with the `code` (EADDRINUSE …) and `syscall` it had. */
export function listenError(options: UdpOptions, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const where = formatTransportAddress(options.address, options.port);
  const sentence = `cannot listen on ${where} (UDP): ${socketFailure(error)}`;
  return Object.assign(new Error(sentence, { cause: error }), { code: error.code, syscall: error.syscall });
}

/** The family of peer `index`: 4 or 6. */
export function peerFamily(peers: Uint8Array, index: number): 4 | 6 {
  return peers[index * UDP_PEER.bytes + UDP_PEER.family] === 4 ? 4 : 6;
}

/** The port of peer `index`. */
export function peerPort(peers: Uint8Array, index: number): number {
  return wordAt(peers, index * UDP_PEER.bytes + UDP_PEER.port);
}

/** Where in `peers` the address of peer `index` lies: 4 or 16 bytes. */
export function peerAddressOffset(index: number): number {
  return index * UDP_PEER.bytes + UDP_PEER.address;
}

/** Where in `peers` the address lies that peer `index` asked: 4 or 16 bytes. */
export function peerLocalOffset(index: number): number {
  return index * UDP_PEER.bytes + UDP_PEER.local;
}

/** The interface that the address of peer `index` belongs to, 0 for one that is not link-local. */
export function peerScope(peers: Uint8Array, index: number): number {
  return Buffer.from(peers.buffer, peers.byteOffset + index * UDP_PEER.bytes).readUInt32BE(UDP_PEER.scope);
}

/** Peer `index` as `192.0.2.1#5000`, link-local ones as `fe80::1%2#5000`: for logs. */
export function peerText(peers: Uint8Array, index: number): string {
  const scope = peerScope(peers, index);
  const zone = scope === 0 ? '' : `%${scope}`;
  return formatTransportAddress(`${peerAddress(peers, index)}${zone}`, peerPort(peers, index));
}

/** The address of peer `index` as text, without a zone. */
export function peerAddress(peers: Uint8Array, index: number): string {
  const at = peerAddressOffset(index);
  return octetsToText(peers.subarray(at, at + (peerFamily(peers, index) === 4 ? 4 : 16)));
}

/** Copies a peer record: the answer in slot `to` goes where the query in slot `from` came from. */
export function copyPeer(peers: Uint8Array, from: number, target: Uint8Array, to: number): void {
  const start = from * UDP_PEER.bytes;
  const at = to * UDP_PEER.bytes;
  for (let i = 0; i < UDP_PEER.bytes; i += 1) target[at + i] = peers[start + i] ?? 0;
}
