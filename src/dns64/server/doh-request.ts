/** A DNS query in an HTTP request (RFC 8484 §4.1). */
import type { IncomingHttpHeaders } from 'node:http';
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from '../wire/numbers.js';

export const MEDIA_TYPE = 'application/dns-message';

/** HTTP statuses with which a request is refused. */
export const Refusal = {
  BAD_REQUEST: 400,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  TOO_LARGE: 413,
  UNSUPPORTED_TYPE: 415,
  /** The engine says nothing to this query, or has as many as it may from this connection. */
  UNAVAILABLE: 503,
} as const;
export type Refusal = (typeof Refusal)[keyof typeof Refusal];

export interface RequestHead {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingHttpHeaders;
}

/** The query of a GET; 'body' when it comes as the body of a POST. */
export function readHead({ method, url, headers }: RequestHead, path: string): Uint8Array | 'body' | Refusal {
  const mark = url.indexOf('?');
  if ((mark < 0 ? url : url.slice(0, mark)) !== path) return Refusal.NOT_FOUND;
  if (method === 'GET') return readVariable(mark < 0 ? '' : url.slice(mark + 1));
  if (method !== 'POST') return Refusal.METHOD_NOT_ALLOWED;
  const type = headers['content-type'] ?? '';
  if (type.replace(/;.*$/, '').trim().toLowerCase() !== MEDIA_TYPE) return Refusal.UNSUPPORTED_TYPE;
  return Number(headers['content-length'] ?? 0) > MAX_MESSAGE_BYTES ? Refusal.TOO_LARGE : 'body';
}

function readVariable(query: string): Uint8Array | Refusal {
  const [text, ...more] = new URLSearchParams(query).getAll('dns');
  // RFC 8484 §6: base64url without padding; Buffer would pass over what is not.
  if (text === undefined || more.length > 0 || !/^[\w-]+$/.test(text) || text.length % 4 === 1) {
    return Refusal.BAD_REQUEST;
  }
  return readQuery(Buffer.from(text, 'base64url'));
}

/** The query itself, of a size that messages have. */
export function readQuery(bytes: Uint8Array): Uint8Array | Refusal {
  if (bytes.length > MAX_MESSAGE_BYTES) return Refusal.TOO_LARGE;
  return bytes.length < HEADER_BYTES ? Refusal.BAD_REQUEST : bytes;
}
