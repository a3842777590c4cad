/**
 * BFD sessions on the native engine. One session serves all that watch the same neighbour over the same link, as RFC 5882
 * §2 has it: a neighbour has one session for it too, which would go up and down between two of ours. One that cannot be
 * opened (its device is not there yet, its source is not ours yet, the engine is full) is Down and tried again.
 */
import { contains, knownPrefix, parseAddress } from '../config/address.js';
import type { BfdConfig } from '../config/announce.js';
import type { Log } from '../device/device.js';
import { messageOf } from '../errors.js';
import type { Addon, Bfd, BfdRow, BfdState, Netlink } from '../native/addon.js';
import type { BfdTarget, BfdWatcher } from './bfd-watcher.js';
import { limitedWarn } from './log-limit.js';

export interface BfdSessions extends BfdWatcher {
  rows(): BfdStatus[];
  close(): void;
}

export type BfdStatus = BfdRow | UnopenedBfd;

export interface UnopenedBfd {
  remote: string;
  local: string | null;
  device: string | null;
  state: 'down';
  /** Why there is no session yet. */
  error: string;
}

interface Watch {
  config: BfdConfig;
  onChange: (state: BfdState, remoteState: BfdState) => void;
}

interface Session {
  /** As the first watch has it. */
  target: BfdTarget;
  /** Null while it could not be opened. */
  id: number | null;
  error: string | null;
  state: BfdState;
  watches: Set<Watch>;
  /** What the engine is to know. */
  intervalUs: number;
  multiplier: number;
}

/** Tunnels come and go: how often what could not be opened is tried again, milliseconds. */
const RETRY_MS = 2000;

type Links = Pick<Netlink, 'routes' | 'links'>;

/** The engine starts with the first session. Its threads end with `close`. */
export function createBfdSessions(addon: Pick<Addon, 'Bfd'>, netlink: Links, log: Pick<Log, 'warn'>): BfdSessions {
  let engine: Bfd | null = null;
  const sessions = new Set<Session>();
  const byId = new Map<number, Session>();
  // Whoever forges Hellos makes sessions by the hundred.
  const warn = limitedWarn(log);
  let retry: NodeJS.Timeout | null = null;

  function running(): Bfd {
    engine ??= new addon.Bfd(({ id, state, remoteState }) => {
      const session = byId.get(id);
      if (session === undefined) return;
      session.state = state;
      for (const watch of [...session.watches]) watch.onChange(state, remoteState);
    });
    return engine;
  }

  /** The fastest that anyone wants. */
  function timesOf(watches: Iterable<Watch>): { intervalUs: number; multiplier: number } {
    const [fastest] = [...watches]
      .map(({ config }) => config)
      .sort((a, b) => a.intervalMs * a.multiplier - b.intervalMs * b.multiplier);
    return { intervalUs: (fastest?.intervalMs ?? 1000) * 1000, multiplier: fastest?.multiplier ?? 3 };
  }

  function retime(session: Session): void {
    const times = timesOf(session.watches);
    if (times.intervalUs === session.intervalUs && times.multiplier === session.multiplier) return;
    Object.assign(session, times);
    if (session.id !== null) engine?.change(session.id, times);
  }

  function open(session: Session): void {
    const { target, intervalUs, multiplier } = session;
    const { remote, local, device } = target;
    try {
      session.id = running().add({ remote, local, device, intervalUs, multiplier });
      session.error = null;
      byId.set(session.id, session);
    } catch (error) {
      const message = messageOf(error);
      if (session.error === null) {
        const where = device === null ? remote : `${remote} at ${device}`;
        warn(() => `cannot open a BFD session with ${where}: ${message}; trying again`);
      }
      session.error = message;
      retry ??= setTimeout(() => {
        retry = null;
        for (const one of sessions) if (one.id === null) open(one);
      }, RETRY_MS);
    }
  }

  /** BGP often names no device, OSPF always does. */
  function linkOf({ remote, device }: BfdTarget): string | null {
    return device ?? linkTo(netlink, remote);
  }

  function find(target: BfdTarget): Session | undefined {
    const same = [...sessions].filter((session) => session.target.remote === target.remote);
    if (same.length === 0) return undefined;
    const link = linkOf(target);
    return same.find((session) => linkOf(session.target) === link);
  }

  function create(target: BfdTarget, watch: Watch): Session {
    const session: Session = {
      target,
      id: null,
      error: null,
      state: 'down',
      watches: new Set(),
      ...timesOf([watch]),
    };
    sessions.add(session);
    open(session);
    return session;
  }

  return {
    watch(target, onChange) {
      const watch = { config: target.config, onChange };
      const session = find(target) ?? create(target, watch);
      session.watches.add(watch);
      retime(session);
      return {
        state: () => session.state,
        close() {
          if (!session.watches.delete(watch)) return;
          if (session.watches.size > 0) return retime(session);
          sessions.delete(session);
          if (session.id === null) return;
          byId.delete(session.id);
          engine?.remove(session.id);
        },
      };
    },
    rows() {
      const unopened = [...sessions].flatMap(({ target: { remote, local, device }, error }): BfdStatus[] =>
        error === null ? [] : [{ remote, local, device, state: 'down', error }],
      );
      return [...(engine?.sessions() ?? []), ...unopened];
    },
    close() {
      if (retry !== null) clearTimeout(retry);
      retry = null;
      engine?.close();
      engine = null;
    },
  };
}

/** The device on whose link the main table has an address; null where it is behind a gateway, or unknown. */
function linkTo(netlink: Links, remote: string): string | null {
  const address = parseAddress(remote);
  if (address === null) return null;
  try {
    const [route] = netlink
      .routes()
      .filter(({ destination, length }) => contains(knownPrefix(`${destination}/${length}`), address))
      .sort((a, b) => b.length - a.length || a.metric - b.metric);
    if (route === undefined || route.gateway !== null) return null;
    return netlink.links().find(({ index }) => index === route.index)?.name ?? null;
  } catch {
    // As good as no route: the session is opened as it is configured.
    return null;
  }
}
