/** OPEN (RFC 4271 §4.2), with the long form of its parameters (RFC 9072). */
import { type Capabilities, encodeCapabilities, noCapabilities, readCapabilities } from './capability.js';
import { message } from './message.js';
import { type Notification, notification } from './notification.js';
import { AS_TRANS, ErrorCode, MAX_AS2, MessageType, OpenError, VERSION } from './numbers.js';

export interface OpenMessage {
  /** My Autonomous System, two octets. */
  as2: number;
  holdTimeSeconds: number;
  /** BGP Identifier, 32 bits. */
  identifier: number;
  capabilities: Capabilities;
}

const CAPABILITIES = 2;
/** RFC 9072 §2: as length and as type of the first parameter. */
const EXTENDED = 255;
const FIXED_BYTES = 10;

/** `capabilities` null sends none (RFC 5492 §3: a neighbour that refused the parameter). */
export function encodeOpen(own: {
  localAs: number;
  holdTimeSeconds: number;
  identifier: number;
  capabilities: Capabilities | null;
}): Buffer {
  const triples = own.capabilities === null ? Buffer.alloc(0) : encodeCapabilities(own.capabilities);
  const fixed = Buffer.alloc(FIXED_BYTES - 1);
  fixed.writeUInt8(VERSION, 0);
  fixed.writeUInt16BE(own.localAs > MAX_AS2 ? AS_TRANS : own.localAs, 1);
  fixed.writeUInt16BE(own.holdTimeSeconds, 3);
  fixed.writeUInt32BE(own.identifier, 5);
  return message(MessageType.OPEN, Buffer.concat([fixed, encodeParameters(triples)]));
}

/** The parameters with their length in front, the old form wherever it fits (RFC 9072 §2). */
export function encodeParameters(triples: Uint8Array): Buffer {
  const { length } = triples;
  if (length === 0) return Buffer.of(0);
  if (length + 2 <= EXTENDED) return Buffer.concat([Buffer.of(length + 2, CAPABILITIES, length), triples]);
  const head = Buffer.of(
    EXTENDED,
    EXTENDED,
    (length + 3) >> 8,
    (length + 3) & 0xff,
    CAPABILITIES,
    length >> 8,
    length & 0xff,
  );
  return Buffer.concat([head, triples]);
}

/** Reads the body of an OPEN; what only the configuration can judge is judged in `negotiation.ts`. */
export function decodeOpen(body: Uint8Array): OpenMessage | Notification {
  const view = Buffer.from(body.buffer, body.byteOffset, body.length);
  if (view.length < FIXED_BYTES) return notification(ErrorCode.OPEN);
  if (view.readUInt8(0) !== VERSION) return notification(ErrorCode.OPEN, OpenError.VERSION, Uint8Array.of(0, VERSION));
  const capabilities = noCapabilities();
  const error = readParameters(view.subarray(FIXED_BYTES - 1), capabilities);
  if (error !== null) return error;
  return {
    as2: view.readUInt16BE(1),
    holdTimeSeconds: view.readUInt16BE(3),
    identifier: view.readUInt32BE(5),
    capabilities,
  };
}

function readParameters(octets: Buffer, found: Capabilities): Notification | null {
  const malformed = notification(ErrorCode.OPEN);
  const extended = octets.readUInt8(0) !== 0 && octets[1] === EXTENDED;
  if (extended && octets.length < 4) return malformed;
  const start = extended ? 4 : 1;
  const total = extended ? octets.readUInt16BE(2) : octets.readUInt8(0);
  if (start + total !== octets.length) return malformed;
  const head = extended ? 3 : 2;
  for (let at = start; at < octets.length; ) {
    if (at + head > octets.length) return malformed;
    const type = octets.readUInt8(at);
    const end = at + head + (extended ? octets.readUInt16BE(at + 1) : octets.readUInt8(at + 1));
    if (end > octets.length) return malformed;
    if (type !== CAPABILITIES) return notification(ErrorCode.OPEN, OpenError.PARAMETER);
    if (!readCapabilities(octets.subarray(at + head, end), found)) return malformed;
    at = end;
  }
  return null;
}
