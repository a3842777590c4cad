/** FAKE: an addon's link sockets on links that exist only in memory. */
import type { Addon, LinkSocketOptions } from '../../src/native/addon.js';
import { systemError } from './addon.js';

export interface FakeLink {
  options: LinkSocketOptions;
  /** What was sent, as hexadecimal digits, and to whom. */
  sent: { packet: string; to: string }[];
  closed: boolean;
  /** A packet that the real one's filter may have let through or not: it is asked here as there. */
  arrive(packet: Uint8Array, source?: Uint8Array): void;
}

export interface FakeLinks {
  LinkSocket: Addon['LinkSocket'];
  opened: FakeLink[];
  /** Devices on which nobody may listen, with the error's code. */
  refused: Map<string, string>;
  /** Called with each packet that is sent. */
  onSend: (link: FakeLink, packet: Uint8Array) => void;
}

const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex');

/** Links without anybody on them. */
export function createFakeLinks(): FakeLinks {
  const links: FakeLinks = {
    LinkSocket: open as unknown as Addon['LinkSocket'],
    opened: [],
    refused: new Map(),
    onSend() {},
  };

  function open(options: LinkSocketOptions, onPacket: (packet: Uint8Array, source: Uint8Array) => void) {
    const code = links.refused.get(options.device);
    if (code !== undefined) throw systemError(code, 'socket');
    const link: FakeLink = {
      options,
      sent: [],
      closed: false,
      arrive(packet, source = Uint8Array.of(2, 0, 0, 0, 0, 1)) {
        if (!link.closed && fits(options, packet)) onPacket(packet, source);
      },
    };
    links.opened.push(link);
    return {
      send(packet: Uint8Array, to: Uint8Array) {
        if (link.closed) throw systemError('EBADF', 'sendto');
        link.sent.push({ packet: hex(packet), to: hex(to) });
        links.onSend(link, packet);
      },
      close() {
        link.closed = true;
      },
    };
  }
  return links;
}

function fits({ matches }: LinkSocketOptions, packet: Uint8Array): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return matches.every(({ offset, mask, value }) => {
    if (offset + 4 > packet.length) return false;
    return (view.getUint32(offset) & mask) >>> 0 === (value & mask) >>> 0;
  });
}
