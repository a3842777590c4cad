/** NOTIFICATION (RFC 4271 §4.5): content, words for people, hard reset (RFC 8538), shutdown text (RFC 9003). */

import { message } from './message.js';
import { Cease, ErrorCode, MessageType } from './numbers.js';

export interface Notification {
  code: number;
  subcode: number;
  data: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** RFC 9003 §3: what a neighbour that is not known to take more gets at most, octets. */
const MAX_TEXT_BYTES = 128;
/** What of data that is not understood goes into a log line, octets. */
const MAX_HEX_BYTES = 64;

export function notification(code: number, subcode = 0, data: Uint8Array = NOTHING): Notification {
  return { code, subcode, data };
}

/** Cease with text for the neighbour's operator (RFC 9003 §2), cut at 128 octets at the end of a character. */
export function ceaseWithText(subcode: number, text: string | null): Notification {
  if (text === null || text === '') return notification(ErrorCode.CEASE, subcode);
  const octets = cut(text);
  return notification(ErrorCode.CEASE, subcode, Buffer.concat([Buffer.of(octets.length), octets]));
}

function cut(text: string): Buffer {
  const octets = Buffer.from(text, 'utf8');
  if (octets.length <= MAX_TEXT_BYTES) return octets;
  let end = MAX_TEXT_BYTES;
  while (((octets[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return octets.subarray(0, end);
}

/** RFC 8538 §3.1: the real reason is the data of 6/9. */
export function hardReset(reason: Notification): Notification {
  const data = Buffer.concat([Buffer.of(reason.code, reason.subcode), reason.data]);
  return notification(ErrorCode.CEASE, Cease.HARD_RESET, data);
}

export function encodeNotification({ code, subcode, data }: Notification): Buffer {
  return message(MessageType.NOTIFICATION, Buffer.concat([Buffer.of(code, subcode), data]));
}

/** The body of a NOTIFICATION; its two octets are there, framing has seen to it. */
export function decodeNotification(body: Uint8Array): Notification {
  return { code: body[0] ?? 0, subcode: body[1] ?? 0, data: Uint8Array.from(body.subarray(2)) };
}

export function isHardReset({ code, subcode }: Notification): boolean {
  return code === ErrorCode.CEASE && subcode === Cease.HARD_RESET;
}

const CODES: Record<number, { name: string; subcodes: Record<number, string> }> = {
  1: {
    name: 'Message Header Error',
    subcodes: { 1: 'Connection Not Synchronized', 2: 'Bad Message Length', 3: 'Bad Message Type' },
  },
  2: {
    name: 'OPEN Message Error',
    subcodes: {
      1: 'Unsupported Version Number',
      2: 'Bad Peer AS',
      3: 'Bad BGP Identifier',
      4: 'Unsupported Optional Parameter',
      6: 'Unacceptable Hold Time',
      7: 'Unsupported Capability',
      11: 'Role Mismatch',
    },
  },
  3: {
    name: 'UPDATE Message Error',
    subcodes: {
      1: 'Malformed Attribute List',
      2: 'Unrecognized Well-known Attribute',
      3: 'Missing Well-known Attribute',
      4: 'Attribute Flags Error',
      5: 'Attribute Length Error',
      6: 'Invalid ORIGIN Attribute',
      8: 'Invalid NEXT_HOP Attribute',
      9: 'Optional Attribute Error',
      10: 'Invalid Network Field',
      11: 'Malformed AS_PATH',
    },
  },
  4: { name: 'Hold Timer Expired', subcodes: {} },
  5: {
    name: 'Finite State Machine Error',
    subcodes: {
      1: 'Unexpected Message in OpenSent',
      2: 'Unexpected Message in OpenConfirm',
      3: 'Unexpected Message in Established',
    },
  },
  6: {
    name: 'Cease',
    subcodes: {
      1: 'Maximum Number of Prefixes Reached',
      2: 'Administrative Shutdown',
      3: 'Peer De-configured',
      4: 'Administrative Reset',
      5: 'Connection Rejected',
      6: 'Other Configuration Change',
      7: 'Connection Collision Resolution',
      8: 'Out of Resources',
      9: 'Hard Reset',
      10: 'BFD Down',
    },
  },
  7: { name: 'ROUTE-REFRESH Message Error', subcodes: { 1: 'Invalid Message Length' } },
  8: { name: 'Send Hold Timer Expired', subcodes: {} },
};

/** One line for logs and `neighbor show`: names, numbers, and the text or the data. */
export function describeNotification(found: Notification): string {
  const known = CODES[found.code];
  const name = known === undefined ? 'unknown error' : known.name;
  const detail = known?.subcodes[found.subcode];
  const title = `${name}${detail === undefined ? '' : `: ${detail}`} (${found.code}/${found.subcode})`;
  if (isHardReset(found) && found.data.length >= 2) {
    return `${title}, because of ${describeInner(decodeNotification(found.data))}`;
  }
  return title + describeData(found);
}

// A reset within a reset is shown as data: whoever nests them deeper is not followed.
function describeInner(found: Notification): string {
  return isHardReset(found) ? `6/9, data ${hexOf(found.data)}` : describeNotification(found);
}

function describeData({ code, subcode, data }: Notification): string {
  if (data.length === 0) return '';
  if (code !== ErrorCode.CEASE || (subcode !== Cease.SHUTDOWN && subcode !== Cease.RESET)) {
    return `, data ${hexOf(data)}`;
  }
  const length = data[0] ?? 0;
  if (length !== data.length - 1)
    return `, text of ${length} octets announced, ${data.length - 1} present: ${hexOf(data)}`;
  const text = textOf(data.subarray(1));
  return text === null ? `, text that is not UTF-8: ${hexOf(data.subarray(1))}` : `: "${escapeControls(text)}"`;
}

function textOf(octets: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return null;
  }
}

/** RFC 9003 §4: a neighbour's text must not steer the operator's terminal or forge a line in the log. */
function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"\\]/gu, (found) => {
    return `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** Octets as hex digits, cut after 64 octets. */
export function hexOf(octets: Uint8Array, most = MAX_HEX_BYTES): string {
  const hex = Buffer.from(octets.subarray(0, most)).toString('hex');
  return octets.length > most ? `${hex}… (${octets.length} octets)` : hex;
}
