/**
 * The keyed hash of a cache key. Names come from strangers, who would like all of theirs in one place of the table. The
 * usual quick mixes do not keep them from it: MurmurHash has collisions that hold under every seed (Aumasson and
 * Bernstein, "Hash-flooding DoS reloaded", 2012). HalfSipHash is their answer for 32-bit words, which are what a
 * JavaScript engine computes with; one round a word and three at the end (1-3) is what the Linux kernel keys its own
 * tables with.
 */

/** Folds the ASCII case of a byte (RFC 4343 §3); every other byte is itself. */
export const FOLDED: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte,
);

/** A signed 32-bit hash of (name without ASCII case, type, class, view); the name is `bytes[offset .. offset + length)`. */
export type KeyHash = (
  bytes: Uint8Array,
  offset: number,
  length: number,
  type: number,
  klass: number,
  view: number,
) => number;

/** HalfSipHash-1-3 under the key `key0`, `key1` (uint32 each) over type, class and view, little-endian, then the name. */
export function keyedHash(key0: number, key1: number): KeyHash {
  const seed2 = key0 ^ 0x6c796765;
  const seed3 = key1 ^ 0x74656462;

  return (bytes, offset, length, type, klass, view) => {
    let v0 = key0 | 0;
    let v1 = key1 | 0;
    let v2 = seed2;
    let v3 = seed3;
    const tail = offset + (length & ~3);
    // Two words of numbers come before the name's, one with what is left of it and the length after, then the end.
    const last = offset + 4 * FINAL_ROUNDS + (length & ~3);
    for (let at = offset - 8; at <= last; at += 4) {
      let word = 0;
      if (at < offset) {
        word = at === offset - 8 ? type | (klass << 16) : view | 0;
      } else if (at < tail) {
        word = foldedWord(bytes, at);
      } else if (at === tail) {
        word = foldedRest(bytes, at, length & 3) | ((length + 8) << 24);
      } else if (at === tail + 4) {
        v2 ^= 0xff;
      }

      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  };
}

const FINAL_ROUNDS = 3;

/** Four bytes, little-endian as a signed 32-bit number, without ASCII case. */
export function foldedWord(bytes: Uint8Array, at: number): number {
  return fold(
    (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24),
  );
}

/** The same of the last `count` (0 to 3) bytes of a name. */
function foldedRest(bytes: Uint8Array, at: number, count: number): number {
  let word = 0;
  for (let index = 0; index < count; index++) word |= (bytes[at + index] as number) << (8 * index);
  return fold(word);
}

/**
 * Folds four bytes at once. Those that count labels need no exception: they are below 64, 'A' is 65. Bit 7 of each sum
 * says: at or after 'A', after 'Z'; adding to seven bits carries nothing into the next byte.
 */
function fold(word: number): number {
  const low = word & 0x7f7f7f7f;
  const upper = (low + 0x3f3f3f3f) & ~(low + 0x25252525) & ~word & 0x80808080;
  return word | (upper >>> 2);
}
