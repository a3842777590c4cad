/** Router IDs, area IDs and IPv4 addresses: 32 bits, written dotted. */
import { formatAddress, parseAddress } from '../../../config/address.js';

/** Null for text that is no dotted number. */
export function parseIdentifier(text: string): number | null {
  const address = parseAddress(text);
  return address?.family === 4 ? Number(address.value) : null;
}

export function formatIdentifier(value: number): string {
  return formatAddress(4, BigInt(value));
}

/** An identifier that the configuration has checked. Throws RangeError when it is none. */
export function knownIdentifier(text: string): number {
  const value = parseIdentifier(text);
  if (value === null) throw new RangeError(`not a dotted number: ${text}`);
  return value;
}

/** Mask of a length, 0 to 32 bits, as a number. */
export function maskOf(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}
