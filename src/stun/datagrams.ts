/** A UDP socket of IPv4 that takes and sends one datagram at a time, with what only the native one can do. */
import { octetsOf, octetsToText, parseAddress } from '../config/address.js';
import {
  type Addon,
  UDP_PEER,
  UDP_SEND_BYTES,
  type UdpCounters,
  type UdpManner,
  type UdpSocket,
} from '../native/addon.js';
import type { Endpoint } from './attributes.js';

/** Longest datagram either way, without its headers. */
export const MAX_DATAGRAM_BYTES = UDP_SEND_BYTES;

export interface DatagramOptions {
  /** `0.0.0.0` for the kernel's choice. */
  address: string;
  /** 0: any free one. */
  port: number;
  device: string | null;
}

export interface Datagrams {
  /** As bound. */
  readonly local: Endpoint;
  /** False when the kernel refuses it. Throws RangeError for more than MAX_DATAGRAM_BYTES. */
  send(octets: Uint8Array, to: Endpoint, manner?: UdpManner): boolean;
  counters(): UdpCounters;
  close(): void;
}

/**
 * Opens it. `take` gets a view of each datagram that is good for as long as it runs, and the index of the device that it
 * came in by. Throws an Error with `code` (EADDRINUSE, EADDRNOTAVAIL, ENODEV …) and `syscall`.
 */
export function openDatagrams(
  addon: Pick<Addon, 'UdpSocket'>,
  { address, port, device }: DatagramOptions,
  take: (octets: Uint8Array, from: Endpoint, device: number) => void,
): Datagrams {
  const options = {
    address,
    port,
    device,
    family: 4,
    reusePort: false,
    slotBytes: MAX_DATAGRAM_BYTES,
    pathMtu: true,
  } as const;
  const socket: UdpSocket = new addon.UdpSocket(options, (count) => {
    for (let slot = 0; slot < count; slot++) {
      const start = slot * socket.slotBytes;
      const octets = socket.received.subarray(start, start + (socket.receivedLengths[slot] as number));
      take(octets, readPeer(socket.receivedPeers, slot), readDevice(socket.receivedPeers, slot));
    }
    return 0;
  });
  return {
    local: { address: socket.address, port: socket.port },
    send(octets, to, manner) {
      if (octets.length > MAX_DATAGRAM_BYTES) throw new RangeError(`a datagram of ${octets.length} bytes`);
      socket.toSend.set(octets);
      socket.toSendLengths[0] = octets.length;
      writePeer(socket.toSendPeers, to);
      return socket.send(1, manner) === 0;
    },
    counters: () => socket.counters(),
    close: () => socket.close(),
  };
}

function readPeer(peers: Uint8Array, slot: number): Endpoint {
  const at = slot * UDP_PEER.bytes;
  const start = at + UDP_PEER.address;
  const [high = 0, low = 0] = peers.subarray(at + UDP_PEER.port);
  return { address: octetsToText(peers.subarray(start, start + 4)), port: (high << 8) | low };
}

function readDevice({ buffer, byteOffset }: Uint8Array, slot: number): number {
  return new DataView(buffer, byteOffset + slot * UDP_PEER.bytes).getUint32(UDP_PEER.interface);
}

/** In the first slot. The socket is bound to its own address, which the record so need not name. */
function writePeer(peers: Uint8Array, { address, port }: Endpoint): void {
  const read = parseAddress(address);
  if (read === null || read.family !== 4) throw new RangeError(`not an IPv4 address: ${address}`);
  peers.fill(0, 0, UDP_PEER.bytes);
  peers[UDP_PEER.family] = 4;
  peers[UDP_PEER.port] = port >> 8;
  peers[UDP_PEER.port + 1] = port & 0xff;
  peers.set(octetsOf(read.value, 4), UDP_PEER.address);
}
