/** What several values of the `announce` section together make wrong, or worth a warning. */
import {
  isLinkLocal,
  isPartOfWellKnown,
  knownPrefix,
  networkOf,
  overlaps,
  type Prefix,
  parseAddress,
  WELL_KNOWN_PREFIX,
} from './address.js';
import type { AnnounceConfig, BgpNeighborConfig, OspfAuthentication, OspfConfig } from './announce.js';
import type { Complaint } from './issues.js';
import { matchesAny } from './prefix-pattern.js';

/** Addresses that no routing protocol may carry, with why. */
const MARTIANS = [
  ['0.0.0.0/8', 'is "this" network'],
  ['127.0.0.0/8', 'is loopback'],
  ['224.0.0.0/3', 'is multicast or reserved'],
  ['::/128', 'is unspecified'],
  ['::1/128', 'is loopback'],
  ['::ffff:0:0/96', 'is IPv4-mapped'],
  ['fe80::/10', 'is link-local'],
  ['ff00::/8', 'is multicast'],
].map(([prefix = '', why = '']) => ({ block: knownPrefix(prefix), why }));

/** Everything wrong; empty when nothing is. `pools` are the translator's, null where there is none. */
export function checkAnnounce(announce: AnnounceConfig, pools: readonly Prefix[] | null): Complaint[] {
  const complaints: Complaint[] = [];
  const say = (path: readonly (string | number)[], message: string) => complaints.push({ path, message });
  if (announce.bgp.length === 0 && announce.ospf === null) {
    say([], 'found neither bgp nor ospf, expected one of them: nobody is told otherwise');
  }
  for (const [index, entry] of announce.prefixes.entries()) {
    const path = ['prefixes', index];
    if (entry.kind !== 'prefix') {
      if (pools !== null) continue;
      say(path, `found ${entry.kind} without a translator, expected prefixes such as 192.0.2.0/28`);
      continue;
    }
    const wrong = wrongPrefix(entry.prefix);
    if (wrong !== null) say(path, `found ${networkOf(entry.prefix)}, which ${wrong}, expected a network of your own`);
  }
  const { pool4 } = announce.ready;
  if (pool4 !== null && pool4.below > pool4.above) {
    say(['ready', 'pool4', 'below'], `found ${pool4.below}, expected at most the ${pool4.above} of above`);
  }
  const names = new Set<string>();
  for (const [index, neighbor] of announce.bgp.entries()) {
    for (const [key, message] of wrongInNeighbor(neighbor)) say(['bgp', index, key], message);
    if (names.has(neighbor.name))
      say(['bgp', index], `found a second neighbour ${neighbor.name}, expected another name`);
    names.add(neighbor.name);
  }
  if (announce.ospf !== null) {
    for (const [path, message] of wrongInOspf(announce.ospf)) say(['ospf', ...path], message);
  }
  return complaints.map(({ path, message }) => ({ path: ['announce', ...path], message }));
}

function wrongPrefix(prefix: Prefix): string | null {
  if (prefix.length === 0) return 'is the default route';
  // BGP-UPD-16, RFC 6052 §3.2.
  if (isPartOfWellKnown(prefix)) return `is a part of ${WELL_KNOWN_PREFIX} (RFC 6052 §3.2)`;
  const martian = MARTIANS.find(({ block }) => overlaps(block, prefix));
  return martian?.why ?? null;
}

function* wrongInNeighbor(neighbor: BgpNeighborConfig): Generator<[string, string]> {
  const { address, family, families, source, nextHop4, nextHop6, extendedNextHop, interface: device } = neighbor;
  const external = neighbor.remoteAs !== neighbor.localAs;
  if (neighbor.holdTimeSeconds === 1 || neighbor.holdTimeSeconds === 2) {
    yield ['holdTime', `found ${neighbor.holdTimeSeconds}, expected 0 or at least 3 seconds (RFC 4271 §4.2)`];
  }
  if (neighbor.gtsmHops !== null && neighbor.multihop !== null) {
    yield ['multihop', 'found multihop beside gtsm, expected one of them: gtsm says the hops'];
  }
  if (source !== null && parseAddress(source)?.family !== family) {
    yield ['source', `found ${source}, expected an IPv${family} address as the neighbour has`];
  }
  if (isLinkLocal(parseAddress(address)) && device === null) {
    yield ['interface', `found none, expected the interface on which ${address} is`];
  }
  if (neighbor.role !== null && !external) {
    yield ['role', `found ${neighbor.role} of an internal neighbour, expected none (RFC 9234 §4.1)`];
  }
  // BGP-MP-06
  if (families.includes(6) && family === 4 && nextHop6 === null) {
    yield ['families', 'found ipv6 over an IPv4 session without nextHop6, expected the next hop of IPv6 routes'];
  }
  if (families.includes(4) && family === 6 && nextHop4 === null && !extendedNextHop) {
    yield [
      'families',
      'found ipv4 over an IPv6 session, expected nextHop4, or extendedNextHop: true where the neighbour knows RFC 8950',
    ];
  }
  for (const [key, hop] of [
    ['nextHop4', nextHop4],
    ['nextHop6', nextHop6],
  ] as const) {
    // BGP-UPD-06
    if (hop === address) yield [key, `found ${hop}, the neighbour itself, expected an address of ours`];
  }
  const hop = neighbor.import?.nextHop ?? null;
  if (hop !== null && neighbor.import?.onlink === true && neighbor.import.device === null && device === null) {
    yield ['import', `found onlink with the next hop ${hop} and no device, expected the device it is on`];
  }
}

