/** Links in memory, speakers of ours on them, and a peer that does what a test says. Time is vitest's. */
import { vi } from 'vitest';
import type { Announcement } from '../../../src/bgp-lite/announcement.js';
import type { BfdWatcher } from '../../../src/bgp-lite/bfd-watcher.js';
import { createAuthenticator2 } from '../../../src/bgp-lite/ospf/authentication/version2.js';
import { createAuthenticator3 } from '../../../src/bgp-lite/ospf/authentication/version3.js';
import { type DatabaseDescription, readDd, writeDd } from '../../../src/bgp-lite/ospf/codec/dd.js';
import { type Hello, readHello, writeHello } from '../../../src/bgp-lite/ospf/codec/hello.js';
import { knownIdentifier, maskOf } from '../../../src/bgp-lite/ospf/codec/identifier.js';
import { buildLsa, type LsaHeader, type LsaName, readLsaHeader } from '../../../src/bgp-lite/ospf/codec/lsa.js';
import { writeExternalLsa2, writeRouterLsa2 } from '../../../src/bgp-lite/ospf/codec/lsa2.js';
import { writeExternalLsa3, writeRouterLsa3 } from '../../../src/bgp-lite/ospf/codec/lsa3.js';
import { readLsack, writeLsack } from '../../../src/bgp-lite/ospf/codec/lsack.js';
import { readLsr, writeLsr } from '../../../src/bgp-lite/ospf/codec/lsr.js';
import { readLsu, writeLsu } from '../../../src/bgp-lite/ospf/codec/lsu.js';
import { HEADER_BYTES, readPacketHeader, writePacket } from '../../../src/bgp-lite/ospf/codec/packet.js';
import type { OspfDevice, OspfPacket, OspfSockets } from '../../../src/bgp-lite/ospf/host.js';
import { createOspfSpeaker, type OspfSpeaker } from '../../../src/bgp-lite/ospf/speaker.js';
import { knownPrefix, parseAddress } from '../../../src/config/address.js';
import type { OspfAuthentication, OspfConfig, OspfInterfaceConfig } from '../../../src/config/announce.js';
import { systemError } from '../../fakes/addon.js';

export const numberOf = (text: string): bigint => parseAddress(text)?.value ?? 0n;

interface Endpoint {
  address: string;
  groups: Set<string>;
  receive(packets: readonly OspfPacket[]): void;
}

export interface Link {
  endpoints: Set<Endpoint>;
  /** Everything that was sent, oldest first. */
  sent: OspfPacket[];
  /** False loses the packet. */
  passes: (packet: OspfPacket) => boolean;
  send(packet: OspfPacket): void;
}

export function createLink(): Link {
  const link: Link = {
    endpoints: new Set(),
    sent: [],
    passes: () => true,
    send(packet) {
      link.sent.push(packet);
      if (!link.passes(packet)) return;
      for (const endpoint of link.endpoints) {
        if (endpoint.address === packet.source) continue;
        if (endpoint.address !== packet.destination && !endpoint.groups.has(packet.destination)) continue;
        queueMicrotask(() => endpoint.receive([{ ...packet, bytes: packet.bytes.slice() }]));
      }
    },
  };
  return link;
}

export interface Messages {
  info: string[];
  warn: string[];
  error: string[];
}

export interface Router {
  speaker: OspfSpeaker;
  devices: Map<string, OspfDevice>;
  /** After `devices` was changed. */
  changed(): void;
  messages: Messages;
}

