/** Headers and pieces of messages. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFramer, headerError } from '../../../src/bgp-lite/bgp/framing.js';
import { encodeKeepalive, message } from '../../../src/bgp-lite/bgp/message.js';
import { encodeNotification, type Notification } from '../../../src/bgp-lite/bgp/notification.js';
import { bytes, KEEPALIVE, msg, toHex, vector, vectors } from './rig.js';

const notice = (found: Notification | null) => (found === null ? null : toHex(encodeNotification(found)).slice(38));

function read(...chunks: string[]) {
  const framer = createFramer();
  const messages: string[] = [];
  let error: Notification | null = null;
  for (const chunk of chunks) {
    error = framer.push(bytes(chunk), (found) => messages.push(toHex(found.octets)) > 0);
    if (error !== null) break;
  }
  return { messages, error: notice(error), held: framer.held() };
}

describe('header', () => {
  test('BGP-HDR-02 a KEEPALIVE is 16 octets of ones, length 19, type 4', () => {
    expect(toHex(encodeKeepalive())).toBe(vector('keepalive'));
  });

  test.each(vectors.bad_headers)(
    'BGP-HDR-03, -04, -05 $name → $expect_notification',
    ({ hex, expect_notification }) => {
      expect(read(hex).error).toBe(expect_notification);
    },
  );

  test.each([
    ['an OPEN of 28 octets', '001c01', '0102001c'],
    ['an UPDATE of 22 octets', '001602', '01020016'],
    ['a NOTIFICATION of 20 octets', '001403', '01020014'],
  ])('BGP-HDR-03 %s → 1/2 with the length as data', (_, rest, expected) => {
    expect(notice(headerError(bytes('ff'.repeat(16) + rest)))).toBe(expected);
  });

  test('BGP-HDR-03 an UPDATE of 4096 octets is none too long', () => {
    expect(headerError(bytes(`${'ff'.repeat(16)}100002`))).toBeNull();
  });

  test('BGP-HDR-06 19 octets with length 4097 are refused before the body comes', () => {
    expect(read(`${'ff'.repeat(16)}100102`)).toEqual({ messages: [], error: '01021001', held: 0 });
  });

  test('BGP-HDR-07 an UPDATE of 5000 octets → 1/2, since long messages are not offered', () => {
    expect(read(`${'ff'.repeat(16)}138802`).error).toBe('01021388');
  });

  test('BGP-HDR-10 no data where none is asked for', () => {
    expect(toHex(encodeNotification({ code: 4, subcode: 0, data: new Uint8Array(0) }))).toBe(
      vector('notify-hold-timer'),
    );
  });

  test('a message that would be longer than 4096 octets is not made', () => {
    expect(() => message(2, new Uint8Array(4078))).toThrow(RangeError);
  });
});

describe('pieces', () => {
  test('one octet at a time', () => {
    const hex = KEEPALIVE + vector('update-ipv4-ebgp');
    const octets = hex.match(/../g) ?? [];
    expect(read(...octets)).toEqual({ messages: [KEEPALIVE, vector('update-ipv4-ebgp')], error: null, held: 0 });
  });

  test('several messages in a chunk, and the beginning of one more', () => {
    expect(read(KEEPALIVE + KEEPALIVE + KEEPALIVE.slice(0, 10))).toEqual({
      messages: [KEEPALIVE, KEEPALIVE],
      error: null,
      held: 5,
    });
  });

  test('messages before a bad header are handed on', () => {
    expect(read(KEEPALIVE + vector('bad-marker'))).toEqual({ messages: [KEEPALIVE], error: '0101', held: 0 });
  });

  test('nothing after the session has ended', () => {
    const messages: string[] = [];
    const framer = createFramer();
    framer.push(bytes(KEEPALIVE + msg(3, '0400') + KEEPALIVE), ({ octets, type }) => {
      messages.push(toHex(octets));
      return type !== 3;
    });
    expect(messages).toEqual([KEEPALIVE, msg(3, '0400')]);
  });

  test('BGP-HDR-11 whatever comes, no more than one message is held', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 5000 }),
      fc.nat(4096).map((length) => bytes(`${'ff'.repeat(16)}${length.toString(16).padStart(4, '0')}02`)),
      fc.constant(bytes(KEEPALIVE)),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), (chunks) => {
        const framer = createFramer();
        for (const one of chunks) {
          const error = framer.push(one, ({ octets }) => {
            expect(octets.length).toBeLessThanOrEqual(4096);
            return true;
          });
          expect(framer.held()).toBeLessThan(4096);
          if (error !== null) break;
        }
      }),
    );
  });

  test('any cut gives the same messages', () => {
    const whole = bytes(KEEPALIVE + vector('open-full-as4200000001') + vector('update-ipv6-nsp') + KEEPALIVE);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 8 }), (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const chunks = edges.slice(1).map((end, index) => toHex(whole.subarray(edges[index], end)));
        expect(read(...chunks).messages.join('')).toBe(toHex(whole));
      }),
    );
  });
});
