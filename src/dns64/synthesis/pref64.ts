/** RFC 6052 §2.2 on octets: an IPv4 address inside a prefix, and out of it again. */

/** A prefix of 32, 40, 48, 56, 64 or 96 bits. */
export interface Pref64 {
  octets: Uint8Array;
  length: number;
}

/** Of ipv4only.arpa (RFC 7050 §2.2). */
export const IPV4ONLY_ADDRESSES: readonly Uint8Array[] = [Uint8Array.of(192, 0, 0, 170), Uint8Array.of(192, 0, 0, 171)];

/** The octet that stays zero (bits 64 to 71). */
const U_OCTET = 8;

/** The IPv6 address for the IPv4 address at `at`. */
export function embed({ octets, length }: Pref64, v4: Uint8Array, at = 0): Uint8Array {
  const address = octets.slice();
  let place = length / 8;
  for (let i = 0; i < 4; i++) {
    if (place === U_OCTET) place++;
    address[place++] = v4[at + i] as number;
  }
  return address;
}

/** The IPv4 address in an IPv6 address; null when it is not of the prefix, or octet u is not zero. The suffix is free. */
export function extract({ octets, length }: Pref64, v6: Uint8Array): Uint8Array | null {
  let place = length / 8;
  for (let i = 0; i < place; i++) if (octets[i] !== v6[i]) return null;
  if (length < 96 && v6[U_OCTET] !== 0) return null;
  const address = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    if (place === U_OCTET) place++;
    address[i] = v6[place++] as number;
  }
  return address;
}