/** Interfaces are `eth0` on the first link, `eth1` on the second. */
export function startRouter(
  host: number,
  links: readonly Link[],
  config: Partial<OspfConfig> = {},
  iface: Partial<OspfInterfaceConfig> = {},
  bfd: BfdWatcher | null = null,
): Router {
  const devices = new Map(links.map((_, index) => [`eth${index}`, deviceOf(index, host)]));
  const watchers = new Set<() => void>();
  const messages: Messages = { info: [], warn: [], error: [] };
  const sockets: OspfSockets = {
    open({ device, source }, onPackets) {
      const link = links[Number(device.slice(3))];
      if (link === undefined) throw systemError('EPERM', 'socket');
      const endpoint: Endpoint = { address: source, groups: new Set(), receive: onPackets };
      link.endpoints.add(endpoint);
      return {
        send(bytes, destination) {
          link.send({ bytes: bytes.slice(), source, destination });
          return true;
        },
        join: (group) => endpoint.groups.add(group),
        leave: (group) => endpoint.groups.delete(group),
        close: () => link.endpoints.delete(endpoint),
      };
    },
  };
  const speaker = createOspfSpeaker(
    { routerId: `192.0.2.${host}`, config: configOf(links.length, config, iface) },
    {
      sockets,
      host: {
        device: (name) => devices.get(name) ?? null,
        watch(changed) {
          watchers.add(changed);
          return () => watchers.delete(changed);
        },
      },
      log: {
        info: (text) => messages.info.push(text),
        warn: (text) => messages.warn.push(text),
        error: (text) => messages.error.push(text),
      },
      bfd,
      now: () => Date.now(),
    },
  );
  return {
    speaker,
    devices,
    messages,
    changed() {
      for (const changed of watchers) changed();
    },
  };
}

export function deviceOf(link: number, host: number): OspfDevice {
  return {
    index: 2 + link,
    mtu: 1500,
    up: true,
    address4: { address: `10.0.${link}.${host}`, length: 24 },
    addresses6: [
      { address: `fe80::${host.toString(16)}`, length: 64 },
      { address: `2001:db8:${link + 1}::${host.toString(16)}`, length: 64 },
    ],
  };
}

export function interfaceConfig(name: string, over: Partial<OspfInterfaceConfig> = {}): OspfInterfaceConfig {
  return {
    name,
    area: '0.0.0.0',
    type: 'point-to-point',
    cost: 10,
    priority: 0,
    helloSeconds: 10,
    deadSeconds: 40,
    retransmitSeconds: 5,
    transmitDelaySeconds: 1,
    mtuIgnore: false,
    instanceId: 0,
    authentication2: { type: 'none' },
    authentication3: { type: 'none' },
    bfd: null,
    ...over,
  };
}

export function configOf(
  links: number,
  over: Partial<OspfConfig> = {},
  iface: Partial<OspfInterfaceConfig> = {},
): OspfConfig {
  return {
    versions: [2],
    areas: [{ id: '0.0.0.0', type: 'normal' }],
    interfaces: Array.from({ length: links }, (_, index) => interfaceConfig(`eth${index}`, iface)),
    as: 'stub',
    metric: 100,
    loweredMetric: 65_535,
    tag: null,
    prefixes: null,
    maxLsas: 10_000,
    stateFile: null,
    ...over,
  };
}

export const announcing = (...texts: string[]): Announcement[] =>
  texts.map((text) => ({ prefix: knownPrefix(text), preference: 'normal' }));
export const lowering = (...texts: string[]): Announcement[] =>
  texts.map((text) => ({ prefix: knownPrefix(text), preference: 'lowered' }));

