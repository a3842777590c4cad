/** What a new configuration changes, and what of it cannot change while the translator runs. */
import { isDeepStrictEqual } from 'node:util';
import { formatTransportAddress, networkOf } from './address.js';
import type { Config, PlatConfig, Pool4Entry, StaticBibEntry } from './schema.js';

export interface ConfigDiff {
  /** One sentence for each change that is applied live. */
  changes: string[];
  /** One sentence for each change that needs a restart; one is enough to refuse the whole. */
  refused: string[];
}

/** Keys of `plat` that are fixed at start, with the reason. */
const FIXED: readonly (readonly [keyof PlatConfig, string])[] = [
  ['device', 'the device is opened once'],
  ['workers', 'its threads are started once'],
  ['limits', 'the tables are taken at start'],
  ['pool6', 'the sessions hold addresses of it'],
  ['filtering', 'the sessions depend on it'],
];

/** Keys of `plat` that change whole. */
const LIVE: readonly (keyof PlatConfig)[] = [
  'mtu6',
  'mtu4',
  'lowestIpv6Mtu',
  'dropInboundTcp',
  'allowNonGlobal',
  'trafficClass',
  'tos',
  'timeouts',
  'icmpErrors',
  'icmpSource4',
  'icmpSource6',
];

/** Compares the running configuration with a new one. */
export function diffConfig(running: Config, next: Config): ConfigDiff {
  const changes: string[] = [];
  const refused: string[] = [];
  for (const [key, why] of FIXED) {
    if (isDeepStrictEqual(running.plat[key], next.plat[key])) continue;
    const values = `from ${show(running.plat[key])} to ${show(next.plat[key])}`;
    refused.push(`plat.${key} cannot change ${values} while running (${why}): restart to apply it`);
  }
  if (running.control.socket !== next.control.socket) {
    refused.push(
      `control.socket cannot change from ${running.control.socket} to ${next.control.socket} while running: restart to apply it`,
    );
  }
  changes.push(...diffPool4(running.plat.pool4, next.plat.pool4));
  changes.push(...diffStaticBib(running.plat.staticBib, next.plat.staticBib));
  for (const key of LIVE) {
    if (isDeepStrictEqual(running.plat[key], next.plat[key])) continue;
    changes.push(`plat.${key}: ${show(running.plat[key])} became ${show(next.plat[key])}`);
  }
  if (running.log.level !== next.log.level) {
    changes.push(`log.level: ${running.log.level} became ${next.log.level}`);
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

/** A value in a few words. */
function show(value: unknown): string {
  if (value === null) return 'the default';
  if (Array.isArray(value)) return value.map(show).join(', ');
  if (typeof value !== 'object') return String(value);
  if ('first' in value && 'address' in value) return networkOf(value as PlatConfig['pool6'][number]);
  return Object.entries(value)
    .map(([key, inner]) => `${key} ${show(inner)}`)
    .join(', ');
}
