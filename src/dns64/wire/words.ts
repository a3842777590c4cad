/** Numbers of 16 bits in network order, as nearly everything in a message is. */

/** The word at `at`, where two octets are. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** Writes a word at `at` and returns what is behind it. */
export function putWord(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
  return at + 2;
}
