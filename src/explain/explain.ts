/**
 * What the translator would do with a packet, and why. The packet goes through the real one, on a port in memory; the
 * steps are read off what came out and which counters moved, so that they cannot say something else than it does.
 */
import { formatTransportAddress } from '../config/address.js';
import type { Addon, BibRow, CoreConfig, CounterInfo, Limits, Simulator } from '../native/addon.js';
import { addressSteps } from './addresses.js';
import { type KnownFlow, restoreFlow } from './flow.js';
import { headerSteps, sizeSteps } from './headers.js';
import { layersOf, lineOf } from './line.js';
import { type Observation, type Step, step, type Translated } from './observation.js';
import { readPacket } from './packet.js';
import { refusedSteps, transportSteps } from './transport.js';

export interface ShownPacket {
  line: string;
  /** A line for each header. */
  layers: string[];
  hex: string;
}

export interface Explanation {
  packet: ShownPacket;
  steps: Step[];
  /** `kept`: nothing is sent and nothing is lost, as with the first fragments of a datagram. */
  verdict: 'translated' | 'dropped' | 'kept';
  /** What would be sent. */
  results: (ShownPacket & { kind: 'translation' | 'fragment' | 'icmp-error' })[];
  /** Why it would be dropped: counters with their meaning. */
  drops: CounterInfo[];
  notes: string[];
}

export interface ExplainOptions {
  addon: Pick<Addon, 'Simulator' | 'counters'>;
  config: CoreConfig;
  /** What a running NAT64 knows about the flow. */
  known: KnownFlow;
}

/** A translator for one packet. */
const LIMITS: Limits = { sessions: 64, bib: 64, hosts: 64, reassembly: 16, storedSyns: 16, pathMtus: 16 };
const NOW_MS = 1_000_000;

/** Explains a packet of any bytes. Pure but for the simulator it makes: nothing is sent, no table is changed. */
export function explain(bytes: Uint8Array, { addon, config, known }: ExplainOptions): Explanation {
  const simulator = new addon.Simulator({ limits: LIMITS, config, seed: 1 });
  const notes = restoreFlow(simulator, known, NOW_MS);
  const before = countersOf(simulator);
  const sent = simulator.inject(bytes, NOW_MS).map(({ packet }) => packet);
  const moved = new Map<string, number>();
  for (const [index, value] of countersOf(simulator).entries()) {
    const name = addon.counters[index]?.name;
    const delta = Number(value - (before[index] ?? 0n));
    if (name !== undefined && delta !== 0) moved.set(name, delta);
  }
  const drops = addon.counters.filter(({ name }) => moved.has(name) && /^(drop|ignored)\./.test(name));
  const packet = readPacket(bytes);
  const results = sent.map((one) => ({ ...show(one), kind: kindOf(one, moved) }));
  const pieces = sent
    .filter((_, index) => results[index]?.kind === 'translation' || results[index]?.kind === 'fragment')
    .map(readPacket)
    .filter((one) => one !== null);
  const verdict = pieces.length > 0 ? 'translated' : drops.length > 0 ? 'dropped' : 'kept';
  const steps: Step[] = [];
  if (packet !== null) {
    const bindings = config.mode === 'nat64' ? bindingsIn(simulator, known) : [];
    const seen: Observation = { config, before: packet, after: pieces[0] ?? null, pieces, bindings, moved };
    steps.push(...stateSteps(seen, known), ...stepsOf(seen));
  }
  steps.push(...endSteps(verdict, drops, moved, config));
  return { packet: show(bytes), steps, verdict, results, drops, notes };
}

const countersOf = (simulator: Simulator): bigint[] => [...simulator.counters()];

/** Bindings of the packet's own flow. */
function bindingsIn(simulator: Simulator, { paired }: KnownFlow): BibRow[] {
  const rows: BibRow[] = [];
  for (let cursor: number | null = 0; cursor !== null; ) {
    const page: { rows: BibRow[]; next: number | null } = simulator.bib({ cursor, limit: 4096 });
    rows.push(...page.rows);
    cursor = page.next;
  }
  return rows.filter((row) => paired === null || !sameBinding(row, paired));
}

