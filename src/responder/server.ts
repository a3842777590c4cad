/**
 * The responder of one thread: a UDP socket and a TCP listener for each address and port. A datagram's way: from whom it
 * is and by which device it came, its address's rate, what is to be answered (answer.ts), and out by the socket whose
 * address and port it is to have.
 */
import type { Socket } from 'node:net';
import { formatTransportAddress, type Prefix } from '../config/address.js';
import type { ResponderConfig } from '../config/responder.js';
import { messageOf } from '../errors.js';
import type { Addon } from '../native/addon.js';
import { descriptorOf } from '../native/descriptor.js';
import { type Endpoint, type Seen, segmentBytes } from '../stun/attributes.js';
import { type Datagrams, openDatagrams } from '../stun/datagrams.js';
import { IPV4_UDP_BYTES } from '../stun/numbers.js';
import { type Answer, type Arrival, answerRequest, type Layout, type Place } from './answer.js';
import { type Listener, listenConnections } from './connections.js';
import { createRate, type Rate } from './rate.js';
import { createSources } from './sources.js';
import { type Counter, createStatistics, type Statistics } from './statistics.js';

/** What a thread is told when it starts, and at each change. */
export interface ServerConfig {
  responder: ResponderConfig;
  /** Who is answered. */
  sources: readonly Prefix[];
  /** By which their datagrams come; null: by any. */
  device: string | null;
}

export interface ServerReport {
  statistics: Statistics;
  /** Of the UDP sockets, added up: those of TRANSPORT_COUNTERS. */
  transport: Record<string, number>;
}

export interface ResponderServer {
  /** `udp 203.0.113.5#3478`. */
  readonly listening: string[];
  use(config: ServerConfig): void;
  report(): ServerReport;
  close(): Promise<void>;
}

export interface ServerParts {
  addon: Pick<Addon, 'UdpSocket' | 'Netlink' | 'pathMtu' | 'tcpPath'>;
  /** Milliseconds of a clock that only goes forward. */
  nowMs(): number;
}

/** Addresses whose rates are remembered: as many as a pool4 has at most. */
const ADDRESSES = 4096;
/** Of long answers an address may have a quarter as many: a search for a path MTU takes some fifty. */
const LONG_SHARE = 4;
const TRANSPORT_COUNTERS = ['truncated', 'send_refused', 'send_dropped', 'receive_dropped', 'bad_source'] as const;

