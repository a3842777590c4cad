/**
 * The transport over real sockets: the addon opens them, because MD5 keys, TTL limits and devices are set before a
 * connection is made, and `node:net` takes the descriptors over.
 */
import { createServer, Socket } from 'node:net';
import type { Addon } from '../../native/addon.js';
import { descriptorOf } from '../../native/descriptor.js';
import type { Connection, ConnectionEvents, Endpoint, Transport } from './transport.js';

export type TcpAddon = Pick<Addon, 'connectTcp' | 'listenTcp' | 'setTcpMd5' | 'setTcpHopLimit'>;

/** Network control (RFC 4594 §3.1), as routing protocols send it. */
const TRAFFIC_CLASS = 0xc0;
const BACKLOG = 64;

export function createTcpTransport(addon: TcpAddon): Transport {
  return {
    connect({ remote, local, device, hopLimit, minHopLimit, md5Key }, done) {
      const md5 = md5Key === null ? [] : [{ address: remote.address, key: md5Key }];
      const options = {
        ...remote,
        local: local === null ? null : { address: local, port: 0 },
        device,
        hopLimit,
        minHopLimit,
        md5,
        trafficClass: TRAFFIC_CLASS,
      };
      try {
        return addon.connectTcp(options, (error, fd) => {
          if (error !== null) done(error.message);
          else done(connectionOf(new Socket({ fd, readable: true, writable: true }), remote, addon));
        });
      } catch (error) {
        // What the socket itself refuses is told like what the network refuses: later.
        const handle = setImmediate(() => done(error instanceof Error ? error.message : String(error)));
        return { cancel: () => clearImmediate(handle) };
      }
    },
    listen({ family, address, port, device, hopLimit, md5 }, accept) {
      const fd = addon.listenTcp({
        local: { address: address ?? (family === 4 ? '0.0.0.0' : '::'), port },
        device,
        hopLimit,
        minHopLimit: null,
        md5,
        trafficClass: TRAFFIC_CLASS,
        backlog: BACKLOG,
      });
      const server = createServer({ pauseOnConnect: true }, (socket) => {
        const remote = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
        accept(connectionOf(socket, remote, addon));
      });
      // Running out of descriptors passes; the listener stays.
      server.on('error', () => undefined);
      server.listen({ fd });
      return {
        setMd5: (peer, key) => addon.setTcpMd5(fd, { address: peer, key }),
        close: () => server.close(),
      };
    },
  };
}

function connectionOf(socket: Socket, remote: Endpoint, addon: TcpAddon): Connection {
  let events: ConnectionEvents | null = null;
  let failure: string | null = null;
  let over = false;
  socket.setNoDelay(true);
  socket.on('error', (error) => {
    failure ??= error.message;
  });
  const ended = () => {
    if (over) return;
    over = true;
    events?.closed(failure);
    socket.destroy();
  };
  return {
    local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 },
    remote,
    queuedBytes: () => socket.writableLength,
    start(given) {
      events = given;
      socket.on('data', (chunk: Buffer) => {
        if (over) return;
        // One chunk a turn: a neighbour that floods must not keep the others waiting.
        socket.pause();
        given.data(chunk);
        setImmediate(() => socket.resume());
      });
      socket.on('end', ended);
      socket.on('close', ended);
      socket.resume();
      if (socket.destroyed) setImmediate(ended);
    },
    write(octets) {
      if (!socket.writable) return;
      socket.write(octets, () => {
        if (!over) events?.progress();
      });
    },
    close(graceMs) {
      over = true;
      if (socket.destroyed) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(() => socket.destroy(), graceMs);
        socket.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
        // Unread octets would turn the close into a reset, and that can overtake a NOTIFICATION.
        socket.resume();
        socket.end();
      });
    },
    reset() {
      over = true;
      socket.resetAndDestroy();
    },
    restrict(limits) {
      const fd = descriptorOf(socket);
      if (fd === null) return;
      try {
        addon.setTcpHopLimit(fd, { ...limits, trafficClass: TRAFFIC_CLASS });
      } catch (error) {
        // Without the protection that was asked for there is no session.
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    },
  };
}
