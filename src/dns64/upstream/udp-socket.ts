/**
 * One UDP socket to one server: bound to a port that was drawn, then connected, so that the kernel drops what comes
 * from elsewhere (RFC 5452 §9.1). It knows its open questions by id; what a reply says is theirs to judge.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { HEADER_BYTES } from '../wire/numbers.js';
import type { Random } from './random.js';
import { idOf } from './request.js';
import type { ServerCounters } from './stats.js';

/** A question over UDP. None of these is called after `cancel`. */
export interface UdpQuery {
  /** The packet, for that id and from that address of ours. */
  packet(id: number, localAddress: string): Uint8Array;
  /** Takes a reply that has the id. False when it does not fit: waiting goes on (RFC 5452 §9.1). */
  reply(message: Uint8Array, localAddress: string): boolean;
  /** So many replies did not fit that one may soon fit by chance. It was taken from the socket. */
  flooded(): void;
  /** The packet did not go out, or the host says that nobody listens. It was taken from the socket. */
  unreachable(): void;
}

/** A question at its socket. */
export interface UdpTicket {
  readonly query: UdpQuery;
  readonly socket: UdpSocket;
  /** -1 until it was sent. */
  id: number;
  packet: Uint8Array | null;
  /** The socket's mismatches when it was sent. */
  mismatchesBefore: number;
}

export interface UdpSocketOptions {
  address: string;
  port: number;
  localAddress: string | undefined;
  /** Another one is drawn when a port is taken. */
  drawPort(): number;
  random: Random;
  counters: ServerCounters;
  /** Called once. */
  onClosed(socket: UdpSocket): void;
}

/** RFC 5452 §9.3 wants a bound and names none. */
const MOST_MISMATCHES = 20;
const PORT_TRIES = 10;
/** Ids are 16 bits and open questions a few hundred at most: three draws would do. */
const ID_DRAWS = 64;

export class UdpSocket {
  /** Questions it was used for. */
  uses = 0;
  private readonly socket: Socket;
  private readonly open = new Map<number, UdpTicket>();
  private readonly waiting = new Set<UdpTicket>();
  private localAddress = '';
  private remote = { address: '', port: 0 };
  private connected = false;
  private retired = false;
  private closed = false;
  private mismatches = 0;
  private portTries = 0;

  constructor(
    private readonly options: UdpSocketOptions,
    readonly bornMs: number,
  ) {
    this.socket = createSocket(isIPv6(options.address) ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
    this.socket.on('listening', () => this.socket.connect(options.port, options.address));
    this.socket.on('connect', () => this.onConnect());
    this.socket.on('message', (message, from) => this.onMessage(message, from));
    this.socket.on('error', (error) => this.onError(error));
    this.bind();
  }

  /** Sends as soon as the socket is connected. */
  send(query: UdpQuery): UdpTicket {
    const ticket: UdpTicket = { query, socket: this, id: -1, packet: null, mismatchesBefore: 0 };
    this.uses++;
    if (this.connected) this.transmit(ticket);
    else this.waiting.add(ticket);
    return ticket;
  }

  /** Sends the same packet again: it stays one open question (RFC 5452 §5). */
  again(ticket: UdpTicket): void {
    if (ticket.packet !== null && this.open.get(ticket.id) === ticket) this.write(ticket.packet);
  }

  cancel(ticket: UdpTicket): void {
    this.waiting.delete(ticket);
    if (this.open.get(ticket.id) === ticket) this.open.delete(ticket.id);
    this.closeWhenDone();
  }

  /** Takes no further questions, and closes after the open ones. */
  retire(): void {
    this.retired = true;
    this.closeWhenDone();
  }

  /** Closes it; open questions hear nothing. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.open.clear();
    this.waiting.clear();
    this.socket.close();
    this.options.onClosed(this);
  }

  private bind(): void {
    this.portTries++;
    this.socket.bind({ port: this.options.drawPort(), address: this.options.localAddress, exclusive: true });
  }

  private onConnect(): void {
    if (this.closed) return;
    this.localAddress = this.socket.address().address;
    this.remote = this.socket.remoteAddress();
    this.connected = true;
    for (const ticket of this.waiting) this.transmit(ticket);
    this.waiting.clear();
  }

  private transmit(ticket: UdpTicket): void {
    const id = this.freeId();
    ticket.id = id;
    ticket.packet = ticket.query.packet(id, this.localAddress);
    ticket.mismatchesBefore = this.mismatches;
    this.open.set(id, ticket);
    this.write(ticket.packet);
  }

  private freeId(): number {
    const { random } = this.options;
    let id = random.word();
    for (let i = 0; i < ID_DRAWS && this.open.has(id); i++) id = random.word();
    // A generator that repeats itself, as a test's may.
    while (this.open.has(id)) id = (id + 1) & 0xffff;
    return id;
  }

  private write(packet: Uint8Array): void {
    this.socket.send(packet, this.onSent);
  }

  private readonly onSent = (error: Error | null): void => {
    if (error !== null && !this.closed) this.fail();
  };

  private onMessage(message: Uint8Array, from: RemoteInfo): void {
    if (this.closed) return;
    // Between bind and connect the kernel takes datagrams from everybody.
    const known = from.port === this.remote.port && from.address === this.remote.address;
    const ticket = known && message.length >= HEADER_BYTES ? this.open.get(idOf(message)) : undefined;
    if (ticket?.query.reply(message, this.localAddress)) {
      if (this.open.get(ticket.id) === ticket) this.open.delete(ticket.id);
      this.closeWhenDone();
    } else {
      this.onMismatch();
    }
  }

  /** RFC 5452 §9.3: a reply that fits nothing may be a guess at any of the open questions. */
  private onMismatch(): void {
    this.mismatches++;
    this.options.counters.mismatches++;
    if (this.mismatches < MOST_MISMATCHES) return;
    // Its port is known to somebody.
    this.retired = true;
    for (const ticket of [...this.open.values()]) {
      if (this.mismatches - ticket.mismatchesBefore < MOST_MISMATCHES) continue;
      this.open.delete(ticket.id);
      ticket.query.flooded();
    }
    this.closeWhenDone();
  }

  private onError(error: NodeJS.ErrnoException): void {
    if (this.closed) return;
    const taken = error.code === 'EADDRINUSE' || error.code === 'EACCES';
    if (!this.connected && taken && this.portTries < PORT_TRIES) this.bind();
    else this.fail();
  }

  private fail(): void {
    const lost = [...this.open.values(), ...this.waiting];
    this.close();
    for (const { query } of lost) query.unreachable();
  }

  private closeWhenDone(): void {
    if (this.retired && this.open.size === 0 && this.waiting.size === 0) this.close();
  }

  get takesMore(): boolean {
    return !this.retired && !this.closed;
  }

  get idle(): boolean {
    return this.open.size === 0 && this.waiting.size === 0;
  }
}
