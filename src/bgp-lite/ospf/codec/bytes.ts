/** Numbers in and out of octets, all in network order. Readers are called after the length was checked. */

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const word16 = (bytes: Uint8Array, at: number): number => viewOf(bytes).getUint16(at);
export const word32 = (bytes: Uint8Array, at: number): number => viewOf(bytes).getUint32(at);

export function setWord16(bytes: Uint8Array, at: number, value: number): void {
  viewOf(bytes).setUint16(at, value);
}
export function setWord32(bytes: Uint8Array, at: number, value: number): void {
  viewOf(bytes).setUint32(at, value);
}

/** One after the other in new memory. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** The low octets of a number, highest first. */
export function bytesOf(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let rest = value;
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

export function bigintOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}
