/** What stands between a packet and the wire on one interface: checksum, password, digest or trailer. */
import type { OspfAuthentication } from '../../../config/announce.js';
import type { PacketHeader } from '../codec/packet.js';
import type { Counter } from '../statistics.js';
import type { Sequences } from './sequence.js';

/** Addresses of a packet as numbers. */
export interface Ends {
  source: bigint;
  destination: bigint;
}

/** A packet that is authentic, with its sequence number where it has one. */
export type Opened = { sequence: bigint | null } | { refused: Counter };

export interface Authenticator {
  /** Octets that `seal` appends. */
  overheadBytes: number;
  /** Option bits that Hello and DD carry for it (version 3). */
  options: number;
  /** Equal sequence numbers are taken (version 2), or only higher ones of each packet type (version 3). */
  strict: boolean;
  /** The packet with checksum and authentication, ready to be sent. */
  seal(packet: Uint8Array, ends: Ends): Uint8Array;
  open(bytes: Uint8Array, header: PacketHeader, ends: Ends): Opened;
}

export interface AuthenticatorParts {
  authentication: OspfAuthentication;
  sequences: Sequences;
  /** Milliseconds since 1970, for the life of keys. */
  nowMs: () => number;
  /** No key is valid and the last goes on being used; called for each packet. */
  expired: () => void;
}