const sameBinding = (a: BibRow, b: BibRow): boolean =>
  a.protocol === b.protocol && a.v4 === b.v4 && a.port4 === b.port4;

function show(bytes: Uint8Array): ShownPacket {
  const packet = readPacket(bytes);
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return { line: lineOf(bytes), layers: packet === null ? [] : layersOf(packet), hex };
}

/** An error that quotes a packet is the translator's own when it counted one: no error is sent about an error. */
function kindOf(bytes: Uint8Array, moved: ReadonlyMap<string, number>): Explanation['results'][number]['kind'] {
  const transport = readPacket(bytes)?.transport;
  if (transport?.kind === 'icmp' && transport.error !== null && moved.has('icmp.errors_sent')) return 'icmp-error';
  return moved.has('fragments.sent') ? 'fragment' : 'translation';
}

function stepsOf(seen: Observation): Step[] {
  const { before, after } = seen;
  if (after === null) {
    return [...addressSteps(seen, before, null), ...refusedSteps(seen), ...(isTooBig(seen) ? sizeSteps(seen) : [])];
  }
  const translated: Translated = { ...seen, after };
  return [
    ...addressSteps(seen, before, after),
    ...headerSteps(translated),
    ...sizeSteps(seen),
    ...transportSteps(translated),
  ];
}

const isTooBig = ({ moved }: Observation): boolean => [...moved.keys()].some((name) => name.startsWith('drop.too_'));

const STATE_RULES = { tcp: 'RFC 6146 §3.5.2', udp: 'RFC 6146 §3.5.1', icmp: 'RFC 6146 §3.5.3' } as const;

/** Bindings and sessions: those that were there, and those that the packet makes. */
function stateSteps({ bindings, moved }: Observation, known: KnownFlow): Step[] {
  const steps: Step[] = [];
  for (const row of bindings) {
    const { protocol, v6, port6, v4, port4 } = row;
    const entry = `${formatTransportAddress(v6, port6)} with ${formatTransportAddress(v4, port4)}`;
    const text = known.bib.some((one) => sameBinding(one, row))
      ? `BIB entry ${entry} is there`
      : `no BIB entry is there: the packet makes one, ${entry} (the ${protocol === 'icmp' ? 'identifier' : 'port'} is an example)`;
    steps.push(step('bib', text, STATE_RULES[protocol]));
  }
  for (const { protocol, remote4, remotePort, state } of known.sessions) {
    const remote = protocol === 'icmp' ? remote4 : formatTransportAddress(remote4, remotePort);
    const text = `a session with ${remote} is there${state === null ? '' : `, in state ${state}`}`;
    steps.push(step('session', text, STATE_RULES[protocol]));
  }
  const [row] = bindings;
  if (row !== undefined && moved.has('session.created')) {
    steps.push(step('session', 'the packet makes a session', STATE_RULES[row.protocol]));
  }
  return steps;
}

function endSteps(
  verdict: Explanation['verdict'],
  drops: readonly CounterInfo[],
  moved: ReadonlyMap<string, number>,
  config: CoreConfig,
): Step[] {
  const steps = drops.map(({ name, explain }) => step('drop', `${name}: ${explain}`, null));
  if (verdict === 'kept') {
    const waits = moved.has('fragments.received');
    const text = waits ? 'it waits for the other fragments of its datagram' : 'nothing is sent';
    // To find the ports, or to compute a missing UDP checksum.
    const rule = config.mode === 'nat64' ? 'RFC 6146 §3.4' : 'RFC 7915 §4.5';
    steps.push(step('kept', text, waits ? rule : null));
  }
  if (moved.has('icmp.errors_sent')) steps.push(step('answer', 'the sender is told by an ICMP error', null));
  else if (moved.has('icmp.errors_suppressed')) {
    steps.push(step('answer', 'no ICMP error is sent: forbidden for this packet', 'RFC 4443 §2.4'));
  }
  return steps;
}
