import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromCode, MOST_NUMBERS, toCode } from '../../src/doctor/code.js';

const numbers = fc.uniqueArray(
  fc.integer({ min: 1, max: 99 }).map((number) => String(number).padStart(2, '0')),
  { maxLength: MOST_NUMBERS },
);

test('nothing found', () => {
  expect(toCode([])).toBe('00-98');
  expect(fromCode('00-98')).toEqual([]);
});

test('numbers in their order, each once, and two digits by ISO 7064 MOD 97-10', () => {
  // 98 − 34100 mod 97.
  expect(toCode(['41', '03', '41'])).toBe('0341-45');
  expect(fromCode('0341-45')).toEqual(['03', '41']);
});

test('the first eight of more', () => {
  const ten = ['10', '09', '08', '07', '06', '05', '04', '03', '02', '01'];
  expect(toCode(ten)).toMatch(/^0304050607080910-\d\d$/);
  expect(fromCode(toCode(ten))).toEqual(['03', '04', '05', '06', '07', '08', '09', '10']);
});

test.each(['0341 45', ' 0341-45 ', '034145', '03 41 - 45'])('%j is as good', (text) => {
  expect(fromCode(text)).toEqual(['03', '41']);
});

test.each([
  '',
  '-',
  '45',
  '0341',
  '341-45',
  '0341--45',
  '0341-4',
  '03a1-45',
  '0341-45x',
  '٠٣٤١-45',
  '0102030405060708091011-00',
])('%j is none', (text) => {
  expect(fromCode(text)).toBeNull();
});

test('what is told is what is heard', () => {
  fc.assert(
    fc.property(numbers, (chosen) => {
      expect(fromCode(toCode(chosen))).toEqual([...chosen].sort());
    }),
  );
});

describe('misheard', () => {
  const at = fc.nat({ max: 2 * MOST_NUMBERS + 1 });

  test('one digit is another', () => {
    fc.assert(
      fc.property(numbers, at, fc.integer({ min: 1, max: 9 }), (chosen, place, more) => {
        const digits = [...toCode(chosen).replace('-', '')];
        const index = place % digits.length;
        digits[index] = String((Number(digits[index]) + more) % 10);
        expect(fromCode(digits.join(''))).toBeNull();
      }),
      { numRuns: 1000 },
    );
  });

  test('two neighbouring digits have changed places', () => {
    fc.assert(
      fc.property(numbers, at, (chosen, place) => {
        const digits = [...toCode(chosen).replace('-', '')];
        const index = place % (digits.length - 1);
        fc.pre(digits[index] !== digits[index + 1]);
        digits.splice(index, 2, digits[index + 1] ?? '', digits[index] ?? '');
        expect(fromCode(digits.join(''))).toBeNull();
      }),
      { numRuns: 1000 },
    );
  });

  test('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fromCode(text);
      }),
    );
  });
});