/** Opens all sockets, or none: throws the sentence of the first that cannot be opened. */
export async function openResponder(config: ServerConfig, { addon, nowMs }: ServerParts): Promise<ResponderServer> {
  const { listen, ports } = config.responder;
  const layout: Layout = { addresses: listen, ports };
  const statistics = createStatistics();
  let rules = rulesOf(config, addon);
  const sockets: Datagrams[] = [];
  const listeners: Listener[] = [];
  const listening: string[] = [];

  /** `device` is the index of what it came by, null for a connection: with a forged address there is none. */
  function respond(arrival: Omit<Arrival, 'allowLong'>, device: number | null): Answer | null {
    const { address } = arrival.source;
    const drop = (counter: Counter) => {
      statistics[counter] += 1;
      return null;
    };
    if (!rules.welcome(address)) return drop('responder.drop.stranger');
    if (device !== null && !rules.cameRight(device)) return drop('responder.drop.device');
    if (!rules.rate.allow(address, nowMs())) return drop('responder.drop.rate_limited');
    const allowLong = () => rules.longRate.allow(address, nowMs());
    const answer = answerRequest({ ...arrival, allowLong }, layout);
    if ('drop' in answer) return drop(answer.drop);
    statistics[arrival.transport === 'udp' ? 'responder.requests.udp' : 'responder.requests.tcp'] += 1;
    for (const counter of answer.counters) statistics[counter] += 1;
    return answer;
  }

  function openUdp(at: Place, end: Endpoint): Datagrams {
    return openDatagrams(addon, { ...end, device: null }, (octets, source, device) => {
      const seen = (): Seen => ({
        datagramBytes: octets.length + IPV4_UDP_BYTES,
        pathMtu: pathMtuTo(source.address, end.address),
        sendMss: 0,
        announcedMss: 0,
      });
      const answer = respond({ octets, source, at, transport: 'udp', seen }, device);
      if (answer === null) return;
      const { from, dontFragment, noChecksum } = answer;
      sockets[from.address * ports.length + from.port]?.send(answer.octets, source, { dontFragment, noChecksum });
    });
  }

  function pathMtuTo(remote: string, local: string): number {
    try {
      return addon.pathMtu({ remote, local, device: null });
    } catch {
      return 0;
    }
  }

  function openTcp(at: Place, end: Endpoint): Promise<Listener> {
    return listenConnections(end, {
      welcome(address) {
        if (rules.welcome(address)) return true;
        statistics['responder.drop.stranger'] += 1;
        return false;
      },
      overflow() {
        statistics['responder.drop.connections'] += 1;
      },
      answer(octets, source, socket) {
        const seen = () => seenOf(socket);
        return respond({ octets, source, at, transport: 'tcp', seen }, null)?.octets ?? null;
      },
    });
  }

  function seenOf(socket: Socket): Seen {
    const unknown = { datagramBytes: 0, pathMtu: 0, sendMss: 0, announcedMss: 0 };
    const fd = descriptorOf(socket);
    if (fd === null) return unknown;
    try {
      const path = addon.tcpPath(fd);
      const { announcedMss, pathMtu } = path;
      return { ...unknown, pathMtu, sendMss: segmentBytes(path), announcedMss };
    } catch {
      // The other end may have gone while its request was waiting.
      return unknown;
    }
  }

  async function close(): Promise<void> {
    for (const socket of sockets) socket.close();
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  try {
    for (const [address, text] of listen.entries()) {
      for (const [port, number] of ports.entries()) {
        const end = { address: text, port: number };
        const where = formatTransportAddress(text, number);
        await opening(`UDP ${where}`, () => sockets.push(openUdp({ address, port }, end)));
        await opening(`TCP ${where}`, async () => listeners.push(await openTcp({ address, port }, end)));
        listening.push(`udp ${where}`, `tcp ${where}`);
      }
    }
  } catch (error) {
    await close();
    throw error;
  }

  return {
    listening,
    use(next) {
      rules = rulesOf(next, addon);
    },
    report: () => ({
      statistics: { ...statistics },
      transport: Object.fromEntries(
        TRANSPORT_COUNTERS.map((name) => [name, sockets.reduce((sum, socket) => sum + socket.counters()[name], 0)]),
      ),
    }),
    close,
  };
}

interface Rules {
  welcome(address: string): boolean;
  /** Whether a datagram may have come by the device of this index. */
  cameRight(device: number): boolean;
  rate: Rate;
  longRate: Rate;
}

function rulesOf({ responder: { rateLimit }, sources, device }: ServerConfig, addon: Pick<Addon, 'Netlink'>): Rules {
  const { perSecond, burst } = rateLimit;
  const index = device === null ? null : indexOf(device, addon);
  const share = (value: number) => Math.max(1, Math.floor(value / LONG_SHARE));
  return {
    welcome: createSources(sources),
    cameRight: (found) => device === null || found === index,
    rate: createRate({ perSecond, burst, addresses: ADDRESSES }),
    longRate: createRate({ perSecond: share(perSecond), burst: share(burst), addresses: ADDRESSES }),
  };
}

/** Null where there is none of the name: then nothing comes by it. */
function indexOf(device: string, addon: Pick<Addon, 'Netlink'>): number | null {
  const netlink = new addon.Netlink();
  try {
    return netlink.links().find(({ name }) => name === device)?.index ?? null;
  } finally {
    netlink.close();
  }
}

async function opening(what: string, open: () => unknown): Promise<void> {
  try {
    await open();
  } catch (error) {
    throw new Error(`cannot listen on ${what}: ${messageOf(error)}, expected a free port of an address of this host`, {
      cause: error,
    });
  }
}
