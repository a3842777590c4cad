/** What BFD says about a session (RFC 5882 §4): when it must end, and in strict mode when it may begin. */
import type { BgpNeighborConfig } from '../../config/announce.js';
import type { BfdState } from '../../native/addon.js';
import type { BfdWatch, BfdWatcher } from '../bfd-watcher.js';

export interface BfdGate {
  /** Begins to watch, anew after a change of the configuration. */
  watch(config: BgpNeighborConfig): void;
  allows(): boolean;
  /** Null where BFD is not used. */
  state(): BfdState | null;
  close(): void;
}

export function createBfdGate(
  watcher: BfdWatcher | null,
  told: {
    /** The path is broken. */
    lost(): void;
    /** BFD has changed, perhaps so that the session may begin. */
    changed(): void;
  },
): BfdGate {
  let watch: BfdWatch | null = null;
  let strict = false;
  let state: BfdState | null = null;
  let remoteState: BfdState | null = null;

  function onChange(next: BfdState, remote: BfdState): void {
    const before = state;
    state = next;
    remoteState = remote;
    // RFC 5882 §3.2: a side that was switched off says nothing about the path.
    if (before === 'up' && next === 'down' && remote !== 'admin-down') told.lost();
    else told.changed();
  }

  function close(): void {
    watch?.close();
    watch = null;
    state = null;
    remoteState = null;
  }

  return {
    watch(config) {
      const before = watch;
      strict = config.bfd?.strict === true;
      if (config.bfd === null || watcher === null) return close();
      const target = { remote: config.address, local: config.source, device: config.interface, config: config.bfd };
      watch = watcher.watch(target, onChange);
      state = watch.state();
      // Only now: the session that both share lasts, and the neighbour sees no more than another pace.
      before?.close();
    },
    allows() {
      if (!strict || watch === null) return true;
      return state === 'up' || state === 'admin-down' || remoteState === 'admin-down';
    },
    state: () => state,
    close,
  };
}
