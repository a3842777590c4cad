/**
 * Everything that a responder (docs/reference/responder.md) can tell about the way to it, taken once. Probes that could
 * disturb each other stand one after the other: what ICMP tells of the path MTU also cuts fragments smaller.
 */
import type { Addon } from '../../native/addon.js';
import type { Endpoint } from '../../stun/attributes.js';
import type { RunProgram } from '../survey/program.js';
import { type Asker, openAsker } from './asker.js';
import { type Elsewhere, portFacts, probeFiltering, probeHairpin, probeMapping } from './behaviour.js';
import type { ReachFacts, UdpFacts } from './facts.js';
import { probeIcmp } from './icmp.js';
import { probeTcp } from './tcp.js';
import { probeFragments, probePathMtuDown, probePathMtuUp, probeZeroChecksum, udpFacts } from './udp.js';

export interface ReachOptions {
  /** An IPv4 address, and its port: 3478 as a rule. */
  responder: Endpoint;
  /** Address to send from, null for the kernel's choice. */
  source: string | null;
  /** Interface or VRF device to send by, null for any. */
  device: string | null;
  addon: Pick<Addon, 'UdpSocket' | 'connectTcp' | 'tcpPath' | 'pathMtu'>;
  signal: AbortSignal;
  /** Runs ping(8). */
  run: RunProgram;
}

/**
 * Takes some 2 s on a healthy path, 12 s on one that swallows all. Throws an Error with `code` where source or device are
 * not there (EADDRNOTAVAIL, ENODEV), and when `signal` is aborted.
 */
export async function probeResponder(options: ReachOptions): Promise<ReachFacts> {
  const { responder, source, device, addon, signal, run } = options;
  const askers: Asker[] = [];
  const open = () => {
    const asker = openAsker({ addon, source, device, signal });
    askers.push(asker);
    return asker;
  };
  try {
    const asker = open();
    const [icmp, tcp, first] = await Promise.all([
      probeIcmp(responder.address, { source, device }, run),
      probeTcp({ addon, responder, source, device, signal }),
      asker.ask({ to: responder }),
    ]);
    const udp = udpFacts(asker, first);
    const facts: ReachFacts = { responder, source, device, icmp, tcp, udp, ...NOTHING };
    if (first === null) return facts;

    const other = elsewhereOf(udp, responder);
    const [mapper, filterer, ...pair] = [open(), open(), open(), open()];
    const [one, two] = pair as [Asker, Asker];
    const [fragments, zeroChecksum, mapping, filtering, hairpin] = await Promise.all([
      probeFragments(asker, responder, udp.asks),
      probeZeroChecksum(asker, responder, udp.asks),
      other === null ? null : probeMapping(mapper as Asker, responder, other),
      other === null ? null : probeFiltering(filterer as Asker, responder, other),
      probeHairpin(one, two, responder),
    ]);
    const path = { asker, to: responder, addon, source, device, roundTripMs: first.milliseconds };
    const pathMtuUp = await probePathMtuUp(path);
    const pathMtuDown = udp.asks ? await probePathMtuDown(path) : null;
    const mapped = await Promise.all([one, two].map((each) => each.ask({ to: responder })));
    const ports = portFacts([
      { local: asker.local, mapped: udp.mapped },
      ...[one, two].map(({ local }, index) => ({ local, mapped: mapped[index]?.mapped ?? null })),
    ]);
    return { ...facts, fragments, zeroChecksum, pathMtuUp, pathMtuDown, mapping, filtering, hairpin, ports };
  } finally {
    for (const asker of askers) asker.close();
  }
}

const NOTHING = {
  fragments: null,
  zeroChecksum: null,
  pathMtuUp: null,
  pathMtuDown: null,
  mapping: null,
  filtering: null,
  hairpin: null,
  ports: null,
};

/** Null for a server with one address and one port. */
function elsewhereOf({ other, otherPort }: UdpFacts, { address }: Endpoint): Elsewhere | null {
  if (other !== null && other.address !== address) return other;
  const port = other?.port ?? otherPort;
  return port === null ? null : { address: null, port };
}
