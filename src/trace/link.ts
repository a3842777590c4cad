/** The IP packet inside a captured frame. */
import type { Frame } from './capture.js';

const LINK_NULL = 0;
const LINK_ETHERNET = 1;
const LINK_RAW = 101;
const LINK_SLL = 113;
const LINK_IPV4 = 228;
const LINK_IPV6 = 229;
const LINK_SLL2 = 276;

/** The link types that are understood, for sentences. */
export const LINK_TYPES = 'raw IP (101, 228, 229), Ethernet (1), Linux cooked (113, 276) or BSD loopback (0)';

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
/** 802.1Q and 802.1ad. */
const TAGS = [0x8100, 0x88a8];
const MAX_TAGS = 4;

/** True for link types that `ipPacketOf` reads. */
export function isKnownLink(linkType: number): boolean {
  return [LINK_NULL, LINK_ETHERNET, LINK_RAW, LINK_SLL, LINK_IPV4, LINK_IPV6, LINK_SLL2].includes(linkType);
}

/** The packet, without what Ethernet pads it with; null when the frame has none. */
export function ipPacketOf({ linkType, bytes }: Pick<Frame, 'linkType' | 'bytes'>): Buffer | null {
  const start = payloadStart(linkType, bytes);
  if (start === null || start >= bytes.length) return null;
  const packet = bytes.subarray(start);
  const version = packet.readUInt8(0) >> 4;
  if (version === 4 && packet.length >= 20) return packet.subarray(0, Math.max(20, packet.readUInt16BE(2)));
  if (version === 6 && packet.length >= 40) return packet.subarray(0, 40 + packet.readUInt16BE(4));
  return null;
}

/** Where the IP packet starts; null for other protocols. */
function payloadStart(linkType: number, bytes: Buffer): number | null {
  switch (linkType) {
    case LINK_RAW:
    case LINK_IPV4:
    case LINK_IPV6:
      return 0;
    case LINK_ETHERNET:
      return afterEtherType(bytes, 12);
    case LINK_SLL:
      return afterEtherType(bytes, 14);
    case LINK_SLL2:
      return bytes.length >= 20 && isIp(bytes.readUInt16BE(0)) ? 20 : null;
    case LINK_NULL:
      return isLoopbackFamily(bytes) ? 4 : null;
    default:
      return null;
  }
}

const isIp = (etherType: number): boolean => etherType === IPV4 || etherType === IPV6;

function afterEtherType(bytes: Buffer, first: number): number | null {
  for (let at = first, tags = 0; at + 2 <= bytes.length && tags <= MAX_TAGS; at += 4, tags++) {
    const etherType = bytes.readUInt16BE(at);
    if (isIp(etherType)) return at + 2;
    if (!TAGS.includes(etherType)) return null;
  }
  return null;
}

/** AF_INET, or AF_INET6 of Linux and the BSDs, in the byte order of the machine that wrote the file. */
function isLoopbackFamily(bytes: Buffer): boolean {
  if (bytes.length < 4) return false;
  const families = [2, 10, 24, 28, 30];
  return families.includes(bytes.readUInt32LE(0)) || families.includes(bytes.readUInt32BE(0));
}
