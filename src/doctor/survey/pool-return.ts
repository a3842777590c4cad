/**
 * Whether the network routes pool4 back to this host. An echo request to an address of the pool is given to the router,
 * past our own routes, and whoever sends it back is heard before the kernel drops it for coming from ourselves.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { octetsOf, parseAddress } from '../../config/address.js';
import { messageOf } from '../../errors.js';
import { internetChecksum } from '../../internet-checksum.js';
import { type LinkAddon, openLink } from './link.js';
import type { Machine } from './machine.js';
import type { RunProgram } from './program.js';

export interface PoolReturn {
  /** The address of the pool that was tried. */
  address: string;
  /** The device it came back by; null when it did not within WAIT_MS. */
  cameBackBy: string | null;
  /** The router that it was given to. */
  router: string;
  /** Why it could not be tried, a sentence; null when it was. */
  failure: string | null;
}

const WAIT_MS = 1500;
const TRIES = 3;
const MOST_DEVICES = 8;
const TOKEN_BYTES = 16;
const IP_BYTES = 20;
const ICMP_BYTES = 8;

/** Tries an address of the pool. Never throws. */
export async function surveyPoolReturn(
  address: string,
  { machine, addon, run, signal }: { machine: Machine; addon: LinkAddon; run: RunProgram; signal: AbortSignal },
): Promise<PoolReturn> {
  const route = machine.defaults.find(({ family, gateway }) => family === 4 && gateway !== null);
  const failed = (failure: string): PoolReturn => ({
    address,
    cameBackBy: null,
    router: route?.gateway ?? '',
    failure,
  });
  if (route?.gateway == null) return failed('there is no IPv4 default route to try it by');
  const source = machine.addresses.find(({ device, family }) => device === route.device && family === 4)?.address;
  if (source === undefined) return failed(`${route.device} has no IPv4 address to try it from`);
  const linkAddress = await linkAddressOf(run, route.gateway, route.device);
  if (linkAddress === null) return failed(`the router ${route.gateway} on ${route.device} answers no ARP`);

  const token = randomBytes(TOKEN_BYTES);
  const packet = echoRequest(source, address, token);
  let arrive: (device: string) => void = () => {};
  const arrived = new Promise<string>((resolve) => {
    arrive = resolve;
  });
  const listening = [];
  for (const device of listeningDevices(machine, route.device)) {
    const destination = new DataView(packet.buffer).getUint32(16);
    const matches = [{ offset: 16, mask: 0xffff_ffff, value: destination }];
    const opened = openLink(addon, { device, family: 4, matches }, (heard) => {
      const at = heard.length - TOKEN_BYTES;
      if (Buffer.compare(heard.subarray(at), token) === 0) arrive(device);
    });
    if ('socket' in opened) listening.push({ device, socket: opened.socket });
    else if (device === route.device) return failed(opened.failure);
  }
  const sender = listening.find(({ device }) => device === route.device);
  try {
    for (let attempt = 0; attempt < TRIES; ++attempt) {
      sender?.socket.send(packet, linkAddress);
      const wait = sleep(WAIT_MS / TRIES, null, { signal });
      const device = await Promise.race([arrived, wait]);
      if (device !== null) return { ...failed(''), cameBackBy: device, failure: null };
    }
    return { ...failed(''), failure: null };
  } catch (error) {
    return failed(messageOf(error));
  } finally {
    for (const { socket } of listening) socket.close();
  }
}

function listeningDevices({ links, addresses }: Machine, first: string): string[] {
  const others = links.filter(
    ({ name, up, linkAddress }) =>
      up && linkAddress !== '' && addresses.some(({ device, family }) => device === name && family === 4),
  );
  return [...new Set([first, ...others.map(({ name }) => name)])].slice(0, MOST_DEVICES);
}

/** The router's link address; it is asked by a ping where the kernel has forgotten it. */
async function linkAddressOf(run: RunProgram, gateway: string, device: string): Promise<Uint8Array | null> {
  await run(['ping', '-n', '-q', '-c', '1', '-W', '1', '-I', device, gateway]);
  const { ok, stdout } = await run(['ip', 'neigh', 'show', gateway, 'dev', device]);
  const found = ok ? /lladdr ((?:[0-9a-f]{2}:){5}[0-9a-f]{2})/.exec(stdout)?.[1] : undefined;
  return found === undefined ? null : Uint8Array.from(found.split(':'), (octet) => Number.parseInt(octet, 16));
}

/** A whole IPv4 packet with an ICMP echo request that ends in the token. */
export function echoRequest(source: string, destination: string, token: Uint8Array): Uint8Array {
  const packet = new Uint8Array(IP_BYTES + ICMP_BYTES + token.length);
  const view = new DataView(packet.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, packet.length);
  view.setUint8(8, 32);
  view.setUint8(9, 1);
  packet.set(octetsOf(parseAddress(source)?.value ?? 0n, 4), 12);
  packet.set(octetsOf(parseAddress(destination)?.value ?? 0n, 4), 16);
  view.setUint16(10, internetChecksum(packet.subarray(0, IP_BYTES)));
  view.setUint8(IP_BYTES, 8);
  packet.set(token, IP_BYTES + ICMP_BYTES);
  view.setUint16(IP_BYTES + 2, internetChecksum(packet.subarray(IP_BYTES)));
  return packet;
}
