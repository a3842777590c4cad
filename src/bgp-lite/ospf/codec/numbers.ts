/** Architectural constants and code points (RFC 2328 appendices A, B; RFC 5340 appendix A). */

export const OSPF_PROTOCOL = 89;

export const PacketType = { HELLO: 1, DD: 2, LSR: 3, LSU: 4, LSACK: 5 } as const;

/** Option bits that both versions share: octet in version 2, lowest octet of 24 bits in version 3. */
export const Option = { V6: 0x01, E: 0x02, N: 0x08, R: 0x10, AT: 0x400 } as const;

export const DdFlag = { MS: 0x01, M: 0x02, I: 0x04 } as const;

/** LS types of version 2. */
export const Lsa2 = { ROUTER: 1, NETWORK: 2, SUMMARY: 3, ASBR_SUMMARY: 4, EXTERNAL: 5, NSSA: 7 } as const;

/** LS types of version 3, with U bit and scope (RFC 5340 §A.4.2.1). */
export const Lsa3 = {
  ROUTER: 0x2001,
  NETWORK: 0x2002,
  INTER_AREA_PREFIX: 0x2003,
  INTER_AREA_ROUTER: 0x2004,
  EXTERNAL: 0x4005,
  NSSA: 0x2007,
  LINK: 0x0008,
  INTRA_AREA_PREFIX: 0x2009,
} as const;

export const RouterFlag = { B: 0x01, E: 0x02, V: 0x04 } as const;

export const LinkType = { POINT_TO_POINT: 1, TRANSIT: 2, STUB: 3 } as const;

export const MAX_AGE_SECONDS = 3600;
export const MAX_AGE_DIFF_SECONDS = 900;
export const LS_REFRESH_SECONDS = 1800;
export const CHECK_AGE_SECONDS = 300;
export const MIN_LS_INTERVAL_MS = 5000;
export const MIN_LS_ARRIVAL_MS = 1000;
/** As signed 32-bit numbers (RFC 2328 §12.1.6). */
export const INITIAL_SEQUENCE = -0x7fffffff;
export const MAX_SEQUENCE = 0x7fffffff;
/** RFC 6987 §2: MaxLinkMetric. */
export const MAX_LINK_METRIC = 0xffff;
/** Largest metric of an external route that still means reachable (RFC 2328 appendix B: LSInfinity − 1). */
export const MAX_EXTERNAL_METRIC = 0xfffffe;

export const LSA_HEADER_BYTES = 20;
