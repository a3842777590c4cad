/**
 * The responders that the operator names (RFC 7050 §3.2): PTR of Pref64::192.0.0.170 is the NAT64's name, and its A
 * records are servers behind the NAT64 to check connectivity with. Nothing is ever sent to the addresses of ipv4only.arpa
 * themselves (RFC 7050 §3.2.1): those stand for the prefix, and nobody has them.
 */
import { contains, knownPrefix, octetsOf, octetsToText, type Prefix, parseAddress } from '../../config/address.js';
import { embed } from '../../dns64/synthesis/pref64.js';
import { isSystemError } from '../../errors.js';

export interface FoundResponder {
  address: string;
  /** The NAT64's name. */
  name: string;
  /** The name has Pref64::192.0.0.170 as one of its AAAA records, as RFC 7050 §3.1.2 wants it. */
  confirmed: boolean;
}

export interface FoundResponders {
  responders: FoundResponder[];
  /** What the reverse name says. */
  names: string[];
  /** Why there are none, in a few words; null where there are. */
  why: string | null;
}

/** What is used of node:dns/promises' Resolver; its servers and times are the caller's. */
export interface NameResolver {
  resolvePtr(name: string): Promise<string[]>;
  resolve4(name: string): Promise<string[]>;
  resolve6(name: string): Promise<string[]>;
  cancel(): void;
}

export interface FindOptions {
  prefix: Prefix;
  resolver: NameResolver;
  signal: AbortSignal;
}

const DISCOVERY4 = ['192.0.0.170', '192.0.0.171'];
const DISCOVERY_NAME = 'ipv4only.arpa';
const NOT_A_HOST = ['0.0.0.0/8', '224.0.0.0/3'].map(knownPrefix);
const MOST_NAMES = 4;
const MOST_ADDRESSES = 4;

/** Asks the resolver. Throws only when the signal is aborted. */
export async function findResponders({ prefix, resolver, signal }: FindOptions): Promise<FoundResponders> {
  signal.throwIfAborted();
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await find(prefix, resolver);
  } finally {
    signal.removeEventListener('abort', cancel);
    signal.throwIfAborted();
  }
}

async function find(prefix: Prefix, resolver: NameResolver): Promise<FoundResponders> {
  const pref64 = { octets: octetsOf(prefix.first, 6), length: prefix.length };
  const octets = embed(pref64, Uint8Array.of(192, 0, 0, 170));
  const well = octetsToText(octets);
  const [reverse, why] = await asked(resolver.resolvePtr(reverseName(octets)));
  // RFC 8880 §7.2: every DNS64 says ipv4only.arpa where its operator says nothing.
  const names = [...new Set(reverse.map((name) => name.replace(/\.$/, '').toLowerCase()))]
    .filter((name) => name !== DISCOVERY_NAME && !name.endsWith(`.${DISCOVERY_NAME}`))
    .slice(0, MOST_NAMES);
  if (names.length === 0) return { responders: [], names, why: why ?? 'the operator publishes no name of the NAT64' };
  const lists = await Promise.all(names.map((name) => respondersOf(name, well, resolver)));
  const responders = lists.flat();
  return { responders, names, why: responders.length > 0 ? null : `${names.join(', ')} has no A records to use` };
}

async function respondersOf(name: string, well: string, resolver: NameResolver): Promise<FoundResponder[]> {
  const [[v4], [v6]] = await Promise.all([asked(resolver.resolve4(name)), asked(resolver.resolve6(name))]);
  const confirmed = v6.some((text) => parseAddress(text)?.text === well);
  return v4
    .map((text) => parseAddress(text))
    .filter((address) => address !== null)
    .filter((address) => address.family === 4 && mayBeAsked(address.text))
    .slice(0, MOST_ADDRESSES)
    .map(({ text }) => ({ address: text, name, confirmed }));
}

/** RFC 3596 §2.5. By name, as `Resolver.reverse` would look into /etc/hosts first. */
function reverseName(octets: Uint8Array): string {
  return `${[...Buffer.from(octets).toString('hex')].reverse().join('.')}.ip6.arpa`;
}

/** Records, and why there are none where that is no answer. */
async function asked(answer: Promise<string[]>): Promise<[string[], string | null]> {
  try {
    return [await answer, null];
  } catch (error) {
    const code = isSystemError(error) ? error.code : 'EUNKNOWN';
    return [[], code === 'ENODATA' || code === 'ENOTFOUND' ? null : `the resolver fails (${code})`];
  }
}

/**
 * Whether packets may be sent to an IPv4 address that the network has told: not to ipv4only.arpa's (RFC 7050 §3.2.1), and
 * not to many at once.
 */
export function mayBeAsked(text: string): boolean {
  const address = parseAddress(text);
  if (address === null || address.family !== 4 || DISCOVERY4.includes(address.text)) return false;
  return !NOT_A_HOST.some((block) => contains(block, address));
}
