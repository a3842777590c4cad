/** The Internet checksum (RFC 1071), in full: for packets that are described or read, not for packets on their way. */

/** Adds 16-bit words, carries folded in; an odd last byte is the high half of a word. */
function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

/** The checksum over all parts; those before the last have an even length. 0 where a checksum inside them holds. */
export function checksum(...parts: Uint8Array[]): number {
  let total = 0;
  for (const part of parts) total += sum(part);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return ~total & 0xffff;
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
