/** What is routed to a stateless translator. */
import { knownPrefix } from '../config/address.js';
import type { SiitSection } from '../config/schema.js';
import type { PoolPrefix } from '../device/link.js';
import { errors } from '../errors.js';
import type { EamTable } from '../native/addon.js';

/** Most routes made from the EAM table; more are a sign that one shorter prefix is meant. */
const MAX_EAMT_ROUTES = 1000;

/**
 * `routes` where the operator gave them; else pool6 and the IPv4 addresses of IPv6 hosts: pool4, or without it those of
 * the EAM table. Throws PLT_EAM_ROUTES.
 */
export function routedPrefixes(siit: SiitSection, eamt: EamTable | null): PoolPrefix[] {
  if (siit.routes !== null) return siit.routes.map((prefix) => ({ pool: 'routes', prefix }));
  const pool6 = siit.pool6.map((prefix): PoolPrefix => ({ pool: 'pool6', prefix }));
  if (siit.pool4 !== null) return [...pool6, ...siit.pool4.map((prefix): PoolPrefix => ({ pool: 'pool4', prefix }))];
  if (eamt === null) return pool6;
  const networks = eamt.networks4(MAX_EAMT_ROUTES);
  if (networks === null) throw errors.eamRoutes(MAX_EAMT_ROUTES);
  return [
    ...pool6,
    ...networks.map(
      ({ address, length }): PoolPrefix => ({ pool: 'eamt', prefix: knownPrefix(`${address}/${length}`) }),
    ),
  ];
}