/** Time passes, with all that happens in it. */
export const pass = (seconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(seconds * 1000);

/** A packet as a peer reads it. */
export interface Seen {
  type: number;
  routerId: number;
  destination: string;
  hello?: Hello;
  dd?: DatabaseDescription;
  names?: LsaName[];
  lsas?: { header: LsaHeader; bytes: Uint8Array }[];
  headers?: LsaHeader[];
  atMs: number;
  bytes: Uint8Array;
}

export function seen(version: 2 | 3, { bytes, destination }: OspfPacket): Seen | null {
  const header = readPacketHeader(version, bytes);
  if (header === null) return null;
  const body = bytes.subarray(HEADER_BYTES[version], header.length);
  const all: Seen = { type: header.type, routerId: header.routerId, destination, atMs: performance.now(), bytes };
  if (header.type === 1) all.hello = readHello(version, body) ?? undefined;
  if (header.type === 2) all.dd = readDd(version, body) ?? undefined;
  if (header.type === 3) all.names = readLsr(body) ?? undefined;
  if (header.type === 4) {
    all.lsas = readLsu(body)?.map((lsa) => ({ header: readLsaHeader(version, lsa, 0), bytes: lsa.slice() }));
  }
  if (header.type === 5) all.headers = readLsack(version, body) ?? undefined;
  return all;
}

/** A router that says only what a test has it say. */
export interface Peer {
  routerId: number;
  address: string;
  /** Everything it could read, oldest first. */
  seen: Seen[];
  /** Forgets what was seen. */
  clear(): void;
  send(type: number, body: Uint8Array, destination?: string): void;
  sendBytes(bytes: Uint8Array, destination?: string): void;
  hello(over?: Partial<Hello>): void;
  dd(over: Partial<DatabaseDescription>): void;
  lsr(...names: LsaName[]): void;
  lsu(...lsas: Uint8Array[]): void;
  ack(...headers: LsaHeader[]): void;
  /** Hellos every 10 s until called again with false. */
  greeting(on: boolean): void;
  last<K extends 'hello' | 'dd' | 'names' | 'lsas' | 'headers'>(what: K): NonNullable<Seen[K]>;
  /** Two-way, exchange of databases, and Full as the other side sees it; all that comes is acknowledged if `acks`. */
  becomeFull(options?: { describes?: Uint8Array[] }): Promise<void>;
  /** Acknowledges whatever comes. */
  acks: boolean;
}

export interface PeerOptions {
  version?: 2 | 3;
  host?: number;
  own?: number;
  type?: 'point-to-point' | 'broadcast';
  priority?: number;
  options?: number;
  authentication?: OspfAuthentication;
}

export function createPeer(link: Link, options: PeerOptions = {}): Peer {
  const {
    version = 2,
    host = 2,
    own = 1,
    type = 'point-to-point',
    priority = 0,
    authentication = { type: 'none' },
  } = options;
  const bits = options.options ?? (version === 2 ? 2 : 0x13);
  const routerId = knownIdentifier(`192.0.2.${host}`);
  const address = version === 2 ? `10.0.0.${host}` : `fe80::${host.toString(16)}`;
  const group = version === 2 ? '224.0.0.5' : 'ff02::5';
  const [low, low64] = [Math.floor(Date.now() / 1000), BigInt(Date.now()) << 20n];
  let used = 0n;
  const create = version === 2 ? createAuthenticator2 : createAuthenticator3;
  const authenticator = create({
    authentication,
    sequences: {
      next32: () => low + Number(used++),
      next64: () => low64 + used++,
    },
    nowMs: () => Date.now(),
    expired: () => undefined,
  });
  const ends = (destination: string) => ({ source: numberOf(address), destination: numberOf(destination) });
  let timer: NodeJS.Timeout | null = null;
  const peer: Peer = {
    routerId,
    address,
    seen: [],
    acks: false,
    clear() {
      peer.seen.length = 0;
    },
    send(packetType, body, destination = group) {
      const packet = writePacket(version, { type: packetType, routerId, areaId: 0, instanceId: 0 }, body);
      peer.sendBytes(authenticator.seal(packet, ends(destination)), destination);
    },
    sendBytes(bytes, destination = group) {
      link.send({ bytes, source: address, destination });
    },
    hello(over = {}) {
      const neighbors = [knownIdentifier(`192.0.2.${own}`)];
      const id = version === 2 ? maskOf(24) : 7;
      const dr = priority > 0 && type === 'broadcast' ? (version === 2 ? Number(numberOf(address)) : routerId) : 0;
      const base = { maskOrInterfaceId: id, helloSeconds: 10, options: bits | authenticator.options, priority };
      peer.send(1, writeHello(version, { ...base, deadSeconds: 40, dr, backup: 0, neighbors, ...over }));
    },
    dd(over) {
      const base = { mtuBytes: 1500, options: bits | authenticator.options, flags: 0, sequence: 0, headers: [] };
      peer.send(2, writeDd(version, { ...base, ...over }));
    },
    lsr: (...names) => peer.send(3, writeLsr(names)),
    lsu: (...lsas) => peer.send(4, writeLsu(lsas)),
    ack: (...headers) => peer.send(5, writeLsack(version, headers)),
    greeting(on) {
      if (timer !== null) clearInterval(timer);
      timer = on ? setInterval(() => peer.hello(), 10_000) : null;
    },
    last(what) {
      const found = peer.seen.findLast((one) => one[what] !== undefined)?.[what];
      if (found === undefined) throw new Error(`no packet with ${what} was seen`);
      return found as never;
    },
    async becomeFull({ describes = [] } = {}) {
      peer.greeting(true);
      peer.hello();
      await pass(0.01);
      const first = peer.last('dd');
      const headers = describes.map((lsa) => readLsaHeader(version, lsa, 0));
      if (routerId > knownIdentifier(`192.0.2.${own}`)) {
        peer.dd({ flags: 7, sequence: 1000 });
        await pass(0.01);
        peer.dd({ flags: 1, sequence: 1001, headers });
      } else {
        peer.dd({ flags: 2, sequence: first.sequence });
        await pass(0.01);
        peer.dd({ flags: 0, sequence: first.sequence + 1, headers });
      }
      await pass(0.01);
      if (describes.length > 0) peer.lsu(...describes);
      await pass(0.01);
    },
  };
  link.endpoints.add({
    address,
    groups: new Set([group, version === 2 ? '224.0.0.6' : 'ff02::6']),
    receive(packets) {
      for (const packet of packets) {
        const one = seen(version, packet);
        if (one === null) continue;
        peer.seen.push(one);
        if (peer.acks && one.lsas !== undefined) peer.ack(...one.lsas.map(({ header }) => header));
      }
    },
  });
  return peer;
}

/** LSAs of another router, 192.0.2.9 unless told. */
export function foreignRouterLsa(sequence: number, advertiser = knownIdentifier('192.0.2.9'), metric = 1): Uint8Array {
  const links = [{ type: 3, id: knownIdentifier('203.0.113.0'), data: maskOf(24), metric }];
  const name = { type: 1, id: advertiser, advertiser, options: 2, sequence };
  return buildLsa(2, name, writeRouterLsa2({ flags: 0, links }));
}

export function externalLsa(network: string, sequence: number, advertiser = knownIdentifier('192.0.2.9')): Uint8Array {
  const prefix = knownPrefix(network);
  const body = { mask: maskOf(prefix.length), type2: true, metric: 20, forwardingAddress: 0, tag: 0 };
  const name = { type: 5, id: Number(prefix.first), advertiser, options: 2, sequence };
  return buildLsa(2, name, writeExternalLsa2(body));
}

export function foreignRouterLsa3(sequence: number, advertiser = knownIdentifier('192.0.2.9')): Uint8Array {
  const name = { type: 0x2001, id: 0, advertiser, options: 0, sequence };
  return buildLsa(3, name, writeRouterLsa3({ flags: 0, options: 0x13, links: [] }));
}

export function externalLsa3(id: number, network: string, sequence: number, advertiser: number): Uint8Array {
  const { first, length } = knownPrefix(network);
  const prefix = { network: first, length, options: 0, metric: 0 };
  const body = writeExternalLsa3({ type2: true, metric: 20, prefix, forwardingAddress: null, tag: null });
  return buildLsa(3, { type: 0x4005, id, advertiser, options: 0, sequence }, body);
}
