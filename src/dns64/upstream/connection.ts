/**
 * One connection to one server, TCP or TLS, with many questions open at a time (RFC 7766 §6.2.1.1). Answers come in any
 * order and are told apart by id and question. It ends when idle, when nothing comes, or when nonsense comes; what is
 * unanswered then goes back to its owner, who may try another connection.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { Frames } from '../wire/frames.js';
import { HEADER_BYTES } from '../wire/numbers.js';
import type { UpstreamTls } from './options.js';
import type { Random } from './random.js';
import { idOf } from './request.js';
import type { ServerCounters } from './stats.js';

/** A question on a connection. None of these is called after `cancel`. */
export interface StreamQuery {
  /** The message with its length in front, for that id and from that address of ours. */
  frame(id: number, localAddress: string): Uint8Array;
  /** Takes a message that has the id. False when it does not fit. */
  streamReply(message: Uint8Array, localAddress: string): boolean;
  /** No connection could be made, or none brought an answer. */
  lost(reason: StreamFailure): void;
}

export type StreamFailure = 'timeout' | 'unreachable' | 'refused-transport' | 'overload';

/** A question at its connection. */
export interface StreamTicket {
  readonly query: StreamQuery;
  connection: Connection | null;
  id: number;
  /** Was unanswered on a connection that closed. */
  retried: boolean;
  /** Nobody waits for it, but its id is taken until the answer came (RFC 7766 §6.2.1). */
  abandoned: boolean;
}

export interface ConnectionOptions {
  address: string;
  port: number;
  localAddress: string | undefined;
  tls: UpstreamTls | null;
  /** Of an earlier TLS connection, to be resumed. */
  session: Buffer | null;
  random: Random;
  now(): number;
  counters: ServerCounters;
  onSession(session: Buffer): void;
  /** Called once, with all that is unanswered; `failure` tells why there was no connection, null when there was. */
  onClosed(connection: Connection, unanswered: StreamTicket[], failure: StreamFailure | null): void;
}

const CONNECT_MS = 5_000;
/** Without any answer while some are due: the other side may be gone without a word. */
const STALL_MS = 5_000;
/** RFC 7766 §6.2.3: of the order of seconds. */
const IDLE_MS = 10_000;
const MOST_OPEN = 512;
/** Bytes that the other side has not taken yet. */
const MOST_UNSENT = 256 * 1024;
const MOST_MISMATCHES = 20;

export class Connection {
  /** Messages that answered a question. */
  answered = 0;
  private readonly socket: Socket;
  private readonly frames = new Frames();
  private readonly open = new Map<number, StreamTicket>();
  private readonly waiting = new Set<StreamTicket>();
  private abandoned = 0;
  private localAddress = '';
  private connected = false;
  private closed = false;
  private failure: StreamFailure | null = 'refused-transport';
  private mismatches = 0;
  /** When it ends, if nothing happens until then. */
  private dueMs: number;
  private watch: NodeJS.Timeout;

  constructor(private readonly options: ConnectionOptions) {
    this.dueMs = options.now() + CONNECT_MS;
    const { address: host, port, localAddress } = options;
    const target = localAddress === undefined ? { host, port } : { host, port, localAddress };
    this.socket = options.tls === null ? connectTcp({ ...target, noDelay: true }) : this.startTls(target, options.tls);
    this.socket.on(options.tls === null ? 'connect' : 'secureConnect', () => this.onConnect());
    this.socket.on('data', (chunk) => this.onData(chunk));
    this.socket.on('error', (error) => this.onError(error));
    this.socket.on('close', () => this.close());
    this.watch = setTimeout(() => this.onWatch(), CONNECT_MS);
  }

  /** False when it is closed, or so full that it takes no more. */
  get takesMore(): boolean {
    return !this.closed && this.open.size + this.waiting.size < MOST_OPEN && this.socket.writableLength < MOST_UNSENT;
  }

  /** True when it is full of questions that nobody waits for: another one would serve better. */
  get clogged(): boolean {
    return this.abandoned >= MOST_OPEN / 2;
  }

