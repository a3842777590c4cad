/** The Internet checksum (RFC 1071) of octets behind a sum so far: 0 over a message that carries its right one. */
export function internetChecksum(octets: Uint8Array, before = 0): number {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  let sum = before;
  for (let at = 0; at + 1 < octets.length; at += 2) sum += view.getUint16(at);
  if (octets.length % 2 === 1) sum += view.getUint8(octets.length - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