function* wrongInOspf(ospf: OspfConfig): Generator<[(string | number)[], string]> {
  if (ospf.interfaces.length === 0) {
    yield [['interfaces'], 'found no interface, expected those on which neighbours are'];
  }
  const names = new Set<string>();
  for (const [index, one] of ospf.interfaces.entries()) {
    const path = ['interfaces', index];
    if (names.has(one.name)) yield [path, `found ${one.name} twice, expected each interface once`];
    names.add(one.name);
    if (one.deadSeconds <= one.helloSeconds) {
      yield [path, `found dead ${one.deadSeconds} s and hello ${one.helloSeconds} s, expected dead to be longer`];
    }
    const wrong = wrongAuthentication(one.authentication2, one.authentication3);
    if (wrong !== null) yield [path, wrong];
  }
  if (ospf.areas.some(({ id, type }) => id === '0.0.0.0' && type !== 'normal')) {
    yield [['areas'], 'found the backbone 0.0.0.0 as another type, expected normal (RFC 2328 §3.6)'];
  }
  // OSPF-LSA-24
  const stub = ospf.areas.find(({ type }) => type === 'stub');
  if (stub !== undefined && ospf.as !== 'stub') {
    yield [['as'], `found ${ospf.as} with the stub area ${stub.id}, expected as: stub (RFC 2328 §3.6)`];
  }
  const most = ospf.as === 'stub' ? 0xffff : 0xff_fffe;
  for (const key of ['metric', 'loweredMetric'] as const) {
    if (ospf[key] > most) yield [[key], `found ${ospf[key]}, expected at most ${most} as ${ospf.as}`];
  }
}

function wrongAuthentication(two: OspfAuthentication, three: OspfAuthentication): string | null {
  if (two.type === 'cryptographic' && two.keys.some(({ id }) => id > 255)) {
    return 'found a key ID above 255 in authentication, expected 0 to 255 (RFC 2328 §D.3)';
  }
  if (two.type === 'cryptographic' && two.keys.some(({ algorithm, key }) => algorithm === 'md5' && key.length > 16)) {
    return 'found an md5 key of more than 16 characters in authentication, expected at most 16 (RFC 2328 §D.4.3)';
  }
  if (three.type === 'simple') return 'found a password in authentication3, expected keys (RFC 7166)';
  if (three.type === 'cryptographic' && three.keys.some(({ algorithm }) => algorithm === 'md5')) {
    return 'found md5 in authentication3, expected an HMAC (RFC 7166 §4.3)';
  }
  return null;
}

/** Sentences. */
export function warnAnnounce(announce: AnnounceConfig, pools: readonly Prefix[] | null): string[] {
  const announced = announce.prefixes.flatMap((entry) => {
    if (entry.kind === 'prefix') return [entry.prefix];
    return (pools ?? []).filter(({ family }) => family === (entry.kind === 'pool4' ? 4 : 6));
  });
  const warnings: string[] = [];
  const wellKnown = announced.some((prefix) => networkOf(prefix) === WELL_KNOWN_PREFIX);
  for (const { name, localAs, remoteAs, export: exported, families } of announce.bgp) {
    if (exported === null) {
      warnings.push(`announce.bgp ${name} has no export: nothing is announced to it (RFC 8212)`);
      continue;
    }
    const told = announced.filter(
      (prefix) => families.includes(prefix.family) && (exported === 'all' || matchesAny(exported, prefix)),
    );
    if (told.length === 0) warnings.push(`announce.bgp ${name}: none of the announced prefixes passes its export`);
    if (wellKnown && remoteAs !== localAs && told.some((prefix) => networkOf(prefix) === WELL_KNOWN_PREFIX)) {
      warnings.push(
        `announce.bgp ${name}: ${WELL_KNOWN_PREFIX} goes to another AS, which should only be by agreement (RFC 6052 §3.2)`,
      );
    }
  }
  return warnings;
}
