/** The interface state machine (RFC 2328 §9.3) and the election of the Designated Router (§9.4). */

export type InterfaceState = 'down' | 'waiting' | 'point-to-point' | 'dr-other' | 'backup' | 'dr';
export type InterfaceEvent = 'up' | 'down' | 'wait-timer' | 'backup-seen' | 'neighbor-change';

export interface InterfaceTransition {
  state: InterfaceState;
  /** The Designated Router is to be elected, which gives the state. */
  elect: boolean;
}

/** An event that means nothing in a state leaves it as it is. */
export function interfaceTransition(
  state: InterfaceState,
  event: InterfaceEvent,
  { type, priority }: { type: 'broadcast' | 'point-to-point'; priority: number },
): InterfaceTransition {
  const stay = { state, elect: false };
  switch (event) {
    case 'up':
      if (state !== 'down') return stay;
      if (type === 'point-to-point') return { state: 'point-to-point', elect: false };
      return { state: priority === 0 ? 'dr-other' : 'waiting', elect: false };
    case 'down':
      return { state: 'down', elect: false };
    case 'wait-timer':
    case 'backup-seen':
      return state === 'waiting' ? { state, elect: true } : stay;
    case 'neighbor-change':
      return state === 'dr-other' || state === 'backup' || state === 'dr' ? { state, elect: true } : stay;
  }
}

/** A router on a link as the election sees it. `id` is how `dr` and `backup` name it: an address in version 2. */
export interface Candidate {
  id: number;
  routerId: number;
  priority: number;
  dr: number;
  backup: number;
}

export interface Elected {
  /** 0 when there is none. */
  dr: number;
  backup: number;
  state: 'dr-other' | 'backup' | 'dr';
}

/** Elects among this router and its neighbours of state 2-Way and above (RFC 2328 §9.4). */
export function elect(self: Candidate, neighbors: readonly Candidate[]): Elected {
  const first = round(self, neighbors);
  const changed =
    (first.dr === self.id) !== (self.dr === self.id) || (first.backup === self.id) !== (self.backup === self.id);
  const { dr, backup } = changed ? round({ ...self, dr: first.dr, backup: first.backup }, neighbors) : first;
  return { dr, backup, state: dr === self.id ? 'dr' : backup === self.id ? 'backup' : 'dr-other' };
}

function round(self: Candidate, neighbors: readonly Candidate[]): { dr: number; backup: number } {
  const candidates = [self, ...neighbors].filter(({ priority }) => priority > 0);
  const others = candidates.filter(({ id, dr }) => dr !== id);
  const declared = others.filter(({ id, backup }) => backup === id);
  const backup = best(declared) ?? best(others);
  const dr = best(candidates.filter((one) => one.dr === one.id)) ?? backup;
  return { dr: dr?.id ?? 0, backup: backup?.id ?? 0 };
}

function best(candidates: readonly Candidate[]): Candidate | undefined {
  return [...candidates].sort((a, b) => b.priority - a.priority || b.routerId - a.routerId)[0];
}
