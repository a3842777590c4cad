/** RFC 6146 §3.5.2.2 on the vectors of nat64_tcp_fsm: every row from CLOSED on, with packets and the clock alone. */
import { describe, expect, test } from 'vitest';
import type { CoreConfig } from '../../src/native/addon.js';
import { readVectors } from '../config/vectors.js';
import { tcp } from './packets.js';
import { host, inward, outward, pool, translator } from './translator.js';

interface Row {
  state: string;
  event: string;
  next: string;
  timer: string | null;
  action: string;
}
const { timers_s: timers, transitions } = readVectors<{ timers_s: Record<string, number>; transitions: Row[] }>(
  'nat64_tcp_fsm',
);

/** One connection: the host's 40000 to the server's 80. `known` makes its BIB entry beforehand. */
function connection(change: Partial<CoreConfig> = {}, known = false) {
  const nat = translator(change);
  if (known) {
    const entry = { protocol: 'tcp', v6: host, port6: 40_000, v4: pool, port4: 5000 } as const;
    expect(nat.simulator.addBib(entry)).toBe('ok');
  }
  const v6 = (flags: string) => tcp({ ...outward, sourcePort: 40_000, destinationPort: 80, flags });
  const v4 = (flags: string) => {
    const port = nat.bib('tcp')[0]?.port4 ?? 5000;
    return tcp({ ...inward, sourcePort: 80, destinationPort: port, flags });
  };
  return { nat, packet: (side: string, flags: string) => (side === 'V6' ? v6(flags) : v4(flags)) };
}
type Connection = ReturnType<typeof connection>;

/** What takes a connection from CLOSED to each state. */
const ways: Record<string, string[]> = {
  CLOSED: [],
  V4_INIT: ['V4 S'],
  V6_INIT: ['V6 S'],
  ESTABLISHED: ['V6 S', 'V4 SA'],
  V4_FIN_RCV: ['V6 S', 'V4 SA', 'V4 FA'],
  V6_FIN_RCV: ['V6 S', 'V4 SA', 'V6 FA'],
  V4_FIN_V6_FIN_RCV: ['V6 S', 'V4 SA', 'V4 FA', 'V6 FA'],
  TRANS: ['V6 S', 'V4 SA', 'V4 R'],
};

function reach(state: string): Connection {
  const made = connection({}, state === 'V4_INIT');
  for (const step of ways[state] ?? []) {
    const [side = '', flags = ''] = step.split(' ');
    made.nat.pass(made.packet(side, flags));
  }
  if (state !== 'CLOSED') expect(made.nat.session().state).toBe(state);
  return made;
}

const both = (flags: string) => [`V4 ${flags}`, `V6 ${flags}`];

/** Packets that are the event of a row, by state where "other" differs. */
function packetsOf({ state, event }: Row): string[] {
  const plain: Record<string, string[]> = {
    V4_FIN: ['V4 FA', 'V4 F'],
    V6_FIN: ['V6 FA', 'V6 F'],
    'V4_RST or V6_RST': [...both('R'), ...both('RA')],
    RST: [...both('R'), ...both('RA')],
    V6_SYN: ['V6 S'],
    'V6_SYN (with or without ACK)': ['V6 S', 'V6 SA'],
    'V4_SYN (with or without ACK)': ['V4 S', 'V4 SA'],
    'any packet': [...both('A'), ...both('FA'), ...both('R'), ...both('S')],
    'any packet but RST': [...both('A'), ...both('FA'), ...both('S')],
  };
  const other: Record<string, string[]> = {
    V4_INIT: ['V4 A', 'V6 A', 'V4 S', 'V4 R', 'V6 R', 'V4 FA'],
    V6_INIT: ['V4 A', 'V6 A', 'V4 R', 'V6 R', 'V4 FA', 'V6 FA'],
    ESTABLISHED: [...both('A'), ...both('PA'), ...both('S')],
    V4_FIN_RCV: [...both('A'), ...both('R'), 'V4 FA'],
    V6_FIN_RCV: [...both('A'), ...both('R'), 'V6 FA'],
  };
  return (event === 'other' ? other[state] : plain[event]) ?? [];
}

/** Which rows of nat64.md a transition is. */
const ids: Record<string, string> = {
  CLOSED: 'N64-TCP-02..07',
  V4_INIT: 'N64-TCP-08..11',
  V6_INIT: 'N64-TCP-12..14',
  ESTABLISHED: 'N64-TCP-15..18',
  V4_FIN_RCV: 'N64-TCP-19..21',
  V6_FIN_RCV: 'N64-TCP-19..21',
  V4_FIN_V6_FIN_RCV: 'N64-TCP-22',
  TRANS: 'N64-TCP-23, -25',
};

function seconds(timer: string | null): number {
  const value = timers[timer ?? ''];
  if (value === undefined) throw new Error(`no timer ${timer}`);
  return value;
}

