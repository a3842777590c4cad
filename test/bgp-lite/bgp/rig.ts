/** A speaker or a session on a transport in memory, and the scripted neighbour at its other end. */
import { vi } from 'vitest';
import type { BfdTarget, BfdWatcher } from '../../../src/bgp-lite/bfd-watcher.js';
import type { LearnedChange } from '../../../src/bgp-lite/bgp/import.js';
import { type BgpSpeaker, createBgpSpeaker } from '../../../src/bgp-lite/bgp/speaker.js';
import type {
  Connection,
  ConnectionEvents,
  ConnectOptions,
  Devices,
  ListenOptions,
  Transport,
} from '../../../src/bgp-lite/bgp/transport.js';
import { knownPrefix } from '../../../src/config/address.js';
import type { BgpAttributes, BgpImport, BgpNeighborConfig, PrefixPattern } from '../../../src/config/announce.js';
import type { BfdState } from '../../../src/native/addon.js';
import { readVectors } from '../../config/vectors.js';

interface Vectors {
  messages: { name: string; hex: string; expect_notification?: string }[];
  malformed_updates: { name: string; hex: string; handling: string }[];
  bad_headers: { name: string; hex: string; expect_notification: string }[];
  error_codes: Record<string, { name: string; sub?: Record<string, string> }>;
}
export const vectors = readVectors<Vectors>('bgp_messages');

/** Hex of a vector, with its header. */
export function vector(name: string): string {
  const found = [...vectors.messages, ...vectors.malformed_updates, ...vectors.bad_headers].find(
    (one) => one.name === name,
  );
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found.hex;
}

export const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
export const toHex = (octets: Uint8Array) => Buffer.from(octets).toString('hex');
export const body = (name: string) => bytes(vector(name)).subarray(19);

/** Hex of a message from its type and the hex of its body. */
export function msg(type: number, hex = ''): string {
  const inner = hex.replaceAll(' ', '');
  const length = 19 + inner.length / 2;
  return 'ff'.repeat(16) + length.toString(16).padStart(4, '0') + type.toString(16).padStart(2, '0') + inner;
}

export const KEEPALIVE = msg(4);
export const END_OF_RIB_4 = vector('end-of-rib-ipv4');
export const END_OF_RIB_6 = vector('end-of-rib-ipv6');

/** OPEN of AS 65001, 192.0.2.1, hold time 90; `capabilities` are triples. */
export function openOf(capabilities: string, { hold = '005a', id = 'c0000201', as = 'fde9' } = {}): string {
  const inner = capabilities.replaceAll(' ', '');
  const length = inner.length / 2;
  const octet = (value: number) => value.toString(16).padStart(2, '0');
  const parameters = length === 0 ? '00' : `${octet(length + 2)}02${octet(length)}${inner}`;
  return msg(1, `04${as}${hold}${id}${parameters}`);
}

export const AS4 = '4104 0000fde9';
export const MP4 = '0104 0001 00 01';
export const MP6 = '0104 0002 00 01';
export const REFRESH = '0200';
export const ENHANCED = '4600';
/** Both families, refresh, 4-octet numbers. */
export const PEER_OPEN = openOf(`${MP4} ${MP6} ${REFRESH} ${AS4}`);

export const NO_ATTRIBUTES: BgpAttributes = {
  med: null,
  localPref: 100,
  prepend: 0,
  communities: [],
  largeCommunities: [],
};

export function pattern(text: string, ge?: number, le?: number): PrefixPattern {
  const prefix = knownPrefix(text);
  return { prefix, ge: ge ?? prefix.length, le: le ?? prefix.length };
}

export function imports(...prefixes: PrefixPattern[]): BgpImport {
  return {
    prefixes,
    localPref: null,
    table: 254,
    metric: 0,
    nextHop: null,
    device: null,
    onlink: false,
    check: null,
  };
}

