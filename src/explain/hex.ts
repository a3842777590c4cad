/** A packet as hexadecimal digits: what tcpdump, Wireshark and C programs show, as long as it is digits only. */
import { errors } from '../errors.js';

/** Longest packet, bytes: an IPv6 header and 65,535 bytes behind it. */
export const MAX_PACKET_BYTES = 65_575;

/** True for text that has nothing but digits, spaces, colons and `0x`, and enough of them for an IPv4 header. */
export function looksLikeHex(text: string): boolean {
  return /^(?:0x|[\s:,]|[0-9a-f])*$/i.test(text) && digitsOf(text).length >= 40;
}

const digitsOf = (text: string): string => text.replaceAll(/0x(?=[0-9a-f])|[\s:,]/gi, '');

/** Reads the digits. Throws PLT_PACKET_INVALID. */
export function parseHex(text: string): Buffer {
  const digits = digitsOf(text);
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong !== null) throw errors.packetInvalid('hex', JSON.stringify(wrong[0]), 'digits 0-9 and a-f');
  if (digits.length === 0 || digits.length % 2 !== 0) {
    throw errors.packetInvalid('hex', `${digits.length} digits`, 'two for each byte');
  }
  if (digits.length > 2 * MAX_PACKET_BYTES) {
    throw errors.packetInvalid('hex', `${digits.length / 2} bytes`, `at most ${MAX_PACKET_BYTES}`);
  }
  return Buffer.from(digits, 'hex');
}

/** Bytes in groups of two, 16 to a line. */
export function formatHex(hex: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at < hex.length; at += 32) {
    lines.push((hex.slice(at, at + 32).match(/.{1,4}/g) ?? []).join(' '));
  }
  return lines;
}
