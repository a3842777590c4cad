/** Which of two connections to one neighbour stays (RFC 4271 §6.8, RFC 6286 §2.3). */

export interface Sides {
  /** BGP Identifiers, compared as unsigned 32-bit numbers. */
  ownIdentifier: number;
  remoteIdentifier: number;
  ownAs: number;
  remoteAs: number;
}

/** True when the connection that this side opened stays, false for the one that the neighbour opened. */
export function ownConnectionStays({ ownIdentifier, remoteIdentifier, ownAs, remoteAs }: Sides): boolean {
  return ownIdentifier === remoteIdentifier ? ownAs > remoteAs : ownIdentifier > remoteIdentifier;
}
