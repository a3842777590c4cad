/** STUN over TCP (RFC 8489 §6.2.2): messages follow each other with nothing between, the header's length parts them. */
import { stunLength } from './message.js';
import { HEADER_BYTES } from './numbers.js';

export interface StunFrames {
  /** Takes a chunk and returns the messages that it completes; null for what is no STUN or longer than allowed. */
  take(chunk: Uint8Array): Uint8Array[] | null;
}

/** Parts a stream whose messages have at most `maxBytes`. It keeps less than one of them. */
export function createFrames(maxBytes: number): StunFrames {
  let kept = new Uint8Array(0);
  return {
    take(chunk) {
      let rest = kept.length === 0 ? chunk : new Uint8Array(Buffer.concat([kept, chunk]));
      const messages: Uint8Array[] = [];
      while (rest.length >= HEADER_BYTES) {
        const length = stunLength(rest);
        if (length === null || length > maxBytes) return null;
        if (rest.length < length) break;
        messages.push(rest.slice(0, length));
        rest = rest.subarray(length);
      }
      kept = rest.slice();
      return messages;
    },
  };
}
