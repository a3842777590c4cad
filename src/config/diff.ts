/** What a new configuration changes, and what of it cannot change while the translator runs. */
import { isDeepStrictEqual } from 'node:util';
import { formatTransportAddress, networkOf, type Prefix } from './address.js';
import type { AnnounceConfig } from './announce.js';
import type { LoadedDns64 } from './dns64.js';
import type { EamList } from './eam.js';
import type { Config, PlatConfig, Pool4Entry, SiitSection, StaticBibEntry } from './schema.js';

export interface ConfigDiff {
  /** One sentence for each change that is applied live. */
  changes: string[];
  /** One sentence for each change that needs a restart; one is enough to refuse the whole. */
  refused: string[];
}

/** Keys that are fixed at start, with the reason. */
const FIXED = [
  ['device', 'the device is opened once'],
  ['offload', 'the device is opened once'],
  ['workers', 'its threads are started once'],
  ['cpus', 'its threads are started once'],
  ['limits', 'the tables are taken at start'],
] as const;

/** The same for `plat` alone. */
const PLAT_FIXED = [
  ...FIXED,
  ['pool6', 'the sessions hold addresses of it'],
  ['filtering', 'the sessions depend on it'],
  ['subscriberPrefixLength', 'the workers have shared out the subscribers'],
] as const;

/** Keys that change whole. */
const LIVE = [
  'mtu6',
  'mtu4',
  'lowestIpv6Mtu',
  'plateaus',
  'mssClamp',
  'allowNonGlobal',
  'trafficClass',
  'tos',
  'timeouts',
  'icmpErrors',
  'icmpSource4',
  'icmpSource6',
  'scenario',
] as const;

const PLAT_LIVE = [...LIVE, 'dropInboundTcp'] as const;

const SIIT_LIVE = [
  ...LIVE,
  'pool6',
  'pool4',
  'routes',
  'sourceCheck',
  'hairpin',
  'denylist4',
  'rfc6791v4Prefix',
  'rfc6791v6Prefix',
  'rfc6791Pick',
  'rfc6791Extension',
  'udpZeroChecksum',
] as const;

/** Compares the running configuration with a new one. */
export function diffConfig(running: Config, next: Config): ConfigDiff {
  const diff = diffSections(running, next);
  if (running.control.socket !== next.control.socket) {
    diff.refused.push(
      `control.socket cannot change from ${running.control.socket} to ${next.control.socket} while running: restart to apply it`,
    );
  }
  const [from, to] = [metricsText(running), metricsText(next)];
  if (from !== to) {
    diff.refused.push(
      `control.metrics cannot change from ${from} to ${to} while running (the port is open): restart to apply it`,
    );
  }
  if (running.log.level !== next.log.level) {
    diff.changes.push(`log.level: ${running.log.level} became ${next.log.level}`);
  }
  return diff;
}

/** What of a new `announce` section takes a restart, as sentences; all else is applied live. */
export function diffAnnounce(running: AnnounceConfig | undefined, next: AnnounceConfig | undefined): string[] {
  if (running === undefined && next === undefined) return [];
  if (running === undefined || next === undefined) {
    return ['announce cannot come or go while running: restart to apply it'];
  }
  // OSPF-HELLO-13: neighbours know us by it.
  if (running.routerId !== next.routerId) {
    return [
      `announce.routerId cannot change from ${show(running.routerId)} to ${show(next.routerId)} while running: restart to apply it`,
    ];
  }
  const [from, to] = [running.ospf?.stateFile, next.ospf?.stateFile];
  if (running.ospf !== null && next.ospf !== null && from !== to) {
    return ['announce.ospf.stateFile cannot change while running (its numbers are in use): restart to apply it'];
  }
  return [];
}

function metricsText({ control: { metrics } }: Config): string {
  return metrics === null ? 'none' : formatTransportAddress(metrics.address.text, metrics.port);
}

function diffSections(running: Config, next: Config): ConfigDiff {
  if (running.plat !== undefined && next.plat !== undefined) {
    const changes = [
      ...diffPool4(running.plat.pool4, next.plat.pool4),
      ...diffStaticBib(running.plat.staticBib, next.plat.staticBib),
    ];
    return diffKeys('plat', running.plat, next.plat, PLAT_FIXED, PLAT_LIVE, changes);
  }
  if (running.siit !== undefined && next.siit !== undefined) {
    return diffKeys('siit', running.siit, next.siit, FIXED, SIIT_LIVE, diffEamt(running.siit.eamt, next.siit.eamt));
  }
  const [from, to] = [translatorOf(running), translatorOf(next)];
  if (from === to) return { changes: [], refused: [] };
  return { changes: [], refused: [`${from} cannot become ${to} while running: restart to apply it`] };
}