describe('a packet in a state', () => {
  const rows = transitions.filter(({ state, event }) => state !== 'CLOSED' && event !== 'timeout');
  const cases = rows.flatMap((row) => packetsOf(row).map((packet) => ({ ...row, packet, id: ids[row.state] })));

  test('every row has packets', () => {
    expect(rows.filter((row) => packetsOf(row).length === 0)).toEqual([]);
  });

  test.each(cases)('$id $state, $event ($packet) → $next, $timer', ({ state, packet, next, timer }) => {
    const made = reach(state);
    made.nat.wait(2);
    const before = made.nat.session().expiresInSeconds;
    const [side = '', flags = ''] = packet.split(' ');
    made.nat.pass(made.packet(side, flags));
    const after = made.nat.session();
    expect(after.state).toBe(next);
    expect(after.expiresInSeconds).toBe(timer === 'unchanged' ? before : seconds(timer));
  });
});

describe('a timeout', () => {
  const rows = transitions.filter(({ event }) => event === 'timeout').map((row) => ({ ...row, id: ids[row.state] }));

  test.each(rows)('$id $state, timeout → $next: $action', ({ state, next, timer }) => {
    const made = reach(state);
    const left = made.nat.session().expiresInSeconds;
    expect(made.nat.wait(left - 1)).toEqual([]);
    expect(made.nat.session().state).toBe(state);
    const sent = made.nat.wait(2);
    if (next === 'CLOSED') {
      expect(made.nat.sessions()).toEqual([]);
      expect(sent).toEqual([]);
      return;
    }
    const after = made.nat.session();
    expect(after.state).toBe(next);
    expect(after.expiresInSeconds).toBeGreaterThanOrEqual(seconds(timer) - 2);
    expect(after.expiresInSeconds).toBeLessThanOrEqual(seconds(timer));
    expect(sent).toMatchObject([{ flags: 'A', sequence: 0, acknowledgement: 0, destination: host }]);
    expect(sent[0]?.data).toHaveLength(0);
  });
});

/** The rows of CLOSED need a configuration or a BIB entry each. */
const closed: Record<string, (row: Row) => void> = {
  V6_SYN: ({ next, timer }) => {
    const { nat, packet } = connection();
    nat.pass(packet('V6', 'S'));
    expect(nat.session()).toMatchObject({ state: next, expiresInSeconds: seconds(timer) });
    expect(nat.bib()).toHaveLength(1);
  },
  'V4_SYN, policy drops externally initiated TCP': () => {
    const { nat, packet } = connection({ dropInboundTcp: true }, true);
    expect(nat.drop(packet('V4', 'S'))).toEqual(['drop.tcp.inbound']);
    expect(nat.sessions()).toEqual([]);
  },
  'V4_SYN, (X,x) not in TCP BIB': ({ next, timer }) => {
    const { nat, packet } = connection();
    nat.drop(packet('V4', 'S'));
    expect(nat.session()).toMatchObject({ v6: null, state: next, expiresInSeconds: seconds(timer) });
    expect(nat.bib()).toEqual([]);
    const [error, ...others] = nat.wait(seconds(timer) + 1);
    expect(others).toEqual([]);
    expect(error).toMatchObject({ type: 3, code: 3, destination: inward.source });
    expect(nat.sessions()).toEqual([]);
  },
  'V4_SYN, (X,x) in TCP BIB, address-dependent filtering on': ({ next, timer }) => {
    const { nat, packet } = connection({ addressDependentFiltering: { tcp: true, udp: false, icmp: false } }, true);
    nat.drop(packet('V4', 'S'));
    expect(nat.session()).toMatchObject({ v6: host, state: next, expiresInSeconds: seconds(timer) });
    expect(nat.wait(seconds(timer) + 1)).toMatchObject([{ type: 3, code: 3, destination: inward.source }]);
  },
  'V4_SYN, (X,x) in TCP BIB, no address-dependent filtering': ({ next, timer }) => {
    const { nat, packet } = connection({}, true);
    expect(nat.pass(packet('V4', 'S')).destination).toBe(host);
    expect(nat.session()).toMatchObject({ v6: host, state: next, expiresInSeconds: seconds(timer) });
  },
  'other packet, BIB entry exists': () => {
    for (const step of [...both('A'), ...both('R'), ...both('FA')]) {
      const { nat, packet } = connection({}, true);
      const [side = '', flags = ''] = step.split(' ');
      nat.pass(packet(side, flags));
      expect(nat.sessions()).toEqual([]);
    }
  },
  'other packet, no BIB entry': () => {
    for (const step of [...both('A'), ...both('R'), ...both('FA')]) {
      const { nat, packet } = connection();
      const [side = '', flags = ''] = step.split(' ');
      nat.drop(packet(side, flags));
      expect([...nat.sessions(), ...nat.bib()]).toEqual([]);
    }
  },
};

describe('from CLOSED', () => {
  const rows = transitions.filter(({ state }) => state === 'CLOSED').map((row) => ({ ...row, id: ids.CLOSED }));
  test.each(rows)('$id $event → $next, $timer: $action', (row) => {
    const drive = closed[row.event];
    if (drive === undefined) throw new Error(`no test for ${row.event}`);
    drive(row);
  });
});
