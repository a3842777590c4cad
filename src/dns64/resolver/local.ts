/**
 * Names that are answered here and never asked for: ipv4only.arpa (RFC 8880), localhost (RFC 6761), onion (RFC 7686),
 * reverse zones of private addresses (RFC 6303), and what a group's hosts file says.
 */
import type { Group } from '../policy/group.js';
import { embed, IPV4ONLY_ADDRESSES } from '../synthesis/pref64.js';
import { addressOfReverse, synthesisedFrom } from '../synthesis/reverse.js';
import { concat, type Rr } from '../wire/message.js';
import { isWithin, knownName, nameKey, sameName } from '../wire/name.js';
import { Class, Flag, Rcode, Type } from '../wire/numbers.js';
import type { Question } from './lookup.js';
import { emptyReply, type Reply } from './reply.js';

export interface LocalOptions {
  /** TTL of ipv4only.arpa, seconds: how often clients look for the prefix again (RFC 7050 §4). */
  discoveryTtl: number;
  /** Whether reverse zones of private addresses are answered here (RFC 6303). */
  localZones: boolean;
}

export const IPV4ONLY = knownName('ipv4only.arpa');
const LOCALHOST = knownName('localhost');
const ONION = knownName('onion');
const NOBODY = knownName('nobody.invalid');
const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
/** Of what is answered here and has no time of its own. RFC 6303 §3 says 10800 for denials. */
const LOCAL_TTL = 3600;
const HOSTS_TTL = 60;

/** RFC 6303 §4. */
const PRIVATE_ZONES = [
  '10.in-addr.arpa',
  ...Array.from({ length: 16 }, (_, index) => `${16 + index}.172.in-addr.arpa`),
  '168.192.in-addr.arpa',
  '0.in-addr.arpa',
  '127.in-addr.arpa',
  '254.169.in-addr.arpa',
  '2.0.192.in-addr.arpa',
  '100.51.198.in-addr.arpa',
  '113.0.203.in-addr.arpa',
  '255.255.255.255.in-addr.arpa',
  `${'0.'.repeat(32)}ip6.arpa`,
  `1.${'0.'.repeat(31)}ip6.arpa`,
  'd.f.ip6.arpa',
  '8.e.f.ip6.arpa',
  '9.e.f.ip6.arpa',
  'a.e.f.ip6.arpa',
  'b.e.f.ip6.arpa',
  '8.b.d.0.1.0.0.2.ip6.arpa',
].map(knownName);

/** The answer that is known here; null for what is asked for in the usual way. */
export function answerLocally(question: Question, group: Group, options: LocalOptions): Reply | null {
  const { name, type, klass } = question;
  if (klass !== Class.IN) return null;
  return (
    (group.rules.hosts.size > 0 ? fromHosts(question, group) : null) ??
    (group.synthesises && isWithin(name, IPV4ONLY) ? ipv4only(question, group, options) : null) ??
    (isWithin(name, LOCALHOST) ? addresses(question, [LOOPBACK4], [LOOPBACK6], LOCALHOST) : null) ??
    (isWithin(name, ONION) ? denial(ONION, Rcode.NXDOMAIN) : null) ??
    (type === Type.PTR && group.synthesises ? ipv4onlyReverse(name, group) : null) ??
    (options.localZones ? privateReverse(name, group) : null)
  );
}

function fromHosts(question: Question, group: Group): Reply | null {
  const known = group.rules.hosts.get(nameKey(question.name));
  return known === undefined ? null : addresses(question, known.v4, known.v6, question.name, HOSTS_TTL);
}

/** RFC 8880 §7.1. */
function ipv4only({ name, type }: Question, group: Group, { discoveryTtl }: LocalOptions): Reply | null {
  if (!sameName(name, IPV4ONLY)) return denial(IPV4ONLY, Rcode.NXDOMAIN);
  if (type === Type.DS) return null;
  const of = (kind: number, rdata: Uint8Array): Rr => ({ name, type: kind, klass: Class.IN, ttl: discoveryTtl, rdata });
  if (type === Type.A) return emptyReply(Rcode.NOERROR, { answer: IPV4ONLY_ADDRESSES.map((v4) => of(Type.A, v4)) });
  if (type !== Type.AAAA) return denial(IPV4ONLY, Rcode.NOERROR);
  // Whatever the map says of 192.0.0.0/24: every prefix is to be found.
  const records = group.prefixes.flatMap((prefix) => IPV4ONLY_ADDRESSES.map((v4) => of(Type.AAAA, embed(prefix, v4))));
  return emptyReply(Rcode.NOERROR, { answer: records });
}

/** RFC 7050 §3.1: what the operator calls the NAT64 of this prefix, in the hosts file. */
function translatorNames(name: Uint8Array, group: Group): Uint8Array[] {
  const { translators } = group.rules;
  const address = translators.length === 0 ? null : addressOfReverse(name);
  return address === null
    ? []
    : translators.filter((own) => Buffer.compare(own.address, address) === 0).map((own) => own.name);
}

/** RFC 8880 §7.2.1; with a name of the operator's, RFC 7050 §3.1. */
function ipv4onlyReverse(name: Uint8Array, group: Group): Reply | null {
  const v4 = synthesisedFrom(name, group.reversePrefixes);
  if (v4 === null || !IPV4ONLY_ADDRESSES.some((address) => sameName(address, v4))) return null;
  const own = translatorNames(name, group);
  const answer =
    own.length > 0
      ? own.map((rdata) => ({ name, type: Type.PTR, klass: Class.IN, ttl: HOSTS_TTL, rdata }))
      : [{ name, type: Type.PTR, klass: Class.IN, ttl: LOCAL_TTL, rdata: IPV4ONLY }];
  return emptyReply(Rcode.NOERROR, { flags: Flag.AA, answer });
}

/** RFC 6303 §3. Reverse names of the group's own synthetic addresses have their own rules. */
function privateReverse(name: Uint8Array, group: Group): Reply | null {
  const zone = PRIVATE_ZONES.find((parent) => isWithin(name, parent));
  if (zone === undefined || synthesisedFrom(name, group.prefixes) !== null) return null;
  return denial(zone, sameName(name, zone) ? Rcode.NOERROR : Rcode.NXDOMAIN);
}

function addresses(
  { name, type }: Question,
  v4: readonly Uint8Array[],
  v6: readonly Uint8Array[],
  zone: Uint8Array,
  ttl = LOCAL_TTL,
): Reply {
  const list = type === Type.A ? v4 : type === Type.AAAA ? v6 : [];
  if (list.length === 0) return denial(zone, Rcode.NOERROR, ttl);
  return emptyReply(Rcode.NOERROR, { answer: list.map((rdata) => ({ name, type, klass: Class.IN, ttl, rdata })) });
}

/** With a SOA, so that clients remember it (RFC 2308 §3, RFC 6303 §3). */
function denial(zone: Uint8Array, rcode: number, ttl = LOCAL_TTL): Reply {
  const numbers = new Uint8Array(20);
  const view = new DataView(numbers.buffer);
  for (const [index, value] of [1, 3600, 1200, 604_800, ttl].entries()) view.setUint32(index * 4, value);
  const rdata = concat([zone, NOBODY, numbers]);
  return emptyReply(rcode, { authority: [{ name: zone, type: Type.SOA, klass: Class.IN, ttl, rdata }] });
}