  /** Sends as soon as it is connected. */
  send(ticket: StreamTicket): void {
    ticket.connection = this;
    // An idle connection starts to wait now; a busy one waits on for what it waits for.
    if (this.open.size === this.abandoned && this.connected) this.watchFor(STALL_MS);
    if (this.connected) this.transmit(ticket);
    else this.waiting.add(ticket);
  }

  cancel(ticket: StreamTicket): void {
    this.waiting.delete(ticket);
    if (this.open.get(ticket.id) !== ticket || ticket.abandoned) return;
    ticket.abandoned = true;
    this.abandoned++;
  }

  /** Ends it now and hands back what is unanswered. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.watch);
    if (this.socket.writableLength > 0) this.socket.destroy();
    else this.socket.destroySoon();
    const unanswered = [...this.open.values(), ...this.waiting].filter((ticket) => !ticket.abandoned);
    this.open.clear();
    this.waiting.clear();
    this.options.onClosed(this, unanswered, this.failure);
  }

  private startTls(target: { host: string; port: number; localAddress?: string }, tls: UpstreamTls): TLSSocket {
    const { session, onSession } = this.options;
    const { name } = tls;
    const socket = connectTls({
      ...target,
      ...(name !== null && isIP(name) === 0 ? { servername: name } : {}),
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(session === null ? {} : { session }),
      // RFC 7858 §4.2: with a name it is that server or none; §4.1: without one, encryption is all there is.
      rejectUnauthorized: name !== null,
      checkServerIdentity: (host, certificate) => checkServerIdentity(name ?? host, certificate),
    });
    socket.setNoDelay(true);
    socket.on('session', (ticket) => {
      if (name === null || socket.authorized) onSession(ticket);
    });
    return socket;
  }

  private onConnect(): void {
    if (this.closed) return;
    this.connected = true;
    this.failure = null;
    this.localAddress = this.socket.localAddress ?? '';
    this.watchFor(STALL_MS);
    for (const ticket of this.waiting) this.transmit(ticket);
    this.waiting.clear();
  }

  private transmit(ticket: StreamTicket): void {
    const { random } = this.options;
    let id = random.word();
    // RFC 7766 §6.2.1: no id twice at a time. At most 512 of 65,536 are taken.
    while (this.open.has(id)) id = (id + 1) & 0xffff;
    ticket.id = id;
    this.open.set(id, ticket);
    // RFC 7766 §8: length and message in one write.
    this.socket.write(ticket.query.frame(id, this.localAddress));
  }

  private onData(chunk: Uint8Array): void {
    this.frames.push(chunk);
    for (let message = this.frames.next(); message !== null && !this.closed; message = this.frames.next()) {
      // A length that no message has: nothing sensible follows.
      if (message.length < HEADER_BYTES) this.close();
      else this.onMessage(message);
    }
  }

  private onMessage(message: Uint8Array): void {
    const ticket = this.open.get(idOf(message));
    if (ticket?.abandoned) {
      this.open.delete(ticket.id);
      this.abandoned--;
    } else if (ticket?.query.streamReply(message, this.localAddress)) {
      if (this.open.get(ticket.id) === ticket) this.open.delete(ticket.id);
      this.answered++;
    } else {
      this.options.counters.mismatches++;
      if (++this.mismatches >= MOST_MISMATCHES) this.close();
      return;
    }
    // The timer itself is only moved when it fires, or each message would.
    if (!this.closed) this.dueMs = this.options.now() + (this.open.size > this.abandoned ? STALL_MS : IDLE_MS);
  }

  private watchFor(milliseconds: number): void {
    this.dueMs = this.options.now() + milliseconds;
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.onWatch(), milliseconds);
  }

  private onWatch(): void {
    const left = this.dueMs - this.options.now();
    if (left > 0) {
      this.watch = setTimeout(() => this.onWatch(), Math.ceil(left));
      return;
    }
    if (!this.connected) this.failure = 'timeout';
    this.close();
  }

  private onError(error: NodeJS.ErrnoException): void {
    this.options.counters.errors++;
    const unreachable = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'ETIMEDOUT'].includes(error.code ?? '');
    if (unreachable && !this.connected) this.failure = 'unreachable';
    this.close();
  }
}
