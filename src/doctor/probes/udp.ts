/** UDP to the responder: plain, in fragments, without checksum, and as long as the path takes. */
import type { Addon } from '../../native/addon.js';
import { type Endpoint, readEndpoint, readPort, readSeen } from '../../stun/attributes.js';
import { attributeOf } from '../../stun/message.js';
import { Attribute } from '../../stun/numbers.js';
import { type Asker, PATIENCE_MS, REQUEST_BYTES, type Reply } from './asker.js';
import type { BothWays, PathMtuFacts, UdpFacts } from './facts.js';
import { findPathMtu } from './path-mtu.js';
import { mayBeAsked } from './responders.js';

/** Of the IPv4 packet: three fragments on any path (RFC 8200 §5 wants hosts to take 1500 bytes, DNS asks 4000). */
const FRAGMENTED_BYTES = 4028;
/** Longest packet that Ethernet takes. */
const LONGEST_BYTES = 1500;
const MTU_TRIES = 2;
const MTU_LEAST_MS = 600;
/** A packet is waited for as long as so many round trips. */
const ROUND_TRIPS = 4;

/** What the first answer tells; null for silence. */
export function udpFacts(asker: Asker, reply: Reply | null): UdpFacts {
  const read = <Value>(type: number, parse: (value: Uint8Array) => Value | null) => {
    const value = reply === null ? null : attributeOf(reply.message, type);
    return value === null ? null : parse(value);
  };
  const mapped = reply?.mapped ?? null;
  const other = read(Attribute.OTHER_ADDRESS, readEndpoint);
  const plain = read(Attribute.MAPPED_ADDRESS, readEndpoint);
  return {
    answered: reply !== null,
    milliseconds: reply?.milliseconds ?? null,
    local: asker.local,
    mapped,
    rewritten: plain !== null && mapped !== null && !sameEndpoint(plain, mapped),
    other: other !== null && mayBeAsked(other.address) ? other : null,
    otherPort: read(Attribute.OTHER_PORT, readPort),
    asks: read(Attribute.SEEN, readSeen) !== null,
  };
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.port === b.port;
}

/** A long request with a short answer, then a long answer: which of them is lost is told apart where the first is not. */
export async function probeFragments(asker: Asker, to: Endpoint, asks: boolean): Promise<BothWays> {
  const bytes = FRAGMENTED_BYTES;
  const up = (await asker.ask({ to, requestBytes: bytes })) !== null;
  if (!up || !asks) return { bytes, up, down: null };
  // No answer is longer than its request: a long request is what makes one.
  const reply = await asker.ask({ to, requestBytes: bytes, ask: { answerBytes: bytes } });
  return { bytes, up, down: reply !== null && reply.bytes === bytes };
}

/** A request without checksum, and one with whose answer has none. */
export async function probeZeroChecksum(asker: Asker, to: Endpoint, asks: boolean): Promise<BothWays> {
  const [up, down] = await Promise.all([
    asker.ask({ to, manner: { noChecksum: true } }),
    asks ? asker.ask({ to, ask: { noChecksum: true } }) : null,
  ]);
  return { bytes: REQUEST_BYTES, up: up !== null, down: asks ? down !== null : null };
}

export interface PathProbe {
  asker: Asker;
  to: Endpoint;
  addon: Pick<Addon, 'pathMtu'>;
  source: string | null;
  device: string | null;
  /** Of a plain request. */
  roundTripMs: number;
}

/** Longest packet with DF towards the responder. */
export function probePathMtuUp(probe: PathProbe): Promise<PathMtuFacts> {
  const { asker, to, addon, source, device } = probe;
  return findPathMtu({
    mostBytes: LONGEST_BYTES,
    leastBytes: REQUEST_BYTES,
    async arrives(bytes) {
      const manner = { dontFragment: true };
      return (await asker.ask({ to, requestBytes: bytes, manner, ...patience(probe) })) !== null;
    },
    async known() {
      try {
        return addon.pathMtu({ remote: to.address, local: source, device });
      } catch {
        return null;
      }
    },
  });
}

/** Longest packet with DF from the responder; null where it would not send as many as it takes. */
export async function probePathMtuDown(probe: PathProbe): Promise<PathMtuFacts | null> {
  const { asker, to } = probe;
  let limited = false;
  const facts = await findPathMtu({
    mostBytes: LONGEST_BYTES,
    leastBytes: REQUEST_BYTES,
    async arrives(bytes) {
      const reply = await asker.ask({ to, ask: { answerBytes: bytes, dontFragment: true }, ...patience(probe) });
      if (reply !== null && reply.bytes < bytes) limited = true;
      return reply !== null && reply.bytes === bytes;
    },
    async known() {
      const reply = await asker.ask({ to });
      const value = reply === null ? null : attributeOf(reply.message, Attribute.SEEN);
      const mtu = value === null ? 0 : (readSeen(value)?.pathMtu ?? 0);
      return mtu === 0 ? null : mtu;
    },
  });
  return limited ? null : facts;
}

function patience({ roundTripMs }: PathProbe) {
  return {
    patienceMs: Math.min(PATIENCE_MS, Math.max(MTU_LEAST_MS, ROUND_TRIPS * roundTripMs)),
    tries: MTU_TRIES,
  };
}
