/** What the link itself says: routers are solicited, and an address is asked for as one that wants to use it does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { octetsOf, parseAddress } from '../../config/address.js';
import { isSystemError, messageOf } from '../../errors.js';
import type { Addon, LinkSocket, LinkSocketOptions } from '../../native/addon.js';
import { type Advertisement, checksum, joined, readAdvertisement } from './advertisement.js';

export interface LinkView {
  device: string;
  /** What each router said, all its messages together. */
  routers: Advertisement[];
  /** Messages that hosts have to ignore. */
  refused: number;
  /** Why nobody could listen, a sentence; null when it went well. */
  failure: string | null;
}

/** PREF64 options of all routers, those that are taken back as well. */
export function advertisedPref64(views: readonly LinkView[]): Advertisement['pref64'] {
  return views.flatMap(({ routers }) => routers.flatMap(({ pref64 }) => pref64));
}

/** Who answers for an address: link addresses of others, as text. Null where nobody could ask. */
export type Claimants = string[] | null;

export type LinkAddon = Pick<Addon, 'LinkSocket' | 'readPref64'>;

/** A router answers within 0.5 s, but need not speak more often than each 3 s (RFC 4861 §6.2.6). */
const LISTEN_MS = 4000;
const SOLICIT_MS = 1500;
const CLAIM_MS = 1200;
const MOST_ROUTERS = 16;

const NEXT_HEADER = { offset: 4, mask: 0x0000_ff00, value: 58 << 8 };
const icmp6 = (type: number): LinkSocketOptions['matches'] => [
  NEXT_HEADER,
  { offset: 40, mask: 0xff00_0000, value: type * 0x100_0000 },
];

/** Solicits routers and listens, at most LISTEN_MS. */
export async function listenToRouters(device: string, addon: LinkAddon, signal: AbortSignal): Promise<LinkView> {
  const routers = new Map<string, Advertisement>();
  let refused = 0;
  const opened = openLink(addon, { device, family: 6, matches: icmp6(134) }, (packet) => {
    const read = readAdvertisement(packet, addon);
    if (read === null) ++refused;
    else if (routers.has(read.router) || routers.size < MOST_ROUTERS) {
      const before = routers.get(read.router);
      routers.set(read.router, before === undefined ? read : joined(before, read));
    }
  });
  if ('failure' in opened) return { device, routers: [], refused, failure: opened.failure };
  const { socket } = opened;
  try {
    const startMs = performance.now();
    for (let asked = 0; performance.now() - startMs < LISTEN_MS; ) {
      if (performance.now() - startMs >= asked * SOLICIT_MS) {
        ++asked;
        socket.send(routerSolicitation(), groupAddress(ALL_ROUTERS));
      }
      await sleep(50, undefined, { signal });
    }
    return { device, routers: [...routers.values()], refused, failure: null };
  } catch (error) {
    return { device, routers: [...routers.values()], refused, failure: sentenceOf(device, error) };
  } finally {
    socket.close();
  }
}

/** Solicits an address from the unspecified one (RFC 4862 §5.4), so that nobody learns anything wrong. */
export async function findClaimants(
  device: string,
  address: string,
  addon: LinkAddon,
  signal: AbortSignal,
): Promise<Claimants> {
  const target = parseAddress(address);
  if (target === null) return null;
  const octets = octetsOf(target.value, 6);
  const claimants = new Set<string>();
  const opened = openLink(addon, { device, family: 6, matches: icmp6(136) }, (packet, source) => {
    const about = packet.subarray(48, 64);
    if (packet[7] === 255 && Buffer.compare(about, octets) === 0 && claimants.size < MOST_ROUTERS) {
      claimants.add([...source].map((octet) => octet.toString(16).padStart(2, '0')).join(':'));
    }
  });
  if ('failure' in opened) return null;
  try {
    const solicitation = neighborSolicitation(octets);
    opened.socket.send(solicitation, groupAddress(solicitation.subarray(24, 40)));
    await sleep(CLAIM_MS, undefined, { signal });
    return [...claimants];
  } catch {
    return null;
  } finally {
    opened.socket.close();
  }
}

/** Opens a socket, or words why not. */
export function openLink(
  addon: LinkAddon,
  options: LinkSocketOptions,
  onPacket: (packet: Uint8Array, source: Uint8Array) => void,
): { socket: LinkSocket } | { failure: string } {
  try {
    return { socket: new addon.LinkSocket(options, onPacket) };
  } catch (error) {
    return { failure: sentenceOf(options.device, error) };
  }
}

function sentenceOf(device: string, error: unknown): string {
  if (isSystemError(error) && (error.code === 'EPERM' || error.code === 'EACCES')) {
    return `listening on ${device} needs root`;
  }
  return `cannot listen on ${device}: ${messageOf(error)}`;
}

const ALL_ROUTERS = octetsOf((0xff02n << 112n) | 2n, 6);

/** RFC 2464 §7. */
function groupAddress(group: Uint8Array): Uint8Array {
  return Uint8Array.of(0x33, 0x33, ...group.subarray(12, 16));
}

/** A whole packet from the unspecified address with hop limit 255. */
function packetTo(destination: Uint8Array, message: readonly number[]): Uint8Array {
  const packet = new Uint8Array(40 + message.length);
  packet.set([0x60, 0, 0, 0, 0, message.length, 58, 255]);
  packet.set(destination, 24);
  packet.set(message, 40);
  new DataView(packet.buffer).setUint16(42, checksum(packet));
  return packet;
}

/** RFC 4861 §4.1. */
export const routerSolicitation = () => packetTo(ALL_ROUTERS, [133, 0, 0, 0, 0, 0, 0, 0]);

/** RFC 4861 §4.3, to the solicited-node group. */
export function neighborSolicitation(target: Uint8Array): Uint8Array {
  const group = octetsOf((0xff02n << 112n) | 0x1_ff00_0000n, 6);
  group.set(target.subarray(13, 16), 13);
  return packetTo(group, [135, 0, 0, 0, 0, 0, 0, 0, ...target]);
}
