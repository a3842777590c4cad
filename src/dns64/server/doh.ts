/**
 * DNS over HTTPS (RFC 8484), HTTP/2 and HTTP/1.1. Functions in the order of a request: its head, its body, the engine,
 * the answer. Where the engine keeps silent, HTTP cannot: the answer is 503 then.
 */
import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { MAX_MESSAGE_BYTES } from '../wire/numbers.js';
import type { Admit, Handle } from './client.js';
import { type Connection, type ConnectionLimits, Connections, type Credentials, type Listener } from './connections.js';
import { MEDIA_TYPE, Refusal, readHead, readQuery } from './doh-request.js';
import { freshSeconds } from './freshness.js';

export interface DohOptions {
  address: string;
  /** 443; 0 for any that is free. */
  port: number;
  tls: Credentials;
  /** The path of the service's URI template. */
  path?: string;
  limits: ConnectionLimits;
  /** Everybody is a client unless told. */
  admit?: Admit;
}

type Request = Http2ServerRequest | IncomingMessage;
type Response = Http2ServerResponse | ServerResponse;

const DEFAULT_PATH = '/dns-query';
/** A GET brings its query in the head: room for one of 8 KiB. Node's own bound for HTTP/1.1 is the same. */
const HEAD_BYTES = 16 * 1024;
const HEAD_FIELDS = 64;

const MORE_COUNTERS = {
  'requests.400': 0,
  'requests.404': 0,
  'requests.405': 0,
  'requests.413': 0,
  'requests.415': 0,
  'requests.503': 0,
};
type Counters = Connections['counters'] & typeof MORE_COUNTERS;

/** Listens. Rejects with the system's error, or OpenSSL's of the certificate. */
export async function listenDoh(options: DohOptions, handle: Handle): Promise<Listener> {
  const { address, port, tls, path = DEFAULT_PATH, limits, admit } = options;
  const connections = new Connections({ transport: 'https', limits, handle, admit });
  const counters: Counters = Object.assign(connections.counters, MORE_COUNTERS);
  const server = createSecureServer({
    ...TLS,
    ...tls,
    allowHTTP1: true,
    settings: settingsOf(limits),
    maxSessionMemory: Math.ceil(limits.outgoingBytes / 1e6) + 1,
    maxHeaderListPairs: HEAD_FIELDS,
  });
  hearSessions(server, connections, counters);
  server.on('request', (request: Request, response: Response) => {
    const connection = connections.find(request.socket);
    if (connection === null) request.destroy();
    else new Exchange(request, response, connection, connections, counters).begin(path);
  });
  const listening = await connections.listen({ address, port }, (socket) => server.emit('connection', socket));
  return {
    port: listening.port,
    counters,
    reconfigure: (changed) => {
      connections.reconfigure(changed);
      server.updateSettings(settingsOf(changed));
    },
    setSecureContext: (credentials) => server.setSecureContext({ ...TLS, ...credentials }),
    close: listening.close,
  };
}

/** RFC 9113 §9.2: TLS 1.2 or later, without renegotiation. */
const TLS = { minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_RENEGOTIATION } as const;

function settingsOf({ openQueries }: ConnectionLimits) {
  return { maxConcurrentStreams: openQueries, maxHeaderListSize: HEAD_BYTES, enablePush: false };
}

/** Sessions end with GOAWAY, so that a client knows which of its requests to send again. */
function hearSessions(server: Http2SecureServer, connections: Connections, counters: Counters): void {
  server.on('tlsClientError', () => counters['connections.tls_failed']++);
  server.on('session', (session) => {
    const connection = connections.find(session.socket);
    if (connection === null) session.destroy();
    else connection.goodbye = () => session.destroy();
  });
}

/** One request and its response. */
class Exchange {
  /** The client has gone, or its request is answered. */
  private over = false;
  private bodyLeft: boolean;

  constructor(
    private readonly request: Request,
    private readonly response: Response,
    private readonly connection: Connection,
    private readonly connections: Connections,
    private readonly counters: Counters,
  ) {
    this.bodyLeft = request.method !== 'GET' && request.method !== 'HEAD';
    response.once('close', () => {
      this.over = true;
    });
  }

  begin(path: string): void {
    const { method = '', url = '', headers } = this.request;
    const query = readHead({ method, url, headers }, path);
    if (query === 'body') this.readBody();
    else this.ask(query);
  }

  private readBody(): void {
    const { request, connection } = this;
    const pieces: Uint8Array[] = [];
    let length = 0;
    const letGo = () => {
      connection.bodyBytes -= length;
      length = 0;
    };
    request.on('data', (piece: Uint8Array) => {
      if (this.over) return;
      pieces.push(piece);
      length += piece.length;
      connection.bodyBytes += piece.length;
      if (length > MAX_MESSAGE_BYTES) this.refuse(Refusal.TOO_LARGE);
      else if (connection.bodyBytes > this.connections.limits.outgoingBytes) this.refuse(Refusal.UNAVAILABLE);
      if (this.over) letGo();
    });
    request.once('end', () => {
      this.bodyLeft = false;
      if (!this.over) this.ask(readQuery(Buffer.concat(pieces)));
    });
    this.response.once('close', letGo);
  }

  private ask(query: Uint8Array | Refusal): void {
    // A client that resets its streams at once has more queries with the engine than streams (CVE-2023-44487).
    const busy = this.connection.open >= this.connections.limits.openQueries;
    if (typeof query === 'number') this.refuse(query);
    else if (busy) this.refuse(Refusal.UNAVAILABLE);
    else this.connection.ask(query, (answer) => this.send(answer));
  }

  private send(answer: Uint8Array | null): boolean {
    const { request, response } = this;
    if (this.over || ('stream' in request && request.stream.destroyed)) return false;
    if (answer === null) {
      this.refuse(Refusal.UNAVAILABLE);
      return true;
    }
    this.over = true;
    response.statusCode = 200;
    response.setHeader('content-type', MEDIA_TYPE);
    response.setHeader('content-length', answer.length);
    response.setHeader('cache-control', `max-age=${freshSeconds(answer)}`);
    // A copy: the client may take it later than the engine uses its buffer again.
    response.end(Buffer.from(answer));
    return true;
  }

  private refuse(status: Refusal): void {
    const { request, response } = this;
    this.over = true;
    this.counters[`requests.${status}`]++;
    response.statusCode = status;
    if (status === Refusal.METHOD_NOT_ALLOWED) response.setHeader('allow', 'GET, POST');
    // Nobody waits for the rest of the body.
    if (this.bodyLeft && !('stream' in request)) response.setHeader('connection', 'close');
    response.end();
    if (this.bodyLeft && 'stream' in request) request.stream.close();
  }
}
