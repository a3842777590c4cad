/** Turns what zod complains about into sentences: where, what was found, what was expected. */
import type { z } from 'zod';

/** A complaint with its place as keys and indexes. `found` false: the sentence stands alone. */
export interface Complaint {
  path: readonly (string | number)[];
  message: string;
}

/** `plat.pool4[0].prefix`. */
export function formatPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

const SHOWN_CHARACTERS = 60;

/** A found value for a sentence: short, on one line. */
export function showValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'a section';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

/** The value at a path of plain data; goes as far as the data does, since one entry may stand in a list's place. */
export function valueAt(data: unknown, path: readonly (string | number)[]): unknown {
  let value = data;
  for (const [depth, step] of path.entries()) {
    if (typeof value !== 'object' || value === null) {
      // `pool6: 64:ff9b::/96` is complained about as pool6[0]; `mtu6` of something that is no section is not there.
      return path.slice(depth).every((rest) => typeof rest === 'number') ? value : undefined;
    }
    if (!Object.hasOwn(value, step)) {
      if (typeof step === 'number' && !Array.isArray(value)) continue;
      return undefined;
    }
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** `found X, expected Y` for a value at its place in the data. */
export function foundExpected(data: unknown, path: readonly (string | number)[], expected: string): Complaint {
  return { path, message: `found ${showValue(valueAt(data, path))}, expected ${expected}` };
}

/** Edits (insert, delete, replace) between two words; stops counting above `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? limit + 1;
}

/** The known word nearest to a mistyped one, null when none is near. */
export function nearestWord(word: string, known: readonly string[]): string | null {
  const limit = Math.max(1, Math.min(4, Math.floor(word.length / 2)));
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), limit);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** All complaints of a failed parse of `data`, in the order of the schema. */
export function complaintsOf(error: z.ZodError, data: unknown): Complaint[] {
  return error.issues.flatMap((issue): Complaint[] => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    if (issue.code === 'unrecognized_keys') {
      // The message is the list of known keys (fields.ts, section).
      const known = issue.message.split(', ');
      return issue.keys.map((key) => {
        const nearest = nearestWord(key, known);
        const expected = nearest === null ? `one of ${known.join(', ')}` : nearest;
        return { path: [...path, key], message: `unknown key ${showValue(key)}, expected ${expected}` };
      });
    }
    const sentence = issue.code === 'custom' ? issue.params?.sentence : undefined;
    if (typeof sentence === 'string') return [{ path, message: sentence }];
    return [foundExpected(data, path, issue.message)];
  });
}

/** `plat.pool4[1]: found …, expected …`. */
export function complaintSentence({ path, message }: Complaint): string {
  return path.length === 0 ? message : `${formatPath(path)}: ${message}`;
}
