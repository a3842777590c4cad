/**
 * What is said over the phone: the numbers of the findings in their order and two digits that tell a misheard one, as
 * `0341-45`. Digits only, so that it is the same in every language.
 */

/** The most numbers of a code: whoever reads more aloud should rather send the report. */
export const MOST_NUMBERS = 8;

/** ISO 7064 MOD 97-10, as account numbers have it. */
function checkDigits(digits: string): string {
  const remainder = [...`${digits}00`].reduce((sum, digit) => (sum * 10 + Number(digit)) % 97, 0);
  return String(98 - remainder).padStart(2, '0');
}

/** The code of check numbers of two digits each, the worst first; `00` stands for a healthy network. */
export function toCode(numbers: readonly string[]): string {
  const chosen = [...new Set(numbers)].slice(0, MOST_NUMBERS).sort();
  const digits = chosen.length === 0 ? '00' : chosen.join('');
  return `${digits}-${checkDigits(digits)}`;
}

/** The numbers of a code, empty for a healthy one; null for one that was misheard. Spaces do not matter. */
export function fromCode(text: string): string[] | null {
  const [, digits = '', check = ''] = /^((?:\d\d){1,8})-?(\d\d)$/.exec(text.replaceAll(' ', '')) ?? [];
  if (digits === '' || checkDigits(digits) !== check) return null;
  return digits === '00' ? [] : (digits.match(/\d\d/g) ?? []);
}
