/** Gateway checks: while the host behind a neighbour does not answer, its routes are not used. */
import type { BgpImport, BgpNeighborConfig } from '../config/announce.js';
import type { BfdWatch, BfdWatcher } from './bfd-watcher.js';
import { type Check, type CheckOptions, pingCommand } from './checks.js';

export interface GatewayParts {
  startCheck(options: CheckOptions, result: (ok: boolean, detail: string) => void): Check;
  bfd: BfdWatcher;
  /** `why` is null when its routes may be used. */
  usable(neighbor: string, why: string | null): void;
}

/** Watches the gateways of all neighbours whose import asks for it, until the function that it returns is called. */
export function startGatewayChecks(neighbors: readonly BgpNeighborConfig[], parts: GatewayParts): () => void {
  const stops = neighbors.flatMap((neighbor) => {
    const check = neighbor.import?.check ?? null;
    if (check === null) {
      parts.usable(neighbor.name, null);
      return [];
    }
    return [check.kind === 'ping' ? ping(neighbor, check, parts) : followBfd(neighbor, parts)];
  });
  return () => {
    for (const stop of stops) stop();
  };
}

type Ping = Extract<NonNullable<BgpImport['check']>, { kind: 'ping' }>;

function ping({ name, interface: device }: BgpNeighborConfig, check: Ping, parts: GatewayParts): () => void {
  const { address, everyMs, timeoutMs, down, up } = check;
  let usable: boolean | null = null;
  let against = 0;
  // `ping` waits for the answer itself; the rest is for a program that hangs.
  const options = { command: pingCommand(address, timeoutMs, device), everyMs, timeoutMs: timeoutMs + 2000 };
  const started = parts.startCheck(options, (ok) => {
    against = ok === usable ? 0 : against + 1;
    if (against < (ok ? (usable === null ? 1 : up) : down)) return;
    usable = ok;
    against = 0;
    parts.usable(name, ok ? null : `${address} does not answer`);
  });
  return () => started.stop();
}

function followBfd({ name, address, source, interface: device, bfd }: BgpNeighborConfig, parts: GatewayParts) {
  const config = bfd ?? { intervalMs: 300, multiplier: 3, strict: false };
  const watch: BfdWatch = parts.bfd.watch({ remote: address, local: source, device, config }, (state) =>
    parts.usable(name, state === 'up' ? null : `BFD is ${state}`),
  );
  if (watch.state() === 'up') parts.usable(name, null);
  return () => watch.close();
}
