/** Numbers of the protocol, by IANA's names (RFC 1035, 6891, 8914 and the registry "DNS Parameters"). */

export const Type = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  NSEC3: 50,
  SVCB: 64,
  HTTPS: 65,
  AXFR: 252,
  ANY: 255,
} as const;

export const Class = { IN: 1, CH: 3, ANY: 255 } as const;

export const Rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const;

/** Bits of the header's second word. */
export const Flag = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const;

/** EDNS options (RFC 6891 §9). */
export const Option = { COOKIE: 10, EDE: 15 } as const;

/** Largest message (RFC 1035 §4.2.2). */
export const MAX_MESSAGE_BYTES = 65_535;
/** Extended errors (RFC 8914 §4). */
export const Ede = {
  STALE_ANSWER: 3,
  FORGED_ANSWER: 4,
  DNSSEC_BOGUS: 6,
  PROHIBITED: 18,
  STALE_NXDOMAIN: 19,
  NO_REACHABLE_AUTHORITY: 22,
  NETWORK_ERROR: 23,
} as const;

export const HEADER_BYTES = 12;
/** RFC 1035 §2.3.4, the root's zero octet included. */
export const MAX_NAME_BYTES = 255;
/** RFC 8767 §4: TTLs are capped here; RFC 2181 §8 reads the top bit as a sign, RFC 8767 as a large number. */
export const MAX_TTL_SECONDS = 604_800;

const typeNames = new Map<number, string>(Object.entries(Type).map(([name, number]) => [number, name]));
const rcodeNames = new Map<number, string>(Object.entries(Rcode).map(([name, number]) => [number, name]));

/** `AAAA`, or `TYPE65400` (RFC 3597 §5). */
export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

/** `NXDOMAIN`, or `RCODE11`. */
export function rcodeName(rcode: number): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`;
}
