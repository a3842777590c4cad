/** From the configuration to the rules of each group. */
import { knownPrefix, octetsOf, type Prefix, WELL_KNOWN_PREFIX } from '../../config/address.js';
import { type Dns64Group, LOCAL_CLIENTS, type LoadedDns64 } from '../../config/dns64.js';
import { knownName, nameKey } from '../wire/name.js';
import type { GroupRules, HostAddresses } from './group.js';
import { NameSet } from './names.js';

const EVERYTHING = knownPrefix('0.0.0.0/0');

/**
 * The groups of a configuration, the section's own rules last. `translated` are the translator's prefixes, which count
 * where the section names none (RFC 6147 §5.2).
 */
export function rulesOf(config: LoadedDns64, translated: readonly Prefix[] | null): GroupRules[] {
  const fallback = config.pool6 ?? translated ?? [knownPrefix(WELL_KNOWN_PREFIX)];
  const own: Dns64Group = { ...config, name: 'default', clients: config.clients ?? LOCAL_CLIENTS };
  return [...config.groups, own].map((group) => ruleOf(group, group.pool6 ?? fallback, config));
}

function ruleOf(group: Dns64Group, pool6: readonly Prefix[], { files }: LoadedDns64): GroupRules {
  const hosts = new Map<string, HostAddresses>();
  for (const [name, addresses] of (group.hosts === null ? undefined : files.hosts.get(group.hosts)) ?? []) {
    const of = (family: 4 | 6) =>
      addresses.filter((address) => address.family === family).map(({ value }) => octetsOf(value, family));
    hosts.set(nameKey(knownName(name)), { v4: of(4), v6: of(6) });
  }
  return {
    name: group.name,
    clients: group.clients,
    map: [...group.map, { networks: [EVERYTHING], prefixes: [...pool6] }],
    allowNonGlobal: group.allowNonGlobal,
    exclude: group.exclude,
    never: new NameSet(group.never.map(knownName)),
    always: new NameSet(group.always.map(knownName)),
    hosts,
    synthesiseOnErrors: group.synthesiseOn === 'errors',
    synthesiseWithCd: group.synthesiseWithCd,
    dropA: group.dropA,
    maxRecords: group.maxRecords,
    reverse:
      group.reverse.method === 'cname' ? group.reverse : { method: 'local', name: knownName(group.reverse.name) },
  };
}
