/** Messages on a connection: each with its length in front (RFC 1035 §4.2.2), in whatever pieces they arrive. */
import { HEADER_BYTES } from '../wire/numbers.js';
import { LENGTH_BYTES } from './request.js';

/** Puts pieces together again. It holds one unfinished message at most, 65,535 bytes. */
export class Frames {
  private length = 0;
  private lengthOctets = 0;
  private body: Buffer | null = null;
  private filled = 0;

  /** Hands on the messages that `chunk` completes. False for a length that no message has: nothing sensible follows. */
  push(chunk: Uint8Array, take: (message: Uint8Array) => void): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.body !== null) {
        const part = chunk.subarray(at, at + this.length - this.filled);
        this.body.set(part, this.filled);
        this.filled += part.length;
        at += part.length;
        if (this.filled === this.length) this.complete(this.body, take);
        continue;
      }
      this.length = (this.length << 8) | (chunk[at++] as number);
      if (++this.lengthOctets < LENGTH_BYTES) continue;
      if (this.length < HEADER_BYTES) return false;
      const whole = chunk.subarray(at, at + this.length);
      if (whole.length === this.length) {
        at += this.length;
        this.complete(whole, take);
      } else {
        this.body = Buffer.allocUnsafe(this.length);
        this.filled = 0;
      }
    }
    return true;
  }

  private complete(message: Uint8Array, take: (message: Uint8Array) => void): void {
    this.length = 0;
    this.lengthOctets = 0;
    this.body = null;
    take(message);
  }
}
