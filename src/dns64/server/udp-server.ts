/**
 * The engine behind a UDP socket: a batch of queries in, the answers that are ready out in the same call; the others
 * follow by themselves, together with whatever else became ready in that turn of the event loop.
 */
import { UDP_BATCH, UDP_PEER, UDP_SEND_BYTES } from '../../native/addon.js';
import { type Engine, LATER } from '../engine.js';
import type { Client } from './client.js';
import { copyPeer, type OnBatch, peerAddressOffset, peerFamily, type UdpListener } from './udp.js';

/** Queries that wait for upstream at once: what a flood of misses can pile up, some 200 bytes each. */
const MAX_WAITING = 16_384;

/** Opens a socket with `open` and serves it. `overload` is told of queries that find too many others waiting. */
export function serveUdp(open: (handler: OnBatch) => UdpListener, engine: Engine, overload: () => void): UdpListener {
  const clients: Readonly<Record<4 | 6, Client>> = {
    4: { family: 4, address: new Uint8Array(4), transport: 'udp' },
    6: { family: 6, address: new Uint8Array(16), transport: 'udp' },
  };
  let listener: UdpListener | null = null;
  let filled = 0;
  let waiting = 0;
  let flushing = false;

  function clientOf(peers: Uint8Array, index: number): Client {
    const client = clients[peerFamily(peers, index)];
    const at = peerAddressOffset(index);
    for (let i = 0; i < client.address.length; i++) client.address[i] = peers[at + i] as number;
    return client;
  }

  function flush(batch: UdpListener): void {
    if (filled > 0) batch.send(filled);
    filled = 0;
  }

  /** Resolves one query and sends its answer with those of the same turn. */
  function later(query: Uint8Array, peer: Uint8Array, client: Client): void {
    waiting += 1;
    engine.answerLater(query, client, (answer) => {
      waiting -= 1;
      if (answer === null || listener === null) return;
      if (filled === UDP_BATCH) flush(listener);
      listener.toSend.set(answer, filled * UDP_SEND_BYTES);
      listener.toSendLengths[filled] = answer.length;
      listener.toSendPeers.set(peer, filled * UDP_PEER.bytes);
      filled += 1;
      if (flushing) return;
      flushing = true;
      setImmediate(flushLater);
    });
  }

  function flushLater(): void {
    flushing = false;
    if (listener !== null) flush(listener);
  }

  const onBatch: OnBatch = (batch, count) => {
    flush(batch);
    const { received, receivedLengths, receivedPeers, slotBytes, toSend } = batch;
    for (let i = 0; i < count; i++) {
      const start = i * slotBytes;
      const query = received.subarray(start, start + (receivedLengths[i] as number));
      const client = clientOf(receivedPeers, i);
      const length = engine.answerNow(query, client, toSend, filled * UDP_SEND_BYTES);
      if (length > 0) {
        batch.toSendLengths[filled] = length;
        copyPeer(receivedPeers, i, batch.toSendPeers, filled);
        filled += 1;
      } else if (length === LATER) {
        if (waiting >= MAX_WAITING) {
          overload();
          continue;
        }
        const at = i * UDP_PEER.bytes;
        const peer = receivedPeers.slice(at, at + UDP_PEER.bytes);
        later(query.slice(), peer, { ...client, address: client.address.slice() });
      }
    }
    const answers = filled;
    filled = 0;
    return answers;
  };

  const opened = open(onBatch);
  listener = opened;
  return {
    ...opened,
    close() {
      listener = null;
      opened.close();
    },
  };
}
