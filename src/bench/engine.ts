/**
 * The traffic engine as the methodology uses it: opens the two sides, runs trials, and words what goes wrong. All
 * sending and receiving is done by threads of the native core (native/tester/).
 *
 *     const engine = await openEngine(loadAddon(), { sides: [parseSide('client:eth0', …), parseSide('server:eth0', …)] });
 *     const result = await engine.run({
 *       streams: [stream({ from: 0, sources: range('2001:db8:1::100', 256), destinations: ['2001:db8:64::c633:6402'],
 *                          flows: 10_000, frameBytes: [84], framesPerSecond: 100_000, durationMs: 5_000 })],
 *     });
 *     result.streams[0].received      // each frame once; sent, refused, duplicates, sendCpuNs beside it
 *     result.receivers[1].dropped     // lost by the tester itself; cpuNs beside it
 *     engine.close();
 *
 * Side 0 and 1 are just the two ends: plain forwarding is measured with frames of one family, either way. Sources must
 * be addresses that the device under test routes to the side they are sent from, and that no kernel owns: frames for
 * them are seen by the engine and answered by nobody.
 */
import { formatAddress, parseAddress } from '../config/address.js';
import { errors, isSystemError, messageOf } from '../errors.js';
import type {
  Addon,
  Tester,
  TesterOpenError,
  TesterOptions,
  TesterResult,
  TesterSide,
  TesterStream,
  TesterTrial,
} from '../native/addon.js';

/** Frames kept track of in one trial when the rate does not bound them: 8 MiB of memory. */
const MOST_FRAMES = 2 ** 26;
const RING_BYTES = 64 * 2 ** 20;

/** RFC 4814 §4.5: the ports a client and a server would have. */
export const SOURCE_PORTS = { first: 1024, last: 65535 };
export const DESTINATION_PORTS = { first: 1, last: 49151 };

export interface EngineOptions {
  /** Null: the two ends of a cable in a network namespace of its own, to measure the engine itself. */
  sides: readonly [TesterSide, TesterSide] | null;
  /** Processors for the threads [send, receive] of each side. */
  cpus?: readonly (readonly [number, number])[];
  /** Flows that can be answered (RFC 9693). */
  stateFlows?: number;
}

export interface Engine {
  /** Runs a trial. Rejects when a socket fails, and with PLT_ABORTED when the signal ends it. */
  run(trial: { streams: readonly TesterStream[]; settleMs?: number }, signal?: AbortSignal): Promise<TesterResult>;
  /** Forgets the flows that were recorded. */
  clearState(): void;
  close(): void;
}

/**
 * Reads `[NAMESPACE:]DEVICE`; the namespace is a name as `ip netns` knows it, a process id, or a path. `destination` is
 * any address that this side will send to; `mac` replaces asking the kernel for the next hop. Null for what is none.
 */
export function parseSide(text: string, destination: string, mac: string | null = null): TesterSide | null {
  const [, namespace = '', device] = /^(?:(.+):)?([^\s:/]{1,15})$/.exec(text) ?? [];
  const nextHop = mac === null ? null : parseMac(mac);
  if (device === undefined || (mac !== null && nextHop === null)) return null;
  return { device, namespace, nextHop, destination, sendCpu: -1, receiveCpu: -1 };
}

/** Reads `02:00:00:00:00:01`; null for what is no link layer address. */
export function parseMac(text: string): Uint8Array | null {
  if (!/^([\da-f]{2}:){5}[\da-f]{2}$/i.test(text)) return null;
  return Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16));
}

/** `count` addresses from `first` on, as text. */
export function range(first: string, count: number): string[] {
  const start = parseAddress(first);
  if (start === null) throw new RangeError(`not an address: ${first}`);
  return Array.from({ length: count }, (_, i) => formatAddress(start.family, start.value + BigInt(i)));
}

/** Addresses in wire order, one after the other. All of one family. */
export function packAddresses(addresses: readonly string[]): Uint8Array {
  const bytes = addresses.flatMap((text) => {
    const address = parseAddress(text);
    if (address === null) throw new RangeError(`not an address: ${text}`);
    const digits = address.value.toString(16).padStart(address.family === 4 ? 8 : 32, '0');
    return [...Buffer.from(digits, 'hex')];
  });
  return Uint8Array.from(bytes);
}

/** What `stream` fills up. */
export interface StreamOptions extends Partial<Omit<TesterStream, 'sources' | 'destinations' | 'family'>> {
  from: 0 | 1;
  sources: readonly string[] | Uint8Array;
  destinations: readonly string[] | Uint8Array;
  /** Told by the addresses when they are text. */
  family?: 4 | 6;
  durationMs: number;
}