/** AS 65002 towards AS 65001 at 192.0.2.1. */
export function neighbor(overrides: Partial<BgpNeighborConfig> = {}): BgpNeighborConfig {
  return {
    name: 'upstream',
    address: '192.0.2.1',
    family: 4,
    port: 179,
    remoteAs: 65001,
    localAs: 65002,
    passive: false,
    source: null,
    interface: null,
    password: null,
    gtsmHops: null,
    multihop: null,
    holdTimeSeconds: 90,
    connectRetrySeconds: 120,
    advertisementIntervalSeconds: 30,
    role: null,
    roleStrict: false,
    families: [4, 6],
    nextHop4: null,
    nextHop6: '2001:db8::2',
    extendedNextHop: false,
    restartTimeSeconds: 120,
    bfd: null,
    export: 'all',
    attributes: NO_ATTRIBUTES,
    lowered: NO_ATTRIBUTES,
    import: null,
    maxPrefix: 1000,
    maxPrefixRestartSeconds: null,
    enforceFirstAs: true,
    ...overrides,
  };
}

/** The neighbour's end of a connection. */
export class Peer {
  readonly written: string[] = [];
  /** The neighbour reads nothing: what is written waits. */
  stalled = false;
  ended: 'closed' | 'reset' | null = null;
  limits: { hopLimit: number | null; minHopLimit: number | null } | null = null;
  private events: ConnectionEvents | null = null;
  private waiting = 0;
  private read = 0;
  readonly connection: Connection;

  constructor(local: string, remote: string) {
    this.connection = {
      local: { address: local, port: 40_000 },
      remote: { address: remote, port: 179 },
      queuedBytes: () => this.waiting,
      start: (events) => {
        this.events = events;
      },
      write: (octets) => {
        if (this.ended !== null) throw new Error('written after the end');
        this.written.push(toHex(octets));
        if (this.stalled) this.waiting += octets.length;
      },
      close: () => {
        this.ended = 'closed';
        return Promise.resolve();
      },
      reset: () => {
        this.ended = 'reset';
      },
      restrict: (limits) => {
        this.limits = limits;
      },
    };
  }

  send(...messages: string[]): void {
    for (const hex of messages) this.events?.data(bytes(hex));
  }

  /** The neighbour goes: FIN, or an error. */
  hangUp(error: string | null = null): void {
    this.ended = 'closed';
    this.events?.closed(error);
  }

  /** The neighbour reads again. */
  drain(): void {
    this.stalled = false;
    this.waiting = 0;
    this.events?.progress();
  }

  /** What was written since the last call. */
  take(): string[] {
    const fresh = this.written.slice(this.read);
    this.read = this.written.length;
    return fresh;
  }

  /** Bodies of the NOTIFICATIONs written. */
  notifications(): string[] {
    return this.written.filter((hex) => hex.slice(36, 38) === '03').map((hex) => hex.slice(38));
  }

  /** UPDATEs written since the last call. */
  updates(): string[] {
    return this.take().filter((hex) => hex.slice(36, 38) === '02');
  }
}

interface Attempt {
  options: ConnectOptions;
  cancelled: boolean;
  accept(local?: string): Peer;
  refuse(error?: string): void;
}

export class MemoryTransport implements Transport {
  readonly attempts: Attempt[] = [];
  readonly listening: { options: ListenOptions; keys: Map<string, string>; open: boolean }[] = [];
  /** Error of the next `listen`. */
  busy = false;
  private readonly accepting: ((connection: Connection) => void)[] = [];

  connect(options: ConnectOptions, done: (result: Connection | string) => void) {
    const attempt: Attempt = {
      options,
      cancelled: false,
      accept: (local = options.remote.address.includes(':') ? '2001:db8::2' : '192.0.2.2') => {
        const peer = new Peer(local, options.remote.address);
        done(peer.connection);
        return peer;
      },
      refuse: (error = 'connection refused') => done(error),
    };
    this.attempts.push(attempt);
    return {
      cancel: () => {
        attempt.cancelled = true;
      },
    };
  }

