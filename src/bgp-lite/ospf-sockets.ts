/** The addon's OSPF sockets as the announcer wants them: packets of a batch with their two ends as text. */
import { formatAddress } from '../config/address.js';
import { type Addon, UDP_PEER } from '../native/addon.js';
import type { OspfPacket, OspfSockets } from './ospf/host.js';

/** Longest packet taken; IP fragments are put together by the kernel before. */
const SLOT_BYTES = 65_536;

export function createOspfSockets(addon: Pick<Addon, 'OspfSocket'>): OspfSockets {
  return {
    open({ family, device }, onPackets) {
      const socket = new addon.OspfSocket({ family, device, slotBytes: SLOT_BYTES }, (count) => {
        const packets: OspfPacket[] = [];
        for (let slot = 0; slot < count; slot++) {
          const from = slot * socket.slotBytes;
          const peer = slot * UDP_PEER.bytes;
          const address = (at: number) => textOf(family, socket.receivedPeers.subarray(peer + at, peer + at + 16));
          packets.push({
            // The slots are used again by the next batch.
            bytes: socket.received.slice(from, from + (socket.receivedLengths[slot] ?? 0)),
            source: address(UDP_PEER.address),
            destination: address(UDP_PEER.local),
          });
        }
        onPackets(packets);
      });
      return socket;
    },
  };
}

function textOf(family: 4 | 6, octets: Uint8Array): string {
  const own = octets.subarray(0, family === 4 ? 4 : 16);
  return formatAddress(family, BigInt(`0x${Buffer.from(own).toString('hex')}`));
}
