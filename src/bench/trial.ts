/**
 * One trial: frames of a size at a rate for a time, in one direction or both, and what became of them. The IPv6 side
 * is side 0 of the engine and the initiator, the IPv4 side is side 1 and the responder (RFC 9693).
 */
import type { TesterDelays, TesterResult, TesterStream } from '../native/addon.js';
import { type Engine, packAddresses, stream } from './engine.js';

export type Direction = 'both' | '6to4' | '4to6';

/** Who talks to whom through the device under test. */
export interface Traffic {
  /** True for NAT64: what comes from IPv4 answers flows that were recorded. */
  stateful: boolean;
  protocol: 'udp' | 'icmp';
  /** Addresses of the IPv6 side, and as the IPv4 side writes them (SIIT only; in the same order). */
  clients6: readonly string[];
  clients4: readonly string[];
  /** Addresses of the IPv4 side, and as the IPv6 side writes them. */
  servers4: readonly string[];
  servers6: readonly string[];
  /** Ports of clients and servers, both inclusive. */
  clientPorts: { first: number; last: number };
  serverPorts: { first: number; last: number };
  flows: number;
}

export interface Offer {
  direction: Direction;
  /** Frame size on the IPv6 side, with the FCS; 20 bytes less on the other. */
  frameBytes: number;
  /** Frames a second in each direction; 0: as fast as possible. */
  rate: number;
  durationMs: number;
  /** Keep delays, and send frame by frame for their sake. */
  delays?: boolean;
  /** `seed` and order of the flows; in turn unless told. */
  seed?: number;
  order?: 'in-turn' | 'random';
}

export interface Flow {
  direction: '6to4' | '4to6';
  planned: number;
  sent: number;
  received: number;
  /** Sent and never seen again, without those that the tester lost itself. */
  lost: number;
  duplicates: number;
  reordered: number;
  framesPerSecond: number;
  delays: TesterDelays;
}

export interface Outcome {
  flows: Flow[];
  /** Lost by the tester: no room in its receivers. */
  testerLost: number;
  /** False when the tester did not send what was planned in the time that was planned. */
  keptRate: boolean;
  /** Flows that arrived from another address or port than before (NAT64). */
  remapped: number;
}

/** Delays kept of a direction: 16 MB, and 32 MB more while IPDV is made. */
export const MOST_DELAYS = 4_000_000;
/** By how much longer than planned sending may have taken. */
const LATE_SHARE = 0.02;
const LATE_MS = 20;

/** The addresses of the traffic, packed once. */
export interface Ends {
  clients6: Uint8Array;
  clients4: Uint8Array;
  servers4: Uint8Array;
  servers6: Uint8Array;
}

/** Packs the addresses, for `streamsOf`. */
export function endsOf(traffic: Traffic): Ends {
  return {
    clients6: packAddresses(traffic.clients6),
    clients4: packAddresses(traffic.clients4),
    servers4: packAddresses(traffic.servers4),
    servers6: packAddresses(traffic.servers6),
  };
}

/** The stream from the IPv6 side. */
export function towardsV4(traffic: Traffic, ends: Ends, offer: Offer): TesterStream {
  return stream({
    ...common(traffic, offer),
    from: 0,
    family: 6,
    kind: traffic.protocol === 'udp' ? 'udp' : 'echo-request',
    sources: ends.clients6,
    destinations: ends.servers6,
    sourcePorts: traffic.clientPorts,
    destinationPorts: traffic.serverPorts,
    frameBytes: [offer.frameBytes],
  });
}

/** The stream from the IPv4 side: to the clients' addresses, or in answer to recorded flows. */
export function towardsV6(traffic: Traffic, ends: Ends, offer: Offer): TesterStream {
  return stream({
    ...common(traffic, offer),
    from: 1,
    family: 4,
    kind: traffic.protocol === 'udp' ? 'udp' : 'echo-reply',
    sources: ends.servers4,
    destinations: ends.clients4,
    sourcePorts: traffic.serverPorts,
    destinationPorts: traffic.clientPorts,
    frameBytes: [offer.frameBytes - 20],
    state: traffic.stateful ? 'answer' : 'none',
  });
}

function common(traffic: Traffic, offer: Offer) {
  return {
    flows: traffic.flows,
    seed: offer.seed ?? 1,
    order: offer.order ?? ('in-turn' as const),
    framesPerSecond: offer.rate,
    durationMs: offer.durationMs,
    ...(offer.delays === true ? { burst: 1, delaySamples: MOST_DELAYS } : {}),
  };
}

/** Runs streams and tells what became of their frames. */
export async function runStreams(
  engine: Engine,
  streams: readonly TesterStream[],
  signal?: AbortSignal,
): Promise<Outcome> {
  return outcomeOf(streams, await engine.run({ streams }, signal));
}

/** Runs one trial of an offer. */
export function runOffer(
  engine: Engine,
  traffic: Traffic,
  ends: Ends,
  offer: Offer,
  signal?: AbortSignal,
): Promise<Outcome> {
  const streams: TesterStream[] = [];
  if (offer.direction !== '4to6') {
    const forward = towardsV4(traffic, ends, offer);
    streams.push(traffic.stateful ? { ...forward, state: 'compare' } : forward);
  }
  if (offer.direction !== '6to4') streams.push(towardsV6(traffic, ends, offer));
  return runStreams(engine, streams, signal);
}

function outcomeOf(streams: readonly TesterStream[], result: TesterResult): Outcome {
  let keptRate = true;
  let testerLost = 0;
  for (const { dropped } of result.receivers) testerLost += dropped;
  const flows = streams.map((asked, i): Flow => {
    const got = result.streams[i];
    if (got === undefined) throw new RangeError('a stream without a result');
    const seconds = got.elapsedNs / 1e9;
    if (asked.framesPerSecond !== 0) {
      const allowedMs = (asked.frames / asked.framesPerSecond) * 1000 * (1 + LATE_SHARE) + LATE_MS;
      if (got.sent + got.skipped < asked.frames || seconds * 1000 > allowedMs) keptRate = false;
    }
    const dropped = result.receivers[1 - asked.from]?.dropped ?? 0;
    return {
      direction: asked.from === 0 ? '6to4' : '4to6',
      planned: asked.frames,
      sent: got.sent,
      received: got.received,
      lost: Math.max(0, got.sent - got.received - dropped),
      duplicates: got.duplicates,
      reordered: got.reordered,
      framesPerSecond: seconds === 0 ? 0 : got.received / seconds,
      delays: got.delays,
    };
  });
  let remapped = 0;
  for (const { stateChanged } of result.receivers) remapped += stateChanged;
  return { flows, testerLost, keptRate, remapped };
}

/** Frames lost as a share of those sent, the worse direction of both. */
export function lossOf({ flows }: Outcome): number {
  return Math.max(...flows.map(({ lost, sent }) => (sent === 0 ? 1 : lost / sent)));
}

/** True when the device lost no more than it may, and the tester did what it should. */
export function passed(outcome: Outcome, lossTolerance: number): boolean {
  return outcome.keptRate && outcome.testerLost === 0 && lossOf(outcome) <= lossTolerance;
}
