/** Numbers of STUN (RFC 8489 §18), of its NAT behaviour discovery (RFC 5780 §9), and our own (docs/reference/responder.md). */

export const HEADER_BYTES = 20;
/** Type and length of an attribute. */
export const ATTRIBUTE_HEAD_BYTES = 4;
export const TRANSACTION_BYTES = 12;
export const MAGIC_COOKIE = 0x2112a442;
/** RFC 8489 §14.7. */
export const FINGERPRINT_XOR = 0x5354554e;
export const BINDING = 0x001;
export const STUN_PORT = 3478;

/** IPv4 and UDP headers, bytes: an answer's length is told as that of its IPv4 packet. */
export const IPV4_UDP_BYTES = 28;

export const Attribute = {
  MAPPED_ADDRESS: 0x0001,
  CHANGE_REQUEST: 0x0003,
  USERNAME: 0x0006,
  MESSAGE_INTEGRITY: 0x0008,
  ERROR_CODE: 0x0009,
  UNKNOWN_ATTRIBUTES: 0x000a,
  REALM: 0x0014,
  NONCE: 0x0015,
  MESSAGE_INTEGRITY_SHA256: 0x001c,
  PASSWORD_ALGORITHM: 0x001d,
  USERHASH: 0x001e,
  XOR_MAPPED_ADDRESS: 0x0020,
  PRIORITY: 0x0024,
  USE_CANDIDATE: 0x0025,
  PADDING: 0x0026,
  RESPONSE_PORT: 0x0027,
  FINGERPRINT: 0x8028,
  RESPONSE_ORIGIN: 0x802b,
  OTHER_ADDRESS: 0x802c,
  /** Ours, and comprehension-optional: other servers pass over what they do not know. */
  ASK: 0xf640,
  SEEN: 0xf641,
  OTHER_PORT: 0xf642,
} as const;

/** From here on an attribute that is not known is passed over (RFC 8489 §14). */
export const FIRST_OPTIONAL = 0x8000;

export const ErrorCode = { BAD_REQUEST: 400, UNKNOWN_ATTRIBUTE: 420 } as const;

/** Bits of CHANGE-REQUEST (RFC 5780 §7.2). */
export const Change = { ADDRESS: 4, PORT: 2 } as const;

/** Bits of ASK. */
export const Ask = { NO_CHECKSUM: 1, DONT_FRAGMENT: 2, REPORT: 4 } as const;
