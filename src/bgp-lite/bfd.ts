/** BFD sessions on the native engine. One session serves all that watch the same neighbour, as RFC 5882 §2 has it. */
import type { BfdConfig } from '../config/announce.js';
import type { Addon, Bfd, BfdRow, BfdState } from '../native/addon.js';
import type { BfdTarget, BfdWatcher } from './bfd-watcher.js';

export interface BfdSessions extends BfdWatcher {
  rows(): BfdRow[];
  close(): void;
}

interface Watch {
  config: BfdConfig;
  onChange: (state: BfdState, remoteState: BfdState) => void;
}

interface Session {
  id: number;
  state: BfdState;
  watches: Set<Watch>;
  /** What the engine was told last. */
  intervalUs: number;
  multiplier: number;
}

/** The engine starts with the first session. Its threads end with `close`. */
export function createBfdSessions(addon: Pick<Addon, 'Bfd'>): BfdSessions {
  let engine: Bfd | null = null;
  const sessions = new Map<string, Session>();
  const byId = new Map<number, Session>();

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
    engine?.change(session.id, times);
  }

  function open({ remote, local, device }: BfdTarget, watch: Watch): Session {
    const times = timesOf([watch]);
    const id = running().add({ remote, local, device, ...times });
    const session: Session = { id, state: 'down', watches: new Set(), ...times };
    byId.set(id, session);
    return session;
  }

  return {
    watch(target, onChange) {
      const key = `${target.remote} ${target.local ?? ''} ${target.device ?? ''}`;
      const watch = { config: target.config, onChange };
      const session = sessions.get(key) ?? open(target, watch);
      sessions.set(key, session);
      session.watches.add(watch);
      retime(session);
      return {
        state: () => session.state,
        close() {
          if (!session.watches.delete(watch)) return;
          if (session.watches.size > 0) return retime(session);
          sessions.delete(key);
          byId.delete(session.id);
          engine?.remove(session.id);
        },
      };
    },
    rows: () => engine?.sessions() ?? [],
    close() {
      engine?.close();
      engine = null;
    },
  };
}
