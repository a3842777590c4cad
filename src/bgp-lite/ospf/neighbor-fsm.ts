/** The neighbour state machine (RFC 2328 §10.3) as a table: what an event makes of a state, and what is to be done. */

export const NEIGHBOR_STATES = ['down', 'init', '2-way', 'exstart', 'exchange', 'loading', 'full'] as const;
export type NeighborState = (typeof NEIGHBOR_STATES)[number];

export type NeighborEvent =
  | 'hello-received'
  | '2-way-received'
  | '1-way-received'
  | 'negotiation-done'
  | 'exchange-done'
  | 'loading-done'
  | 'adj-ok'
  | 'sequence-mismatch'
  | 'bad-request'
  | 'inactivity'
  | 'kill';

export type NeighborAction =
  | 'restart-inactivity'
  | 'stop-inactivity'
  /** Another sequence number, and the first DD again and again. */
  | 'negotiate'
  | 'list-database'
  | 'clear-lists';

export interface NeighborFacts {
  /** The two are to become adjacent (RFC 2328 §10.4). */
  adjacent: boolean;
  /** Nothing is left to be asked for. */
  complete: boolean;
}

export interface NeighborTransition {
  state: NeighborState;
  actions: readonly NeighborAction[];
}

export const atLeast = (state: NeighborState, least: NeighborState): boolean =>
  NEIGHBOR_STATES.indexOf(state) >= NEIGHBOR_STATES.indexOf(least);

/** An event that means nothing in a state leaves it as it is. */
export function neighborTransition(
  state: NeighborState,
  event: NeighborEvent,
  { adjacent, complete }: NeighborFacts,
): NeighborTransition {
  const stay: NeighborTransition = { state, actions: [] };
  switch (event) {
    case 'hello-received':
      return { state: state === 'down' ? 'init' : state, actions: ['restart-inactivity'] };
    case '2-way-received':
      if (state !== 'init') return stay;
      return adjacent ? { state: 'exstart', actions: ['negotiate'] } : { state: '2-way', actions: [] };
    case '1-way-received':
      return atLeast(state, '2-way') ? { state: 'init', actions: ['clear-lists'] } : stay;
    case 'negotiation-done':
      return state === 'exstart' ? { state: 'exchange', actions: ['list-database'] } : stay;
    case 'exchange-done':
      return state === 'exchange' ? { state: complete ? 'full' : 'loading', actions: [] } : stay;
    case 'loading-done':
      return state === 'loading' ? { state: 'full', actions: [] } : stay;
    case 'adj-ok':
      if (state === '2-way' && adjacent) return { state: 'exstart', actions: ['negotiate'] };
      return atLeast(state, 'exstart') && !adjacent ? { state: '2-way', actions: ['clear-lists'] } : stay;
    case 'sequence-mismatch':
    case 'bad-request':
      return atLeast(state, 'exchange') ? { state: 'exstart', actions: ['clear-lists', 'negotiate'] } : stay;
    case 'inactivity':
    case 'kill':
      return { state: 'down', actions: ['clear-lists', 'stop-inactivity'] };
  }
}
