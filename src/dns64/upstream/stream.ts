/**
 * A server over TCP or TLS: one connection at a time, made when a question needs it and used again while it lasts
 * (RFC 7766 §6.2.1, §6.2.2). Questions that a closed connection leaves unanswered go to a new one (RFC 7766 §6.2.4).
 */
import { Connection, type StreamFailure, type StreamQuery, type StreamTicket } from './connection.js';
import type { UpstreamTls } from './options.js';
import type { Random } from './random.js';
import { drawAddress } from './source.js';
import type { ServerCounters } from './stats.js';

export interface StreamOptions {
  address: string;
  port: number;
  tls: UpstreamTls | null;
  sourceAddresses: readonly string[];
  random: Random;
  now(): number;
  counters: ServerCounters;
}

export class Stream {
  private connection: Connection | null = null;
  private session: Buffer | null = null;
  private closed = false;

  constructor(private readonly options: StreamOptions) {}

  /** Sends a question; null, and `lost` is not called, when too many are open. */
  send(query: StreamQuery): StreamTicket | null {
    const ticket: StreamTicket = { query, connection: null, id: -1, retried: false, abandoned: false };
    return this.place(ticket) ? ticket : null;
  }

  cancel(ticket: StreamTicket): void {
    ticket.connection?.cancel(ticket);
  }

  /** Closes the connection; open questions hear nothing. */
  close(): void {
    this.closed = true;
    this.connection?.close();
  }

  private place(ticket: StreamTicket): boolean {
    if (this.connection !== null && !this.connection.takesMore && this.connection.clogged) this.connection.close();
    this.connection ??= this.connect();
    if (!this.connection.takesMore) return false;
    this.connection.send(ticket);
    return true;
  }

  private connect(): Connection {
    const { address, port, tls, random, now, counters, sourceAddresses } = this.options;
    return new Connection({
      address,
      port,
      localAddress: drawAddress(random, sourceAddresses, address),
      tls,
      session: this.session,
      random,
      now,
      counters,
      onSession: (session) => {
        this.session = session;
      },
      onClosed: (connection, unanswered, failure) => this.onClosed(connection, unanswered, failure),
    });
  }

  private onClosed(connection: Connection, unanswered: StreamTicket[], failure: StreamFailure | null): void {
    if (this.connection === connection) this.connection = null;
    if (this.closed) return;
    // A session that the server would not resume must not stand in the way of a whole handshake.
    if (failure !== null) this.session = null;
    for (const ticket of unanswered) {
      // A server that closes after each answer (RFC 1035's habit) still answers all, one connection each.
      const again = failure === null && (!ticket.retried || connection.answered > 0);
      ticket.retried = true;
      if (!again) ticket.query.lost(failure ?? 'refused-transport');
      else if (!this.place(ticket)) ticket.query.lost('overload');
    }
  }
}
