/** The header of every message (RFC 4271 §4.1), and the message that is nothing else. */
import { HEADER_BYTES, MAX_MESSAGE_BYTES, MessageType } from './numbers.js';

export const MARKER: Uint8Array = Buffer.alloc(16, 0xff);

/** A message around `body`. Throws RangeError when it would be longer than 4096 octets, which no caller lets happen. */
export function message(type: number, body: Uint8Array): Buffer {
  const length = HEADER_BYTES + body.length;
  if (length > MAX_MESSAGE_BYTES) throw new RangeError(`a message of ${length} octets`);
  return Buffer.concat([MARKER, Buffer.of(length >> 8, length & 0xff, type), body]);
}

export function encodeKeepalive(): Buffer {
  return message(MessageType.KEEPALIVE, new Uint8Array(0));
}
