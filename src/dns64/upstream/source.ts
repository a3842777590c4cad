/** Where queries come from: source addresses and ports that cannot be foreseen (RFC 5452 §9.2, RFC 6056 §3.3.1). */
import { isIPv6 } from 'node:net';
import type { PortRange } from './options.js';
import { below, type Random } from './random.js';

const LEAST_PORT = 1024;
const PORTS = 65_536 - LEAST_PORT;
/** Draws before the kernel is asked for a port: only a list that avoids nearly all ports needs so many. */
const DRAWS = 64;

/** A port of 1024..65535 outside `avoid`; 0, the kernel's choice, when there seems to be none. */
export function drawPort(random: Random, avoid: readonly PortRange[]): number {
  for (let i = 0; i < DRAWS; i++) {
    const port = LEAST_PORT + below(random, PORTS);
    if (!avoid.some(({ from, to }) => port >= from && port <= to)) return port;
  }
  return 0;
}

/** One of the addresses that have the server's family; undefined leaves it to the kernel. */
export function drawAddress(random: Random, addresses: readonly string[], server: string): string | undefined {
  const fitting = addresses.filter((address) => isIPv6(address) === isIPv6(server));
  return fitting.length === 0 ? undefined : fitting[below(random, fitting.length)];
}
