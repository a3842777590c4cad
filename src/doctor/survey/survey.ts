/** Everything the checks look at, taken once, in bounded time. It can be sent in as JSON and judged elsewhere. */
import { formatAddress, parseAddress, parsePrefix } from '../../config/address.js';
import { loadConfig } from '../../config/file.js';
import type { Config } from '../../config/schema.js';
import type { ControlClient } from '../../control/client.js';
import type { StatusReport } from '../../control/target.js';
import { messageOf, PlatypusError } from '../../errors.js';
import { embed as embedInto } from '../../explain/rfc6052.js';
import type { Addon } from '../../native/addon.js';
import type { Endpoint } from '../../stun/attributes.js';
import { STUN_PORT } from '../../stun/numbers.js';
import type { ReachFacts } from '../probes/facts.js';
import { routerError } from '../probes/icmp.js';
import { probeResponder } from '../probes/reach.js';
import { findResponders } from '../probes/responders.js';
import { type Expectations, expectationsOf } from './expectations.js';
import { advertisedPref64, type Claimants, findClaimants, type LinkView, listenToRouters } from './link.js';
import { type LogSink, surveyLog } from './logs.js';
import { findWay, type Machine, surveyMachine, type Way } from './machine.js';
import { type PoolReturn, surveyPoolReturn } from './pool-return.js';
import { createRunner, type RunProgram } from './program.js';
import { askResolvers, createResolver, namedResolvers, type ResolverView } from './resolvers.js';

export interface Survey {
  /** ISO 8601. */
  takenAt: string;
  /** What this host is for. */
  role: 'clat' | 'plat' | 'host';
  /** Devices towards the network with the NAT64. */
  uplinks: string[];
  /** Null where no Platypus runs here; `statusFailure` says why it could not be asked. */
  status: StatusReport | null;
  statusFailure: string | null;
  /** It was not for this user to ask. */
  statusDenied: boolean;
  /** What its file asks for; null without one. */
  expectations: Expectations | null;
  machine: Machine;
  links: LinkView[];
  resolvers: ResolverView[];
  /** The NAT64 prefix that the rest was looked at with. */
  prefix: string | null;
  /** Of each CLAT that runs. */
  clats: ClatView[];
  /** Who answers behind the NAT64 (docs/reference/responder.md); null where nobody is known. */
  responder: NamedResponder | null;
  /** Its address within the prefix, pinged over IPv6 alone; null where it could not be tried. */
  nat64: Nat64View | null;
  /** What the responder tells over IPv4; null where it was not asked, and `whyNotReached` is a sentence about that. */
  reach: ReachFacts | null;
  whyNotReached: string | null;
  /** On a PLAT: an address of each prefix of pool4. */
  poolReturns: PoolReturn[];
  logs: LogSink[];
}

export interface ClatView {
  uplink: string;
  device: string;
  address: string;
  /** The uplink's address, as which `address` leaves the host; null where it leaves as it is. */
  sharedAddress: string | null;
  /** Of the address that others see. */
  claimants: Claimants;
  /** Where an IPv4 packet to the literal goes. */
  literal: Way | null;
  /** Where its translation goes, when it comes from the CLAT's device. */
  translated: Way | null;
  /** Where an answer to the CLAT's address goes. */
  answer: Way | null;
}

export interface NamedResponder extends Endpoint {
  /** The NAT64's name, where DNS named it (RFC 7050 §3.2); null from the command line. */
  name: string | null;
}

export interface Nat64View {
  address6: string;
  answered: boolean;
  /** What a router said, null where nobody said anything. */
  error: string | null;
}

export interface SurveyOptions {
  addon: Pick<Addon, 'LinkSocket' | 'readPref64' | 'findPref64' | 'UdpSocket' | 'connectTcp' | 'tcpPath' | 'pathMtu'>;
  /** Speaks to the program that may run here. */
  client: ControlClient;
  /** Its file, where it is told; otherwise the status knows. */
  file: string | null;
  /** Empty: those of the CLAT, or the one of the IPv6 default route. */
  uplinks: readonly string[];
  resolvers: readonly string[];
  /** Null: the one that the operator names in DNS, where there is one. */
  responder: Endpoint | null;
  signal: AbortSignal;
  run?: RunProgram;
}

/** A documentation address (RFC 5737): only routes to it are looked up. */
const LITERAL = '198.51.100.1';
const MOST_POOLS = 4;

