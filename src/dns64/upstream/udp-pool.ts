/**
 * The UDP sockets to one server. A new socket for each question would give each its own port, and cost more than all
 * the rest of it; so there are several at a time, one is drawn for each question, and each is soon replaced
 * (RFC 5452 §9.2).
 */
import type { PortRange } from './options.js';
import { below, type Random } from './random.js';
import { drawAddress, drawPort } from './source.js';
import type { ServerCounters } from './stats.js';
import type { OpenLink } from './udp-link.js';
import { type UdpQuery, UdpSocket, type UdpTicket } from './udp-socket.js';

export interface UdpPoolOptions {
  address: string;
  port: number;
  sourceAddresses: readonly string[];
  avoidPorts: readonly PortRange[];
  random: Random;
  now(): number;
  openLink: OpenLink;
  counters: ServerCounters;
}

const SOCKETS = 8;
/** Questions, and milliseconds, for which a socket is used. */
const MOST_USES = 64;
const MOST_MS = 10_000;
/** Replaced sockets that still wait for answers. While there are so many, none is replaced: descriptors are few. */
const MOST_RETIRED = 32;

export class UdpPool {
  private readonly slots = new Array<UdpSocket | null>(SOCKETS).fill(null);
  private readonly sockets = new Set<UdpSocket>();
  private sweeper: NodeJS.Timeout | null = null;

  constructor(private readonly options: UdpPoolOptions) {}

  send(query: UdpQuery): UdpTicket {
    const slot = below(this.options.random, SOCKETS);
    const socket = this.slots[slot] ?? null;
    if (socket?.takesMore && !this.replaceable(socket)) return socket.send(query);
    return this.renew(slot).send(query);
  }

  /** Closes all sockets; open questions hear nothing. */
  close(): void {
    if (this.sweeper !== null) clearTimeout(this.sweeper);
    this.sweeper = null;
    for (const socket of this.sockets) socket.close();
  }

  private replaceable(socket: UdpSocket): boolean {
    const worn = socket.uses >= MOST_USES || this.options.now() - socket.bornMs >= MOST_MS;
    return worn && (socket.idle || this.sockets.size < SOCKETS + MOST_RETIRED);
  }

  private renew(slot: number): UdpSocket {
    const { address, port, random, counters, openLink, sourceAddresses, avoidPorts } = this.options;
    this.slots[slot]?.retire();
    const socket = new UdpSocket(
      {
        address,
        port,
        localAddress: drawAddress(random, sourceAddresses, address),
        drawPort: () => drawPort(random, avoidPorts),
        openLink,
        random,
        counters,
        onClosed: (closed) => this.sockets.delete(closed),
      },
      this.options.now(),
    );
    this.slots[slot] = socket;
    this.sockets.add(socket);
    this.sweeper ??= setTimeout(() => this.sweep(), MOST_MS);
    return socket;
  }

  /** Closes worn sockets that no question came to replace. */
  private sweep(): void {
    this.sweeper = null;
    const oldest = this.options.now() - MOST_MS;
    for (const [slot, socket] of this.slots.entries()) {
      if (socket === null || socket.bornMs > oldest) continue;
      socket.retire();
      this.slots[slot] = null;
    }
    if (this.slots.some((socket) => socket !== null)) this.sweeper = setTimeout(() => this.sweep(), MOST_MS);
  }
}
