/** What the NAT on the way does with ports: mapping, filtering, hairpinning (RFC 5780 §4.3 to §4.5, RFC 4787). */
import { changeValue, type Endpoint } from '../../stun/attributes.js';
import { Attribute } from '../../stun/numbers.js';
import { type Asker, newTransaction, PATIENCE_MS, REPORT, requestOf } from './asker.js';
import type { FilteringFacts, HairpinFacts, MappingFacts, PortFacts } from './facts.js';
import { mayBeAsked } from './responders.js';
import { sameEndpoint } from './udp.js';

const HAIRPIN_TRIES = 3;

/** Where else the responder answers: another address and port, or another port alone. */
export interface Elsewhere {
  address: string | null;
  port: number;
}

/** RFC 5780 §4.3, on a socket that has asked nobody yet. */
export async function probeMapping(asker: Asker, to: Endpoint, other: Elsewhere): Promise<MappingFacts> {
  const addresses = other.address !== null;
  const mapped: Endpoint[] = [];
  const ask = async (target: Endpoint): Promise<Endpoint | null> => {
    const seen = (await asker.ask({ to: target }))?.mapped ?? null;
    if (seen !== null) mapped.push(seen);
    return seen;
  };
  const unknown = (): MappingFacts => ({ behaviour: null, addresses, mapped });
  const first = await ask(to);
  if (first === null) return unknown();
  const address = other.address ?? to.address;
  const second = await ask({ address, port: addresses ? to.port : other.port });
  if (second === null) return unknown();
  if (sameEndpoint(first, second)) return { behaviour: 'endpoint-independent', addresses, mapped };
  if (!addresses) return { behaviour: 'address-and-port-dependent', addresses, mapped };
  const third = await ask({ address, port: other.port });
  if (third === null) return unknown();
  const behaviour = sameEndpoint(second, third) ? 'address-dependent' : 'address-and-port-dependent';
  return { behaviour, addresses, mapped };
}

/** RFC 5780 §4.4, on a socket that has asked nobody yet. */
export async function probeFiltering(asker: Asker, to: Endpoint, other: Elsewhere): Promise<FilteringFacts> {
  const addresses = other.address !== null;
  const answersFrom = async (change: { address: boolean; port: boolean }): Promise<boolean> => {
    const attributes = [{ type: Attribute.CHANGE_REQUEST, value: changeValue(change) }];
    return (await asker.ask({ to, attributes })) !== null;
  };
  if ((await asker.ask({ to })) === null) return { behaviour: null, addresses };
  if (addresses && (await answersFrom({ address: true, port: true }))) {
    return { behaviour: 'endpoint-independent', addresses };
  }
  const samePort = await answersFrom({ address: false, port: true });
  if (!samePort) return { behaviour: 'address-and-port-dependent', addresses };
  return { behaviour: addresses ? 'address-dependent' : 'endpoint-independent', addresses };
}

/** RFC 5780 §4.5: one socket sends to where another is mapped. Null when the other has no mapping. */
export async function probeHairpin(one: Asker, two: Asker, to: Endpoint): Promise<HairpinFacts | null> {
  const mapped = (await one.ask({ to }))?.mapped ?? null;
  if (mapped === null || !mayBeAsked(mapped.address)) return null;
  const transaction = newTransaction();
  const octets = requestOf(transaction, { ...REPORT, report: false }, [], 0);
  for (let tries = 0; tries < HAIRPIN_TRIES; tries++) {
    const seen = one.sees(transaction, PATIENCE_MS / HAIRPIN_TRIES);
    two.tell(octets, mapped);
    if (await seen) return { works: true };
  }
  return { works: false };
}

/** Ports inside and outside. */
export function portFacts(pairs: readonly { local: Endpoint; mapped: Endpoint | null }[]): PortFacts {
  const known = pairs.flatMap(({ local, mapped }) =>
    mapped === null ? [] : [{ inside: local.port, outside: mapped.port }],
  );
  return {
    sockets: known.length,
    preserved: known.filter(({ inside, outside }) => inside === outside).length,
    parity: known.filter(({ inside, outside }) => inside % 2 === outside % 2).length,
  };
}
