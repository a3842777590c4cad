/** Bytes that both ends can make for themselves, and their checksum. */
import { createCipheriv, createHash } from 'node:crypto';

/** Pseudo-random bytes, the same for the same length, in pieces of at most 64 KiB. */
export function* pattern(bytes: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 0x64), Buffer.alloc(16));
  const zeros = Buffer.alloc(65_536);
  for (let left = bytes; left > 0; left -= zeros.length) {
    yield cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
  }
}

/** SHA-256 of `pattern(bytes)`, hex. */
export function patternSha256(bytes: number): string {
  const hash = createHash('sha256');
  for (const piece of pattern(bytes)) hash.update(piece);
  return hash.digest('hex');
}
