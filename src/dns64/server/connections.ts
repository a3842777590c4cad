/**
 * Who may connect and for how long (RFC 7766 §6.2, RFC 9210 §4.2), for every transport over TCP. In the order of a
 * connection's life: accepted or refused, handed to the transport, asked through, swept out when it is idle.
 */
import { createServer, isIPv6, type Socket } from 'node:net';
import { type Admit, admitAll, type Client, clientAt, type Handle, type Transport } from './client.js';

export interface ConnectionLimits {
  /** 150 is RFC 9210 §4.2's start, 5000 where TLS is what clients use. */
  connections: number;
  /** 25 is RFC 9210 §4.2's start. */
  connectionsPerClient: number;
  /** Bits of an IPv6 address that make a client; 128, or less where a client is a network. */
  clientPrefixLength6: number;
  /** Without a complete message; 10 s is RFC 7766 §6.2.3's order of magnitude. */
  idleMs: number;
  /** Queries of one connection that the engine works on at a time; further ones wait. */
  openQueries: number;
  /** Answers of one connection that its client has not taken; further queries wait. */
  outgoingBytes: number;
}

export const DEFAULT_LIMITS: ConnectionLimits = {
  connections: 150,
  connectionsPerClient: 25,
  clientPrefixLength6: 128,
  idleMs: 10_000,
  openQueries: 100,
  outgoingBytes: 1024 * 1024,
};

/** Certificate chain and key, PEM. */
export interface Credentials {
  cert: string | Buffer;
  key: string | Buffer;
}

/** What a program holds of a transport that listens. */
export interface Listener {
  readonly port: number;
  readonly counters: Readonly<Record<string, number>>;
  /** For new and for open connections; those above a lower number stay until they are idle. */
  reconfigure(limits: ConnectionLimits): void;
  /**
   * For connections that come later; nothing without TLS. Throws what OpenSSL says of the pair, and then keeps the
   * former one.
   */
  setSecureContext(credentials: Credentials): void;
  /** Ends the connections too; answers that come later are discarded. */
  close(): Promise<void>;
}

/** While a query is open, the idle time is this many times as long: an upstream may be slow, an engine not lost. */
const BUSY_FACTOR = 3;
/** What is left of the idle time when every connection is taken. */
const LEAST_SHARE = 0.1;
const SWEEPS_PER_IDLE_TIME = 10;
/** Of all connections, how many may be strangers', and of the idle time, how long each stays: enough for REFUSED. */
const STRANGERS_SHARE = 0.1;
const STRANGER_IDLE_SHARE = 0.1;

/**
 * The idle time with so many connections: it shrinks as more than half are taken, to a tenth with the last one
 * (RFC 9210 §4.5: the time-out may adapt to load).
 */
export function idleMsFor({ idleMs, connections }: ConnectionLimits, taken: number): number {
  const free = (2 * (connections - taken)) / connections;
  return idleMs * Math.min(1, Math.max(LEAST_SHARE, free));
}

const COUNTERS = {
  'connections.accepted': 0,
  'connections.accept_failed': 0,
  'connections.refused_total': 0,
  'connections.refused_per_client': 0,
  'connections.refused_stranger': 0,
  'connections.idle_closed': 0,
  'connections.undrained_closed': 0,
  'connections.tls_failed': 0,
  'messages.received': 0,
  'messages.answered': 0,
  'messages.silent': 0,
  'discarded.client_gone': 0,
};

export class Connection {
  /** Queries that the engine works on. */
  open = 0;
  /** When the last complete message came or went; of a stranger's, when it was accepted. */
  since: number;
  /** Since when more than `outgoingBytes` wait; null while they do not. */
  fullSince: number | null = null;
  /** Octets of HTTP bodies that its requests hold. */
  bodyBytes = 0;
  /** A transport's last words, after which it closes the socket. */
  goodbye: (() => void) | null = null;
  ending = false;

  constructor(
    private readonly connections: Connections,
    readonly client: Client,
    /** Of the limit for one client. */
    readonly clientKey: string,
    readonly stranger: boolean,
    private readonly socket: Socket,
  ) {
    this.since = connections.now();
  }

  /** Closes it: with a goodbye at first, at once when that has not been enough. */
  end(): void {
    if (this.goodbye === null || this.ending) this.socket.destroy();
    else this.goodbye();
    this.ending = true;
  }

  /** Passes a query to the engine, and its answer to `send`, which is false when the client is gone (RFC 7766 §6.2.4). */
  ask(query: Uint8Array, send: (answer: Uint8Array | null) => boolean): void {
    const { counters, handle, now } = this.connections;
    this.open++;
    if (!this.stranger) this.since = now();
    counters['messages.received']++;
    let answered = false;
    handle(query, this.client, (answer) => {
      if (answered) return;
      answered = true;
      this.open--;
      if (!this.stranger) this.since = now();
      if (!send(answer)) counters['discarded.client_gone']++;
      else counters[answer === null ? 'messages.silent' : 'messages.answered']++;
    });
  }
}

export interface ConnectionOptions {
  transport: Transport;
  limits: ConnectionLimits;
  handle: Handle;
  /** Everybody is a client unless told. */
  admit?: Admit | undefined;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
}

export class Connections {
  readonly counters = { ...COUNTERS };
  readonly handle: Handle;
  readonly now: () => number;
  limits: ConnectionLimits;
  private readonly transport: Transport;
  private readonly admit: Admit;
  private strangers = 0;
  private readonly all = new Set<Connection>();
  private readonly byEnds = new Map<string, Connection>();
  private readonly perClient = new Map<string, number>();
  private sweeper: NodeJS.Timeout | null = null;

