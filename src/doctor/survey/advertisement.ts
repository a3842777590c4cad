/** Router advertisements (RFC 4861 §4.2) as packets from the link, with what hosts are to do with them. */
import { formatAddress, formatPrefix } from '../../config/address.js';
import { internetChecksum, pseudoHeader } from '../../internet-checksum.js';
import type { Addon } from '../../native/addon.js';

export interface Advertisement {
  /** The router's link-local address. */
  router: string;
  /** 0: it is no default router. */
  lifetimeSeconds: number;
  /** Addresses come by DHCPv6 (M), or other things do (O). */
  managed: boolean;
  other: boolean;
  mtuBytes: number | null;
  prefixes: { prefix: string; onLink: boolean; autonomous: boolean; validSeconds: number; preferredSeconds: number }[];
  /** PREF64 options in their order, RFC 8781. */
  pref64: { prefix: string; lifetimeSeconds: number }[];
  /** PREF64 options that hosts have to ignore (RFC 8781 §4). */
  refusedPref64: number;
  /** RFC 8106. */
  resolvers: { address: string; lifetimeSeconds: number }[];
}

const ICMP6 = 58;
const ROUTER_ADVERTISEMENT = 134;
const IP_BYTES = 40;
const MESSAGE_BYTES = 16;
/** Options of one message that are looked at. */
const MOST_OPTIONS = 64;

const Option = { prefix: 3, mtu: 5, rdnss: 25, pref64: 38 } as const;

/** Takes an IPv6 packet apart; null for what is no advertisement that hosts may use (RFC 4861 §6.1.2). */
export function readAdvertisement(packet: Uint8Array, addon: Pick<Addon, 'readPref64'>): Advertisement | null {
  if (packet.length < IP_BYTES + MESSAGE_BYTES) return null;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const payloadBytes = view.getUint16(4);
  if (view.getUint8(6) !== ICMP6 || view.getUint8(7) !== 255 || packet.length < IP_BYTES + payloadBytes) return null;
  const end = IP_BYTES + payloadBytes;
  const linkLocal = (view.getUint16(8) & 0xffc0) === 0xfe80;
  if (!linkLocal || payloadBytes < MESSAGE_BYTES || view.getUint8(40) !== ROUTER_ADVERTISEMENT) return null;
  if (view.getUint8(41) !== 0 || checksum(packet.subarray(0, end)) !== 0) return null;
  const flags = view.getUint8(45);
  const read: Advertisement = {
    router: addressAt(view, 8),
    lifetimeSeconds: view.getUint16(46),
    managed: (flags & 0x80) !== 0,
    other: (flags & 0x40) !== 0,
    mtuBytes: null,
    prefixes: [],
    pref64: [],
    refusedPref64: 0,
    resolvers: [],
  };
  let at = IP_BYTES + MESSAGE_BYTES;
  for (let count = 0; at < end && count < MOST_OPTIONS; ++count) {
    // A length of 0, or one beyond the end, spoils the whole message.
    if (at + 2 > end) return null;
    const bytes = view.getUint8(at + 1) * 8;
    if (bytes === 0 || at + bytes > end) return null;
    readOption(read, packet.subarray(at, at + bytes), addon);
    at += bytes;
  }
  return read;
}

function readOption(into: Advertisement, option: Uint8Array, addon: Pick<Addon, 'readPref64'>): void {
  const view = new DataView(option.buffer, option.byteOffset, option.byteLength);
  const type = view.getUint8(0);
  if (type === Option.prefix && option.length === 32) {
    const flags = view.getUint8(3);
    into.prefixes.push({
      prefix: `${addressAt(view, 16)}/${view.getUint8(2)}`,
      onLink: (flags & 0x80) !== 0,
      autonomous: (flags & 0x40) !== 0,
      validSeconds: view.getUint32(4),
      preferredSeconds: view.getUint32(8),
    });
  } else if (type === Option.mtu && option.length === 8) {
    into.mtuBytes = view.getUint32(4);
  } else if (type === Option.rdnss && option.length >= 24) {
    const lifetimeSeconds = view.getUint32(4);
    for (let at = 8; at + 16 <= option.length; at += 16) {
      into.resolvers.push({ address: addressAt(view, at), lifetimeSeconds });
    }
  } else if (type === Option.pref64) {
    const known = addon.readPref64(option);
    if (known === null) ++into.refusedPref64;
    else into.pref64.push({ prefix: formatPrefix(known.prefix), lifetimeSeconds: known.lifetimeSeconds });
  }
}

/** A router may spread its options over several messages (RFC 4861 §6.2.3); of the same option the later counts. */
export function joined(before: Advertisement, after: Advertisement): Advertisement {
  const latest = <Option>(key: (option: Option) => string, old: readonly Option[], now: readonly Option[]) =>
    [...new Map([...old, ...now].map((option) => [key(option), option])).values()].slice(0, MOST_OPTIONS);
  return {
    ...after,
    mtuBytes: after.mtuBytes ?? before.mtuBytes,
    prefixes: latest(({ prefix }) => prefix, before.prefixes, after.prefixes),
    pref64: latest(({ prefix }) => prefix, before.pref64, after.pref64),
    refusedPref64: Math.max(before.refusedPref64, after.refusedPref64),
    resolvers: latest(({ address }) => address, before.resolvers, after.resolvers),
  };
}

function addressAt(view: DataView, at: number): string {
  return formatAddress(6, (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8));
}

/** Of an ICMPv6 message with its pseudo-header (RFC 4443 §2.3): 0 where it is right, and what to fill in where it is 0. */
export function checksum(packet: Uint8Array): number {
  const message = packet.subarray(IP_BYTES);
  const ends = pseudoHeader(packet.subarray(8, 24), packet.subarray(24, IP_BYTES), ICMP6, message.length);
  return internetChecksum(ends, message);
}
