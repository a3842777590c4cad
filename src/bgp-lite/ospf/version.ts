/** What differs between OSPFv2 and OSPFv3 beyond the octets of their packets. */
import { knownPrefix } from '../../config/address.js';
import { Lsa2, Lsa3, Option } from './codec/numbers.js';

export type AreaType = 'normal' | 'stub' | 'nssa';
/** How far an LSA is flooded. */
export type Scope = 'link' | 'area' | 'as';

/** A multicast group or a router: text for the socket, number for checksums. */
export interface Destination {
  text: string;
  value: bigint;
}

export interface Version {
  number: 2 | 3;
  family: 4 | 6;
  /** Octets of the IP header before a packet. */
  ipHeaderBytes: number;
  allSpfRouters: Destination;
  allDRouters: Destination;
  routerType: number;
  externalType: number;
  nssaType: number;
  /** How far LSAs of a type are flooded that came from an area of this type; null are skipped. */
  scopeOf(type: number, area: AreaType): Scope | null;
  /** Options of Hello and DD, and of LSAs that belong to the area (RFC 2328 §A.2, RFC 5340 §A.2). */
  options(area: AreaType): number;
}

const group = (text: string): Destination => ({ text, value: knownPrefix(text).first });
const areaBits = (area: AreaType): number => (area === 'normal' ? Option.E : area === 'nssa' ? Option.N : 0);

const AREA_TYPES_2: readonly number[] = [Lsa2.ROUTER, Lsa2.NETWORK, Lsa2.SUMMARY, Lsa2.ASBR_SUMMARY];

export const version2: Version = {
  number: 2,
  family: 4,
  ipHeaderBytes: 20,
  allSpfRouters: group('224.0.0.5'),
  allDRouters: group('224.0.0.6'),
  routerType: Lsa2.ROUTER,
  externalType: Lsa2.EXTERNAL,
  nssaType: Lsa2.NSSA,
  scopeOf(type, area) {
    if (AREA_TYPES_2.includes(type)) return 'area';
    if (type === Lsa2.NSSA) return area === 'nssa' ? 'area' : null;
    return type === Lsa2.EXTERNAL && area === 'normal' ? 'as' : null;
  },
  options: areaBits,
};

/** Whether an unknown type is to be flooded as if it were known (RFC 5340 §A.4.2.1). */
const U_BIT = 0x8000;
const SCOPE_BITS = 0x6000;
const KNOWN_3: readonly number[] = Object.values(Lsa3);

export const version3: Version = {
  number: 3,
  family: 6,
  ipHeaderBytes: 40,
  allSpfRouters: group('ff02::5'),
  allDRouters: group('ff02::6'),
  routerType: Lsa3.ROUTER,
  externalType: Lsa3.EXTERNAL,
  nssaType: Lsa3.NSSA,
  scopeOf(type, area) {
    const scope = type & SCOPE_BITS;
    if (scope === SCOPE_BITS || (scope === 0x4000 && area !== 'normal')) return null;
    if (type === Lsa3.NSSA && area !== 'nssa') return null;
    if (!KNOWN_3.includes(type) && (type & U_BIT) === 0) return 'link';
    return scope === 0x4000 ? 'as' : scope === 0x2000 ? 'area' : 'link';
  },
  options: (area) => Option.V6 | Option.R | areaBits(area),
};
