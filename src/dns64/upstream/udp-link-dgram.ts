/** The face of udp-link.ts by node:dgram, for where the native core is not built. */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { isPortTaken, type OpenLink, PORT_TRIES } from './udp-link.js';

/** Opens a link; it is open some turns of the event loop later. */
export const openDgramLink: OpenLink = (options, owner) => {
  const { address, port, localAddress } = options;
  const socket = createSocket(isIPv6(address) ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  let remote = { address: '', port: 0 };
  let bound: string | null = null;
  let tries = 0;
  let closed = false;

  const bind = () => {
    tries += 1;
    socket.bind({ port: options.drawPort(), address: localAddress, exclusive: true });
  };
  const onSent = (error: Error | null) => {
    if (error !== null && !closed) owner.onLost();
  };
  socket.on('listening', () => socket.connect(port, address));
  socket.on('connect', () => {
    if (closed) return;
    bound = socket.address().address;
    remote = socket.remoteAddress();
    owner.onOpen();
  });
  socket.on('message', (message, from) => {
    // Between bind and connect the kernel takes datagrams from everybody.
    if (!closed && from.port === remote.port && from.address === remote.address) owner.onMessage(message);
  });
  socket.on('error', (error) => {
    if (closed) return;
    if (bound === null && isPortTaken(error) && tries < PORT_TRIES) bind();
    else owner.onLost();
  });
  bind();

  return {
    get localAddress() {
      return bound;
    },
    write: (packet) => socket.send(packet, onSent),
    close: () => {
      if (!closed) socket.close();
      closed = true;
    },
  };
};
