/** What is worth a warning in the `dns64` section. */
import { networkOf, type Prefix } from './address.js';
import type { Dns64Config } from './dns64.js';

/** Sentences. `translator` is the section of the translator beside it, if there is one. */
export function warnDns64(dns64: Dns64Config, translator: { pool6: readonly Prefix[] } | null): string[] {
  const warnings: string[] = [];
  if (dns64.clients === null) {
    warnings.push(
      'dns64.clients names nobody: only loopback, link-local and private addresses are answered, expected the prefixes of your customers',
    );
  }
  if (translator !== null && dns64.pool6 !== null) {
    const known = translator.pool6.map(networkOf);
    for (const prefix of dns64.pool6.map(networkOf).filter((own) => !known.includes(own))) {
      warnings.push(`dns64.pool6 has ${prefix}, which the translator here does not translate`);
    }
  }
  const owners = new Map<string, string>();
  for (const [index, { name, clients }] of dns64.groups.entries()) {
    for (const prefix of clients.map(networkOf)) {
      const owner = owners.get(prefix);
      if (owner === undefined) owners.set(prefix, name);
      else {
        warnings.push(
          `dns64.groups[${index}].clients has ${prefix}, which belongs to group ${owner} already: ${name} does not get it`,
        );
      }
    }
  }
  // DNS-SYN-23: a DNS64 without a translator is allowed, and worth a word.
  if (translator === null) warnings.push('dns64 stands alone: some other host must translate its prefixes');
  return warnings;
}
