// An OSPF socket of the addon on one interface: `node ospf.mjs FAMILY DEVICE GROUP`. Lines of standard input are
// `DESTINATION HEX` to be sent; what comes in is printed as `HEX`, after `ready`.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [family, device, group] = process.argv.slice(2);
const addon = createRequire(import.meta.url)('../../../build/Release/platypus.node');
const socket = new addon.OspfSocket({ family: Number(family), device, slotBytes: 4096 }, (count) => {
  for (let slot = 0; slot < count; slot++) {
    const at = slot * socket.slotBytes;
    console.log(Buffer.from(socket.received.subarray(at, at + socket.receivedLengths[slot])).toString('hex'));
  }
});
socket.join(group);
console.log('ready');
createInterface(process.stdin).on('line', (line) => {
  const [destination, hex] = line.split(' ');
  if (!socket.send(Buffer.from(hex, 'hex'), destination)) console.log('not sent');
});
