/** Messages on a stream, each behind its length in two octets (RFC 1035 §4.2.2, RFC 7766 §8). */

import { MAX_MESSAGE_BYTES } from './numbers.js';
import { wordAt } from './words.js';

const MAX_FRAME_BYTES = 2 + MAX_MESSAGE_BYTES;
const LEAST_BUFFER_BYTES = 512;
const NOTHING = new Uint8Array(0);

/**
 * Puts messages together from pieces of any size. A message within one piece is not copied; else the buffer grows with
 * what has come, not with what a length promises.
 */
export class Frames {
  private bytes: Uint8Array = NOTHING;
  private start = 0;
  private end = 0;

  push(piece: Uint8Array): void {
    const held = this.end - this.start;
    if (held === 0) {
      this.bytes = piece;
      this.start = 0;
      this.end = piece.length;
      return;
    }
    // A piece has no room behind it: only a buffer of ours is written to, and only after what was handed out.
    if (this.end + piece.length > this.bytes.length) {
      const needed = held + piece.length;
      const grown = new Uint8Array(Math.max(LEAST_BUFFER_BYTES, needed, Math.min(2 * needed, MAX_FRAME_BYTES)));
      grown.set(this.bytes.subarray(this.start, this.end));
      this.bytes = grown;
      this.start = 0;
      this.end = held;
    }
    this.bytes.set(piece, this.end);
    this.end += piece.length;
  }

  /** The next whole message, which nobody writes over; null until there is one. */
  next(): Uint8Array | null {
    if (this.end - this.start < 2) return null;
    const from = this.start + 2;
    const to = from + wordAt(this.bytes, this.start);
    if (to > this.end) return null;
    const message = this.bytes.subarray(from, to);
    this.start = to;
    if (to === this.end) this.clear();
    return message;
  }

  private clear(): void {
    this.bytes = NOTHING;
    this.start = 0;
    this.end = 0;
  }
}

/** A copy of the message behind its length, to go out in one write. Throws RangeError above MAX_MESSAGE_BYTES. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length);
  framed.set(message, 2);
  return framed;
}