/** A stream with what is not told left as RFC 4814 and RFC 8219 have it: UDP, one flow, the shortest frames. */
export function stream(options: StreamOptions): TesterStream {
  const { sources, destinations } = options;
  const text = [
    ...(sources instanceof Uint8Array ? [] : sources),
    ...(destinations instanceof Uint8Array ? [] : destinations),
  ];
  const family = options.family ?? (text[0]?.includes(':') === false ? 4 : 6);
  const framesPerSecond = options.framesPerSecond ?? 0;
  const bound = framesPerSecond === 0 ? MOST_FRAMES : Math.floor((framesPerSecond * options.durationMs) / 1000);
  return {
    kind: 'udp',
    sourcePorts: SOURCE_PORTS,
    destinationPorts: DESTINATION_PORTS,
    seed: 1,
    firstFlow: 0,
    flows: 1,
    order: 'in-turn',
    frameBytes: [family === 4 ? 64 : 84],
    burst: 32,
    gather: 1,
    delaySamples: 0,
    state: 'none',
    ...options,
    family,
    framesPerSecond,
    frames: options.frames ?? Math.max(1, bound),
    sources: sources instanceof Uint8Array ? sources : packAddresses(sources),
    destinations: destinations instanceof Uint8Array ? destinations : packAddresses(destinations),
  };
}

const NO_SIDE: TesterSide = {
  device: '',
  namespace: '',
  nextHop: null,
  destination: '',
  sendCpu: -1,
  receiveCpu: -1,
};

/** Opens both sides. Rejects with PLT_BENCH_SIDE, or PLT_NOT_PERMITTED without CAP_NET_RAW and CAP_NET_ADMIN. */
export async function openEngine(addon: Addon, options: EngineOptions): Promise<Engine> {
  const tester = new addon.Tester();
  const sides = (options.sides ?? [NO_SIDE, NO_SIDE]).map((side, i) => {
    const [sendCpu, receiveCpu] = options.cpus?.[i] ?? [side.sendCpu, side.receiveCpu];
    return { ...side, sendCpu, receiveCpu };
  });
  try {
    await tester.open({
      loop: options.sides === null,
      sides: sides as unknown as TesterOptions['sides'],
      stateFlows: options.stateFlows ?? 0,
      ringBytes: RING_BYTES,
    });
  } catch (error) {
    throw openError(error as TesterOpenError, options.sides);
  }
  return {
    run: (trial, signal) => runTrial(tester, { settleMs: 2000, ...trial }, signal),
    clearState: () => tester.clearState(),
    close: () => tester.close(),
  };
}

async function runTrial(tester: Tester, trial: TesterTrial, signal?: AbortSignal): Promise<TesterResult> {
  if (signal?.aborted) throw errors.aborted('the measurement was complete');
  const abort = () => tester.abort();
  signal?.addEventListener('abort', abort);
  try {
    const result = await tester.run(trial);
    if (result.aborted) throw errors.aborted('the measurement was complete');
    return result;
  } catch (error) {
    if (!isSystemError(error) || !('syscall' in error)) throw error;
    throw errors.benchFailed(
      error.code === 'EMSGSIZE' ? 'a frame is longer than the MTU of the interface that sends it' : messageOf(error),
      { cause: error },
    );
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function openError(error: TesterOpenError, sides: EngineOptions['sides']): Error {
  if (error.code === 'EPERM' || error.code === 'EACCES') {
    return errors.notPermitted('cannot open the sides of the tester', { cause: error });
  }
  const side = sides?.[error.side];
  if (side === undefined)
    return errors.benchSide('the tester itself', messageOf(error), 'a cable to itself', { cause: error });
  const where = side.namespace === '' ? side.device : `${side.namespace}:${side.device}`;
  const [found, expected] = sentenceOf(error, side);
  return errors.benchSide(where, found, expected, { cause: error });
}

function sentenceOf(error: TesterOpenError, side: TesterSide): [found: string, expected: string] {
  const { destination } = side;
  switch (error.step) {
    case 'namespace':
      return [`no network namespace "${side.namespace}"`, 'a name that `ip netns` shows, a process id, or a path'];
    case 'device':
      return ['no such interface', 'one that `ip link` shows there'];
    case 'down':
      return ['the interface is down', 'it up (`ip link set … up`)'];
    case 'not-ethernet':
      return ['it is no Ethernet interface', 'one with link layer addresses, such as a card or a veth'];
    case 'route':
      return [
        `no route to ${destination}`,
        'one through the device under test, or the next hop’s address with --mac6 or --mac4',
      ];
    case 'own-address':
      return [`${destination} is an address of the tester’s own`, 'one behind the device under test'];
    case 'other-device':
      return [`the route to ${destination} leads out of another interface`, 'one through the device under test'];
    case 'neighbour':
      return [
        `the next hop to ${destination} does not answer`,
        'a neighbour on this link, or its address with --mac6 or --mac4',
      ];
    default:
      return [messageOf(error), `the kernel to give what the tester needs (${error.step})`];
  }
}
