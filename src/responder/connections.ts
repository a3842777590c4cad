/** STUN over TCP: who may connect, how many, for how long, and what a connection may hold. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Endpoint } from '../stun/attributes.js';
import { MAX_DATAGRAM_BYTES } from '../stun/datagrams.js';
import { createFrames } from '../stun/frames.js';

export interface ConnectionRules {
  /** Asked when somebody connects; false closes at once. */
  welcome(address: string): boolean;
  /** The octets of an answer; null ends the connection. */
  answer(octets: Uint8Array, source: Endpoint, socket: Socket): Uint8Array | null;
  /** There is no room for one more. */
  overflow(): void;
}

export interface Listener {
  close(): Promise<void>;
}

const CONNECTIONS = 64;
/** A translator's address stands for many customers. */
const CONNECTIONS_AN_ADDRESS = 16;
const REQUESTS_A_CONNECTION = 32;
const LIFETIME_MS = 10_000;

/** Listens. Rejects with an Error with `code`. */
export async function listenConnections(at: Endpoint, rules: ConnectionRules): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const source = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    if (!rules.welcome(source.address)) {
      socket.resetAndDestroy();
      return;
    }
    const same = [...sockets].filter(({ remoteAddress }) => remoteAddress === source.address).length;
    if (sockets.size >= CONNECTIONS || same >= CONNECTIONS_AN_ADDRESS) {
      rules.overflow();
      socket.resetAndDestroy();
      return;
    }
    sockets.add(socket);
    serve(socket, source, rules);
    socket.once('close', () => sockets.delete(socket));
  });
  await listen(server, at);
  // Running out of descriptors passes; the listener stays.
  server.on('error', () => undefined);
  return {
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serve(socket: Socket, source: Endpoint, { answer }: ConnectionRules): void {
  const frames = createFrames(MAX_DATAGRAM_BYTES);
  const timer = setTimeout(() => socket.destroy(), LIFETIME_MS);
  let requests = 0;
  socket.once('close', () => clearTimeout(timer));
  // A broken connection is closed, which is all there is to do.
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    const answers = (frames.take(chunk) ?? [null]).map((message) => {
      requests += 1;
      const busy = requests > REQUESTS_A_CONNECTION || socket.writableLength > MAX_DATAGRAM_BYTES;
      return message === null || busy ? null : answer(message, source, socket);
    });
    for (const octets of answers) {
      if (octets === null) socket.destroy();
      else if (!socket.destroyed) socket.write(octets);
    }
  });
}

function listen(server: Server, { address, port }: Endpoint): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen({ host: address, port }, () => {
      server.off('error', fail);
      done();
    });
  });
}
