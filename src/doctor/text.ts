/** The report for people: what is wrong first at a glance, a hint under each finding, the code at the end. */
import type { Verdict } from './check.js';
import type { NumberedFinding, Report } from './doctor.js';
import type { Survey } from './survey/survey.js';

const MARKS: Readonly<Record<Verdict, string>> = { ok: 'ok', skipped: 'skipped', warning: 'WARNING', fault: 'FAULT' };

/** Lines without line ends. */
export function reportLines({ role, uplinks, takenAt, prefix }: Survey, { findings, counts, code }: Report): string[] {
  const markWidth = Math.max(0, ...findings.map(({ verdict }) => MARKS[verdict].length));
  const nameWidth = Math.max(0, ...findings.map(({ name }) => name.length));
  const indent = ' '.repeat(markWidth + nameWidth + 7);
  const shown = findings.filter(
    // What could not be looked at for the same reason is one line.
    (finding, index) => finding.verdict !== 'skipped' || finding.words !== findings[index - 1]?.words,
  );
  const line = ({ verdict, number, name, words, hint }: NumberedFinding) => [
    `${MARKS[verdict].padEnd(markWidth)}  ${number} ${name.padEnd(nameWidth)}  ${words}`,
    ...(hint === null ? [] : [`${indent}→ ${hint}`]),
  ];
  const where = uplinks.length === 0 ? '' : ` on ${uplinks.join(', ')}`;
  const summary = (['fault', 'warning', 'ok', 'skipped'] as const).map((verdict) => counted(counts[verdict], verdict));
  return [
    `${ROLES[role]}${where}, NAT64 prefix ${prefix ?? 'unknown'}, ${takenAt}`,
    '',
    ...shown.flatMap(line),
    '',
    `${summary.join(', ')}; code ${code}`,
  ];
}

/** Where the chosen checks have no finding: that is no healthy network. */
export function nothingSaid({ role, statusFailure }: Survey, only: readonly string[]): string {
  const why = statusFailure === null ? '' : ` (${statusFailure})`;
  const expected = 'a check that applies here, or with -c FILE the file of a translator that does not answer';
  return `${only.join(', ')}: found nothing to look at on what seems to be a ${ROLES[role]}${why}, expected ${expected}`;
}

const ROLES: Readonly<Record<Survey['role'], string>> = { clat: 'CLAT', plat: 'PLAT', host: 'host' };

function counted(count: number, verdict: Verdict): string {
  if (verdict === 'ok' || verdict === 'skipped') return `${count} ${verdict}`;
  return `${count} ${verdict}${count === 1 ? '' : 's'}`;
}
