/** A neighbour's settings: what they make of its sockets, and which of them a running session can follow. */
import type { BgpNeighborConfig } from '../../config/announce.js';

/** RFC 5082, and one hop for external neighbours unless more are asked for. */
export function hopLimits(config: BgpNeighborConfig): { hopLimit: number; minHopLimit: number | null } {
  if (config.gtsmHops !== null) return { hopLimit: 255, minHopLimit: 256 - config.gtsmHops };
  const external = config.localAs !== config.remoteAs;
  return { hopLimit: config.multihop ?? (external ? 1 : 255), minHopLimit: null };
}

/** What can change while the session lasts. */
const LIVE = new Set<keyof BgpNeighborConfig>([
  'advertisementIntervalSeconds',
  'attributes',
  'bfd',
  'connectRetrySeconds',
  'enforceFirstAs',
  'export',
  'import',
  'lowered',
  'maxPrefix',
  'maxPrefixRestartSeconds',
  'nextHop4',
  'nextHop6',
  'restartTimeSeconds',
]);

const keysOf = (config: BgpNeighborConfig) => Object.keys(config) as (keyof BgpNeighborConfig)[];
const text = (value: unknown) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? String(one) : one));

/** Settings that differ. */
export function changedSettings(before: BgpNeighborConfig, next: BgpNeighborConfig): (keyof BgpNeighborConfig)[] {
  return keysOf(next).filter((key) => text(before[key]) !== text(next[key]));
}

/** True when one of the settings cannot change while the session lasts. */
export function needsReset(settings: readonly (keyof BgpNeighborConfig)[]): boolean {
  return settings.some((key) => !LIVE.has(key));
}

/** The neighbour must tell its routes again: those refused before are forgotten. */
export function needsRefresh(before: BgpNeighborConfig, next: BgpNeighborConfig): boolean {
  const accepts = ({ import: wanted, enforceFirstAs }: BgpNeighborConfig) => {
    return text([wanted === null ? null : [wanted.prefixes, wanted.localPref], enforceFirstAs]);
  };
  return accepts(before) !== accepts(next);
}
