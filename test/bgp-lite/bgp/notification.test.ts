/** NOTIFICATIONs: what they say, to neighbours and to people. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ceaseWithText,
  decodeNotification,
  describeNotification,
  encodeNotification,
  hardReset,
  notification,
} from '../../../src/bgp-lite/bgp/notification.js';
import { body, bytes, toHex, vector, vectors } from './rig.js';

const words = (hex: string) => describeNotification(decodeNotification(bytes(hex)));

test.each([
  ['notify-hold-timer', notification(4)],
  ['notify-admin-shutdown-text', ceaseWithText(2, 'maintenance; back in 30 min')],
  ['notify-hard-reset', hardReset(ceaseWithText(2, 'bye'))],
  ['notify-max-prefix', notification(6, 1, bytes('000201000003e8'))],
  ['notify-role-mismatch', notification(2, 11)],
  ['notify-send-hold-timer', notification(8)],
])('BGP-CEASE-01, -03, BGP-GR-12, -13 %s', (name, found) => {
  expect(toHex(encodeNotification(found))).toBe(vector(name));
  expect(decodeNotification(body(name))).toEqual({ ...found, data: Uint8Array.from(found.data) });
});

describe('words', () => {
  const codes = Object.entries(vectors.error_codes).flatMap(([code, { sub }]) =>
    Object.entries(sub ?? { 0: '' }).map(([subcode, name]) => ({ code: Number(code), subcode: Number(subcode), name })),
  );
  test.each(codes)('BGP-CEASE-01 $code/$subcode has a name', ({ code, subcode, name }) => {
    const text = describeNotification(notification(code, subcode));
    const [first = ''] = name.split(' ');
    expect(text).toContain(`(${code}/${subcode})`);
    if (code !== 5 && code !== 3) expect(text).toContain(first);
    expect(text).not.toContain('unknown');
  });

  test('BGP-CEASE-03 the shutdown text', () => {
    expect(describeNotification(decodeNotification(body('notify-admin-shutdown-text')))).toBe(
      'Cease: Administrative Shutdown (6/2): "maintenance; back in 30 min"',
    );
  });

  test('BGP-GR-13 the reason within a hard reset', () => {
    expect(describeNotification(decodeNotification(body('notify-hard-reset')))).toBe(
      'Cease: Hard Reset (6/9), because of Cease: Administrative Shutdown (6/2): "bye"',
    );
    expect(words('0609 0609 0602')).toBe('Cease: Hard Reset (6/9), because of 6/9, data 0602');
  });

  test('BGP-CEASE-04 text is cut at 128 octets, at the end of a character', () => {
    expect(ceaseWithText(2, 'x'.repeat(200)).data).toHaveLength(129);
    const cut = ceaseWithText(2, `${'x'.repeat(127)}ü`).data;
    expect(cut).toHaveLength(128);
    expect(cut[0]).toBe(127);
  });

  test('BGP-CEASE-05 what is no UTF-8 is shown as hex', () => {
    expect(words('0602 02 fffe')).toBe('Cease: Administrative Shutdown (6/2), text that is not UTF-8: fffe');
  });

  test('BGP-CEASE-05 control characters are escaped', () => {
    expect(words('0604 05 610a1b5b6d')).toBe('Cease: Administrative Reset (6/4): "a\\u{a}\\u{1b}[m"');
    expect(words(`0602 06 ${Buffer.from('\u202e\u2028').toString('hex')}`)).toContain('\\u{202e}\\u{2028}');
  });

  test('BGP-CEASE-06 a length that disagrees is logged as it is', () => {
    expect(words('0602 c8 78797a')).toBe(
      'Cease: Administrative Shutdown (6/2), text of 200 octets announced, 3 present: c878797a',
    );
  });

  test('no NOTIFICATION makes a line that is long or has control characters', () => {
    fc.assert(
      fc.property(fc.nat(10), fc.nat(12), fc.uint8Array({ maxLength: 4075 }), (code, subcode, data) => {
        const text = describeNotification({ code, subcode, data });
        expect(text.length).toBeLessThan(3000);
        expect(text).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});
