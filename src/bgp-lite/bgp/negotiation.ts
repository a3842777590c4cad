/** What an OPEN offers, and what two of them agree on (RFC 4271 §6.2, RFC 5492, RFC 6793 §4.1, RFC 9234 §4.2). */
import type { Family } from '../../config/address.js';
import type { BgpNeighborConfig } from '../../config/announce.js';
import { type Capabilities, type GracefulRestart, multiprotocolTriple, roleName } from './capability.js';
import { type Notification, notification } from './notification.js';
import { ErrorCode, OpenError, ROLES, type Role } from './numbers.js';
import type { OpenMessage } from './open.js';

export interface Negotiated {
  identifier: number;
  internal: boolean;
  /** 0: no hold timer, no KEEPALIVEs. */
  holdTimeSeconds: number;
  as4: boolean;
  families: Family[];
  extendedNextHop: boolean;
  routeRefresh: boolean;
  enhancedRefresh: boolean;
  /** The neighbour's. */
  gracefulRestart: GracefulRestart | null;
  /** N from both sides (RFC 8538 §4). */
  notificationKeeps: boolean;
  /** The neighbour's capabilities, for `neighbor show`. */
  capabilities: Capabilities;
}

/**
 * What this side has to say about graceful restart. Families are listed only around a restart that was announced: a
 * neighbour keeps the routes of a family that was listed, whatever ended the session (RFC 4724 §4.2).
 */
export interface OwnRestart {
  restarted: boolean;
  listFamilies: boolean;
  restartTimeSeconds: number;
}

export function ownCapabilities(config: BgpNeighborConfig, restart: OwnRestart): Capabilities {
  const internal = config.localAs === config.remoteAs;
  return {
    families: [...config.families],
    routeRefresh: true,
    enhancedRefresh: true,
    extendedNextHop: config.extendedNextHop && config.families.includes(4),
    gracefulRestart: {
      restarted: restart.restarted,
      notification: true,
      // RFC 4724 §4: no longer than the hold time.
      restartTimeSeconds: restart.restartTimeSeconds,
      families: restart.listFamilies ? config.families.map((family) => ({ family, forwarding: true })) : [],
    },
    as4: config.localAs,
    roles: config.role === null || internal ? [] : [ROLES.indexOf(config.role)],
    unknown: [],
  };
}

/** Least hold time but 0 (RFC 4271 §4.2). */
const LEAST_HOLD_SECONDS = 3;

const PAIRS: Record<Role, Role> = {
  provider: 'customer',
  customer: 'provider',
  rs: 'rs-client',
  'rs-client': 'rs',
  peer: 'peer',
};

/** `own` null: this side sent no capabilities. Returns what is in force, or the NOTIFICATION that ends it. */
export function negotiate(
  open: OpenMessage,
  config: BgpNeighborConfig,
  identifier: number,
  own: Capabilities | null,
): Negotiated | Notification {
  const { capabilities } = open;
  const refuse = (subcode: number, data?: Uint8Array) => notification(ErrorCode.OPEN, subcode, data);
  const internal = config.localAs === config.remoteAs;
  if (open.as2 === 0 || (capabilities.as4 ?? open.as2) !== config.remoteAs) return refuse(OpenError.PEER_AS);
  if (open.holdTimeSeconds > 0 && open.holdTimeSeconds < LEAST_HOLD_SECONDS) return refuse(OpenError.HOLD_TIME);
  if (open.identifier === 0 || (internal && open.identifier === identifier)) return refuse(OpenError.IDENTIFIER);
  if (!internal && !rolesFit(config, capabilities.roles)) return refuse(OpenError.ROLE);

  const ours: readonly Family[] = own === null ? [4] : config.families;
  const families = ours.filter((family) => (own === null ? [4] : (capabilities.families ?? [4])).includes(family));
  if (families.length === 0) {
    return refuse(OpenError.CAPABILITY, Buffer.concat(config.families.map(multiprotocolTriple)));
  }
  const { gracefulRestart } = capabilities;
  return {
    identifier: open.identifier,
    internal,
    holdTimeSeconds: Math.min(config.holdTimeSeconds, open.holdTimeSeconds),
    as4: own !== null && capabilities.as4 !== null,
    families,
    extendedNextHop: own?.extendedNextHop === true && capabilities.extendedNextHop,
    routeRefresh: capabilities.routeRefresh,
    enhancedRefresh: own !== null && capabilities.enhancedRefresh,
    gracefulRestart,
    notificationKeeps: own !== null && gracefulRestart?.notification === true,
    capabilities,
  };
}

function rolesFit(config: BgpNeighborConfig, roles: readonly number[]): boolean {
  if (config.role === null) return true;
  const [role, ...more] = roles;
  if (role === undefined) return !config.roleStrict;
  return more.length === 0 && roleName(role) === PAIRS[config.role];
}
