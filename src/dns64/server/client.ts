/** What a transport knows of a client, and what it asks of the engine. */
import { octetsOf, parseAddress } from '../../config/address.js';

export type Transport = 'udp' | 'tcp' | 'tls' | 'https';

/** Who asked. */
export interface Client {
  family: 4 | 6;
  /** 4 or 16 octets; IPv4-mapped IPv6 addresses are given as IPv4. */
  address: Uint8Array;
  transport: Transport;
}

/** Answers one query; `respond` is called at most once, with null for silence, at once or later. */
export type Handle = (query: Uint8Array, client: Client, respond: (answer: Uint8Array | null) => void) => void;

/** What a connection is for, before anything is asked over it. */
export type Admission = 'client' | 'stranger' | 'nobody';
/** Strangers are only told that they are none; to nobody there is nothing to say. */
export type Admit = (client: Client) => Admission;
export const admitAll: Admit = () => 'client';

/** The client behind a socket's `remoteAddress`, a zone (`%eth0`) included; null for what is no address. */
export function clientAt(remoteAddress: string | undefined, transport: Transport): Client | null {
  const address = parseAddress(remoteAddress?.replace(/%.*$/, '') ?? '');
  if (address === null) return null;
  const mapped = address.family === 6 && address.value >> 32n === 0xffffn;
  const family = mapped ? 4 : address.family;
  return { family, address: octetsOf(address.value, family), transport };
}
