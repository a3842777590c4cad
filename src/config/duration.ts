/** Durations as an operator writes them: seconds, or `2h4m`. */

const SECONDS_OF = { d: 86_400, h: 3600, m: 60, s: 1 } as const;

/** Reads whole seconds (`300`), or days, hours, minutes and seconds in this order (`2h4m`). Null when it is neither. */
export function parseDurationSeconds(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  if (typeof value !== 'string' || value === '') return null;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const match = /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/.exec(value);
  if (match === null) return null;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
  return Number(days) * SECONDS_OF.d + Number(hours) * SECONDS_OF.h + Number(minutes) * SECONDS_OF.m + Number(seconds);
}

/** `2h4m`; `0s` for nothing. Fractions are cut off. */
export function formatDuration(totalSeconds: number): string {
  let rest = Math.max(0, Math.floor(totalSeconds));
  let text = '';
  for (const [unit, seconds] of Object.entries(SECONDS_OF)) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === '' ? '0s' : text;
}
