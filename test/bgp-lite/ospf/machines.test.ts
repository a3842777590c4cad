import { describe, expect, test } from 'vitest';
import { type Candidate, elect, interfaceTransition } from '../../../src/bgp-lite/ospf/interface-fsm.js';
import { NEIGHBOR_STATES, type NeighborEvent, neighborTransition } from '../../../src/bgp-lite/ospf/neighbor-fsm.js';

describe('the neighbour state machine', () => {
  const all = [...NEIGHBOR_STATES];
  /** For each state, in the order of NEIGHBOR_STATES, what an event makes of it. */
  const table: [NeighborEvent, { adjacent: boolean; complete: boolean }, string][] = [
    ['hello-received', { adjacent: false, complete: true }, 'init init 2-way exstart exchange loading full'],
    ['1-way-received', { adjacent: true, complete: true }, 'down init init init init init init'],
    ['2-way-received', { adjacent: true, complete: true }, 'down exstart 2-way exstart exchange loading full'],
    ['2-way-received', { adjacent: false, complete: true }, 'down 2-way 2-way exstart exchange loading full'],
    ['negotiation-done', { adjacent: true, complete: true }, 'down init 2-way exchange exchange loading full'],
    ['exchange-done', { adjacent: true, complete: true }, 'down init 2-way exstart full loading full'],
    ['exchange-done', { adjacent: true, complete: false }, 'down init 2-way exstart loading loading full'],
    ['loading-done', { adjacent: true, complete: true }, 'down init 2-way exstart exchange full full'],
    ['adj-ok', { adjacent: true, complete: true }, 'down init exstart exstart exchange loading full'],
    ['adj-ok', { adjacent: false, complete: true }, 'down init 2-way 2-way 2-way 2-way 2-way'],
    ['sequence-mismatch', { adjacent: true, complete: true }, 'down init 2-way exstart exstart exstart exstart'],
    ['bad-request', { adjacent: true, complete: true }, 'down init 2-way exstart exstart exstart exstart'],
    ['inactivity', { adjacent: true, complete: true }, 'down down down down down down down'],
    ['kill', { adjacent: true, complete: true }, 'down down down down down down down'],
  ];
  test.each(table)('OSPF-ADJ-01, -02, -03 %s with %o', (event, facts, expected) => {
    expect(all.map((state) => neighborTransition(state, event, facts).state).join(' ')).toBe(expected);
  });

  test('OSPF-ADJ-08, OSPF-HELLO-12 what is lost and begun anew', () => {
    const facts = { adjacent: true, complete: false };
    expect(neighborTransition('full', 'sequence-mismatch', facts).actions).toEqual(['clear-lists', 'negotiate']);
    expect(neighborTransition('full', '1-way-received', facts).actions).toEqual(['clear-lists']);
    expect(neighborTransition('full', 'inactivity', facts).actions).toEqual(['clear-lists', 'stop-inactivity']);
    expect(neighborTransition('exstart', 'negotiation-done', facts).actions).toEqual(['list-database']);
  });
});

describe('the interface state machine', () => {
  test.each([
    ['point-to-point', 0, 'point-to-point'],
    ['broadcast', 0, 'dr-other'],
    ['broadcast', 1, 'waiting'],
  ] as const)('OSPF-HELLO-07 up: %s with priority %i is %s', (type, priority, state) => {
    expect(interfaceTransition('down', 'up', { type, priority })).toEqual({ state, elect: false });
  });

  test('OSPF-HELLO-10 what calls for an election', () => {
    const config = { type: 'broadcast', priority: 1 } as const;
    expect(interfaceTransition('waiting', 'wait-timer', config).elect).toBe(true);
    expect(interfaceTransition('waiting', 'backup-seen', config).elect).toBe(true);
    expect(interfaceTransition('waiting', 'neighbor-change', config).elect).toBe(false);
    expect(interfaceTransition('dr-other', 'neighbor-change', config).elect).toBe(true);
    expect(interfaceTransition('dr-other', 'backup-seen', config).elect).toBe(false);
    expect(interfaceTransition('point-to-point', 'neighbor-change', config).elect).toBe(false);
    expect(interfaceTransition('dr', 'down', config)).toEqual({ state: 'down', elect: false });
  });
});

describe('the election', () => {
  const self: Candidate = { id: 1, routerId: 1, priority: 0, dr: 0, backup: 0 };
  const one = (id: number, priority: number, dr = 0, backup = 0): Candidate => ({
    id,
    routerId: id,
    priority,
    dr,
    backup,
  });
  test.each<[string, Candidate[], number, number]>([
    ['nobody', [], 0, 0],
    ['only routers of priority 0', [one(2, 0), one(3, 0)], 0, 0],
    ['none claims anything: the highest priority is Backup, and so becomes DR', [one(2, 5), one(3, 1)], 2, 2],
    ['equal priority: the highest router ID', [one(2, 1), one(3, 1)], 3, 3],
    ['both claimed', [one(2, 1, 2, 3), one(3, 9, 2, 3), one(4, 99)], 2, 3],
    ['a claimed Backup goes before a higher priority', [one(2, 1, 2), one(3, 1, 2, 3), one(4, 99, 2, 3)], 2, 3],
    ['two that claim to be DR: the higher priority', [one(2, 1, 2), one(3, 5, 3)], 3, 0],
    ['the DR is gone: its Backup follows', [one(3, 1, 2, 3), one(4, 1, 2, 3)], 3, 3],
    ['a claim of priority 0 does not count', [one(2, 0, 2), one(3, 1)], 3, 3],
  ])('OSPF-HELLO-09 %s', (_, neighbors, dr, backup) => {
    expect(elect(self, neighbors)).toEqual({ dr, backup, state: 'dr-other' });
  });

  test('OSPF-HELLO-08, -09 with a priority of its own it takes part, and looks again at its new role', () => {
    const candidate = { ...self, priority: 9 };
    expect(elect(candidate, [one(2, 1), one(3, 2)])).toEqual({ dr: 1, backup: 3, state: 'dr' });
    expect(elect(candidate, [one(2, 1, 2)])).toEqual({ dr: 2, backup: 1, state: 'backup' });
  });
});