function translatorOf({ plat, siit }: Config): string {
  if (plat !== undefined) return 'plat';
  return siit === undefined ? 'no translator' : 'siit';
}

function diffKeys<Section extends PlatConfig | SiitSection>(
  name: 'plat' | 'siit',
  running: Section,
  next: Section,
  fixed: readonly (readonly [keyof Section & string, string])[],
  live: readonly (keyof Section & string)[],
  changes: string[],
): ConfigDiff {
  const refused: string[] = [];
  for (const [key, why] of fixed) {
    if (isDeepStrictEqual(running[key], next[key])) continue;
    const values = `from ${show(running[key])} to ${show(next[key])}`;
    refused.push(`${name}.${key} cannot change ${values} while running (${why}): restart to apply it`);
  }
  for (const key of live) {
    if (isDeepStrictEqual(running[key], next[key])) continue;
    changes.push(`${name}.${key}: ${show(running[key])} became ${show(next[key])}`);
  }
  return { changes, refused };
}

/** What of the section cannot change while the server runs; of `cache` it is the size alone. */
const DNS64_FIXED: readonly (keyof LoadedDns64)[] = ['listen', 'tls', 'https', 'workers'];

/** Compares the running DNS64 section with a new one. */
export function diffDns64(running: LoadedDns64, next: LoadedDns64): ConfigDiff {
  const refused: string[] = [];
  const changes: string[] = [];
  for (const key of Object.keys(next) as (keyof LoadedDns64)[]) {
    if (isDeepStrictEqual(running[key], next[key])) continue;
    if (key === 'cache' && running.cache.megabytes !== next.cache.megabytes) {
      refused.push('dns64.cache.megabytes cannot change while running (the memory is taken): restart to apply it');
    } else if (DNS64_FIXED.includes(key)) {
      refused.push(`dns64.${key} cannot change while running (the sockets are open): restart to apply it`);
    } else {
      changes.push(key === 'files' ? 'dns64: a file that it names changed' : `dns64.${key} changed`);
    }
  }
  return { changes, refused };
}

/** Entries of `left` that `right` does not have. */
export function without<Entry>(
  left: readonly Entry[],
  right: readonly Entry[],
  key: (entry: Entry) => string,
): Entry[] {
  const present = new Set(right.map(key));
  return left.filter((entry) => !present.has(key(entry)));
}

/** A pool4 entry in one word, the same for equal entries. */
export function pool4Key(entry: Pool4Entry): string {
  return `${networkOf(entry.prefix)}#${entry.ports.min}-${entry.ports.max}`;
}

/** A static BIB entry in a few words, the same for equal entries. */
export function staticBibKey(entry: StaticBibEntry): string {
  const v6 = formatTransportAddress(entry.v6.address.text, entry.v6.port);
  const v4 = formatTransportAddress(entry.v4.address.text, entry.v4.port);
  return `${entry.protocol} ${v6} ${v4}`;
}

function diffPool4(running: readonly Pool4Entry[], next: readonly Pool4Entry[]): string[] {
  return [
    ...without(next, running, pool4Key).map((entry) => `plat.pool4: added ${pool4Key(entry)}`),
    ...without(running, next, pool4Key).map((entry) => `plat.pool4: removed ${pool4Key(entry)}`),
  ];
}

function diffStaticBib(running: readonly StaticBibEntry[], next: readonly StaticBibEntry[]): string[] {
  return [
    ...without(next, running, staticBibKey).map((entry) => `plat.staticBib: added ${staticBibKey(entry)}`),
    ...without(running, next, staticBibKey).map((entry) => `plat.staticBib: removed ${staticBibKey(entry)}`),
  ];
}

/** True when both stand for the same entries; an edited table is never what a file says. */
export function sameEamt(a: EamList, b: EamList): boolean {
  return a.records !== null && b.records !== null && Buffer.compare(a.records, b.records) === 0;
}

function diffEamt(running: EamList, next: EamList): string[] {
  return sameEamt(running, next)
    ? []
    : [`siit.eamt: another table, number of entries ${running.size} became ${next.size}`];
}

/** A value in a few words. */
function show(value: unknown): string {
  if (value === null) return 'the default';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : showList(value.map(show));
  if (typeof value !== 'object') return String(value);
  if ('first' in value && 'address' in value) return networkOf(value as Prefix);
  return Object.entries(value)
    .map(([key, inner]) => `${key} ${show(inner)}`)
    .join(', ');
}

const SHOWN_ITEMS = 8;

function showList(items: readonly string[]): string {
  if (items.length <= SHOWN_ITEMS) return items.join(', ');
  return `${items.slice(0, SHOWN_ITEMS).join(', ')} and ${items.length - SHOWN_ITEMS} more`;
}