/**
 * Takes the survey. Throws the sentences of a file that is wrong, PLT_SOCKET_DENIED where no file says what this host is
 * for and the program must not be asked, and when `signal` is aborted.
 */
export async function takeSurvey(options: SurveyOptions): Promise<Survey> {
  const { addon, client, signal } = options;
  const run = options.run ?? createRunner(signal);
  const takenAt = new Date().toISOString();
  const [machine, told] = await Promise.all([surveyMachine(run), askStatus(client, options.file)]);
  const file = options.file ?? told.status?.file ?? null;
  const config = file === null ? null : (await loadConfig(file, signal)).config;
  const role = roleOf(told.status, config);
  const uplinks = uplinksOf(options.uplinks, role, told.status, config, machine);

  const links = await Promise.all(uplinks.map((device) => listenToRouters(device, addon, signal)));
  const named = await namedResolvers({ told: options.resolvers, configured: config?.clat?.resolvers ?? [] }, links);
  const resolvers = await askResolvers(named, addon, signal);
  const prefix = prefixOf(told.status, links, resolvers);
  const clats = await Promise.all(
    (told.status?.clat ?? []).flatMap(({ state, uplink, device, address, sharedAddress }) =>
      state === 'running' && address !== null
        ? [viewClat({ uplink, device, address, sharedAddress, prefix }, { addon, run, signal })]
        : [],
    ),
  );
  const reached =
    role === 'plat'
      ? NOT_FROM_HERE
      : await surveyReach({ prefix, resolvers, machine, told: options.responder }, { addon, run, signal });
  const expectations = config === null ? null : expectationsOf(config);
  const pools = role === 'plat' ? poolAddresses(told.status, expectations) : [];
  const poolReturns = await Promise.all(
    pools.map((address) => surveyPoolReturn(address, { machine, addon, run, signal })),
  );
  const logs = expectations?.queryLog == null ? [] : [await surveyLog(expectations.queryLog)];
  signal.throwIfAborted();
  return {
    takenAt,
    role,
    uplinks,
    ...told,
    expectations,
    machine,
    links,
    resolvers,
    prefix,
    clats,
    ...reached,
    poolReturns,
    logs,
  };
}

/** A PLAT's own packets do not go by itself. */
const NOT_FROM_HERE = { responder: null, nat64: null, reach: null, whyNotReached: 'a PLAT is not its own customer' };

const NO_IPV4 = 'this host has no IPv4 default route: neither a CLAT nor native IPv4';
const HOW_TO_NAME =
  'name one with --responder 203.0.113.5, or have the operator publish one (docs/reference/responder.md)';

async function surveyReach(
  { prefix, resolvers, told, machine }: Pick<Survey, 'prefix' | 'resolvers' | 'machine'> & { told: Endpoint | null },
  { addon, run, signal }: { addon: SurveyOptions['addon']; run: RunProgram; signal: AbortSignal },
): Promise<Pick<Survey, 'responder' | 'nat64' | 'reach' | 'whyNotReached'>> {
  const found = told === null ? await findResponder(prefix, resolvers, signal) : { ...told, name: null };
  if ('why' in found) {
    return { ...NOT_FROM_HERE, whyNotReached: `no responder is known, because ${found.why}: ${HOW_TO_NAME}` };
  }
  const address6 = prefix === null ? null : embed(prefix, found.address);
  const ipv4 = machine.defaults.some(({ family }) => family === 4);
  const [nat64, reach] = await Promise.all([
    address6 === null ? null : pingNat64(address6, run),
    ipv4 ? probeResponder({ responder: found, source: null, device: null, addon, signal, run }) : null,
  ]);
  return { responder: found, nat64, reach, whyNotReached: ipv4 ? null : NO_IPV4 };
}

/** Asks a resolver that knows the prefix, or any that answers. */
async function findResponder(
  prefix: string | null,
  resolvers: readonly ResolverView[],
  signal: AbortSignal,
): Promise<NamedResponder | { why: string }> {
  const parsed = prefix === null ? null : parsePrefix(prefix);
  const asked =
    resolvers.find(({ prefixes }) => prefixes.length > 0) ?? resolvers.find(({ failure }) => failure === null);
  if (parsed === null) return { why: 'no NAT64 prefix is known' };
  if (asked === undefined) return { why: 'no resolver answers' };
  const resolver = createResolver(asked.server);
  const { responders, why } = await findResponders({ prefix: parsed, resolver, signal });
  const [first] = [...responders].sort((a, b) => Number(b.confirmed) - Number(a.confirmed));
  if (first === undefined) return { why: why ?? 'the operator publishes none' };
  return { address: first.address, port: STUN_PORT, name: first.name };
}

