/**
 * DNS over TCP (RFC 7766, RFC 9210) and over TLS (RFC 7858). Functions in the order of a message: out of the stream, to
 * the engine, back in any order.
 */
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { Frames, frame } from '../wire/frames.js';
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from '../wire/numbers.js';
import type { Admit, Handle } from './client.js';
import { type Connection, type ConnectionLimits, Connections, type Credentials, type Listener } from './connections.js';

export interface StreamOptions {
  address: string;
  /** 53, 853 with TLS; 0 for any that is free. */
  port: number;
  /** Null for plain TCP. */
  tls: Credentials | null;
  limits: ConnectionLimits;
  /** Everybody is a client unless told. */
  admit?: Admit;
}

const MORE_COUNTERS = {
  'connections.malformed_closed': 0,
  'discarded.too_long': 0,
};
type Counters = Connections['counters'] & typeof MORE_COUNTERS;

/** Listens. Rejects with the system's error, or OpenSSL's of the certificate. */
export async function listenStream(options: StreamOptions, handle: Handle): Promise<Listener> {
  const { address, port, tls, limits, admit } = options;
  const connections = new Connections({ transport: tls === null ? 'tcp' : 'tls', limits, handle, admit });
  const counters: Counters = Object.assign(connections.counters, MORE_COUNTERS);
  let secureContext = tls === null ? null : contextOf(tls);
  const listening = await connections.listen({ address, port }, (socket, connection) => {
    const stream =
      secureContext === null
        ? socket
        : new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['dot'] });
    converse(stream, connection, connections, counters);
  });
  return {
    port: listening.port,
    counters,
    reconfigure: (changed) => connections.reconfigure(changed),
    setSecureContext: (credentials) => {
      if (secureContext !== null) secureContext = contextOf(credentials);
    },
    close: listening.close,
  };
}

/** RFC 8310 §7 wants TLS 1.2 or later; a renegotiation costs the server more than the client. */
function contextOf(credentials: Credentials): SecureContext {
  return createSecureContext({
    ...credentials,
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  });
}

/** Serves one connection until it ends. */
function converse(socket: Socket, connection: Connection, connections: Connections, counters: Counters): void {
  const frames = new Frames();
  let taking = false;
  let asked = false;

  /** RFC 7766 §6.2.1.1: queries are worked on beside each other, up to a point; beyond, the client's sending stops. */
  const busy = () => connection.open >= connections.limits.openQueries || connection.fullSince !== null;

  const take = () => {
    // The engine may answer before it returns; answers of one turn leave together.
    taking = true;
    socket.cork();
    while (!socket.destroyed && !busy()) {
      const message = frames.next();
      if (message === null) break;
      if (message.length < HEADER_BYTES) {
        counters['connections.malformed_closed']++;
        connection.end();
        break;
      }
      connection.ask(message, send);
    }
    socket.uncork();
    taking = false;
    if (busy()) socket.pause();
    else if (asked && connection.open === 0) socket.end();
    else socket.resume();
  };

  const send = (answer: Uint8Array | null) => {
    if (!socket.writable) return false;
    if (answer !== null && answer.length > MAX_MESSAGE_BYTES) counters['discarded.too_long']++;
    else if (answer !== null) socket.write(frame(answer));
    if (socket.writableNeedDrain && socket.writableLength > connections.limits.outgoingBytes) {
      connection.fullSince ??= connections.now();
    }
    if (!taking) take();
    return true;
  };

  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code?.startsWith('ERR_SSL')) counters['connections.tls_failed']++;
  });
  socket.on('data', (piece) => {
    frames.push(piece);
    take();
  });
  socket.on('drain', () => {
    connection.fullSince = null;
    take();
  });
  socket.on('end', () => {
    asked = true;
    take();
  });
}
