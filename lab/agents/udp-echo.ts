/** Sends every datagram back where it came from: `node udp-echo.js ADDRESS PORT`. Prints one line for each. */
import { createSocket } from 'node:dgram';

const [address = '0.0.0.0', port = '9000'] = process.argv.slice(2);

const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
socket.on('message', (message, from) => {
  console.log(`${from.address}#${from.port} ${message.length}`);
  socket.send(message, from.port, from.address);
});
socket.bind(Number(port), address, () => console.log('listening'));
