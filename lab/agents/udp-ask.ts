/**
 * Sends one datagram and waits for it to come back: `node udp-ask.js ADDRESS PORT BYTES [SOURCE-PORT]`.
 * Exit 0 when the answer holds the same bytes. UDP promises nothing, so it asks up to five times, 1 s apart.
 */
import { createSocket } from 'node:dgram';
import { pattern } from './pattern.js';

const [address = '::1', port = '9000', bytes = '64', sourcePort = '0'] = process.argv.slice(2);

const message = Buffer.concat([...pattern(Number(bytes))]);
const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
let tries = 0;
const ask = () => {
  tries += 1;
  if (tries > 5) {
    console.error('no answer');
    process.exit(1);
  }
  socket.send(message, Number(port), address);
};
const timer = setInterval(ask, 1_000);
socket.on('message', (answer, from) => {
  const same = answer.equals(message);
  console.log(`${answer.length} bytes from ${from.address}#${from.port}, ${same ? 'the same' : 'DIFFERENT'}`);
  clearInterval(timer);
  socket.close();
  process.exitCode = same ? 0 : 1;
});
socket.bind(Number(sourcePort), ask);
