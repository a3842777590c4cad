/**
 * What a `UdpSocket` (udp-socket.ts) sends and receives by: a datagram socket that was bound to a drawn port and then
 * connected, so that the kernel drops what comes from elsewhere (RFC 5452 §9.1). `createNativeLinks` is the native
 * core's socket, `openDgramLink` (udp-link-dgram.ts) the same by node:dgram.
 */
import { isIPv6 } from 'node:net';
import { isSystemError } from '../../errors.js';
import { type Addon, type UdpSocket as NativeSocket, UDP_BATCH, UDP_SEND_BYTES } from '../../native/addon.js';

export interface LinkOptions {
  /** The server's. */
  address: string;
  port: number;
  /** Undefined leaves it to the kernel. */
  localAddress: string | undefined;
  /** Another one is drawn when a port is taken. */
  drawPort(): number;
}

/** Who has a link. None of these is called after `close`, nor before `OpenLink` has returned. */
export interface LinkOwner {
  /** `localAddress` is known, and the link sends. Not called where that was so from the start. */
  onOpen(): void;
  /** The message is the owner's to keep. */
  onMessage(message: Uint8Array): void;
  /** It could not be opened, a packet did not go out, or the host says that nobody listens. */
  onLost(): void;
}

export interface UdpLink {
  /** Where it sends from; null until it is open. */
  readonly localAddress: string | null;
  /** Sends, at the latest at the end of this turn of the event loop. The packet is not to be changed any more. */
  write(packet: Uint8Array): void;
  close(): void;
}

export type OpenLink = (options: LinkOptions, owner: LinkOwner) => UdpLink;

/** Ports drawn before a link is given up. */
export const PORT_TRIES = 10;
/** More than three times what we say that we take; the rest comes over TCP. */
const SLOT_BYTES = 4096;

/** Whether another port may be free, or allowed. */
export function isPortTaken(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'EADDRINUSE' || error.code === 'EACCES');
}

/** Links by the native core's sockets: what is written in a turn goes out in one call for each, and they share memory. */
export function createNativeLinks(addon: Addon): OpenLink {
  let memoryOf: NativeSocket | undefined;
  const filled: NativeLink[] = [];

  /** Draws ports until one is free; null when there is none, or no way to the server. */
  function openSocket(options: LinkOptions, link: NativeLink): NativeSocket | null {
    const { address, port, localAddress } = options;
    const family = isIPv6(address) ? 6 : 4;
    const common = {
      address: localAddress ?? (family === 6 ? '::' : '0.0.0.0'),
      family,
      reusePort: false,
      slotBytes: SLOT_BYTES,
      remote: { address, port },
    } as const;
    const shared = memoryOf === undefined ? {} : { memoryOf };
    for (let i = 0; i < PORT_TRIES; i++) {
      try {
        const socket = new addon.UdpSocket({ ...common, ...shared, port: options.drawPort() }, link.onBatch, link.lose);
        memoryOf ??= socket;
        return socket;
      } catch (error) {
        if (!isPortTaken(error)) return null;
      }
    }
    return null;
  }

  // Of the whole turn: the promises of all that was received have run.
  function flush(): void {
    for (const link of filled) link.flush();
    filled.length = 0;
  }

  return (options, owner) => {
    const link = new NativeLink(owner, () => {
      if (filled.length === 0) process.nextTick(flush);
      filled.push(link);
    });
    link.use(openSocket(options, link));
    return link;
  };
}

class NativeLink implements UdpLink {
  localAddress: string | null = null;
  private socket: NativeSocket | null = null;
  private readonly queue: Uint8Array[] = [];

  constructor(
    private owner: LinkOwner | null,
    private readonly onFilled: () => void,
  ) {}

  /** Takes its socket; null is told to the owner. */
  use(socket: NativeSocket | null): void {
    this.socket = socket;
    this.localAddress = socket?.address ?? null;
    if (socket === null) process.nextTick(this.lose);
  }

  write(packet: Uint8Array): void {
    this.queue.push(packet);
    if (this.queue.length === 1) this.onFilled();
    else if (this.queue.length === UDP_BATCH) this.flush();
  }

  /** Sends what waits. */
  flush(): void {
    const { socket, queue } = this;
    if (socket !== null && queue.length > 0) {
      for (const [slot, packet] of queue.entries()) {
        socket.toSend.set(packet, slot * UDP_SEND_BYTES);
        socket.toSendLengths[slot] = packet.length;
      }
      if (socket.send(queue.length) > 0) process.nextTick(this.lose);
    }
    queue.length = 0;
  }

  close(): void {
    this.owner = null;
    this.socket?.close();
    this.socket = null;
  }

  readonly lose = (): void => this.owner?.onLost();

  readonly onBatch = (count: number): number => {
    const { socket } = this;
    if (socket === null) return 0;
    const { received, receivedLengths, slotBytes } = socket;
    for (let i = 0; i < count; i++) {
      const start = i * slotBytes;
      // Copied: the memory is for the next batch, of whichever socket.
      this.owner?.onMessage(Buffer.from(received.subarray(start, start + (receivedLengths[i] as number))));
    }
    return 0;
  };
}
