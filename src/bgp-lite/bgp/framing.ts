/**
 * Messages on a connection (RFC 4271 §4.1): 16 octets of ones, a length, a type. A length is judged from the header
 * alone; at most one unfinished message is held.
 */

import { MARKER } from './message.js';
import { type Notification, notification } from './notification.js';
import { ErrorCode, HEADER_BYTES, HeaderError, MAX_MESSAGE_BYTES, MessageType } from './numbers.js';

export interface Message {
  type: number;
  /** With its header. Valid until the call that handed it out returns. */
  octets: Uint8Array;
  body: Uint8Array;
}

/** Least and greatest length of each type; a ROUTE-REFRESH of another length has its own error (RFC 7313 §5). */
const LENGTHS = new Map<number, readonly [number, number]>([
  [MessageType.OPEN, [29, MAX_MESSAGE_BYTES]],
  [MessageType.UPDATE, [23, MAX_MESSAGE_BYTES]],
  [MessageType.NOTIFICATION, [21, MAX_MESSAGE_BYTES]],
  [MessageType.KEEPALIVE, [HEADER_BYTES, HEADER_BYTES]],
  [MessageType.REFRESH, [HEADER_BYTES, MAX_MESSAGE_BYTES]],
]);

/** What is wrong with a header of 19 octets, or null. */
export function headerError(header: Uint8Array): Notification | null {
  for (let at = 0; at < MARKER.length; at++) {
    if (header[at] !== 0xff) return notification(ErrorCode.HEADER, HeaderError.NOT_SYNCHRONIZED);
  }
  const length = lengthIn(header);
  const type = header[18] ?? 0;
  const badLength = () =>
    notification(ErrorCode.HEADER, HeaderError.BAD_LENGTH, Uint8Array.from(header.subarray(16, 18)));
  if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) return badLength();
  const bounds = LENGTHS.get(type);
  if (bounds === undefined) return notification(ErrorCode.HEADER, HeaderError.BAD_TYPE, Uint8Array.of(type));
  return length < bounds[0] || length > bounds[1] ? badLength() : null;
}

function lengthIn(header: Uint8Array): number {
  return ((header[16] ?? 0) << 8) | (header[17] ?? 0);
}

/** Puts the pieces of one connection together again. */
export interface Framer {
  /**
   * Hands on the messages that `chunk` completes, as long as `take` answers true. Returns what ends the session; nothing
   * may be pushed after that.
   */
  push(chunk: Uint8Array, take: (message: Message) => boolean): Notification | null;
  /** Octets of the unfinished message. */
  held(): number;
}

export function createFramer(): Framer {
  // Taken with the first partial message only: most chunks hold whole ones.
  let partial: Uint8Array | null = null;
  let filled = 0;

  /** Length of the message that begins with `header`, or its error. */
  const judge = (header: Uint8Array): number | Notification => headerError(header) ?? lengthIn(header);
  const hand = (octets: Uint8Array, take: (message: Message) => boolean) =>
    take({ type: octets[18] ?? 0, octets, body: octets.subarray(HEADER_BYTES) });

  return {
    held: () => filled,
    push(chunk, take) {
      let at = 0;
      while (at < chunk.length) {
        if (filled === 0) {
          if (chunk.length - at >= HEADER_BYTES) {
            const length = judge(chunk.subarray(at, at + HEADER_BYTES));
            if (typeof length !== 'number') return length;
            if (chunk.length - at >= length) {
              at += length;
              if (!hand(chunk.subarray(at - length, at), take)) return null;
              continue;
            }
          }
          partial ??= new Uint8Array(MAX_MESSAGE_BYTES);
        }
        const buffer = partial as Uint8Array;
        if (filled < HEADER_BYTES) {
          const piece = chunk.subarray(at, at + HEADER_BYTES - filled);
          buffer.set(piece, filled);
          filled += piece.length;
          at += piece.length;
          if (filled < HEADER_BYTES) return null;
        }
        const length = judge(buffer.subarray(0, HEADER_BYTES));
        if (typeof length !== 'number') return length;
        const piece = chunk.subarray(at, at + length - filled);
        buffer.set(piece, filled);
        filled += piece.length;
        at += piece.length;
        if (filled < length) return null;
        filled = 0;
        if (!hand(buffer.subarray(0, length), take)) return null;
      }
      return null;
    },
  };
}
