/** The table of RFC 4271 §8.2.2, row by row. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Action, type Fsm, type FsmEvent, IDLE, type State, step } from '../../../src/bgp-lite/bgp/fsm.js';
import { notification } from '../../../src/bgp-lite/bgp/notification.js';

const at = (state: State, retries = 3): Fsm => ({ state, retries, holdTimeSeconds: state === 'Idle' ? 0 : 90 });
const HEADER = notification(1, 1);
const CEASE = notification(6, 2);

/** State, counter and the actions in words. */
function outcome(fsm: Fsm, event: FsmEvent) {
  const next = step(fsm, event);
  return [next.fsm.state, next.fsm.retries, next.actions.map(words).join(' ')];
}

function words(action: Action): string {
  if (action.type === 'notify') return `notify:${action.reason.code}/${action.reason.subcode}`;
  if (action.type === 'start-hold') return action.opening ? 'start-hold:opening' : 'start-hold';
  return action.type;
}

describe('Idle', () => {
  test('BGP-FSM-03 start connects, or waits when passive', () => {
    expect(outcome(IDLE, { type: 'start', passive: false })).toEqual(['Connect', 0, 'start-connect-retry connect']);
    expect(outcome(IDLE, { type: 'start', passive: true })).toEqual(['Active', 0, 'start-connect-retry']);
  });

  test('BGP-FSM-03 everything else is ignored', () => {
    const events: FsmEvent[] = [
      { type: 'stop', manual: true, reason: CEASE },
      { type: 'connect-retry-expired' },
      { type: 'hold-expired' },
      { type: 'tcp-up' },
      { type: 'tcp-failed' },
      { type: 'open', holdTimeSeconds: 90 },
      { type: 'keepalive' },
      { type: 'update' },
      { type: 'notification', versionError: false },
      { type: 'error', reason: HEADER },
    ];
    for (const event of events) expect(step(at('Idle'), event)).toEqual({ fsm: at('Idle'), actions: [] });
  });
});

describe('Connect', () => {
  test('BGP-FSM-04 TCP up → OPEN and the long hold timer', () => {
    expect(outcome(at('Connect'), { type: 'tcp-up' })).toEqual([
      'OpenSent',
      3,
      'stop-connect-retry send-open start-hold:opening',
    ]);
  });

  test('BGP-FSM-04 connect retry → another attempt', () => {
    expect(outcome(at('Connect'), { type: 'connect-retry-expired' })).toEqual([
      'Connect',
      3,
      'drop start-connect-retry connect',
    ]);
  });

  test.each<FsmEvent>([
    { type: 'tcp-failed' },
    { type: 'hold-expired' },
    { type: 'keepalive-expired' },
    { type: 'open', holdTimeSeconds: 90 },
    { type: 'keepalive' },
    { type: 'update' },
    { type: 'error', reason: HEADER },
    { type: 'collision' },
  ])('BGP-FSM-04 $type → Idle', (event) => {
    expect(outcome(at('Connect'), event)).toEqual(['Idle', 4, 'drop']);
  });
});

describe('Active', () => {
  test('BGP-FSM-05 TCP up → OPEN', () => {
    expect(outcome(at('Active'), { type: 'tcp-up' })[0]).toBe('OpenSent');
  });

  test('BGP-FSM-05 connect retry → Connect', () => {
    expect(outcome(at('Active'), { type: 'connect-retry-expired' })).toEqual([
      'Connect',
      3,
      'start-connect-retry connect',
    ]);
  });

  test('BGP-FSM-05 TCP failure → Idle, counted', () => {
    expect(outcome(at('Active'), { type: 'tcp-failed' })).toEqual(['Idle', 4, 'drop']);
  });
});

describe('OpenSent', () => {
  test('BGP-FSM-06 a good OPEN → KEEPALIVE and the timers', () => {
    const next = step(at('OpenSent'), { type: 'open', holdTimeSeconds: 30 });
    expect(next.fsm).toEqual({ state: 'OpenConfirm', retries: 3, holdTimeSeconds: 30 });
    expect(next.actions.map(words)).toEqual(['send-keepalive', 'start-hold', 'start-keepalive']);
  });

  test('BGP-FSM-06 TCP failure → Active', () => {
    expect(outcome(at('OpenSent'), { type: 'tcp-failed' })).toEqual(['Active', 3, 'drop start-connect-retry']);
  });

  test('BGP-FSM-06 a bad OPEN → its NOTIFICATION', () => {
    const event: FsmEvent = { type: 'error', reason: notification(2, 2) };
    expect(outcome(at('OpenSent'), event)).toEqual(['Idle', 4, 'notify:2/2 drop']);
  });

  test('BGP-FSM-12 a NOTIFICATION is not answered', () => {
    expect(outcome(at('OpenSent'), { type: 'notification', versionError: false })).toEqual(['Idle', 4, 'drop']);
  });
});

