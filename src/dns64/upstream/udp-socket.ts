/**
 * One UDP socket to one server. It knows its open questions by id; what a reply says is theirs to judge. How packets go
 * and come is its link's business (udp-link.ts).
 */
import { HEADER_BYTES } from '../wire/numbers.js';
import type { Random } from './random.js';
import { idOf } from './request.js';
import type { ServerCounters } from './stats.js';
import type { LinkOptions, LinkOwner, OpenLink, UdpLink } from './udp-link.js';

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

export interface UdpSocketOptions extends LinkOptions {
  openLink: OpenLink;
  random: Random;
  counters: ServerCounters;
  /** Called once. */
  onClosed(socket: UdpSocket): void;
}

/** RFC 5452 §9.3 wants a bound and names none. */
const MOST_MISMATCHES = 20;
/** Ids are 16 bits and open questions a few hundred at most: three draws would do. */
const ID_DRAWS = 64;

export class UdpSocket implements LinkOwner {
  /** Questions it was used for. */
  uses = 0;
  private readonly link: UdpLink;
  private readonly open = new Map<number, UdpTicket>();
  private readonly waiting = new Set<UdpTicket>();
  private retired = false;
  private closed = false;
  private mismatches = 0;

  constructor(
    private readonly options: UdpSocketOptions,
    readonly bornMs: number,
  ) {
    this.link = options.openLink(options, this);
  }

  /** Sends as soon as the socket is connected. */
  send(query: UdpQuery): UdpTicket {
    const ticket: UdpTicket = { query, socket: this, id: -1, packet: null, mismatchesBefore: 0 };
    this.uses++;
    const { localAddress } = this.link;
    if (localAddress !== null) this.transmit(ticket, localAddress);
    else this.waiting.add(ticket);
    return ticket;
  }

  /** Sends the same packet again: it stays one open question (RFC 5452 §5). */
  again(ticket: UdpTicket): void {
    if (ticket.packet !== null && this.open.get(ticket.id) === ticket) this.link.write(ticket.packet);
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
    this.link.close();
    this.options.onClosed(this);
  }

  onOpen(): void {
    for (const ticket of this.waiting) this.transmit(ticket, this.localAddress);
    this.waiting.clear();
  }

  onMessage(message: Uint8Array): void {
    const ticket = message.length >= HEADER_BYTES ? this.open.get(idOf(message)) : undefined;
    if (ticket?.query.reply(message, this.localAddress)) {
      if (this.open.get(ticket.id) === ticket) this.open.delete(ticket.id);
      this.closeWhenDone();
    } else {
      this.onMismatch();
    }
  }

  onLost(): void {
    const lost = [...this.open.values(), ...this.waiting];
    this.close();
    for (const { query } of lost) query.unreachable();
  }

  private get localAddress(): string {
    return this.link.localAddress ?? '';
  }

  private transmit(ticket: UdpTicket, localAddress: string): void {
    const id = this.freeId();
    ticket.id = id;
    ticket.packet = ticket.query.packet(id, localAddress);
    ticket.mismatchesBefore = this.mismatches;
    this.open.set(id, ticket);
    this.link.write(ticket.packet);
  }

  private freeId(): number {
    const { random } = this.options;
    let id = random.word();
    for (let i = 0; i < ID_DRAWS && this.open.has(id); i++) id = random.word();
    // A generator that repeats itself, as a test's may.
    while (this.open.has(id)) id = (id + 1) & 0xffff;
    return id;
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