  constructor({ transport, limits, handle, admit = admitAll, now = () => performance.now() }: ConnectionOptions) {
    this.transport = transport;
    this.admit = admit;
    this.limits = limits;
    this.handle = handle;
    this.now = now;
  }

  /** Lets a socket in, or closes it: null. */
  accept(socket: Socket): Connection | null {
    // A reset is the client's business; what follows from it comes with 'close'.
    socket.on('error', () => {});
    const client = clientAt(socket.remoteAddress, this.transport);
    const clientKey = client === null ? '' : keyOf(client, this.limits.clientPrefixLength6);
    const ofClient = this.perClient.get(clientKey) ?? 0;
    if (client === null || this.size >= this.limits.connections) {
      this.counters['connections.refused_total']++;
      socket.destroy();
      return null;
    }
    if (ofClient >= this.limits.connectionsPerClient) {
      this.counters['connections.refused_per_client']++;
      socket.destroy();
      return null;
    }
    const admission = this.admit(client);
    const stranger = admission === 'stranger';
    const mostStrangers = Math.max(1, Math.floor(this.limits.connections * STRANGERS_SHARE));
    if (admission === 'nobody' || (stranger && this.strangers >= mostStrangers)) {
      this.counters['connections.refused_stranger']++;
      socket.destroy();
      return null;
    }
    if (stranger) this.strangers++;
    const connection = new Connection(this, client, clientKey, stranger, socket);
    const ends = endsOf(socket);
    this.all.add(connection);
    this.byEnds.set(ends, connection);
    this.perClient.set(clientKey, ofClient + 1);
    this.counters['connections.accepted']++;
    socket.once('close', () => this.forget(ends, connection));
    this.startSweeper();
    return connection;
  }

  private forget(ends: string, connection: Connection): void {
    const { clientKey, stranger } = connection;
    this.all.delete(connection);
    if (stranger) this.strangers--;
    // After a reset, a client's next connection may have the same ends before this one is seen to be closed.
    if (this.byEnds.get(ends) === connection) this.byEnds.delete(ends);
    const left = (this.perClient.get(clientKey) ?? 1) - 1;
    if (left === 0) this.perClient.delete(clientKey);
    else this.perClient.set(clientKey, left);
  }

  /** The connection below a TLS socket; null when it is gone. */
  find(socket: Ends): Connection | null {
    return this.byEnds.get(endsOf(socket)) ?? null;
  }

  get size(): number {
    return this.all.size;
  }

  /** Closes what has been idle, or has not taken its answers, for too long. */
  sweep(): void {
    const now = this.now();
    for (const connection of this.all) {
      const { open, since, fullSince, stranger } = connection;
      let idleMs = open > 0 ? this.limits.idleMs * BUSY_FACTOR : idleMsFor(this.limits, this.size);
      if (stranger) idleMs = this.limits.idleMs * STRANGER_IDLE_SHARE;
      const full = fullSince !== null && now - fullSince >= this.limits.idleMs;
      if (!full && now - since < idleMs) continue;
      if (!connection.ending) this.counters[full ? 'connections.undrained_closed' : 'connections.idle_closed']++;
      connection.end();
    }
  }

  private startSweeper(): void {
    if (this.sweeper !== null) return;
    const everyMs = Math.min(1000, Math.max(10, this.limits.idleMs / SWEEPS_PER_IDLE_TIME));
    this.sweeper = setTimeout(() => {
      this.sweeper = null;
      this.sweep();
      if (this.size > 0) this.startSweeper();
    }, everyMs).unref();
  }

  reconfigure(limits: ConnectionLimits): void {
    this.limits = limits;
    if (this.sweeper !== null) clearTimeout(this.sweeper);
    this.sweeper = null;
    if (this.size > 0) this.startSweeper();
  }

  endAll(): void {
    if (this.sweeper !== null) clearTimeout(this.sweeper);
    this.sweeper = null;
    const endEach = () => {
      for (const connection of this.all) connection.end();
    };
    endEach();
    // Goodbyes are out by then.
    setImmediate(endEach);
  }

  /**
   * Listens, and gives `serve` each socket that is let in. Rejects with the system's error when the address cannot be
   * had. An IPv6 address is for IPv6 alone, so that `::` and `0.0.0.0` go side by side.
   */
  async listen(
    { address, port }: { address: string; port: number },
    serve: (socket: Socket, connection: Connection) => void,
  ): Promise<{ port: number; close: () => Promise<void> }> {
    // A client may close its side once it has asked all it wants to; answers still go out. HTTP has its own way.
    const server = createServer({ allowHalfOpen: this.transport !== 'https', noDelay: true }, (socket) => {
      const connection = this.accept(socket);
      if (connection !== null) serve(socket, connection);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port, ipv6Only: isIPv6(address) }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    // Too many open files, say: whoever is here already is still served.
    server.on('error', () => this.counters['connections.accept_failed']++);
    const bound = server.address();
    return {
      port: typeof bound === 'object' && bound !== null ? bound.port : port,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          this.endAll();
        }),
    };
  }
}

type Ends = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress'>;

function endsOf({ remoteAddress, remotePort, localAddress }: Ends): string {
  return `${remoteAddress}#${remotePort} ${localAddress}`;
}

function keyOf({ family, address }: Client, prefixLength6: number): string {
  const octets = Buffer.from(address);
  if (family === 6) {
    for (let bit = prefixLength6; bit < 128; bit++) {
      octets[bit >> 3] = (octets[bit >> 3] as number) & ~(0x80 >> (bit & 7));
    }
  }
  return octets.toString('latin1');
}
