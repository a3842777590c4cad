/** BFD (RFC 5880) as the protocols that follow it see it; the sessions themselves run natively. */
import type { BfdConfig } from '../config/announce.js';
import type { BfdState } from '../native/addon.js';

export interface BfdTarget {
  remote: string;
  /** Own address, null for the kernel's choice. */
  local: string | null;
  device: string | null;
  config: BfdConfig;
}

export interface BfdWatch {
  state(): BfdState;
  close(): void;
}

export interface BfdWatcher {
  /** Runs a session with `target` until it is closed; tells each change with the state that the other side sends. */
  watch(target: BfdTarget, onChange: (state: BfdState, remoteState: BfdState) => void): BfdWatch;
}
