/**
 * NLRI (RFC 4271 §4.3): a length in bits and as many octets as it takes. In the tables a prefix is these octets as a
 * string with a character for each and spare bits zero: cheap to keep and to compare while a million go by.
 */
import { type Family, formatAddress, type Prefix } from '../../config/address.js';

/** One character for the length, then one for each octet. Says nothing about the family. */
export type Nlri = string;

/** Reads prefixes to the end of `octets`. Null when a length is over the family's, or the last one overruns. */
export function readNlri(octets: Uint8Array, family: Family): Nlri[] | null {
  const view = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  const most = family === 4 ? 32 : 128;
  const found: Nlri[] = [];
  for (let at = 0; at < view.length; ) {
    const bits = view[at] as number;
    const end = at + 1 + ((bits + 7) >> 3);
    if (bits > most || end > view.length) return null;
    const spare = -bits & 7;
    const last = view[end - 1] as number;
    // Spare bits are irrelevant (RFC 4271 §4.3), so they must not make two prefixes of one.
    const clean = spare === 0 || (last & ((1 << spare) - 1)) === 0;
    found.push(
      clean
        ? view.toString('latin1', at, end)
        : view.toString('latin1', at, end - 1) + String.fromCharCode((last >> spare) << spare),
    );
    at = end;
  }
  return found;
}

export function nlriOf(prefix: Prefix): Nlri {
  const bits = prefix.family === 4 ? 32 : 128;
  let text = String.fromCharCode(prefix.length);
  for (let at = 0; at < prefix.length; at += 8) {
    text += String.fromCharCode(Number((prefix.first >> BigInt(bits - 8 - at)) & 0xffn));
  }
  return text;
}

export function octetsOf(nlri: Nlri): Buffer {
  return Buffer.from(nlri, 'latin1');
}

export function lengthOf(nlri: Nlri): number {
  return nlri.charCodeAt(0);
}

export function prefixOf(family: Family, nlri: Nlri): Prefix {
  const bits = family === 4 ? 32 : 128;
  const length = lengthOf(nlri);
  let first = 0n;
  for (let at = 1; at < nlri.length; at++) first = (first << 8n) | BigInt(nlri.charCodeAt(at));
  first <<= BigInt(bits - (nlri.length - 1) * 8);
  const last = first | ((1n << BigInt(bits - length)) - 1n);
  return { family, address: formatAddress(family, first), length, first, last };
}
