/** The Internet checksum (RFC 1071), in full: for packets that are made, read or described, not for those on their way. */

/** Over all parts; each but the last has an even length. 0 where a checksum inside them holds. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
    for (let at = 0; at + 1 < part.length; at += 2) sum += view.getUint16(at);
    if (part.length % 2 === 1) sum += view.getUint8(part.length - 1) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** The pseudo-header of RFC 9293 §3.1 (4-byte addresses) and RFC 8200 §8.1 (16-byte); their sums are alike. */
export function pseudoHeader(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  lengthBytes: number,
): Uint8Array {
  const tail = Buffer.alloc(8);
  tail.writeUInt32BE(lengthBytes, 0);
  tail[7] = protocol;
  return Buffer.concat([source, destination, tail]);
}