async function pingNat64(address6: string, run: RunProgram): Promise<Nat64View | null> {
  const { missing, stdout } = await run(['ping', '-6', '-n', '-c', '3', '-i', '0.3', '-W', '1', address6]);
  if (missing) return null;
  return { address6, answered: /, [1-9]\d* received/.test(stdout), error: routerError(stdout) };
}

type Told = Pick<Survey, 'status' | 'statusFailure' | 'statusDenied'>;

async function askStatus(client: ControlClient, file: string | null): Promise<Told> {
  try {
    const status = await client.request<StatusReport>('GET', '/v1/status');
    return { status, statusFailure: null, statusDenied: false };
  } catch (error) {
    const denied = error instanceof PlatypusError && error.code === 'PLT_SOCKET_DENIED';
    if (denied && file === null) throw error;
    return { status: null, statusFailure: messageOf(error), statusDenied: denied };
  }
}

function roleOf(status: StatusReport | null, config: Config | null): Survey['role'] {
  if (status?.mode === 'plat' || config?.plat !== undefined) return 'plat';
  return status?.mode === 'clat' || config?.clat !== undefined ? 'clat' : 'host';
}

function uplinksOf(
  told: readonly string[],
  role: Survey['role'],
  status: StatusReport | null,
  config: Config | null,
  { defaults }: Machine,
): string[] {
  if (told.length > 0) return [...told];
  if (status?.clat != null) return status.clat.map(({ uplink }) => uplink);
  if (config?.clat !== undefined) return [...config.clat.uplink];
  const first = defaults.filter(({ family }) => family === 6).sort((a, b) => a.metric - b.metric)[0];
  return role === 'plat' || first === undefined ? [] : [first.device];
}

/** As those use it who are here: the CLAT, or a host that listens to its router first. */
function prefixOf(
  status: StatusReport | null,
  links: readonly LinkView[],
  resolvers: readonly ResolverView[],
): string | null {
  if (status !== null && 'pool6' in status) return status.pool6[0] ?? null;
  const running = status?.clat?.find(({ prefixes }) => prefixes.length > 0)?.prefixes[0];
  return (
    running ??
    advertisedPref64(links).find(({ lifetimeSeconds }) => lifetimeSeconds > 0)?.prefix ??
    resolvers.find(({ prefixes }) => prefixes.length > 0)?.prefixes[0] ??
    null
  );
}

async function viewClat(
  { prefix, ...clat }: Pick<ClatView, 'uplink' | 'device' | 'address' | 'sharedAddress'> & { prefix: string | null },
  { addon, run, signal }: { addon: SurveyOptions['addon']; run: RunProgram; signal: AbortSignal },
): Promise<ClatView> {
  const { uplink, device, address, sharedAddress } = clat;
  const translated = prefix === null ? null : embed(prefix, LITERAL);
  const [claimants, literal, forwarded, answer] = await Promise.all([
    findClaimants(uplink, sharedAddress ?? address, addon, signal),
    findWay(run, { family: 4, address: LITERAL }),
    translated === null ? null : findWay(run, { family: 6, address: translated, from: address, through: device }),
    findWay(run, { family: 6, address }),
  ]);
  return { ...clat, claimants, literal, translated: forwarded, answer };
}

/** RFC 6052 §2.2; null for what is no prefix or no IPv4 address. */
export function embed(prefix: string, address4: string): string | null {
  const parsed = parsePrefix(prefix);
  if (parsed?.family !== 6 || parseAddress(address4)?.family !== 4) return null;
  return embedInto({ address: formatAddress(6, parsed.first), length: parsed.length }, address4);
}

/** The last address of each of the first prefixes: not the one that people give to a router. */
function poolAddresses(status: StatusReport | null, expectations: Expectations | null): string[] {
  const told = status !== null && 'pool4' in status ? status.pool4.map((entry) => entry.split('#')[0] ?? '') : [];
  const pools = told.length > 0 ? told : (expectations?.pool4 ?? []);
  return [...new Set(pools)].slice(0, MOST_POOLS).flatMap((text) => {
    const prefix = parsePrefix(text);
    return prefix?.family === 4 ? [formatAddress(4, prefix.last)] : [];
  });
}
