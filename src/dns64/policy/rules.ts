/** From the configuration to the rules of each group. */
import { knownPrefix, octetsOf, type Prefix, WELL_KNOWN_PREFIX } from '../../config/address.js';
import { type Dns64Group, LOCAL_CLIENTS, type LoadedDns64 } from '../../config/dns64.js';
import { extract, IPV4ONLY_ADDRESSES, type Pref64 } from '../synthesis/pref64.js';
import { knownName, nameKey } from '../wire/name.js';
import type { GroupRules, HostAddresses } from './group.js';
import { NameSet } from './names.js';

/** More names no client looks at. */
const MAX_TRANSLATORS = 16;

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
  const translators: { name: Uint8Array; address: Uint8Array }[] = [];
  const prefixes = [...group.map.flatMap((entry) => entry.prefixes), ...pool6].map(({ first, length }) => ({
    octets: octetsOf(first, 6),
    length,
  }));
  for (const [name, addresses] of (group.hosts === null ? undefined : files.hosts.get(group.hosts)) ?? []) {
    const of = (family: 4 | 6) =>
      addresses.filter((address) => address.family === family).map(({ value }) => octetsOf(value, family));
    hosts.set(nameKey(knownName(name)), { v4: of(4), v6: of(6) });
    const own = of(6).filter(
      (address) => translators.length < MAX_TRANSLATORS && standsForDiscovery(address, prefixes),
    );
    translators.push(...own.map((address) => ({ name: knownName(name), address })));
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
    translators,
    synthesiseOnErrors: group.synthesiseOn === 'errors',
    synthesiseWithCd: group.synthesiseWithCd,
    dropA: group.dropA,
    maxRecords: group.maxRecords,
    reverse:
      group.reverse.method === 'cname' ? group.reverse : { method: 'local', name: knownName(group.reverse.name) },
  };
}

/** RFC 7050 §2.2: 192.0.0.170 and .171. */
function standsForDiscovery(address: Uint8Array, prefixes: readonly Pref64[]): boolean {
  return prefixes.some((prefix) => {
    const v4 = extract(prefix, address);
    return v4 !== null && IPV4ONLY_ADDRESSES.some((each) => each.every((octet, index) => octet === v4[index]));
  });
}