describe('OpenConfirm and Established', () => {
  test('BGP-FSM-07 KEEPALIVE → Established', () => {
    expect(outcome(at('OpenConfirm'), { type: 'keepalive' })).toEqual(['Established', 3, 'start-hold established']);
  });

  test('BGP-FSM-07 keepalive time → KEEPALIVE', () => {
    expect(outcome(at('OpenConfirm'), { type: 'keepalive-expired' })).toEqual([
      'OpenConfirm',
      3,
      'send-keepalive start-keepalive',
    ]);
  });

  test.each(['OpenSent', 'OpenConfirm', 'Established'] as const)(
    'BGP-FSM-06..08 hold time over in %s → 4/0',
    (state) => {
      expect(outcome(at(state), { type: 'hold-expired' })).toEqual(['Idle', 4, 'notify:4/0 drop']);
    },
  );

  test.each(['OpenConfirm', 'Established'] as const)('BGP-FSM-07, -08 TCP failure in %s → Idle', (state) => {
    expect(outcome(at(state), { type: 'tcp-failed' })).toEqual(['Idle', 4, 'drop']);
  });

  test('BGP-FSM-08 UPDATE and KEEPALIVE restart the hold timer', () => {
    expect(outcome(at('Established'), { type: 'update' })).toEqual(['Established', 3, 'start-hold handle-update']);
    expect(outcome(at('Established'), { type: 'keepalive' })).toEqual(['Established', 3, 'start-hold']);
  });

  test('BGP-FSM-13 a header error in Established is reported as what it is', () => {
    expect(outcome(at('Established'), { type: 'error', reason: HEADER })).toEqual(['Idle', 4, 'notify:1/1 drop']);
  });
});

test.each([
  ['OpenSent', 'keepalive', 1, '04'],
  ['OpenSent', 'update', 1, '02'],
  ['OpenSent', 'refresh', 1, '05'],
  ['OpenConfirm', 'update', 2, '02'],
  ['OpenConfirm', 'open', 2, '01'],
  ['OpenConfirm', 'refresh', 2, '05'],
  ['Established', 'open', 3, '01'],
] as const)('BGP-FSM-09 in %s an unexpected %s → 5/%i with its type', (state, type, subcode, data) => {
  const event: FsmEvent = type === 'open' ? { type, holdTimeSeconds: 90 } : { type };
  const [notify] = step(at(state), event).actions;
  const reason = notification(5, subcode, new Uint8Array(Buffer.from(data, 'hex')));
  expect(notify).toEqual({ type: 'notify', reason });
});

test('BGP-FSM-10 ManualStop forgets the failures, AutomaticStop counts one', () => {
  const manual = outcome(at('Established'), { type: 'stop', manual: true, reason: CEASE });
  expect(manual).toEqual(['Idle', 0, 'notify:6/2 drop']);
  const automatic = outcome(at('Established'), { type: 'stop', manual: false, reason: notification(6, 1) });
  expect(automatic).toEqual(['Idle', 4, 'notify:6/1 drop']);
  expect(outcome(at('Connect'), { type: 'stop', manual: true, reason: CEASE })).toEqual(['Idle', 0, 'drop']);
});

test.each(['OpenSent', 'OpenConfirm'] as const)('BGP-FSM-11 a version error received in %s is not counted', (state) => {
  expect(outcome(at(state), { type: 'notification', versionError: true })).toEqual(['Idle', 3, 'drop']);
  expect(outcome(at(state), { type: 'notification', versionError: false })).toEqual(['Idle', 4, 'drop']);
});

test('BGP-FSM-01 any events: six states, and never two NOTIFICATIONs', () => {
  const event = fc.oneof(
    fc.record({ type: fc.constant('start' as const), passive: fc.boolean() }),
    fc.record({ type: fc.constant('stop' as const), manual: fc.boolean(), reason: fc.constantFrom(null, CEASE) }),
    fc.record({ type: fc.constant('open' as const), holdTimeSeconds: fc.constantFrom(0, 3, 90) }),
    fc.record({ type: fc.constant('notification' as const), versionError: fc.boolean() }),
    fc.record({ type: fc.constant('error' as const), reason: fc.constant(HEADER) }),
    fc.constantFrom<FsmEvent>(
      { type: 'connect-retry-expired' },
      { type: 'hold-expired' },
      { type: 'keepalive-expired' },
      { type: 'send-hold-expired' },
      { type: 'tcp-up' },
      { type: 'tcp-failed' },
      { type: 'keepalive' },
      { type: 'update' },
      { type: 'refresh' },
      { type: 'collision' },
    ),
  );
  const states = new Set<State>(['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established']);
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      let fsm = IDLE;
      for (const one of events) {
        const next = step(fsm, one);
        expect(states.has(next.fsm.state)).toBe(true);
        const notified = next.actions.findIndex(({ type }) => type === 'notify');
        if (notified >= 0) expect(next.actions.slice(notified + 1).map(({ type }) => type)).toEqual(['drop']);
        if (next.fsm.state === 'Idle' && fsm.state !== 'Idle') expect(next.actions.at(-1)?.type).toBe('drop');
        fsm = next.fsm;
      }
    }),
    { numRuns: 2000 },
  );
});
