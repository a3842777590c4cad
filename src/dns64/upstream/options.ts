/** What the operator sets for the upstream side, in one piece: it is taken whole or, by `reconfigure`, replaced whole. */
import type { AttemptBounds } from './health.js';

export interface UpstreamServer {
  /** IPv6 or IPv4, without a port. */
  address: string;
  port: number;
  /** DNS over TLS (RFC 7858) and nothing else: such a server is never asked in the clear. Null for UDP and TCP. */
  tls: UpstreamTls | null;
}

export interface UpstreamTls {
  /** The name or address its certificate must have; null takes any certificate (RFC 7858 §4.1, opportunistic). */
  name: string | null;
  /** PEM of the authorities trusted for it instead of the built-in ones. */
  ca?: string;
}

/** Both ends belong to it. */
export interface PortRange {
  from: number;
  to: number;
}

export interface UpstreamOptions {
  servers: readonly UpstreamServer[];
  /** For a question in all its attempts. */
  timeoutMs: number;
  /** For one attempt, before the next server is asked; it follows the server's speed in between. */
  attemptMs: AttemptBounds;
  /** DNS 0x20. */
  caseRandomisation: boolean;
  /** RFC 7873. */
  cookies: boolean;
  /** Different questions open at a time. */
  maxOpen: number;
  /** Own addresses to ask from, one drawn for each socket (RFC 5452 §9.2); the kernel chooses when none fits. */
  sourceAddresses: readonly string[];
  /** Source ports that are left alone. */
  avoidPorts: readonly PortRange[];
}

export const DEFAULT_UPSTREAM_OPTIONS: UpstreamOptions = {
  servers: [],
  timeoutMs: 10_000,
  attemptMs: { least: 250, most: 2_000 },
  caseRandomisation: true,
  cookies: true,
  maxOpen: 4_096,
  sourceAddresses: [],
  avoidPorts: [],
};
