/**
 * Which rule made an address of the other family: each rule is asked what it would make, and the one that makes what
 * the translator made is named.
 */
import { formatPrefix, formatTransportAddress } from '../config/address.js';
import type { BibRow } from '../native/addon.js';
import { type Observation, type Step, step } from './observation.js';
import type { Packet } from './packet.js';
import { covers, embed, extract } from './rfc6052.js';

interface Mapping {
  to: string;
  why: string;
  rule: string;
}

/** The transport address's port; for an echo its identifier on either end. */
export function portOf({ transport }: Packet, end: 'source' | 'destination'): number | null {
  if (transport === null) return null;
  if (transport.kind === 'icmp') return transport.echo?.identifier ?? null;
  return end === 'source' ? transport.sourcePort : transport.destinationPort;
}

/** The steps for the two addresses of a packet, outer or quoted. */
export function addressSteps(seen: Observation, before: Packet, after: Packet | null, prefix = ''): Step[] {
  const ends = ['source', 'destination'] as const;
  return ends.map((end) => {
    const topic = `${prefix}${end}`;
    const port = portOf(before, end);
    return after === null
      ? lookUp(seen, topic, before[end], port)
      : became(seen, topic, { address: before[end], port }, { address: after[end], port: portOf(after, end) });
  });
}

interface End {
  address: string;
  port: number | null;
}

const endText = ({ address, port }: End): string => (port === null ? address : formatTransportAddress(address, port));

function became(seen: Observation, topic: string, before: End, after: End): Step {
  const direct = mappings(seen, before.address, before.port).find(({ to }) => to === after.address);
  // An echo has one identifier: it belongs to the end with the binding.
  const ports = before.port !== after.port && (direct === undefined || direct.rule === STATE_RULE);
  const what = ports ? `${endText(before)} becomes ${endText(after)}` : `${before.address} becomes ${after.address}`;
  if (direct !== undefined) return step(topic, `${what}: ${direct.why}`, direct.rule);
  for (const there of mappings(seen, before.address, before.port)) {
    // In between the packet has the port that a binding gave it, or else its own.
    const port = there.rule === STATE_RULE ? after.port : before.port;
    const back = mappings(seen, there.to, port).find(({ to }) => to === after.address);
    if (back === undefined) continue;
    const rule = seen.config.mode === 'siit' ? 'RFC 7757 §4.2' : 'RFC 6146 §3.8';
    return step(topic, `${what}: hairpin, ${there.to} in between (${there.why}; ${back.why})`, rule);
  }
  if (seen.bindings.some(({ v4 }) => v4 === after.address)) {
    return step(topic, `${what}: an error comes from the mapping's address, whoever sent it`, 'RFC 5508 REQ-5');
  }
  const { rfc6791v4, rfc6791v6 } = seen.config.siit;
  const pool = [...rfc6791v4, ...(rfc6791v6 === null ? [] : [rfc6791v6])].find((one) => covers(one, after.address));
  if (pool !== undefined) {
    const why = `it has no counterpart, so the error gets an address of ${formatPrefix(pool)}`;
    return step(topic, `${what}: ${why}`, before.address.includes(':') ? 'RFC 6791 §3' : 'RFC 7915 §4.1');
  }
  return step(topic, what, null);
}

/** What the rules say about an address of a packet that was not translated. */
function lookUp(seen: Observation, topic: string, address: string, port: number | null): Step {
  const { config } = seen;
  const [found] = mappings(seen, address, port);
  if (found !== undefined) {
    const embedded = address.includes(':') ? found.to : address;
    const denied = config.siit.denylist4.find((one) => covers(one, embedded));
    const but = denied === undefined || found.rule === EAM_RULE ? '' : `, but ${formatPrefix(denied)} is in denylist4`;
    return step(topic, `${address} would be ${found.to}: ${found.why}${but}`, found.rule);
  }
  if (config.mode === 'nat64' && seen.before.family === 6 && address === seen.before.source) {
    return step(topic, `no BIB entry has ${endText({ address, port })} yet`, STATE_RULE);
  }
  const reasons: string[] = [];
  if (config.mode === 'nat64') reasons.push(`no BIB entry has ${endText({ address, port })}`);
  else if (config.siit.eamt !== null) reasons.push('no EAM entry has it');
  if (address.includes(':')) reasons.push(`it is not in pool6 (${config.pool6.map(formatPrefix).join(', ')})`);
  return step(
    topic,
    `${address} has no counterpart: ${reasons.join(', ')}`,
    config.mode === 'nat64' ? STATE_RULE : null,
  );
}

const EAM_RULE = 'RFC 7757 §3.3';
const STATE_RULE = 'RFC 6146 §3.5';

/** What each rule makes of an address, in the order in which the translator asks them. */
function mappings(seen: Observation, address: string, port: number | null): Mapping[] {
  const { config } = seen;
  const v6 = address.includes(':');
  const found: Mapping[] = [];
  const eam = config.mode === 'siit' ? (config.siit.eamt?.lookup(address) ?? null) : null;
  if (eam !== null) {
    const { v4, v6: prefix6 } = eam.entry;
    found.push({ to: eam.counterpart, why: `EAM entry ${v4} with ${prefix6}`, rule: EAM_RULE });
  }
  for (const row of config.mode === 'nat64' ? bindingsOf(seen, address, port) : []) {
    const entry = `${formatTransportAddress(row.v6, row.port6)} with ${formatTransportAddress(row.v4, row.port4)}`;
    found.push({ to: v6 ? row.v4 : row.v6, why: `BIB entry ${entry}`, rule: STATE_RULE });
  }
  if (v6) {
    for (const prefix of config.pool6) {
      const to = extract(prefix, address);
      if (to !== null) found.push({ to, why: `pool6 ${formatPrefix(prefix)} has it inside`, rule: 'RFC 6052 §2.3' });
    }
    return found;
  }
  // A NAT64 shows only IPv4 hosts through pool6; its pool4 addresses stand for IPv6 hosts, but for hairpins.
  for (const prefix of config.pool6.slice(0, 1)) {
    const own = config.mode === 'nat64' && seen.before.family === 4 && config.pool4.some((one) => covers(one, address));
    const why = `put into pool6 ${formatPrefix(prefix)}`;
    if (!own) found.push({ to: embed(prefix, address), why, rule: 'RFC 6052 §2.2' });
  }
  return found;
}

/** BIB entries with the address; those with the port alone, where there are any. */
function bindingsOf({ bindings }: Observation, address: string, port: number | null): BibRow[] {
  const rows = bindings.filter((row) => row.v6 === address || row.v4 === address);
  const exact = rows.filter((row) => (row.v6 === address ? row.port6 : row.port4) === port);
  return port === null ? rows : exact;
}