  listen(options: ListenOptions, accept: (connection: Connection) => void) {
    if (this.busy) throw Object.assign(new Error('address already in use'), { code: 'EADDRINUSE', syscall: 'bind' });
    const entry = { options, keys: new Map(options.md5.map(({ address, key }) => [address, key])), open: true };
    this.listening.push(entry);
    this.accepting.push(accept);
    return {
      setMd5: (address: string, key: string | null) => {
        if (key === null) entry.keys.delete(address);
        else entry.keys.set(address, key);
      },
      close: () => {
        entry.open = false;
      },
    };
  }

  get last(): Attempt {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined) throw new Error('nobody has connected');
    return attempt;
  }

  /** The neighbour calls. */
  call(from = '192.0.2.1', local = '192.0.2.2', listener = 0): Peer {
    const peer = new Peer(local, from);
    this.accepting[listener]?.(peer.connection);
    return peer;
  }
}

export class FakeBfd implements BfdWatcher {
  readonly watched: { target: BfdTarget; open: boolean; tell: (state: BfdState, remote?: BfdState) => void }[] = [];
  watch(target: BfdTarget, onChange: (state: BfdState, remote: BfdState) => void) {
    let current: BfdState = 'down';
    const entry = {
      target,
      open: true,
      tell: (state: BfdState, remote: BfdState = state) => {
        current = state;
        onChange(state, remote);
      },
    };
    this.watched.push(entry);
    return {
      state: () => current,
      close: () => {
        entry.open = false;
      },
    };
  }
}

export class FakeDevices implements Devices {
  readonly indices = new Map<string, number>();
  private readonly watches = new Set<() => void>();

  device(name: string) {
    const index = this.indices.get(name);
    return index === undefined ? null : { index };
  }

  watch(changed: () => void) {
    this.watches.add(changed);
    return () => void this.watches.delete(changed);
  }

  /** Null: the device goes. */
  set(name: string, index: number | null): void {
    if (index === null) this.indices.delete(name);
    else this.indices.set(name, index);
    for (const changed of this.watches) changed();
  }
}

export interface Rig {
  speaker: BgpSpeaker;
  transport: MemoryTransport;
  log: string[];
  learned: LearnedChange[];
  bfd: FakeBfd;
  devices: FakeDevices;
}

export function startSpeaker(
  config: Partial<BgpNeighborConfig> | BgpNeighborConfig[] = {},
  options: { restarted?: boolean; routerId?: string; random?: () => number } = {},
): Rig {
  const transport = new MemoryTransport();
  const log: string[] = [];
  const learned: LearnedChange[] = [];
  const bfd = new FakeBfd();
  const devices = new FakeDevices();
  const line = (level: string) => (message: string) => log.push(`${level} ${message}`);
  const speaker = createBgpSpeaker(
    {
      routerId: options.routerId ?? '192.0.2.2',
      neighbors: Array.isArray(config) ? config : [neighbor(config)],
      restarted: options.restarted ?? false,
    },
    {
      transport,
      log: { info: line('info'), warn: line('warn'), error: line('error') },
      bfd,
      devices,
      learned: (_, changes) => learned.push(...changes),
      random: options.random ?? (() => 1),
    },
  );
  return { speaker, transport, log, learned, bfd, devices };
}

/** Takes the speaker's call and brings the session up; the neighbour has said nothing but its OPEN and a KEEPALIVE. */
export function establish(rig: Rig, open = PEER_OPEN, local?: string): Peer {
  const peer = rig.transport.last.accept(local);
  peer.send(open, KEEPALIVE);
  return peer;
}

export function stateOf(rig: Rig): string {
  return rig.speaker.neighbors()[0]?.state ?? 'none';
}

export function announcement(text: string, preference: 'normal' | 'lowered' = 'normal') {
  return { prefix: knownPrefix(text), preference };
}

/** Timers, clocks and `setImmediate` by hand. */
export function useFakeTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'Date', 'performance'] });
}
