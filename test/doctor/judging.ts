/** Tables of checks: a healthy survey, one change, and exactly the findings. */
import { describe, expect, test } from 'vitest';
import type { Check, Verdict } from '../../src/doctor/check.js';
import type { Survey } from '../../src/doctor/survey/survey.js';

export interface Row {
  of: () => Survey;
  /** What is other than in a healthy survey. */
  change?: (survey: Survey) => void;
  /** Each finding's verdict and an essential part of its words. */
  says: [Verdict, string][];
  /** An essential part of the first hint. */
  hint?: string;
}

/** A test for each row of each check; a check without rows fails. */
export function judges(
  checks: readonly Check<Survey>[],
  rows: Readonly<Record<string, Readonly<Record<string, Row>>>>,
) {
  describe.each(checks.map((check) => [check.number, check.name, check] as const))('%s %s', (_number, name, check) => {
    test.each(Object.entries(rows[name] ?? { 'has no rows': null }))('%s', (_what, row) => {
      if (row === null) throw new Error(`no rows for ${name}`);
      const survey = row.of();
      row.change?.(survey);
      const before = structuredClone(survey);
      const found = check.examine(survey);
      expect(found.map(({ verdict, words }, at) => [verdict, within(words, row.says[at]?.[1])])).toEqual(row.says);
      // Pure.
      expect(survey).toEqual(before);
      for (const { verdict, hint } of found) {
        if (verdict === 'ok' || verdict === 'skipped') expect(hint).toBeNull();
        else expect(hint ?? '').toMatch(/\w{3}/);
      }
      if (row.hint !== undefined) expect(found[0]?.hint).toContain(row.hint);
    });
  });
  test('rows are of checks', () => {
    const names = checks.map(({ name }) => name);
    expect(Object.keys(rows).filter((name) => !names.includes(name))).toEqual([]);
  });
}

/** The part where the words hold it, else all of the words. */
const within = (words: string, part: string | undefined) => (part !== undefined && words.includes(part) ? part : words);

/** What must be there. */
export function first<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined) throw new Error('found nothing');
  return item;
}
